#include "project/baseline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <future>
#include <optional>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "hardware/machine.h"
#include "project/optimisation.h"

namespace jarvis2::project {
namespace {

constexpr std::string_view kPlace = "project::make_baseline";
constexpr std::size_t kMostMounts = 64;   // more read-only binds would slow every launch down
constexpr double kQuickTestsS = 20;       // tests are repeated beyond the minimum while they take less in all
constexpr double kShortestBenchS = 0.05;  // of the command's own time
constexpr double kNoisyBenchS = 15;       // what looks noisy is measured for so long before it is refused
constexpr double kMostPairs = 2000;       // what a judgement may need
constexpr double kWantedEffect = 0.05;    // the effect that must be visible

double seconds(std::uint64_t ns) {
  return static_cast<double>(ns) * 1e-9;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::string last_lines(const std::string& text, std::size_t count) {
  std::size_t end = text.size();
  while (end > 0 && text[end - 1] == '\n') --end;
  std::size_t at = end;
  for (std::size_t lines = 0; at > 0; --at) {
    if (text[at - 1] == '\n' && ++lines == count) break;
  }
  std::string out;
  std::istringstream stream(text.substr(at, end - at));
  for (std::string line; std::getline(stream, line);) {
    out += "\n  " + (line.size() > 200 ? line.substr(0, 197) + "..." : line);
  }
  return out;
}

std::string one_line(std::string text, std::size_t most = 60) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text.size() > most ? text.substr(0, most - 3) + "..." : text;
}

// "line 3: `a` and `b`" of the first line that differs.
std::string first_difference(const std::string& a, const std::string& b) {
  std::istringstream left(a), right(b);
  for (int number = 1;; ++number) {
    std::string one, two;
    const bool has_one = static_cast<bool>(std::getline(left, one));
    const bool has_two = static_cast<bool>(std::getline(right, two));
    if (!has_one && !has_two) return "beyond what is kept of it";
    if (one == two && has_one == has_two) continue;
    return fmt::format("line {}: `{}` and `{}`", number, has_one ? one_line(one) : "(nothing)",
                       has_two ? one_line(two) : "(nothing)");
  }
}

// Of a core, for one more busy process.
double usual_share() {
  double load = 0;
  if (::getloadavg(&load, 1) != 1) return 1;
  return std::min(1.0, std::max(1u, std::thread::hardware_concurrency()) / (load + 1));
}

std::string duration(double value_s) {
  if (value_s < 1) return fmt::format("{:.0f} ms", value_s * 1000);
  return value_s < 100 ? fmt::format("{:.1f} s", value_s) : fmt::format("{:.0f} min", value_s / 60);
}

class Maker {
 public:
  Maker(Repository& repository, const Settings& settings, const BaselineOptions& options, const Progress& progress,
        std::stop_token stop)
      : repository_(repository), options_(options), progress_(progress), stop_(std::move(stop)) {
    baseline_.settings = settings;
  }

  Baseline make() {
    if (sandbox_support().level == SandboxLevel::kNone) {
      throw Error(kPlace, fmt::format("no sandbox works here, so nothing is run: {}", sandbox_support().missing));
    }
    choose_commit();
    log_dir_ = repository_.state_dir() / "logs";
    baseline_.memory_bytes = hardware::memory_budget_bytes(hardware::this_machine());
    clean_worktrees(repository_);
    choose_pinned();
    prepare();
    test();
    bench();
    report("bench", 1);
    return std::move(baseline_);
  }

 private:
  void report(std::string_view stage, double fraction) {
    if (stop_.stop_requested()) throw Interrupted();
    if (progress_) progress_(stage, fraction);
  }

