#include <sched.h>

#include <algorithm>
#include <fstream>
#include <string>

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

}  // namespace

Machine detect_machine(const std::filesystem::path& root) {
  Machine machine = read_topology();
  machine.affinity = read_affinity();
  machine.memory_total_bytes = read_memory_total(root);
  const Limits limits = read_cgroup_limits(root);
  machine.cpu_quota = limits.cpu_quota;
  machine.memory_limit_bytes =
      std::min(machine.memory_total_bytes, limits.memory_bytes.value_or(machine.memory_total_bytes));
  machine.gpus = nvml_gpus();
  return machine;
}

}  // namespace jarvis2::hardware
