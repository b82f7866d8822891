// Settings and results of a search.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory_resource>
#include <string>
#include <utility>
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

// Gumbel root with sequential halving [Danihelka 2022], for budgets of a few visits an action.
struct GumbelOptions {
  std::uint32_t considered = 16;  // actions that share the first round
  float scale = 1;                // of the Gumbel noise; 0: the likeliest actions, no chance
  float c_visit = 50;
  float c_scale = 1;
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

// The move of a game: a proven win, else the most visited that is not a proven loss. Null: there is no edge.
inline const EdgeReport* best_move(const std::vector<EdgeReport>& edges) {
  const auto rank = [](const EdgeReport& edge) {
    return !edge.closed ? 1 : edge.best >= 1 ? 2 : edge.best <= -1 ? 0 : 1;
  };
  const EdgeReport* best = nullptr;
  for (const EdgeReport& edge : edges) {
    if (best == nullptr || rank(edge) > rank(*best) || (rank(edge) == rank(*best) && edge.visits > best->visits)) {
      best = &edge;
    }
  }
  return best;
}

// What a search with a Gumbel root decided on.
struct GumbelReport {
  Report report;
  ActionId action = kStopAction;
  std::vector<std::pair<ActionId, std::uint32_t>> considered;  // with the rounds each stayed in; the winner first
};

// What candidates() orders by: value + deviation_weight × deviation + visit_weight × log(1 + visits)/log(1 + all).
struct CandidateOrder {
  float deviation_weight = 1;
  float visit_weight = 0;
  bool skip_exact = true;  // leave out what has been verified
};

using ActionName = std::function<std::string(ActionId)>;

}  // namespace jarvis2::mcts
