// jarvis2 verify: the same judge for anyone's patch.
#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <optional>

#include "app/app.h"
#include "app/judge_options.h"
#include "app/progress.h"
#include "app/result_text.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "engine/verifier.h"
#include "project/detect.h"
#include "project/lock.h"

namespace jarvis2::app {
namespace {

struct VerifyOptions {
  std::string dir = ".";
  std::string patch;
  std::string gate;
  std::string budget = "5m";
  std::string min_effect;
  std::string strength_budget = "20s";
  double alpha = verify::kDefaultAlpha;
  std::uint64_t seed = 0;
  bool include_uncommitted = false;
  bool build_files = false;
};

// "no-slower=2%" as 0.02; negative: no gate.
double parse_gate(const std::string& gate) {
  if (gate.empty()) return -1;
  if (!gate.starts_with("no-slower=")) throw Error("app::verify", "--gate " + gate + ": write it as no-slower=2%");
  return project::parse_effect(gate.substr(10), "--gate no-slower");
}

int run_verify(const VerifyOptions& options, const Common& common) {
  const double gate = parse_gate(options.gate);
  const std::string patch = read_file(options.patch);
  project::Repository repository = project::Repository::open(options.dir);
  const fs::path state = repository.state_dir();
  project::RunLock lock(state, "verify");
  project::clean_worktrees(repository);
  project::Settings settings = project::settings_or_detected(repository.root());
  if (!options.min_effect.empty()) {
    settings.min_effect = project::parse_effect(options.min_effect, "--min-effect");
    settings.min_effect_given = true;
  }
  verify::Verification result;
  std::optional<verify::Strength> strength;
  std::string commit;
  {
    ProgressLine line(!common.quiet);
    project::BaselineOptions baseline_options;
    baseline_options.include_uncommitted = options.include_uncommitted;
    const std::string base = options.include_uncommitted ? repository.snapshot_uncommitted() : repository.head();
    const project::Texts texts = repository.apply_patch(base, patch);
    result.reason = engine::forbidden_change(settings, texts, options.build_files);
    if (!result.reason.empty()) {
      result.verdict = verify::Verdict::kRejected;
      result.stage = verify::Stage::kApply;
    }
    if (result.reason.empty()) {
      project::Baseline baseline = project::make_baseline(
          repository, settings, baseline_options,
          [&](std::string_view stage, double fraction) {
            line.set(fmt::format("baseline: {} {:.0f} %", stage, 100 * fraction));
          },
          interrupt_token());
      commit = baseline.commit;
      engine::VerifierOptions verifier_options;
      verifier_options.measure.min_effect = gate >= 0 ? gate : settings.min_effect;
      verifier_options.measure.alpha = options.alpha;
      verifier_options.measure.seed = options.seed;
      verifier_options.measure.budget_s = parse_duration(options.budget, "--budget");
      verifier_options.measure.stop = interrupt_token();
      verifier_options.measure.progress = [&](const verify::Progress& progress) { line.set(progress_text(progress)); };
      engine::Verifier verifier(std::move(baseline), verifier_options);
      line.set("building and testing the patch");
      result = verifier.verify(
          "patch", texts, {}, {gate >= 0 ? verify::Stage::kSequential : verify::Stage::kConfirm, 1}, interrupt_token());
      if (result.verdict != verify::Verdict::kRejected) {
        line.set("how much the tests see of the patch");
        strength = verifier.strength(texts, {}, parse_duration(options.strength_budget, "--check-strength"),
                                     interrupt_token());
        if (result.generated) strength->inputs = result.generated->inputs;
      }
    }
  }
  // The gate asks less: not shown to be slower than allowed, and correct.
  const bool slower = result.verdict == verify::Verdict::kSlower;
  const bool passes = gate >= 0 && result.verdict != verify::Verdict::kRejected && !slower;
  Json json = result;
  json["verdict"] = verify::verdict_name(result.verdict);
  json["stage"] = verify::stage_name(result.stage);
  json["reason"] = result.reason;
  if (result.speedup) {
    json["speedup"] = {{"estimate", result.speedup->ratio},
                       {"low", result.speedup->low},
                       {"high", std::isfinite(result.speedup->high) ? Json(result.speedup->high) : Json()},
                       {"confidence", result.speedup->confidence}};
  } else {
    json["speedup"] = nullptr;
  }
  json["strength"] = strength ? Json(*strength) : Json();
  json["commit"] = commit;
  if (gate >= 0) json["gate"] = {{"no_slower", gate}, {"passes", passes}};
  if (common.json) {
    fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    fmt::print("{}: {}\n", verify::verdict_name(result.verdict), result.reason);
    if (result.speedup) {
      fmt::print("speed-up {:.3f}x ({:.3f} to {:.3f}), {} pairs\n", result.speedup->ratio, result.speedup->low,
                 result.speedup->high, result.speedup->pairs);
    }
    fmt::print("{}{}", measured_text(json), checked_text(json["strength"], json));
    if (!result.log.empty() && result.verdict == verify::Verdict::kRejected) fmt::print("{}\n", result.log);
    if (gate >= 0) fmt::print("gate no-slower={}%: {}\n", 100 * gate, passes ? "passes" : "fails");
  }
  if (gate >= 0) return passes ? kDone : kNotFound;
  switch (result.verdict) {
    case verify::Verdict::kFaster:
      return kDone;
    case verify::Verdict::kUndecided:
      return kUndecided;
    default:
      return kNotFound;
  }
}

}  // namespace

Command add_verify(CLI::App& root, Common& common) {
  CLI::App* app = root.add_subcommand("verify", "Judge a patch: correct, and faster?");
  std::shared_ptr<VerifyOptions> options = std::make_shared<VerifyOptions>();
  app->add_option("dir", options->dir, "Folder of the project")->capture_default_str();
  app->add_option("--patch", options->patch, "Unified diff against the commit")->required();
  app->add_option("--gate", options->gate,
                  "For merges: no-slower=2% passes what is correct and not shown to be slower than that");
  app->add_option("--budget", options->budget, "Time for measuring")->capture_default_str();
  app->add_option("--check-strength", options->strength_budget,
                  "Time for finding out how much the tests see: coverage of the changed lines, small faults noticed")
      ->capture_default_str();
  app->add_option("--min-effect", options->min_effect, "The smallest speed-up worth claiming, as 2%");
  app->add_option("--alpha", options->alpha, "Error probability")->capture_default_str()->check(CLI::Range(1e-6, 0.5));
  app->add_option("--seed", options->seed, "Seed of the measurement order; 0: from the system");
  app->add_flag("--build-files", options->build_files, "The patch may change build scripts");
  app->add_flag("--include-uncommitted", options->include_uncommitted, "Judge against a snapshot of the dirty tree");
  return {app, [options, &common] { return run_verify(*options, common); }};
}

}  // namespace jarvis2::app
