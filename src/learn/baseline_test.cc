#include "learn/baseline.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/error.h"

namespace jarvis2::learn {
namespace {

using Matrix = std::vector<std::vector<double>>;

// Solves a·x = b by elimination with pivots.
std::vector<double> solve(Matrix a, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t c = 0; c < n; ++c) {
    std::size_t pivot = c;
    for (std::size_t r = c; r < n; ++r) {
      if (std::abs(a[r][c]) > std::abs(a[pivot][c])) pivot = r;
    }
    std::swap(a[c], a[pivot]);
    std::swap(b[c], b[pivot]);
    for (std::size_t r = c + 1; r < n; ++r) {
      const double factor = a[r][c] / a[c][c];
      for (std::size_t k = c; k < n; ++k) a[r][k] -= factor * a[c][k];
      b[r] -= factor * b[c];
    }
  }
  for (std::size_t c = n; c-- > 0;) {
    for (std::size_t k = c + 1; k < n; ++k) b[c] -= a[c][k] * b[k];
    b[c] /= a[c][c];
  }
  return b;
}

struct Case {
  AdditiveBaseline::Options options;
  AdditiveBaseline baseline{options};
  std::vector<double> prior_mean;
  Matrix prior;  // covariance
  Matrix sets;   // rows of 0 and 1
  std::vector<double> measured;
  std::vector<double> noise;

  void add(const std::string& rule, double mean, double deviation) {
    baseline.add_action(rule, mean, deviation);
    rules.push_back(rule);
    deviations.push_back(deviation);
    prior_mean.push_back(mean);
    for (std::vector<double>& set : sets) set.push_back(0);
    prior.assign(rules.size(), std::vector<double>(rules.size()));
    for (std::size_t i = 0; i < rules.size(); ++i) {
      for (std::size_t j = 0; j < rules.size(); ++j) {
        const double share = i == j ? 1 : rules[i] == rules[j] ? options.rule_share : 0;
        prior[i][j] = share * deviations[i] * deviations[j];
      }
    }
  }
  void observe(const std::vector<std::uint32_t>& set, double value, double variance) {
    baseline.observe(set, value, variance);
    sets.emplace_back(rules.size(), 0.0);
    for (std::uint32_t action : set) sets.back()[action] = 1;
    measured.push_back(value);
    noise.push_back(variance + options.interaction_variance * static_cast<double>(set.size() - 1) + 1e-8);
  }
  // Textbook: mean and covariance of w·gains given everything.
  std::pair<double, double> posterior(const std::vector<double>& w) const {
    const std::size_t m = sets.size();
    Matrix gram(m, std::vector<double>(m));
    std::vector<double> gap(m);
    std::vector<double> cross(m);
    const auto product = [&](const std::vector<double>& a, const std::vector<double>& b) {
      double sum = 0;
      for (std::size_t i = 0; i < a.size(); ++i) {
        for (std::size_t j = 0; j < b.size(); ++j) sum += a[i] * prior[i][j] * b[j];
      }
      return sum;
    };
    for (std::size_t i = 0; i < m; ++i) {
      gap[i] = measured[i];
      for (std::size_t a = 0; a < prior_mean.size(); ++a) gap[i] -= sets[i][a] * prior_mean[a];
      for (std::size_t j = 0; j < m; ++j) gram[i][j] = product(sets[i], sets[j]) + (i == j ? noise[i] : 0);
      cross[i] = product(sets[i], w);
    }
    const std::vector<double> solved_gap = solve(gram, gap);
    const std::vector<double> solved_cross = solve(gram, cross);
    double mean = 0;
    for (std::size_t a = 0; a < w.size(); ++a) mean += w[a] * prior_mean[a];
    double variance = product(w, w);
    for (std::size_t i = 0; i < m; ++i) {
      mean += cross[i] * solved_gap[i];
      variance -= cross[i] * solved_cross[i];
    }
    return {mean, variance};
  }
  std::vector<std::string> rules;
  std::vector<double> deviations;
};

TEST(Baseline, IsTheExactPosterior) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal(0, 1);
  Case c;
  for (int i = 0; i < 8; ++i) c.add("rule" + std::to_string(i % 3), 0.02 * i, 0.01 + 0.01 * i);
  for (int round = 0; round < 25; ++round) {
    // The catalogue grows in between; the new action leans on what its rule has shown.
    if (round % 6 == 5) c.add("rule" + std::to_string(round % 4), 0.01, 0.03);
    std::vector<std::uint32_t> set;
    for (std::uint32_t a = 0; a < c.baseline.actions(); ++a) {
      if (random() % 3 == 0) set.push_back(a);
    }
    if (set.empty()) continue;
    c.observe(set, 0.05 * normal(random), 1e-4 * static_cast<double>(1 + random() % 9));
    std::vector<double> w(c.baseline.actions());
    std::vector<std::uint32_t> asked;
    for (std::uint32_t a = 0; a < w.size(); ++a) {
      if (random() % 2 == 0) {
        w[a] = 1;
        asked.push_back(a);
      }
    }
    const AdditiveBaseline::Prediction prediction = c.baseline.predict(asked);
    const std::pair<double, double> exact = c.posterior(w);
    EXPECT_NEAR(prediction.mean, exact.first, 1e-9);
    EXPECT_NEAR(prediction.variance, exact.second, 1e-9);
  }
}

