#include "verify/stages.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "project/compile_python.h"
#include "project/defence.h"
#include "project/worktree.h"
#include "verify/disk_watch.h"
#include "verify/equivalence.h"
#include "verify/layouts.h"
#include "verify/pairs.h"
#include "verify/probe.h"

namespace jarvis2::verify {
namespace {

using project::Defence;
using project::holds;

constexpr std::size_t kLogBytes = 4096;
constexpr double kLeastCompileTimeout_s = 600;
constexpr double kScreenErrors = 3;  // standard errors below zero that end a candidate after a few pairs

// The candidate fell at the stage in hand.
struct Rejected {
  std::string reason;
  std::string log;
};

std::string tail(const ProcessResult& result) {
  std::string text = result.out + result.err;
  if (text.size() > kLogBytes) text.erase(0, text.size() - kLogBytes);
  return text;
}

std::string outcome(const ProcessResult& result, double timeout_s) {
  if (result.timed_out) return fmt::format("ran longer than {:.3g} s", timeout_s);
  if (result.signal != 0) return fmt::format("was ended by signal {}", result.signal);
  return fmt::format("exited with status {}", result.exit_code);
}

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
    } else {
      result += c;
    }
  }
  return result + "'";
}

// A tree of the workspace, handed back at the end.
class BorrowedTree {
 public:
  explicit BorrowedTree(const Workspace& workspace) : workspace_(workspace), path_(workspace.acquire()) {}
  BorrowedTree(const Workspace& workspace, const fs::path& like) : workspace_(workspace), path_(workspace.copy(like)) {}
  // One that is borrowed already.
  BorrowedTree(const Workspace& workspace, fs::path borrowed, bool)
      : workspace_(workspace), path_(std::move(borrowed)) {}
  ~BorrowedTree() {
    if (workspace_.release) workspace_.release(path_);
  }
  BorrowedTree(const BorrowedTree&) = delete;
  BorrowedTree& operator=(const BorrowedTree&) = delete;
  const fs::path& path() const { return path_; }

 private:
  const Workspace& workspace_;
  fs::path path_;
};

class Run {
 public:
  Run(const Candidate& candidate, const Baseline& baseline, const Plan& plan, const Workspace& workspace,
      const Depth& depth, std::stop_token stop)
      : candidate_(candidate),
        baseline_(baseline),
        plan_(plan),
        workspace_(workspace),
        depth_(depth),
        stop_(std::move(stop)) {
    judged_ = plan.holdout.empty() || !holds(Defence::kHoldout) ? plan.bench : plan.holdout;
    if (judged_.empty()) throw Error("verify::verify_candidate", "the plan names no benchmark");
  }

  Verification operator()() {
    const BorrowedTree tree(workspace_);
    tree_ = tree.path();
    try {
      const bool going = stage(Stage::kApply, [&] { apply(); }) && stage(Stage::kBuild, [&] { build(); }) &&
                         stage(Stage::kTest, [&] { test(); }) && stage(Stage::kOutput, [&] { output(); }) &&
                         stage(Stage::kInstructions, [&] { instructions(); }) &&
                         stage(Stage::kPairs, [&] { pairs(); }) && stage(Stage::kSequential, [&] { sequential(); }) &&
                         stage(Stage::kConfirm, [&] { confirmed(); });
      if (going) result_.stage = Stage::kDone;
    } catch (const Rejected& rejected) {
      result_.verdict = Verdict::kRejected;
      result_.reason = rejected.reason;
      result_.log = rejected.log;
    } catch (const RunFailed& failed) {
      if (!failed.failure.candidate) throw Error("verify::verify_candidate", failed.failure.reason);
      result_.verdict = Verdict::kRejected;
      result_.reason = failed.failure.reason;
    }
    return std::move(result_);
  }

 private:
  // Runs one stage and times it; false when the verification ends here.
  template <typename Work>
  bool stage(Stage which, Work work) {
    if (which > depth_.last) return false;
    if (stop_.stop_requested()) throw Interrupted();
    result_.stage = which;
    const double begun_s = monotonic_s();
    struct Timed {
      Verification& result;
      Stage which;
      double begun_s;
      ~Timed() { result.times.push_back({which, monotonic_s() - begun_s}); }
    };
    {
      const Timed timed{result_, which, begun_s};
      work();
      if (which != Stage::kApply) check_pinned(tree_);
    }
    return !ended_;
  }

