#include "engine/improve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "base/hash.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/log.h"
#include "base/process.h"
#include "base/resident.h"
#include "edit/rule.h"
#include "engine/champion.h"
#include "engine/experience.h"
#include "engine/model_proposals.h"
#include "engine/providers.h"
#include "engine/recording.h"
#include "engine/report.h"
#include "engine/result_json.h"
#include "engine/run_store.h"
#include "engine/scope.h"
#include "engine/search_loop.h"
#include "hardware/workers.h"
#include "index/embedder.h"
#include "memory/zones.h"
#include "neural/networks.h"
#include "project/detect.h"
#include "project/lock.h"
#include "project/profile.h"

namespace jarvis2::engine {
namespace {

using edit::ActionId;
using edit::ActionSet;

edit::Heat heat_of(const project::Profile& profile) {
  edit::Heat heat;
  for (const project::LineShare& line : profile.lines) heat.lines[line.path][line.line] += line.share;
  return heat;
}

// All of the job's state, filled from top to bottom.
class Job {
 public:
  Job(const ImproveOptions& options, const std::function<void(const ImproveStatus&)>& progress, std::stop_token stop)
      : options_(options), progress_(progress), stop_(std::move(stop)), started_ns_(monotonic_ns()) {}

  ImproveResult run() {
    repository_.emplace(project::Repository::open(options_.dir));
    state_dir_ = repository_->state_dir();
    project::RunLock lock(state_dir_, "improve");
    RunStore store(state_dir_);
    store.clean();
    project::clean_worktrees(*repository_);
    settings_ = project::settings_or_detected(repository_->root());
    if (!options_.objective.empty()) settings_.metric = {project::parse_metric(options_.objective), "", false};
    if (options_.min_effect) {
      settings_.min_effect = *options_.min_effect;
      settings_.min_effect_given = true;
    }
    kinds_ = wanted_kinds(options_.kinds);
    edit::default_rules_folder();  // throws where the installation is incomplete: now, not after the baseline
    if (options_.dry_run) return dry_run();
    make_baseline();
    profile();
    make_catalogue();
    ask_model();
    open_space();
    if (!options_.recording.empty()) return write_recording();
    search();
    choose_champion();
    return finish(store);
  }

 private:
  void say(const std::string& phase, std::string message = {}, double left_s = 0) {
    status_.phase = phase;
    status_.message = std::move(message);
    status_.left_s = left_s;
    if (progress_) progress_(status_);
    if (stop_.stop_requested()) throw Interrupted();
  }

  double left_s() const { return options_.budget_s - static_cast<double>(monotonic_ns() - search_started_ns_) * 1e-9; }

  void make_baseline() {
    say("baseline", "building, testing and measuring the untouched commit");
    project::BaselineOptions options;
    options.include_uncommitted = options_.include_uncommitted;
    if (!options_.recording.empty()) {
      // Instructions are counted elsewhere: nothing is timed here.
      settings_.holdout.clear();
      options.allow_short = true;
      options.test_runs = options.most_test_runs = 1;
      options.bench_pairs = 1;
    }
    project::Baseline baseline = project::make_baseline(
        *repository_, settings_, options,
        [&](std::string_view stage, double fraction) {
          status_.message.clear();
          status_.phase = fmt::format("baseline: {} {:.0f} %", stage, 100 * fraction);
          if (progress_) progress_(status_);
        },
        stop_);
    commit_ = baseline.commit;
    settings_ = baseline.settings;
    for (const std::string& text : baseline.corrections) log::warning("baseline corrected: {}", text);
    for (const std::string& text : baseline.warnings) log::warning("{}", text);
    VerifierOptions verifier;
    verifier.measure.min_effect = settings_.min_effect;
    if (options_.alpha) verifier.measure.alpha = *options_.alpha;
    verifier.measure.seed = options_.seed;
    verifier.measure.budget_s = std::max(20.0, 0.12 * options_.budget_s);
    verifier.measure.stop = stop_;
    verifier_ = std::make_unique<Verifier>(std::move(baseline), verifier);
  }

