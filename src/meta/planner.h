// The generator: turns findings, hot spots and what rules gave so far into plans, by value of information.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "meta/store.h"

namespace jarvis2::meta {

struct PlanOptions {
  double budget_s = 300;       // of one plan
  double min_effect = 0.02;    // what is worth claiming
  double least_gain = 0.003;   // expected, above the minimum effect; below it no plan is made
  std::size_t most_files = 4;  // of a plan
  std::size_t most_plans = 3;  // at a time
};

// What one finding promises.
struct Promise {
  double mean = 0;  // log speed-up of the benchmark if the candidate is correct
  double deviation = 0;
  double valid = 0;  // probability that it is
  double share = 0;  // of the time, where known or guessed
};

// All that plans are made from.
struct Knowledge {
  std::vector<StoredFinding> findings;
  std::vector<MetaStore::HotSpot> hot_spots;
  std::map<std::string, RuleHistory> rules;
  std::set<std::string> refuted;                  // fingerprints of findings whose answer was taken back
  std::set<std::string> closed;                   // paths that may not be planned for (uncommitted, not editable)
  std::map<std::string, std::uint64_t> contents;  // hash by path
  std::string environment;                        // compiler and hardware
  std::string commit;
};

// `spot`: the hot spot that holds the finding, null where it is in none.
Promise promise_of(const StoredFinding& finding, const MetaStore::HotSpot* spot, bool profiled,
                   const RuleHistory& history);
// Mean of max(0, x - threshold) of a normal x.
double expected_excess(double mean, double deviation, double threshold);
// Best first; what is known already (`knows` of the key) is left out.
std::vector<Plan> make_plans(const Knowledge& knowledge, const PlanOptions& options,
                             const std::function<bool(const std::string& key)>& knows);
// What a plan for these files is about.
std::string plan_key(const Knowledge& knowledge, const std::vector<std::string>& paths);

}  // namespace jarvis2::meta
