#include "verify/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "verify/simulation.h"

namespace jarvis2::verify {
namespace {

struct Shares {
  double faster = 0, not_faster = 0, slower = 0;
};

// Share of verdicts over `sessions` simulated sessions of at most `pairs` pairs with a true speed-up of 1 + effect.
Shares shares(const Noise& noise, double effect, std::size_t pairs, double scale, int sessions) {
  Shares result;
  for (int session = 0; session < sessions; ++session) {
    SimulatedMachine machine(noise, static_cast<std::uint64_t>(session) * 7919 + 17);
    SequentialTest test({kDefaultAlpha, kDefaultMinEffect, scale});
    while (test.log_ratios().size() < pairs && test.wants_more()) test.add(machine.pair(std::log1p(effect)));
    result.faster += test.verdict() == Verdict::kFaster ? 1.0 / sessions : 0;
    result.not_faster += test.verdict() == Verdict::kNotFaster ? 1.0 / sessions : 0;
    result.slower += test.verdict() == Verdict::kSlower ? 1.0 / sessions : 0;
  }
  return result;
}

TEST(SequentialTest, DuetDecidesSmallEffects) {
  const Noise noise = duet_noise(0.012);  // pairs deviate by 1.5 %
  EXPECT_GE(shares(noise, 0.05, 20, 0.02, 300).faster, 0.8);
  EXPECT_GE(shares(noise, 0.03, 60, 0.02, 300).faster, 0.8);
}

TEST(SequentialTest, WallClockPairsDecideUnderLoad) {
  EXPECT_GE(shares(sequential_noise(0.15), 0.10, 120, 0.12, 300).faster, 0.8);
  EXPECT_GE(shares(sequential_noise(0.19), 0.10, 120, 0.12, 300).faster, 0.75);
  EXPECT_GE(shares(sequential_noise(0.19), 0.05, 800, 0.12, 120).faster, 0.8);
}

TEST(SequentialTest, EqualProgramsAreNotFaster) {
  for (const double deviation : {0.012, 0.03}) {
    const Shares equal = shares(duet_noise(deviation), 0, 400, 0.02, 400);
    EXPECT_LE(equal.faster, 0.01) << deviation;
    EXPECT_GE(equal.not_faster, 0.95) << deviation;
  }
  EXPECT_LE(shares(sequential_noise(0.19), 0, 800, 0.12, 300).faster, 0.02);
}

TEST(SequentialTest, OnePercentIsNotFasterByDefault) {
  EXPECT_LE(shares(duet_noise(0.012), 0.01, 400, 0.02, 400).faster, 0.005);
  EXPECT_LE(shares(sequential_noise(0.15), 0.01, 800, 0.12, 200).faster, 0.02);
}

// At the boundary of the hypothesis, where the guarantee is tightest, with every disturbance switched on.
TEST(SequentialTest, ErrorRateHoldsAtTheBoundary) {
  Noise noise = sequential_noise(0.10);
  noise.autocorrelation = 0.9;
  noise.drift = 1.0;
  noise.burst_probability = 0.05;
  noise.second_slot = 0.05;
  const Shares at = shares(noise, kDefaultMinEffect, 600, 0.02, 500);  // with a wrong first guess of the scale
  EXPECT_LE(at.faster, kDefaultAlpha + 0.02);
  EXPECT_LE(at.not_faster, kDefaultAlpha + 0.02);
}

TEST(SequentialTest, SlowerIsToldFromNotFaster) {
  EXPECT_GE(shares(duet_noise(0.012), -0.06, 60, 0.02, 200).slower, 0.95);
}

TEST(SequentialTest, LargeEffectsNeedFewPairs) {
  SequentialTest test({kDefaultAlpha, kDefaultMinEffect, 0.02});
  SimulatedMachine machine(duet_noise(0.012), 3);
  while (test.wants_more()) test.add(machine.pair(std::log(1.3)));
  EXPECT_EQ(test.verdict(), Verdict::kFaster);
  EXPECT_LE(test.log_ratios().size(), 6u);
}

TEST(SequentialTest, IntervalCoversAtEveryStop) {
  int missed = 0;
  const int sessions = 200;
  const double truth = std::log(1.07);
  for (int session = 0; session < sessions; ++session) {
    SimulatedMachine machine(duet_noise(0.03), static_cast<std::uint64_t>(session) + 1000);
    SequentialTest test({kDefaultAlpha, kDefaultMinEffect, 0.02});
    bool out = false;
    for (int pair = 0; pair < 60; ++pair) {
      test.add(machine.pair(truth));
      const double threshold = -std::log(kDefaultAlpha);
      out = out || test.log_evidence(truth, false) >= threshold || test.log_evidence(truth, true) >= threshold;
    }
    missed += out ? 1 : 0;
    const Estimate e = test.estimate();
    EXPECT_LE(e.low, e.ratio);
    EXPECT_LE(e.ratio, e.high);
  }
  EXPECT_LE(missed, 2 * kDefaultAlpha * sessions + 8);
}

TEST(SequentialTest, VerdictAndIntervalAgree) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SimulatedMachine machine(duet_noise(0.02), seed);
    SequentialTest test({kDefaultAlpha, kDefaultMinEffect, 0.02});
    while (test.verdict() == Verdict::kUndecided && test.log_ratios().size() < 300) {
      test.add(machine.pair(std::log(seed % 2 == 0 ? 1.06 : 0.99)));
    }
    const Estimate e = test.estimate();
    if (test.verdict() == Verdict::kFaster) {
      EXPECT_GE(e.low, 1 + kDefaultMinEffect - 1e-5);
    }
    if (test.verdict() == Verdict::kNotFaster) {
      EXPECT_LE(e.high, 1 + kDefaultMinEffect + 1e-5);
    }
  }
}

