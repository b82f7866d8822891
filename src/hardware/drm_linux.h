#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "hardware/monitor.h"

namespace jarvis2::hardware {

// GPUs of the kernel's DRM drivers that NVML doesn't know (AMD, Intel, ...): utilisation from sysfs where the driver
// tells, else estimated from the engine times of the processes that hold the device
// (Documentation/gpu/drm-usage-stats.rst).
class DrmSampler {
 public:
  explicit DrmSampler(const std::filesystem::path& root);
  std::vector<GpuLoad> sample(double elapsed_s);

 private:
  struct Card {
    std::filesystem::path device;  // /sys/class/drm/cardN/device
    std::string pci;
    std::string name;
    std::uint64_t total_bytes = 0;
    bool tells = false;
    std::map<std::string, std::uint64_t> engine_ns;  // by client and engine, at the sample before
  };
  void estimate(Card& card, double elapsed_s, GpuLoad& load);

  std::filesystem::path root_;
  std::vector<Card> cards_;
};

}  // namespace jarvis2::hardware
