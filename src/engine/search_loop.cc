#include "engine/search_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "edit/llm_provider.h"
#include "mcts/search.h"
#include "memory/zone_pools.h"

namespace jarvis2::engine {
namespace {

using edit::ActionId;
using edit::ActionSet;

// Of what a profile gains on the input that it was trained on, other inputs lost a half and more (on tinyxml2, hoedown
// and lua 3.6, 3.4 and -3.3 % were left of 11, 8 and 5 %).
constexpr double kFlattery = 0.6;

constexpr double kWeakOption = 1.025;  // of the prior: below it an option waits

double seconds_since(std::uint64_t start_ns) {
  return static_cast<double>(monotonic_ns() - start_ns) * 1e-9;
}

// A verification that waits or runs.
struct Order {
  ActionSet set;
  std::string purpose;
  verify::Depth depth;
};

class Loop {
 public:
  Loop(SearchSpace& space, const SearchOptions& options, const std::function<void(const SearchStatus&)>& progress,
       const std::function<void(const Trial&)>& learned, std::stop_token stop)
      : space_(space),
        options_(options),
        progress_(progress),
        learned_(learned),
        stop_(std::move(stop)),
        environment_(space.catalogue, space.guide),
        local_environment_(space.catalogue, space.guide),
        random_(options.seed),
        started_ns_(monotonic_ns()) {
    mcts::Options search;
    search.seed = options.seed;
    search.threads = static_cast<int>(options.search_threads);
    search.memory = &memory::zone_pool(memory::ZoneId::kMcts);
    // Two trees share the zone.
    search.limit_bytes = std::clamp<std::size_t>(memory::zones().mcts.limit_bytes() / 2, 1u << 20, 512u << 20);
    search_ = std::make_unique<mcts::Search<CodeEnvironment>>(environment_, search);
    search.seed = options.seed + 1;
    local_ = std::make_unique<mcts::Search<CodeEnvironment>>(local_environment_, search);
  }

  SearchOutcome run() {
    introduce(space_);
    activate();
    search_more();  // the prior's own favourite goes first
    plan_groups();
    std::vector<std::jthread> workers;
    // Workers are joined before anything they use goes: their tokens stop when this scope ends.
    for (unsigned i = 0; i < std::max(1u, options_.workers); ++i) {
      workers.emplace_back([this](std::stop_token token) { work(token); });
    }
    try {
      while (!finished()) {
        take_proposals();
        fill();
        wait();
        collect();
      }
      drain();
    } catch (...) {
      for (std::jthread& worker : workers) worker.request_stop();
      cancel_.request_stop();
      ready_.notify_all();
      throw;
    }
    for (std::jthread& worker : workers) worker.request_stop();
    ready_.notify_all();
    workers.clear();
    return outcome();
  }

 private:
  // ---- which actions ----
  void activate() {
    std::vector<std::pair<double, ActionId>> ranked;
    for (ActionId id = 0; id < space_.catalogue.size(); ++id) {
      const edit::Action& action = space_.catalogue.at(id);
      if (action.recommendation_only || banned_.contains(id)) continue;
      const double hope = space_.guide.baseline().mean(id) + 0.5 * space_.guide.baseline().deviation(id);
      ranked.emplace_back(-hope * space_.focus(action), id);
    }
    std::sort(ranked.begin(), ranked.end());
    std::vector<ActionId> active;
    for (const auto& [rank, id] : ranked) {
      if (active.size() >= options_.max_active) break;
      active.push_back(id);
    }
    active = space_.catalogue.closure(active);
    std::erase_if(active,
                  [&](ActionId id) { return space_.catalogue.at(id).recommendation_only || banned_.contains(id); });
    environment_.set_active(active);
    local_environment_.set_active(std::move(active));
  }

