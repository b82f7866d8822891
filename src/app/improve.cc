// jarvis2 improve: the main job.
#include "engine/improve.h"

#include <fmt/format.h>

#include <memory>

#include "app/app.h"
#include "app/judge_options.h"
#include "app/progress.h"
#include "app/result_text.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "project/settings.h"

namespace jarvis2::app {
namespace {

struct ImproveOptions {
  engine::ImproveOptions job;
  std::string where;
  std::string budget = "10m";
  std::string min_effect;
  double alpha = 0;
};

// DIR, FILE or FILE::function: the last two name a place inside the repository around the current folder.
void set_place(ImproveOptions& options) {
  std::error_code ignored;
  if (options.where.empty() || fs::is_directory(options.where, ignored)) {
    options.job.dir = options.where.empty() ? "." : options.where;
    return;
  }
  const std::string file = options.where.substr(0, options.where.find("::"));
  if (options.where.find("::") == std::string::npos && !fs::exists(file, ignored)) {
    throw Error("app::improve", options.where + ": no such file or folder");
  }
  options.job.dir = ".";
  options.job.target = options.where;
}

int run_improve(ImproveOptions& options, const Common& common) {
  set_place(options);
  options.job.budget_s = parse_duration(options.budget, "--budget");
  if (!options.min_effect.empty()) options.job.min_effect = project::parse_effect(options.min_effect, "--min-effect");
  if (options.alpha != 0) options.job.alpha = options.alpha;
  engine::ImproveResult result;
  {
    ProgressLine line(!common.quiet);
    std::string phase;
    result = engine::improve(
        options.job,
        [&](const engine::ImproveStatus& status) {
          if (!status.message.empty()) line.note(fmt::format("{:<13} {}", status.phase, status.message));
          std::string text = status.phase;
          if (status.verified + status.running > 0) {
            text += fmt::format(" · {} verified, {} running · {} simulations · best {:.3f}x", status.verified,
                                status.running, status.simulations, status.best_ratio);
          }
          if (status.left_s > 0) text += fmt::format(" · at most {} left", duration_text(status.left_s));
          line.set(text);
        },
        interrupt_token());
  }
  if (common.json) {
    fmt::print("{}\n", result.json);
  } else {
    fmt::print("{}", improve_text(Json::parse(result.json), stdout_colors()));
  }
  return result.status;
}

}  // namespace

Command add_improve(CLI::App& root, Common& common) {
  CLI::App* app = root.add_subcommand("improve", "Find a faster version of a project, and prove it");
  std::shared_ptr<ImproveOptions> options = std::make_shared<ImproveOptions>();
  app->add_option("where", options->where, "Folder of the project, or FILE or FILE::function in it");
  app->add_option("--focus", options->job.focus, "Text, path or symbol to look at first");
  app->add_option("--budget", options->budget, "Time for searching and proving, as 90s, 10m, 1h")
      ->capture_default_str();
  app->add_option("--verifications", options->job.verifications, "At most so many candidates are verified");
  app->add_option("--simulations", options->job.simulations, "Search steps between verifications")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000000));
  app->add_option("--objective", options->job.objective, "time, instructions, peak_memory or size");
  app->add_option("--min-effect", options->min_effect, "The smallest speed-up worth claiming, as 2%");
  app->add_option("--alpha", options->alpha, "Error probability of the claim")->check(CLI::Range(1e-6, 0.5));
  app->add_option("--seed", options->job.seed, "Seed of search and measurement order")->capture_default_str();
  app->add_option("--paths", options->job.paths, "Only files that match these globs");
  app->add_option("--since", options->job.since, "Only files changed since this revision");
  app->add_option("--kinds", options->job.kinds, "Only these kinds: rewrite, option, constant, compile, model")
      ->delimiter(',');
  app->add_option("--model-endpoint", options->job.model_endpoint,
                  "A language model on this machine, as http://127.0.0.1:8080/v1 (llama.cpp, Ollama, MLX-LM)");
  app->add_option("--model-name", options->job.model_name, "The model's name there; default: the first one");
  app->add_flag("--model-remote", options->job.model_remote, "The endpoint may be another machine: code is sent there");
  app->add_option("--jobs", options->job.jobs, "Verifications at a time");
  app->add_flag("--safe-only", options->job.safe_only, "Only rules that never change meaning");
  app->add_flag("--dry-run", options->job.dry_run, "List what would be tried; run nothing");
  app->add_flag("--include-uncommitted", options->job.include_uncommitted, "Work on a snapshot of the dirty tree");
  app->add_flag("--native", options->job.allow_native, "Allow code for this machine's processor only");
  app->add_flag("--fast-math", options->job.allow_fast_math, "Allow relaxed floating point");
  return {app, [options, &common] { return run_improve(*options, common); }};
}

}  // namespace jarvis2::app
