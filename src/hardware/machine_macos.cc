#include <CoreFoundation/CoreFoundation.h>
#include <IOKit/IOKitLib.h>
#include <fmt/format.h>
#include <sys/sysctl.h>

#include <cstdint>
#include <string>

#include "hardware/machine.h"

namespace jarvis2::hardware {
namespace {

// Integers of either size; 0 when there is no such name.
std::uint64_t sysctl_number(const std::string& name) {
  std::uint64_t value = 0;
  std::size_t size = sizeof value;
  return ::sysctlbyname(name.c_str(), &value, &size, nullptr, 0) == 0 ? value : 0;
}

std::string sysctl_text(const std::string& name) {
  std::size_t size = 0;
  if (::sysctlbyname(name.c_str(), nullptr, &size, nullptr, 0) != 0 || size == 0) return {};
  std::string text(size, '\0');
  if (::sysctlbyname(name.c_str(), text.data(), &size, nullptr, 0) != 0) return {};
  return text.c_str();
}

// The system numbers its fastest level 0. CPUs are numbered here in that order; nothing can be tied to them anyway.
std::vector<Tier> read_tiers() {
  std::vector<Tier> tiers;
  int next_cpu = 0;
  const std::uint64_t levels = sysctl_number("hw.nperflevels");
  for (std::uint64_t level = 0; level < levels; ++level) {
    const std::string prefix = fmt::format("hw.perflevel{}.", level);
    Tier tier;
    tier.name = sysctl_text(prefix + "name");
    tier.kind = tier.name == "Efficiency" ? "efficiency" : tier.name == "Super" ? "super" : "performance";
    tier.cores = static_cast<int>(sysctl_number(prefix + "physicalcpu"));
    const int cpus = static_cast<int>(sysctl_number(prefix + "logicalcpu"));
    for (int i = 0; i < cpus; ++i) tier.cpus.push_back(next_cpu++);
    tiers.push_back(tier);
  }
  if (tiers.empty()) {
    Tier tier{"performance", "performance", static_cast<int>(sysctl_number("hw.physicalcpu")), {}};
    for (int cpu = 0; cpu < static_cast<int>(sysctl_number("hw.logicalcpu")); ++cpu) tier.cpus.push_back(cpu);
    tiers.push_back(tier);
  }
  return tiers;
}

int gpu_cores() {
  const io_service_t service = ::IOServiceGetMatchingService(MACH_PORT_NULL, ::IOServiceMatching("AGXAccelerator"));
  if (service == IO_OBJECT_NULL) return 0;
  int cores = 0;
  const CFTypeRef value = ::IORegistryEntryCreateCFProperty(service, CFSTR("gpu-core-count"), kCFAllocatorDefault, 0);
  if (value != nullptr) {
    if (::CFGetTypeID(value) == ::CFNumberGetTypeID()) {
      ::CFNumberGetValue(static_cast<CFNumberRef>(value), kCFNumberIntType, &cores);
    }
    ::CFRelease(value);
  }
  ::IOObjectRelease(service);
  return cores;
}

}  // namespace

Machine detect_machine(const std::filesystem::path&) {
  Machine machine;
  machine.cpu_name = sysctl_text("machdep.cpu.brand_string");
  machine.tiers = read_tiers();
  machine.memory_total_bytes = sysctl_number("hw.memsize");
  machine.memory_limit_bytes = machine.memory_total_bytes;
  machine.unified = sysctl_number("hw.optional.arm64") == 1;
  const int cores = gpu_cores();
  if (cores > 0) machine.gpus.push_back({machine.cpu_name, "metal", cores, machine.memory_total_bytes, true});
  return machine;
}

}  // namespace jarvis2::hardware
