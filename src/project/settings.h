// jarvis2.toml: what a project's owner says about building, testing, measuring and changing it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace jarvis2::project {

inline constexpr std::string_view kSettingsFile = "jarvis2.toml";

// A constant that may change, and to what.
struct TuneConstant {
  std::string path;                 // in the repository
  std::string name;                 // of the constant in that file
  std::vector<std::string> values;  // literals as written in the file (0x10 stays 0x10; strings keep their quotes)
};

enum class MetricKind { kTime, kInstructions, kPeakMemory, kSize, kPattern };

struct Metric {
  MetricKind kind = MetricKind::kTime;
  std::string pattern;            // kPattern: an ECMAScript expression with one group, over the benchmark's stdout
  bool higher_is_better = false;  // kPattern
};
std::string metric_name(MetricKind kind);  // "time", "instructions", "peak_memory", "size", "pattern"

// "10x" of the baseline's own time, or "30s".
struct Timeout {
  double factor = 10;
  double seconds = 0;  // above 0: used instead of the factor
  // The limit for a command that takes `baseline_s` on the base commit; never below one second.
  double limit_s(double baseline_s) const;
};

struct Settings {
  std::string setup;
  std::string build;
  std::string test;
  std::vector<std::string> bench;
  std::vector<std::string> holdout;
  std::vector<std::string> edit;  // globs; empty: sources outside tests, benchmarks and build scripts
  std::vector<TuneConstant> tune;
  Metric metric;
  double min_effect = 0.02;  // a fraction
  bool min_effect_given = false;
  bool ignore_output = false;
  Timeout timeout;
  std::string origin;  // where they come from, for messages: "jarvis2.toml" or "detected"
};

// Reads dir/jarvis2.toml. Throws Error naming file:line for bad syntax, unknown keys, wrong types, missing `test` or
// `bench`.
Settings load_settings(const fs::path& dir);
// The same from text; `name` stands for the file in messages.
Settings parse_settings(std::string_view text, const std::string& name);
// "2%" or "0.02" as a fraction in (0, 1); throws Error naming `what`.
double parse_effect(std::string_view text, const std::string& what);
// "time", "instructions", "peak_memory" or "size"; throws Error for others.
MetricKind parse_metric(std::string_view text);
// The file's text. `comments` go above the key they name ("project.bench" → lines without '#'); the standing
// explanation of each key is always there.
struct KeyComment {
  std::string key;
  std::string text;
};
std::string to_toml(const Settings& settings, const std::vector<KeyComment>& comments = {});

// Whether a candidate may touch `path` (in the repository, '/' separated). Never jarvis2.toml, .git or .jarvis2, and,
// unless `edit` globs name them, never tests, benchmarks and build scripts.
bool editable(const Settings& settings, std::string_view path);
// By name: a test, a benchmark, or a build script (also: dependency manifests, CI files).
bool is_test_path(std::string_view path);
bool is_benchmark_path(std::string_view path);
bool is_build_script(std::string_view path);
// A source file of a language that candidates can be made for (Python, C, C++) or that others may patch.
bool is_source_path(std::string_view path);

}  // namespace jarvis2::project