TEST(Baseline, DrawsFromThePosterior) {
  AdditiveBaseline baseline;
  for (int i = 0; i < 4; ++i) baseline.add_action(i < 2 ? "a" : "b", 0.05, 0.04);
  baseline.observe(std::vector<std::uint32_t>{0, 1}, 0.2, 1e-4);
  baseline.observe(std::vector<std::uint32_t>{2}, -0.02, 1e-4);
  std::mt19937_64 random(1);
  const int draws = 40'000;
  std::vector<double> sum(4);
  double pair_sum = 0;
  double pair_squares = 0;
  for (int i = 0; i < draws; ++i) {
    const std::vector<double> gains = baseline.sample(random);
    for (std::size_t a = 0; a < 4; ++a) sum[a] += gains[a] / draws;
    pair_sum += (gains[0] + gains[3]) / draws;
    pair_squares += (gains[0] + gains[3]) * (gains[0] + gains[3]) / draws;
  }
  for (std::uint32_t a = 0; a < 4; ++a) EXPECT_NEAR(sum[a], baseline.mean(a), 1e-3);
  const AdditiveBaseline::Prediction pair = baseline.predict(std::vector<std::uint32_t>{0, 3});
  EXPECT_NEAR(pair_squares - pair_sum * pair_sum, pair.variance, 0.05 * pair.variance);
  EXPECT_GT(baseline.mean(0), 0.08);
  EXPECT_LT(baseline.mean(3), 0.05);  // its rule disappointed
}

TEST(Baseline, MeasuringAgainSharpens) {
  AdditiveBaseline baseline;
  baseline.add_action("r", 0, 0.1);
  const std::vector<std::uint32_t> set = {0};
  double last = baseline.deviation(0);
  for (int i = 0; i < 200; ++i) {
    baseline.observe(set, 0.07, i % 50 == 0 ? 0.0 : 1e-3);
    EXPECT_LE(baseline.deviation(0), last);
    last = baseline.deviation(0);
  }
  EXPECT_NEAR(baseline.mean(0), 0.07, 1e-4);
  EXPECT_THROW(baseline.observe(std::vector<std::uint32_t>{9}, 0, 1), Error);
  EXPECT_THROW(baseline.observe(set, std::nan(""), 1), Error);
  EXPECT_THROW(baseline.add_action("r", 0, 0), Error);
}

}  // namespace
}  // namespace jarvis2::learn