  void end(Verdict verdict, std::string reason) {
    result_.verdict = verdict;
    result_.reason = std::move(reason);
    ended_ = true;
  }

  // Tests, drivers and build scripts must be what they were: by content, as a link to elsewhere would pass by name.
  void check_pinned(const fs::path& tree) const {
    for (const auto& [path, digest] : plan_.pinned) {
      const fs::path file = tree / path;
      std::error_code error;
      const bool same = fs::is_regular_file(fs::symlink_status(file, error)) && sha256_hex(read_file(file)) == digest;
      if (!same) throw Rejected{fmt::format("{} was changed: it is part of the judge", path), {}};
    }
  }

  void check_path(const std::string& path) const {
    const fs::path relative(path);
    if (path.empty() || relative.is_absolute())
      throw Rejected{fmt::format("\"{}\" is no path in the repository", path), {}};
    fs::path at = tree_;
    for (const fs::path& part : relative) {
      if (part == ".." || part == "." || part == ".git" || part == ".jarvis2" || part.empty()) {
        throw Rejected{fmt::format("\"{}\" leads out of what a candidate may change", path), {}};
      }
      at /= part;
      std::error_code error;
      if (fs::is_symlink(fs::symlink_status(at, error)) && holds(Defence::kLinks)) {
        throw Rejected{fmt::format("\"{}\" goes through a symbolic link", path), {}};
      }
    }
    // A pinned file may only be written as it is pinned: that is how the caller lets a build script through.
    const std::map<std::string, std::string>::const_iterator pinned = plan_.pinned.find(path);
    const std::optional<std::string>& text = candidate_.files.at(path);
    if (pinned != plan_.pinned.end() && (!text || sha256_hex(*text) != pinned->second) && holds(Defence::kPaths))
      throw Rejected{fmt::format("{} may not be changed: it is part of the judge", path), {}};
    const bool editable =
        plan_.editable.empty() || std::any_of(plan_.editable.begin(), plan_.editable.end(),
                                              [&](const std::string& glob) { return glob_match(glob, path); });
    if (!editable) throw Rejected{fmt::format("{} is not among the files a candidate may change", path), {}};
  }

  void apply() {
    for (const auto& [path, text] : candidate_.files) check_path(path);
    for (const auto& [path, text] : candidate_.files) {
      const fs::path file = tree_ / path;
      if (text) {
        fs::create_directories(file.parent_path());
        write_file_atomic(file, *text);
      } else if (!fs::remove(file)) {
        throw Rejected{fmt::format("{} cannot be deleted: it is not there", path), {}};
      }
    }
    std::vector<std::string> changed;
    for (const auto& [path, text] : candidate_.files) changed.push_back(path);
    project::outdate_objects(tree_, changed, plan_.build);
  }

  ProcessResult run(const std::string& command, const fs::path& tree, double timeout_s) {
    SpawnOptions options = workspace_.sandboxed(command, tree, true);
    options.cpus = cpus_for_work();
    DiskWatch disk(tree, stop_);
    const ProcessResult result = run_process(options, timeout_s, disk.token());
    if (stop_.stop_requested()) throw Interrupted();
    if (disk.full()) throw Rejected{"it fills the disk", tail(result)};
    if (result.cancelled) throw Interrupted();
    return result;
  }

  // Builds and tests leave the cores of the measurements alone, where there are others.
  std::optional<std::vector<int>> cpus_for_work() const {
    if (plan_.measure.cpus.empty()) return std::nullopt;
    std::vector<int> others;
    for (const int cpu : usable_cpus()) {
      if (std::find(plan_.measure.cpus.begin(), plan_.measure.cpus.end(), cpu) == plan_.measure.cpus.end()) {
        others.push_back(cpu);
      }
    }
    if (others.empty()) return std::nullopt;
    return others;
  }

  std::string with_build_env(const std::string& command) const {
    std::string exports;
    for (const auto& [key, value] : candidate_.build_env) exports += fmt::format("export {}={}; ", key, quoted(value));
    return exports + command;
  }