TEST(SequentialTest, PairsWithoutNoiseAreDecidedToo) {
  SequentialTest test;
  while (test.wants_more() && test.log_ratios().size() < 100) test.add(std::log(1.5));
  EXPECT_EQ(test.verdict(), Verdict::kFaster);
  EXPECT_NEAR(test.estimate().ratio, 1.5, 1e-9);
}

TEST(Statistics, RobustSummaries) {
  EXPECT_DOUBLE_EQ(median({3, 1, 2}), 2);
  EXPECT_DOUBLE_EQ(median({4, 1, 2, 3}), 2.5);
  const std::vector<double> values = {1, 2, 3, 4, 100};
  EXPECT_DOUBLE_EQ(hodges_lehmann(values), 3);
  EXPECT_DOUBLE_EQ(robust_deviation(values), 1.4826);
  const std::vector<double> even = {0, 1, 5, 6};
  EXPECT_DOUBLE_EQ(robust_deviation(even), 2.5 * 1.4826);  // deviations 3, 2, 2, 3
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal(0, 2);
  std::vector<double> many(4001);
  for (double& value : many) value = normal(random);
  EXPECT_NEAR(robust_deviation(many), 2, 0.1);
}

TEST(Statistics, BudgetOfErrorsIsHalvedEachTime) {
  double spent = 0;
  for (int k = 1; k < 50; ++k) spent += confirmation_alpha(0.05, k);
  EXPECT_LE(spent, 0.05);
  EXPECT_DOUBLE_EQ(confirmation_alpha(0.05, 2), 0.0125);
}

TEST(Statistics, PeersAgreeWithTables) {
  const std::vector<double> a = {10.1, 10.4, 9.8, 10.9, 10.3};
  const std::vector<double> b = {9.1, 9.6, 9.9, 9.3, 9.0};
  const double p = welch_p_value(a, b);  // t = 3.743 with 7.93 degrees of freedom
  EXPECT_GT(p, 0.0025);
  EXPECT_LT(p, 0.005);
  EXPECT_NEAR(mann_whitney_p_value(a, b), 0.0108, 0.0001);  // U = 24, z = 2.298
}

}  // namespace
}  // namespace jarvis2::verify
