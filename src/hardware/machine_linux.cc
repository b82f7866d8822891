#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>

#include "hardware/limits.h"
#include "hardware/machine.h"
#include "hardware/nvml_linux.h"
#include "hardware/topology.h"

namespace jarvis2::hardware {
namespace {

// Grows the set until the kernel's fits: a fixed one ends at 1024 CPUs.
std::vector<int> read_affinity() {
  std::vector<int> cpus;
  for (int count = CPU_SETSIZE; count <= 1 << 20; count *= 4) {
    cpu_set_t* set = CPU_ALLOC(static_cast<std::size_t>(count));
    if (set == nullptr) return cpus;
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(count));
    CPU_ZERO_S(bytes, set);
    const bool done = ::sched_getaffinity(0, bytes, set) == 0;
    for (int cpu = 0; done && cpu < count; ++cpu) {
      if (CPU_ISSET_S(static_cast<std::size_t>(cpu), bytes, set)) cpus.push_back(cpu);
    }
    CPU_FREE(set);
    if (done) break;
  }
  return cpus;
}

std::string read_text(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void take_limits(const std::filesystem::path& root, Machine& machine) {
  machine.affinity = read_affinity();
  const Limits limits = read_cgroup_limits(root);
  machine.cpu_quota = limits.cpu_quota;
  machine.memory_limit_bytes =
      std::min(machine.memory_total_bytes, limits.memory_bytes.value_or(machine.memory_total_bytes));
}

}  // namespace

Machine detect_machine(const std::filesystem::path& root) {
  Machine machine = read_topology();
  machine.memory_total_bytes = read_memory_total(root);
  take_limits(root, machine);
  machine.gpus = Nvml().gpus();
  return machine;
}

void refresh_limits(Machine& machine) {
  take_limits("/", machine);
}

// The boot, the CPUs that are online and those that hwloc may see, the driver, and what can redirect hwloc.
std::string machine_fingerprint() {
  const std::string boot = read_text("/proc/sys/kernel/random/boot_id");
  if (boot.empty()) return {};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (std::string_view(*variable).starts_with("HWLOC_")) return {};
  }
  std::string text = boot + read_text("/sys/devices/system/cpu/online") + read_text("/proc/driver/nvidia/version");
  const std::string status = read_text("/proc/self/status");
  for (const char* key : {"\nCpus_allowed_list:", "\nMems_allowed_list:"}) {
    const std::size_t at = status.find(key);
    if (at != std::string::npos) text += status.substr(at, status.find('\n', at + 1) - at);
  }
  std::error_code error;
  for (int i = 0; i < 64; ++i) {
    if (std::filesystem::exists("/dev/nvidia" + std::to_string(i), error)) text += " nvidia" + std::to_string(i);
  }
  return text + std::to_string(read_memory_total("/"));
}

}  // namespace jarvis2::hardware
