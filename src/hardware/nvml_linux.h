#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hardware/machine.h"

namespace jarvis2::hardware {

struct NvmlSample {
  std::optional<double> utilization;  // 0..1
  bool estimated = false;             // by the processes' shares, where the device itself doesn't tell
  std::optional<std::uint64_t> used_bytes;
  std::optional<double> temperature_c;
  std::optional<double> power_w;
  std::optional<double> clock_mhz;
  struct Process {
    unsigned pid = 0;
    std::optional<std::uint64_t> memory_bytes;
  };
  std::vector<Process> processes;
};

// NVIDIA's management library, loaded at run time; no devices where there is no driver. Not thread-safe.
class Nvml {
 public:
  explicit Nvml(const char* library = "libnvidia-ml.so.1");
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;
  std::vector<Gpu> gpus() const;
  // In the order of gpus().
  std::vector<NvmlSample> sample();

 private:
  struct Api;
  std::unique_ptr<Api> api_;
};

}  // namespace jarvis2::hardware
