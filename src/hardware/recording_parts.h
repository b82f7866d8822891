// The parts that recordings of a Linux machine are put together from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/limits.h"
#include "hardware/machine.h"

namespace jarvis2::hardware {

// One logical CPU, as far as it is known.
struct LogicalCpu {
  int core = -1;
  int package = 0;
  int node = -1;
  std::uint64_t capacity = 0;  // the kernel's, 1024 for the fastest
  std::string type;            // "IntelCore", "IntelAtom", an Arm part
};

// What several files tell of the CPUs; each reader adds what it knows.
struct CpuRecord {
  std::string name;
  std::map<int, LogicalCpu> cpus;
  std::vector<Tier> groups;  // `lscpu`'s blocks, without CPU numbers
  int logical = 0;
  int cores = 0;
  int packages = 0;
  std::map<int, NumaNode> nodes;
};

bool read_lscpu(std::string_view text, CpuRecord& record);    // plain, -e, -p or -J
bool read_cpuinfo(std::string_view text, CpuRecord& record);  // /proc/cpuinfo
bool read_numactl(std::string_view text, CpuRecord& record);  // numactl -H
// A file of /sys by its path, such as "sys/devices/system/cpu/cpu3/topology/core_id".
bool read_sysfs(const std::string& path, std::string_view text, CpuRecord& record);
// Tiers by type or capacity, never by frequency alone; empty when nothing is known.
std::vector<Tier> tiers_of(const CpuRecord& record);
std::vector<NumaNode> numa_of(const CpuRecord& record);

// GPUs out of what nvidia-smi (plain, -L, -q, -x, --query-gpu as CSV), deviceQuery or a JSON or "key: value" recording
// of NVML's answers says; empty when it is none of these.
std::vector<Gpu> read_nvidia(std::string_view text);
// Fills what `with` knows and `gpus` does not.
void merge_gpus(std::vector<Gpu>& gpus, const std::vector<Gpu>& with);

// Files of control groups by their path below the folder, wherever they lie: cpu.max, memory.max, cpu.cfs_quota_us,
// cpu.cfs_period_us, memory.limit_in_bytes, memory.stat. `own` is the text of a recorded /proc/self/cgroup, or empty:
// with it only this group and its ancestors count.
Limits limits_of_files(const std::map<std::string, std::string>& files, const std::string& own);
// The same out of `grep -r . /sys/fs/cgroup`: "path/cpu.max:50000 100000" a line.
Limits limits_of_lines(std::string_view text);
bool is_limit_file(std::string_view path);

}  // namespace jarvis2::hardware
