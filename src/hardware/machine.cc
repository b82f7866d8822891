#include "hardware/machine.h"

#include <algorithm>

#include "base/json.h"

namespace jarvis2::hardware {

int performance_cores(const Machine& machine) {
  int cores = 0;
  for (const Tier& tier : machine.tiers) cores += tier.kind == "efficiency" ? 0 : tier.cores;
  return cores;
}

int efficiency_cores(const Machine& machine) {
  int cores = 0;
  for (const Tier& tier : machine.tiers) cores += tier.kind == "efficiency" ? tier.cores : 0;
  return cores;
}

int logical_cpus(const Machine& machine) {
  int cpus = 0;
  for (const Tier& tier : machine.tiers) cpus += static_cast<int>(tier.cpus.size());
  return cpus;
}

double usable_cpus(const Machine& machine) {
  double cpus = std::max(1, logical_cpus(machine));
  if (!machine.affinity.empty()) cpus = std::min(cpus, static_cast<double>(machine.affinity.size()));
  return machine.cpu_quota ? std::min(cpus, *machine.cpu_quota) : cpus;
}

std::uint64_t memory_budget_bytes(const Machine& machine) {
  return machine.memory_limit_bytes / 100 * 85 + machine.memory_limit_bytes % 100 * 85 / 100;
}

const Machine& this_machine() {
  static const Machine machine = detect_machine();
  return machine;
}

Json to_json(const Machine& machine) {
  Json tiers = Json::array();
  for (const Tier& tier : machine.tiers) {
    tiers.push_back({{"name", tier.name},
                     {"kind", tier.kind},
                     {"cores", tier.cores},
                     {"cpus", tier.cpus.size()},
                     {"cpu_ids", tier.cpus}});
  }
  Json gpus = Json::array();
  for (const Gpu& gpu : machine.gpus) {
    gpus.push_back({{"name", gpu.name},
                    {"backend", gpu.backend},
                    {"cores", gpu.cores},
                    {"memory_bytes", gpu.memory_bytes},
                    {"unified", gpu.unified}});
  }
  return {{"cpu",
           {{"name", machine.cpu_name},
            {"tiers", tiers},
            {"performance_cores", performance_cores(machine)},
            {"efficiency_cores", efficiency_cores(machine)},
            {"logical", logical_cpus(machine)},
            {"affinity", machine.affinity},
            {"quota", machine.cpu_quota ? Json(*machine.cpu_quota) : Json(nullptr)}}},
          {"gpus", gpus},
          {"memory",
           {{"total_bytes", machine.memory_total_bytes},
            {"limit_bytes", machine.memory_limit_bytes},
            {"unified", machine.unified},
            {"budget_bytes", memory_budget_bytes(machine)}}}};
}

}  // namespace jarvis2::hardware
