// How often the judge errs and how much it sees on this machine, found by letting it decide about a workload whose true
// speed-up is known.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json_fwd.h"
#include "verify/measure.h"

namespace jarvis2::verify {

// Spins for `units` turns of fixed cost; the workload of the trials.
void spin_work(std::uint64_t units);

// Decisions at one true effect.
struct TrialRow {
  double effect = 0;
  int decisions = 0;
  int faster = 0;
  double low = 0, high = 1;  // 95 % interval of the share of *faster* (Clopper & Pearson)
  double pairs = 0;          // median, to the decision
  double seconds = 0;        // median
  double share() const { return decisions > 0 ? static_cast<double>(faster) / decisions : 0; }
};

struct InstrumentCalibration {
  double deviation = 0;        // robust, of one pair's log-ratio
  std::size_t pairs = 0;       // recorded for it
  std::size_t pair_limit = 0;  // of a decision
  std::vector<TrialRow> rows;  // 0, 1, 3, 5 and 10 %
};

struct RunLength {
  double run_s = 0;
  double deviation = 0;
};

struct Calibration {
  InstrumentCalibration duet;        // every decision is live
  InstrumentCalibration sequential;  // decisions on windows of recorded A/A pairs, shifted by the effect
  std::vector<RunLength> lengths;    // of the duet
  double shortest_run_s = 0;         // the shortest that sees 5 % within 20 pairs; 0: none of those tried
  double alpha = kDefaultAlpha, min_effect = kDefaultMinEffect;
  double elapsed_s = 0;
  std::string machine;  // what it was found on
};
void to_json(Json& json, const Calibration& calibration);

// `program` is started as `program calibrate --work UNITS`. Spends about `options.budget_s`. Throws Interrupted.
Calibration calibrate(const fs::path& program, const MeasureOptions& options,
                      const std::function<void(const std::string& phase, double fraction)>& progress);

// In the user's cache. Loading gives nothing when there is none for this machine.
fs::path save_calibration(const Calibration& calibration);
struct KnownNoise {
  double duet_deviation = 0, sequential_deviation = 0;
  double shortest_run_s = 0;  // 0: unknown
};
std::optional<KnownNoise> load_calibration();
// What is known of this machine into the options: the deviations that the tests start from, and how long the runs of a
// pair should take (shorter ones are repeated).
void apply_calibration(const std::optional<KnownNoise>& known, MeasureOptions& options);

// Two-sided interval of a share at `confidence`.
std::pair<double, double> clopper_pearson(int successes, int trials, double confidence);

}  // namespace jarvis2::verify
