#include "learn/guide.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/json.h"
#include "neural/kernels.h"

namespace jarvis2::learn {
namespace {

// What an action of no promise still weighs among the priors.
constexpr float kLeastGain = 0.002f;
// A measurement at least this sharp counts as the truth.
constexpr double kSharpVariance = 1e-4;

std::uint64_t mixed(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ x >> 27) * 0x94D049BB133111EBULL;
  return x ^ x >> 31;
}

}  // namespace

Guide::Guide(std::shared_ptr<const neural::Networks> networks) : networks_(std::move(networks)) {
  if (!networks_) throw Error("learn::Guide", "networks are needed; NullNetworks where there are none");
}

std::uint64_t Guide::set_key(std::span<const std::uint32_t> set) {
  std::uint64_t key = 0;
  for (std::uint32_t action : set) key ^= mixed(action + 1);
  return key;
}

std::uint32_t Guide::add(const ActionFacts& facts, std::span<const float> embedding, float focus) {
  if (!embedding.empty() && embedding.size() != neural::kSiteInputs) {
    throw Error("learn::add", "an embedding of " + std::to_string(embedding.size()) + " numbers, not " +
                                  std::to_string(neural::kSiteInputs));
  }
  const float gain = expected_gain(facts);
  // Rules are often wrong by as much as they promise, and any edit of hot code can surprise.
  const double deviation = std::sqrt(0.005 * 0.005 + 0.7 * 0.7 * gain * gain + 0.05 * 0.05 * facts.share * facts.share);
  const std::uint32_t action = baseline_.add_action(facts.rule, gain, deviation);
  failures_.add_action(facts.rule, facts.always_safe);
  valid_alone_.push_back(1);
  facts_.push_back(facts);
  focus_.push_back(std::isfinite(focus) && focus > 0 ? focus : 0.0f);
  gains_.push_back(gain);
  measured_alone_.push_back(0);
  embeddings_.resize(embeddings_.size() + neural::kSiteInputs, 0.0f);
  std::copy(embedding.begin(), embedding.end(), embeddings_.end() - neural::kSiteInputs);
  action_facts_.resize(action_facts_.size() + kFacts);
  encode(facts, std::span<float, kFacts>(action_facts_.end() - kFacts, kFacts));
  see_learnt(action);
  ++version_;
  return action;
}

std::span<const float> Guide::embedding(std::uint32_t action) const {
  return {embeddings_.data() + std::size_t{action} * neural::kSiteInputs, neural::kSiteInputs};
}

Json Guide::info() const {
  return networks_->info();
}

// What the last observation changed of this action.
void Guide::see_learnt(std::uint32_t action) {
  gains_[action] = static_cast<float>(baseline_.mean(action));
  valid_alone_[action] = static_cast<float>(failures_.valid(std::span<const std::uint32_t>(&action, 1)));
  LearntFacts facts;
  facts.gain = gains_[action];
  facts.deviation = static_cast<float>(baseline_.deviation(action));
  facts.surprise = facts.gain - expected_gain(facts_[action]);
  facts.valid = valid_alone_[action];
  facts.measured = measured_alone_[action];
  encode(facts,
         std::span<float, kLearntFacts>(action_facts_.data() + action * kFacts + kFirstLearntFact, kLearntFacts));
}

void Guide::make_parts() const {
  if (parts_version_.load(std::memory_order_acquire) == version_) return;
  const std::lock_guard<std::mutex> guard(parts_mutex_);
  if (parts_version_.load(std::memory_order_relaxed) == version_) return;
  if (fixed_ready_ == 0) {
    policy_trust_ = networks_->policy_trust();
    value_trust_ = networks_->value_trust();
    static const std::vector<neural::Network> none;
    policy_ = policy_trust_ > 0 ? networks_->policy() : nullptr;
    value_ = value_trust_ > 0 ? &networks_->value() : &none;
    value_fixed_.resize(value_->size());
    value_parts_.resize(value_->size());
  }
  const std::size_t first_learnt = neural::kSiteInputs + kFirstLearntFact;
  for (; fixed_ready_ < facts_.size(); ++fixed_ready_) {
    std::vector<float> inputs(first_learnt);
    const std::span<const float> site = embedding(static_cast<std::uint32_t>(fixed_ready_));
    std::copy(site.begin(), site.end(), inputs.begin());
    std::copy_n(action_facts_.begin() + static_cast<std::ptrdiff_t>(fixed_ready_ * kFacts), kFirstLearntFact,
                inputs.begin() + neural::kSiteInputs);
    const auto append = [&](const neural::Network& network, std::vector<float>& fixed) {
      fixed.resize((fixed_ready_ + 1) * network.hidden());
      network.first_part(inputs, 0, fixed.data() + fixed_ready_ * network.hidden());
    };
    if (policy_ != nullptr) append(*policy_, policy_fixed_);
    for (std::size_t m = 0; m < value_->size(); ++m) append((*value_)[m], value_fixed_[m]);
  }
  std::vector<float> learnt;
  const auto complete = [&](const neural::Network& network, const std::vector<float>& fixed,
                            std::vector<float>& parts) {
    const std::size_t hidden = network.hidden();
    learnt.resize(hidden);
    parts = fixed;
    for (std::size_t action = 0; action < facts_.size(); ++action) {
      network.first_part({action_facts_.data() + action * kFacts + kFirstLearntFact, kLearntFacts}, first_learnt,
                         learnt.data());
      neural::add_scaled(learnt.data(), 1, hidden, parts.data() + action * hidden);
    }
  };
  if (policy_ != nullptr) complete(*policy_, policy_fixed_, policy_parts_);
  for (std::size_t m = 0; m < value_->size(); ++m) complete((*value_)[m], value_fixed_[m], value_parts_[m]);
  parts_version_.store(version_, std::memory_order_release);
}

