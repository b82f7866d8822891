#include "learn/replay.h"

#include <algorithm>
#include <bitset>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "mcts/search.h"

namespace jarvis2::learn {
namespace {

constexpr std::size_t kMostOutcomes = 2048;
constexpr double kPolicyScale = 0.05;
constexpr double kMostLogSpeedup = 1.386;
using Sets = std::bitset<kMostOutcomes>;

std::uint64_t mixed(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ x >> 27) * 0x94D049BB133111EBULL;
  return x ^ x >> 31;
}

// Sets of actions that lead to sets of the table that are still open.
class TableEnvironment {
 public:
  static constexpr int kPlayers = 1;
  static constexpr bool kStop = true;
  struct State {
    std::vector<std::uint32_t> chosen;  // sorted
    Sets above;                         // outcomes that contain `chosen`
    std::uint64_t key = 0;
  };

  TableEnvironment(const Table& table, const Guide& guide, bool uniform)
      : table_(table), guide_(guide), uniform_(uniform), with_(table.actions.size()) {
    if (table.outcomes.size() > kMostOutcomes) {
      throw Error("learn::replay", table.program + ": " + std::to_string(table.outcomes.size()) +
                                       " outcomes, at most " + std::to_string(kMostOutcomes) + " are replayed");
    }
    for (std::size_t i = 0; i < table.outcomes.size(); ++i) {
      open_.set(i);
      for (const std::uint32_t action : table.outcomes[i].set) with_[action].set(i);
    }
  }
  void close(std::size_t outcome) { open_.reset(outcome); }

  State root() const {
    State state;
    state.above.set();
    return state;
  }
  void legal(const State& state, std::vector<mcts::ActionId>& actions) const {
    actions.clear();
    const Sets left = state.above & open_;
    if (left.none()) return;
    for (std::uint32_t action = 0; action < with_.size(); ++action) {
      if ((left & with_[action]).any() && table_.legal(state.chosen, action)) actions.push_back(action);
    }
  }
  void apply(State& state, mcts::ActionId action) const {
    state.chosen.insert(std::lower_bound(state.chosen.begin(), state.chosen.end(), action), action);
    state.above &= with_[action];
    state.key ^= mixed(action + 1);
  }
  std::uint64_t key(const State& state) const { return state.key; }
  void evaluate(std::span<const mcts::Leaf<State>> leaves, std::span<mcts::Evaluation> results) const {
    thread_local std::vector<SetQuery> queries;
    queries.clear();
    for (const mcts::Leaf<State>& leaf : leaves) queries.push_back({leaf.state->chosen, leaf.actions});
    guide_.evaluate(queries, results);
    if (!uniform_) return;
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      results[i].priors.clear();
      results[i].stop_prior = 1;
    }
  }
  std::uint64_t version() const { return guide_.version(); }

 private:
  const Table& table_;
  const Guide& guide_;
  bool uniform_;
  std::vector<Sets> with_;  // outcomes by action
  Sets open_;
};

double valid_score(double sum, double valid) {
  return sum > 0 ? sum * valid : sum - (1 - valid);
}

std::size_t best_of(const Table& table, const std::vector<std::uint8_t>& seen, const std::vector<double>& gains,
                    const FailureModel* failures) {
  std::size_t best = table.outcomes.size();
  double best_score = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < table.outcomes.size(); ++i) {
    if (seen[i] != 0) continue;
    double sum = 0;
    for (const std::uint32_t action : table.outcomes[i].set) sum += gains[action];
    const double score = failures == nullptr ? sum : valid_score(sum, failures->valid(table.outcomes[i].set));
    if (score > best_score) {
      best_score = score;
      best = i;
    }
  }
  return best;
}

std::vector<double> means(const Guide& guide) {
  std::vector<double> gains(guide.size());
  for (std::uint32_t action = 0; action < gains.size(); ++action) gains[action] = guide.baseline().mean(action);
  return gains;
}

