#include "learn/failure.h"

#include <algorithm>

#include "base/error.h"

namespace jarvis2::learn {
namespace {

constexpr double kPriorWeight = 6;    // how many tries a rule's prior is worth
constexpr double kRuleWeight = 2;     // how many tries an action's rule is worth
constexpr double kCertain = 30;       // failures that a failure without doubt counts for
constexpr double kStillBreaks = 0.1;  // of a set that holds a combination known to break
constexpr std::array<double, kChecks> kSafePrior = {0.99, 0.995, 0.995};
constexpr std::array<double, kChecks> kPrior = {0.95, 0.9, 0.95};

bool holds(std::span<const std::uint32_t> set, const std::vector<std::uint32_t>& sorted_part) {
  return std::all_of(sorted_part.begin(), sorted_part.end(),
                     [&](std::uint32_t action) { return std::find(set.begin(), set.end(), action) != set.end(); });
}

}  // namespace

std::uint32_t FailureModel::add_action(const std::string& rule, bool always_safe) {
  const std::vector<std::string>::iterator known = std::find(rules_.begin(), rules_.end(), rule);
  rule_.push_back(static_cast<std::uint32_t>(known - rules_.begin()));
  if (known == rules_.end()) {
    rules_.push_back(rule);
    by_rule_.emplace_back();
  }
  safe_.push_back(always_safe);
  actions_.emplace_back();
  return static_cast<std::uint32_t>(rule_.size() - 1);
}

double FailureModel::single(std::uint32_t action, std::size_t check) const {
  const double prior = safe_[action] ? kSafePrior[check] : kPrior[check];
  // What the rule's other actions did shifts the prior; then the action's own record counts.
  const Beta& rule = by_rule_[rule_[action]][check];
  const Beta& own = actions_[action][check];
  const double others_good = std::max(0.0, rule.good - own.good);
  const double others_bad = std::max(0.0, rule.bad - own.bad);
  const double by_rule = (kPriorWeight * prior + others_good) / (kPriorWeight + others_good + others_bad);
  return (kRuleWeight * by_rule + own.good) / (kRuleWeight + own.good + own.bad);
}

void FailureModel::observe(std::span<const std::uint32_t> set, Check check, bool passed) {
  const std::size_t c = static_cast<std::size_t>(check);
  for (std::uint32_t action : set) {
    if (action >= rule_.size()) {
      throw Error("learn::observe", "action " + std::to_string(action) + " of " + std::to_string(rule_.size()));
    }
  }
  if (set.empty()) return;
  if (passed) {
    for (std::uint32_t action : set) {
      actions_[action][c].good += 1;
      by_rule_[rule_[action]][c].good += 1;
    }
    // A combination that passed after all was not to blame.
    std::erase_if(incompatible_[c], [&](const std::vector<std::uint32_t>& part) { return holds(set, part); });
    return;
  }
  // Explained by what is known already?
  for (const std::vector<std::uint32_t>& part : incompatible_[c]) {
    if (holds(set, part)) return;
  }
  // One that has passed before, and never failed, is not to blame while there are others.
  std::vector<std::uint32_t> suspects;
  for (std::uint32_t action : set) {
    const Beta& own = actions_[action][c];
    if (set.size() == 1 || own.good < 1 || own.bad > 0) suspects.push_back(action);
  }
  if (suspects.empty()) {
    std::vector<std::uint32_t> part(set.begin(), set.end());
    std::sort(part.begin(), part.end());
    incompatible_[c].push_back(std::move(part));
    return;
  }
  // P(this one fails | something fails), as if they failed independently.
  double all_good = 1;
  for (std::uint32_t action : suspects) all_good *= single(action, c);
  std::vector<double> shares;
  for (std::uint32_t action : suspects) {
    shares.push_back(std::min(1.0, (1 - single(action, c)) / std::max(1 - all_good, 1e-9)));
  }
  for (std::size_t i = 0; i < suspects.size(); ++i) {
    // Alone it is the culprit for certain.
    actions_[suspects[i]][c].bad += suspects.size() == 1 ? kCertain : shares[i];
    by_rule_[rule_[suspects[i]]][c].bad += shares[i];
  }
}

double FailureModel::probability(std::span<const std::uint32_t> set, Check check) const {
  const std::size_t c = static_cast<std::size_t>(check);
  double probability = 1;
  for (std::uint32_t action : set) probability *= single(action, c);
  for (const std::vector<std::uint32_t>& part : incompatible_[c]) {
    if (holds(set, part)) probability *= kStillBreaks;
  }
  return probability;
}

double FailureModel::valid(std::span<const std::uint32_t> set) const {
  return probability(set, Check::kBuilds) * probability(set, Check::kPasses) * probability(set, Check::kEqual);
}

}  // namespace jarvis2::learn
