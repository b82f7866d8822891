#include "engine/verifier.h"

#include <algorithm>

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "project/compile_python.h"
#include "project/defence.h"
#include "project/worktree.h"
#include "verify/calibration.h"
#include "verify/equivalence.h"
#include "verify/layouts.h"

namespace jarvis2::engine {
namespace {

using project::Defence;
using project::holds;

// Where set-up put the Python packages that the checks use.
std::vector<fs::path> check_libraries() {
  std::vector<fs::path> found;
  std::error_code error;
  for (const fs::directory_entry& python : fs::directory_iterator(deps_dir() / "venv" / "lib", error)) {
    const fs::path packages = python.path() / "site-packages";
    if (fs::is_directory(packages / "hypothesis", error)) found.push_back(fs::canonical(packages, error));
  }
  return found;
}

verify::Objective objective_of(const project::Metric& metric) {
  verify::Objective objective;
  switch (metric.kind) {
    case project::MetricKind::kTime:
      objective.metric = verify::Metric::kTime;
      break;
    case project::MetricKind::kInstructions:
      objective.metric = verify::Metric::kInstructions;
      break;
    case project::MetricKind::kPeakMemory:
      objective.metric = verify::Metric::kPeakMemory;
      break;
    case project::MetricKind::kSize:
      objective.metric = verify::Metric::kSize;
      break;
    case project::MetricKind::kPattern:
      objective.metric = verify::Metric::kPattern;
      break;
  }
  objective.pattern = metric.pattern;
  objective.higher_is_better = metric.higher_is_better;
  return objective;
}

}  // namespace

std::string forbidden_change(const project::Settings& settings, const project::Texts& texts, bool build_files) {
  for (const auto& [path, text] : texts) {
    if (!holds(Defence::kPaths)) continue;
    if (build_files && project::is_build_script(path)) continue;
    // It is run: where `edit` lets any source through, it still is what it should be.
    if (path == project::kCompileScript && text) {
      const std::optional<std::vector<std::string>> modules = project::compiled_modules(*text);
      if (modules && std::all_of(modules->begin(), modules->end(),
                                 [&](const std::string& module) { return project::editable(settings, module); })) {
        continue;
      }
      return path + " is not as jarvis2 improve writes it, or compiles what may not be changed";
    }
    if (project::editable(settings, path)) continue;
    return path + " may not be changed: it is a test, a benchmark, a build script or outside [project] edit";
  }
  return {};
}

Verifier::Verifier(project::Baseline baseline, VerifierOptions options)
    : baseline_(std::move(baseline)),
      most_processes_(options.most_processes),
      tmp_bytes_(options.tmp_bytes),
      memory_bytes_(options.memory_bytes > 0 ? options.memory_bytes : baseline_.memory_bytes) {
  const project::Settings& settings = baseline_.settings;
  plan_.build = settings.build;
  plan_.test = settings.test;
  plan_.bench = settings.bench;
  plan_.holdout = settings.holdout;
  for (const std::string& path : baseline_.pinned) {
    const fs::path file = baseline_.prepared->path() / path;
    if (fs::is_regular_file(fs::symlink_status(file))) plan_.pinned[path] = sha256_hex(read_file(file));
  }
  plan_.build_timeout_s = settings.timeout.limit_s(baseline_.build_s) + 30;
  plan_.test_timeout_s = settings.timeout.limit_s(baseline_.test_s) + 5;
  plan_.ignore_output = settings.ignore_output;
  plan_.screen_pairs = options.screen_pairs;
  plan_.instruction_screen = options.instruction_screen;
  plan_.measure = options.measure;
  verify::apply_calibration(verify::load_calibration(), plan_.measure);
  plan_.measure.objective = objective_of(settings.metric);
  plan_.measure.check_output = !settings.ignore_output;
  plan_.min_effect_given = settings.min_effect_given;
  plan_.libraries = check_libraries();
  // A script of that name that is none of ours is the project's own business.
  const fs::path script = baseline_.prepared->path() / project::kCompileScript;
  if (!fs::is_regular_file(script) || project::compiled_modules(read_file(script))) {
    plan_.compile = project::compile_command(settings);
  }
  if (!holds(Defence::kParentClock)) {
    plan_.measure.objective = {verify::Metric::kPattern, "time: ([0-9.]+)", false, {}};
  }
  if (!holds(Defence::kWallClock)) plan_.measure.instrument = verify::Instrument::kDuet;
  compile_python();
  // A copy: candidates' trees are brought back from the prepared one, which must stay as it is.
  base_tree_ = std::make_unique<project::Worktree>(baseline_.prepared->copy());
  base_arm_.tree = base_tree_->path();
  double slowest = 0;
  for (const project::BenchBaseline& bench : baseline_.bench) {
    if (!settings.ignore_output) base_arm_.output_hash[bench.command] = bench.output_hash;
    slowest = std::max(slowest, bench.wall_s);
  }
  if (plan_.measure.run_timeout_s <= 0) plan_.measure.run_timeout_s = settings.timeout.limit_s(slowest) + 2;
  workspace_.acquire = [this] { return acquire(); };
  workspace_.release = [this](const fs::path& tree) { release(tree); };
  workspace_.sandboxed = [this](const std::string& command, const fs::path& tree, bool writable) {
    return sandboxed(command, tree, writable);
  };
  workspace_.copy = [this](const fs::path& tree) { return copy(tree); };
  // A benchmark that must write to its tree gets it writable; a candidate could then cache across runs, which is said.
  project::SandboxOptions policy = baseline_.sandbox(base_arm_.tree);
  policy.read_only_worktree = true;
  const project::Sandbox closed(policy);
  for (const project::BenchBaseline& bench : baseline_.bench) {
    const ProcessResult result = closed.run(bench.command, plan_.measure.run_timeout_s, plan_.measure.stop);
    if (result.cancelled) throw Interrupted();
    const bool same = settings.ignore_output || result.out_hash == bench.output_hash;
    if (!result.ok() || !same) {
      read_only_ = false;
      log::warning("the benchmark writes to its tree: measured runs keep it writable ({})", bench.command);
      break;
    }
  }
  // Short benchmarks are not drowned in the sandbox's own start; the baseline's behaviour is found out once.
  plan_.measure.launch_cpu_ns = closed.launch_cpu_ns();
  verify::profile_baseline(base_arm_, plan_, workspace_, plan_.measure.stop);
}

Verifier::~Verifier() {
  sandboxes_.clear();
  trees_.clear();
  base_tree_.reset();
}

std::vector<std::string> Verifier::judged_commands() const {
  return plan_.holdout.empty() ? plan_.bench : plan_.holdout;
}

fs::path Verifier::acquire() {
  const std::lock_guard lock(mutex_);
  if (!free_.empty()) {
    const fs::path path = free_.back();
    free_.pop_back();
    for (const std::unique_ptr<project::Worktree>& tree : trees_) {
      if (tree->path() == path) tree->reset();
    }
    return path;
  }
  trees_.push_back(std::make_unique<project::Worktree>(baseline_.prepared->copy()));
  return trees_.back()->path();
}

fs::path Verifier::copy(const fs::path& tree) {
  const fs::path path = acquire();
  const std::lock_guard lock(mutex_);
  const auto at = [&](const fs::path& wanted) {
    return std::find_if(trees_.begin(), trees_.end(), [&](const auto& one) { return one->path() == wanted; });
  };
  (*at(path))->mirror(**at(tree));
  return path;
}

// Byte code beside every module, for both arms: measured runs can't write it, and a candidate's tests must not either.
void Verifier::compile_python() {
  const fs::path& tree = baseline_.prepared->path();
  std::error_code error;
  bool python = false;
  for (fs::recursive_directory_iterator at(tree, error), end; !error && at != end && !python; at.increment(error)) {
    python = at->path().extension() == ".py";
  }
  if (!python || find_program("python3").empty()) return;
  project::SandboxOptions policy = baseline_.sandbox(tree);
  for (const fs::path& library : project::compile_libraries()) policy.readable.push_back(library);
  const project::Sandbox sandbox(policy);
  if (!plan_.compile.empty() && fs::is_regular_file(tree / project::kCompileScript)) {
    const ProcessResult compiled = sandbox.run(plan_.compile, 600, plan_.measure.stop);
    if (compiled.cancelled) throw Interrupted();
    if (!compiled.ok()) {
      throw Error("engine::Verifier", std::string(project::kCompileScript) + " fails on the untouched commit: " +
                                          compiled.err.substr(0, compiled.err.find('\n')));
    }
  }
  sandbox.run(verify::compile_python_command({"."}), 120, plan_.measure.stop);
}

void Verifier::release(const fs::path& tree) {
  const std::lock_guard lock(mutex_);
  free_.push_back(tree);
}

SpawnOptions Verifier::sandboxed(const std::string& command, const fs::path& tree, bool writable) {
  const bool read_only = !writable && read_only_ && holds(Defence::kReadOnlyRuns);
  const std::lock_guard lock(mutex_);
  std::unique_ptr<project::Sandbox>& sandbox = sandboxes_[{tree.string(), read_only}];
  if (!sandbox) {
    project::SandboxOptions policy = baseline_.sandbox(tree);
    policy.read_only_worktree = read_only;
    policy.readable.insert(policy.readable.end(), plan_.libraries.begin(), plan_.libraries.end());
    const std::vector<fs::path> compiler = project::compile_libraries();
    policy.readable.insert(policy.readable.end(), compiler.begin(), compiler.end());
    policy.processes = holds(Defence::kProcessLimit) ? most_processes_ : 0;
    if (holds(Defence::kDiskLimit)) policy.tmp_bytes = tmp_bytes_;
    policy.memory_bytes = holds(Defence::kMemoryLimit) ? memory_bytes_ : 0;
    sandbox = std::make_unique<project::Sandbox>(policy);
  }
  return sandbox->command(command);
}

verify::Verification Verifier::verify(const std::string& id, const project::Texts& texts,
                                      const std::map<std::string, std::string>& build_env, const verify::Depth& depth,
                                      std::stop_token stop) {
  verify::Candidate candidate;
  candidate.id = id;
  candidate.files = texts;
  candidate.build_env = build_env;
  if (depth.last >= verify::Stage::kConfirm) lay_out(stop);
  return verify::verify_candidate(candidate, base_arm_, plan_for(texts), workspace_, depth, stop);
}

// Before the session's first confirmation.
void Verifier::lay_out(const std::stop_token& stop) {
  const std::lock_guard lock(layouts_mutex_);
  if (laid_out_) return;
  laid_out_ = true;
  plan_.layout_budget_s = std::clamp(0.3 * plan_.measure.budget_s, 10.0, 60.0);
  verify::lay_out_baseline(base_arm_, plan_, workspace_, stop);
}

verify::Strength Verifier::strength(const project::Texts& texts, const std::map<std::string, std::string>& build_env,
                                    double budget_s, std::stop_token stop) {
  verify::Candidate candidate;
  candidate.id = "strength";
  candidate.files = texts;
  candidate.build_env = build_env;
  return verify::measure_strength(candidate, base_arm_, plan_for(texts), workspace_, budget_s, std::move(stop));
}

verify::Plan Verifier::plan_for(const project::Texts& texts) const {
  verify::Plan plan = plan_;
  for (const auto& [path, text] : texts) {
    const std::map<std::string, std::string>::iterator pinned = plan.pinned.find(path);
    if (pinned != plan.pinned.end() && text && (project::is_build_script(path) || !holds(Defence::kPaths)))
      pinned->second = sha256_hex(*text);
  }
  return plan;
}

std::unique_ptr<Verifier::Arm> Verifier::build_arm(const project::Texts& texts,
                                                   const std::map<std::string, std::string>& build_env,
                                                   std::stop_token stop) {
  const fs::path tree = acquire();
  verify::Baseline base;
  base.tree = tree;
  base.output_hash = base_arm_.output_hash;
  std::unique_ptr<Arm> arm(new Arm(*this, std::move(base)));
  {
    const std::lock_guard lock(mutex_);
    for (const std::unique_ptr<project::Worktree>& candidate : trees_) {
      if (candidate->path() == tree) candidate->write(texts);
    }
  }
  std::vector<std::string> changed;
  for (const auto& [path, text] : texts) changed.push_back(path);
  project::outdate_objects(tree, changed, plan_.build);
  if (!plan_.build.empty()) {
    SpawnOptions spawn = sandboxed(plan_.build, tree, true);
    for (const auto& [name, value] : build_env) spawn.env.emplace_back(name, value);
    const ProcessResult built = run_process(spawn, plan_.build_timeout_s, stop);
    if (built.cancelled) throw Interrupted();
    if (!built.ok()) throw Error("engine::Verifier", "a champion that was built before does not build again");
  }
  if (!plan_.compile.empty() && fs::is_regular_file(tree / project::kCompileScript)) {
    const ProcessResult compiled = run_process(sandboxed(plan_.compile, tree, true), 600, stop);
    if (compiled.cancelled) throw Interrupted();
    if (!compiled.ok()) throw Error("engine::Verifier", "a champion that was compiled before does not compile again");
  }
  return arm;
}

verify::Verification Verifier::verify_against(const Arm& arm, const std::string& id, const project::Texts& texts,
                                              const std::map<std::string, std::string>& build_env, std::size_t pairs,
                                              std::stop_token stop) {
  verify::Candidate candidate;
  candidate.id = id;
  candidate.files = texts;
  candidate.build_env = build_env;
  verify::Plan plan = plan_for(texts);
  plan.screen_pairs = pairs;
  plan.measure.screen_error = 0.003;  // leaving one action out is a matter of half a per cent
  return verify::verify_candidate(candidate, arm.base_, plan, workspace_, {verify::Stage::kPairs, 1}, stop);
}

}  // namespace jarvis2::engine