  // Groups of compatible actions from different places: one verification tells about many at once [group testing].
  void plan_groups() {
    std::vector<ActionId> open;
    for (const ActionId id : environment_.active()) {
      if (space_.catalogue.at(id).requires_actions.empty()) open.push_back(id);
    }
    std::sort(open.begin(), open.end(), [&](ActionId a, ActionId b) {
      const double x = hope(a), y = hope(b);
      return x != y ? x > y : a < b;
    });
    plan_options(open);
    // Of one rule: what breaks one program breaks it at many places, and a mixed group would fall with it.
    std::map<std::string, double> best;
    for (const ActionId id : open) best.emplace(space_.catalogue.at(id).rule, hope(id));
    std::stable_sort(open.begin(), open.end(), [&](ActionId a, ActionId b) {
      return best[space_.catalogue.at(a).rule] > best[space_.catalogue.at(b).rule];
    });
    const double cost_s = estimated_cost_s();
    const double rounds =
        std::max(2.0, 0.3 * options_.budget_s * std::max(1u, options_.workers) / std::max(0.5, cost_s));
    const std::size_t size =
        std::clamp<std::size_t>(static_cast<std::size_t>(std::ceil(static_cast<double>(open.size()) / rounds)), 1, 12);
    std::deque<ActionSet> rewrites, strong, weak;
    while (!open.empty()) {
      ActionSet group;
      std::vector<ActionId> rest;
      for (const ActionId id : open) {
        const edit::Action& action = space_.catalogue.at(id);
        // Neighbours in one function interact; apart they tell more. Options change everything: alone.
        const bool apart = action.kind == edit::Kind::kRewrite &&
                           (group.empty() || space_.catalogue.at(group[0]).kind == edit::Kind::kRewrite);
        const bool fits = group.empty() || (apart && group.size() < size && space_.catalogue.legal(group, id));
        if (fits) {
          group.insert(std::lower_bound(group.begin(), group.end(), id), id);
        } else {
          rest.push_back(id);
        }
      }
      const edit::Action& first = space_.catalogue.at(group[0]);
      std::deque<ActionSet>& kind = first.kind != edit::Kind::kOption ? rewrites
                                    : first.prior_ratio < kWeakOption ? weak
                                                                      : strong;
      kind.push_back(std::move(group));
      open = std::move(rest);
    }
    // Options cost whole builds: rewrites have their turn between the strong ones, and the weak ones wait.
    while (static_cast<double>(queue_.size()) < rounds && !(rewrites.empty() && strong.empty() && weak.empty())) {
      for (std::deque<ActionSet>* kind : {&rewrites, strong.empty() && rewrites.empty() ? &weak : &strong}) {
        if (kind->empty()) continue;
        enqueue(std::move(kind->front()), "group", {verify::Stage::kPairs, 1});
        kind->pop_front();
      }
    }
  }

  // The promising build options of all groups at once: they hardly ever hinder each other, and their gains multiply.
  void plan_options(const std::vector<ActionId>& promising) {
    ActionSet together;
    for (const ActionId id : promising) {
      const edit::Action& action = space_.catalogue.at(id);
      if (action.kind != edit::Kind::kOption || action.prior_ratio < 1.015) continue;
      if (space_.catalogue.legal(together, id))
        together.insert(std::lower_bound(together.begin(), together.end(), id), id);
    }
    if (together.size() > 1) enqueue(std::move(together), "group", {verify::Stage::kPairs, 1});
  }

  double hope(ActionId id) const { return space_.guide.baseline().mean(id) * space_.focus(space_.catalogue.at(id)); }

  double estimated_cost_s() const {
    const project::Baseline& baseline = space_.verifier.baseline();
    double bench_s = 0;
    for (const project::BenchBaseline& bench : baseline.bench) {
      if (!bench.holdout) bench_s += bench.wall_s;
    }
    const double pairs = static_cast<double>(space_.verifier.plan().screen_pairs);
    return baseline.build_s + baseline.test_s + bench_s * (2 * pairs + 1);
  }

  void enqueue(ActionSet set, std::string purpose, verify::Depth depth) {
    if (set.empty() || !space_.catalogue.consistent(set)) return;
    const std::uint64_t key = space_.catalogue.key(set) ^ (depth.last < verify::Stage::kPairs ? 1 : 0);
    if (!seen_.insert(key).second) return;
    queue_.push_back({std::move(set), std::move(purpose), depth});
  }

  // ---- workers ----
  void work(std::stop_token token) {
    for (;;) {
      Trial* trial = nullptr;
      verify::Depth depth;
      project::Texts texts;
      std::map<std::string, std::string> env;
      {
        std::unique_lock lock(mutex_);
        ready_.wait(lock, [&] { return token.stop_requested() || !dispatched_.empty(); });
        if (token.stop_requested()) return;
        trial = dispatched_.front().trial;
        depth = dispatched_.front().depth;
        texts = std::move(dispatched_.front().texts);
        env = std::move(dispatched_.front().env);
        dispatched_.pop_front();
      }
      const std::uint64_t begin_ns = monotonic_ns();
      std::exception_ptr failure;
      try {
        trial->verification =
            space_.verifier.verify(fmt::format("t{}", trial->number), texts, env, depth, cancel_.get_token());
      } catch (...) {
        failure = std::current_exception();
      }
      trial->seconds = seconds_since(begin_ns);
      const std::lock_guard lock(mutex_);
      if (failure && !failure_) failure_ = failure;
      done_.push_back(trial);
      finished_.notify_all();
    }
  }