  void build() {
    compile_python();
    if (!plan_.build.empty()) {
      const ProcessResult result = run(with_build_env(plan_.build), tree_, plan_.build_timeout_s);
      if (!result.ok()) throw Rejected{"the build " + outcome(result, plan_.build_timeout_s), tail(result)};
    }
    if (plan_.compile.empty() || !fs::is_regular_file(tree_ / project::kCompileScript)) return;
    const double timeout_s = std::max(kLeastCompileTimeout_s, plan_.build_timeout_s);
    const ProcessResult compiled = run(with_build_env(plan_.compile), tree_, timeout_s);
    if (!compiled.ok()) throw Rejected{"compiling its modules " + outcome(compiled, timeout_s), tail(compiled)};
  }

  // The other arm has its byte code too.
  void compile_python() {
    std::vector<std::string> paths;
    for (const auto& [path, text] : candidate_.files) {
      if (text && path.ends_with(".py")) paths.push_back(path);
    }
    const std::string command = compile_python_command(paths);
    if (!command.empty()) run(command, tree_, plan_.generate_timeout_s);
  }

  void test() {
    if (plan_.test.empty()) return;
    std::optional<BorrowedTree> own;
    if (workspace_.copy && holds(Defence::kFreshTree)) own.emplace(workspace_, tree_);
    const fs::path tree = own ? own->path() : tree_;
    const ProcessResult result = run(plan_.test, tree, plan_.test_timeout_s);
    if (!result.ok()) throw Rejected{"the tests: " + outcome(result, plan_.test_timeout_s), tail(result)};
    check_pinned(tree);
  }

  bool checks_output() const { return !plan_.ignore_output && plan_.measure.check_output && holds(Defence::kOutput); }

  // Every benchmark, the withheld ones too, prints what the baseline prints. Their runs are watched, so that the
  // measurement need not look again.
  void output() {
    std::vector<std::string> commands = plan_.bench;
    commands.insert(commands.end(), plan_.holdout.begin(), plan_.holdout.end());
    for (const std::string& command : commands) {
      Work& work = works_[command];
      work.name = command;
      work.base.name = "baseline";
      work.candidate.name = candidate_.id;
      work.base.spawn = workspace_.sandboxed(command, baseline_.tree, false);
      work.candidate.spawn = workspace_.sandboxed(command, tree_, false);
      double timeout_s = plan_.measure.run_timeout_s;
      if (checks_output()) {
        const auto known = baseline_.output_hash.find(command);
        if (known != baseline_.output_hash.end()) work.output_hash = known->second;
      }
      const auto profile = baseline_.profiles.find(command);
      if (profile != baseline_.profiles.end()) work.base_profile = profile->second;
      if ((checks_output() && !work.output_hash) || (timeout_s <= 0 && !work.base_profile)) {
        work.base_profile =
            watch_run(work.base.spawn, false, timeout_s, work.output_hash, plan_.measure.objective, stop_);
        if (checks_output()) work.output_hash = work.base_profile->output_hash;
      }
      if (timeout_s <= 0) timeout_s = std::max(2.0, 10 * work.base_profile->wall_s);
      work.candidate_profile =
          watch_run(work.candidate.spawn, true, timeout_s, work.output_hash, plan_.measure.objective, stop_);
    }
    generated();
  }

  // Whoever is to be judged answers fresh inputs as the baseline does.
  void generated() {
    if (plan_.generated_inputs == 0 || depth_.last < Stage::kSequential || !holds(Defence::kGenerated)) return;
    result_.generated.emplace();
    const std::string difference =
        check_generated(candidate_, baseline_.tree, tree_, plan_, workspace_, *result_.generated, stop_);
    if (!difference.empty()) throw Rejected{difference, {}};
  }

  InstructionCount count(const std::string& command, const fs::path& tree) {
    const double timeout_s = 60 * std::max(plan_.measure.run_timeout_s, 1.0);
    const ProcessResult result =
        run_process(workspace_.sandboxed(counting_command(command), tree, false), timeout_s, stop_);
    if (result.cancelled) throw Interrupted();
    return read_instruction_count(result, timeout_s);
  }