// What a search would verify next, as the engine chooses: the best of the tree's first open candidates, of the additive
// model's favourite, and of a draw from it.
std::size_t searched(const Table& table, const std::vector<std::uint8_t>& seen, const Guide& guide,
                     mcts::Search<TableEnvironment>& search, std::uint64_t simulations, bool explore,
                     std::mt19937_64& random) {
  constexpr std::size_t kCandidates = 12;
  search.clear();
  search.run({simulations, 0});
  mcts::CandidateOrder order;
  order.deviation_weight = explore ? 1.0f : 0.2f;
  order.visit_weight = 0.01f;
  order.skip_exact = false;
  std::vector<std::size_t> pool = {best_of(table, seen, guide.baseline().sample(random), &guide.failures()),
                                   best_of(table, seen, means(guide), &guide.failures())};
  for (const mcts::Candidate& candidate : search.candidates(400, order)) {
    if (pool.size() >= kCandidates + 2) break;
    std::vector<std::uint32_t> set(candidate.actions.begin(), candidate.actions.end());
    std::sort(set.begin(), set.end());
    const std::size_t found = table.find(set);
    if (found < table.outcomes.size() && seen[found] == 0) pool.push_back(found);
  }
  std::size_t best = pool.front();
  double best_score = -std::numeric_limits<double>::infinity();
  for (const std::size_t i : pool) {
    const SetQuery query{table.outcomes[i].set, {}};
    mcts::Evaluation guess;
    guide.evaluate({&query, 1}, {&guess, 1});
    const double valid = guide.failures().valid(table.outcomes[i].set);
    const double score = guess.value + valid * (explore ? 1.0 : 0.2) * guess.deviation;
    if (score > best_score) {
      best_score = score;
      best = i;
    }
  }
  return best;
}

}  // namespace

std::unique_ptr<Guide> guide_of(const Table& table, std::shared_ptr<const neural::Networks> networks) {
  if (!networks) networks = std::make_shared<neural::NullNetworks>("none were asked for");
  std::unique_ptr<Guide> guide = std::make_unique<Guide>(std::move(networks));
  for (std::uint32_t action = 0; action < table.actions.size(); ++action) {
    guide->add(table.actions[action].facts, table.site(action));
  }
  return guide;
}

SetOutcome outcome_of(const TableOutcome& outcome, double noise, double variance) {
  SetOutcome result;
  result.actions = outcome.set;
  result.built = outcome.ok || outcome.stage > Stage::kBuilds;
  result.passed = outcome.ok || outcome.stage > Stage::kPasses;
  result.equal = outcome.ok;
  result.measured = outcome.ok && outcome.stage == Stage::kInstructions;
  result.log_speedup = outcome.log_ratio + noise;
  result.variance = variance;
  return result;
}

Replayed replay(const Table& table, const ReplayOptions& options) {
  const std::unique_ptr<Guide> guide =
      guide_of(table, options.chooser == Chooser::kSearch ? options.networks : nullptr);
  std::mt19937_64 random(options.seed * 0x9E3779B97F4A7C15ULL + 1);
  std::normal_distribution<double> noise(0, options.measurement_sd);
  TableEnvironment environment(table, *guide, options.uniform_priors);
  mcts::Options settings;
  settings.seed = options.seed;
  settings.limit_bytes = 16 << 20;
  mcts::Search<TableEnvironment> search(environment, settings);
  std::vector<std::uint8_t> seen(table.outcomes.size());
  const std::vector<double> promised = means(*guide);
  const double enough = options.enough * table.best();
  Replayed result;
  double best = 0;
  // Among equals chance decides: the order of the table must not.
  std::vector<double> tie(table.actions.size());
  for (double& value : tie) value = 1e-7 * noise(random);
  while (result.best_after.size() < table.outcomes.size()) {
    std::size_t next = table.outcomes.size();
    switch (options.chooser) {
      case Chooser::kSearch: {
        const bool explore = result.best_after.size() % 3 == 2;
        next = searched(table, seen, *guide, search, options.simulations, explore, random);
        break;
      }
      case Chooser::kThompson:
        next = best_of(table, seen, guide->baseline().sample(random), &guide->failures());
        break;
      case Chooser::kMean:
      case Chooser::kRules: {
        std::vector<double> gains = options.chooser == Chooser::kRules ? promised : means(*guide);
        for (std::size_t a = 0; a < gains.size(); ++a) gains[a] += tie[a];
        next = best_of(table, seen, gains, options.chooser == Chooser::kRules ? nullptr : &guide->failures());
        break;
      }
      case Chooser::kRandom: {
        std::vector<std::size_t> open;
        for (std::size_t i = 0; i < seen.size(); ++i) {
          if (seen[i] == 0) open.push_back(i);
        }
        next = open[random() % open.size()];
        break;
      }
    }
    seen[next] = 1;
    const TableOutcome& outcome = table.outcomes[next];
    if (outcome.ok) best = std::max(best, outcome.log_ratio);
    result.best_after.push_back(best);
    if (best >= enough) break;
    const double variance = options.measurement_sd * options.measurement_sd;
    const double error = noise(random);
    search.pause([&] {
      environment.close(next);
      guide->observe(outcome_of(outcome, error, std::max(variance, 1e-6)));
    });
  }
  result.verifications = result.best_after.size();
  return result;
}

