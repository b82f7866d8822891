#include "learn/guide.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <thread>

#include "base/error.h"
#include "base/json.h"

namespace jarvis2::learn {
namespace {

using Set = std::vector<std::uint32_t>;

// Weights held in memory.
class GivenNetworks final : public neural::Networks {
 public:
  GivenNetworks(std::uint64_t seed, float last, float trust = 1) : trust_(trust) {
    for (int member = 0; member < 4; ++member) {
      neural::Weights weights = neural::initial_weights(neural::default_layers(), seed + static_cast<unsigned>(member));
      std::mt19937_64 random(seed);
      std::normal_distribution<float> normal(0, last);
      if (last > 0) {
        for (float& weight : weights.weights.back()) weight = normal(random);
      }
      if (member < 3) {
        value_.emplace_back(weights);
      } else {
        policy_.emplace(weights);
      }
    }
  }
  const neural::Network* policy() const override { return &*policy_; }
  const std::vector<neural::Network>& value() const override { return value_; }
  float policy_trust() const override { return trust_; }
  float value_trust() const override { return trust_; }
  Json info() const override { return {}; }

 private:
  float trust_;
  std::optional<neural::Network> policy_;
  std::vector<neural::Network> value_;
};

ActionFacts facts_of(const std::string& rule, float share, float ratio) {
  ActionFacts facts;
  facts.rule = rule;
  facts.share = share;
  facts.log_prior_ratio = std::log(ratio);
  return facts;
}

void fill(Guide& guide, std::size_t actions) {
  std::mt19937_64 random(2);
  std::normal_distribution<float> normal(0, 0.05f);
  for (std::size_t i = 0; i < actions; ++i) {
    std::vector<float> site(neural::kSiteInputs);
    for (float& value : site) value = normal(random);
    guide.add(facts_of("rule" + std::to_string(i % 5), 0.1f * static_cast<float>(1 + i % 6), 1.2f), site);
  }
}

mcts::Evaluation evaluate(const Guide& guide, const Set& chosen, const Set& legal) {
  const SetQuery query{chosen, legal};
  mcts::Evaluation result;
  guide.evaluate(std::span<const SetQuery>(&query, 1), std::span<mcts::Evaluation>(&result, 1));
  return result;
}

SetOutcome measured(Set set, double log_speedup, double variance = 1e-5) {
  SetOutcome outcome;
  outcome.actions = std::move(set);
  outcome.built = outcome.passed = outcome.equal = outcome.measured = true;
  outcome.log_speedup = log_speedup;
  outcome.variance = variance;
  return outcome;
}

TEST(Features, AmdahlBoundsTheExpectedGain) {
  EXPECT_NEAR(expected_gain(facts_of("r", 0.5f, 2)), std::log(1 / 0.75), 1e-6);
  EXPECT_NEAR(expected_gain(facts_of("r", 1, 2)), std::log(2), 2e-3);
  EXPECT_EQ(expected_gain(facts_of("r", 0, 2)), 0);
  EXPECT_LT(expected_gain(facts_of("r", 0.5f, 0.8f)), 0);
}

TEST(Features, StayFinite) {
  ActionFacts facts = facts_of("r", std::nanf(""), 1e30f);
  facts.bytes_delta = -1e30f;
  facts.kind = 1000;
  std::array<float, kFacts> out{};
  encode(facts, std::span<float, kFacts>(out));
  for (float value : out) EXPECT_LE(std::abs(value), 4);
}

TEST(Guide, WithoutNetworksPriorsAreTheRulesGains) {
  Guide guide(std::make_shared<neural::NullNetworks>("test"));
  guide.add(facts_of("good", 0.5f, 1.5f), {});
  guide.add(facts_of("poor", 0.5f, 1.05f), {});
  guide.add(facts_of("good", 0.5f, 1.5f), {}, 3);
  const mcts::Evaluation result = evaluate(guide, {}, {0, 1, 2});
  EXPECT_EQ(result.value, 0);
  EXPECT_TRUE(result.exact);
  EXPECT_GT(result.priors[0], 4 * result.priors[1]);
  EXPECT_NEAR(result.priors[2], 3 * result.priors[0], 1e-6);
  const mcts::Evaluation one = evaluate(guide, {0}, {1, 2});
  EXPECT_GT(one.value, 0.1);
  EXPECT_LE(one.value, guide.baseline().mean(0));  // times the chance that it is valid
  EXPECT_FALSE(one.exact);
  EXPECT_GT(one.deviation, 0);
  EXPECT_THAT(guide.info().dump(), testing::HasSubstr("absent"));
}

TEST(Guide, UntrainedNetworksAddNothing) {
  Guide plain(std::make_shared<neural::NullNetworks>("test"));
  Guide untrained(std::make_shared<GivenNetworks>(5, 0.0f));
  fill(plain, 20);
  fill(untrained, 20);
  const Set legal = {5, 6, 7, 8, 9};
  for (const Set& chosen : {Set{}, Set{1}, Set{0, 2, 4}}) {
    const mcts::Evaluation a = evaluate(plain, chosen, legal);
    const mcts::Evaluation b = evaluate(untrained, chosen, legal);
    EXPECT_FLOAT_EQ(a.value, b.value);
    EXPECT_FLOAT_EQ(a.deviation, b.deviation);
    for (float prior : b.priors) EXPECT_FLOAT_EQ(prior, b.priors[0]);  // uniform
  }
}

// The cached first-layer sums against the whole network on the features that training sees.
TEST(Guide, CachedPartsEqualTheWholeNetwork) {
  const std::shared_ptr<GivenNetworks> networks = std::make_shared<GivenNetworks>(6, 0.4f);
  Guide guide(networks);
  fill(guide, 30);
  evaluate(guide, {3}, {4});
  guide.observe(measured({3, 4}, 0.1));  // what it teaches must reach the sums made before
  const Set chosen = {1, 3, 12};
  const Set legal = {0, 2, 20, 29};
  const SetQuery query{chosen, legal};
  const mcts::Evaluation result = evaluate(guide, chosen, legal);
  for (std::size_t i = 0; i < legal.size(); ++i) {
    const std::vector<float> features = guide.policy_features(query, legal[i]);
    float expected = 0;
    networks->policy()->forward(features.data(), 1, &expected);
    const double valid = guide.failures().valid(Set{legal[i]});
    EXPECT_NEAR(result.priors[i], expected * valid, 1e-5);
  }
  const std::vector<float> features = guide.value_features(query);
  double residual = 0;
  for (const neural::Network& member : networks->value()) {
    float expected = 0;
    member.forward(features.data(), 1, &expected);
    residual += neural::log_speedup(expected) / 3;
  }
  const double raw = guide.baseline().predict(chosen).mean + residual;
  EXPECT_NEAR(result.value, raw > 0 ? raw * guide.failures().valid(chosen) : raw, 1e-5);
}

TEST(Guide, TrustMixesNetworksWithRulesAndBaseline) {
  Guide plain(std::make_shared<GivenNetworks>(6, 0.4f, 0.0f));
  Guide half(std::make_shared<GivenNetworks>(6, 0.4f, 0.5f));
  Guide full(std::make_shared<GivenNetworks>(6, 0.4f));
  Guide none(std::make_shared<neural::NullNetworks>("test"));
  for (Guide* guide : {&plain, &half, &full, &none}) fill(*guide, 30);
  const Set legal = {0, 2, 20, 29};
  const mcts::Evaluation a = evaluate(plain, {1, 3}, legal);
  const mcts::Evaluation b = evaluate(half, {1, 3}, legal);
  const mcts::Evaluation c = evaluate(full, {1, 3}, legal);
  const mcts::Evaluation rules = evaluate(none, {1, 3}, legal);
  EXPECT_EQ(a.value, rules.value);
  EXPECT_EQ(a.priors, rules.priors);
  EXPECT_NE(a.value, c.value);
  EXPECT_GT(b.value, std::min(a.value, c.value));
  EXPECT_LT(b.value, std::max(a.value, c.value));
  const auto share = [](const mcts::Evaluation& e, std::size_t i) {
    return e.priors[i] / (e.priors[0] + e.priors[1] + e.priors[2] + e.priors[3]);
  };
  for (std::size_t i = 0; i < legal.size(); ++i) EXPECT_NEAR(share(b, i), (share(a, i) + share(c, i)) / 2, 1e-5);
}

TEST(Guide, OutcomesBecomeKnowledge) {
  Guide guide(std::make_shared<neural::NullNetworks>("test"));
  fill(guide, 10);
  const std::uint64_t version = guide.version();
  const float before = evaluate(guide, {1, 6}, {}).value;
  guide.observe(measured({1}, 0.3));
  EXPECT_NE(guide.version(), version);
  EXPECT_NEAR(evaluate(guide, {1}, {}).value, 0.3, 1e-6);
  EXPECT_TRUE(evaluate(guide, {1}, {}).exact);
  EXPECT_GT(evaluate(guide, {1, 6}, {}).value, before + 0.1);  // what is known of a part, and of its rule
  // A rough measurement moves the value, but is not the truth.
  guide.observe(measured({2}, 0.2, 0.01));
  EXPECT_FALSE(evaluate(guide, {2}, {}).exact);
  SetOutcome failed;
  failed.actions = {3};
  failed.built = true;
  guide.observe(failed);
  EXPECT_EQ(evaluate(guide, {3}, {}).value, Guide::kFailed);
  EXPECT_LT(evaluate(guide, {}, {3, 4}).priors[0], 0.2 * evaluate(guide, {}, {3, 4}).priors[1]);
  EXPECT_LT(evaluate(guide, {3, 4}, {}).value, 0.2 * guide.baseline().predict(Set{3, 4}).mean + 1e-6);
  EXPECT_THROW(guide.observe(measured({77}, 0.1)), Error);
}

TEST(Guide, IsSafeForManyReaders) {
  Guide guide(std::make_shared<GivenNetworks>(7, 0.2f));
  fill(guide, 40);
  Set legal;
  for (std::uint32_t action = 3; action < 40; ++action) legal.push_back(action);
  std::vector<float> values(4);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < values.size(); ++t) {
      threads.emplace_back([&, t] {
        for (int round = 0; round < 20; ++round) values[t] = evaluate(guide, {0, 1, 2}, legal).value;
      });
    }
  }
  for (float value : values) EXPECT_EQ(value, values[0]);
}

