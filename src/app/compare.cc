// jarvis2 compare 'A' 'B': is B faster than A?
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <memory>

#include "app/app.h"
#include "app/judge_options.h"
#include "app/progress.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "verify/measure.h"

namespace jarvis2::app {
namespace {

struct CompareOptions {
  std::string a, b;
  JudgeOptions judge;
  std::string instrument = "auto";
  bool ignore_output = false;
  std::vector<int> cpus;
};

verify::Arm shell(const std::string& command, const std::string& name) {
  verify::Arm arm;
  arm.spawn.argv = {"/bin/sh", "-c", command};
  arm.name = name;
  return arm;
}

std::string interval(const verify::Estimate& e) {
  if (!std::isfinite(e.high)) return fmt::format("{:.3f} ({:.3f} or more)", e.ratio, e.low);
  return fmt::format("{:.3f} ({:.3f} to {:.3f})", e.ratio, e.low, e.high);
}

void print(const verify::Judgement& judgement) {
  fmt::print("{}: {}\n", verify::verdict_name(judgement.verdict), judgement.reason);
  fmt::print("  time of A over time of B: {}, {} pairs\n", interval(judgement.estimate), judgement.estimate.pairs);
  fmt::print("  instrument: {} ({})\n", verify::instrument_name(judgement.instrument), judgement.instrument_reason);
  if (judgement.confirmation && judgement.confirmation->pairs > 0) {
    fmt::print("  by the wall clock, in sequence: {}, {} pairs\n", interval(*judgement.confirmation),
               judgement.confirmation->pairs);
  }
  if (judgement.aa) fmt::print("  A against itself: {}, {} pairs\n", interval(*judgement.aa), judgement.aa->pairs);
  for (const std::string& note : judgement.notes) fmt::print("  note: {}\n", note);
}

int run_compare(const CompareOptions& options, const Common& common) {
  verify::MeasureOptions measure;
  measure.budget_s = 55;  // with the probe's and the last pair's overhang: a minute
  apply_judge_options(options.judge, measure);
  measure.instrument = verify::instrument_from_name(options.instrument);
  measure.check_output = !options.ignore_output;
  measure.cpus = options.cpus;
  measure.stop = interrupt_token();
  const verify::Judgement judgement = [&] {
    ProgressLine line(!common.quiet && !common.json);
    measure.progress = [&line](const verify::Progress& progress) { line.set(progress_text(progress)); };
    return verify::judge(shell(options.a, "A"), shell(options.b, "B"), measure);
  }();
  if (judgement.verdict == verify::Verdict::kRejected) {
    throw Error("app::compare", fmt::format("B cannot be compared with A: {}{}", judgement.reason,
                                            measure.check_output ? " (--ignore-output if outputs may differ)" : ""));
  }
  if (common.json) {
    fmt::print("{}\n", Json(judgement).dump(2));
  } else {
    print(judgement);
  }
  switch (judgement.verdict) {
    case verify::Verdict::kFaster:
      return kDone;
    case verify::Verdict::kUndecided:
      return kUndecided;
    default:
      return kNotFound;
  }
}

}  // namespace

Command add_compare(CLI::App& root, Common& common) {
  CLI::App* app = root.add_subcommand("compare", "Is the second command faster than the first?");
  const auto options = std::make_shared<CompareOptions>();
  app->add_option("A", options->a, "The first command, for sh -c")->required();
  app->add_option("B", options->b, "The second command")->required();
  add_judge_options(*app, options->judge, "55s");
  app->add_option("--instrument", options->instrument,
                  "duet: both at once on one core, by CPU time; sequential: one after the other, by wall time; auto")
      ->check(CLI::IsMember({"auto", "duet", "sequential"}))
      ->capture_default_str();
  app->add_option("--cpus", options->cpus, "Cores to measure on (default: all)")->delimiter(',');
  app->add_flag("--ignore-output", options->ignore_output, "The commands may print different things");
  return {app, [options, &common] { return run_compare(*options, common); }};
}

}  // namespace jarvis2::app