void Guide::gain_weights(std::span<const std::uint32_t> chosen, std::vector<float>& weights) const {
  weights.clear();
  float sum = 0;
  for (std::uint32_t action : chosen) {
    weights.push_back(std::max(std::abs(gains_[action]), kLeastGain));
    sum += weights.back();
  }
  for (float& weight : weights) weight /= sum;
}

StateFacts Guide::state_facts(const SetQuery& query) const {
  StateFacts facts;
  facts.chosen = static_cast<float>(query.chosen.size());
  facts.legal = static_cast<float>(query.legal.size());
  facts.catalogue = static_cast<float>(facts_.size());
  facts.conflicts = std::max(0.0f, facts.catalogue - facts.chosen - facts.legal);
  thread_local std::vector<std::uint64_t> functions;
  functions.clear();
  for (std::uint32_t action : query.chosen) {
    const ActionFacts& action_facts = facts_[action];
    facts.verified += measured_alone_[action];
    facts.kinds[std::min<std::size_t>(action_facts.kind, facts.kinds.size() - 1)] += 1;
    const std::uint64_t function =
        action_facts.function != 0 ? action_facts.function : std::bit_cast<std::uint32_t>(action_facts.share);
    if (std::find(functions.begin(), functions.end(), function) != functions.end()) continue;
    functions.push_back(function);
    facts.covered += action_facts.share;
  }
  facts.covered = std::min(facts.covered, 1.0f);
  const AdditiveBaseline::Prediction prediction = baseline_.predict(query.chosen);
  facts.expected = static_cast<float>(prediction.mean);
  facts.deviation = static_cast<float>(std::sqrt(prediction.variance));
  for (std::uint32_t action : query.legal) {
    facts.best_left = std::max(facts.best_left, gains_[action]);
    facts.sum_left += std::max(0.0f, gains_[action]);
  }
  facts.valid = static_cast<float>(failures_.valid(query.chosen));
  facts.best_verified = best_verified_;
  facts.verifications = static_cast<float>(verifications_);
  return facts;
}

void Guide::evaluate(std::span<const SetQuery> queries, std::span<mcts::Evaluation> results) const {
  make_parts();
  for (std::size_t i = 0; i < queries.size(); ++i) evaluate_one(queries[i], results[i]);
}