TEST(Failure, BlamesTheOneWithoutARecord) {
  FailureModel model;
  for (int i = 0; i < 4; ++i) model.add_action("rule" + std::to_string(i), false);
  const double unknown = model.probability(Set{3}, Check::kPasses);
  model.observe(Set{0, 1}, Check::kPasses, true);
  model.observe(Set{0, 1, 2}, Check::kPasses, false);
  EXPECT_LT(model.probability(Set{2}, Check::kPasses), 0.1);
  EXPECT_GT(model.probability(Set{0}, Check::kPasses), unknown);
  EXPECT_EQ(model.probability(Set{3}, Check::kPasses), unknown);
  EXPECT_EQ(model.probability(Set{2}, Check::kBuilds), model.probability(Set{3}, Check::kBuilds));
}

TEST(Failure, SpreadsBlameAndLearnsRules) {
  FailureModel model;
  for (int i = 0; i < 6; ++i) model.add_action(i < 3 ? "risky" : "other", false);
  model.observe(Set{0, 3}, Check::kEqual, false);
  const double suspect = model.probability(Set{0}, Check::kEqual);
  EXPECT_LT(suspect, model.probability(Set{5}, Check::kEqual));
  model.observe(Set{3}, Check::kEqual, true);
  model.observe(Set{0}, Check::kEqual, false);
  EXPECT_LT(model.probability(Set{0}, Check::kEqual), 0.1);
  // The rule's other actions are under suspicion, the other rule's are not.
  EXPECT_LT(model.probability(Set{2}, Check::kEqual), model.probability(Set{4}, Check::kEqual));
}

TEST(Failure, RemembersCombinationsThatBreak) {
  FailureModel model;
  for (int i = 0; i < 3; ++i) model.add_action("rule", true);
  for (std::uint32_t i = 0; i < 3; ++i) model.observe(Set{i}, Check::kBuilds, true);
  model.observe(Set{0, 1}, Check::kBuilds, false);
  EXPECT_LT(model.probability(Set{0, 1}, Check::kBuilds), 0.2);
  EXPECT_LT(model.probability(Set{2, 1, 0}, Check::kBuilds), 0.2);
  EXPECT_GT(model.probability(Set{0, 2}, Check::kBuilds), 0.9);
  model.observe(Set{0, 1, 2}, Check::kBuilds, true);
  EXPECT_GT(model.probability(Set{0, 1}, Check::kBuilds), 0.9);
}

}  // namespace
}  // namespace jarvis2::learn
