#include "verify/statistics.h"

#include <algorithm>
#include <array>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "base/error.h"

namespace jarvis2::verify {
namespace {

// The mixture: distances from the hypothesis (as log-ratios) that one would like to see proven, and their weights.
struct Component {
  double effect;
  double weight;
};
constexpr std::array<Component, 3> kMixture{{{0.012, 0.30}, {0.028, 0.35}, {0.070, 0.35}}};
constexpr double kClip = 1.3;        // of a deviation, in scales: heavy tails count no more than this
constexpr double kLargestBet = 1.4;  // atanh of the largest share of the wealth at stake, 0.89
constexpr double kScaleWeight = 8;   // pairs that the first guess of the scale counts as
constexpr double kSmallestScale = 1e-5;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// log(1 + tanh(a)), without cancellation.
double log_payoff(double a) {
  return a >= 0 ? std::numbers::ln2 - std::log1p(std::exp(-2 * a))
                : std::numbers::ln2 + 2 * a - std::log1p(std::exp(2 * a));
}

// The logarithm of what a bet on `effect` pays for a deviation `z` (positive: in favour).
double log_bet(double z, double effect, double scale) {
  const double clipped = std::clamp(z / scale, -kClip, kClip);
  return log_payoff(std::clamp(effect / scale * clipped, -kLargestBet, kLargestBet));
}

double log_mixture(std::span<const double> log_wealth) {
  const double top = *std::max_element(log_wealth.begin(), log_wealth.end());
  double sum = 0;
  for (std::size_t k = 0; k < log_wealth.size(); ++k) sum += kMixture[k].weight * std::exp(log_wealth[k] - top);
  return top + std::log(sum);
}

double median_of_sorted(std::span<const double> sorted) {
  const std::size_t n = sorted.size();
  return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

// Median absolute deviation of sorted values: the deviations grow outwards from the median, so two fingers find it.
double mad_of_sorted(std::span<const double> sorted) {
  const double centre = median_of_sorted(sorted);
  std::size_t low = static_cast<std::size_t>(std::upper_bound(sorted.begin(), sorted.end(), centre) - sorted.begin());
  std::size_t high = low;
  const std::size_t n = sorted.size();
  double previous = 0, current = 0;
  for (std::size_t taken = 0; taken <= n / 2; ++taken) {
    previous = current;
    const double below = low > 0 ? centre - sorted[low - 1] : kInfinity;
    const double above = high < n ? sorted[high] - centre : kInfinity;
    if (below <= above) {
      current = below;
      --low;
    } else {
      current = above;
      ++high;
    }
  }
  return n % 2 == 1 ? current : (previous + current) / 2;
}

constexpr double kMadToDeviation = 1.4826;

}  // namespace

std::string verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kFaster:
      return "faster";
    case Verdict::kNotFaster:
      return "not faster";
    case Verdict::kSlower:
      return "slower";
    case Verdict::kUndecided:
      return "undecided";
    case Verdict::kRejected:
      return "rejected";
  }
  return "";
}

void SequentialTest::Bet::add(double log_ratio, double scale) {
  for (std::size_t k = 0; k < kMixture.size(); ++k) {
    log_wealth[k] += log_bet(sign * (log_ratio - log_effect), kMixture[k].effect, scale);
  }
  best = std::max(best, log_mixture(log_wealth));
}

SequentialTest::SequentialTest(const TestOptions& options) : options_(options) {
  if (!(options.alpha > 0 && options.alpha < 1))
    throw Error("verify::SequentialTest", "alpha must lie between 0 and 1");
  if (!(options.min_effect >= 0 && options.min_effect < 1)) {
    throw Error("verify::SequentialTest", "min-effect must be at least 0 and below 100 %");
  }
  const double bound = std::log1p(options.min_effect);
  const std::vector<double> nothing(kMixture.size(), 0.0);
  faster_ = {bound, 1, nothing, 0};
  not_faster_ = {bound, -1, nothing, 0};
  slower_ = {-bound, -1, nothing, 0};
  threshold_ = -std::log(options.alpha);
}

void SequentialTest::add(double log_ratio) {
  if (!std::isfinite(log_ratio)) throw Error("verify::SequentialTest", "a log-ratio is not finite: a run took no time");
  double scale = options_.scale;
  const double n = static_cast<double>(log_ratios_.size());
  if (log_ratios_.size() >= 3) {
    const double seen = std::max(kMadToDeviation * mad_of_sorted(sorted_), options_.scale * 1e-2);
    scale = std::exp((kScaleWeight * std::log(options_.scale) + n * std::log(seen)) / (kScaleWeight + n));
  }
  scale = std::max(scale, kSmallestScale);
  faster_.add(log_ratio, scale);
  not_faster_.add(log_ratio, scale);
  slower_.add(log_ratio, scale);
  log_ratios_.push_back(log_ratio);
  scales_.push_back(scale);
  sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), log_ratio), log_ratio);
  if (not_faster_at_ == 0 && not_faster_.best >= threshold_) not_faster_at_ = log_ratios_.size();
}

Verdict SequentialTest::verdict() const {
  if (faster_.best >= threshold_) return Verdict::kFaster;
  if (slower_.best >= threshold_) return Verdict::kSlower;
  if (not_faster_.best >= threshold_) return Verdict::kNotFaster;
  return Verdict::kUndecided;
}

bool SequentialTest::wants_more() const {
  switch (verdict()) {
    case Verdict::kUndecided:
      return true;
    case Verdict::kNotFaster:
      return median_of_sorted(sorted_) < slower_.log_effect && log_ratios_.size() < 2 * not_faster_at_ + 10;
    default:
      return false;
  }
}