  void profile() {
    say("profile", "profiling the benchmark");
    project::ProfileOptions options;
    options.budget_s = std::clamp(0.05 * options_.budget_s, 5.0, 20.0);
    profile_ = project::profile_benchmark(*repository_, verifier_->baseline(), options, stop_);
    heat_ = heat_of(profile_);
    for (const std::string& note : profile_.notes) log::info("profile: {}", note);
  }

  void parse() {
    std::vector<std::pair<std::string, std::string>> files;
    std::vector<bool> editable;
    for (const std::string& path : repository_->files(commit_)) {
      if (code::language_of(path) == code::Language::kNone) continue;
      std::optional<std::string> text = repository_->read(commit_, path);
      if (!text || text->size() > (4u << 20) || text->find('\0') != std::string::npos) continue;
      editable.push_back(project::editable(settings_, path) && is_valid_utf8(*text));
      files.emplace_back(path, std::move(*text));
    }
    threads_ = static_cast<unsigned>(hardware::workers(hardware::this_machine()).search);
    workspace_ = code::parse_workspace(files, threads_, editable);
    model_ = code::Model::build(workspace_, threads_);
    for (const code::SourceFile& file : workspace_.files()) base_texts_[file.path] = file.tree->text();
    scope_ = scope_of(options_, *repository_, commit_);
    if (!scope_.path.empty() && workspace_.find(scope_.path) == nullptr) {
      throw Error("engine::improve", scope_.path +
                                         ": no source file of this commit that can be improved (FILE or "
                                         "FILE::function, from the repository's root)");
    }
    if (!scope_.function.empty() && model_.find(scope_.path, scope_.function).empty()) {
      throw Error("engine::improve", fmt::format("{}: no function {} there", scope_.path, scope_.function));
    }
  }

  // A path of the base commit, source or not (build files).
  std::optional<std::string> base_text(const std::string& path) {
    const auto found = base_texts_.find(path);
    if (found != base_texts_.end()) return found->second;
    std::optional<std::string> text = repository_->read(commit_, path);
    if (text) base_texts_[path] = *text;
    return text;
  }

  void make_catalogue() {
    say("actions", "looking for what can be changed where the time goes");
    parse();
    propose_.safe_only = options_.safe_only;
    propose_.threads = threads_;
    propose_.stop = interrupt_token();
    propose_.composites = !heat_.lines.empty() || !scope_.path.empty();
    propose_.accept = [this](const std::string& path, const code::Function* function) {
      return scope_.file(path) && (scope_.function.empty() || (function != nullptr && scope_.symbol(function)));
    };
    // A narrow scope is an order to look there, however cold it is.
    if (!scope_.path.empty() || scope_.changed) propose_.min_share = 0;
    if (kinds_.contains(edit::Kind::kRewrite)) {
      transformations_ = all_transformations();
      edit::propose(transformations_, workspace_, model_, heat_, propose_, catalogue_);
      check_interrupt();
      chain();
    }
    if (kinds_.contains(edit::Kind::kCompile)) say("actions", "watching types, and asking mypyc");
    ProviderContext context{workspace_,
                            heat_,
                            settings_,
                            [this](const std::string& path) { return base_text(path); },
                            verifier_ ? &verifier_->baseline() : nullptr,
                            repository_->files(commit_),
                            kinds_,
                            [this](const std::string& path) { return scope_.file(path); },
                            std::clamp(0.5 * options_.budget_s, 60.0, 600.0),
                            stop_,
                            options_.allow_native,
                            options_.allow_fast_math};
    for (edit::Action& action : provide_actions(context)) {
      if (options_.safe_only && action.safety != edit::Safety::kAlwaysSafe) continue;
      catalogue_.add(std::move(action));
    }
    std::size_t usable = 0;
    for (ActionId id = 0; id < catalogue_.size(); ++id) usable += catalogue_.at(id).recommendation_only ? 0 : 1;
    say("actions", fmt::format("{} actions in {} files", usable, workspace_.files().size()));
  }

