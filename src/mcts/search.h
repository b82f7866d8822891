// Monte Carlo graph search over an Environment: PUCT [Silver 2018], transpositions as in KataGo's graph search,
// unobserved visits as in WU-UCT [Liu 2020]. Each thread gathers a batch of leaves and evaluates it itself.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <exception>
#include <functional>
#include <limits>
#include <mutex>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "mcts/environment.h"
#include "mcts/gate.h"
#include "mcts/options.h"
#include "mcts/tree.h"

namespace jarvis2::mcts {

// Keeps its graph between runs. One run() at a time; everything else may be called from any thread, also during a run
// (it then waits for the batches under way).
template <Environment E>
class Search {
 public:
  using State = typename E::State;

  // `environment` must outlive the search.
  Search(const E& environment, Options options)
      : environment_(environment),
        options_(std::move(options)),
        tree_(options_, E::kPlayers, E::kStop),
        root_state_(environment.root()),
        base_key_(environment.key(root_state_)),
        version_(environment.version()) {
    options_.threads = std::max(1, options_.threads);
    options_.batch = std::max(1, options_.batch);
  }
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;

  // Simulates until a limit, the stop, or until nothing is left to explore. If the environment's version has changed
  // the graph is refreshed first. An exception of the environment ends the run and is thrown here; the graph stays
  // usable.
  Report run(const Limits& limits, std::stop_token stop = {});
  // Spends `limits.simulations` on the root's actions by sequential halving: for budgets too small for visits to
  // settle. Below the root PUCT decides. Deterministic for a seed on one thread. Throws as run() does.
  GumbelReport run_gumbel(const GumbelOptions& gumbel, const Limits& limits, std::stop_token stop = {});
  // The state of the graph without searching.
  Report report() {
    const Exclusive exclusive(gate_);
    return report_locked();
  }
  // Runs `change` while no thread touches the environment; a running search goes on afterwards, refreshed.
  void pause(const std::function<void()>& change) {
    const Exclusive exclusive(gate_);
    change();
    refresh_if_changed();
  }
  // Evaluates every node again (new actions become edges, verified values flow up). run() and pause() do so by
  // themselves when version() has changed. Actions that were legal before must still be applicable. If the
  // environment's root() is another state now, the search goes on from there.
  void refresh() {
    const Exclusive exclusive(gate_);
    refresh_locked();
  }
  // States worth verifying, best first.
  std::vector<Candidate> candidates(std::size_t count, const CandidateOrder& order = {}) {
    const Exclusive exclusive(gate_);
    refresh_if_changed();
    return tree_.candidates(root_, count, order);
  }
  // Makes the state after `action` the root (games); the rest is freed when room is needed.
  void advance(ActionId action) {
    const Exclusive exclusive(gate_);
    environment_.apply(root_state_, action);
    root_ = root_ == kNoNode ? kNoNode : tree_.child_of(root_, action);
    champion_ = {};
    has_champion_ = false;
  }
  void clear() {
    const Exclusive exclusive(gate_);
    tree_.clear();
    root_ = kNoNode;
    champion_ = {};
    has_champion_ = false;
  }

  // The `top` most visited edges of each node down to `depth`.
  template <typename J = Json>  // a parameter, so that only callers need the whole of Json
  J to_json(std::size_t top, std::size_t depth, const ActionName& name) {
    const Exclusive exclusive(gate_);
    J json;
    tree_.to_json(json, root_, top, depth, name);
    return json;
  }
  std::string to_graphviz(std::size_t top, std::size_t depth, const ActionName& name) {
    const Exclusive exclusive(gate_);
    return tree_.to_graphviz(root_, top, depth, name);
  }

 private:
  static constexpr std::size_t kRefreshBatch = 64;
  static constexpr std::size_t kLongestPath = 4096;  // a guard against environments with cycles

