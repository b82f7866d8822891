// The main job: a repository goes in, a verified faster patch comes out.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/json_fwd.h"

namespace jarvis2::engine {

struct ImproveOptions {
  fs::path dir = ".";
  std::string target;                // FILE or FILE::function: only there
  std::string focus;                 // text, path or symbol: shapes priors
  double budget_s = 600;             // for everything after the baseline
  std::size_t verifications = 0;     // 0: as many as the budget allows
  std::uint64_t simulations = 2000;  // between verifications
  std::string objective;             // overrides the settings' metric
  std::optional<double> min_effect;  // overrides the settings'
  std::optional<double> alpha;
  std::uint64_t seed = 1;
  std::vector<std::string> paths;  // globs
  std::string since;               // only functions in files changed since this revision
  std::vector<std::string> kinds;  // rewrite, option, constant, compile, model; empty: rewrite, option, constant
  bool safe_only = false;
  bool dry_run = false;  // list the actions, run nothing
  bool include_uncommitted = false;
  bool allow_native = false;  // -march=native
  bool allow_fast_math = false;
  // A language model's endpoint; over the settings and $JARVIS2_MODEL_ENDPOINT, $JARVIS2_MODEL_NAME.
  std::string model_endpoint;
  std::string model_name;
  bool model_remote = false;  // it may be another machine
  unsigned jobs = 0;          // verifications at a time; 0: what the machine bears
  // Instead of searching, write what an outcome table is recorded from (recording.h).
  fs::path recording;
  std::string recording_command;  // counted instead of the benchmark: a shorter input
  std::string recording_nothing;  // its cost before it works
};

struct ImproveStatus {
  std::string phase;    // "baseline", "profile", "actions", "search", "prune", "contributions", "confirm", "report"
  std::string message;  // an event worth a line; empty: only the state changed
  double left_s = 0;    // estimate of what remains
  std::size_t verified = 0;
  std::size_t running = 0;
  std::uint64_t simulations = 0;
  double best_ratio = 1;
};

struct ImproveResult {
  ExitStatus status = kNotFound;
  std::string id;
  fs::path folder;
  std::string json;  // result.json
};

// Throws Error and Interrupted; leaves nothing behind but .jarvis2/runs/ID (only when it came to a result).
ImproveResult improve(const ImproveOptions& options, const std::function<void(const ImproveStatus&)>& progress,
                      std::stop_token stop);

}  // namespace jarvis2::engine
