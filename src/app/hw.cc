// jarvis2 hw: what this machine is, or a recorded one was.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "app/app.h"
#include "base/error.h"
#include "base/json.h"
#include "hardware/machine.h"
#include "hardware/workers.h"
#include "memory/zones.h"

namespace jarvis2::app {
namespace {

using hardware::Machine;

std::string gib(std::uint64_t bytes) {
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1024.0 * 1024.0 * 1024.0));
}

std::string count(std::size_t number, const std::string& what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

// 0-3, 8
std::string ranges(const std::vector<int>& cpus) {
  std::string text;
  for (std::size_t i = 0; i < cpus.size();) {
    std::size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    text += (text.empty() ? "" : ", ") + std::to_string(cpus[i]);
    if (last > i) text += "-" + std::to_string(cpus[last]);
    i = last + 1;
  }
  return text;
}

Json machine_json(const Machine& machine) {
  Json json = hardware::to_json(machine);
  const std::array<std::uint64_t, memory::kZoneCount> sizes = memory::zone_sizes(machine.memory_limit_bytes);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    json["zones"][std::string(memory::zone_name(static_cast<memory::ZoneId>(i)))] = sizes[i];
  }
  const hardware::Workers workers = hardware::workers(machine);
  json["workers"] = {{"neural", workers.neural}, {"search", workers.search}, {"io", workers.io}};
  return json;
}

void print_text(const Machine& machine) {
  fmt::print("CPU      {}\n", machine.cpu_name.empty() ? "unknown model" : machine.cpu_name);
  for (const hardware::Tier& tier : machine.tiers) {
    const std::string name = tier.name == tier.kind ? tier.name : fmt::format("{} ({})", tier.name, tier.kind);
    fmt::print("         {}: {}, {} ({})\n", name, count(static_cast<std::size_t>(tier.cores), "core"),
               count(tier.cpus.size(), "logical CPU"), ranges(tier.cpus));
  }
  if (machine.numa.size() > 1) {
    fmt::print("         {} and {}\n", count(static_cast<std::size_t>(machine.packages), "package"),
               count(machine.numa.size(), "NUMA node"));
  }
  if (!machine.affinity.empty()) fmt::print("         may run on CPUs {}\n", ranges(machine.affinity));
  if (machine.cpu_quota) fmt::print("         quota: the time of {:.4g} CPUs\n", *machine.cpu_quota);
  if (machine.gpus.empty()) fmt::print("GPU      none\n");
  for (const hardware::Gpu& gpu : machine.gpus) {
    fmt::print("GPU      {} ({}): {}, {}{}\n", gpu.name, gpu.backend,
               gpu.cores > 0 ? count(static_cast<std::size_t>(gpu.cores), "core") : "cores unknown",
               gib(gpu.memory_bytes), gpu.unified ? ", unified" : "");
  }
  fmt::print("Memory   {} total, {} limit, {} budget{}\n", gib(machine.memory_total_bytes),
             gib(machine.memory_limit_bytes), gib(hardware::memory_budget_bytes(machine)),
             machine.unified ? ", unified" : "");
  const std::array<std::uint64_t, memory::kZoneCount> sizes = memory::zone_sizes(machine.memory_limit_bytes);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    fmt::print("{}{:13} {}\n", i == 0 ? "Zones    " : "         ", memory::zone_name(static_cast<memory::ZoneId>(i)),
               gib(sizes[i]));
  }
  const hardware::Workers workers = hardware::workers(machine);
  fmt::print("Workers  neural {}, search {}, I/O {}\n", workers.neural, workers.search, workers.io);
}

}  // namespace

Command add_hw(CLI::App& root, Common& common) {
  CLI::App* app = root.add_subcommand("hw", "Show the machine: processors, GPUs, memory, zones, workers");
  const std::shared_ptr<std::string> topology = std::make_shared<std::string>();
  app->add_option("--topology", *topology,
                  "A recorded machine: a hwloc XML file (`lstopo FILE.xml`), or a folder of recordings (sysctl, ioreg, "
                  "lscpu, cgroup files ...)");
  return {app, [app, topology, &common] {
            const Machine machine =
                app->count("--topology") > 0 ? hardware::machine_from_recording(*topology) : hardware::this_machine();
            if (common.json) {
              fmt::print("{}\n", machine_json(machine).dump(2));
            } else {
              print_text(machine);
            }
            return kDone;
          }};
}

}  // namespace jarvis2::app
