#include "app/judge_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "app/progress.h"
#include "base/error.h"
#include "project/settings.h"
#include "verify/calibration.h"

namespace jarvis2::app {

void add_judge_options(CLI::App& app, JudgeOptions& options, const std::string& default_budget) {
  app.add_option("--alpha", options.alpha, "Error probability of a verdict")
      ->check(CLI::Range(1e-6, 0.5))
      ->capture_default_str();
  app.add_option("--min-effect", options.min_effect, "Smallest speed-up that counts, such as 2% (the default)");
  app.add_option("--budget", options.budget, "Time to spend, such as 90s or 10m (default " + default_budget + ")");
  app.add_option("--seed", options.seed, "Seed of the coin that orders the pairs (default: a fresh one)");
}

void apply_judge_options(const JudgeOptions& options, verify::MeasureOptions& measure) {
  measure.alpha = options.alpha;
  if (!options.min_effect.empty()) measure.min_effect = project::parse_effect(options.min_effect, "--min-effect");
  if (!options.budget.empty()) measure.budget_s = parse_duration(options.budget, "--budget");
  measure.seed = options.seed;
  verify::apply_calibration(verify::load_calibration(), measure);
}

double parse_duration(const std::string& text, const std::string& what) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  const double factor = unit.empty() || unit == "s"    ? 1
                        : unit == "ms"                 ? 1e-3
                        : unit == "m" || unit == "min" ? 60
                        : unit == "h"                  ? 3600
                                                       : 0;
  if (end == text.c_str() || factor == 0 || !std::isfinite(value) || value <= 0) {
    throw Error("app::parse_duration", fmt::format("{}: \"{}\" is not a duration; write 90s, 10m or 1h", what, text));
  }
  return value * factor;
}

std::string progress_text(const verify::Progress& progress) {
  if (progress.pairs == 0) return fmt::format("{}, {}", progress.phase, duration_text(progress.elapsed_s));
  const verify::Estimate& e = progress.estimate;
  const bool bounded = e.low > 0 && std::isfinite(e.high);
  return fmt::format("{}: {} pairs, {:.3f}x{} · at most {} left", progress.phase, progress.pairs, e.ratio,
                     bounded ? fmt::format(" ({:.3f} to {:.3f})", e.low, e.high) : "",
                     duration_text(std::max(0.0, progress.eta_s)));
}

}  // namespace jarvis2::app