void add_examples(const Table& table, const ExampleOptions& options, std::uint32_t group, neural::Dataset& policy,
                  neural::Dataset& value) {
  const auto add = [&](neural::Dataset& data, const std::vector<float>& features, double target, double weight) {
    data.inputs.insert(data.inputs.end(), features.begin(), features.end());
    data.targets.push_back(static_cast<float>(target));
    data.weights.push_back(static_cast<float>(weight));
    data.groups.push_back(group);
  };
  // Every (state, action) whose two outcomes are known; the empty state is worth nothing.
  struct Step {
    std::vector<std::uint32_t> state;
    std::uint32_t action;
    double target;
  };
  std::vector<Step> steps;
  for (const TableOutcome& outcome : table.outcomes) {
    for (const std::uint32_t action : outcome.set) {
      std::vector<std::uint32_t> state = outcome.set;
      state.erase(std::find(state.begin(), state.end(), action));
      double before = 0;
      if (!state.empty()) {
        const std::size_t found = table.find(state);
        if (found == table.outcomes.size() || !table.outcomes[found].ok) continue;
        before = table.outcomes[found].log_ratio;
      }
      const double gain = outcome.ok ? outcome.log_ratio - before : -1;
      steps.push_back({std::move(state), action, gain > 0 ? 1 - std::exp(-gain / kPolicyScale) : 0.0});
    }
  }
  std::mt19937_64 random(options.seed * 7919 + group);
  std::normal_distribution<double> noise(0, 0.01);
  for (std::uint32_t episode = 0; episode < options.episodes; ++episode) {
    const std::unique_ptr<Guide> guide = guide_of(table, nullptr);
    std::vector<std::uint8_t> seen(table.outcomes.size());
    std::size_t known = 0;
    for (const std::size_t moment : {0, 1, 3, 6, 12, 24}) {
      while (known < moment && known < table.outcomes.size()) {
        // Half of what becomes known is what a search would have chosen.
        std::size_t next = random() % 2 == 0
                               ? best_of(table, seen, guide->baseline().sample(random), &guide->failures())
                               : random() % table.outcomes.size();
        while (seen[next] != 0) next = (next + 1) % table.outcomes.size();
        seen[next] = 1;
        ++known;
        guide->observe(outcome_of(table.outcomes[next], noise(random), 1e-4));
      }
      for (std::uint32_t i = 0; i < options.sets; ++i) {
        const std::size_t index = random() % table.outcomes.size();
        const TableOutcome& outcome = table.outcomes[index];
        if (seen[index] != 0 || !outcome.ok || outcome.stage != Stage::kInstructions) continue;
        const SetQuery query{outcome.set, {}};
        const double residual = std::clamp(outcome.log_ratio - guide->baseline().predict(outcome.set).mean,
                                           -kMostLogSpeedup, kMostLogSpeedup);
        add(value, guide->value_features(query), residual, 1);
      }
      for (std::uint32_t i = 0; i < options.steps && !steps.empty(); ++i) {
        const Step& step = steps[random() % steps.size()];
        std::vector<mcts::ActionId> legal;
        for (std::uint32_t action = 0; action < table.actions.size(); ++action) {
          if (table.legal(step.state, action)) legal.push_back(action);
        }
        add(policy, guide->policy_features({step.state, legal}, step.action), step.target, 1);
      }
    }
  }
}

}  // namespace jarvis2::learn
