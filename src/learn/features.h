// The 128 facts beside the embedding, as plain numbers, and their encoding for the networks.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "neural/network.h"

namespace jarvis2::learn {

inline constexpr std::size_t kFacts = neural::kFactInputs;

// What is known of an action before it is tried.
struct ActionFacts {
  std::string rule;            // hashed into buckets
  std::uint32_t kind = 0;      // edit::Kind
  std::uint32_t language = 0;  // 0 other, 1 Python, 2 C, 3 C++
  bool always_safe = false;
  bool in_group = false;
  float share = 0;            // of the benchmark's time in the enclosing function
  float line_share = 0;       // on the site's own lines
  float log_prior_ratio = 0;  // ln of what the rule usually gives on the hot code
  float loop_depth = 0;       // loops around the site inside its function
  float site_lines = 0;
  float calls = 0;  // in the site
  float branches = 0;
  float loops = 0;
  float subscripts = 0;
  float attributes = 0;
  float arithmetic = 0;
  float allocations = 0;   // constructors, comprehensions, containers
  float conflicts = 0;     // actions it excludes
  float requirements = 0;  // actions it needs
  float supersedes = 0;
  float replacements = 0;      // edits it makes
  float bytes_delta = 0;       // length after − before
  std::uint64_t function = 0;  // which function (a hash); 0: unknown, told apart by its share
};

// What outcomes have taught of an action; its encoding takes the last places of the action's.
struct LearntFacts {
  float gain = 0;  // of the additive baseline: mean and deviation
  float deviation = 0;
  float surprise = 0;  // mean less what the rule promised
  float valid = 1;     // failure model, the action alone
  float measured = 0;  // 1: it has an outcome of its own
};
inline constexpr std::size_t kLearntFacts = 5;
inline constexpr std::size_t kFirstLearntFact = kFacts - kLearntFacts;

// What is known of a state besides its actions.
struct StateFacts {
  float chosen = 0;     // actions
  float legal = 0;      // actions left
  float conflicts = 0;  // actions excluded by those chosen
  float covered = 0;    // share of the time in functions touched, each once
  float expected = 0;   // additive baseline: mean and deviation
  float deviation = 0;
  float best_left = 0;           // largest expected gain among legal actions
  float sum_left = 0;            // of positive expected gains among legal actions
  float verified = 0;            // chosen actions with a verified outcome of their own
  float valid = 1;               // probability that it builds, passes and prints the same
  float best_verified = 0;       // best log speed-up verified so far, of any state
  float verifications = 0;       // so far
  std::array<float, 5> kinds{};  // chosen actions by kind
  float catalogue = 0;           // actions in all
};

// Amdahl: ln(1 / (1 − share + share/ratio)), with the share of the time the site is in.
float expected_gain(const ActionFacts& facts);
void encode(const ActionFacts& facts, std::span<float, kFacts> out);
void encode(const LearntFacts& facts, std::span<float, kLearntFacts> out);
void encode(const StateFacts& facts, std::span<float, kFacts> out);

}  // namespace jarvis2::learn
