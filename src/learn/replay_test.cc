#include "learn/replay.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "learn/table_learner.h"

namespace jarvis2::learn {
namespace {

// Ten actions, all alone and all pairs; the rules promise the wrong way round, and one action breaks the program.
Table made(const std::string& program, float share) {
  Table table;
  table.program = program;
  table.sites.assign(neural::kSiteInputs, 0.05f);
  std::vector<double> gains;
  for (std::uint32_t i = 0; i < 10; ++i) {
    TableAction action;
    action.facts.rule = "rule" + std::to_string(i % 4);
    action.facts.share = share;
    action.facts.log_prior_ratio = 0.05f * static_cast<float>(i);
    table.actions.push_back(action);
    gains.push_back(0.02 * (9 - static_cast<double>(i)));
  }
  const auto add = [&](std::vector<std::uint32_t> set) {
    TableOutcome outcome;
    outcome.ok = std::find(set.begin(), set.end(), 2U) == set.end();
    outcome.stage = outcome.ok ? Stage::kInstructions : Stage::kPasses;
    for (const std::uint32_t action : set) outcome.log_ratio += outcome.ok ? gains[action] : 0;
    outcome.set = std::move(set);
    table.outcomes.push_back(std::move(outcome));
  };
  for (std::uint32_t a = 0; a < 10; ++a) {
    add({a});
    for (std::uint32_t b = a + 1; b < 10; ++b) add({a, b});
  }
  index_sets(table);
  return table;
}

TEST(Replay, EveryWayFindsTheBestAndTellsWhen) {
  const Table table = made("one", 0.5f);
  EXPECT_NEAR(table.best(), 0.18 + 0.16, 1e-12);
  for (const Chooser chooser :
       {Chooser::kSearch, Chooser::kThompson, Chooser::kMean, Chooser::kRules, Chooser::kRandom}) {
    ReplayOptions options;
    options.chooser = chooser;
    options.simulations = 60;
    const Replayed first = replay(table, options);
    ASSERT_EQ(first.best_after.size(), first.verifications);
    ASSERT_LE(first.verifications, table.outcomes.size());
    EXPECT_TRUE(std::is_sorted(first.best_after.begin(), first.best_after.end()));
    EXPECT_GE(first.best_after.back(), 0.95 * table.best());
    const double before = first.verifications > 1 ? first.best_after[first.verifications - 2] : 0;
    EXPECT_LT(before, 0.95 * table.best());
    EXPECT_EQ(replay(table, options).best_after, first.best_after);
  }
}

TEST(Replay, LearningBeatsWrongPromises) {
  const Table table = made("one", 0.5f);
  ReplayOptions options;
  options.chooser = Chooser::kRules;
  const std::size_t blind = replay(table, options).verifications;
  for (const Chooser chooser : {Chooser::kSearch, Chooser::kThompson}) {
    options.chooser = chooser;
    options.simulations = 60;
    EXPECT_LT(replay(table, options).verifications, blind);
  }
}

TEST(Replay, ExamplesAreThoseOfASearch) {
  const Table table = made("one", 0.5f);
  neural::Dataset policy;
  neural::Dataset value;
  add_examples(table, {.episodes = 2}, 3, policy, value);
  ASSERT_GT(policy.rows(), 20U);
  ASSERT_GT(value.rows(), 20U);
  EXPECT_EQ(policy.inputs.size(), policy.rows() * neural::kInputs);
  EXPECT_EQ(value.inputs.size(), value.rows() * neural::kInputs);
  EXPECT_EQ(value.groups, std::vector<std::uint32_t>(value.rows(), 3));
  for (const float target : policy.targets) EXPECT_TRUE(target >= 0 && target < 1);
  for (const float target : value.targets) EXPECT_LE(std::abs(target), 1.4f);
}

TEST(TableLearner, TrainsWithoutTheProgramsLeftOut) {
  const std::vector<Table> tables = {made("one", 0.5f), made("two", 0.3f), made("three", 0.4f)};
  TableLearnOptions options;
  options.members = 1;
  options.epochs = 2;
  options.examples.episodes = 1;
  options.without = {"two"};
  options.zeroed = Block::kSite;
  options.policy_trust = 0.25;
  const Learned learned = learn_tables(tables, options);
  EXPECT_EQ(learned.policy.card.trained_on, (std::vector<std::string>{"one", "three"}));
  EXPECT_EQ(learned.policy.card.trust, 0.25);
  const neural::Weights& weights = learned.policy.members.at(0);
  for (std::size_t out = 0; out < weights.layers[1]; ++out) {
    for (std::size_t i = 0; i < neural::kSiteInputs; ++i) ASSERT_EQ(weights.weights[0][out * weights.layers[0] + i], 0);
  }
  const Learned again = learn_tables(tables, options);
  EXPECT_EQ(again.policy.members.at(0).weights, weights.weights);
  const TableLosses losses = table_losses(tables, {"two"}, learned, options);
  EXPECT_GT(losses.policy_rows, 0U);
  EXPECT_GT(losses.value_baseline, 0);
  options.without = {"two", "three"};
  EXPECT_THROW(learn_tables(tables, options), Error);
}

}  // namespace
}  // namespace jarvis2::learn
