// Settings and results of a search.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory_resource>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "mcts/environment.h"

namespace jarvis2::mcts {

struct Options {
  float c_puct = 2.5f;         // exploration; values are scaled to [0, 1] by the range seen when `normalise`
  bool normalise = true;       // MuZero's min-max scaling of values; set to false for games
  float fpu_reduction = 0.2f;  // an unvisited action is worth its parent's value less this × √(visited prior mass)
  float max_mix = 0.5f;        // one player: share of the best found in a node's worth, beside the mean
  float dirichlet_alpha = 0;   // 0: no noise at the root
  float dirichlet_fraction = 0.25f;
  float widening = 0;  // 0: off; else at most ceil(widening × visits^widening_power) actions are open
  float widening_power = 0.5f;
  std::uint64_t seed = 1;
  int threads = 1;                              // one thread: the same seed gives the same tree
  int batch = 8;                                // leaves a thread gathers before it evaluates them
  std::size_t limit_bytes = 64 << 20;           // nodes, edges and table; at the limit the tree is pruned
  std::function<void(int)> on_thread;           // called by each of the search's threads first (its lane, its name)
  std::pmr::memory_resource* memory = nullptr;  // where blocks come from (a zone); null: the heap
};

struct Limits {
  std::uint64_t simulations = 2000;  // more of them, on top of what the tree has
  double seconds = 0;                // 0: none
};

enum class Ending { kSimulations, kTime, kStopped, kSolved, kFull };

struct EdgeReport {
  ActionId action = kStopAction;
  float prior = 0;
  std::uint32_t visits = 0;
  float mean = 0;       // of the child (for two players: seen by the parent)
  float best = 0;       // best value found below
  bool closed = false;  // nothing is left to explore below
};

// A state found by the search.
struct Candidate {
  std::uint64_t key = 0;
  std::vector<ActionId> actions;  // from the root, on a shortest path
  float value = 0;                // its own evaluation: of stopping there
  float deviation = 0;
  bool exact = false;
  std::uint32_t visits = 0;
  float score = 0;  // what candidates() sorted by
};

struct Report {
  Ending ending = Ending::kSimulations;
  std::uint64_t simulations = 0;  // of this run
  std::uint64_t evaluations = 0;  // states the environment evaluated in this run
  std::uint64_t batches = 0;
  std::uint64_t collisions = 0;  // walks given up because their leaf was already in flight
  std::uint64_t transpositions = 0;
  std::uint64_t prunes = 0;
  double seconds = 0;
  double evaluate_seconds = 0;  // summed over threads
  std::uint32_t nodes = 0;      // of the whole tree
  std::size_t bytes = 0;
  std::size_t limit_bytes = 0;
  float mean = 0;                 // of the root
  float best = 0;                 // best value found anywhere
  bool closed = false;            // the whole graph has been seen
  std::vector<EdgeReport> edges;  // of the root, most visited first
  Candidate champion;             // the state with the best value
};

// What candidates() orders by: value + deviation_weight × deviation + visit_weight × log(1 + visits)/log(1 + all).
struct CandidateOrder {
  float deviation_weight = 1;
  float visit_weight = 0;
  bool skip_exact = true;  // leave out what has been verified
};

using ActionName = std::function<std::string(ActionId)>;

}  // namespace jarvis2::mcts
