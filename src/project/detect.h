// What `jarvis2 init` finds out: how a project is built, tested and benchmarked.
#pragma once

#include <string>
#include <vector>

#include "base/files.h"
#include "project/settings.h"

namespace jarvis2::project {

struct Detection {
  Settings settings;                 // as far as found; commands that were not found are empty
  std::vector<std::string> systems;  // "cmake", "make", "meson", "python", "cargo", "go", "npm"; the first one counts
  std::vector<std::string> missing;  // programs the commands need and that are not in PATH
  std::vector<KeyComment> comments;  // for to_toml
  std::vector<std::string> notes;    // for people: what was found where, what to improve
  bool bench_is_candidate = false;   // not the project's own benchmark: made from a test or a call
  // Test and bench are known and their programs are there; a candidate bench counts as not complete.
  bool complete() const;
  // One line: what is missing and what to do. Empty when complete.
  std::string incomplete_reason() const;
};

// Looks at names and contents of files only; nothing is run.
Detection detect(const fs::path& dir);
// Where no benchmark was found: runs the tests with durations (in a sandboxed copy, at most `limit_s`) and takes the
// slowest one as a candidate.
void propose_bench(const fs::path& dir, Detection& detection, double limit_s = 120);
// The settings of jarvis2.toml, or those detected when they are complete. Throws Error saying what is missing.
Settings settings_or_detected(const fs::path& dir);

}  // namespace jarvis2::project
