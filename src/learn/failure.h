// Will a set of actions build, pass the tests and print the same? Learned with blame spread over the set.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace jarvis2::learn {

enum class Check : std::uint8_t { kBuilds, kPasses, kEqual };
inline constexpr std::size_t kChecks = 3;

// Beta posteriors by action that lean on their rule's; a failed set blames its members by their odds, and a set whose
// members are all known to be good is remembered as an incompatible combination.
class FailureModel {
 public:
  // The next action (ids count from 0); `always_safe` rules start with higher odds.
  std::uint32_t add_action(const std::string& rule, bool always_safe);
  std::size_t actions() const { return rule_.size(); }
  // The set passed, or failed, this check (and passed those before it).
  void observe(std::span<const std::uint32_t> set, Check check, bool passed);
  double probability(std::span<const std::uint32_t> set, Check check) const;
  // All three.
  double valid(std::span<const std::uint32_t> set) const;

 private:
  struct Beta {
    double good = 0;
    double bad = 0;
  };
  double single(std::uint32_t action, std::size_t check) const;
  std::vector<std::uint32_t> rule_;
  std::vector<bool> safe_;
  std::vector<std::string> rules_;
  std::vector<std::array<Beta, kChecks>> actions_;
  std::vector<std::array<Beta, kChecks>> by_rule_;
  std::array<std::vector<std::vector<std::uint32_t>>, kChecks> incompatible_;
};

}  // namespace jarvis2::learn