  // What is counted decides by itself: one number an arm. It may not be bought with time.
  void decide_counted(double log_ratio, const char* what) {
    const double ratio = std::exp(log_ratio), bound = 1 + plan_.measure.min_effect;
    result_.speedup = Estimate{ratio, ratio, ratio, 1, 0, 1};
    result_.screen = Screen{log_ratio, 0, 1, Instrument::kSequential, {}};
    end(ratio > bound       ? Verdict::kFaster
        : ratio < 1 / bound ? Verdict::kSlower
                            : Verdict::kNotFaster,
        fmt::format("{:.4f} times fewer {}", ratio, what));
    refuse_trade(what);
    result_.stage = Stage::kDone;
  }

  // Bytes of what the build links; where it links nothing, of the sources.
  void size() {
    const auto bytes = [&](const fs::path& tree) {
      const std::uintmax_t found =
          program_bytes(tree, [&](const std::string& path) { return plan_.pinned.contains(path); });
      return static_cast<double>(std::max<std::uintmax_t>(found, 1));
    };
    decide_counted(std::log(bytes(baseline_.tree) / bytes(tree_)), "bytes");
  }

  void instructions() {
    if (plan_.measure.objective.metric == Metric::kSize) return size();
    const bool is_objective = plan_.measure.objective.metric == Metric::kInstructions;
    if (!plan_.instruction_screen && !is_objective) return;
    const std::vector<std::string>& commands = is_objective ? judged_ : plan_.bench;
    double log_ratio = 0;
    for (const std::string& command : commands) {
      const auto known = baseline_.instructions.find(command);
      const InstructionCount base =
          known != baseline_.instructions.end() ? InstructionCount{known->second, {}} : count(command, baseline_.tree);
      const InstructionCount ours = base.ok() ? count(command, tree_) : InstructionCount{};
      if (!base.ok() || !ours.ok()) {
        const std::string why = base.ok() ? ours.unsupported : base.unsupported;
        if (is_objective && !base.ok()) throw Error("verify::instructions", "instructions cannot be counted: " + why);
        if (is_objective) throw Rejected{"its instructions cannot be counted: " + why, {}};
        return;  // a screen that cannot see lets everything pass
      }
      log_ratio += std::log(static_cast<double>(base.instructions) / static_cast<double>(ours.instructions)) /
                   static_cast<double>(commands.size());
    }
    const double ratio = std::exp(log_ratio);
    result_.instruction_ratio = ratio;
    if (is_objective) {
      decide_counted(log_ratio, "instructions");
    } else if (1 / ratio > plan_.instruction_limit) {
      end(Verdict::kNotFaster, fmt::format("executes {:.2f} times the instructions", 1 / ratio));
    }
  }

  std::vector<Work> works(const std::vector<std::string>& commands) const {
    std::vector<Work> result;
    for (const std::string& command : commands) result.push_back(works_.at(command));
    return result;
  }

  MeasureOptions measure_options() const {
    MeasureOptions options = plan_.measure;
    options.stop = stop_;
    options.check_output = checks_output();
    return options;
  }

  bool is_timed() const {
    return plan_.measure.objective.metric == Metric::kTime || plan_.measure.objective.metric == Metric::kPattern;
  }

  // A few pairs on what the search may see. The champion goes past: its pairs are counted later.
  void pairs() {
    if (plan_.screen_pairs == 0 || depth_.last >= Stage::kConfirm) return;
    const std::vector<Work> seen = works(plan_.bench.empty() ? judged_ : plan_.bench);
    result_.screen = screen(seen, plan_.screen_pairs, measure_options());
    if (result_.screen->failure) throw Rejected{result_.screen->failure->reason, {}};
    const double ratio = std::exp(result_.screen->log_ratio);
    result_.reason = fmt::format("{:.3f} in {} pairs", ratio, result_.screen->pairs);
    if (depth_.last > Stage::kPairs && result_.screen->log_ratio + kScreenErrors * result_.screen->se < 0) {
      end(Verdict::kNotFaster, fmt::format("clearly slower after {} pairs: {:.3f}", result_.screen->pairs, ratio));
    }
  }

