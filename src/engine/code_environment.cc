#include "engine/code_environment.h"

#include <algorithm>

namespace jarvis2::engine {

void CodeEnvironment::set_root(edit::ActionSet set) {
  root_.key = catalogue_.key(set);
  root_.set = std::move(set);
  epoch_ += std::uint64_t{1} << 32;
}

void CodeEnvironment::set_active(std::vector<edit::ActionId> active) {
  active_ = std::move(active);
  epoch_ += std::uint64_t{1} << 32;
}

void CodeEnvironment::legal(const State& state, std::vector<mcts::ActionId>& actions) const {
  actions.clear();
  for (const edit::ActionId id : active_) {
    if (catalogue_.legal(state.set, id)) actions.push_back(id);
  }
}

void CodeEnvironment::apply(State& state, mcts::ActionId action) const {
  state.set.insert(std::lower_bound(state.set.begin(), state.set.end(), action), action);
  state.key ^= catalogue_.at(action).key;
}

void CodeEnvironment::evaluate(std::span<const mcts::Leaf<State>> leaves, std::span<mcts::Evaluation> results) const {
  std::vector<learn::SetQuery> queries(leaves.size());
  for (std::size_t i = 0; i < leaves.size(); ++i) queries[i] = {leaves[i].state->set, leaves[i].actions};
  guide_.evaluate(queries, results);
}

}  // namespace jarvis2::engine
