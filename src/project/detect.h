// What `jarvis2 init` finds out: how a project is built, tested and benchmarked.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/files.h"
#include "project/settings.h"

namespace jarvis2::project {

struct Detection {
  Settings settings;                 // as far as found; commands that were not found are empty
  std::vector<std::string> systems;  // "cmake", "meson", "cargo", "go", "make", "python", "npm"; the first one counts
  std::vector<std::string> missing;  // programs the commands need and that are not in PATH
  std::vector<KeyComment> comments;  // for to_toml
  std::vector<std::string> notes;    // for people: what to look at or improve
  bool bench_is_candidate = false;   // not fit to judge by as it is: made from a test, or it adapts its own length
  // Test and bench are known and fit, and their programs are there.
  bool complete() const;
  // One line: what is missing and what to do. Empty when complete.
  std::string incomplete_reason() const;
};

// Looks at names and contents of files only; nothing is run.
Detection detect(const fs::path& dir);
// Where no benchmark was found: builds a sandboxed copy, runs the tests with durations (at most `limit_s` a command)
// and takes the slowest as a candidate; where that fails, the test command itself. Throws Interrupted.
void propose_bench(const fs::path& dir, Detection& detection, double limit_s = 300, std::stop_token stop = {});
// The settings of dir/jarvis2.toml, or those detected when they are complete. Throws Error saying what is missing.
Settings settings_or_detected(const fs::path& dir);

}  // namespace jarvis2::project
