// What guides a search over sets of actions: features, additive baseline, failure model and networks in one place.
// An environment forwards legal sets to evaluate() and outcomes to observe().
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "learn/baseline.h"
#include "learn/failure.h"
#include "learn/features.h"
#include "mcts/environment.h"
#include "neural/networks.h"

namespace jarvis2::learn {

// A set of actions to be judged. Ids are the guide's (the order of add()).
struct SetQuery {
  std::span<const std::uint32_t> chosen;
  std::span<const std::uint32_t> legal;
};

// What came of a set. The first of built, passed and equal that is false is what failed.
struct SetOutcome {
  std::vector<std::uint32_t> actions;
  bool built = false;
  bool passed = false;
  bool equal = false;
  bool measured = false;  // log_speedup and variance hold
  double log_speedup = 0;
  double variance = 0;    // of that measurement
  bool verified = false;  // a full verification: the value becomes exact, as it does below a deviation of 1 %
};

class Guide {
 public:
  // Value given to a set known to fail: nobody stops there.
  static constexpr float kFailed = -1.3862944f;

  explicit Guide(std::shared_ptr<const neural::Networks> networks);

  // The next action (ids count from 0). `embedding`: 384 floats of its site, or empty (zeros). `focus` multiplies its
  // prior. Not while evaluate() runs (Search::pause()).
  std::uint32_t add(const ActionFacts& facts, std::span<const float> embedding, float focus = 1);
  std::size_t size() const { return facts_.size(); }
  // Fills value (baseline mean + trusted share of the residual; exact where verified), deviation, priors over `legal`
  // and stop_prior. Thread-safe beside itself.
  void evaluate(std::span<const SetQuery> queries, std::span<mcts::Evaluation> results) const;
  // Updates baseline, failure model and verified sets; version() changes. Not while evaluate() runs.
  void observe(const SetOutcome& outcome);
  std::uint64_t version() const { return version_; }

  const AdditiveBaseline& baseline() const { return baseline_; }
  const FailureModel& failures() const { return failures_; }
  const ActionFacts& facts(std::uint32_t action) const { return facts_[action]; }
  std::span<const float> embedding(std::uint32_t action) const;
  StateFacts state_facts(const SetQuery& query) const;
  // The 512 features of a network for this action in this state (policy), or for this state (value; `legal` is not
  // looked at).
  std::vector<float> policy_features(const SetQuery& query, std::uint32_t action) const;
  std::vector<float> value_features(const SetQuery& query) const;
  Json info() const;

 private:
  struct Known {
    bool failed = false;
    bool verified = false;
    double mean = 0;  // of all measurements, weighted by precision
    double precision = 0;
  };
  static std::uint64_t set_key(std::span<const std::uint32_t> set);
  void make_parts() const;
  void see_learnt(std::uint32_t action);
  void evaluate_one(const SetQuery& query, mcts::Evaluation& result) const;
  // Shares of the chosen actions in the value network's site and action facts; they sum to 1.
  void gain_weights(std::span<const std::uint32_t> chosen, std::vector<float>& weights) const;

  std::shared_ptr<const neural::Networks> networks_;
  AdditiveBaseline baseline_;
  FailureModel failures_;
  std::vector<ActionFacts> facts_;
  std::vector<float> gains_;        // baseline means, as of the last observation
  std::vector<float> valid_alone_;  // failure model, likewise
  std::vector<float> focus_;
  std::vector<float> embeddings_;    // 384 an action
  std::vector<float> action_facts_;  // 64 an action
  std::vector<std::uint8_t> measured_alone_;
  std::unordered_map<std::uint64_t, Known> known_;
  float best_verified_ = 0;
  std::uint32_t verifications_ = 0;
  std::uint64_t version_ = 1;
  // First-layer sums of site and action facts, made when they are needed. What is known beforehand is summed once an
  // action, what outcomes teach once a version.
  mutable std::mutex parts_mutex_;
  mutable std::atomic<std::uint64_t> parts_version_{0};
  mutable std::size_t fixed_ready_ = 0;  // actions
  mutable const neural::Network* policy_ = nullptr;
  mutable const std::vector<neural::Network>* value_ = nullptr;
  mutable float policy_trust_ = 0;
  mutable float value_trust_ = 0;
  mutable std::vector<float> policy_fixed_;  // hidden() an action
  mutable std::vector<float> policy_parts_;
  mutable std::vector<std::vector<float>> value_fixed_;  // by member
  mutable std::vector<std::vector<float>> value_parts_;
};

}  // namespace jarvis2::learn
