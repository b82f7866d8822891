// Limits that control groups set, versions 1 and 2, and the size of memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace jarvis2::hardware {

struct Limits {
  std::optional<double> cpu_quota;            // CPUs' worth of time
  std::optional<std::uint64_t> memory_bytes;  // unset: no limit
};

// The least of this process's group and its ancestors, as far up as they are mounted, from ROOT/proc/self/{cgroup,
// mountinfo} and the mounts below ROOT. What can't be read sets no limit.
Limits read_cgroup_limits(const std::filesystem::path& root);
// MemTotal of ROOT/proc/meminfo; 0 when it can't be read.
std::uint64_t read_memory_total(const std::filesystem::path& root);

}  // namespace jarvis2::hardware
