// What the machine is doing: utilisation, memory and its pressure, GPUs, each figure with its source.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "hardware/machine.h"

namespace jarvis2::hardware {

struct TierLoad {
  std::string name;
  std::string kind;
  double utilization = 0;  // 0..1, the mean of its CPUs
  std::optional<double> frequency_mhz;
};

struct GpuProcess {
  int pid = 0;
  std::string name;
  std::optional<std::uint64_t> memory_bytes;
};

struct GpuLoad {
  std::string name;
  std::string backend;
  std::optional<double> utilization;          // 0..1
  std::string source = "n/a";                 // nvml, ioreg, sysfs, estimated (from the processes that hold it), n/a
  std::optional<std::uint64_t> memory_bytes;  // in use
  std::uint64_t memory_total_bytes = 0;
  std::optional<double> temperature_c;
  std::optional<double> power_w;
  std::vector<GpuProcess> processes;
};

struct MemoryLoad {
  std::uint64_t used_bytes = 0;  // of the control group where it has a limit, else of the machine
  std::uint64_t total_bytes = 0;
  std::uint64_t limit_bytes = 0;
  std::uint64_t swap_used_bytes = 0;
  double pressure = 0;          // 0..1: share of the time in which some task waited for memory
  std::string pressure_source;  // psi, macos, estimated
};

struct Sample {
  double utilization = 0;  // of all CPUs
  std::vector<TierLoad> tiers;
  std::vector<double> cpus;  // by logical CPU, in the tiers' order
  std::optional<double> temperature_c;
  std::string temperature_source = "n/a";
  std::vector<GpuLoad> gpus;
  MemoryLoad memory;
  double load_average = 0;
};

// Reads the system's counters; each sample covers the time since the one before (the first: since the sampler was
// made). Not thread-safe.
class Sampler {
 public:
  // `root` stands before /proc and /sys, so that recorded trees can be given (Linux).
  explicit Sampler(const Machine& machine, const std::filesystem::path& root = "/");
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;
  Sample sample();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct ProcessLoad {
  int pid = 0;
  std::string name;
  double cpus = 0;  // CPUs' worth of time
  std::uint64_t memory_bytes = 0;
};

// Processes by their use of the CPU since the call before. Not thread-safe.
class ProcessSampler {
 public:
  explicit ProcessSampler(const std::filesystem::path& root = "/");
  ~ProcessSampler();
  ProcessSampler(const ProcessSampler&) = delete;
  ProcessSampler& operator=(const ProcessSampler&) = delete;
  std::vector<ProcessLoad> sample();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Tiers' and the whole's utilisation from that of each CPU, by the operating system's numbers. A CPU missing from
// `busy` is left out of the mean.
void fill_utilization(const Machine& machine, const std::vector<double>& busy, Sample& sample);
// `jarvis2 top --once --json`.
Json to_json(const Sample& sample);

}  // namespace jarvis2::hardware
