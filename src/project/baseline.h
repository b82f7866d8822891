// The untouched commit, built, tested and measured: what every candidate is compared with.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "project/repository.h"
#include "project/sandbox.h"
#include "project/settings.h"
#include "project/worktree.h"

namespace jarvis2::project {

// A benchmark command on the base commit.
struct BenchBaseline {
  std::string command;
  bool holdout = false;
  std::string output;             // stdout, equal in every run (unless ignore_output)
  std::uint64_t output_hash = 0;  // ProcessResult::out_hash of all of it
  double wall_s = 0;              // medians, with the sandbox's own launch
  double cpu_s = 0;
  double noise = 0;  // robust standard deviation of the log-ratio of a pair: CPU time on one core, or wall time
  std::uint64_t peak_memory_bytes = 0;
  bool cpu_bound = true;  // one busy thread: pairs on one core can judge it
  double threads = 0;     // CPU time over wall time
};

struct Baseline {
  std::string commit;
  bool uncommitted = false;  // `commit` is a snapshot of the dirty tree
  Settings settings;         // with corrections made
  std::vector<BenchBaseline> bench;
  double setup_s = 0;
  double build_s = 0;
  double test_s = 0;                     // median
  std::vector<std::string> corrections;  // for the report: what was changed in the baseline, and why
  std::vector<std::string> warnings;
  // Environment on top of the sandbox's clean one that every build of this project needs (corrections).
  std::vector<std::pair<std::string, std::string>> env;
  // Tracked paths outside `edit`, tests, benchmarks and build scripts first: what a candidate must not change. The
  // sandbox binds the first of them read-only where the project's own commands bear it; check digests of all.
  std::vector<std::string> pinned;
  bool pin_by_mount = true;
  std::uint64_t memory_bytes = 0;  // what a candidate's commands may take; 0: no limit
  // Set up, built, and left alone: candidates and the base arm are copies of it.
  std::shared_ptr<Worktree> prepared;
  // Policy for commands in `worktree`: pinned files read-only, the corrections' environment.
  SandboxOptions sandbox(const fs::path& worktree) const;
};

// `stage`: "checkout", "setup", "build", "test", "bench"; fraction of the whole, 0 to 1.
using Progress = std::function<void(std::string_view stage, double fraction)>;

struct BaselineOptions {
  bool include_uncommitted = false;
  int test_runs = 5;         // at least; a test that fails in one of them is refused as flaky
  int most_test_runs = 25;   // quick tests run more often, so that one failure in five shows
  int bench_pairs = 5;       // pairs that measure the noise
  double limit_s = 3600;     // for one command
  std::string revision;      // empty: HEAD
  bool allow_short = false;  // a benchmark too short or noisy is a warning (for screens that count instructions)
};

// Runs setup, build, test and bench. Throws Error for what makes judging impossible: the message's first line says
// what, where and what to do; a failed command's last lines of output follow beneath. Throws Interrupted.
Baseline make_baseline(Repository& repository, const Settings& settings, const BaselineOptions& options,
                       const Progress& progress = {}, std::stop_token stop = {});

}  // namespace jarvis2::project