  struct Dispatched {
    Trial* trial;
    verify::Depth depth;
    project::Texts texts;
    std::map<std::string, std::string> env;
  };

  void fill() {
    for (;;) {
      {
        const std::lock_guard lock(mutex_);
        if (running_ >= std::max(1u, options_.workers)) return;
      }
      if (options_.max_trials != 0 && trials_.size() >= options_.max_trials) return;
      if (queue_.empty() && stale_ >= patience()) return;  // only new proposals help
      if (queue_.empty() && !search_more()) return;
      if (queue_.empty()) return;
      Order order = std::move(queue_.front());
      queue_.pop_front();
      Dispatched job{nullptr, order.depth, {}, {}};
      try {
        job.texts = texts_of(space_, order.set);
        job.env = environment_of(space_, order.set);
      } catch (const Error& error) {
        log::debug("a set can't be put together: {}", error.message());
        continue;
      }
      Trial& trial = trials_.emplace_back();
      trial.number = static_cast<std::uint32_t>(trials_.size());
      trial.set = std::move(order.set);
      trial.purpose = std::move(order.purpose);
      job.trial = &trial;
      const std::lock_guard lock(mutex_);
      dispatched_.push_back(std::move(job));
      ++running_;
      ready_.notify_one();
    }
  }

  void wait() {
    std::unique_lock lock(mutex_);
    if (running_ == 0) {
      lock.unlock();
      if (proposals_expected() && queue_.empty()) space_.provider->wait(0.2);
      return;
    }
    finished_.wait_for(lock, std::chrono::milliseconds(200), [&] { return !done_.empty() || failure_; });
    lock.unlock();
    report("");
    if (stop_.stop_requested()) throw Interrupted();
  }

  void collect() {
    std::vector<Trial*> done;
    {
      const std::lock_guard lock(mutex_);
      if (failure_) std::rethrow_exception(failure_);
      done.swap(done_);
      running_ -= static_cast<unsigned>(done.size());
    }
    for (Trial* trial : done) absorb(*trial);
  }

  // ---- learning from a trial ----
  void absorb(Trial& trial) {
    const verify::Verification& result = trial.verification;
    learn::SetOutcome outcome;
    outcome.actions = trial.set;
    outcome.built = result.stage > verify::Stage::kBuild;
    outcome.passed = result.stage > verify::Stage::kTest;
    outcome.equal = result.stage > verify::Stage::kOutput ||
                    (result.verdict != verify::Verdict::kRejected && result.stage == verify::Stage::kOutput);
    if (result.screen && !result.screen->failure && result.screen->pairs > 0) {
      trial.measured = true;
      trial.log_ratio = result.screen->log_ratio;
      trial.se = std::isfinite(result.screen->se) ? std::max(0.003, result.screen->se) : 0.05;
      outcome.measured = outcome.equal;
      outcome.log_speedup = trial.log_ratio;
      outcome.variance = trial.se * trial.se;
    }
    if (learned_) learned_(trial);  // before the guide knows: the prediction is part of the lesson
    search_->pause([&] { local_->pause([&] { space_.guide.observe(outcome); }); });
    if (!trial.correct() && result.stage <= verify::Stage::kOutput) {
      if (trial.set.size() == 1 || alone_after(trial.set)) {
        banned_.insert(trial.set.back());
        activate();
      } else {
        bisect(trial.set);
      }
    } else if (trial.measured) {
      const double low = trial.log_ratio - trial.se;
      if (low > best_low_) {
        best_low_ = low;
        best_ = trial.set;
        best_log_ = trial.log_ratio;
        best_correct_ = true;
        stale_ = 0;
        grow(trial.set);
      } else if (trial.purpose != "group") {
        ++stale_;
      }
    }
    const std::string verdict = trial.correct()
                                    ? (trial.measured ? fmt::format("{:.3f}x", std::exp(trial.log_ratio)) : "correct")
                                    : fmt::format("{}: {}", verify::stage_name(result.stage), result.reason);
    report(fmt::format("#{} {} ({} action{}): {}", trial.number, trial.purpose, trial.set.size(),
                       trial.set.size() == 1 ? "" : "s", verdict));
  }