  struct Pending {
    NodeIndex node = kNoNode;
    State state;
    std::vector<ActionId> actions;  // legal
    std::vector<ActionId> taken;    // from the root
    std::vector<PathStep> path;
  };
  struct Worker {
    std::vector<Pending> pending;
    std::size_t count = 0;
    std::vector<Leaf<State>> leaves;
    std::vector<Evaluation> results;
    std::uint64_t evaluations = 0;
    std::uint64_t batches = 0;
    std::uint64_t collisions = 0;
    std::uint64_t transpositions = 0;
    std::uint64_t simulations = 0;
    double evaluate_seconds = 0;
  };
  enum class Walk { kLeaf, kDone, kCollision, kFull, kFinished };

  void work(Worker& worker, int index, const Limits& limits, std::stop_token stop);
  Walk walk(Pending& pending, Worker& worker);
  void gather(Worker& worker);
  Walk descend(Pending& pending, Worker& worker);
  void evaluate(Worker& worker);
  void abandon(Worker& worker, std::size_t from);
  void make_room();
  bool prepare_root(bool noise);
  void refresh_if_changed() {
    if (environment_.version() != version_) refresh_locked();
  }
  void refresh_locked();
  void see_champion(const Pending& pending, const Evaluation& evaluation);
  Report report_locked();
  void end(Ending ending) {
    int expected = -1;
    ending_.compare_exchange_strong(expected, static_cast<int>(ending));
  }
  double now() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }

  const E& environment_;
  Options options_;
  Tree tree_;
  State root_state_;
  std::uint64_t base_key_;  // of the environment's root when last seen
  NodeIndex root_ = kNoNode;
  std::atomic<std::uint64_t> version_;
  std::uint64_t runs_ = 0;
  Gate gate_;
  std::mutex champion_mutex_;
  Candidate champion_;
  std::atomic<float> champion_value_{0};
  std::atomic<bool> has_champion_{false};
  // Of the run under way.
  std::atomic<std::int64_t> left_{0};  // simulations
  std::atomic<std::uint64_t> completed_{0};
  std::uint64_t target_ = 0;
  std::atomic<int> ending_{-1};
  std::atomic<bool> full_{false};
  std::atomic<std::uint64_t> prunes_{0};
  double deadline_ = 0;
  std::mutex failure_mutex_;
  std::exception_ptr failure_;
  // Edges of the root to be taken in turn; empty: PUCT chooses.
  std::vector<std::uint32_t> forced_;
  std::atomic<std::size_t> forced_next_{0};
};

template <Environment E>
Report Search<E>::run(const Limits& limits, std::stop_token stop) {
  const double start = now();
  ending_ = -1;
  full_ = false;
  prunes_ = 0;
  failure_ = nullptr;
  left_ = static_cast<std::int64_t>(limits.simulations);
  completed_ = 0;
  target_ = limits.simulations;
  deadline_ = limits.seconds > 0 ? start + limits.seconds : 0;
  {
    const Exclusive exclusive(gate_);
    refresh_if_changed();
    ++runs_;
    if (!prepare_root(options_.dirichlet_alpha > 0)) end(Ending::kFull);
  }
  std::vector<Worker> workers(static_cast<std::size_t>(options_.threads));
  if (ending_ < 0) {
    std::vector<std::jthread> threads;
    for (int i = 1; i < options_.threads; ++i) {
      threads.emplace_back([&, i] { work(workers[static_cast<std::size_t>(i)], i, limits, stop); });
    }
    work(workers[0], 0, limits, stop);
  }
  if (failure_) std::rethrow_exception(failure_);
  const Exclusive exclusive(gate_);
  Report report = report_locked();
  report.ending = static_cast<Ending>(ending_.load());
  report.prunes = prunes_;
  report.seconds = now() - start;
  for (const Worker& worker : workers) {
    report.simulations += worker.simulations;
    report.evaluations += worker.evaluations;
    report.batches += worker.batches;
    report.collisions += worker.collisions;
    report.transpositions += worker.transpositions;
    report.evaluate_seconds += worker.evaluate_seconds;
  }
  return report;
}

