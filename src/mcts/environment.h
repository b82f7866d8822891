// What the search engine asks of a problem. It knows nothing of code, games or networks.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <vector>

namespace jarvis2::mcts {

using ActionId = std::uint32_t;
// "Stop here": every state of an environment with kStop has it; never passed to apply().
inline constexpr ActionId kStopAction = 0xFFFFFFFF;

// What the environment says of a state. All values in one unit (for code: log speed-up), higher is better for the
// player who moves; two-player values are seen by the player to move and should lie in [-1, 1].
struct Evaluation {
  float value = 0;            // kStop: of stopping here; otherwise the expected outcome, or the outcome if terminal
  float deviation = 0;        // standard deviation of `value`; only chooses what to verify
  bool exact = false;         // value is the truth (verified, or a terminal state): solved-node back-up relies on it
  float stop_prior = 0;       // kStop: weight of stopping, same scale as priors
  std::vector<float> priors;  // one weight an action, in the order of legal(); >= 0, need not sum to 1; empty: uniform
};

// A state waiting for its evaluation. `actions` is what legal() gave; the pointers stay valid during the call.
template <typename State>
struct Leaf {
  const State* state = nullptr;
  std::span<const ActionId> actions;
};

// Everything is called concurrently from the search's threads, except between runs and inside Search::pause().
template <typename E>
concept Environment = requires(const E& environment, typename E::State& state, const typename E::State& fixed,
                               ActionId action, std::vector<ActionId>& actions,
                               std::span<const Leaf<typename E::State>> leaves, std::span<Evaluation> results) {
  requires std::copyable<typename E::State>;
  { E::kPlayers } -> std::convertible_to<int>;  // 1 or 2 (alternating)
  { E::kStop } -> std::convertible_to<bool>;    // whether "stop here" exists
  { environment.root() } -> std::convertible_to<typename E::State>;
  {environment.legal(fixed, actions)};  // clears and fills `actions`, each at most once; none: terminal
  {environment.apply(state, action)};
  { environment.key(fixed) } -> std::convertible_to<std::uint64_t>;  // equal states, equal keys
  {environment.evaluate(leaves, results)};                           // fills results[i] for leaves[i]
  // Changes whenever legal() or evaluate() would answer differently from before (catalogue grew, a verification came
  // in, new weights): the search then refreshes its nodes.
  { environment.version() } -> std::convertible_to<std::uint64_t>;
};

}  // namespace jarvis2::mcts
