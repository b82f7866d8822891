#include "engine/champion.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/process.h"

namespace jarvis2::engine {
namespace {

using edit::ActionId;
using edit::ActionSet;

// A removal that costs less than this is no loss that a reader would pay for with a longer patch. Little, as only the
// open inputs are asked here: what they don't need, those kept back may (deltablue: 5 actions instead of 29 gave 1.04
// instead of 1.12 there).
constexpr double kWorthKeeping = 0.002;
// What all removals together may cost: many small losses would add up unnoticed.
constexpr double kMostLost = 0.005;

bool measured(const verify::Verification& result) {
  return result.verdict != verify::Verdict::kRejected && result.screen && !result.screen->failure &&
         result.screen->pairs > 0;
}

std::vector<ActionId> by_expected_gain(const SearchSpace& space, const ActionSet& set) {
  std::vector<ActionId> order(set.begin(), set.end());
  std::sort(order.begin(), order.end(),
            [&](ActionId a, ActionId b) { return space.guide.baseline().mean(a) < space.guide.baseline().mean(b); });
  return order;
}

}  // namespace

ActionSet prune(SearchSpace& space, ActionSet set, std::uint64_t deadline_ns,
                const std::function<void(const std::string&)>& progress, std::stop_token stop) {
  if (set.size() < 2) return set;
  const std::size_t pairs = std::max<std::size_t>(8, space.verifier.plan().screen_pairs + 2);
  std::unique_ptr<Verifier::Arm> arm = space.verifier.build_arm(texts_of(space, set), environment_of(space, set), stop);
  std::vector<ActionId> order = by_expected_gain(space, set);
  std::size_t size = std::max<std::size_t>(1, order.size() / 2);
  std::size_t at = 0;
  double lost = 0;
  while (at < order.size() && set.size() > 1 && monotonic_ns() < deadline_ns) {
    if (stop.stop_requested()) throw Interrupted();
    size = std::min(size, order.size() - at);
    ActionSet lean = set;
    for (std::size_t i = at; i < at + size; ++i) lean = space.catalogue.without(lean, order[i]);
    if (lean.empty() || lean == set) {
      if (size > 1) {
        size = (size + 1) / 2;
      } else {
        ++at;
      }
      continue;
    }
    const verify::Verification result =
        space.verifier.verify_against(*arm, "prune", texts_of(space, lean), environment_of(space, lean), pairs, stop);
    const double change = measured(result) ? result.screen->log_ratio : 0;
    const bool keeps = measured(result) &&
                       change > -kWorthKeeping * static_cast<double>(std::min<std::size_t>(size, 2)) &&
                       lost + change > -kMostLost;
    if (keeps) {
      lost += std::min(0.0, change);
      progress(fmt::format("{} of {} actions don't pay and are left out", set.size() - lean.size(), set.size()));
      at += size;
      set = std::move(lean);
      arm.reset();
      arm = space.verifier.build_arm(texts_of(space, set), environment_of(space, set), stop);
      order.erase(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(at));
      std::erase_if(order, [&](ActionId id) { return !std::binary_search(set.begin(), set.end(), id); });
      at = 0;
      size = std::clamp<std::size_t>(size, 1, std::max<std::size_t>(1, order.size()));
    } else if (size > 1) {
      size = (size + 1) / 2;
    } else {
      ++at;  // it pays
    }
  }
  return set;
}

std::vector<Contribution> contributions(SearchSpace& space, const ActionSet& set, std::uint64_t deadline_ns,
                                        const std::function<void(const std::string&)>& progress, std::stop_token stop) {
  std::vector<Contribution> result;
  if (set.empty()) return result;
  const std::size_t pairs = std::max<std::size_t>(6, space.verifier.plan().screen_pairs);
  const std::unique_ptr<Verifier::Arm> arm =
      space.verifier.build_arm(texts_of(space, set), environment_of(space, set), stop);
  std::vector<ActionId> order = by_expected_gain(space, set);
  std::reverse(order.begin(), order.end());
  for (const ActionId id : order) {
    if (monotonic_ns() >= deadline_ns) break;
    if (stop.stop_requested()) throw Interrupted();
    Contribution part;
    part.action = id;
    const ActionSet rest = space.catalogue.without(set, id);
    for (const ActionId other : set) {
      if (!std::binary_search(rest.begin(), rest.end(), other)) part.removed.push_back(other);
    }
    const verify::Verification measured_rest =
        space.verifier.verify_against(*arm, "without", texts_of(space, rest), environment_of(space, rest), pairs, stop);
    if (measured(measured_rest)) {
      const double gain = -measured_rest.screen->log_ratio;
      const double error = std::isfinite(measured_rest.screen->se) ? 2 * measured_rest.screen->se : 0.05;
      part.ratio = std::exp(gain);
      part.low = std::exp(gain - error);
      part.high = std::exp(gain + error);
      progress(fmt::format("{} contributes {:.3f}x", space.catalogue.at(id).rule, part.ratio));
    } else {
      part.required = true;
    }
    result.push_back(std::move(part));
  }
  return result;
}

}  // namespace jarvis2::engine