  void choose_commit() {
    report("checkout", 0);
    if (!options_.revision.empty()) {
      baseline_.commit = repository_.resolve(options_.revision);
      return;
    }
    baseline_.commit = repository_.head();
    const std::vector<std::string> dirty = repository_.dirty(1000);
    if (dirty.empty()) return;
    if (!options_.include_uncommitted) {
      const std::string more = dirty.size() > 3 ? fmt::format(" and {} more", dirty.size() - 3) : "";
      const std::vector<std::string> first(
          dirty.begin(), dirty.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(3, dirty.size())));
      throw Error(kPlace, fmt::format("{} has uncommitted changes ({}{}); commit or stash them, or pass "
                                      "--include-uncommitted to work on a snapshot",
                                      repository_.root().string(), fmt::join(first, ", "), more));
    }
    baseline_.commit = repository_.snapshot_uncommitted();
    baseline_.uncommitted = true;
  }

  void choose_pinned() {
    std::vector<std::string> others;
    for (const std::string& path : repository_.files(baseline_.commit)) {
      if (editable(baseline_.settings, path)) continue;
      const bool first =
          is_test_path(path) || is_benchmark_path(path) || is_build_script(path) || path == kSettingsFile;
      (first ? baseline_.pinned : others).push_back(path);
    }
    baseline_.pinned.insert(baseline_.pinned.end(), others.begin(), others.end());
  }

  // The log of a command that failed; its path is part of the message.
  fs::path write_log(const std::string& stage, const std::string& command, const ProcessResult& result) {
    std::error_code ignored;
    fs::create_directories(log_dir_, ignored);
    const fs::path file = log_dir_ / (stage + ".log");
    std::ofstream(file) << "$ " << command << "\n" << result.out << result.err;
    return file;
  }

  [[noreturn]] void refuse(const std::string& stage, const std::string& command, const ProcessResult& result,
                           const std::string& what, const std::string& advice) {
    if (result.cancelled || stop_.stop_requested()) throw Interrupted();
    const fs::path file = write_log(stage, command, result);
    const std::string& shown = result.err.find_first_not_of(" \n") == std::string::npos ? result.out : result.err;
    throw Error(kPlace, fmt::format("{}: `{}`; {} (log: {}){}", what, one_line(command, 120), advice, file.string(),
                                    last_lines(shown, 12)));
  }

  static std::string status(const ProcessResult& result) {
    if (result.timed_out) return "takes too long";
    if (result.exit_code > 128) return fmt::format("ends by signal {}", result.exit_code - 128);
    return fmt::format("fails with exit status {}", result.exit_code);
  }

  ProcessResult run(const SandboxOptions& policy, const std::string& command) {
    const Sandbox sandbox(policy);
    ProcessResult result = sandbox.run(command, options_.limit_s, stop_);
    if (result.cancelled || stop_.stop_requested()) throw Interrupted();
    // Sanitizers take address space without end: not under a limit of each process.
    const bool sanitized = (result.out + result.err).find("Sanitizer") != std::string::npos;
    if (result.ok() || !sanitized || !sandbox.command(command).limit_data_bytes) return result;
    SandboxOptions unlimited = policy;
    unlimited.memory_bytes = 0;
    ProcessResult again = run(unlimited, command);
    if (!again.ok()) return result;
    baseline_.memory_bytes = 0;
    baseline_.warnings.push_back(
        fmt::format("`{}` runs under a sanitizer and this system offers no control group: its memory is not limited",
                    one_line(command)));
    return again;
  }

  // Checkout, setup and build. Returns the build's result.
  ProcessResult attempt() {
    baseline_.prepared = std::make_shared<Worktree>(Worktree::create(repository_, baseline_.commit));
    const Settings& settings = baseline_.settings;
    if (!settings.setup.empty()) {
      report("setup", 0.05);
      SandboxOptions policy = baseline_.sandbox(baseline_.prepared->path());
      policy.network = true;
      policy.pinned.clear();
      for (const fs::path& dir : repository_.object_dirs()) policy.readable.push_back(dir);
      const ProcessResult result = run(policy, settings.setup);
      if (!result.ok()) {
        refuse("setup", settings.setup, result, "setup " + status(result),
               missing_program(result, "fix project.setup"));
      }
      baseline_.setup_s = seconds(result.wall_ns);
    }
    if (settings.build.empty()) {
      ProcessResult nothing;
      nothing.exit_code = 0;
      return nothing;
    }
    report("build", 0.15);
    ProcessResult result = run(baseline_.sandbox(baseline_.prepared->path()), settings.build);
    baseline_.build_s = seconds(result.wall_ns);
    return result;
  }

