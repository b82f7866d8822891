#include "verify/simulation.h"

#include <cmath>
#include <numbers>

namespace jarvis2::verify {

Noise quiet_noise() {
  return {
      .deviation = 0.01, .tail_freedom = 0, .autocorrelation = 0, .drift = 0, .burst_probability = 0, .second_slot = 0};
}

Noise sequential_noise(double pair_deviation) {
  return {.deviation = pair_deviation / 1.3};
}

Noise duet_noise(double pair_deviation) {
  return {.deviation = pair_deviation / 1.3,
          .autocorrelation = 0.3,
          .drift = 0.01,
          .burst_probability = 0.01,
          .burst_size = 0.05,
          .second_slot = 0.005};
}

SimulatedMachine::SimulatedMachine(const Noise& noise, std::uint64_t seed) : noise_(noise), random_(seed) {
  phase_ = std::uniform_real_distribution<double>(0, 2 * std::numbers::pi)(random_);
}

double SimulatedMachine::slot() {
  t_ += 1;
  std::normal_distribution<double> normal;
  const double rho = 0.9;
  level_ = rho * level_ + std::sqrt(1 - rho * rho) * normal(random_);
  double own = normal(random_);
  if (noise_.tail_freedom > 0) {
    // The quartile of t(3) is 0.765, of the normal 0.674: same robust deviation.
    own = std::student_t_distribution<double>(noise_.tail_freedom)(random_) * 0.674 / 0.765;
  }
  const double share = noise_.autocorrelation;
  double result = noise_.deviation * (share * level_ + std::sqrt(1 - share * share) * own);
  result += noise_.drift * std::sin(phase_ + 2 * std::numbers::pi * t_ / noise_.drift_slots);
  if (burst_left_ > 0) {
    burst_left_ -= 1;
    result += noise_.burst_size;
  } else if (std::bernoulli_distribution(noise_.burst_probability)(random_)) {
    burst_left_ = std::exponential_distribution<double>(1 / noise_.burst_slots)(random_);
  }
  return result;
}

double SimulatedMachine::pair(double log_effect) {
  const double first = slot();
  const double second = slot() - noise_.second_slot;
  const bool base_first = std::bernoulli_distribution(0.5)(random_);
  return log_effect + (base_first ? first - second : second - first);
}

}  // namespace jarvis2::verify