  // Objectives that are counted, not timed, may not be bought with time.
  void refuse_trade(const char* what) {
    if (result_.verdict != Verdict::kFaster) return;
    MeasureOptions options = measure_options();
    options.objective = {};
    const Screen time = screen(works(judged_), std::max<std::size_t>(8, plan_.screen_pairs), options);
    if (time.failure) throw Rejected{time.failure->reason, {}};
    // Less than what would be a claim is a layout's luck.
    if (time.log_ratio + kScreenErrors * time.se >= -std::log1p(options.min_effect)) return;
    end(Verdict::kNotFaster,
        fmt::format("fewer {}, but bought with time: {:.3f} in {} pairs", what, std::exp(time.log_ratio), time.pairs));
  }

  void take(Judgement judgement) {
    if (judgement.failure) throw Rejected{judgement.failure->reason, {}};
    result_.verdict = judgement.verdict;
    result_.reason = judgement.reason;
    result_.speedup = judgement.estimate;
    result_.judgement = std::move(judgement);
  }

  void sequential() {
    if (depth_.last >= Stage::kConfirm) return;  // the confirmation is a sequential test of its own
    MeasureOptions options = measure_options();
    options.confirm = false;
    options.record_aa = false;
    take(judge(works(judged_), options));
  }

  void confirmed() {
    if (!holds(Defence::kWallClock)) {
      MeasureOptions options = measure_options();
      options.confirm = false;
      options.record_aa = false;
      return take(judge(works(judged_), options));
    }
    MeasureOptions options = measure_options();
    const std::string note = lay_out(options);
    Judgement judgement = confirm(works(judged_), depth_.confirmation, options);
    if (!note.empty()) judgement.notes.push_back(note);
    take(std::move(judgement));
  }

  // Native code is judged in several layouts; where there are none, it has to gain more than a layout is worth.
  std::string lay_out(MeasureOptions& options) {
    if (!baseline_.native || !is_timed()) return {};
    const double begun_s = monotonic_s();
    Layouts ours = lay_out_candidate(baseline_, tree_, with_build_env(plan_.build), plan_, workspace_, stop_);
    for (const fs::path& tree : ours.trees) layouts_.push_back(std::make_unique<BorrowedTree>(workspace_, tree, true));
    for (const std::string& command : judged_) {
      Work& work = works_.at(command);
      for (const fs::path& tree : baseline_.layouts) {
        work.base.variants.push_back(workspace_.sandboxed(command, tree, false));
      }
      for (const fs::path& tree : ours.trees) {
        work.candidate.variants.push_back(workspace_.sandboxed(command, tree, false));
      }
    }
    options.budget_s = std::max(0.6 * options.budget_s, options.budget_s - (monotonic_s() - begun_s));
    const std::size_t fewer = 1 + std::min(baseline_.layouts.size(), ours.trees.size());
    if (fewer >= kLayouts) return {};
    const std::string& why = baseline_.layouts_missing.empty() ? ours.why : baseline_.layouts_missing;
    std::string note = fmt::format("{} link order{} instead of {}: {}", fewer, fewer == 1 ? "" : "s", kLayouts, why);
    if (plan_.min_effect_given || options.min_effect >= kOneLayoutMinEffect) return note;
    options.min_effect = kOneLayoutMinEffect;
    return note + fmt::format("; so gains below {:.0f} % are not called faster", 100 * kOneLayoutMinEffect);
  }

  const Candidate& candidate_;
  const Baseline& baseline_;
  const Plan& plan_;
  const Workspace& workspace_;
  const Depth& depth_;
  std::stop_token stop_;
  fs::path tree_;
  std::vector<std::string> judged_;
  std::map<std::string, Work> works_;
  std::vector<std::unique_ptr<BorrowedTree>> layouts_;
  Verification result_;
  bool ended_ = false;
};

// Bytes that JSON can hold; what is not UTF-8 is named by its digest.
Json text_json(const std::string& bytes) {
  if (is_valid_utf8(bytes)) return bytes;
  return Json{{"sha256", sha256_hex(bytes)}, {"bytes", bytes.size()}};
}

}  // namespace