  // The set is one action with what it requires, and the rest is known to be good.
  bool alone_after(const ActionSet& set) const {
    const ActionSet rest = space_.catalogue.without(set, set.back());
    if (space_.catalogue.closure({set.back()}) != set) return false;
    for (const Trial& trial : trials_) {
      if (trial.set == rest && trial.correct() && trial.seconds > 0) return true;
    }
    return false;
  }

  void bisect(const ActionSet& set) {
    ActionSet left, right;
    for (std::size_t i = 0; i < set.size(); ++i) (i < set.size() / 2 ? left : right).push_back(set[i]);
    for (ActionSet& half : {std::ref(left), std::ref(right)}) {
      ActionSet closed = space_.catalogue.closure(half);
      if (closed == set) continue;
      // Half of a failed set is first only asked whether it is correct.
      if (space_.catalogue.consistent(closed)) {
        const std::uint64_t key = space_.catalogue.key(closed) ^ 1;
        if (!seen_.contains(space_.catalogue.key(closed)) && seen_.insert(key).second) {
          queue_.push_front({std::move(closed), "bisect", {verify::Stage::kOutput, 1}});
        }
      }
    }
  }

  // What the best set makes possible joins the catalogue.
  void grow(const ActionSet& set) {
    const std::uint64_t key = space_.catalogue.key(set);
    if (!grown_.insert(key).second) return;
    std::size_t added = 0;
    search_->pause([&] {
      local_->pause([&] {
        try {
          added = edit::propose_after(space_.transformations, space_.workspace, space_.model, space_.heat, set,
                                      space_.base, space_.propose, space_.catalogue)
                      .size();
        } catch (const Error& error) {
          log::debug("no rewrites on top of the best set: {}", error.message());
        }
        introduce(space_);
        activate();
      });
    });
    if (added > 0) {
      dry_ = false;
      report(fmt::format("{} rewrites became possible", added));
    }
  }

  // What a language model has proposed meanwhile joins the catalogue; each is first tried alone.
  void take_proposals() {
    if (space_.provider == nullptr) return;
    std::vector<edit::Action> proposals = space_.provider->take();
    if (proposals.empty()) return;
    std::vector<ActionId> added;
    search_->pause([&] {
      local_->pause([&] {
        for (edit::Action& action : proposals) {
          const std::size_t before = space_.catalogue.size();
          const ActionId id = space_.catalogue.add(std::move(action));
          if (space_.catalogue.size() > before) added.push_back(id);
        }
        introduce(space_);
        activate();
      });
    });
    for (const ActionId id : added) {
      if (seen_.insert(space_.catalogue.key({id})).second)
        queue_.push_front({{id}, "model", {verify::Stage::kPairs, 1}});
    }
    dry_ = false;
    empty_rounds_ = 0;
    report(fmt::format("{} proposal{} of the language model", added.size(), added.size() == 1 ? "" : "s"));
  }

  // A language model is still writing.
  bool proposals_expected() const { return space_.provider != nullptr && space_.provider->busy(); }

  // ---- choosing what to verify ----
  // All actions of `order` that still fit and are expected to help.
  ActionSet complete(ActionSet set, const std::vector<double>& gains) const {
    std::vector<ActionId> order = environment_.active();
    std::sort(order.begin(), order.end(), [&](ActionId a, ActionId b) { return gains[a] > gains[b]; });
    for (int pass = 0; pass < 3; ++pass) {  // requirements that come later in the order
      const std::size_t before = set.size();
      for (const ActionId id : order) {
        if (gains[id] <= 0.0005) break;
        if (space_.catalogue.legal(set, id)) set.insert(std::lower_bound(set.begin(), set.end(), id), id);
      }
      if (set.size() == before) break;
    }
    return set;
  }

