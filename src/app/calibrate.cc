// jarvis2 calibrate: how often the judge errs and how much it sees on this machine.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <optional>

#include "app/app.h"
#include "app/judge_options.h"
#include "base/error.h"
#include "base/executable.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "verify/calibration.h"

namespace jarvis2::app {
namespace {

struct CalibrateOptions {
  JudgeOptions judge;
  std::vector<int> cpus;
  std::optional<std::uint64_t> work;
};

void print_rows(const char* title, const verify::InstrumentCalibration& seen) {
  fmt::print("{}: a pair deviates by {:.2f} %\n", title, seen.deviation * 100);
  for (const verify::TrialRow& row : seen.rows) {
    if (row.decisions == 0) continue;
    fmt::print("  {:>4}  called faster {:>3} of {:>3} ({:.0f} to {:.0f} %), {:.0f} pairs, {:.1f} s\n",
               row.effect == 0 ? "A/A" : fmt::format("{:.0f} %", row.effect * 100), row.faster, row.decisions,
               row.low * 100, row.high * 100, row.pairs, row.seconds);
  }
}

int run_calibrate(const CalibrateOptions& options, const Common& common) {
  if (options.work) {
    verify::spin_work(*options.work);
    return kDone;
  }
  verify::MeasureOptions measure;
  measure.budget_s = 60;
  apply_judge_options(options.judge, measure);
  measure.cpus = options.cpus;
  measure.stop = interrupt_token();
  const bool show = !common.quiet && !common.json && ::isatty(STDERR_FILENO) == 1;
  const verify::Calibration calibration =
      verify::calibrate(executable_path(), measure, [&](const std::string& phase, double fraction) {
        if (show) fmt::print(stderr, "\r\033[K{}  {:.0f} %", phase, fraction * 100);
      });
  if (show) fmt::print(stderr, "\r\033[K");
  const fs::path file = verify::save_calibration(calibration);
  if (common.json) {
    fmt::print("{}\n", Json(calibration).dump(2));
    return kDone;
  }
  print_rows("Both at once on one core, by CPU time (live decisions)", calibration.duet);
  print_rows("One after the other, by the wall clock (decisions on windows of recorded pairs)", calibration.sequential);
  for (const verify::RunLength& length : calibration.lengths) {
    fmt::print("  runs of {:>3.0f} ms: a pair on one core deviates by {:.2f} %\n", length.run_s * 1e3,
               length.deviation * 100);
  }
  if (calibration.shortest_run_s > 0) {
    fmt::print("A benchmark should run for {:.0f} ms or more to show 5 % within 20 pairs.\n",
               calibration.shortest_run_s * 1e3);
  } else {
    fmt::print("No run length tried was quiet enough to show 5 % within 20 pairs.\n");
  }
  fmt::print("Stored in {}\n", file.string());
  return kDone;
}

}  // namespace

Command add_calibrate(CLI::App& root, Common& common) {
  CLI::App* app = root.add_subcommand("calibrate", "Find out the judge's real error rates on this machine");
  const auto options = std::make_shared<CalibrateOptions>();
  add_judge_options(*app, options->judge, "60s");
  app->add_option("--cpus", options->cpus, "Cores to measure on (default: all)")->delimiter(',');
  app->add_option("--work", options->work)->group("");  // the workload itself, started by the trials
  return {app, [options, &common] { return run_calibrate(*options, common); }};
}

}  // namespace jarvis2::app
