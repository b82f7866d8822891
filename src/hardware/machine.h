// What this machine is, or a recorded one was: processors by tier, quotas, memory, GPUs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json_fwd.h"

namespace jarvis2::hardware {

// Cores of one kind, fastest tier first.
struct Tier {
  std::string name;  // the machine's own, such as "IntelCore" or "icestorm"
  std::string kind;  // performance, efficiency or super
  int cores = 0;
  std::vector<int> cpus;  // logical, by the operating system's numbers
};

struct Gpu {
  std::string name;
  std::string backend;  // metal, cuda, opencl
  int cores = 0;        // Metal: GPU cores; CUDA: multiprocessors; 0: unknown
  std::uint64_t memory_bytes = 0;
  bool unified = false;
};

struct Machine {
  std::string cpu_name;
  std::vector<Tier> tiers;
  std::vector<int> affinity;        // CPUs this process may run on; empty: all
  std::optional<double> cpu_quota;  // CPUs' worth of time; unset: no quota
  std::uint64_t memory_total_bytes = 0;
  std::uint64_t memory_limit_bytes = 0;  // the least of total and every cgroup's limit
  bool unified = false;                  // CPU and GPU share the memory
  std::vector<Gpu> gpus;
};

int performance_cores(const Machine& machine);  // of every tier that is not an efficiency tier
int efficiency_cores(const Machine& machine);
int logical_cpus(const Machine& machine);
// CPUs' worth of time there is for us: the lesser of affinity and quota; above zero, may be a fraction.
double usable_cpus(const Machine& machine);
// 85 % of the limit.
std::uint64_t memory_budget_bytes(const Machine& machine);

// Looks at this machine. `root` stands before /proc and /sys where cgroups and memory are read, so that recorded trees
// can be given. Costs some milliseconds.
Machine detect_machine(const std::filesystem::path& root = "/");
// detect_machine() once a process. Thread-safe.
const Machine& this_machine();
// A machine recorded by `lstopo FILE.xml`. Throws Error when the file is not that.
Machine machine_from_hwloc_xml(const std::filesystem::path& path);

// Keys cpu, gpus and memory of `jarvis2 hw --json`.
Json to_json(const Machine& machine);

}  // namespace jarvis2::hardware