std::string stage_name(Stage stage) {
  switch (stage) {
    case Stage::kApply:
      return "apply";
    case Stage::kBuild:
      return "build";
    case Stage::kTest:
      return "test";
    case Stage::kOutput:
      return "output";
    case Stage::kInstructions:
      return "instructions";
    case Stage::kPairs:
      return "pairs";
    case Stage::kSequential:
      return "sequential";
    case Stage::kConfirm:
      return "confirm";
    case Stage::kDone:
      return "done";
  }
  return "";
}

void profile_baseline(Baseline& baseline, const Plan& plan, const Workspace& workspace, std::stop_token stop) {
  std::vector<std::string> commands = plan.bench;
  commands.insert(commands.end(), plan.holdout.begin(), plan.holdout.end());
  MeasureOptions options = plan.measure;
  options.stop = std::move(stop);
  options.check_output = options.check_output && !plan.ignore_output;
  for (const std::string& command : commands) {
    Work work;
    work.base.spawn = workspace.sandboxed(command, baseline.tree, false);
    work.candidate.spawn = work.base.spawn;
    const auto known = baseline.output_hash.find(command);
    if (known != baseline.output_hash.end()) work.output_hash = known->second;
    try {
      const Probe probe = probe_work(work, options);
      baseline.profiles[command] = probe.base;
      if (probe.output_hash) baseline.output_hash[command] = *probe.output_hash;
    } catch (const RunFailed& failed) {
      throw Error("verify::profile_baseline", fmt::format("{}: {}", command, failed.failure.reason));
    }
  }
}

Verification verify_candidate(const Candidate& candidate, const Baseline& baseline, const Plan& plan,
                              const Workspace& workspace, const Depth& depth, std::stop_token stop) {
  return Run(candidate, baseline, plan, workspace, depth, std::move(stop))();
}

void to_json(Json& json, const Candidate& candidate) {
  json = {{"id", candidate.id}, {"files", Json::object()}, {"build_env", candidate.build_env}};
  for (const auto& [path, text] : candidate.files) json["files"][path] = text ? text_json(*text) : Json(nullptr);
}

void to_json(Json& json, const Plan& plan) {
  json = {{"build", plan.build},
          {"test", plan.test},
          {"bench", plan.bench},
          {"holdout", plan.holdout},
          {"pinned", plan.pinned},
          {"editable", plan.editable},
          {"build_timeout_s", plan.build_timeout_s},
          {"test_timeout_s", plan.test_timeout_s},
          {"ignore_output", plan.ignore_output},
          {"instruction_screen", plan.instruction_screen},
          {"screen_pairs", plan.screen_pairs},
          {"metric", metric_name(plan.measure.objective.metric)},
          {"alpha", plan.measure.alpha},
          {"min_effect", plan.measure.min_effect},
          {"budget_s", plan.measure.budget_s},
          {"seed", plan.measure.seed}};
}

void to_json(Json& json, const Verification& verification) {
  json = {{"verdict", verdict_name(verification.verdict)},
          {"stage", stage_name(verification.stage)},
          {"reason", verification.reason},
          {"speedup", verification.speedup ? Json(*verification.speedup) : Json(nullptr)},
          {"instruction_ratio", verification.instruction_ratio ? Json(*verification.instruction_ratio) : Json(nullptr)},
          {"generated", nullptr},
          {"screen", nullptr},
          {"judgement", verification.judgement ? Json(*verification.judgement) : Json(nullptr)},
          {"times", Json::object()},
          {"log", is_valid_utf8(verification.log) ? Json(verification.log) : Json("(not text)")}};
  if (verification.generated) {
    const GeneratedCheck& check = *verification.generated;
    json["generated"] = {
        {"functions", check.functions}, {"inputs", check.inputs}, {"left_out", check.left_out}, {"notes", check.notes}};
  }
  if (verification.screen) {
    json["screen"] = {{"log_ratio", verification.screen->log_ratio},
                      {"se", std::isfinite(verification.screen->se) ? Json(verification.screen->se) : Json(nullptr)},
                      {"pairs", verification.screen->pairs},
                      {"instrument", instrument_name(verification.screen->instrument)}};
  }
  for (const StageTime& time : verification.times) json["times"][stage_name(time.stage)] = time.seconds;
}

}  // namespace jarvis2::verify