template <Environment E>
GumbelReport Search<E>::run_gumbel(const GumbelOptions& gumbel, const Limits& limits, std::stop_token stop) {
  GumbelReport result;
  struct Arm {
    std::uint32_t edge;
    ActionId action;
    double score;  // noise and logit
    std::uint32_t rounds = 0;
    double worth = 0;
  };
  std::vector<Arm> arms;
  {
    const Exclusive exclusive(gate_);
    refresh_if_changed();
    if (!prepare_root(false) || !tree_.open_all(root_)) {
      result.report = report_locked();
      result.report.ending = Ending::kFull;
      return result;
    }
    std::mt19937_64 random(options_.seed * 0x9E3779B97F4A7C15ULL + ++runs_);
    std::uniform_real_distribution<double> unit(1e-12, 1);
    const std::vector<ActionId> actions = tree_.actions_of(root_);
    for (std::uint32_t edge = 0; edge < actions.size(); ++edge) {
      const double noise = -std::log(-std::log(unit(random)));
      arms.push_back({edge, actions[edge], gumbel.scale * noise + std::log(std::max(1e-9f, tree_.prior(root_, edge)))});
    }
  }
  const auto better = [](const Arm& a, const Arm& b) { return a.score + a.worth > b.score + b.worth; };
  std::stable_sort(arms.begin(), arms.end(), better);
  if (arms.size() > std::max(1U, gumbel.considered)) arms.resize(std::max(1U, gumbel.considered));
  std::size_t left = arms.size();
  const std::uint64_t phases = std::bit_width(std::max<std::size_t>(1, left - 1));
  std::uint64_t budget = limits.simulations;
  Report total;
  for (std::uint64_t phase = 0; phase < phases && left > 0 && budget > 0; ++phase) {
    std::uint64_t each = std::max<std::uint64_t>(1, limits.simulations / (phases * left));
    if (phase + 1 == phases) each = std::max<std::uint64_t>(1, budget / left);
    Limits part = limits;
    part.simulations = std::min(budget, each * left);
    budget -= part.simulations;
    forced_.clear();
    for (std::size_t i = 0; i < left; ++i) forced_.push_back(arms[i].edge);
    forced_next_ = 0;
    try {
      result.report = run(part, stop);
    } catch (...) {
      forced_.clear();
      throw;
    }
    forced_.clear();
    total.simulations += result.report.simulations;
    total.evaluations += result.report.evaluations;
    total.seconds += result.report.seconds;
    std::uint32_t most = 0;
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (std::size_t i = 0; i < left; ++i) {
      const EdgeReport edge = tree_.edge(root_, arms[i].edge);
      arms[i].worth = edge.closed ? edge.best : edge.mean;
      ++arms[i].rounds;
      most = std::max(most, edge.visits);
      low = std::min(low, arms[i].worth);
      high = std::max(high, arms[i].worth);
    }
    const double scale = high > low ? (gumbel.c_visit + most) * gumbel.c_scale / (high - low) : 0;
    for (std::size_t i = 0; i < left; ++i) arms[i].worth = (arms[i].worth - low) * scale;
    std::stable_sort(arms.begin(), arms.begin() + static_cast<std::ptrdiff_t>(left), better);
    const Ending ending = result.report.ending;
    if (ending == Ending::kStopped || ending == Ending::kTime || ending == Ending::kFull) break;
    if (phase + 1 < phases) left = (left + 1) / 2;
  }
  result.report.simulations = total.simulations;
  result.report.evaluations = total.evaluations;
  result.report.seconds = total.seconds;
  if (!arms.empty()) result.action = arms.front().action;
  for (const Arm& arm : arms) result.considered.emplace_back(arm.action, arm.rounds);
  return result;
}

