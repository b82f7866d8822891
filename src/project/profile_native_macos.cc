// Native code on macOS: `sample` looks at the busiest process of the benchmark. The build adds debug information, which
// clang leaves in the object files.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <locale>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "project/profile.h"
#include "project/sample_text.h"

namespace jarvis2::project {
namespace {

struct Running {
  int parent = 0;
  double cpu = 0;
};

// The busiest process below `root`, itself included; 0 where there is none.
int busiest_below(int root) {
  SpawnOptions list;
  list.argv = {"/bin/ps", "-axo", "pid=,ppid=,%cpu="};
  const ProcessResult result = run_process(list, 10);
  std::map<int, Running> all;
  std::istringstream text(result.out);
  text.imbue(std::locale::classic());
  for (int pid = 0, parent = 0; text >> pid >> parent;) {
    double cpu = 0;
    if (!(text >> cpu)) break;
    all[pid] = {parent, cpu};
  }
  int best = 0;
  for (const auto& [pid, running] : all) {
    int up = pid;
    for (int steps = 0; up != root && up > 1 && steps < 64; ++steps) up = all.contains(up) ? all[up].parent : 0;
    if (up == root && (best == 0 || running.cpu > all[best].cpu)) best = pid;
  }
  return best;
}

// Paths in the repository by name of file; names that several files have are left out.
std::map<std::string, std::string> files_by_name(const fs::path& folder) {
  std::map<std::string, std::string> files;
  std::set<std::string> ambiguous;
  std::error_code failure;
  for (fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, failure), end;
       !failure && at != end; at.increment(failure)) {
    if (at->path().filename() == ".git") at.disable_recursion_pending();
    if (!at->is_regular_file(failure)) continue;
    const std::string name = at->path().filename().string();
    if (!files.emplace(name, at->path().lexically_relative(folder).generic_string()).second) ambiguous.insert(name);
  }
  for (const std::string& name : ambiguous) files.erase(name);
  return files;
}

}  // namespace

std::optional<Profile> profile_native(Repository& repository, const Baseline& baseline, const ProfileOptions& options,
                                      std::stop_token stop) {
  if (find_program("sample").empty()) return std::nullopt;
  std::vector<std::string> notes;
  std::optional<Worktree> tree;
  SandboxOptions policy = baseline.sandbox(baseline.prepared->path());
  if (!baseline.settings.build.empty()) {
    tree = Worktree::create(repository, baseline.commit);
    SandboxOptions build = baseline.sandbox(tree->path());
    build.env.emplace_back("CFLAGS", "-g");
    build.env.emplace_back("CXXFLAGS", "-g");
    bool built = true;
    if (!baseline.settings.setup.empty()) {
      SandboxOptions setup = build;
      setup.network = true;
      built = Sandbox(setup).run(baseline.settings.setup, baseline.setup_s * 10 + 60, stop).ok();
    }
    built = built && Sandbox(build).run(baseline.settings.build, baseline.build_s * 10 + 60, stop).ok();
    if (stop.stop_requested()) throw Interrupted();
    if (built) {
      policy = baseline.sandbox(tree->path());
    } else {
      notes.emplace_back("the build with debug information failed: functions are known, lines are not");
      tree.reset();
    }
  }
  const fs::path folder = tree ? tree->path() : baseline.prepared->path();
  const std::map<std::string, std::string> names = files_by_name(folder);
  const auto path_of = [&](const std::string& name) {
    const std::map<std::string, std::string>::const_iterator found = names.find(fs::path(name).filename().string());
    return found == names.end() ? std::string() : found->second;
  };
  const Sandbox sandbox(policy);
  const TempDir out("jarvis2-sample-");
  ProfileBuilder builder;
  double share = 0;
  for (const BenchBaseline& bench : baseline.bench) share += bench.holdout ? 0 : 1;
  for (const BenchBaseline& bench : baseline.bench) {
    if (bench.holdout) continue;
    const std::uint64_t begin_ns = monotonic_ns();
    for (int round = 0; round < 20; ++round) {
      Process run = Process::spawn(sandbox.command(bench.command));
      const fs::path file = out.path() / fmt::format("{}.txt", monotonic_ns());
      // Beside the reading of what the benchmark writes: it must not wait for that.
      std::jthread sampler([&, root = run.pid()] {
        try {
          std::this_thread::sleep_for(std::chrono::milliseconds(20));  // past the sandbox's own start
          const int pid = busiest_below(root);
          if (pid == 0) return;
          SpawnOptions sample;
          sample.argv = {"sample",     std::to_string(pid), fmt::format("{:.0f}", std::clamp(bench.wall_s, 1.0, 10.0)),
                         "1",          "-mayDie",           "-file",
                         file.string()};
          run_process(sample, 60, stop);
        } catch (const Error&) {
          // No samples of this run.
        }
      });
      const ProcessResult result = run.wait(20 * bench.wall_s + 30, stop);
      sampler.join();
      if (result.cancelled) throw Interrupted();
      std::error_code missing;
      if (fs::exists(file, missing)) read_sample(read_file(file), path_of, builder);
      const double spent_s = static_cast<double>(monotonic_ns() - begin_ns) * 1e-9;
      if (builder.total() > 1500 || spent_s > options.budget_s / share) break;
    }
  }
  if (builder.total() < 20 || builder.inside() < 0.02 * builder.total()) return std::nullopt;
  Profile profile = builder.finish("sample");
  profile.notes = std::move(notes);
  return profile;
}

}  // namespace jarvis2::project