  static std::string missing_program(const ProcessResult& result, const std::string& otherwise) {
    return result.exit_code == 127 ? "a program it needs is not installed, or not in PATH or the sandbox's folders"
                                   : otherwise;
  }

  void prepare() {
    report("checkout", 0.01);
    // Compile commands show the flags and serve the code model.
    baseline_.env = {{"CMAKE_EXPORT_COMPILE_COMMANDS", "ON"}};
    ProcessResult result = attempt();
    if (!result.ok() && baseline_.pin_by_mount && !baseline_.pinned.empty() && result.exit_code != 127) {
      // Perhaps the build writes to files that are tracked.
      baseline_.pin_by_mount = false;
      result = attempt();
      if (result.ok()) {
        baseline_.warnings.push_back(
            "the build writes to tracked tests or build scripts: they are checked by digest, not kept read-only");
      }
    }
    for (const std::string& path : baseline_.prepared->missing_submodules()) {
      baseline_.warnings.push_back(
          fmt::format("submodule {} is not checked out here and stays empty; `git submodule update --init`", path));
    }
    if (!result.ok()) refuse_build(result);
    correct(result);
    drop_changed();
  }

  [[noreturn]] void refuse_build(const ProcessResult& result) {
    refuse("build", baseline_.settings.build, result, "build " + status(result),
           missing_program(result, "make it work on a fresh clone without network first"));
  }

  void correct(const ProcessResult& built) {
    if (baseline_.settings.build.empty()) return;
    BuildCheck check = check_build(baseline_.prepared->path(), built.out + "\n" + built.err);
    if (check.optimised) return;
    const std::string evidence = check.evidence;
    const std::string text = check.correction_text;
    if (!check.correction.empty()) {
      baseline_.env.insert(baseline_.env.end(), check.correction.begin(), check.correction.end());
      const ProcessResult result = attempt();
      if (!result.ok()) refuse_build(result);
      check = check_build(baseline_.prepared->path(), result.out + "\n" + result.err);
      if (check.optimised) {
        baseline_.corrections.push_back(text + ", so that no speed-up is claimed over unoptimised code");
        return;
      }
    }
    throw Error(kPlace, fmt::format("the build compiles without optimisation (`{}`); build with -O2 or a release build "
                                    "type, a speed-up over unoptimised code would mean nothing",
                                    evidence));
  }

  // Tracked files that the build itself rewrites are no part of what must stay.
  void drop_changed() {
    const fs::path& tree = baseline_.prepared->path();
    std::erase_if(baseline_.pinned, [&](const std::string& path) {
      std::error_code ignored;
      if (fs::symlink_status(tree / path, ignored).type() != fs::file_type::regular) return true;
      return read_file(tree / path) != repository_.read(baseline_.commit, path);
    });
  }

  void test() {
    report("test", 0.3);
    Worktree copy = baseline_.prepared->copy();
    const std::string& command = baseline_.settings.test;
    std::vector<double> times;
    double total_s = 0;
    for (int number = 1; number <= options_.most_test_runs; ++number) {
      if (number > options_.test_runs && total_s > kQuickTestsS) break;
      if (number > 1) copy.reset();
      ProcessResult result = run(baseline_.sandbox(copy.path()), command);
      if (!result.ok() && number == 1 && baseline_.pin_by_mount && result.exit_code != 127) {
        copy.reset();
        baseline_.pin_by_mount = false;
        result = run(baseline_.sandbox(copy.path()), command);
        if (result.ok()) {
          baseline_.warnings.push_back(
              "the tests write to tracked files: they are checked by digest, not kept read-only");
        }
      }
      if (!result.ok()) {
        if (number == 1) {
          refuse("test", command, result, "test " + status(result),
                 missing_program(result, "the tests must pass on the untouched commit first"));
        }
        refuse("test", command, result,
               fmt::format("test is flaky: run {} of the same code {}, {} before passed", number, status(result),
                           number - 1),
               "make it deterministic or leave the test out of project.test");
      }
      times.push_back(seconds(result.wall_ns));
      total_s += times.back();
      report("test", 0.3 + 0.3 * std::min(1.0, static_cast<double>(number) / options_.test_runs));
    }
    baseline_.test_s = median(times);
  }

