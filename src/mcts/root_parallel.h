// Root-parallel search: independent trees on threads of their own, their root visits added up [Chaslot 2008]. Shares
// nothing, so it scales with cores; each tree is only as deep as its own simulations make it.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "mcts/search.h"

namespace jarvis2::mcts {

struct RootParallelReport {
  std::vector<EdgeReport> edges;  // visits summed, means weighted by visits; most visited first
  std::uint64_t simulations = 0;
  double seconds = 0;  // of the slowest tree
};

// `limits` are divided among `trees`. Without noise at the root they would all do the same: where `options` asks for
// none, Dirichlet noise of 0.3 is mixed in. Deterministic for a seed. Throws what a search throws.
template <Environment E>
RootParallelReport run_root_parallel(const E& environment, const Options& options, const Limits& limits, int trees) {
  const std::size_t count = static_cast<std::size_t>(std::max(1, trees));
  std::vector<Report> reports(count);
  std::vector<std::exception_ptr> failures(count);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < count; ++i) {
      threads.emplace_back([&, i] {
        try {
          Options mine = options;
          mine.threads = 1;
          mine.seed = options.seed + i;
          mine.limit_bytes = std::max<std::size_t>(options.limit_bytes / count, 1 << 20);
          if (mine.dirichlet_alpha <= 0 && count > 1) mine.dirichlet_alpha = 0.3f;
          Limits part = limits;
          part.simulations = limits.simulations / count + (i < limits.simulations % count ? 1 : 0);
          reports[i] = Search<E>(environment, mine).run(part);
        } catch (...) {
          failures[i] = std::current_exception();
        }
      });
    }
  }
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
  RootParallelReport result;
  std::map<ActionId, std::size_t> place;
  for (const Report& report : reports) {
    result.simulations += report.simulations;
    result.seconds = std::max(result.seconds, report.seconds);
    for (const EdgeReport& edge : report.edges) {
      const auto [found, fresh] = place.emplace(edge.action, result.edges.size());
      if (fresh) {
        result.edges.push_back(edge);
        continue;
      }
      EdgeReport& sum = result.edges[found->second];
      const float visits = static_cast<float>(sum.visits) + static_cast<float>(edge.visits);
      if (visits > 0) {
        sum.mean = (sum.mean * static_cast<float>(sum.visits) + edge.mean * static_cast<float>(edge.visits)) / visits;
      }
      sum.visits += edge.visits;
      sum.best = std::max(sum.best, edge.best);
      sum.closed = sum.closed || edge.closed;
    }
  }
  std::stable_sort(result.edges.begin(), result.edges.end(),
                   [](const EdgeReport& a, const EdgeReport& b) { return a.visits > b.visits; });
  return result;
}

}  // namespace jarvis2::mcts
