// Environments of the tests: random sets of actions, and small games.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <span>
#include <stdexcept>
#include <vector>

#include "mcts/environment.h"

namespace jarvis2::mcts {

// Sets of up to 64 actions with conflicts, requirements, groups and interactions.
class SetGame {
 public:
  static constexpr int kPlayers = 1;
  static constexpr bool kStop = true;
  using State = std::uint64_t;  // chosen actions

  SetGame(std::size_t actions, std::uint64_t seed, double interactions = 0.3, double rules = 0.15) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> unit(0, 1);
    std::normal_distribution<double> normal(0, 1);
    for (std::size_t i = 0; i < actions; ++i) {
      keys_.push_back(random());
      gains_.push_back(0.02 + 0.05 * normal(random));
      required_.push_back(0);
      conflicts_.push_back(0);
    }
    for (std::size_t i = 0; i < actions; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (unit(random) < rules / 2) required_[i] |= std::uint64_t{1} << j;
        if (unit(random) < rules) {
          conflicts_[i] |= std::uint64_t{1} << j;
          conflicts_[j] |= std::uint64_t{1} << i;
        }
        if (unit(random) < interactions) pairs_[{j, i}] = 0.04 * normal(random);
      }
    }
    available_ = actions;
  }

  State root() const { return 0; }
  void legal(const State& state, std::vector<ActionId>& actions) const {
    actions.clear();
    for (std::size_t i = 0; i < available_; ++i) {
      if ((state >> i & 1) == 0 && (conflicts_[i] & state) == 0 && (required_[i] & ~state) == 0) {
        actions.push_back(static_cast<ActionId>(i));
      }
    }
  }
  void apply(State& state, ActionId action) const { state |= std::uint64_t{1} << action; }
  std::uint64_t key(const State& state) const {
    std::uint64_t key = 0;
    for (std::uint64_t rest = state; rest != 0; rest &= rest - 1)
      key ^= keys_[static_cast<std::size_t>(std::countr_zero(rest))];
    return key;
  }
  double truth(State state) const {
    double value = 0;
    for (std::size_t i = 0; i < gains_.size(); ++i) {
      if ((state >> i & 1) != 0) value += gains_[i];
    }
    for (const auto& [pair, gain] : pairs_) {
      if ((state >> pair.first & 1) != 0 && (state >> pair.second & 1) != 0) value += gain;
    }
    return value;
  }
  void evaluate(std::span<const Leaf<State>> leaves, std::span<Evaluation> results) const {
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      const State state = *leaves[i].state;
      ++evaluations_;
      if (throw_at_ != 0 && evaluations_ == throw_at_) throw std::runtime_error("the network is gone");
      Evaluation& result = results[i];
      const std::map<State, double>::const_iterator found = verified_.find(state);
      if (found != verified_.end()) {
        result.value = static_cast<float>(found->second);
        result.exact = true;
      } else if (additive_) {
        for (std::uint64_t rest = state; rest != 0; rest &= rest - 1) {
          result.value += static_cast<float>(gains_[static_cast<std::size_t>(std::countr_zero(rest))]);
        }
        result.deviation = 0.01f * static_cast<float>(std::popcount(state));
      } else {
        result.value = static_cast<float>(truth(state));
        result.exact = true;
      }
      result.stop_prior = 0.1f;
      for (ActionId action : leaves[i].actions) {
        result.priors.push_back(static_cast<float>(std::max(0.01, gains_[action])));
      }
    }
  }
  std::uint64_t version() const { return version_.load(); }

  // All states reachable from `from`.
  std::set<State> reachable(State from) const {
    std::set<State> seen{from};
    std::vector<State> queue{from};
    std::vector<ActionId> actions;
    while (!queue.empty()) {
      const State state = queue.back();
      queue.pop_back();
      legal(state, actions);
      for (ActionId action : actions) {
        State next = state;
        apply(next, action);
        if (seen.insert(next).second) queue.push_back(next);
      }
    }
    return seen;
  }
  double best(State from) const {
    double best = -1e9;
    for (State state : reachable(from)) best = std::max(best, truth(state));
    return best;
  }
  void set_available(std::size_t actions) {
    available_ = actions;
    ++version_;
  }
  void set_additive(bool additive) { additive_ = additive; }
  void verify(State state, double value) {
    verified_[state] = value;
    ++version_;
  }
  void throw_at(std::uint64_t evaluation) { throw_at_ = evaluation; }
  std::uint64_t evaluations() const { return evaluations_; }
  double gain(std::size_t action) const { return gains_[action]; }

 private:
  std::vector<std::uint64_t> keys_;
  std::vector<double> gains_;
  std::vector<std::uint64_t> required_;
  std::vector<std::uint64_t> conflicts_;
  std::map<std::pair<std::size_t, std::size_t>, double> pairs_;
  std::map<State, double> verified_;
  std::size_t available_ = 0;
  bool additive_ = false;
  std::uint64_t throw_at_ = 0;
  std::atomic<std::uint64_t> version_{1};
  mutable std::atomic<std::uint64_t> evaluations_{0};
};

// Noughts and crosses; a constant evaluator.
class TicTacToe {
 public:
  static constexpr int kPlayers = 2;
  static constexpr bool kStop = false;
  struct State {
    std::array<std::uint16_t, 2> marks{};
    int to_move = 0;
    bool operator==(const State&) const = default;
  };
  State root() const { return {}; }
  static bool won(std::uint16_t marks) {
    for (std::uint16_t line : {0007, 0070, 0700, 0111, 0222, 0444, 0421, 0124}) {
      if ((marks & line) == line) return true;
    }
    return false;
  }
  void legal(const State& state, std::vector<ActionId>& actions) const {
    actions.clear();
    if (won(state.marks[0]) || won(state.marks[1])) return;
    for (ActionId i = 0; i < 9; ++i) {
      if (((state.marks[0] | state.marks[1]) >> i & 1) == 0) actions.push_back(i);
    }
  }
  void apply(State& state, ActionId action) const {
    state.marks[static_cast<std::size_t>(state.to_move)] |= static_cast<std::uint16_t>(1 << action);
    state.to_move ^= 1;
  }
  std::uint64_t key(const State& state) const { return state.marks[0] + (std::uint64_t{state.marks[1]} << 9) + 1; }
  void evaluate(std::span<const Leaf<State>> leaves, std::span<Evaluation> results) const {
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      if (!leaves[i].actions.empty()) continue;
      results[i].exact = true;
      // The player to move has lost if the other has a line.
      results[i].value =
          won(leaves[i].state->marks[static_cast<std::size_t>(leaves[i].state->to_move ^ 1)]) ? -1.0f : 0;
    }
  }
  std::uint64_t version() const { return 0; }
};

}  // namespace jarvis2::mcts
