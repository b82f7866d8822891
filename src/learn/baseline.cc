// With X the observed sets (rows of 0 and 1), S₀ the prior covariance and R the noise, L Lᵀ = X S₀ Xᵀ + R. Kept are L,
// L⁻¹ X S₀ by columns and L⁻¹ (y − X m₀); everything asked for is a product of those.
#include "learn/baseline.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace jarvis2::learn {

AdditiveBaseline::AdditiveBaseline() : AdditiveBaseline(Options{}) {}

AdditiveBaseline::AdditiveBaseline(Options options) : options_(options) {}

double AdditiveBaseline::prior_covariance(std::uint32_t a, std::uint32_t b) const {
  if (rule_[a] != rule_[b]) return 0;
  const double both = prior_deviation_[a] * prior_deviation_[b];
  return a == b ? both : options_.rule_share * both;
}

std::uint32_t AdditiveBaseline::add_action(const std::string& rule, double mean, double deviation) {
  if (!std::isfinite(mean) || !(deviation > 0) || !std::isfinite(deviation)) {
    throw Error("learn::add_action", "prior " + std::to_string(mean) + " ± " + std::to_string(deviation) + " of rule " +
                                         rule + ": needs a finite mean and a positive deviation");
  }
  const std::uint32_t action = static_cast<std::uint32_t>(mean_.size());
  const std::vector<std::string>::iterator known = std::find(rules_.begin(), rules_.end(), rule);
  rule_.push_back(static_cast<std::uint32_t>(known - rules_.begin()));
  if (known == rules_.end()) rules_.push_back(rule);
  prior_mean_.push_back(mean);
  prior_deviation_.push_back(deviation);
  // Its column: forward substitution of its covariances with the observed sets.
  std::vector<double> column(sets_.size());
  for (std::size_t i = 0; i < sets_.size(); ++i) {
    double value = 0;
    for (std::uint32_t other : sets_[i]) value += prior_covariance(action, other);
    for (std::size_t j = 0; j < i; ++j) value -= factor_[i][j] * column[j];
    column[i] = value / factor_[i][i];
  }
  mean_.push_back(mean + std::inner_product(column.begin(), column.end(), residual_.begin(), 0.0));
  columns_.push_back(std::move(column));
  return action;
}

void AdditiveBaseline::observe(std::span<const std::uint32_t> set, double log_speedup, double variance) {
  if (!std::isfinite(log_speedup) || !(variance >= 0) || !std::isfinite(variance)) {
    throw Error("learn::observe", "log speed-up " + std::to_string(log_speedup) + " with variance " +
                                      std::to_string(variance) + ": both must be finite");
  }
  for (std::uint32_t action : set) {
    if (action >= mean_.size()) {
      throw Error("learn::observe", "action " + std::to_string(action) + " of " + std::to_string(mean_.size()));
    }
  }
  if (set.empty()) return;
  const std::size_t m = sets_.size();
  // 1e-8 keeps the factor regular when a set is measured twice without noise.
  const double noise = variance + options_.interaction_variance * static_cast<double>(set.size() - 1) + 1e-8;
  std::vector<double> row(m + 1, 0.0);  // L⁻¹ X S₀ x
  double prior_variance = 0;
  double expected = 0;
  for (std::uint32_t a : set) {
    for (std::size_t i = 0; i < m; ++i) row[i] += columns_[a][i];
    for (std::uint32_t b : set) prior_variance += prior_covariance(a, b);
    expected += mean_[a];
  }
  double explained = 0;
  for (std::size_t i = 0; i < m; ++i) explained += row[i] * row[i];
  const double pivot = std::sqrt(std::max(prior_variance - explained, 0.0) + noise);
  row[m] = pivot;
  const double residual = (log_speedup - expected) / pivot;
  for (std::uint32_t action = 0; action < mean_.size(); ++action) {
    double value = 0;
    for (std::uint32_t other : set) value += prior_covariance(action, other);
    for (std::size_t i = 0; i < m; ++i) value -= row[i] * columns_[action][i];
    value /= pivot;
    columns_[action].push_back(value);
    mean_[action] += value * residual;
  }
  factor_.push_back(std::move(row));
  sets_.emplace_back(set.begin(), set.end());
  noise_.push_back(noise);
  measured_.push_back(log_speedup);
  residual_.push_back(residual);
}

AdditiveBaseline::Prediction AdditiveBaseline::predict(std::span<const std::uint32_t> set) const {
  Prediction prediction;
  if (set.empty()) return prediction;
  for (std::uint32_t a : set) {
    prediction.mean += mean_[a];
    for (std::uint32_t b : set) prediction.variance += prior_covariance(a, b);
  }
  for (std::size_t i = 0; i < sets_.size(); ++i) {
    double sum = 0;
    for (std::uint32_t a : set) sum += columns_[a][i];
    prediction.variance -= sum * sum;
  }
  prediction.variance = std::max(prediction.variance, 0.0);
  return prediction;
}

double AdditiveBaseline::deviation(std::uint32_t action) const {
  return std::sqrt(predict(std::span<const std::uint32_t>(&action, 1)).variance);
}

std::vector<double> AdditiveBaseline::sample(std::mt19937_64& random) const {
  std::normal_distribution<double> normal(0, 1);
  // A draw from the prior …
  std::vector<double> by_rule(rules_.size());
  for (double& value : by_rule) value = normal(random);
  std::vector<double> gains(mean_.size());
  const double common = std::sqrt(options_.rule_share);
  const double own = std::sqrt(1 - options_.rule_share);
  for (std::size_t a = 0; a < gains.size(); ++a) {
    gains[a] = prior_mean_[a] + prior_deviation_[a] * (common * by_rule[rule_[a]] + own * normal(random));
  }
  // … moved by what it gets wrong of the observations.
  std::vector<double> wrong(sets_.size());
  for (std::size_t i = 0; i < sets_.size(); ++i) {
    double value = measured_[i] + std::sqrt(noise_[i]) * normal(random);
    for (std::uint32_t a : sets_[i]) value -= gains[a];
    for (std::size_t j = 0; j < i; ++j) value -= factor_[i][j] * wrong[j];
    wrong[i] = value / factor_[i][i];
  }
  for (std::size_t a = 0; a < gains.size(); ++a) {
    gains[a] += std::inner_product(wrong.begin(), wrong.end(), columns_[a].begin(), 0.0);
  }
  return gains;
}

}  // namespace jarvis2::learn
