// How much the tests and the output check see of what a candidate changes: coverage of its lines, and a mutation score
// of its functions. Where they see too little, the patch is weakly checked.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "verify/stages.h"

namespace jarvis2::verify {

inline constexpr double kLeastMutationScore = 0.5;
inline constexpr std::size_t kLeastMutants = 4;  // that say something

struct Strength {
  std::size_t changed_lines = 0;    // that can run, in files whose coverage was measured
  std::size_t covered_lines = 0;    // of these, by the tests
  std::string coverage_tool;        // empty: not measured
  std::size_t mutants = 0;          // small faults put into the changed functions, one at a time
  std::size_t noticed = 0;          // by the tests or the output check
  std::size_t inputs = 0;           // generated inputs on which both arms agreed
  std::vector<std::string> missed;  // the faults that nobody noticed
  std::vector<std::string> notes;
  std::optional<double> mutation_score() const;
  // Too little is seen: only rules that are always safe should be in such a patch. Unknown counts as weak only when
  // no changed line is run by a test.
  bool weakly_checked() const;
};
void to_json(Json& json, const Strength& strength);

// One fault in one file.
struct Mutant {
  std::string path;
  std::uint32_t line = 0;
  std::string what;  // "`<` for `<=`"
  std::string text;  // of the whole file
};
// Up to `most` faults spread over the functions of `after` that differ from `before`: comparisons, signs, logic and
// numbers. Deterministic.
std::vector<Mutant> mutants_of(const std::string& path, const std::string& before, const std::string& after,
                               std::size_t most);

// Lines of `after` that are not in `before`, 1-based, by a longest common subsequence.
std::vector<std::uint32_t> changed_lines(const std::string& before, const std::string& after);

// Which of the changed lines (by path) the tests run, for C and C++; adds to `result`. In strength_native.cc.
void native_coverage(const Candidate& candidate, const std::map<std::string, std::vector<std::uint32_t>>& changed,
                     const Plan& plan, const Workspace& workspace, double limit_s, Strength& result,
                     const std::stop_token& stop);

// `candidate` has passed to the output stage. Spends about `budget_s`. Throws what verify_candidate throws.
Strength measure_strength(const Candidate& candidate, const Baseline& baseline, const Plan& plan,
                          const Workspace& workspace, double budget_s, std::stop_token stop = {});

}  // namespace jarvis2::verify
