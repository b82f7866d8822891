// Searches replayed against outcome tables: how many verifications until the best known set is (nearly) found; and
// training examples drawn from such replays.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "learn/guide.h"
#include "learn/table.h"
#include "neural/train.h"

namespace jarvis2::learn {

enum class Chooser {
  kSearch,    // MCTS over the sets of the table, guided by networks, baseline and failure model, as the engine does
  kThompson,  // a draw from the additive baseline's posterior, the failure model's odds: the best set of the draw
  kMean,      // the same with the posterior's mean instead of a draw
  kRules,     // by what the rules promise, never learning
  kRandom,
};

struct ReplayOptions {
  Chooser chooser = Chooser::kSearch;
  std::shared_ptr<const neural::Networks> networks;  // kSearch; null: none
  bool uniform_priors = false;                       // kSearch
  std::uint64_t simulations = 128;                   // kSearch, between verifications
  std::uint64_t seed = 1;
  double enough = 0.95;          // of the best known gain
  double measurement_sd = 0.01;  // noise that a verification's outcome carries, as a real screen's does
};

struct Replayed {
  std::size_t verifications = 0;   // until enough; all outcomes of the table if never
  std::vector<double> best_after;  // best true log ratio found after each verification
};

// Only sets of the table can be verified. Deterministic for a seed.
Replayed replay(const Table& table, const ReplayOptions& options);
// A guide that knows the table's actions and no outcome.
std::unique_ptr<Guide> guide_of(const Table& table, std::shared_ptr<const neural::Networks> networks);
SetOutcome outcome_of(const TableOutcome& outcome, double noise, double variance);

struct ExampleOptions {
  std::uint32_t episodes = 4;  // orders in which outcomes become known
  std::uint32_t sets = 14;     // value examples of each moment of an episode
  std::uint32_t steps = 28;    // policy examples of each moment: an action in a state
  std::uint64_t seed = 1;
};
// Adds what the networks would have seen, and should have said, at moments of replayed searches. Rows are of `group`.
void add_examples(const Table& table, const ExampleOptions& options, std::uint32_t group, neural::Dataset& policy,
                  neural::Dataset& value);

}  // namespace jarvis2::learn