  void bench() {
    Worktree copy = baseline_.prepared->copy();
    Worktree second = baseline_.prepared->copy();
    const std::size_t count = baseline_.settings.bench.size() + baseline_.settings.holdout.size();
    std::size_t done = 0;
    for (const std::vector<std::string>* list : {&baseline_.settings.bench, &baseline_.settings.holdout}) {
      for (const std::string& command : *list) {
        report("bench", 0.6 + 0.4 * static_cast<double>(done++) / static_cast<double>(count));
        BenchBaseline measured = measure(command, copy, second);
        measured.holdout = list == &baseline_.settings.holdout;
        baseline_.bench.push_back(std::move(measured));
      }
    }
  }

  BenchBaseline measure(const std::string& command, Worktree& copy, Worktree& other) {
    BenchBaseline bench;
    bench.command = command;
    const Sandbox sandbox(baseline_.sandbox(copy.path()));
    const Sandbox beside(baseline_.sandbox(other.path()));
    std::optional<int> core;
    const auto timed = [&](const Sandbox& where) {
      SpawnOptions spawn = where.command(command);
      if (core) spawn.cpus = std::vector<int>{*core};
      ProcessResult result = run_process(spawn, options_.limit_s, stop_);
      if (result.cancelled || stop_.stop_requested()) throw Interrupted();
      return result;
    };
    const auto accept = [&](const ProcessResult& result) {
      if (!result.ok()) {
        refuse("bench", command, result, "bench " + status(result),
               missing_program(result, "it must work on the untouched commit first"));
      }
      if (result.out_hash == bench.output_hash || baseline_.settings.ignore_output) return;
      throw Error(kPlace, fmt::format("the output of `{}` differs from run to run, {}; keep timings and random values "
                                      "out of it, or set verify.ignore_output = true",
                                      one_line(command, 120), first_difference(bench.output, result.out)));
    };
    // The first run warms the caches.
    const ProcessResult first = timed(sandbox);
    bench.output = first.out;
    bench.output_hash = first.out_hash;
    accept(first);
    copy.reset();
    const ProcessResult alone = timed(sandbox);
    accept(alone);
    const double launch_s = seconds(sandbox.launch_cpu_ns());
    for (const ProcessResult* result : {&first, &alone}) {
      const double own_s = std::max(0.0, seconds(result->cpu_ns) - launch_s);
      bench.threads = std::max(bench.threads, own_s / std::max(seconds(result->wall_ns), 1e-9));
    }
    // On a loaded machine a busy command too has to wait for its turn.
    bench.cpu_bound = bench.threads > std::max(0.2, 0.6 * usual_share()) && bench.threads < 1.2;
    const int pairs = seconds(alone.wall_ns) > 5 ? std::min(3, options_.bench_pairs) : options_.bench_pairs;
    std::vector<double> wall = {seconds(alone.wall_ns)};
    std::vector<double> cpu = {seconds(alone.cpu_ns)};
    std::vector<double> differences;
    // What looks too noisy gets more runs before it is refused: another load may have passed by.
    const std::uint64_t started_ns = monotonic_ns();
    const auto wants_more = [&](int pair) {
      const bool begun = core && differences.size() < static_cast<std::size_t>(pairs);
      return begun || (pairs_needed(bench.noise) > kMostPairs && pair < 5 * pairs &&
                       seconds(monotonic_ns() - started_ns) < kNoisyBenchS);
    };
    for (int pair = 0; pair < pairs || wants_more(pair); ++pair) {
      // Two cores may be two threads of one, or one of them somebody's: on one core both meet the same, and so they are
      // judged.
      if (pair == pairs && bench.cpu_bound) {
        const std::vector<int>& ours = hardware::this_machine().affinity;
        core = ours.empty() ? 0 : ours.back();
        differences.clear();
      }
      copy.reset();
      other.reset();
      std::future<ProcessResult> twin =
          std::async(bench.cpu_bound ? std::launch::async : std::launch::deferred, [&] { return timed(beside); });
      const ProcessResult one = timed(sandbox);
      const ProcessResult two = twin.get();
      accept(one);
      accept(two);
      const auto cost = [&](const ProcessResult& result) {
        if (!core) wall.push_back(seconds(result.wall_ns));
        cpu.push_back(seconds(result.cpu_ns));
        bench.peak_memory_bytes = std::max(bench.peak_memory_bytes, result.max_rss_bytes);
        return std::log(static_cast<double>(bench.cpu_bound ? result.cpu_ns : result.wall_ns) + 1);
      };
      differences.push_back(std::abs(cost(one) - cost(two)));
      bench.noise = 1.4826 * median(differences);
    }
    bench.wall_s = median(wall);
    bench.cpu_s = median(cpu);
    // Another load only ever makes a run longer: the shortest tells whether there is enough to measure.
    const std::vector<double>& clock = bench.cpu_bound ? cpu : wall;
    judge_length(bench, std::max(0.0, *std::min_element(clock.begin(), clock.end()) - launch_s));
    return bench;
  }

