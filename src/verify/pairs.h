// Pairs of fresh processes: the instruments under the judge.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "verify/measure.h"

namespace jarvis2::verify {

// The variable that moves the stack about; there in the runs that are checked as in those that are measured.
inline constexpr const char* kPaddingName = "_PADDING";

// A run that failed or printed something else. Caught in the judge.
struct RunFailed {
  RunFailure failure;
};
// The measurement's own token stopped a run. Caught in the judge.
struct Cancelled {};

// One benchmark of both arms.
struct PairPart {
  const Arm* base = nullptr;
  const Arm* candidate = nullptr;
  int repeats = 1;
  std::optional<std::uint64_t> output_hash;  // every run's
};

// What the pairs have in common. A pair runs each part as a pair of its own, with its own coin; its log-ratio is the
// mean.
struct PairSetup {
  std::vector<PairPart> parts;
  Instrument instrument = Instrument::kDuet;  // or kSequential
  Objective objective;
  double run_timeout_s = 0;
  bool pad_environment = true;
  std::uint64_t launch_cpu_ns = 0;  // taken off every run
  std::uint64_t seed = 1;
};

// Runs pair number `index` (the coin and the padding are functions of seed and index). `cpu` ties both arms to a core,
// -1 to none. Throws RunFailed or Cancelled. Thread-safe.
PairSample run_pair(const PairSetup& setup, std::uint64_t index, int cpu, std::stop_token stop);

// Runs pairs on several cores at once, or one after the other on the whole machine, and gives each to `take` (called
// from this thread, in order of completion) until it returns false, `stop` is requested or `deadline_s` (monotonic)
// passes. `index` numbers the pairs and goes on over calls. Throws what run_pair throws, Interrupted when `stop` is
// requested.
void run_pairs(const PairSetup& setup, const std::vector<int>& cpus, std::size_t lanes, double deadline_s,
               std::atomic<std::uint64_t>& index, std::stop_token stop,
               const std::function<bool(const PairSample&)>& take);

// One run with its checks; used by the probe too.
struct RunTotals {
  std::uint64_t cpu_ns = 0, wall_ns = 0, rss_bytes = 0;
  double metric_sum = 0;  // of the printed numbers
};
void check_run(const ProcessResult& result, bool candidate, double timeout_s,
               const std::optional<std::uint64_t>& output_hash);
// The number the objective's pattern finds in `out`; throws RunFailed when there is none.
double printed_metric(const Objective& objective, const std::string& out, bool candidate);

double monotonic_s();

}  // namespace jarvis2::verify