template <Environment E>
void Search<E>::work(Worker& worker, int index, const Limits& limits, std::stop_token stop) {
  try {
    if (options_.on_thread) options_.on_thread(index);
    worker.pending.resize(static_cast<std::size_t>(options_.batch), Pending{kNoNode, root_state_, {}, {}, {}});
    worker.results.resize(static_cast<std::size_t>(options_.batch));
    while (ending_ < 0) {
      if (stop.stop_requested()) {
        end(Ending::kStopped);
        break;
      }
      if (limits.seconds > 0 && now() >= deadline_) {
        end(Ending::kTime);
        break;
      }
      if (environment_.version() != version_) {
        const Exclusive exclusive(gate_);
        refresh_if_changed();
      }
      {
        const Passing passing(gate_);
        gather(worker);
        if (worker.count > 0) evaluate(worker);
      }
      if (full_) make_room();
    }
  } catch (...) {
    const std::lock_guard<std::mutex> guard(failure_mutex_);
    if (!failure_) failure_ = std::current_exception();
    end(Ending::kStopped);
  }
}

template <Environment E>
void Search<E>::gather(Worker& worker) {
  worker.count = 0;
  while (worker.count < worker.pending.size()) {
    if (left_.fetch_sub(1, std::memory_order_relaxed) <= 0) {
      left_.fetch_add(1, std::memory_order_relaxed);
      // Another thread may still give a simulation back.
      if (completed_.load() >= target_) {
        end(Ending::kSimulations);
      } else if (worker.count == 0) {
        std::this_thread::yield();
      }
      return;
    }
    Walk outcome = Walk::kDone;
    try {
      outcome = walk(worker.pending[worker.count], worker);
    } catch (...) {
      abandon(worker, 0);
      throw;
    }
    if (outcome == Walk::kLeaf) {
      ++worker.count;
      ++worker.simulations;
      ++completed_;
      continue;
    }
    if (outcome == Walk::kDone) {
      ++worker.simulations;
      ++completed_;
      continue;
    }
    left_.fetch_add(1, std::memory_order_relaxed);
    if (outcome == Walk::kCollision) {
      ++worker.collisions;
      if (worker.count == 0) std::this_thread::yield();
    } else if (outcome == Walk::kFull) {
      full_ = true;
    } else {
      end(Ending::kSolved);
    }
    return;
  }
}

template <Environment E>
typename Search<E>::Walk Search<E>::walk(Pending& pending, Worker& worker) {
  try {
    return descend(pending, worker);
  } catch (...) {
    tree_.take_back(pending.path);
    throw;
  }
}

template <Environment E>
typename Search<E>::Walk Search<E>::descend(Pending& pending, Worker& worker) {
  pending.path.clear();
  pending.taken.clear();
  pending.state = root_state_;
  NodeIndex index = root_;
  for (;;) {
    Node& node = tree_.at(index);
    Phase phase = node.phase.load(std::memory_order_acquire);
    if (phase == Phase::kNew || phase == Phase::kBare) {
      environment_.legal(pending.state, pending.actions);
      if (!node.phase.compare_exchange_strong(phase, Phase::kPending, std::memory_order_acq_rel)) {
        tree_.take_back(pending.path);
        return Walk::kCollision;
      }
      pending.node = index;
      return Walk::kLeaf;
    }
    if (phase == Phase::kPending) {
      tree_.take_back(pending.path);
      return Walk::kCollision;
    }
    if (pending.path.size() >= kLongestPath) {
      tree_.back_up(pending.path);
      return Walk::kDone;
    }
    const bool forced = index == root_ && !forced_.empty();
    const Pick pick =
        forced ? tree_.force(index, forced_[forced_next_.fetch_add(1) % forced_.size()]) : tree_.select(index);
    if (pick.kind == Pick::kFull) {
      tree_.take_back(pending.path);
      return Walk::kFull;
    }
    if (pick.kind == Pick::kClosed) {
      if ((node.flags.load(std::memory_order_acquire) & kClosedFlag) == 0) {
        tree_.take_back(pending.path);
        return Walk::kCollision;
      }
      tree_.back_up(pending.path);
      return pending.path.empty() ? Walk::kFinished : Walk::kDone;
    }
    pending.path.push_back({index, pick.edge});
    if (pick.kind == Pick::kStop) {
      tree_.back_up(pending.path);
      return Walk::kDone;
    }
    environment_.apply(pending.state, pick.action);
    pending.taken.push_back(pick.action);
    NodeIndex child = pick.child;
    if (child == kNoNode) {
      bool created = false;
      child = tree_.find_or_create(environment_.key(pending.state), &created);
      if (child == kNoNode) {
        tree_.take_back(pending.path);
        return Walk::kFull;
      }
      if (!created) ++worker.transpositions;
      tree_.set_child(index, pick.edge, child);
    }
    index = child;
  }
}

