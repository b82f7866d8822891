// A stand-in for a project: sets of actions in hot functions with conflicts and requirements, judged by a Guide as in
// the main job, or by nothing at all so that the tree's own time stands alone.
#pragma once

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "learn/guide.h"
#include "mcts/environment.h"

namespace jarvis2::bench {

class SetEnvironment {
 public:
  static constexpr int kPlayers = 1;
  static constexpr bool kStop = true;
  static constexpr std::size_t kMost = 512;
  struct State {
    std::vector<std::uint32_t> chosen;
    std::bitset<kMost> excluded;
    std::uint64_t key = 0;
  };

  // Without a guide every state is worth nothing and all priors are equal.
  SetEnvironment(std::size_t actions, std::uint64_t seed, learn::Guide* guide) : guide_(guide) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<float> unit(0, 1);
    std::normal_distribution<float> normal(0, 0.05f);
    for (std::size_t a = 0; a < actions; ++a) {
      keys_.push_back(random());
      excludes_.emplace_back().set(a);
      needs_.push_back(a > 4 && unit(random) < 0.1f ? static_cast<std::uint32_t>(random() % a) : kNothing);
      for (std::size_t b = 0; b < a; ++b) {
        if (unit(random) < 0.03f) {
          excludes_[a].set(b);
          excludes_[b].set(a);
        }
      }
      if (guide_ == nullptr) continue;
      learn::ActionFacts facts;
      facts.rule = "rule-" + std::to_string(random() % 30);
      facts.function = 1 + random() % 20;
      facts.share = 0.3f / static_cast<float>(facts.function);
      facts.log_prior_ratio = 0.05f + 0.2f * unit(random);
      std::vector<float> site(neural::kSiteInputs);
      for (float& value : site) value = normal(random);
      guide_->add(facts, site);
    }
  }

  State root() const { return {}; }
  void legal(const State& state, std::vector<mcts::ActionId>& actions) const {
    actions.clear();
    for (std::uint32_t a = 0; a < keys_.size(); ++a) {
      if (state.excluded[a]) continue;
      if (needs_[a] != kNothing && !std::binary_search(state.chosen.begin(), state.chosen.end(), needs_[a])) continue;
      actions.push_back(a);
    }
  }
  void apply(State& state, mcts::ActionId action) const {
    state.chosen.insert(std::lower_bound(state.chosen.begin(), state.chosen.end(), action), action);
    state.excluded |= excludes_[action];
    state.key ^= keys_[action];
  }
  std::uint64_t key(const State& state) const { return state.key; }
  void evaluate(std::span<const mcts::Leaf<State>> leaves, std::span<mcts::Evaluation> results) const {
    if (guide_ == nullptr) return;
    thread_local std::vector<learn::SetQuery> queries;
    queries.clear();
    for (const mcts::Leaf<State>& leaf : leaves) queries.push_back({leaf.state->chosen, leaf.actions});
    guide_->evaluate(queries, results);
  }
  std::uint64_t version() const { return 0; }

 private:
  static constexpr std::uint32_t kNothing = 0xFFFFFFFF;
  learn::Guide* guide_;
  std::vector<std::uint64_t> keys_;
  std::vector<std::bitset<kMost>> excludes_;
  std::vector<std::uint32_t> needs_;
};

}  // namespace jarvis2::bench