  // A language model writes in the background from here on; without an endpoint nothing is different.
  void ask_model() {
    const project::ModelSettings settings = project::load_model_settings(repository_->root());
    const std::optional<edit::ModelEndpoint> endpoint = model_endpoint(options_, settings);
    const bool wanted = options_.kinds.empty() || kinds_.contains(edit::Kind::kModel);
    if (!endpoint && kinds_.contains(edit::Kind::kModel)) {
      log::warning("--kinds model without an endpoint: no language model is asked (--model-endpoint URL)");
    }
    if (!endpoint || !wanted || options_.safe_only || !options_.recording.empty()) return;
    provider_ = std::make_unique<edit::ModelProvider>(
        edit::ModelProviderOptions{*endpoint, settings.questions, 4, 0.5 * options_.budget_s, options_.seed},
        workspace_, model_, heat_, propose_);
  }

  // What each promising rewrite makes possible, two steps deep, for a bounded time.
  void chain() {
    const std::uint64_t deadline_ns =
        monotonic_ns() + static_cast<std::uint64_t>(std::clamp(0.01 * options_.budget_s, 0.5, 1.5) * 1e9);
    std::vector<ActionId> frontier;
    for (ActionId id = 0; id < catalogue_.size(); ++id) frontier.push_back(id);
    const auto hope = [&](ActionId id) {
      const edit::Action& action = catalogue_.at(id);
      return action.share * std::log(std::max(1.0, action.prior_ratio));
    };
    for (int depth = 0; depth < 2; ++depth) {
      std::sort(frontier.begin(), frontier.end(), [&](ActionId a, ActionId b) { return hope(a) > hope(b); });
      std::vector<ActionId> next;
      for (const ActionId id : frontier) {
        if (monotonic_ns() > deadline_ns || stop_.stop_requested() || catalogue_.size() > 1500) break;
        if (catalogue_.at(id).recommendation_only) continue;
        const std::vector<ActionId> added = edit::propose_after(
            transformations_, workspace_, model_, heat_, catalogue_.closure({id}),
            [this](const std::string& path) { return base_text(path); }, propose_, catalogue_);
        next.insert(next.end(), added.begin(), added.end());
      }
      frontier = std::move(next);
    }
  }

  ImproveResult dry_run() {
    commit_ = options_.include_uncommitted ? repository_->snapshot_uncommitted() : repository_->head();
    make_catalogue();
    ImproveResult result;
    result.status = catalogue_.size() > 0 ? kDone : kNotFound;
    Json json = {{"dry_run", true}, {"commit", commit_}, {"actions", Json::array()}};
    for (ActionId id = 0; id < catalogue_.size(); ++id) json["actions"].push_back(action_json(catalogue_.at(id)));
    result.json = json.dump(2);
    return result;
  }

  void open_space() {
    std::string reason;
    embedder_ = index::open_embedder(reason);
    if (!embedder_) log::info("no embeddings: {}", reason);
    networks_ = neural::open_networks(neural::model_folders(), embedder_ ? embedder_->digest() : "");
    guide_ = std::make_unique<learn::Guide>(networks_);
    focus_ = focus_of(options_.focus, embedder_.get(), workspace_);
    space_.emplace(SearchSpace{catalogue_,
                               *guide_,
                               *verifier_,
                               workspace_,
                               model_,
                               heat_,
                               transformations_,
                               propose_,
                               [this](const std::string& path) { return base_text(path); },
                               {},
                               focus_});
    space_->provider = provider_.get();
    if (embedder_) {
      space_->embed = [this](const std::vector<std::string>& texts) { return embedder_->embed(texts); };
    }
  }

  ImproveResult write_recording() {
    introduce(*space_);
    const Json json = recording(*space_, settings_,
                                {repository_->root().filename().string(), commit_, embedder_ ? embedder_->digest() : "",
                                 options_.recording_command, options_.recording_nothing});
    write_file_atomic(options_.recording, dump(json));
    ImproveResult result;
    result.status = kDone;
    result.json = Json{{"recording", options_.recording.string()}, {"actions", json["actions"].size()}}.dump(2);
    return result;
  }