double SequentialTest::log_evidence(double log_effect, bool upper) const {
  Bet bet{log_effect, upper ? -1.0 : 1.0, std::vector<double>(kMixture.size(), 0.0), 0};
  for (std::size_t i = 0; i < log_ratios_.size(); ++i) bet.add(log_ratios_[i], scales_[i]);
  return log_mixture(bet.log_wealth);
}

Estimate SequentialTest::estimate() const {
  Estimate result;
  result.pairs = log_ratios_.size();
  result.confidence = 1 - 2 * options_.alpha;
  result.high = kInfinity;
  if (log_ratios_.empty()) return result;
  const double centre = hodges_lehmann(log_ratios_);
  result.deviation = kMadToDeviation * mad_of_sorted(sorted_);
  // Evidence against "<= effect" falls with the effect, so the bound is where it crosses the threshold.
  const double far = std::max(std::abs(sorted_.front()), std::abs(sorted_.back())) + 1;
  const auto bound = [&](bool upper) {
    double outside = upper ? far : -far;
    double inside = upper ? -far : far;
    if (log_evidence(outside, upper) < threshold_) return upper ? kInfinity : -kInfinity;
    for (int step = 0; step < 40 && std::abs(outside - inside) > 1e-6; ++step) {
      const double middle = (outside + inside) / 2;
      (log_evidence(middle, upper) >= threshold_ ? outside : inside) = middle;
    }
    return outside;
  };
  const double low = bound(false);
  const double high = bound(true);
  result.ratio = std::exp(std::clamp(centre, std::min(low, high), std::max(low, high)));
  result.low = std::exp(low);
  result.high = std::exp(high);
  return result;
}

double SequentialTest::expected_more_pairs() const {
  if (log_ratios_.size() < 3) return kInfinity;
  const double centre = median_of_sorted(sorted_);
  const double scale = std::max(kMadToDeviation * mad_of_sorted(sorted_), kSmallestScale);
  const auto pairs = [&](const Bet& bet) {
    const double snr = bet.sign * (centre - bet.log_effect) / scale;
    if (snr <= 0) return kInfinity;
    const double largest = log_payoff(kLargestBet);
    const double growth = largest * -std::expm1(-snr * snr / 2 / largest);
    return std::max(0.0, threshold_ - log_mixture(bet.log_wealth)) / growth;
  };
  return std::min(pairs(faster_), pairs(not_faster_));
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return median_of_sorted(values);
}

double hodges_lehmann(std::span<const double> values) {
  std::vector<double> means;
  means.reserve(values.size() * (values.size() + 1) / 2);
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = i; j < values.size(); ++j) means.push_back((values[i] + values[j]) / 2);
  }
  if (means.empty()) return 0;
  const std::size_t middle = means.size() / 2;
  std::nth_element(means.begin(), means.begin() + static_cast<std::ptrdiff_t>(middle), means.end());
  if (means.size() % 2 == 1) return means[middle];
  return (means[middle] + *std::max_element(means.begin(), means.begin() + static_cast<std::ptrdiff_t>(middle))) / 2;
}

double robust_deviation(std::span<const double> values) {
  if (values.empty()) return 0;
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  return kMadToDeviation * mad_of_sorted(sorted);
}

double confirmation_alpha(double alpha, int k) {
  return std::ldexp(alpha, -std::max(k, 1));
}

double welch_p_value(std::span<const double> a, std::span<const double> b) {
  if (a.size() < 2 || b.size() < 2) return 1;
  struct Moments {
    double mean, variance_of_mean, n;
  };
  const auto moments = [](std::span<const double> values) {
    const double n = static_cast<double>(values.size());
    const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
    double squares = 0;
    for (const double value : values) squares += (value - mean) * (value - mean);
    return Moments{mean, squares / (n - 1) / n, n};
  };
  const Moments ma = moments(a);
  const Moments mb = moments(b);
  const double variance = ma.variance_of_mean + mb.variance_of_mean;
  if (variance == 0) return mb.mean < ma.mean ? 0 : 1;
  const double freedom =
      variance * variance /
      (ma.variance_of_mean * ma.variance_of_mean / (ma.n - 1) + mb.variance_of_mean * mb.variance_of_mean / (mb.n - 1));
  const double t = (ma.mean - mb.mean) / std::sqrt(variance);
  return boost::math::cdf(boost::math::complement(boost::math::students_t(freedom), t));
}

double mann_whitney_p_value(std::span<const double> a, std::span<const double> b) {
  if (a.empty() || b.empty()) return 1;
  struct Value {
    double value;
    bool from_a;
  };
  std::vector<Value> all;
  for (const double value : a) all.push_back({value, true});
  for (const double value : b) all.push_back({value, false});
  std::sort(all.begin(), all.end(), [](const Value& x, const Value& y) { return x.value < y.value; });
  const double na = static_cast<double>(a.size());
  const double nb = static_cast<double>(b.size());
  const double n = na + nb;
  double rank_sum = 0, ties = 0;
  for (std::size_t i = 0; i < all.size();) {
    std::size_t j = i;
    while (j < all.size() && all[j].value == all[i].value) ++j;
    const double count = static_cast<double>(j - i);
    const double rank = static_cast<double>(i + 1 + j) / 2;
    for (std::size_t k = i; k < j; ++k) rank_sum += all[k].from_a ? rank : 0;
    ties += count * count * count - count;
    i = j;
  }
  const double u = rank_sum - na * (na + 1) / 2;
  const double variance = na * nb / 12 * (n + 1 - ties / (n * (n - 1)));
  if (variance <= 0) return 1;
  const double z = (u - na * nb / 2 - 0.5) / std::sqrt(variance);
  return boost::math::cdf(boost::math::complement(boost::math::normal(), z));
}

}  // namespace jarvis2::verify
