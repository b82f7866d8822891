// The additive baseline: a Bayesian linear model of log speed-ups, one coefficient an action.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace jarvis2::learn {

// Exact Gaussian posterior over the gains, kept as an incremental Cholesky factor over the observed sets, so that it
// costs O(observations × actions) an observation and grows with the catalogue. Not thread-safe for writing.
class AdditiveBaseline {
 public:
  struct Options {
    double rule_share = 0.5;             // of the prior variance common to all actions of a rule
    double interaction_variance = 4e-4;  // added to the noise for each action of a set beyond the first
  };
  AdditiveBaseline();
  explicit AdditiveBaseline(Options options);

  // The next action (ids count from 0). `mean` in log speed-up, `deviation` of the prior.
  std::uint32_t add_action(const std::string& rule, double mean, double deviation);
  std::size_t actions() const { return mean_.size(); }
  // A set measured `log_speedup` with the variance of that measurement.
  void observe(std::span<const std::uint32_t> set, double log_speedup, double variance);
  std::size_t observations() const { return residual_.size(); }

  struct Prediction {
    double mean = 0;
    double variance = 0;  // of the sum of gains, without measurement noise
  };
  Prediction predict(std::span<const std::uint32_t> set) const;
  double mean(std::uint32_t action) const { return mean_[action]; }
  double deviation(std::uint32_t action) const;
  // One draw of all gains from the posterior (Thompson sampling) [Matheron's rule].
  std::vector<double> sample(std::mt19937_64& random) const;

 private:
  double prior_covariance(std::uint32_t a, std::uint32_t b) const;
  Options options_;
  std::vector<double> mean_;  // posterior
  std::vector<double> prior_mean_;
  std::vector<double> prior_deviation_;
  std::vector<std::uint32_t> rule_;
  std::vector<std::string> rules_;
  std::vector<std::vector<double>> columns_;  // of L⁻¹ X S₀, one an action
  std::vector<std::vector<double>> factor_;   // L, rows
  std::vector<std::vector<std::uint32_t>> sets_;
  std::vector<double> noise_;
  std::vector<double> measured_;
  std::vector<double> residual_;  // L⁻¹ (y − X m₀)
};

}  // namespace jarvis2::learn
