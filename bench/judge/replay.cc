// Replays traces of one program's run times, recorded or simulated, through the judge's decision code and through the
// rules that others decide by. Every session draws its window, its coin and its true speed-up, so each rule's false
// accepts and power are counted on the same disturbances.
//
//   bench_judge record --instrument duet --pairs 2000 --out duet.json -- COMMAND...
//   bench_judge [TRACE.json...] [--sessions 2000] [--table]
//   bench_judge launch
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "hardware/machine.h"
#include "project/sandbox.h"
#include "verify/calibration.h"
#include "verify/pairs.h"
#include "verify/probe.h"
#include "verify/simulation.h"
#include "verify/statistics.h"

namespace jarvis2::verify {
namespace {

struct Trace {
  std::string name;
  bool duet = false;
  std::vector<double> logs;  // log time of run after run; a pair is runs 2i and 2i + 1
};

struct Outcome {
  bool faster = false;
  double runs = 0;  // of both arms
};
// Decides about the trace from run `start` on, when the candidate's runs are shorter by `log_effect`.
using Rule = std::function<Outcome(const Trace&, std::size_t start, double log_effect, std::mt19937_64&)>;

double at(const Trace& trace, std::size_t i) {
  return trace.logs[i % trace.logs.size()];
}

Outcome our_rule(const Trace& trace, std::size_t start, double log_effect, std::mt19937_64& random, std::size_t limit) {
  SequentialTest test({kDefaultAlpha, kDefaultMinEffect, trace.duet ? 0.02 : 0.12});
  while (test.wants_more() && test.log_ratios().size() < limit) {
    const std::size_t pair = start + 2 * test.log_ratios().size();
    const double first = at(trace, pair), second = at(trace, pair + 1);
    const bool base_first = (random() >> 33 & 1) != 0;
    test.add(log_effect + (base_first ? first - second : second - first));
  }
  return {test.verdict() == Verdict::kFaster, 2.0 * static_cast<double>(test.log_ratios().size())};
}

// `n` runs of the baseline, then `n` of the candidate, as seconds.
void blocks(const Trace& trace, std::size_t start, double log_effect, std::size_t n, std::vector<double>& a,
            std::vector<double>& b) {
  for (std::size_t i = 0; i < n; ++i) {
    a.push_back(std::exp(at(trace, start + i)));
    b.push_back(std::exp(at(trace, start + n + i) - log_effect));
  }
}

struct NamedRule {
  std::string name;
  Rule rule;
};

std::vector<NamedRule> rules(bool duet) {
  std::vector<NamedRule> all;
  for (const std::size_t limit : duet ? std::vector<std::size_t>{20, 60} : std::vector<std::size_t>{120, 800}) {
    all.push_back({fmt::format("jarvis2, at most {} pairs", limit),
                   [limit](const Trace& trace, std::size_t start, double effect, std::mt19937_64& random) {
                     return our_rule(trace, start, effect, random, limit);
                   }});
  }
  constexpr std::size_t kRuns = 30;
  all.push_back({"best of 30, 5 % gate", [](const Trace& trace, std::size_t start, double effect, std::mt19937_64&) {
                   std::vector<double> a, b;
                   blocks(trace, start, effect, kRuns, a, b);
                   const double ratio = *std::min_element(a.begin(), a.end()) / *std::min_element(b.begin(), b.end());
                   return Outcome{ratio > 1.05, 2.0 * kRuns};
                 }});
  all.push_back({"Welch, 30 and 30", [](const Trace& trace, std::size_t start, double effect, std::mt19937_64&) {
                   std::vector<double> a, b;
                   blocks(trace, start, effect, kRuns, a, b);
                   return Outcome{welch_p_value(a, b) < 0.05, 2.0 * kRuns};
                 }});
  all.push_back({"Mann-Whitney, 30 and 30", [](const Trace& trace, std::size_t start, double effect, std::mt19937_64&) {
                   std::vector<double> a, b;
                   blocks(trace, start, effect, kRuns, a, b);
                   return Outcome{mann_whitney_p_value(a, b) < 0.05, 2.0 * kRuns};
                 }});
  all.push_back(
      {"hyperfine's means, 10 and 10", [](const Trace& trace, std::size_t start, double effect, std::mt19937_64&) {
         std::vector<double> a, b;
         blocks(trace, start, effect, 10, a, b);
         const double ratio = std::accumulate(a.begin(), a.end(), 0.0) / std::accumulate(b.begin(), b.end(), 0.0);
         return Outcome{ratio > 1 + kDefaultMinEffect, 20};
       }});
  return all;
}

Trace simulated(const std::string& name, const Noise& noise, bool duet, std::size_t runs, std::uint64_t seed) {
  Trace trace{name, duet, {}};
  SimulatedMachine machine(noise, seed);
  for (std::size_t i = 0; i < runs; ++i) trace.logs.push_back(machine.slot() - (i % 2 == 1 ? noise.second_slot : 0));
  return trace;
}

Trace load(const fs::path& path) {
  const Json json = Json::parse(read_file(path));
  Trace trace{path.filename().string(), json.at("instrument") == "duet", {}};
  for (const Json& pair : json.at("pairs")) {
    for (const Json& ns : pair) trace.logs.push_back(std::log(ns.get<double>()));
  }
  if (trace.logs.size() < 20) throw Error("bench_judge", path.string() + " holds fewer than 10 pairs");
  return trace;
}

int record(const std::vector<std::string>& command, const std::string& instrument, std::size_t count,
           const std::vector<int>& cpus, const fs::path& out) {
  Arm arm;
  arm.spawn.argv = command;
  PairSetup setup;
  setup.parts = {{&arm, &arm, 1, std::nullopt}};
  setup.instrument = instrument_from_name(instrument);
  setup.run_timeout_s = 3600;
  setup.seed = monotonic_ns();
  const bool duet = setup.instrument == Instrument::kDuet;
  std::atomic<std::uint64_t> index{0};
  Json pairs = Json::array();
  run_pairs(setup, cpus.empty() ? usable_cpus() : cpus, 1, monotonic_s() + 1e6, index, interrupt_token(),
            [&](const PairSample& sample) {
              const std::uint64_t base = duet ? sample.base_cpu_ns : sample.base_wall_ns;
              const std::uint64_t candidate = duet ? sample.candidate_cpu_ns : sample.candidate_wall_ns;
              pairs.push_back(sample.base_first ? Json{base, candidate} : Json{candidate, base});
              return pairs.size() < count;
            });
  write_file_atomic(out, Json{{"instrument", instrument}, {"command", command}, {"pairs", pairs}}.dump() + "\n");
  return kDone;
}

// What starting and ending a sandbox takes: `true` inside and outside, medians.
int launch() {
  const TempDir folder;
  project::SandboxOptions options;
  options.worktree = folder.path();
  options.memory_bytes = hardware::memory_budget_bytes(hardware::this_machine());
  const project::Sandbox sandbox(options);
  SpawnOptions bare;
  bare.argv = {"/bin/sh", "-c", "true"};
  std::vector<double> inside_ms, outside_ms;
  for (int i = 0; i < 60; ++i) {
    const ProcessResult result = sandbox.run("true", 60);
    if (!result.ok()) throw Error("bench_judge", "the sandbox does not start: " + result.err);
    inside_ms.push_back(static_cast<double>(result.wall_ns) * 1e-6);
    outside_ms.push_back(static_cast<double>(run_process(bare, 60).wall_ns) * 1e-6);
  }
  fmt::print("{}\n", Json{{"level", project::level_name(project::sandbox_support().level)},
                          {"wall_ms", median(inside_ms)},
                          {"cpu_ms", static_cast<double>(sandbox.launch_cpu_ns()) * 1e-6},
                          {"bare_ms", median(outside_ms)}}
                         .dump());
  return kDone;
}

// Shares of *faster* for one rule, by effect.
struct Row {
  std::string rule;
  std::vector<double> shares;
  double runs_at_5 = 0;
};

constexpr double kEffects[] = {0, 0.01, 0.03, 0.05, 0.10};

std::vector<Row> play(const Trace& trace, int sessions, std::uint64_t seed) {
  std::vector<Row> rows;
  for (const NamedRule& rule : rules(trace.duet)) {
    std::mt19937_64 random(seed);
    Row row{rule.name, {}, 0};
    for (const double effect : kEffects) {
      int faster = 0;
      std::vector<double> runs;
      for (int session = 0; session < sessions; ++session) {
        const std::size_t start = 2 * std::uniform_int_distribution<std::size_t>(0, trace.logs.size() / 2 - 1)(random);
        const Outcome outcome = rule.rule(trace, start, std::log1p(effect), random);
        faster += outcome.faster ? 1 : 0;
        runs.push_back(outcome.runs);
      }
      row.shares.push_back(static_cast<double>(faster) / sessions);
      if (effect == 0.05) row.runs_at_5 = median(runs);
    }
    rows.push_back(row);
  }
  return rows;
}

double deviation(const Trace& trace) {
  std::vector<double> differences;
  for (std::size_t i = 0; i + 1 < trace.logs.size(); i += 2) differences.push_back(trace.logs[i] - trace.logs[i + 1]);
  return robust_deviation(differences);
}

void print_table(const Trace& trace, const std::vector<Row>& rows) {
  fmt::print("\n{} ({}, {} runs; a pair deviates by {:.2f} %)\n\n", trace.name, trace.duet ? "duet" : "sequential",
             trace.logs.size(), deviation(trace) * 100);
  fmt::print("| rule | A/A | 1 % | 3 % | 5 % | 10 % | median runs at 5 % |\n|---|---|---|---|---|---|---|\n");
  for (const Row& row : rows) {
    fmt::print("| {} |", row.rule);
    for (const double share : row.shares) fmt::print(" {:.1f} % |", share * 100);
    fmt::print(" {:.0f} |\n", row.runs_at_5);
  }
}

constexpr std::size_t kOwnRules = 2;  // come first

// Ours is the rule with the higher limit of pairs; ratios above 1 are in our favour.
void add_results(Json& results, const Trace& trace, const std::vector<Row>& rows) {
  for (std::size_t effect = 0; effect < std::size(kEffects); ++effect) {
    const bool is_error = kEffects[effect] < kDefaultMinEffect;
    const double ours = rows[1].shares[effect];
    Json peers = Json::array();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (i < kOwnRules) continue;
      const double theirs = rows[i].shares[effect];
      const double over = is_error ? theirs : ours, under = is_error ? ours : theirs;
      peers.push_back(
          {{"name", rows[i].rule}, {"value", theirs * 100}, {"ratio", under > 0 ? Json(over / under) : Json(nullptr)}});
    }
    results.push_back(
        {{"name", fmt::format("{}: called faster at a true {:.0f} %", trace.name, kEffects[effect] * 100)},
         {"unit", "%"},
         {"ours", ours * 100},
         {"peers", peers},
         {"rule", rows[1].rule},
         {"ours_with_fewer_pairs", rows[0].shares[effect] * 100},
         {"instrument", trace.duet ? "duet" : "sequential"},
         {"deviation", deviation(trace)}});
  }
}

int replay(const std::vector<std::string>& files, int sessions, std::uint64_t seed, bool table) {
  std::vector<Trace> traces;
  for (const std::string& file : files) traces.push_back(load(file));
  if (files.empty()) {
    traces.push_back(simulated("simulated, wall clock, 0.15", sequential_noise(0.145), false, 40'000, seed));
    traces.push_back(simulated("simulated, wall clock, 0.21", sequential_noise(0.20), false, 40'000, seed + 1));
    traces.push_back(simulated("simulated, one core, 0.015", duet_noise(0.012), true, 40'000, seed + 2));
    traces.push_back(simulated("simulated, one core, 0.025", duet_noise(0.020), true, 40'000, seed + 3));
  }
  Json results = Json::array();
  for (const Trace& trace : traces) {
    const std::vector<Row> rows = play(trace, sessions, seed);
    if (table) print_table(trace, rows);
    add_results(results, trace, rows);
  }
  if (!table) fmt::print("{}\n", Json{{"results", results}}.dump(2));
  return kDone;
}

int run(int argc, char** argv) {
  install_interrupt_handlers();
  CLI::App app("Replays run times through the judge and its peers");
  std::vector<std::string> files;
  int sessions = 2000;
  std::uint64_t seed = 1;
  bool table = false;
  app.add_option("traces", files, "Recorded traces; none: simulated ones");
  app.add_option("--sessions", sessions, "For each rule and effect");
  app.add_option("--seed", seed);
  app.add_flag("--table", table, "Print tables, not JSON");
  CLI::App* recording = app.add_subcommand("record", "Record pairs of one command");
  std::string instrument = "duet";
  std::size_t pairs = 1000;
  std::vector<int> cpus;
  std::string out;
  recording->add_option("--instrument", instrument)->check(CLI::IsMember({"duet", "sequential"}));
  recording->add_option("--pairs", pairs);
  recording->add_option("--cpus", cpus)->delimiter(',');
  recording->add_option("--out", out)->required();
  std::vector<std::string> command;
  recording->add_option("command", command, "After --: the program and its arguments")->required();
  CLI::App* launching = app.add_subcommand("launch", "Time the start of a sandbox");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kError;
  }
  try {
    if (launching->parsed()) return launch();
    if (!recording->parsed()) return replay(files, sessions, seed, table);
    return record(command, instrument, pairs, cpus, out);
  } catch (const Interrupted&) {
    return kInterrupted;
  } catch (const RunFailed& failed) {
    fmt::print(stderr, "{}\n", failed.failure.reason);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
  }
  return kError;
}

}  // namespace
}  // namespace jarvis2::verify

int main(int argc, char** argv) {
  return jarvis2::verify::run(argc, argv);
}