void Guide::evaluate_one(const SetQuery& query, mcts::Evaluation& result) const {
  const StateFacts facts = state_facts(query);
  std::array<float, kFacts> encoded{};
  const std::size_t first_state_input = neural::kSiteInputs + kFacts;
  thread_local std::vector<float> common;
  thread_local std::vector<float> site;
  thread_local std::vector<float> weights;
  thread_local std::vector<const float*> rows;
  thread_local std::vector<float> outputs;

  // Value: the baseline, what the networks add to it, and the chance that the set is no good at all.
  float residual = 0;
  float spread = 0;
  if (!query.chosen.empty() && !value_->empty()) {
    // What a set is worth does not hang on what may come after it: as value_features({chosen, {}}).
    StateFacts alone = facts;
    alone.legal = alone.best_left = alone.sum_left = 0;
    alone.conflicts = alone.catalogue - alone.chosen;
    encode(alone, std::span<float, kFacts>(encoded));
    gain_weights(query.chosen, weights);
    float sum = 0;
    float squares = 0;
    for (std::size_t m = 0; m < value_->size(); ++m) {
      const neural::Network& network = (*value_)[m];
      const std::size_t hidden = network.hidden();
      common.resize(hidden);
      network.first_part(encoded, first_state_input, common.data());
      site.assign(hidden, 0.0f);
      for (std::size_t i = 0; i < query.chosen.size(); ++i) {
        neural::add_scaled(value_parts_[m].data() + query.chosen[i] * hidden, weights[i], hidden, site.data());
      }
      const float* row = site.data();
      float output = 0;
      network.forward_parts(common.data(), std::span<const float* const>(&row, 1), &output);
      const float member = neural::log_speedup(output);
      sum += member;
      squares += member * member;
    }
    const float members = static_cast<float>(value_->size());
    residual = value_trust_ * sum / members;
    spread = std::max(0.0f, value_trust_ * value_trust_ * squares / members - residual * residual);
  }
  const float raw = facts.expected + residual;
  result.value = std::clamp(raw > 0 ? raw * facts.valid : raw, Guide::kFailed, -Guide::kFailed);
  result.deviation = std::sqrt(facts.deviation * facts.deviation + spread);
  result.exact = query.chosen.empty();
  if (result.exact) {
    result.value = 0;
    result.deviation = 0;
  }
  const std::unordered_map<std::uint64_t, Known>::const_iterator found = known_.find(set_key(query.chosen));
  if (found != known_.end()) {
    const Known& known = found->second;
    if (known.failed) {
      result.value = kFailed;
      result.deviation = 0;
      result.exact = true;
    } else if (known.precision > 0) {
      result.value = static_cast<float>(known.mean);
      result.deviation = static_cast<float>(1 / std::sqrt(known.precision));
      result.exact = known.verified || known.precision >= 1 / kSharpVariance;
    }
  }

  // Priors.
  result.priors.resize(query.legal.size());
  if (policy_ != nullptr && !query.legal.empty()) {
    const std::size_t hidden = policy_->hidden();
    encode(facts, std::span<float, kFacts>(encoded));
    common.resize(hidden);
    policy_->first_part(encoded, first_state_input, common.data());
    rows.clear();
    for (std::uint32_t action : query.legal) rows.push_back(policy_parts_.data() + action * hidden);
    outputs.resize(rows.size());
    policy_->forward_parts(common.data(), rows, outputs.data());
  }
  // The rules' view and the network's, each of sum 1, mixed by what the network is trusted.
  thread_local std::vector<float> promised;
  promised.resize(query.legal.size());
  float sum = 0;
  float promised_sum = 0;
  for (std::size_t i = 0; i < query.legal.size(); ++i) {
    const std::uint32_t action = query.legal[i];
    const float factor = focus_[action] * valid_alone_[action];
    promised[i] = (std::max(0.0f, gains_[action]) + kLeastGain) * factor;
    result.priors[i] = policy_ != nullptr ? outputs[i] * factor : promised[i];
    sum += result.priors[i];
    promised_sum += promised[i];
  }
  if (policy_ != nullptr && policy_trust_ < 1 && sum > 0 && promised_sum > 0) {
    const float ours = policy_trust_ / sum;
    const float theirs = (1 - policy_trust_) / promised_sum;
    for (std::size_t i = 0; i < result.priors.size(); ++i) {
      result.priors[i] = ours * result.priors[i] + theirs * promised[i];
    }
    sum = 1;
  }
  result.stop_prior = query.legal.empty() ? 1.0f : sum / static_cast<float>(query.legal.size());
}

std::vector<float> Guide::policy_features(const SetQuery& query, std::uint32_t action) const {
  std::vector<float> features(neural::kInputs);
  const std::span<const float> site = embedding(action);
  std::copy(site.begin(), site.end(), features.begin());
  std::copy_n(action_facts_.begin() + static_cast<std::ptrdiff_t>(action * kFacts), kFacts,
              features.begin() + neural::kSiteInputs);
  encode(state_facts(query), std::span<float, kFacts>(features.end() - kFacts, kFacts));
  return features;
}

std::vector<float> Guide::value_features(const SetQuery& query) const {
  std::vector<float> features(neural::kInputs);
  std::vector<float> weights;
  gain_weights(query.chosen, weights);
  for (std::size_t i = 0; i < query.chosen.size(); ++i) {
    neural::add_scaled(embedding(query.chosen[i]).data(), weights[i], neural::kSiteInputs, features.data());
    neural::add_scaled(action_facts_.data() + query.chosen[i] * kFacts, weights[i], kFacts,
                       features.data() + neural::kSiteInputs);
  }
  encode(state_facts({query.chosen, {}}), std::span<float, kFacts>(features.end() - kFacts, kFacts));
  return features;
}

void Guide::observe(const SetOutcome& outcome) {
  for (std::uint32_t action : outcome.actions) {
    if (action >= facts_.size()) {
      throw Error("learn::observe", "action " + std::to_string(action) + " of " + std::to_string(facts_.size()));
    }
  }
  if (outcome.actions.empty()) return;
  failures_.observe(outcome.actions, Check::kBuilds, outcome.built);
  if (outcome.built) failures_.observe(outcome.actions, Check::kPasses, outcome.passed);
  if (outcome.built && outcome.passed) failures_.observe(outcome.actions, Check::kEqual, outcome.equal);
  const bool good = outcome.built && outcome.passed && outcome.equal;
  Known& known = known_[set_key(outcome.actions)];
  known.failed = !good;
  if (good && outcome.measured) {
    baseline_.observe(outcome.actions, outcome.log_speedup, outcome.variance);
    const double precision = 1 / std::max(outcome.variance, 1e-8);
    known.mean = (known.mean * known.precision + outcome.log_speedup * precision) / (known.precision + precision);
    known.precision += precision;
    known.verified = known.verified || outcome.verified;
    best_verified_ = std::max(best_verified_, static_cast<float>(known.mean));
    if (outcome.actions.size() == 1) measured_alone_[outcome.actions[0]] = 1;
  }
  ++verifications_;
  for (std::uint32_t action = 0; action < facts_.size(); ++action) see_learnt(action);
  ++version_;
}

}  // namespace jarvis2::learn
