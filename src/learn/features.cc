#include "learn/features.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"

namespace jarvis2::learn {
namespace {

constexpr std::size_t kRuleBuckets = 24;

// Counts and sizes: 0, 1, 3, 10, 30 are about as far apart as they feel.
float scaled(float count) {
  return std::log1p(std::max(0.0f, count)) / 4;
}

class Writer {
 public:
  explicit Writer(std::span<float> out) : out_(out) { std::fill(out.begin(), out.end(), 0.0f); }
  void put(float value) { out_[at_++] = std::isfinite(value) ? std::clamp(value, -4.0f, 4.0f) : 0.0f; }
  void one_hot(std::size_t choice, std::size_t choices) {
    if (choice < choices) out_[at_ + choice] = 1;
    at_ += choices;
  }
  void mark(std::size_t place) { out_[at_ + place] = 1; }
  void skip(std::size_t places) { at_ += places; }

 private:
  std::span<float> out_;
  std::size_t at_ = 0;
};

}  // namespace

float expected_gain(const ActionFacts& facts) {
  const double share = std::clamp<double>(facts.share, 0, 0.999);
  const double ratio = std::exp(std::clamp<double>(facts.log_prior_ratio, -3, 3));
  return static_cast<float>(-std::log(1 - share + share / ratio));
}

void encode(const ActionFacts& facts, std::span<float, kFacts> out) {
  Writer writer(out);
  // Two buckets a rule, so that few rules look the same.
  const std::uint64_t hash = hash64(facts.rule);
  writer.mark(hash % kRuleBuckets);
  writer.mark(hash / kRuleBuckets % kRuleBuckets);
  writer.skip(kRuleBuckets);
  writer.one_hot(facts.kind, 5);
  writer.one_hot(facts.language, 4);
  writer.put(facts.always_safe ? 1.0f : 0.0f);
  writer.put(facts.in_group ? 1.0f : 0.0f);
  writer.put(facts.share);
  writer.put(facts.line_share);
  writer.put(4 * facts.log_prior_ratio);
  writer.put(8 * expected_gain(facts));
  writer.put(facts.loop_depth / 4);
  writer.put(scaled(facts.site_lines));
  writer.put(scaled(facts.calls));
  writer.put(scaled(facts.branches));
  writer.put(scaled(facts.loops));
  writer.put(scaled(facts.subscripts));
  writer.put(scaled(facts.attributes));
  writer.put(scaled(facts.arithmetic));
  writer.put(scaled(facts.allocations));
  writer.put(scaled(facts.conflicts));
  writer.put(scaled(facts.requirements));
  writer.put(scaled(facts.supersedes));
  writer.put(scaled(facts.replacements));
  writer.put(facts.bytes_delta >= 0 ? scaled(facts.bytes_delta) : -scaled(-facts.bytes_delta));
}

void encode(const LearntFacts& facts, std::span<float, kLearntFacts> out) {
  Writer writer(out);
  writer.put(8 * facts.gain);
  writer.put(8 * facts.deviation);
  writer.put(8 * facts.surprise);
  writer.put(facts.valid);
  writer.put(facts.measured);
}

void encode(const StateFacts& facts, std::span<float, kFacts> out) {
  Writer writer(out);
  writer.put(1);  // tells a state part from an empty one
  writer.put(scaled(facts.chosen));
  writer.put(scaled(facts.legal));
  writer.put(scaled(facts.conflicts));
  writer.put(facts.covered);
  writer.put(4 * facts.expected);
  writer.put(8 * facts.deviation);
  writer.put(8 * facts.best_left);
  writer.put(2 * facts.sum_left);
  writer.put(scaled(facts.verified));
  writer.put(facts.valid);
  writer.put(4 * facts.best_verified);
  writer.put(scaled(facts.verifications));
  writer.put(scaled(facts.catalogue) / 2);
  for (float kind : facts.kinds) writer.put(scaled(kind));
}

}  // namespace jarvis2::learn