template <Environment E>
void Search<E>::evaluate(Worker& worker) {
  worker.leaves.clear();
  for (std::size_t i = 0; i < worker.count; ++i) {
    worker.leaves.push_back({&worker.pending[i].state, worker.pending[i].actions});
    worker.results[i] = Evaluation{0, 0, false, 0, std::move(worker.results[i].priors)};
    worker.results[i].priors.clear();
  }
  std::size_t done = 0;
  try {
    const double start = now();
    environment_.evaluate(std::span<const Leaf<State>>(worker.leaves),
                          std::span<Evaluation>(worker.results.data(), worker.count));
    worker.evaluate_seconds += now() - start;
    ++worker.batches;
    worker.evaluations += worker.count;
    for (; done < worker.count; ++done) {
      const Pending& pending = worker.pending[done];
      if (!tree_.expand(pending.node, pending.actions, worker.results[done])) full_ = true;
      see_champion(pending, worker.results[done]);
      tree_.back_up(pending.path);
    }
  } catch (...) {
    abandon(worker, done);
    throw;
  }
}

// Leaves that will not be evaluated after all.
template <Environment E>
void Search<E>::abandon(Worker& worker, std::size_t from) {
  for (std::size_t i = from; i < worker.count; ++i) {
    const Pending& pending = worker.pending[i];
    tree_.take_back(pending.path);
    Node& node = tree_.at(pending.node);
    node.phase.store(node.visits.load() > 0 ? Phase::kBare : Phase::kNew, std::memory_order_release);
  }
}

template <Environment E>
void Search<E>::see_champion(const Pending& pending, const Evaluation& evaluation) {
  if (E::kPlayers != 1 || (!E::kStop && !pending.actions.empty())) return;
  if (has_champion_.load() && evaluation.value <= champion_value_.load()) return;
  const std::lock_guard<std::mutex> guard(champion_mutex_);
  if (has_champion_ && evaluation.value <= champion_.value) return;
  champion_ = {tree_.at(pending.node).key,
               pending.taken,
               evaluation.value,
               evaluation.deviation,
               evaluation.exact,
               1,
               evaluation.value};
  champion_value_ = evaluation.value;
  has_champion_ = true;
}

template <Environment E>
void Search<E>::make_room() {
  const Exclusive exclusive(gate_);
  if (!full_) return;
  ++prunes_;
  if (!tree_.prune(root_)) end(Ending::kFull);
  full_ = false;
}

template <Environment E>
bool Search<E>::prepare_root(bool noise) {
  if (root_ == kNoNode) root_ = tree_.find_or_create(environment_.key(root_state_));
  if (root_ == kNoNode) {
    tree_.clear();
    root_ = tree_.find_or_create(environment_.key(root_state_));
    if (root_ == kNoNode) return false;
  }
  if (tree_.at(root_).phase == Phase::kReady && !noise) return true;
  Pending pending{root_, root_state_, {}, {}, {}};
  environment_.legal(pending.state, pending.actions);
  const Leaf<State> leaf{&pending.state, pending.actions};
  Evaluation result;
  environment_.evaluate(std::span<const Leaf<State>>(&leaf, 1), std::span<Evaluation>(&result, 1));
  if (!tree_.expand(root_, pending.actions, result)) {
    tree_.prune(root_);
    if (!tree_.expand(root_, pending.actions, result)) return false;
  }
  see_champion(pending, result);
  if (noise) {
    std::mt19937_64 random(options_.seed * 0x9E3779B97F4A7C15ULL + runs_);
    std::gamma_distribution<float> gamma(options_.dirichlet_alpha, 1.0f);
    std::vector<float> draws(tree_.action_count(root_));
    float sum = 0;
    for (float& draw : draws) sum += draw = gamma(random);
    for (float& draw : draws) draw = sum > 0 ? draw / sum : 1.0f / static_cast<float>(draws.size());
    tree_.mix_noise(root_, draws, options_.dirichlet_fraction);
  }
  return true;
}

