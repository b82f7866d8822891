// What this machine is, or a recorded one was: processors by tier, quotas, memory, GPUs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json_fwd.h"

namespace jarvis2::hardware {

struct Cache {
  int level = 0;
  std::string kind;  // data, instruction, unified
  std::uint64_t bytes = 0;
  int shared_by = 1;  // logical CPUs
};

// Cores of one kind, fastest tier first.
struct Tier {
  std::string name;  // the machine's own, such as "IntelCore" or "icestorm"
  std::string kind;  // performance, efficiency or super
  int cores = 0;
  std::vector<int> cpus;  // logical, by the operating system's numbers
  std::vector<Cache> caches;
};

struct NumaNode {
  int id = 0;
  std::vector<int> cpus;
  std::uint64_t memory_bytes = 0;  // 0: unknown
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
  int packages = 1;
  std::vector<NumaNode> numa;        // at least two, or none
  std::vector<std::string> sources;  // of a recorded machine: the files that told something
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
// What makes a stored detection void when it changes: the boot, CPUs, drivers; empty where nothing is to be stored.
std::string machine_fingerprint();
// Reads affinity and the limits of control groups anew.
void refresh_limits(Machine& machine);
// detect_machine() once a boot, kept in the user's cache; limits and affinity are read once a process. Thread-safe.
const Machine& this_machine();
// A machine recorded by `lstopo FILE.xml`. Throws Error when the file is not that.
Machine machine_from_hwloc_xml(const std::filesystem::path& path);
// The same, or a folder (or one file) of recordings: what sysctl, ioreg, system_profiler, lscpu, nvidia-smi print,
// files of /proc, /sys and control groups; docs/recordings.md. Throws Error when nothing in it is known.
Machine machine_from_recording(const std::filesystem::path& path);

// Keys cpu, gpus and memory of `jarvis2 hw --json`.
Json to_json(const Machine& machine);
// Back from to_json(); throws nlohmann's exceptions when it isn't that.
Machine machine_of_json(const Json& json);

}  // namespace jarvis2::hardware
