// Python: py-spy reads the interpreter's memory from outside, so lines are exact and calls into C count for their line.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/number.h"
#include "project/profile.h"

namespace jarvis2::project {
namespace {

constexpr double kLeastRun_s = 2;
constexpr int kAttempts = 3;

fs::path py_spy() {
  const fs::path own = deps_dir() / "venv/bin/py-spy";
  std::error_code ignored;
  return fs::exists(own, ignored) ? own : find_program("py-spy");
}

// "function (path:line)" with the path as the interpreter saw it; paths of the repository lose `prefix`.
ProfileBuilder::Frame parse_frame(std::string_view text, const std::string& prefix) {
  ProfileBuilder::Frame frame;
  const std::size_t open = text.rfind(" (");
  const std::size_t colon = text.rfind(':');
  frame.function = std::string(text.substr(0, open));
  if (open == std::string_view::npos || colon == std::string_view::npos || colon < open) return frame;
  std::string_view path = text.substr(open + 2, colon - open - 2);
  std::from_chars(text.data() + colon + 1, text.data() + text.size(), frame.line);
  if (path.starts_with(prefix + "/")) {
    frame.path = std::string(path.substr(prefix.size() + 1));
  } else {
    frame.function += fmt::format(" ({})", path);
  }
  return frame;
}

}  // namespace

std::optional<Profile> profile_python(const Baseline& baseline, const ProfileOptions& options, std::stop_token stop) {
  const fs::path tool = py_spy();
  if (tool.empty()) throw Error("project::profile_python", "py-spy is missing (make setup installs it)");
  const TempDir out("jarvis2-profile-");
  const Sandbox sandbox(baseline.sandbox(baseline.prepared->path()));
  const std::string prefix = sandbox.inner_path().string();
  ProfileBuilder builder;
  const std::uint64_t begin_ns = monotonic_ns();
  double share = 0;
  for (const BenchBaseline& bench : baseline.bench) share += bench.holdout ? 0 : 1;
  for (const BenchBaseline& bench : baseline.bench) {
    if (bench.holdout) continue;
    // A short run ends before py-spy has found it: several in a row are one longer run.
    const int runs = static_cast<int>(std::clamp(std::ceil(kLeastRun_s / std::max(bench.wall_s, 0.01)), 1.0, 50.0));
    const std::string command =
        runs == 1 ? bench.command
                  : fmt::format("n=0; while [ $n -lt {} ]; do (\n{}\n) || exit; n=$((n+1)); done", runs, bench.command);
    // At least once, and again as long as the budget and the wish for samples last.
    for (int round = 0; round < 5; ++round) {
      const fs::path file = out.path() / fmt::format("{}.raw", monotonic_ns());
      SpawnOptions spawn = sandbox.command(command);
      std::vector<std::string> argv = {tool.string(), "record", "--subprocesses",   "--rate",   "400",
                                       "--format",    "raw",    "--full-filenames", "--output", file.string(),
                                       "--"};
      argv.insert(argv.end(), spawn.argv.begin(), spawn.argv.end());
      spawn.argv = std::move(argv);
      const double limit_s = 20 * runs * bench.wall_s + 30;
      const ProcessResult result = run_process(spawn, limit_s, stop);
      if (result.cancelled) throw Interrupted();
      std::error_code missing;
      if (!fs::exists(file, missing)) {
        if (builder.total() > 0) break;
        const bool names_python = bench.command.find("py") != std::string::npos;
        if (names_python && round + 1 < kAttempts) continue;
        throw Error("project::profile_python", "py-spy could not follow the benchmark: " + result.err.substr(0, 200));
      }
      const std::string text = read_file(file);
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = std::string_view(text).substr(at, end - at);
        at = end + 1;
        const std::size_t space = line.rfind(' ');
        if (space == std::string_view::npos) continue;
        const double weight = parse_double(line.substr(space + 1)).value_or(0);
        std::vector<ProfileBuilder::Frame> frames;
        std::string_view stack = line.substr(0, space);
        while (!stack.empty()) {
          const std::size_t semicolon = stack.rfind(';');
          const std::string_view part = semicolon == std::string_view::npos ? stack : stack.substr(semicolon + 1);
          // Outside the frames are the processes, with command lines that may hold anything.
          if (!part.ends_with(')')) break;
          frames.push_back(parse_frame(part, prefix));
          if (semicolon == std::string_view::npos) break;
          stack = stack.substr(0, semicolon);
        }
        if (!frames.empty()) builder.add(frames, weight);
      }
      const double spent_s = static_cast<double>(monotonic_ns() - begin_ns) * 1e-9;
      if (builder.total() > 1500 || spent_s > options.budget_s / share) break;
    }
  }
  if (builder.total() < 20 || builder.inside() < 0.1 * builder.total()) return std::nullopt;
  return builder.finish("py-spy");
}

}  // namespace jarvis2::project