template <Environment E>
void Search<E>::refresh_locked() {
  version_ = environment_.version();
  State base = environment_.root();
  if (const std::uint64_t key = environment_.key(base); key != base_key_) {
    base_key_ = key;
    root_state_ = std::move(base);
    root_ = root_ == kNoNode ? kNoNode : tree_.find_or_create(key);
    has_champion_ = false;
    champion_ = {};
  }
  if (root_ == kNoNode) return;
  std::vector<NodeIndex> order;
  std::vector<NodeIndex> parents;
  std::vector<ActionId> via;
  tree_.tree_of(root_, order, parents, via);
  tree_.forget_values();
  std::atomic<std::size_t> next{0};
  const std::function<void()> job = [&] {
    std::vector<Pending> pending(kRefreshBatch, Pending{kNoNode, root_state_, {}, {}, {}});
    std::vector<Leaf<State>> leaves;
    std::vector<Evaluation> results(kRefreshBatch);
    for (;;) {
      const std::size_t first = next.fetch_add(kRefreshBatch);
      if (first >= order.size()) return;
      std::size_t count = 0;
      leaves.clear();
      for (std::size_t i = first; i < std::min(order.size(), first + kRefreshBatch); ++i) {
        if (tree_.at(order[i]).visits.load() == 0) continue;  // reached, but never evaluated
        Pending& item = pending[count];
        item.node = order[i];
        item.state = root_state_;
        item.taken.clear();
        for (NodeIndex step = order[i]; step != root_; step = parents[step]) item.taken.push_back(via[step]);
        for (std::size_t a = item.taken.size(); a-- > 0;) environment_.apply(item.state, item.taken[a]);
        environment_.legal(item.state, item.actions);
        leaves.push_back({&item.state, item.actions});
        results[count] = Evaluation{};
        ++count;
      }
      if (count == 0) continue;
      environment_.evaluate(std::span<const Leaf<State>>(leaves), std::span<Evaluation>(results.data(), count));
      for (std::size_t i = 0; i < count; ++i) {
        if (tree_.at(pending[i].node).phase.load() == Phase::kReady) {
          tree_.expand(pending[i].node, pending[i].actions, results[i]);
        } else {
          tree_.revalue(pending[i].node, pending[i].actions.empty(), results[i]);
        }
      }
    }
  };
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const std::function<void()> guarded = [&] {
    try {
      job();
    } catch (...) {
      const std::lock_guard<std::mutex> guard(failure_mutex);
      failure = std::current_exception();
      next = order.size();
    }
  };
  {
    std::vector<std::jthread> threads;
    const std::size_t batches = order.size() / kRefreshBatch;
    for (std::size_t i = 1; i < std::min<std::size_t>(static_cast<std::size_t>(options_.threads), batches); ++i) {
      threads.emplace_back(guarded);
    }
    guarded();
  }
  for (NodeIndex index : tree_.post_order(root_)) {
    if (tree_.at(index).visits.load() > 0) tree_.recompute(index);
  }
  tree_.sweep(root_);  // what was not reached kept its old values
  if (E::kPlayers == 1) {
    champion_ = tree_.champion(root_);
    has_champion_ = champion_.visits > 0;
    champion_value_ = champion_.value;
  }
  if (failure) std::rethrow_exception(failure);
}

template <Environment E>
Report Search<E>::report_locked() {
  Report report;
  report.nodes = tree_.nodes();
  report.bytes = tree_.bytes();
  report.limit_bytes = options_.limit_bytes;
  report.champion = champion_;
  if (root_ == kNoNode) return report;
  const Node& root = tree_.at(root_);
  report.mean = root.mean.load();
  report.best = has_champion_ ? champion_.value : root.best.load();
  report.closed = (root.flags.load() & kClosedFlag) != 0;
  report.edges = tree_.edges(root_);
  return report;
}

}  // namespace jarvis2::mcts
