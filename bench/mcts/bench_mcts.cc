// bench_mcts: simulations a second, with and without network evaluation, and what the tree costs in memory.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <thread>

#include "base/json.h"
#include "mcts/search.h"
#include "set_environment.h"

namespace jarvis2::bench {
namespace {

// The shapes of the design with weights that were never trained: only their cost matters here.
class TimingNetworks final : public neural::Networks {
 public:
  TimingNetworks() {
    for (std::uint64_t member = 0; member < 4; ++member) {
      value_.emplace_back(neural::initial_weights(neural::default_layers(), member));
    }
    policy_.emplace(neural::initial_weights(neural::default_layers(), 9));
  }
  const neural::Network* policy() const override { return &*policy_; }
  const std::vector<neural::Network>& value() const override { return value_; }
  Json info() const override { return {}; }

 private:
  std::optional<neural::Network> policy_;
  std::vector<neural::Network> value_;
};

struct Timing {
  double seconds = 1e9;  // by the clock
  double cpu = 1e9;      // of all threads: what a loaded machine leaves alone
  mcts::Report report;
};

double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

// The best of `rounds` fresh searches.
Timing best_of(int rounds, const SetEnvironment& environment, const mcts::Options& options, std::uint64_t simulations) {
  Timing best;
  for (int round = 0; round < rounds; ++round) {
    mcts::Search<SetEnvironment> search(environment, options);
    const double before = cpu_seconds();
    mcts::Report report = search.run({simulations, 0});
    const double cpu = cpu_seconds() - before;
    best.seconds = std::min(best.seconds, report.seconds);
    if (cpu < best.cpu) {
      best.cpu = cpu;
      best.report = std::move(report);
    }
  }
  return best;
}

Json row(const std::string& name, const char* unit, double ours) {
  return {{"name", name}, {"unit", unit}, {"ours", ours}, {"peers", Json::array()}};
}

int run(int rounds) {
  Json results = Json::array();
  const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  learn::Guide networks(std::make_shared<TimingNetworks>());
  learn::Guide rules(std::make_shared<neural::NullNetworks>("benchmark"));
  const SetEnvironment with_networks(120, 1, &networks);
  const SetEnvironment with_rules(120, 1, &rules);
  const SetEnvironment constant(120, 1, nullptr);
  mcts::Options options;
  options.limit_bytes = std::size_t{1} << 30;
  for (int threads = 1; threads <= cores; threads *= 2) {
    options.threads = threads;
    const auto add = [&](const std::string& what, const Timing& timing) {
      const std::string name = fmt::format("{}, {} thread{}", what, threads, threads == 1 ? "" : "s");
      const double thousands = static_cast<double>(timing.report.simulations) / 1000;
      results.push_back(row(name, "ms a thousand simulations", 1e3 * timing.seconds / thousands));
      results.push_back(row(name + ", all cores' time", "ms a thousand simulations", 1e3 * timing.cpu / thousands));
    };
    const Timing timed = best_of(rounds, with_networks, options, 2000);
    add("120 actions, policy and 4 value networks", timed);
    add("120 actions, rules and baseline alone", best_of(rounds, with_rules, options, 2000));
    const Timing tree = best_of(rounds, constant, options, 20'000);
    add("120 actions, constant evaluator", tree);
    if (threads == 1) {
      results.push_back(row("bytes of a node", "bytes", sizeof(mcts::Node)));
      results.push_back(row("bytes of an action not visited", "bytes", 6));
      results.push_back(row("bytes of an edge visited", "bytes", 6 + sizeof(mcts::Link)));
      results.push_back(row("memory of a node with its edges, 120 actions", "bytes",
                            static_cast<double>(tree.report.bytes) / tree.report.nodes));
      results.push_back(row("nodes in a gigabyte, 120 actions", "nodes",
                            1e9 / (static_cast<double>(tree.report.bytes) / tree.report.nodes)));
    }
  }
  fmt::print("{}\n", Json{{"results", results}}.dump(2));
  return 0;
}

}  // namespace
}  // namespace jarvis2::bench

int main(int argc, char** argv) {
  return jarvis2::bench::run(argc > 1 ? std::max(1, std::atoi(argv[1])) : 7);
}