  bool search_more() {
    if (dry_) return false;
    const std::uint64_t begin_ns = monotonic_ns();
    if (first_simulation_s_ == 0) first_simulation_s_ = seconds_since(started_ns_);
    mcts::Limits limits;
    limits.simulations = options_.simulations;
    const bool local = best_correct_ && turn_ % 2 == 1;
    ++turn_;
    mcts::Search<CodeEnvironment>& search = local ? *local_ : *search_;
    if (local) local_environment_.set_root(best_);
    report_ = search.run(limits, cancel_.get_token());
    simulations_ += report_.simulations;
    search_seconds_ += seconds_since(begin_ns);

    std::vector<double> mean(space_.catalogue.size()), sample = space_.guide.baseline().sample(random_);
    for (ActionId id = 0; id < space_.catalogue.size(); ++id) mean[id] = space_.guide.baseline().mean(id);
    struct Scored {
      double score;
      ActionSet set;
      std::string purpose;
    };
    std::vector<Scored> pool;
    const auto offer = [&](ActionSet set, const char* purpose, double weight) {
      std::sort(set.begin(), set.end());
      if (set.empty() || seen_.contains(space_.catalogue.key(set)) || !space_.catalogue.consistent(set)) return;
      const learn::SetQuery query{set, {}};
      mcts::Evaluation guess;
      space_.guide.evaluate({&query, 1}, {&guess, 1});
      const double valid = space_.guide.failures().valid(set);
      pool.push_back({guess.value + valid * weight * guess.deviation, std::move(set), purpose});
    };
    // Every third choice explores: uncertainty counts, and gains are drawn instead of averaged.
    const bool explore = turn_ % 3 == 0;
    mcts::CandidateOrder by;
    by.deviation_weight = explore ? 1.0f : 0.2f;
    by.visit_weight = 0.01f;
    for (const mcts::Candidate& candidate : search.candidates(12, by)) {
      ActionSet set(candidate.actions.begin(), candidate.actions.end());
      if (local) set.insert(set.end(), best_.begin(), best_.end());
      std::sort(set.begin(), set.end());
      set.erase(std::unique(set.begin(), set.end()), set.end());
      offer(complete(set, explore ? sample : mean), explore ? "explore" : "search", explore ? 1.0 : 0.2);
      offer(set, explore ? "explore" : "search", explore ? 1.0 : 0.2);
    }
    offer(complete({}, sample), "explore", explore ? 1.0 : 0.2);
    if (best_correct_) {
      offer(complete(best_, explore ? sample : mean), "search", 0.2);
      // Without what the posterior thinks is worthless.
      ActionSet lean = best_;
      for (const ActionId id : best_) {
        if (mean[id] < 0.0005) lean = space_.catalogue.without(lean, id);
      }
      offer(lean, "prune", 0.2);
    }
    if (pool.empty()) {
      dry_ = ++empty_rounds_ > 4;
      return !dry_ && search_more();
    }
    empty_rounds_ = 0;
    const auto best =
        std::max_element(pool.begin(), pool.end(), [](const Scored& a, const Scored& b) { return a.score < b.score; });
    // A choice that is expected to be clearly worse than the best is only worth it for what it teaches.
    enqueue(std::move(best->set), best->purpose, {verify::Stage::kPairs, 1});
    return true;
  }

  bool finished() {
    if (stop_.stop_requested()) throw Interrupted();
    const bool idle = [&] {
      const std::lock_guard lock(mutex_);
      return running_ == 0;
    }();
    if (options_.max_trials != 0 && trials_.size() >= options_.max_trials) {
      ending_ = "all verifications that were allowed are used";
      return true;
    }
    if (seconds_since(started_ns_) >= options_.budget_s) {
      ending_ = "the time for searching is used";
      return true;
    }
    const bool waiting = proposals_expected();
    if (stale_ >= patience() && !waiting) {
      ending_ = fmt::format("no better set in {} verifications", stale_);
      return true;
    }
    if (idle && queue_.empty() && dry_ && !waiting) {
      ending_ = "nothing is left to try";
      return true;
    }
    return false;
  }

  int patience() const { return 14 + static_cast<int>(environment_.active().size() / 8); }

  // Lets running verifications end: their outcomes are paid for. Those that would take long are cut off.
  void drain() {
    const double grace_s = std::max(10.0, 0.1 * options_.budget_s);
    const std::uint64_t begin_ns = monotonic_ns();
    for (;;) {
      {
        const std::lock_guard lock(mutex_);
        running_ -= static_cast<unsigned>(dispatched_.size());
        for (const Dispatched& job : dispatched_) job.trial->number = 0;
        dispatched_.clear();
        if (running_ == 0 && done_.empty()) break;
      }
      if (seconds_since(begin_ns) > grace_s) {
        cancel_.request_stop();
        std::unique_lock lock(mutex_);
        finished_.wait(lock, [&] { return done_.size() >= running_; });
        failure_ = nullptr;
        for (Trial* trial : done_) trial->number = 0;
        done_.clear();
        running_ = 0;
        break;
      }
      wait();
      collect();
    }
  }

