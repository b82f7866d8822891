// The search for improvements as the search engine sees it: states are sets of actions, every state may stop.
#pragma once

#include <span>
#include <vector>

#include "edit/catalogue.h"
#include "learn/guide.h"
#include "mcts/environment.h"

namespace jarvis2::engine {

// Reads catalogue and guide, which may only change inside Search::pause(). Ids of both are the same.
class CodeEnvironment {
 public:
  static constexpr int kPlayers = 1;
  static constexpr bool kStop = true;
  struct State {
    edit::ActionSet set;  // sorted
    std::uint64_t key = 0;
  };

  CodeEnvironment(const edit::Catalogue& catalogue, const learn::Guide& guide) : catalogue_(catalogue), guide_(guide) {}
  // Searches start from this set.
  void set_root(edit::ActionSet set);
  // Only these actions may be added; sorted.
  void set_active(std::vector<edit::ActionId> active);
  const std::vector<edit::ActionId>& active() const { return active_; }

  State root() const { return root_; }
  void legal(const State& state, std::vector<mcts::ActionId>& actions) const;
  void apply(State& state, mcts::ActionId action) const;
  std::uint64_t key(const State& state) const { return state.key; }
  void evaluate(std::span<const mcts::Leaf<State>> leaves, std::span<mcts::Evaluation> results) const;
  std::uint64_t version() const { return guide_.version() + epoch_; }

 private:
  const edit::Catalogue& catalogue_;
  const learn::Guide& guide_;
  State root_;
  std::vector<edit::ActionId> active_;
  std::uint64_t epoch_ = 0;
};

}  // namespace jarvis2::engine