  void search() {
    experience_ = std::make_unique<ExperienceRecorder>(*repository_, commit_, embedder_ ? embedder_->digest() : "");
    SearchOptions options;
    search_started_ns_ = monotonic_ns();
    options.budget_s = 0.56 * options_.budget_s;
    options.max_trials = options_.verifications;
    options.simulations = options_.simulations;
    options.workers = options_.jobs != 0
                          ? options_.jobs
                          : std::clamp<unsigned>(static_cast<unsigned>(verify::usable_cpus().size()), 1, 16);
    options.search_threads = std::clamp(threads_ / 2, 1u, 8u);
    options.seed = options_.seed;
    options.min_effect = settings_.min_effect;
    options.profile_saw_bench = !settings_.holdout.empty();
    say("search",
        fmt::format("searching, {} verification{} at a time", options.workers, options.workers == 1 ? "" : "s"),
        left_s());
    outcome_ = run_search(
        *space_, options,
        [&](const SearchStatus& status) {
          status_.verified = status.trials - std::min(status.trials, status.running);
          status_.running = status.running;
          status_.simulations = status.simulations;
          status_.best_ratio = status.best_ratio;
          status_.phase = "search";
          status_.message = status.message;
          status_.left_s = left_s();
          if (progress_) progress_(status_);
        },
        [&](const Trial& trial) {
          experience_->record(*space_, trial);
          if (provider_) tell(*provider_, catalogue_, trial);
        },
        stop_);
    if (!provider_) return;
    model_log_ = provider_->log();
    provider_.reset();  // measurements own the machine from here on
    space_->provider = nullptr;
    if (!model_log_->note.empty()) log::warning("{}", model_log_->note);
  }

  std::uint64_t deadline_ns(double share_left) const {
    return monotonic_ns() + static_cast<std::uint64_t>(std::max(5.0, share_left * left_s()) * 1e9);
  }

  void choose_champion() {
    const std::function<void(const std::string&)> tell = [&](const std::string& text) {
      say(status_.phase, text, left_s());
    };
    std::deque<Screened> open;
    for (const std::size_t index : outcome_.ranking) {
      const Trial& trial = outcome_.trials[index];
      open.push_back({trial.set, trial.log_ratio, trial.se});
    }
    int attempts = 0;
    while (!open.empty()) {
      const Screened next = std::move(open.front());
      open.pop_front();
      // Not worth a confirmation: even with luck it is below what may be claimed.
      if (next.log_ratio + 2 * next.se < std::log1p(settings_.min_effect)) continue;
      if (++attempts > 3 || (attempts > 1 && left_s() < 10)) break;
      say("prune",
          fmt::format("the best set has {} actions, {:.3f}x in the screen", next.set.size(), std::exp(next.log_ratio)),
          left_s());
      champion_ = prune(*space_, next.set, deadline_ns(attempts == 1 ? 0.35 : 0.2), tell, stop_);
      keep_what_is_checked();
      if (champion_.empty()) continue;
      say("confirm",
          fmt::format("confirming {} action{} on fresh pairs", champion_.size(), champion_.size() == 1 ? "" : "s"),
          left_s());
      // The likeliest set has a part of the time to itself, however long all before it took.
      const double own_s = attempts == 1 ? std::min(0.2 * options_.budget_s, 120.0) : 0;
      verifier_->measure().budget_s = std::max({30.0, 0.5 * left_s(), own_s});
      verifier_->measure().seed = options_.seed * 1000003 + static_cast<std::uint64_t>(attempts);
      confirmation_ = verifier_->verify("champion", texts_of(*space_, champion_), environment_of(*space_, champion_),
                                        {verify::Stage::kConfirm, attempts}, stop_);
      confirmations_.emplace_back(champion_, *confirmation_);
      if (confirmation_->accepted()) {
        say("contributions", "measuring what each action contributes", left_s());
        contributions_ = contributions(*space_, champion_, deadline_ns(0.9), tell, stop_);
        return;
      }
      say("confirm",
          fmt::format("not confirmed: {} ({})", verify::verdict_name(confirmation_->verdict), confirmation_->reason),
          left_s());
      if (left_s() >= 10) without_profile(next.set, open);
    }
  }

  struct Screened {
    ActionSet set;
    double log_ratio = 0;
    double se = 0;
  };

