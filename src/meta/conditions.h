// Whether the machine may be used and measured on now: not on battery, not while others load it or memory is short, not
// while the user builds.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/files.h"
#include "hardware/monitor.h"

namespace jarvis2::meta {

struct Conditions {
  bool on_battery = false;
  double others_load = 0;      // share of the usable CPUs, 0..1, that others use
  double memory_pressure = 0;  // 0..1
  std::string build;           // a compiler that runs in the repository; empty: none
};

struct Limits {
  double load = 0.4;
  double memory_pressure = 0.1;
  bool battery = false;  // work on battery too
};

// Why one should wait, for people; empty: go on.
std::string pause_reason(const Conditions& conditions, const Limits& limits);

// Not thread-safe. Each sample covers the time since the one before.
class ConditionSampler {
 public:
  explicit ConditionSampler(const fs::path& root);
  Conditions sample();

 private:
  fs::path root_;
  hardware::Sampler sampler_;
  double own_cpu_s_ = 0;
  std::uint64_t at_ns_ = 0;
};

// Ports.
bool on_battery();
// The name of a compiler or build tool whose current folder is `root` or below; empty: none.
std::string build_in(const fs::path& root);
// CPU time of this process and all it has started, so far; no value: the system doesn't tell.
std::optional<double> own_tree_cpu_s();

// A process of this name builds things.
bool is_build_tool(const std::string& name);

}  // namespace jarvis2::meta
