// What `compare`, `verify` and `improve` share: how sure, how much faster, how long.
#pragma once

#include <cstdint>
#include <string>

#include "app/app.h"
#include "verify/measure.h"

namespace jarvis2::app {

struct JudgeOptions {
  double alpha = verify::kDefaultAlpha;
  std::string min_effect;  // "2%"; empty: the caller's default
  std::string budget;      // "60s"; empty: the caller's default
  std::uint64_t seed = 0;
};
// Adds --alpha, --min-effect, --budget and --seed.
void add_judge_options(CLI::App& app, JudgeOptions& options, const std::string& default_budget);
// Copies what was given, and what `calibrate` found out about this machine, into `measure`; throws Error for what
// cannot be read.
void apply_judge_options(const JudgeOptions& options, verify::MeasureOptions& measure);
// "90s", "10m", "1.5h", "500ms" or plain seconds, as seconds. Throws Error naming `what`.
double parse_duration(const std::string& text, const std::string& what);

// "duet: 12 pairs, 1.031x (1.012 to 1.050) · at most 8 s left".
std::string progress_text(const verify::Progress& progress);

}  // namespace jarvis2::app
