#include "meta/coordinator.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/process.h"
#include "edit/journal.h"
#include "engine/run_store.h"
#include "hardware/machine.h"
#include "project/repository.h"
#include "project/settings.h"

namespace jarvis2::meta {
namespace {

constexpr int kMostAttempts = 3;

std::string seconds_text(double seconds) {
  return fmt::format("{:.0f}s", std::max(1.0, seconds));
}

// What the run's patch makes of the commit it was made for.
project::Texts texts_after(const project::Repository& repository, const fs::path& state_dir, const std::string& run,
                           const std::string& base) {
  return repository.apply_patch(base, read_file(state_dir / "runs" / run / "champion.patch"));
}

}  // namespace

std::string environment_fingerprint() {
  const hardware::Machine& machine = hardware::this_machine();
  std::string text = hardware::to_json(machine).dump();
  for (const char* name : {"cc", "c++", "gcc", "g++", "clang", "clang++", "python3", "rustc", "node", "go", "ld"}) {
    std::error_code ignored;
    const fs::path program = find_program(name);
    if (program.empty()) continue;
    const fs::path file = fs::canonical(program, ignored);
    struct stat info {};
    if (ignored || ::stat(file.c_str(), &info) != 0) continue;
    text += fmt::format("\n{} {} {} {}", name, file.string(), info.st_size, info.st_mtime);
  }
  return fmt::format("{:016x}", hash64(text));
}

Coordinator::Coordinator(const fs::path& root, MetaStore& store, const CoordinatorOptions& options, Execute execute)
    : root_(fs::canonical(root)), store_(store), options_(options), execute_(std::move(execute)) {
  state_dir_ = root_ / ".jarvis2";
}
Coordinator::~Coordinator() = default;

void Coordinator::recover() {
  const engine::RunStore runs(state_dir_);
  for (Plan& plan : store_.plans_in(PlanState::kRunning)) {
    // The run may have ended just before we did: its result counts.
    for (const std::string& id : runs.list()) {
      if (plan.kind != "improve" || id <= plan.run) continue;
      const Json result = runs.result(id);
      if (result.at("baseline").at("commit") != plan.commit) continue;
      log::info("plan {}: the result of run {} is taken up", plan.id, id);
      learn(result);
      propose(plan, result);
      break;
    }
    if (plan.state != PlanState::kRunning) continue;
    if (++plan.attempts >= kMostAttempts) {
      settle(plan, PlanState::kFailed, fmt::format("ended {} times without a result", plan.attempts));
    } else {
      plan.run.clear();
      settle(plan, PlanState::kWaiting, "was ended before its time");
    }
  }
}

void Coordinator::settle(Plan& plan, PlanState state, const std::string& reason) {
  plan.state = state;
  plan.reason = reason;
  plan.updated_s = now_s();
  store_.update(plan);
  log::info("plan {} ({}): {}{}{}", plan.id, plan.title, plan_state_name(state), reason.empty() ? "" : ": ", reason);
}

std::optional<Contribution> Coordinator::contribution(const std::string& run) {
  for (Contribution& one : store_.contributions()) {
    if (one.run == run) return std::move(one);
  }
  return std::nullopt;
}

// A proposal was applied (by us, by the user with `apply`, or by merging its branch) or taken back.
void Coordinator::notice_applied() {
  const project::Repository repository = project::Repository::open(root_);
  const Git git(root_);
  const engine::RunStore runs(state_dir_);
  const std::string head = repository.head();
  std::map<std::string, edit::ApplyState> journals;
  for (const edit::Journal& journal : edit::ApplyLog(root_, state_dir_).journals()) {
    if (journal.state != edit::ApplyState::kRolledBack) journals[journal.id] = journal.state;
  }
  const auto plan_of = [&](const std::string& run) -> std::optional<Plan> {
    for (Plan& plan : store_.plans(1000)) {
      if (plan.kind == "improve" && plan.run == run && !run.empty()) return std::move(plan);
    }
    return std::nullopt;
  };
  const auto begin = [&](const std::string& run, const char* how) {
    const Json result = runs.result(run);
    Contribution one;
    one.run = run;
    one.state = "applied";
    one.base = result.at("baseline").at("commit");
    for (const Json& action : result.at("actions")) {
      one.rules.push_back(action.at("rule"));
      one.paths.push_back(action.at("path"));
    }
    for (const auto& [path, text] : texts_after(repository, state_dir_, run, one.base)) one.paths.push_back(path);
    for (std::vector<std::string>* list : {&one.rules, &one.paths}) {
      std::sort(list->begin(), list->end());
      list->erase(std::unique(list->begin(), list->end()), list->end());
    }
    const Json findings = Json::parse(store_.value("findings:" + run), nullptr, false);
    if (findings.is_array()) one.findings = findings.get<std::vector<std::string>>();
    one.speedup = result.at("speedup").is_object() ? result["speedup"].at("estimate").get<double>() : 1;
    one.fingerprint = environment_;
    one.commit = head;
    one.verified_s = now_s();
    store_.put(one);
    log::info("run {} was applied ({}): {:.3f}x, watched from now on", run, how, one.speedup);
    if (std::optional<Plan> plan = plan_of(run); plan && plan->state == PlanState::kProposed) {
      settle(*plan, PlanState::kApplied, how);
    }
  };
  std::set<std::string> known;
  for (Contribution& one : store_.contributions()) {
    known.insert(one.run);
    const auto journal = journals.find(one.run);
    if (one.state == "applied" && journal != journals.end() && journal->second == edit::ApplyState::kUndone) {
      one.state = "taken back";
      store_.put(one);
      log::info("run {} was taken back", one.run);
    }
  }
  for (const auto& [run, state] : journals) {
    if (state != edit::ApplyState::kApplied || known.contains(run)) continue;
    known.insert(run);
    try {
      begin(run, "applied to the working tree");
    } catch (const std::exception& error) {
      log::warning("run {}: {}", run, error.what());
    }
  }
  for (Plan& plan : store_.plans_in(PlanState::kProposed)) {
    if (plan.kind != "improve" || known.contains(plan.run) || !git.has_branch(plan.branch)) continue;
    const std::string tip = repository.resolve(plan.branch);
    bool merged = git.contains(head, tip);
    if (!merged && head != plan.commit) {
      // Squashed or picked: the files are what the branch holds.
      const std::vector<std::string> paths = repository.changed(plan.commit, tip);
      merged = !paths.empty() && std::all_of(paths.begin(), paths.end(), [&](const std::string& path) {
        return repository.read(head, path) == repository.read(tip, path);
      });
    }
    if (merged) begin(plan.run, "merged");
  }
}

// What has changed since an applied change was last verified, and whether that may matter.
void Coordinator::doubt() {
  const project::Repository repository = project::Repository::open(root_);
  const std::string head = repository.head();
  for (Contribution& one : store_.contributions()) {
    if (one.state != "applied" || one.doubt >= 1) continue;
    double doubt = 0;
    std::string why;
    const auto raise = [&](double to, const std::string& reason) {
      if (to > doubt) why = reason;
      doubt = std::max(doubt, to);
    };
    if (one.fingerprint != environment_) raise(1, "compiler or hardware changed");
    if (head != one.commit) {
      std::vector<std::string> changed;
      project::Texts after;
      try {
        changed = repository.changed(one.commit, head);
        after = texts_after(repository, state_dir_, one.run, one.base);
      } catch (const Error& error) {
        raise(1, "history was rewritten");
      }
      std::string bench;
      try {
        for (const std::string& command : project::load_settings(root_).bench) bench += command + " ";
      } catch (const Error&) {
        // Detected settings name no files.
      }
      double others = 0;
      for (const std::string& path : changed) {
        const auto ours = after.find(path);
        if (ours != after.end()) {
          if (repository.read(head, path) != ours->second) raise(1, path + " changed");
        } else if (path == project::kSettingsFile || project::is_benchmark_path(path) ||
                   bench.find(path) != std::string::npos) {
          raise(1, "the benchmark changed (" + path + ")");
        } else if (project::is_build_script(path)) {
          raise(1, "the build changed (" + path + ")");
        } else if (project::is_source_path(path) && !project::is_test_path(path)) {
          others += 0.1;
        }
      }
      raise(others, "other sources changed");
    }
    if (doubt == one.doubt) continue;
    one.doubt = doubt;
    one.why = why;
    store_.put(one);
    if (doubt >= 1) log::info("run {}: its gain is in doubt: {}", one.run, why);
  }
}

void Coordinator::plan_checks() {
  const std::string head = Git(root_).head();
  for (const Contribution& one : store_.contributions()) {
    if (one.state != "applied" || one.doubt < 1) continue;
    Plan plan;
    plan.kind = "check";
    plan.created_s = plan.updated_s = now_s();
    plan.title = fmt::format("check run {} again: {}", one.run, one.why);
    plan.key = fmt::format("check-{}-{}-{}", one.run, head, environment_);
    plan.paths = one.paths;
    plan.actions = one.rules;
    plan.budget_s = options_.check_budget_s;
    plan.gain = std::log(std::max(1.0, one.speedup));
    plan.risk = 0;
    plan.value = std::max(0.01, plan.gain) / (plan.budget_s / 3600);
    plan.commit = head;
    plan.run = one.run;
    const std::int64_t id = store_.add(plan);
    if (id != 0) log::info("plan {}: {}", id, plan.title);
  }
}

void Coordinator::plan_improvements() {
  const project::Repository repository = project::Repository::open(root_);
  Knowledge knowledge;
  knowledge.commit = repository.head();
  knowledge.environment = environment_;
  // Nothing new since plans were last made.
  const std::string state = fmt::format("{} {} {}", knowledge.commit, environment_, store_.observation_count());
  if (store_.value("planned") == state) return;
  knowledge.findings = store_.findings();
  knowledge.hot_spots = store_.hot_spots();
  knowledge.rules = store_.rule_history();
  for (const Contribution& one : store_.contributions()) {
    if (one.state == "taken back") knowledge.refuted.insert(one.findings.begin(), one.findings.end());
  }
  for (const std::string& path : repository.dirty(1000)) knowledge.closed.insert(path);
  project::Settings settings;
  try {
    settings = project::load_settings(root_);
  } catch (const Error&) {
    settings = {};  // detected ones have no globs
  }
  for (const StoredFinding& one : knowledge.findings) {
    if (knowledge.contents.contains(one.path) || knowledge.closed.contains(one.path)) continue;
    const std::optional<KnownFile> file = store_.file(one.path);
    if (!file || !project::editable(settings, one.path)) {
      knowledge.closed.insert(one.path);
    } else {
      knowledge.contents[one.path] = file->mark.hash;
    }
  }
  for (Plan& plan :
       make_plans(knowledge, options_.plan, [this](const std::string& key) { return store_.knows(key); })) {
    const std::int64_t id = store_.add(plan);
    if (id == 0) continue;
    log::info("plan {}: {}; expected gain {:.1f} %, risk {:.0f} %, value {:.3f} an hour", id, plan.title,
              100 * std::expm1(plan.gain), 100 * plan.risk, plan.value);
  }
  store_.set_value("planned", state);
}

void Coordinator::drop_stale() {
  const project::Repository repository = project::Repository::open(root_);
  const std::string head = repository.head();
  for (Plan& plan : store_.plans_in(PlanState::kWaiting)) {
    if (plan.commit == head) continue;
    bool same = plan.kind == "improve";
    try {
      const std::vector<std::string> changed = repository.changed(plan.commit, head);
      for (const std::string& path : changed) {
        same = same && std::find(plan.paths.begin(), plan.paths.end(), path) == plan.paths.end();
      }
    } catch (const Error&) {
      same = false;
    }
    if (same) {
      plan.commit = head;
      store_.update(plan);
    } else {
      settle(plan, PlanState::kStale, "its code changed since");
    }
  }
}

std::optional<Plan> Coordinator::next() const {
  for (Plan& plan : store_.plans_in(PlanState::kWaiting)) {
    if (plan.not_before_s <= now_s()) return std::move(plan);
  }
  return std::nullopt;
}

std::chrono::seconds Coordinator::step(std::stop_token stop, Beat* beat) {
  environment_ = environment_fingerprint();
  notice_applied();
  doubt();
  drop_stale();
  plan_checks();
  plan_improvements();
  const std::optional<Plan> plan = next();
  if (!plan) {
    conditions_.reset();
    if (beat != nullptr) beat->idle();
    // Put-off plans, updated compilers.
    return std::chrono::seconds(store_.plans_in(PlanState::kWaiting).empty() ? 600 : 15);
  }
  if (!conditions_) {
    // A first sample covers too little time to say anything.
    conditions_ = std::make_unique<ConditionSampler>(root_);
    return std::chrono::seconds(1);
  }
  const std::string pause = pause_reason(conditions_->sample(), options_.limits);
  if (!pause.empty()) {
    if (beat != nullptr) beat->paused(pause);
    return std::chrono::seconds(5);
  }
  if (beat != nullptr) beat->working(plan->title);
  run(*plan, stop);
  if (stop.stop_requested()) throw Interrupted();
  return std::chrono::seconds(0);
}

void Coordinator::run(Plan plan, std::stop_token stop) {
  const std::vector<std::string> runs = engine::RunStore(state_dir_).list();
  if (plan.kind == "improve") plan.run = runs.empty() ? "" : runs.back();  // where recover() looks from
  settle(plan, PlanState::kRunning, "");
  try {
    plan.kind == "check" ? check(plan, stop) : improve(plan, stop);
  } catch (const Interrupted&) {
    settle(plan, PlanState::kWaiting, "interrupted");
    throw;
  } catch (const Error& error) {
    settle(plan, PlanState::kFailed, error.message());
  } catch (const std::exception& error) {
    settle(plan, PlanState::kFailed, error.what());
  }
}

ExecutorResult Coordinator::execute(const std::vector<std::string>& args, double limit_s, bool measures,
                                    std::stop_token stop) {
  ExecutorOptions options;
  options.limit_s = limit_s;
  if (measures) {
    conditions_->sample();
    int busy = 0;
    options.reason_to_stop = [this, busy]() mutable -> std::string {
      const Conditions now = conditions_->sample();
      const std::string reason = pause_reason(now, options_.limits);
      // Load and memory swing: only what lasts counts.
      busy = reason.empty() ? 0 : busy + 1;
      return busy >= 3 || (busy > 0 && (now.on_battery || !now.build.empty())) ? reason : "";
    };
  }
  return execute_(args, options, stop);
}

// The run came to no result: later, or never. False: it did.
bool Coordinator::put_off(Plan& plan, const ExecutorResult& result) {
  if (result.interrupted.empty() &&
      (result.status == kDone || result.status == kNotFound || result.status == kUndecided)) {
    return false;
  }
  const bool ours = !result.interrupted.empty() && result.interrupted != "took too long";
  std::string why = result.interrupted;
  if (why.empty()) why = result.error.empty() ? fmt::format("ended with status {}", result.status) : result.error;
  if (result.interrupted == "stopped") throw Interrupted();
  if (!ours) ++plan.attempts;
  plan.not_before_s = now_s() + (ours ? 30 : 30 << plan.attempts);
  settle(plan, !ours && plan.attempts >= kMostAttempts ? PlanState::kFailed : PlanState::kWaiting, why);
  return true;
}

void Coordinator::improve(Plan& plan, std::stop_token stop) {
  std::vector<std::string> args = {"improve",  root_.string(),
                                   "--json",   "-q",
                                   "--budget", seconds_text(plan.budget_s),
                                   "--seed",   fmt::format("{}", options_.seed + static_cast<std::uint64_t>(plan.id))};
  if (options_.verifications > 0) {
    args.insert(args.end(), {"--verifications", fmt::format("{}", options_.verifications)});
  }
  if (options_.auto_apply > 0) args.insert(args.end(), {"--alpha", fmt::format("{:.9f}", 1 - options_.auto_apply)});
  for (const std::string& path : plan.paths) args.insert(args.end(), {"--paths", path});
  const ExecutorResult ended = execute(args, 3 * plan.budget_s + 900, true, stop);
  if (put_off(plan, ended)) return;
  const Json result = Json::parse(ended.out);
  learn(result);
  propose(plan, result);
}

void Coordinator::learn(const Json& result) {
  std::vector<MetaStore::HotSpot> spots;
  for (const Json& one : result.at("profile").at("functions")) {
    MetaStore::HotSpot spot;
    spot.path = one.at("path");
    spot.function = one.at("name");
    spot.line = spot.end_line = one.at("line");
    spot.share = one.at("self");
    if (const std::optional<KnownFile> file = store_.file(spot.path)) {
      for (const SymbolMark& symbol : file->mark.symbols) {
        const std::uint32_t first = symbol.line > 2 ? symbol.line - 2 : 1;  // decorators
        if (spot.line >= first && spot.line <= symbol.end_line) spot.end_line = symbol.end_line;
      }
    }
    spots.push_back(std::move(spot));
  }
  store_.set_hot_spots(result.at("baseline").at("commit"), spots);
  std::map<std::int64_t, std::string> rules;
  for (const Json& one : result.at("catalogue")) rules[one.at("id").get<std::int64_t>()] = one.at("rule");
  for (const Json& candidate : result.at("candidates")) {
    if (candidate.at("actions").size() != 1) continue;  // a set's failure says little of its members
    const auto rule = rules.find(candidate["actions"][0].get<std::int64_t>());
    if (rule != rules.end()) store_.count(rule->second, candidate.at("verdict") != "rejected", std::nullopt);
  }
  for (const Json& action : result.at("actions")) {
    const Json& part = action.at("contribution");
    if (part.is_object()) store_.count(action.at("rule"), true, std::log(part.at("ratio").get<double>()));
  }
}

// A result becomes a branch and its evidence; the working tree stays as it is.
void Coordinator::propose(Plan& plan, const Json& result) {
  const std::string verdict = result.at("verdict");
  plan.run = result.at("id");
  if (verdict != "faster") {
    const std::string reason = result.value("reason", "");
    settle(plan, PlanState::kNothing, verdict + (reason.empty() ? "" : ": " + reason));
    return;
  }
  plan.speedup = result.at("speedup").at("estimate");
  const project::Repository repository = project::Repository::open(root_);
  const Git git(root_);
  const std::string base = result.at("baseline").at("commit");
  std::string message =
      fmt::format("{:.2f}x faster ({:.2f} to {:.2f})\n\n", plan.speedup, result["speedup"].at("low").get<double>(),
                  result["speedup"].at("high").is_number() ? result["speedup"]["high"].get<double>() : plan.speedup);
  Json answered = Json::array();
  const std::vector<StoredFinding> findings = store_.findings();
  for (const Json& action : result.at("actions")) {
    const std::string rule = action.at("rule").get<std::string>();
    const std::string path = action.at("path").get<std::string>();
    message += fmt::format("{}: {}\n", rule, action.at("title").get<std::string>());
    for (const StoredFinding& one : findings) {
      if (one.path == path && one.rule == rule) answered.push_back(one.fingerprint);
    }
  }
  message += fmt::format("\nEvidence: jarvis2 show {}\n", plan.run);
  store_.set_value("findings:" + plan.run, answered.dump());
  plan.branch = "jarvis2/" + plan.run;
  git.create_branch(plan.branch, git.commit(base, texts_after(repository, state_dir_, plan.run, base), message));
  settle(plan, PlanState::kProposed, fmt::format("{:.3f}x on branch {}", plan.speedup, plan.branch));
  if (options_.auto_apply > 0) apply(plan);
}

void Coordinator::apply(Plan& plan) {
  const ExecutorResult done = execute_({"apply", plan.run, "-C", root_.string(), "--json", "-q"}, {}, {});
  if (done.status != kDone) {
    settle(plan, PlanState::kProposed, "not applied: " + done.error);
    return;
  }
  notice_applied();
  plan = store_.plan(plan.id).value_or(plan);
}

// The gain is measured again where the code is now: the commit without the change against the commit with it.
void Coordinator::check(Plan& plan, std::stop_token stop) {
  std::optional<Contribution> found = contribution(plan.run);
  if (!found || found->state != "applied") {
    settle(plan, PlanState::kStale, "the change is gone");
    return;
  }
  Contribution& one = *found;
  project::Repository repository = project::Repository::open(root_);
  const std::string head = repository.head();
  const project::Texts after = texts_after(repository, state_dir_, one.run, one.base);
  project::Texts without;
  project::Texts with;
  bool in_head = false;
  bool clean = true;
  for (const auto& [path, text] : after) {
    const std::optional<std::string> now = repository.read(head, path);
    const std::optional<std::string> before = repository.read(one.base, path);
    if (!now || !before || !text) {
      clean = false;
      break;
    }
    const std::optional<std::string> reversed = merge_texts(*text, *now, *before);
    const std::optional<std::string> forward = merge_texts(*before, *now, *text);
    if (reversed && *reversed != *now) {
      in_head = true;
      without[path] = *reversed;
      with[path] = *now;
    } else if (forward && *forward != *now) {
      without[path] = *now;
      with[path] = *forward;
    } else {
      clean = clean && reversed && forward;
    }
  }
  if (!clean || with.empty()) {
    one.state = "superseded";
    store_.put(one);
    settle(plan, PlanState::kStale, "the code it changed was written anew");
    return;
  }
  const Git git(root_);
  const std::string base = git.commit(head, without, fmt::format("Take back {}\n\n{}\n", one.run, one.why));
  ExecutorResult ended;
  {
    const TempDir folder("jarvis2-check-", user_cache_dir());
    const fs::path tree = folder.path() / "src";
    repository.checkout(base, tree);
    // Settings that the user keeps out of git.
    std::error_code ignored;
    if (!fs::exists(tree / project::kSettingsFile)) {
      fs::copy_file(root_ / project::kSettingsFile, tree / project::kSettingsFile, ignored);
    }
    const fs::path patch = folder.path() / "again.diff";
    write_file_atomic(patch, project::unified_diff(without, with));
    ended = execute({"verify", tree.string(), "--patch", patch.string(), "--json", "-q", "--budget",
                     seconds_text(plan.budget_s), "--build-files", "--check-strength", "1s", "--seed",
                     fmt::format("{}", options_.seed + static_cast<std::uint64_t>(plan.id))},
                    3 * plan.budget_s + 900, true, stop);
  }
  if (put_off(plan, ended)) return;
  const Json result = Json::parse(ended.out);
  const std::string verdict = result.at("verdict");
  one.commit = head;
  one.fingerprint = environment_;
  one.verified_s = now_s();
  one.doubt = 0;
  if (result.at("speedup").is_object()) plan.speedup = result["speedup"].at("estimate");
  if (verdict == "undecided" && plan.attempts < 2) {
    ++plan.attempts;
    plan.budget_s *= 2;
    settle(plan, PlanState::kWaiting, "undecided: again, with twice the time");
    return;
  }
  if (verdict == "faster") {
    one.speedup = plan.speedup;
    store_.put(one);
    settle(plan, PlanState::kHolds, fmt::format("still {:.3f}x", plan.speedup));
  } else if (verdict == "undecided") {
    store_.put(one);
    settle(plan, PlanState::kNothing, "undecided: it stays");
  } else {
    store_.put(one);
    plan.reason = verdict == "rejected" ? fmt::format("it is no longer correct ({})", result.value("reason", ""))
                                        : fmt::format("its gain is gone ({}{})", verdict,
                                                      plan.speedup > 0 ? fmt::format(", {:.3f}x", plan.speedup) : "");
    take_back(plan, one, in_head ? base : "");
  }
}

// `branch_commit`: HEAD without the change; empty: HEAD does not hold it.
void Coordinator::take_back(Plan& plan, Contribution& one, const std::string& branch_commit) {
  const std::string reason = plan.reason;
  if (!branch_commit.empty()) {
    plan.branch = fmt::format("jarvis2/take-back-{}-{}", one.run, branch_commit.substr(0, 8));
    Git(root_).create_branch(plan.branch, branch_commit);
  }
  settle(plan, PlanState::kProposed,
         fmt::format("{}; to take it back: {}", reason,
                     plan.branch.empty() ? "jarvis2 undo " + one.run : "git merge " + plan.branch));
  if (options_.auto_apply <= 0) return;
  const ExecutorResult done = execute_({"undo", one.run, "-C", root_.string(), "--json", "-q"}, {}, {});
  if (done.status != kDone) {
    settle(plan, PlanState::kProposed, fmt::format("{}; not taken back: {}", reason, done.error));
    return;
  }
  one.state = "taken back";
  store_.put(one);
  settle(plan, PlanState::kTakenBack, reason);
}

}  // namespace jarvis2::meta
