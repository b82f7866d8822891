// Paired measurement of two arms, and the judgement from it.
//
// Two instruments. Duet: both arms at once on one core, time-sliced by the kernel, compared by CPU time: every
// disturbance hits both [duet benchmarking, arXiv 2001.05811]; blind to waiting and parallel speed-up. Sequential: one
// after the other in random order, compared by wall time. The order is a fair coin either way.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json_fwd.h"
#include "base/process.h"
#include "verify/statistics.h"

namespace jarvis2::verify {

enum class Instrument { kAuto, kDuet, kSequential };
std::string instrument_name(Instrument instrument);  // "auto", "duet", "sequential"
Instrument instrument_from_name(const std::string& name);

enum class Metric { kTime, kInstructions, kPeakMemory, kSize, kPattern };
struct Objective {
  Metric metric = Metric::kTime;
  std::string pattern;            // kPattern: a regular expression whose first group is the number on stdout
  bool higher_is_better = false;  // kPattern
  std::vector<fs::path> files;    // kSize: relative to the arm's cwd
};
std::string metric_name(Metric metric);

// One side of the comparison: how to start it. `variants` are the same program laid out differently (link orders); a
// pair takes one of {spawn, variants...}; every block of so many pairs takes each once, in random order.
struct Arm {
  SpawnOptions spawn;
  std::vector<SpawnOptions> variants;
  std::string name;
};

struct Progress {
  std::string phase;  // "probe", "measure", "a/a", "confirm"
  Instrument instrument = Instrument::kAuto;
  std::size_t pairs = 0;
  Estimate estimate;
  double elapsed_s = 0;
  double eta_s = 0;  // to the verdict or the end of the budget, whichever is nearer
};

struct MeasureOptions {
  double alpha = kDefaultAlpha;
  double min_effect = kDefaultMinEffect;
  double budget_s = 60;
  std::size_t max_pairs = 2000;
  std::size_t lanes = 0;   // cores that run a duet at the same time; 0: half of `cpus`, at most 4
  std::uint64_t seed = 0;  // of the coin; 0: from the system
  Instrument instrument = Instrument::kAuto;
  Objective objective;
  std::vector<int> cpus;            // cores to measure on; empty: all we may use
  double run_timeout_s = 0;         // a run; 0: ten times the probe's own time
  double min_run_s = 0.05;          // shorter runs are repeated inside a pair
  std::uint64_t launch_cpu_ns = 0;  // CPU time of starting the sandbox, taken off every run
  double duet_scale = 0.02;         // first guesses of a pair's deviation (calibrate knows better)
  double sequential_scale = 0.12;
  double screen_error = 0.006;  // standard error of the log-ratio at which a screen has seen enough
  bool check_output = true;     // every run's stdout must be the probe's
  bool pad_environment = true;  // a random amount of environment per run: the stack's place is noise, not bias
  bool confirm = true;          // a faster duet must agree in direction with wall-clock pairs
  bool record_aa = true;        // pairs of the baseline against itself, beside the claim
  std::function<void(const Progress&)> progress;  // called from the judging thread
  std::stop_token stop;
};

// What each arm cost in one pair. Times are sums over `repeats` runs.
struct PairSample {
  double log_ratio = 0;  // of the objective: baseline over candidate, or the reverse where higher is better
  std::uint64_t base_cpu_ns = 0, candidate_cpu_ns = 0;
  std::uint64_t base_wall_ns = 0, candidate_wall_ns = 0;
  std::uint64_t base_rss_bytes = 0, candidate_rss_bytes = 0;
  int repeats = 1;  // repeats and base_first are the last part's
  bool base_first = true;
  int base_layout = 0, candidate_layout = 0;  // 0: the arm's `spawn`, else its variant of that number
  int cpu = -1;                               // the duet's core
  std::vector<double> part_log_ratios;        // one a benchmark
};

// A run that failed, timed out or printed something else; the arm it was.
struct RunFailure {
  bool candidate = false;
  std::string reason;
};

// How the work behaves, from the probe.
struct Profile {
  double wall_s = 0, cpu_s = 0;
  double waiting = 0;        // share of the time with no runnable thread
  double parallel = 0;       // share of the time with two or more runnable threads
  std::size_t looks = 0;     // that these two rest on
  bool unaccounted = false;  // more CPU time was seen in its processes than they were charged for
  std::uint64_t max_rss_bytes = 0;
  std::uint64_t output_hash = 0;
};

// One benchmark of several that are judged together.
struct PartResult {
  std::string name;
  Profile base, candidate;
  Estimate estimate;
  bool slower = false;  // proven, at the same alpha
};

// What layouts do to the log-ratio.
struct LayoutSpread {
  std::size_t base = 1, candidate = 1;                 // layouts that were measured
  double base_deviation = 0, candidate_deviation = 0;  // of the log of the time, between layouts
  double standard_error = 0;                           // of the log-ratio, as only so many layouts were drawn
};

struct Judgement {
  Verdict verdict = Verdict::kUndecided;
  Estimate estimate;  // of the objective by the deciding instrument
  double alpha = kDefaultAlpha;
  double min_effect = kDefaultMinEffect;
  Instrument instrument = Instrument::kSequential;
  std::string instrument_reason;
  std::string reason;  // one sentence: why this verdict
  std::vector<PairSample> samples;
  std::optional<Estimate> aa;              // baseline against itself, same session and instrument
  std::optional<Estimate> confirmation;    // wall-clock pairs
  std::optional<LayoutSpread> layouts;     // when there were several; the estimate's interval holds it
  std::map<std::string, Estimate> beside;  // what was not asked for, from the same pairs: "time", "peak_memory"
  std::vector<std::string> notes;          // drift, second load, throttling, what was done about it
  std::optional<RunFailure> failure;       // then the verdict is kRejected (candidate) or an Error (baseline)
  std::vector<PartResult> parts;
  std::uint64_t seed = 0;
  double elapsed_s = 0;
};
void to_json(Json& json, const Estimate& estimate);
void to_json(Json& json, const PairSample& sample);
void to_json(Json& json, const Judgement& judgement);

// Measures until the test has its verdict, the budget ends or `stop` is requested. Throws Error when the baseline
// fails; a failing candidate is a verdict. Cores are owned for the time of a pair: concurrent calls in this process
// take turns.
Judgement judge(const Arm& base, const Arm& candidate, const MeasureOptions& options);
// Several benchmarks at once: the claim is about the geometric mean of their ratios, and is not made when one of them
// is proven slower.
struct Work {
  std::string name;
  Arm base, candidate;
  std::optional<std::uint64_t> output_hash;                // what every run must print; empty: what the baseline prints
  std::optional<Profile> base_profile, candidate_profile;  // when known, the probe is spared
};
Judgement judge(const std::vector<Work>& works, const MeasureOptions& options);

// A quick look for the search: `pairs` pairs, no verdict. `se` is the standard error of the log-ratio.
struct Screen {
  double log_ratio = 0;
  double se = std::numeric_limits<double>::infinity();
  std::size_t pairs = 0;
  Instrument instrument = Instrument::kDuet;
  std::optional<RunFailure> failure;
};
Screen screen(const std::vector<Work>& works, std::size_t pairs, const MeasureOptions& options);

// Fresh pairs for a champion: the k-th confirmation of the session (k from 1) spends alpha * 2^-k. Its estimate is the
// only one that is reported.
Judgement confirm(const std::vector<Work>& works, int k, MeasureOptions options);

// Instructions executed, from valgrind. `unsupported` says why there is no number (no valgrind, it died, no such CPU).
struct InstructionCount {
  std::uint64_t instructions = 0;
  std::string unsupported;
  bool ok() const { return unsupported.empty(); }
};
// The command to give to a sandbox's shell in place of `command`, and the reading of its result.
std::string counting_command(const std::string& command);
InstructionCount read_instruction_count(const ProcessResult& result, double timeout_s);
// The same for a program started plainly, in an environment of fixed size.
InstructionCount count_instructions(const SpawnOptions& run, double timeout_s, std::stop_token stop = {});

// The cores this process may run on, in order.
std::vector<int> usable_cpus();

// Ownership of one core, or of the whole machine, among the measurements of this process. Acquiring blocks until it is
// free, or throws Interrupted when `stop` is requested. Thread-safe; who waits for the machine goes first.
class Lease {
 public:
  static Lease core(const std::vector<int>& candidates, std::stop_token stop = {});  // any one of them
  static Lease machine(std::stop_token stop = {});
  ~Lease();
  Lease(Lease&& other) noexcept : cpu_(other.cpu_), held_(other.held_) { other.held_ = false; }
  Lease& operator=(Lease&&) = delete;
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  int cpu() const { return cpu_; }  // -1: the machine

 private:
  explicit Lease(int cpu) : cpu_(cpu) {}
  int cpu_;
  bool held_ = true;
};

}  // namespace jarvis2::verify