  double pairs_needed(double noise) const {
    const double visible = std::max(kWantedEffect - baseline_.settings.min_effect, baseline_.settings.min_effect);
    return std::pow(3 * noise / visible, 2);
  }

  // `own_s`: what a run takes, less what the sandbox does.
  void judge_length(const BenchBaseline& bench, double own_s) {
    std::string problem;
    if (own_s < kShortestBenchS) {
      problem = fmt::format(
          "`{}` is too short to judge: it takes {} and would have to run at least {}; give it more "
          "work or repeat it",
          one_line(bench.command, 120), duration(std::max(own_s, 0.001)), duration(kShortestBenchS));
    } else {
      const double pairs = pairs_needed(bench.noise);
      if (pairs > kMostPairs) {
        problem = fmt::format(
            "`{}` is too noisy to judge: equal runs differ by {:.0f} %; it would have to run about {} "
            "instead of {}, or do the same work each time",
            one_line(bench.command, 120), 100 * (std::exp(bench.noise) - 1), duration(own_s * pairs / kMostPairs),
            duration(own_s));
      }
    }
    if (problem.empty()) return;
    if (!options_.allow_short) throw Error(kPlace, problem);
    baseline_.warnings.push_back(problem);
  }

  Repository& repository_;
  BaselineOptions options_;
  Progress progress_;
  std::stop_token stop_;
  fs::path log_dir_;
  Baseline baseline_;
};

}  // namespace

SandboxOptions Baseline::sandbox(const fs::path& worktree) const {
  SandboxOptions policy;
  policy.worktree = worktree;
  if (const fs::path home = worktree.parent_path() / "home"; fs::is_directory(home)) policy.home = home;
  policy.env = env;
  policy.memory_bytes = memory_bytes;
  if (pin_by_mount) {
    policy.pinned.assign(pinned.begin(),
                         pinned.begin() + static_cast<std::ptrdiff_t>(std::min(pinned.size(), kMostMounts)));
  }
  return policy;
}

Baseline make_baseline(Repository& repository, const Settings& settings, const BaselineOptions& options,
                       const Progress& progress, std::stop_token stop) {
  return Maker(repository, settings, options, progress, std::move(stop)).make();
}

}  // namespace jarvis2::project
