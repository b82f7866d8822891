// bench_learn: does learning pay? Searches replayed against outcome tables, networks trained without the program they
// are judged on; how many verifications each way of choosing needs to reach 95 % of the best known gain.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <thread>

#include "base/error.h"
#include "base/json.h"
#include "learn/table_learner.h"

namespace jarvis2::bench {
namespace {

using learn::Block;
using learn::Chooser;
using learn::Learned;
using learn::Table;

struct Settings {
  std::string tables = "bench/learn/tables";
  std::size_t folds = 6;
  std::size_t seeds = 20;
  std::uint64_t simulations = 128;
  unsigned threads = std::max(1U, std::thread::hardware_concurrency());
  bool ablations = true;
  bool json = false;
  std::uint32_t members = 3;
};

// Runs all jobs, each on one thread; the first failure is thrown.
void run_all(std::vector<std::function<void()>>& jobs, unsigned threads) {
  std::atomic<std::size_t> next{0};
  std::exception_ptr failure;
  std::mutex mutex;
  {
    std::vector<std::jthread> workers;
    for (unsigned i = 0; i < std::max(1U, threads); ++i) {
      workers.emplace_back([&] {
        for (std::size_t job = next++; job < jobs.size(); job = next++) {
          try {
            jobs[job]();
          } catch (...) {
            const std::lock_guard<std::mutex> guard(mutex);
            failure = std::current_exception();
          }
        }
      });
    }
  }
  if (failure) std::rethrow_exception(failure);
}

struct Variant {
  const char* name;
  bool shuffled;
  Block zeroed;
};
constexpr Variant kVariants[] = {{"trained", false, Block::kNone},
                                 {"labels shuffled", true, Block::kNone},
                                 {"site zeroed", false, Block::kSite},
                                 {"action zeroed", false, Block::kAction},
                                 {"state zeroed", false, Block::kState}};

struct Way {
  const char* name;
  Chooser chooser;
  int variant;  // of the networks; -1: none
  bool uniform;
  double policy_trust;
  double value_trust;
};
constexpr Way kWays[] = {{"search, trained", Chooser::kSearch, 0, false, 1, 1},
                         {"search, policy alone", Chooser::kSearch, 0, false, 1, 0},
                         {"search, value alone", Chooser::kSearch, 0, false, 0, 1},
                         {"search, both trusted by half", Chooser::kSearch, 0, false, 0.5, 0.5},
                         {"search, labels shuffled", Chooser::kSearch, 1, false, 1, 1},
                         {"search, no networks", Chooser::kSearch, -1, false, 0, 0},
                         {"search, uniform priors", Chooser::kSearch, -1, true, 0, 0},
                         {"additive baseline, Thompson", Chooser::kThompson, -1, false, 0, 0},
                         {"additive baseline, mean", Chooser::kMean, -1, false, 0, 0},
                         {"rules, greedy", Chooser::kRules, -1, false, 0, 0},
                         {"random", Chooser::kRandom, -1, false, 0, 0},
                         {"search, site zeroed", Chooser::kSearch, 2, false, 1, 1},
                         {"search, action zeroed", Chooser::kSearch, 3, false, 1, 1},
                         {"search, state zeroed", Chooser::kSearch, 4, false, 1, 1}};
constexpr std::size_t kThompson = 7;
constexpr std::size_t kPlainWays = 11;  // the rest are ablations

struct Interval {
  double estimate = 0;
  double low = 0;
  double high = 0;
};

// Share of verifications saved against another way: 1 − the geometric mean over programs of the ratio of mean counts;
// bootstrap over programs, and over seeds within them.
Interval saved(const std::vector<std::vector<double>>& ours, const std::vector<std::vector<double>>& theirs) {
  const std::size_t programs = ours.size();
  const auto mean_log = [&](const std::function<std::size_t(std::size_t)>& pick, std::mt19937_64* random) {
    double sum = 0;
    for (std::size_t i = 0; i < programs; ++i) {
      const std::size_t p = pick(i);
      double a = 0;
      double b = 0;
      for (std::size_t s = 0; s < ours[p].size(); ++s) {
        const std::size_t seed = random == nullptr ? s : (*random)() % ours[p].size();
        a += ours[p][seed];
        b += theirs[p][seed];
      }
      sum += std::log(a / b);
    }
    return 1 - std::exp(sum / static_cast<double>(programs));
  };
  Interval interval;
  interval.estimate = mean_log([](std::size_t i) { return i; }, nullptr);
  std::mt19937_64 random(7);
  std::vector<double> draws;
  for (int draw = 0; draw < 4000; ++draw) {
    draws.push_back(mean_log([&](std::size_t) { return random() % programs; }, &random));
  }
  std::sort(draws.begin(), draws.end());
  interval.low = draws[draws.size() / 40];
  interval.high = draws[draws.size() - 1 - draws.size() / 40];
  return interval;
}

int run(const Settings& settings) {
  const std::vector<Table> tables = learn::load_tables(settings.tables);
  if (tables.size() < 3) throw Error("bench::learn", settings.tables + ": at least 3 outcome tables are needed");
  const std::size_t folds = std::min(settings.folds, tables.size());
  // Neighbours in the alphabet go to different folds; each fold is left out as a whole.
  std::vector<std::vector<std::string>> left_out(folds);
  for (std::size_t t = 0; t < tables.size(); ++t) left_out[t % folds].push_back(tables[t].program);
  const std::size_t variants = settings.ablations ? std::size(kVariants) : 2;
  std::vector<std::vector<Learned>> learned(variants, std::vector<Learned>(folds));
  std::vector<std::vector<learn::TableLosses>> losses(variants, std::vector<learn::TableLosses>(folds));
  std::vector<std::function<void()>> jobs;
  for (std::size_t v = 0; v < variants; ++v) {
    for (std::size_t f = 0; f < folds; ++f) {
      jobs.emplace_back([&, v, f] {
        learn::TableLearnOptions options;
        options.members = settings.members;
        options.shuffle_labels = kVariants[v].shuffled;
        options.zeroed = kVariants[v].zeroed;
        options.without = left_out[f];
        learned[v][f] = learn::learn_tables(tables, options);
        losses[v][f] = learn::table_losses(tables, left_out[f], learned[v][f], options);
      });
    }
  }
  run_all(jobs, settings.threads);
  const auto mean_loss = [&](std::size_t v, double learn::TableLosses::*field) {
    double sum = 0;
    double count = 0;
    for (std::size_t f = 0; f < folds; ++f) {
      sum += losses[v][f].*field * static_cast<double>(left_out[f].size());
      count += static_cast<double>(left_out[f].size());
    }
    return sum / count;
  };
  Json loss_json = Json::array();
  for (std::size_t v = 0; v < variants; ++v) {
    loss_json.push_back({{"networks", kVariants[v].name},
                         {"policy_cross_entropy", mean_loss(v, &learn::TableLosses::policy)},
                         {"policy_untrained", mean_loss(v, &learn::TableLosses::policy_untrained)},
                         {"value_squared_error", mean_loss(v, &learn::TableLosses::value)},
                         {"value_additive_baseline", mean_loss(v, &learn::TableLosses::value_baseline)}});
  }

  const std::size_t ways = settings.ablations ? std::size(kWays) : kPlainWays;
  std::vector<std::vector<std::vector<double>>> counts(
      ways, std::vector<std::vector<double>>(tables.size(), std::vector<double>(settings.seeds)));
  // By way and fold.
  std::vector<std::vector<std::shared_ptr<const neural::Networks>>> networks(
      ways, std::vector<std::shared_ptr<const neural::Networks>>(folds));
  for (std::size_t w = 0; w < ways; ++w) {
    for (std::size_t f = 0; f < folds && kWays[w].variant >= 0; ++f) {
      Learned trusted = learned[static_cast<std::size_t>(kWays[w].variant)][f];
      trusted.policy.card.trust = kWays[w].policy_trust;
      trusted.value.card.trust = kWays[w].value_trust;
      networks[w][f] = learn::networks_of(trusted);
    }
  }
  jobs.clear();
  for (std::size_t t = 0; t < tables.size(); ++t) {
    for (std::size_t w = 0; w < ways; ++w) {
      for (std::size_t s = 0; s < settings.seeds; ++s) {
        jobs.emplace_back([&, t, w, s] {
          learn::ReplayOptions options;
          options.chooser = kWays[w].chooser;
          options.uniform_priors = kWays[w].uniform;
          options.simulations = settings.simulations;
          options.seed = s + 1;
          options.networks = networks[w][t % folds];
          counts[w][t][s] = static_cast<double>(learn::replay(tables[t], options).verifications);
        });
      }
    }
  }
  run_all(jobs, settings.threads);

  Json results = Json::array();
  Json proof = Json::array();
  const auto mean_of = [](const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
  };
  for (std::size_t w = 0; w < ways; ++w) {
    const Interval interval = saved(counts[w], counts[kThompson]);
    double log_mean = 0;
    for (std::size_t t = 0; t < tables.size(); ++t) log_mean += std::log(mean_of(counts[w][t]));
    proof.push_back({{"way", kWays[w].name},
                     {"verifications", std::exp(log_mean / static_cast<double>(tables.size()))},
                     {"saved_against_thompson", interval.estimate},
                     {"low", interval.low},
                     {"high", interval.high}});
  }
  Json programs = Json::array();
  for (std::size_t t = 0; t < tables.size(); ++t) {
    Json row = {{"program", tables[t].program},
                {"actions", tables[t].actions.size()},
                {"outcomes", tables[t].outcomes.size()},
                {"best", std::exp(tables[t].best())}};
    for (std::size_t w = 0; w < ways; ++w) row["verifications"][kWays[w].name] = mean_of(counts[w][t]);
    programs.push_back(std::move(row));
  }
  Json peers = Json::array();
  const double ours = proof[0]["verifications"].get<double>();
  for (std::size_t w = 1; w < ways; ++w) {
    const double value = proof[w]["verifications"].get<double>();
    peers.push_back({{"name", kWays[w].name}, {"value", value}, {"ratio", value / ours}});
  }
  results.push_back({{"name", "verifications to 95 % of the best known gain, programs left out"},
                     {"unit", "verifications"},
                     {"ours", ours},
                     {"peers", std::move(peers)}});
  const Json json = {{"results", results},          {"proof", proof},
                     {"losses", loss_json},         {"programs", programs},
                     {"seeds", settings.seeds},     {"folds", folds},
                     {"members", settings.members}, {"simulations", settings.simulations}};
  if (settings.json) {
    fmt::print("{}\n", json.dump(2));
    return 0;
  }
  for (const Json& row : proof) {
    fmt::print("{:<30} {:7.2f} verifications, saves {:5.1f} % [{:5.1f}, {:5.1f}]\n", row["way"].get<std::string>(),
               row["verifications"].get<double>(), 100 * row["saved_against_thompson"].get<double>(),
               100 * row["low"].get<double>(), 100 * row["high"].get<double>());
  }
  for (const Json& row : loss_json) {
    fmt::print("{:<16} policy {:.4f} (untrained {:.4f})  value {:.6f} (baseline {:.6f})\n",
               row["networks"].get<std::string>(), row["policy_cross_entropy"].get<double>(),
               row["policy_untrained"].get<double>(), row["value_squared_error"].get<double>(),
               row["value_additive_baseline"].get<double>());
  }
  for (const Json& row : programs) {
    fmt::print("{:<16} {:4} actions {:4} outcomes best {:.3f}x", row["program"].get<std::string>(),
               row["actions"].get<int>(), row["outcomes"].get<int>(), row["best"].get<double>());
    for (std::size_t w = 0; w < std::min(ways, kPlainWays); ++w) {
      fmt::print(" {:6.1f}", row["verifications"][kWays[w].name].get<double>());
    }
    fmt::print("\n");
  }
  return 0;
}

}  // namespace
}  // namespace jarvis2::bench

int main(int argc, char** argv) {
  CLI::App app("Does learning pay? Searches replayed against outcome tables");
  jarvis2::bench::Settings settings;
  app.add_option("--tables", settings.tables, "Folder of outcome tables")->capture_default_str();
  app.add_option("--folds", settings.folds, "Groups of programs that are left out in turn")->capture_default_str();
  app.add_option("--seeds", settings.seeds, "Replays of each way and program")->capture_default_str();
  app.add_option("--simulations", settings.simulations, "Between verifications")->capture_default_str();
  app.add_option("--members", settings.members, "Of the value ensemble")->capture_default_str();
  app.add_option("--threads", settings.threads, "Jobs at a time")->capture_default_str();
  app.add_flag("!--no-ablations", settings.ablations, "Leave out the zeroed blocks");
  app.add_flag("--json", settings.json, "Print JSON");
  CLI11_PARSE(app, argc, argv);
  try {
    return jarvis2::bench::run(settings);
  } catch (const jarvis2::Error& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 2;
  }
}
