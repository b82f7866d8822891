#include "meta/conditions.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/process.h"
#include "hardware/machine.h"

namespace jarvis2::meta {

std::string pause_reason(const Conditions& conditions, const Limits& limits) {
  if (conditions.on_battery && !limits.battery) return "on battery";
  if (!conditions.build.empty()) return "the user builds (" + conditions.build + ")";
  if (conditions.memory_pressure > limits.memory_pressure) {
    return fmt::format("memory is short (pressure {:.0f} %)", 100 * conditions.memory_pressure);
  }
  if (conditions.others_load > limits.load) {
    return fmt::format("the machine is busy ({:.0f} %)", 100 * conditions.others_load);
  }
  return {};
}

bool is_build_tool(const std::string& name) {
  constexpr std::string_view kTools[] = {
      "cc1",      "cc1plus", "gcc",   "g++",   "clang", "clang++", "cc",    "c++",        "rustc",   "cargo",
      "javac",    "gradle",  "ninja", "make",  "gmake", "cmake",   "ld",    "ld.lld",     "mold",    "lld",
      "collect2", "as",      "tsc",   "meson", "bazel", "swiftc",  "ctest", "xcodebuild", "compile", "link"};
  std::string_view plain = name;
  // gcc-12, clang++-17
  const std::size_t dash = plain.rfind('-');
  if (dash != std::string_view::npos && plain.find_first_not_of("0123456789.", dash + 1) == std::string_view::npos) {
    plain = plain.substr(0, dash);
  }
  return std::find(std::begin(kTools), std::end(kTools), plain) != std::end(kTools);
}

ConditionSampler::ConditionSampler(const fs::path& root)
    : root_(fs::canonical(root)), sampler_(hardware::this_machine()), at_ns_(monotonic_ns()) {
  own_cpu_s_ = own_tree_cpu_s().value_or(0);
}

Conditions ConditionSampler::sample() {
  Conditions conditions;
  conditions.on_battery = on_battery();
  conditions.build = build_in(root_);
  const hardware::Sample sample = sampler_.sample();
  conditions.memory_pressure = sample.memory.pressure;
  const std::uint64_t now = monotonic_ns();
  const double elapsed_s = std::max(1e-3, static_cast<double>(now - at_ns_) * 1e-9);
  const std::optional<double> own = own_tree_cpu_s();
  const double cpus = std::max<double>(1, static_cast<double>(sample.cpus.size()));
  double ours = 0;
  if (own) {
    ours = std::max(0.0, *own - own_cpu_s_) / elapsed_s / cpus;
    own_cpu_s_ = *own;
  }
  at_ns_ = now;
  conditions.others_load = std::clamp(sample.utilization - ours, 0.0, 1.0);
  return conditions;
}

}  // namespace jarvis2::meta
