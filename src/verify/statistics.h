// The anytime-valid paired test: is the speed-up above min-effect?
//
// Observations are log-ratios, log(baseline time / candidate time), of pairs whose order a fair coin decided. Given
// everything but that coin, the deviation of a log-ratio from the true effect is symmetric, whatever the machine does
// (drift, bursts, autocorrelation, heavy tails). Betting 1 + tanh(k z) on the deviation z from a hypothetical effect is
// then a fair game at that effect and a losing one above it, so its running product is an e-process and may be looked
// at after every pair. Sources: testing by betting and its inversion to confidence sequences, Waudby-Smith & Ramdas
// (2024), J. R. Stat. Soc. B 86; symmetry e-values, de la Pena (1999), Ann. Probab. 27 and Ramdas et al. (2022), Stat.
// Sci. "Admissible anytime-valid"; anytime-valid intervals, Howard et al. (2021), Ann. Stat. 49.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace jarvis2::verify {

enum class Verdict {
  kFaster,     // speed-up above min-effect
  kNotFaster,  // the upper bound is below min-effect
  kSlower,     // the upper bound is below -min-effect
  kUndecided,
  kRejected  // never measured to an end: a stage before the measurement failed
};
std::string verdict_name(Verdict verdict);  // "faster", "not faster", "slower", "undecided", "rejected"

inline constexpr double kDefaultAlpha = 0.05;
inline constexpr double kDefaultMinEffect = 0.02;

struct TestOptions {
  double alpha = kDefaultAlpha;           // error probability of each one-sided statement, at any stopping time
  double min_effect = kDefaultMinEffect;  // as a share: 0.02 is 2 %
  double scale = 0.05;                    // first guess of the deviation of one log-ratio; costs power, never validity
};

// A ratio of times, baseline over candidate; above 1 the candidate is faster.
struct Estimate {
  double ratio = 1;
  double low = 0;            // anytime-valid lower bound
  double high = 0;           // anytime-valid upper bound; infinity when there is none yet
  double confidence = 0.90;  // of the interval
  double deviation = 0;      // robust standard deviation of one log-ratio
  std::size_t pairs = 0;
};

// Feed log-ratios one at a time; look whenever you like. Not thread-safe.
class SequentialTest {
 public:
  explicit SequentialTest(const TestOptions& options = {});
  void add(double log_ratio);
  // The statements proven so far; sticky. kSlower supersedes kNotFaster.
  Verdict verdict() const;
  // Whether another pair can still change what should be reported: false once faster or slower, and once not faster
  // unless the estimate points to slower.
  bool wants_more() const;
  Estimate estimate() const;
  // Evidence against "speed-up <= effect" (upper = false) or ">= effect" (upper = true), as a natural logarithm.
  double log_evidence(double log_effect, bool upper) const;
  // Evidence still missing for the nearest verdict over the evidence gained a pair; infinity when nothing is in sight.
  double expected_more_pairs() const;
  const std::vector<double>& log_ratios() const { return log_ratios_; }
  const TestOptions& options() const { return options_; }

 private:
  struct Bet {  // one e-process: log-wealth of each component of the mixture
    double log_effect = 0;
    double sign = 1;
    std::vector<double> log_wealth;
    double best = 0;  // highest log of the mixture so far
    void add(double log_ratio, double scale);
  };
  TestOptions options_;
  std::vector<double> log_ratios_;
  std::vector<double> scales_;  // scale used for pair i: a function of the pairs before it
  std::vector<double> sorted_;  // log-ratios in order, for the running scale
  Bet faster_, not_faster_, slower_;
  double threshold_ = 0;
  std::size_t not_faster_at_ = 0;  // pairs when kNotFaster was proven
};

double median(std::vector<double> values);
// Hodges-Lehmann: the median of all pairwise means. Robust, nearly as efficient as the mean.
double hodges_lehmann(std::span<const double> values);
// 1.4826 x median absolute deviation.
double robust_deviation(std::span<const double> values);

// The session's error budget: the k-th confirmation (from 1) may spend alpha * 2^-k.
double confirmation_alpha(double alpha, int k);

// Peers of the decision, for bench judge only: they look once, at the end of their sample.
double welch_p_value(std::span<const double> a, std::span<const double> b);         // one-sided: mean(b) < mean(a)
double mann_whitney_p_value(std::span<const double> a, std::span<const double> b);  // one-sided: b smaller

}  // namespace jarvis2::verify