  // A profile is trained on the open inputs, so they flatter it. Where inputs kept back contradict, no other set with
  // the profile is asked, but the refused one without it, if it holds up in a screen.
  void without_profile(const ActionSet& refused, std::deque<Screened>& open) {
    const auto is_profile = [&](ActionId id) { return catalogue_.at(id).rule == "option/pgo"; };
    if (settings_.holdout.empty() || std::none_of(refused.begin(), refused.end(), is_profile)) return;
    std::erase_if(open, [&](const Screened& one) { return std::any_of(one.set.begin(), one.set.end(), is_profile); });
    ActionSet rest = refused;
    for (const ActionId id : refused) {
      if (is_profile(id)) rest = catalogue_.without(rest, id);
    }
    const bool known = std::any_of(open.begin(), open.end(), [&](const Screened& one) { return one.set == rest; });
    if (rest.empty() || known) return;
    say("screen", "the profile did not help on other inputs: the same without it", left_s());
    const verify::Verification result = verifier_->verify(
        "no-profile", texts_of(*space_, rest), environment_of(*space_, rest), {verify::Stage::kPairs, 1}, stop_);
    if (result.verdict == verify::Verdict::kRejected || !result.screen || result.screen->failure) return;
    const Screened screened{rest, result.screen->log_ratio,
                            std::isfinite(result.screen->se) ? std::max(0.003, result.screen->se) : 0.05};
    open.insert(
        std::find_if(open.begin(), open.end(), [&](const Screened& one) { return one.log_ratio < screened.log_ratio; }),
        screened);
  }

  // Where tests and output see too little of the changes, only rules that are always safe stay.
  void keep_what_is_checked() {
    say("strength", "how much the tests see of the changes", left_s());
    strength_ = verifier_->strength(texts_of(*space_, champion_), environment_of(*space_, champion_),
                                    std::clamp(0.1 * left_s(), 4.0, 30.0), stop_);
    if (!strength_->weakly_checked()) return;
    const std::size_t before = champion_.size();
    for (const ActionId id : ActionSet(champion_)) {
      const edit::Action& action = catalogue_.at(id);
      if (action.kind == edit::Kind::kOption) continue;  // the compiler keeps the meaning
      if (action.safety != edit::Safety::kAlwaysSafe) champion_ = catalogue_.without(champion_, id);
    }
    say("strength",
        fmt::format("weakly checked ({} of {} small faults noticed): {} of {} actions don't need it",
                    strength_->noticed, strength_->mutants, champion_.size(), before),
        left_s());
  }

  Json candidates_json() const {
    Json list = Json::array();
    for (const Trial& trial : outcome_.trials) {
      Json one = {{"n", trial.number},
                  {"purpose", trial.purpose},
                  {"actions", trial.set},
                  {"verdict", trial.correct() ? (trial.measured ? "screened" : "correct") : "rejected"},
                  {"stage", verify::stage_name(trial.verification.stage)},
                  {"reason", trial.verification.reason},
                  {"seconds", trial.seconds}};
      if (trial.measured) {
        one["ratio"] = std::exp(trial.log_ratio);
        one["se"] = trial.se;
      }
      list.push_back(std::move(one));
    }
    std::uint32_t number = static_cast<std::uint32_t>(list.size());
    for (const auto& [set, verification] : confirmations_) {
      Json one = {{"n", ++number},
                  {"purpose", "confirm"},
                  {"actions", set},
                  {"verdict", verify::verdict_name(verification.verdict)},
                  {"stage", verify::stage_name(verification.stage)},
                  {"reason", verification.reason}};
      if (verification.speedup) one["ratio"] = verification.speedup->ratio;
      list.push_back(std::move(one));
    }
    return list;
  }

  // Sets that no other beats in both speed and size of the change.
  Json archive_json() {
    struct Point {
      const Trial* trial;
      std::size_t lines;
    };
    std::vector<Point> points;
    for (const std::size_t index : outcome_.ranking) {
      const Trial& trial = outcome_.trials[index];
      if (points.size() >= 200) break;
      points.push_back({&trial, changed_lines(repository_->diff(commit_, texts_of(*space_, trial.set)))});
    }
    Json list = Json::array();
    for (const Point& point : points) {
      const bool beaten = std::any_of(points.begin(), points.end(), [&](const Point& other) {
        return (other.lines < point.lines && other.trial->log_ratio >= point.trial->log_ratio) ||
               (other.lines <= point.lines && other.trial->log_ratio > point.trial->log_ratio);
      });
      list.push_back({{"n", point.trial->number},
                      {"ratio", std::exp(point.trial->log_ratio)},
                      {"se", point.trial->se},
                      {"changed_lines", point.lines},
                      {"actions", point.trial->set.size()},
                      {"pareto", !beaten}});
    }
    return list;
  }

