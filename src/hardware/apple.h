// Macs: what sysctl, IORegistry and system_profiler say, live or recorded.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/machine.h"

namespace jarvis2::hardware {

using Sysctl = std::map<std::string, std::string>;

// A GPU of the IORegistry.
struct Accelerator {
  std::string name;
  int cores = 0;
  std::optional<double> utilization;  // 0..1
  std::optional<std::uint64_t> used_bytes;
};

struct Registry {
  std::vector<Accelerator> gpus;
  std::map<int, std::string> clusters;               // "P", "M" or "E" by logical CPU
  std::map<std::string, std::uint64_t> clusters_of;  // cores by letter, where only their count is told
};

// What system_profiler prints of hardware and displays.
struct Profile {
  std::string chip;
  std::vector<Tier> tiers;  // without CPU numbers
  int cores = 0;
  std::uint64_t memory_bytes = 0;
  std::vector<Gpu> gpus;
};

// `sysctl` output, "key: value" or "key=value" a line, or a JSON object.
Sysctl parse_sysctl(std::string_view text);
// `ioreg -l` in any of its forms: tree, some lines of it, or XML (-a).
Registry parse_ioreg(std::string_view text);
// Of a "PerformanceStatistics" dictionary as ioreg prints it.
void read_performance_statistics(std::string_view text, Accelerator& gpu);
// Text or JSON of SPHardwareDataType and SPDisplaysDataType.
Profile parse_system_profiler(std::string_view text);

struct AppleFacts {
  Sysctl sysctl;
  Registry registry;
  Profile profile;
  std::uint64_t working_set_bytes = 0;  // Metal's recommendedMaxWorkingSetSize; 0: unknown
};

bool empty(const AppleFacts& facts);
// Names, tiers (fastest first, by their own names), memory and GPUs. Pure: runs anywhere.
Machine apple_machine(const AppleFacts& facts);

}  // namespace jarvis2::hardware
