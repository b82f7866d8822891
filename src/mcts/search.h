// Monte Carlo graph search over an Environment: PUCT [Silver 2018], transpositions as in KataGo's graph search,
// unobserved visits as in WU-UCT [Liu 2020].
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "mcts/environment.h"
#include "mcts/options.h"

namespace jarvis2::mcts {

// Keeps its graph between runs. One run() at a time; pause() may be called from any thread.
template <Environment E>
class Search {
 public:
  // `environment` must outlive the search.
  Search(const E& environment, Options options);
  ~Search();
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;

  // Simulates until a limit, the stop, or until nothing is left to explore. If the environment's version has changed
  // the graph is refreshed first.
  Report run(const Limits& limits, std::stop_token stop = {});
  // The state of the graph without searching.
  Report report() const;
  // Runs `change` while no thread touches the environment; a running search goes on afterwards, refreshed.
  void pause(const std::function<void()>& change);
  // Evaluates every node again (new actions become edges, verified values flow up). run() does so by itself when
  // version() has changed.
  void refresh();
  // States worth verifying, best first.
  std::vector<Candidate> candidates(std::size_t count, const CandidateOrder& order = {}) const;
  // Makes the state after `action` the root (games); the rest is freed when room is needed.
  void advance(ActionId action);
  void clear();

  // The `top` most visited edges of each node down to `depth`.
  Json to_json(std::size_t top, std::size_t depth, const ActionName& name) const;
  std::string to_graphviz(std::size_t top, std::size_t depth, const ActionName& name) const;
};

}  // namespace jarvis2::mcts