  ImproveResult finish(RunStore& store) {
    say("report", "writing the report");
    ImproveResult result;
    const bool faster = confirmation_ && confirmation_->accepted();
    std::string verdict = "not faster";
    std::string reason = outcome_.ranking.empty()
                             ? "no candidate was correct and measured"
                             : "no set of actions was faster than the minimum effect in the screen";
    if (confirmation_) {
      verdict = verify::verdict_name(confirmation_->verdict);
      reason = confirmation_->reason;
      if (verdict == "rejected" || verdict == "slower") verdict = "not faster";
    }
    result.status = faster ? kDone : verdict == "undecided" ? kUndecided : kNotFound;
    result.id = new_run_id(state_dir_);
    result.folder = store.create(result.id);

    Json json;
    json["id"] = result.id;
    json["verdict"] = verdict;
    json["reason"] = reason;
    if (confirmation_ && confirmation_->speedup) {
      const verify::Estimate& speedup = *confirmation_->speedup;
      json["speedup"] = {{"estimate", speedup.ratio},
                         {"low", speedup.low},
                         {"high", std::isfinite(speedup.high) ? Json(speedup.high) : Json()},
                         {"confidence", speedup.confidence},
                         {"pairs", speedup.pairs}};
    } else {
      json["speedup"] = nullptr;
    }
    json["claim"] = settings_.holdout.empty() ? "on this input only" : "on inputs kept from profile and search";
    json["baseline"] = baseline_json(verifier_->baseline());
    json["actions"] = Json::array();
    if (faster) {
      int number = 0;
      for (const ActionId id : champion_) {
        Json one = action_json(catalogue_.at(id));
        one["n"] = ++number;
        one["contribution"] = nullptr;
        for (const Contribution& part : contributions_) {
          if (part.action == id)
            one["contribution"] = {
                {"ratio", part.ratio}, {"low", part.low}, {"high", part.high}, {"required", part.required}};
        }
        json["actions"].push_back(std::move(one));
      }
    }
    const std::string patch = faster ? repository_->diff(commit_, texts_of(*space_, champion_)) : "";
    json["patch"] = patch;
    json["changed_lines"] = changed_lines(patch);
    bool source = false;
    for (const ActionId id : champion_) source = source || catalogue_.at(id).kind != edit::Kind::kOption;
    json["options_only"] = faster && !source;
    json["recommendations"] = Json::array();
    for (ActionId id = 0; id < catalogue_.size(); ++id) {
      if (catalogue_.at(id).recommendation_only && catalogue_.at(id).kind != edit::Kind::kRewrite)
        json["recommendations"].push_back(action_json(catalogue_.at(id)));
    }
    json["search"] = {{"simulations", outcome_.simulations},
                      {"seconds", outcome_.search_seconds},
                      {"verifications", outcome_.trials.size() + confirmations_.size()},
                      {"first_simulation_s", outcome_.first_simulation_s},
                      {"ending", outcome_.ending},
                      {"nodes", outcome_.report.nodes},
                      {"bytes", outcome_.report.bytes},
                      {"networks", guide_->info()},
                      {"embedder", embedder_ ? Json(embedder_->name()) : Json()},
                      {"seed", options_.seed}};
    json["model"] = model_log_ ? model_json(*model_log_, catalogue_, outcome_.trials) : Json();
    json["zones"] = memory::to_json(memory::zones());
    json["peak_resident_bytes"] = peak_resident_bytes();
    json["candidates"] = candidates_json();
    json["archive"] = archive_json();
    json["profile"] = profile_json(profile_);
    json["confirmation"] = confirmation_ ? Json(*confirmation_) : Json();
    if (strength_ && confirmation_ && confirmation_->generated) strength_->inputs = confirmation_->generated->inputs;
    json["strength"] = strength_ ? Json(*strength_) : Json();
    json["catalogue"] = Json::array();
    for (ActionId id = 0; id < catalogue_.size(); ++id) {
      Json one = action_json(catalogue_.at(id));
      one["expected"] = guide_->baseline().mean(id);
      one["deviation"] = guide_->baseline().deviation(id);
      json["catalogue"].push_back(std::move(one));
    }
    json["instrument_read_only"] = verifier_->measured_runs_read_only();
    json["options"] = {{"target", options_.target},       {"focus", options_.focus},
                       {"budget_s", options_.budget_s},   {"min_effect", settings_.min_effect},
                       {"safe_only", options_.safe_only}, {"seed", options_.seed}};
    json["machine"] = machine_json();
    json["seconds"] = static_cast<double>(monotonic_ns() - started_ns_) * 1e-9;
    json["next"] = faster
                       ? fmt::format("jarvis2 show {} · jarvis2 apply {}", result.id, result.id)
                       : "jarvis2 improve --budget 30m, or a benchmark that spends its time in code that may be edited";
    json["report"] = (result.folder / "report.html").string();

    // What replays the claim: everything but the repository itself.
    Json bundle = {{"base", commit_},
                   {"settings", project::to_toml(settings_)},
                   {"seed", options_.seed},
                   {"machine", json["machine"]}};
    bundle["actions"] = Json::array();
    for (const ActionId id : faster ? champion_ : ActionSet{}) {
      const edit::Action& action = catalogue_.at(id);
      Json one = action_json(action);
      one["requires"] = action.requires_actions;
      one["supersedes"] = action.supersedes;
      one["replacements"] = Json::array();
      for (const edit::Replacement& part : action.replacements) {
        one["replacements"].push_back({{"path", part.path},
                                       {"base_sha256", part.base_sha256},
                                       {"begin", part.range.begin},
                                       {"end", part.range.end},
                                       {"text", part.text}});
      }
      bundle["actions"].push_back(std::move(one));
    }
    store.write(result.id, "bundle.json", dump(bundle));
    if (faster) store.write(result.id, "champion.patch", patch);
    store.write(result.id, "tree.dot", outcome_.graphviz);
    store.write(result.id, "report.html", report_html(json, outcome_.tree_json));
    result.json = dump(json);
    store.write(result.id, "result.json", result.json);  // last: a run without it never happened
    return result;
  }

