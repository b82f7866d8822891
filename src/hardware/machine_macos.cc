#include <fmt/format.h>
#include <sys/sysctl.h>

#include <cstdint>
#include <string>

#include "hardware/apple.h"
#include "hardware/machine.h"
#include "hardware/registry_macos.h"

namespace jarvis2::hardware {
namespace {

// Integers of either size, as text.
void add_number(Sysctl& sysctl, const std::string& name) {
  std::uint64_t value = 0;
  std::size_t size = sizeof value;
  if (::sysctlbyname(name.c_str(), &value, &size, nullptr, 0) == 0) sysctl[name] = std::to_string(value);
}

void add_text(Sysctl& sysctl, const std::string& name) {
  std::size_t size = 0;
  if (::sysctlbyname(name.c_str(), nullptr, &size, nullptr, 0) != 0 || size == 0) return;
  std::string text(size, '\0');
  if (::sysctlbyname(name.c_str(), text.data(), &size, nullptr, 0) == 0) sysctl[name] = text.c_str();
}

Sysctl read_sysctl() {
  Sysctl sysctl;
  add_text(sysctl, "machdep.cpu.brand_string");
  for (const char* name : {"hw.memsize", "hw.optional.arm64", "hw.physicalcpu", "hw.logicalcpu", "hw.ncpu",
                           "hw.nperflevels", "iogpu.wired_limit_mb"}) {
    add_number(sysctl, name);
  }
  for (int level = 0; level < 8; ++level) {
    const std::string prefix = fmt::format("hw.perflevel{}.", level);
    add_text(sysctl, prefix + "name");
    for (const char* name : {"physicalcpu", "logicalcpu", "l1dcachesize", "l1icachesize", "l2cachesize", "cpusperl2"}) {
      add_number(sysctl, prefix + name);
    }
  }
  return sysctl;
}

}  // namespace

Machine detect_machine(const std::filesystem::path&) {
  AppleFacts facts;
  facts.sysctl = read_sysctl();
  facts.registry.gpus = registry_accelerators();
  return apple_machine(facts);
}

std::string machine_fingerprint() {
  Sysctl sysctl;
  add_text(sysctl, "kern.bootsessionuuid");
  add_number(sysctl, "iogpu.wired_limit_mb");
  return sysctl.contains("kern.bootsessionuuid") ? sysctl["kern.bootsessionuuid"] + sysctl["iogpu.wired_limit_mb"] : "";
}

void refresh_limits(Machine&) {}

}  // namespace jarvis2::hardware
