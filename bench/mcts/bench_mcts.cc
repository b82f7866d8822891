// bench_mcts: simulations a second over sets of actions, with and without network evaluation, and what the tree costs
// in memory; with a subcommand, the parts that bench/mcts/run puts beside other engines.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ctime>
#include <iostream>
#include <memory>
#include <thread>

#include "base/error.h"
#include "base/json.h"
#include "games.h"
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

int sets(int rounds, int most_threads) {
  Json results = Json::array();
  const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  learn::Guide networks(std::make_shared<TimingNetworks>());
  learn::Guide rules(std::make_shared<neural::NullNetworks>("benchmark"));
  const SetEnvironment with_networks(120, 1, &networks);
  const SetEnvironment with_rules(120, 1, &rules);
  const SetEnvironment constant(120, 1, nullptr);
  mcts::Options options;
  options.limit_bytes = std::size_t{1} << 30;
  for (int threads = 1; threads <= (most_threads > 0 ? most_threads : cores); threads *= 2) {
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
  using namespace jarvis2;
  CLI::App app("Simulations a second");
  int rounds = 7;
  int most_threads = 0;
  bool json = false;
  app.add_option("--rounds", rounds, "Searches of which the best counts")->capture_default_str();
  app.add_option("--most-threads", most_threads, "0: as many as there are");
  app.add_flag("--json", json, "Always so");
  bench::GameRun game;
  int count = 0;
  std::uint64_t total = 100'000'000;
  const auto add = [&](const char* name, const char* what) {
    CLI::App* sub = app.add_subcommand(name, what);
    sub->add_option("--game", game.game, "connect_four, othello, go")->capture_default_str();
    sub->add_option("--playouts", game.playouts, "Random games a state; 0: constant evaluator")->capture_default_str();
    sub->add_option("--simulations", game.simulations, "Of one search")->capture_default_str();
    sub->add_option("--threads", game.threads, "Of one tree")->capture_default_str();
    sub->add_option("--batch", game.batch, "Leaves a thread gathers")->capture_default_str();
    sub->add_option("--limit", game.limit_bytes, "Bytes of the tree")->capture_default_str();
    sub->add_option("--seed", game.seed, "Seed")->capture_default_str();
    sub->add_option("--count", count, "Depth, games");
    sub->add_option("--total", total, "Simulations of the soak")->capture_default_str();
    return sub;
  };
  CLI::App* time = add("game", "One search, timed");
  CLI::App* perft = add("perft", "Positions by depth (--count)");
  CLI::App* playouts = add("playouts", "Random games (--count)");
  CLI::App* match = add("match", "--threads against one, --count games");
  CLI::App* soak = add("soak", "--total simulations within --limit");
  CLI11_PARSE(app, argc, argv);
  try {
    if (time->parsed()) {
      fmt::print("{}\n", bench::time_game(game).dump());
    } else if (perft->parsed()) {
      fmt::print("{}\n", bench::perft_game(game.game, count > 0 ? count : 5).dump());
    } else if (playouts->parsed()) {
      fmt::print("{}\n", bench::playouts_of(game.game, count > 0 ? count : 100, game.seed).dump());
    } else if (match->parsed()) {
      fmt::print("{}\n", bench::match(game, count > 0 ? count : 40).dump());
    } else if (soak->parsed()) {
      fmt::print("{}\n", bench::soak(game, total).dump());
    } else {
      return bench::sets(std::max(1, rounds), most_threads);
    }
  } catch (const Error& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 2;
  }
  return 0;
}