  static std::string dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace); }

  const ImproveOptions& options_;
  const std::function<void(const ImproveStatus&)>& progress_;
  std::stop_token stop_;
  std::uint64_t started_ns_;
  std::uint64_t search_started_ns_ = 0;
  ImproveStatus status_;
  std::optional<project::Repository> repository_;
  fs::path state_dir_;
  project::Settings settings_;
  std::set<edit::Kind> kinds_;
  std::string commit_;
  std::unique_ptr<Verifier> verifier_;
  project::Profile profile_;
  edit::Heat heat_;
  unsigned threads_ = 1;
  code::Workspace workspace_;
  code::Model model_;
  std::map<std::string, std::string> base_texts_;
  Scope scope_;
  edit::ProposeOptions propose_;
  std::vector<std::unique_ptr<edit::Transformation>> transformations_;
  edit::Catalogue catalogue_;
  std::unique_ptr<edit::ModelProvider> provider_;  // reads workspace, model and heat
  std::optional<edit::ModelLog> model_log_;
  std::unique_ptr<index::Embedder> embedder_;
  std::shared_ptr<const neural::Networks> networks_;
  std::unique_ptr<learn::Guide> guide_;
  std::function<float(const edit::Action&)> focus_;
  std::optional<SearchSpace> space_;
  std::unique_ptr<ExperienceRecorder> experience_;
  SearchOutcome outcome_;
  ActionSet champion_;
  std::optional<verify::Strength> strength_;  // of the champion, before its confirmation
  std::optional<verify::Verification> confirmation_;
  std::vector<std::pair<ActionSet, verify::Verification>> confirmations_;
  std::vector<Contribution> contributions_;
};

}  // namespace

ImproveResult improve(const ImproveOptions& options, const std::function<void(const ImproveStatus&)>& progress,
                      std::stop_token stop) {
  return Job(options, progress, std::move(stop)).run();
}

}  // namespace jarvis2::engine