  void report(std::string message) {
    if (!progress_) return;
    SearchStatus status;
    status.phase = trials_.empty() || trials_.back().purpose == "group" ? "groups" : "search";
    status.trials = trials_.size();
    {
      const std::lock_guard lock(mutex_);
      status.running = running_;
    }
    status.simulations = simulations_;
    status.best_ratio = best_correct_ ? std::exp(best_log_) : 1;
    status.elapsed_s = seconds_since(started_ns_);
    status.left_s = std::max(0.0, options_.budget_s - status.elapsed_s);
    status.message = std::move(message);
    progress_(status);
  }

  SearchOutcome outcome() {
    SearchOutcome result;
    for (Trial& trial : trials_) {
      if (trial.number != 0) result.trials.push_back(std::move(trial));
    }
    for (std::size_t i = 0; i < result.trials.size(); ++i) {
      if (result.trials[i].measured && result.trials[i].correct()) result.ranking.push_back(i);
    }
    // By what the screen and the model together believe: the screen alone favours the lucky [winner's curse].
    std::vector<double> belief(result.trials.size());
    for (const std::size_t i : result.ranking) {
      const Trial& trial = result.trials[i];
      const learn::AdditiveBaseline::Prediction guess = space_.guide.baseline().predict(trial.set);
      const double noise = trial.se * trial.se;
      const double spread = guess.variance + 1e-4 + 0.0025 * guess.mean * guess.mean;
      belief[i] = (trial.log_ratio / noise + guess.mean / spread) / (1 / noise + 1 / spread);
      if (!options_.profile_saw_bench) continue;
      for (const ActionId id : trial.set) {
        if (space_.catalogue.at(id).rule == "option/pgo")
          belief[i] -= kFlattery * std::max(0.0, space_.guide.baseline().mean(id));
      }
    }
    std::sort(result.ranking.begin(), result.ranking.end(),
              [&](std::size_t a, std::size_t b) { return belief[a] > belief[b]; });
    result.simulations = simulations_;
    result.search_seconds = search_seconds_;
    result.first_simulation_s = first_simulation_s_;
    result.report = report_;
    const mcts::ActionName name = [&](mcts::ActionId id) {
      if (id == mcts::kStopAction) return std::string("stop");
      return fmt::format("{} {}:{}", space_.catalogue.at(id).rule, space_.catalogue.at(id).path,
                         space_.catalogue.at(id).line);
    };
    result.graphviz = search_->to_graphviz(4, 5, name);
    result.tree_json = search_->to_json(6, 5, name).dump();
    result.ending = ending_;
    return result;
  }

  SearchSpace& space_;
  const SearchOptions& options_;
  const std::function<void(const SearchStatus&)>& progress_;
  const std::function<void(const Trial&)>& learned_;
  std::stop_token stop_;
  std::stop_source cancel_;
  std::stop_callback<std::function<void()>> forward_{stop_, [this] { cancel_.request_stop(); }};
  CodeEnvironment environment_;
  CodeEnvironment local_environment_;
  std::unique_ptr<mcts::Search<CodeEnvironment>> search_;
  std::unique_ptr<mcts::Search<CodeEnvironment>> local_;
  std::mt19937_64 random_;
  std::uint64_t started_ns_;
  std::list<Trial> trials_;
  std::deque<Order> queue_;
  std::set<std::uint64_t> seen_;
  std::set<std::uint64_t> grown_;
  std::set<ActionId> banned_;
  ActionSet best_;
  double best_low_ = 0;
  double best_log_ = 0;
  bool best_correct_ = false;
  int stale_ = 0;
  int turn_ = 0;
  int empty_rounds_ = 0;
  bool dry_ = false;
  std::uint64_t simulations_ = 0;
  double search_seconds_ = 0;
  double first_simulation_s_ = 0;
  mcts::Report report_;
  std::string ending_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable ready_;
  std::condition_variable finished_;
  std::deque<Dispatched> dispatched_;
  std::vector<Trial*> done_;
  unsigned running_ = 0;
  std::exception_ptr failure_;
};

}  // namespace

bool Trial::correct() const {
  return verification.verdict != verify::Verdict::kRejected;
}

SearchOutcome run_search(SearchSpace& space, const SearchOptions& options,
                         const std::function<void(const SearchStatus&)>& progress,
                         const std::function<void(const Trial&)>& learned, std::stop_token stop) {
  return Loop(space, options, progress, learned, std::move(stop)).run();
}

}  // namespace jarvis2::engine
