#include "meta/planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/hash.h"

namespace jarvis2::meta {
namespace {

// Weight of what a rule's file says against what it gave here, in champions.
constexpr double kPriorWeight = 3;
// A place that no profile knows: new code, or no profile yet.
constexpr double kUnknownShare = 0.15;
constexpr double kColdShare = 0.004;

struct FilePromise {
  std::string path;
  double mean = 0;
  double variance = 0;
  double failing = 1;  // probability that nothing is correct
  std::set<std::string> rules;
};

// Of the findings in one place the best counts: they change the same code.
std::vector<FilePromise> by_file(const Knowledge& knowledge) {
  const bool profiled = !knowledge.hot_spots.empty();
  std::map<std::string, std::map<std::string, std::pair<Promise, std::string>>> places;
  for (const StoredFinding& finding : knowledge.findings) {
    if (!finding.fixable || finding.severity != "performance" || knowledge.refuted.contains(finding.fingerprint) ||
        knowledge.closed.contains(finding.path)) {
      continue;
    }
    const MetaStore::HotSpot* spot = nullptr;
    for (const MetaStore::HotSpot& one : knowledge.hot_spots) {
      const bool inside = one.path == finding.path && one.line <= finding.end_line && finding.line <= one.end_line;
      if (inside && (spot == nullptr || one.share > spot->share)) spot = &one;
    }
    const auto history = knowledge.rules.find(finding.rule);
    const Promise promise =
        promise_of(finding, spot, profiled, history != knowledge.rules.end() ? history->second : RuleHistory());
    const std::string place = spot != nullptr ? spot->function : fmt::format("{}", finding.line / 20);
    auto& best = places[finding.path][place];
    if (promise.mean * promise.valid >= best.first.mean * best.first.valid) best = {promise, finding.rule};
  }
  std::vector<FilePromise> files;
  for (const auto& [path, in_file] : places) {
    FilePromise file;
    file.path = path;
    for (const auto& [place, best] : in_file) {
      const Promise& one = best.first;
      file.mean += one.valid * one.mean;
      file.variance += one.valid * one.deviation * one.deviation + one.valid * (1 - one.valid) * one.mean * one.mean;
      file.failing *= 1 - one.valid;
      file.rules.insert(best.second);
    }
    // More than all of the time cannot be saved.
    file.mean = std::min(file.mean, 1.2);
    files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end(), [](const FilePromise& a, const FilePromise& b) {
    return std::pair(-a.mean, a.path) < std::pair(-b.mean, b.path);
  });
  return files;
}

}  // namespace

Promise promise_of(const StoredFinding& finding, const MetaStore::HotSpot* spot, bool profiled,
                   const RuleHistory& history) {
  Promise promise;
  const double prior = std::log(std::clamp(finding.prior_ratio, 1.0, 4.0));
  const double local = (kPriorWeight * prior + history.champions * history.gain) / (kPriorWeight + history.champions);
  promise.share = spot != nullptr ? spot->share : profiled ? kColdShare : kUnknownShare;
  // Amdahl.
  promise.mean = -std::log(1 - promise.share + promise.share * std::exp(-local));
  // The network saw all actions of the file: above 1 it prefers this one.
  const double preference = finding.score > 0 ? std::clamp(finding.score, 0.5, 2.0) : 1.0;
  promise.mean *= std::sqrt(preference);
  // What is least known is worth most to find out.
  const double doubt = spot != nullptr ? 0.5 : 1.0;
  promise.deviation = doubt * promise.mean + (profiled && spot == nullptr ? 0.002 : 0.01) / (1 + history.champions);
  const double good = (finding.safe ? 9 : 3) + history.valid;
  const double bad = 1 + std::max(0.0, history.tried - history.valid);
  promise.valid = good / (good + bad);
  return promise;
}

double expected_excess(double mean, double deviation, double threshold) {
  if (deviation <= 0) return std::max(0.0, mean - threshold);
  const double z = (mean - threshold) / deviation;
  const double density = std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi);
  const double below = 0.5 * std::erfc(-z / std::numbers::sqrt2);
  return deviation * (density + z * below);
}

std::string plan_key(const Knowledge& knowledge, const std::vector<std::string>& paths) {
  std::string text = "improve\n" + knowledge.environment + "\n";
  for (const std::string& path : paths) {
    const auto content = knowledge.contents.find(path);
    text += fmt::format("{}\t{:x}\n", path, content != knowledge.contents.end() ? content->second : 0);
  }
  return fmt::format("improve-{:016x}", hash64(text));
}

std::vector<Plan> make_plans(const Knowledge& knowledge, const PlanOptions& options,
                             const std::function<bool(const std::string& key)>& knows) {
  const std::vector<FilePromise> files = by_file(knowledge);
  const double threshold = std::log1p(options.min_effect);
  std::vector<Plan> plans;
  for (std::size_t first = 0; first < files.size() && plans.size() < options.most_plans;) {
    const std::size_t last = std::min(files.size(), first + options.most_files);
    Plan plan;
    plan.kind = "improve";
    plan.created_s = plan.updated_s = now_s();
    plan.budget_s = options.budget_s;
    plan.commit = knowledge.commit;
    double variance = 0;
    plan.risk = 1;
    std::set<std::string> rules;
    for (std::size_t i = first; i < last; ++i) {
      plan.paths.push_back(files[i].path);
      plan.gain += files[i].mean;
      variance += files[i].variance;
      plan.risk *= files[i].failing;
      rules.insert(files[i].rules.begin(), files[i].rules.end());
    }
    first = last;
    plan.actions.assign(rules.begin(), rules.end());
    const double excess = expected_excess(plan.gain, std::sqrt(variance), threshold);
    if (excess < options.least_gain) break;  // the rest promises less
    plan.value = excess / (options.budget_s / 3600);
    plan.key = plan_key(knowledge, plan.paths);
    plan.title = fmt::format("improve {}{}: {}{}", plan.paths.front(),
                             plan.paths.size() > 1 ? fmt::format(" and {} more", plan.paths.size() - 1) : "",
                             plan.actions.front(),
                             plan.actions.size() > 1 ? fmt::format(" and {} more rules", plan.actions.size() - 1) : "");
    if (!knows(plan.key)) plans.push_back(std::move(plan));
  }
  std::stable_sort(plans.begin(), plans.end(), [](const Plan& a, const Plan& b) { return a.value > b.value; });
  return plans;
}

}  // namespace jarvis2::meta
