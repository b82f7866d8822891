#include "hardware/machine.h"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <utility>

#include "base/files.h"
#include "base/hash.h"
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

namespace {

constexpr int kStoredFormat = 1;

Machine detect_or_recall() {
  const std::string fingerprint = machine_fingerprint();
  if (fingerprint.empty()) return detect_machine();
  const std::string key = sha256_hex(fingerprint);
  try {
    const std::filesystem::path file = user_cache_dir() / "machine.json";
    if (std::filesystem::exists(file)) {
      const Json stored = Json::parse(read_file(file), nullptr, false);
      if (stored.is_object() && stored.value("format", 0) == kStoredFormat && stored.value("key", "") == key) {
        Machine machine = machine_of_json(stored.at("machine"));
        refresh_limits(machine);
        return machine;
      }
    }
    const Machine machine = detect_machine();
    write_file_atomic(file, Json{{"format", kStoredFormat}, {"key", key}, {"machine", to_json(machine)}}.dump());
    return machine;
  } catch (const std::exception&) {
    return detect_machine();  // a cache that can't be read or written is none
  }
}

Json caches_json(const std::vector<Cache>& caches) {
  Json json = Json::array();
  for (const Cache& cache : caches) {
    json.push_back(
        {{"level", cache.level}, {"kind", cache.kind}, {"bytes", cache.bytes}, {"shared_by", cache.shared_by}});
  }
  return json;
}

}  // namespace

const Machine& this_machine() {
  static const Machine machine = detect_or_recall();
  return machine;
}

Json to_json(const Machine& machine) {
  Json tiers = Json::array();
  for (const Tier& tier : machine.tiers) {
    tiers.push_back({{"name", tier.name},
                     {"kind", tier.kind},
                     {"cores", tier.cores},
                     {"cpus", tier.cpus.size()},
                     {"cpu_ids", tier.cpus},
                     {"caches", caches_json(tier.caches)}});
  }
  Json gpus = Json::array();
  for (const Gpu& gpu : machine.gpus) {
    gpus.push_back({{"name", gpu.name},
                    {"backend", gpu.backend},
                    {"cores", gpu.cores},
                    {"memory_bytes", gpu.memory_bytes},
                    {"unified", gpu.unified}});
  }
  Json numa = Json::array();
  for (const NumaNode& node : machine.numa) {
    numa.push_back({{"id", node.id}, {"cpu_ids", node.cpus}, {"memory_bytes", node.memory_bytes}});
  }
  Json json = {{"cpu",
                {{"name", machine.cpu_name},
                 {"tiers", tiers},
                 {"performance_cores", performance_cores(machine)},
                 {"efficiency_cores", efficiency_cores(machine)},
                 {"logical", logical_cpus(machine)},
                 {"packages", machine.packages},
                 {"numa", numa},
                 {"affinity", machine.affinity},
                 {"quota", machine.cpu_quota ? Json(*machine.cpu_quota) : Json(nullptr)}}},
               {"gpus", gpus},
               {"memory",
                {{"total_bytes", machine.memory_total_bytes},
                 {"limit_bytes", machine.memory_limit_bytes},
                 {"unified", machine.unified},
                 {"budget_bytes", memory_budget_bytes(machine)}}}};
  if (!machine.sources.empty()) json["sources"] = machine.sources;
  return json;
}

Machine machine_of_json(const Json& json) {
  Machine machine;
  const Json& cpu = json.at("cpu");
  machine.cpu_name = cpu.at("name");
  for (const Json& item : cpu.at("tiers")) {
    Tier tier{item.at("name"), item.at("kind"), item.at("cores"), item.at("cpu_ids").get<std::vector<int>>(), {}};
    for (const Json& cache : item.at("caches")) {
      tier.caches.push_back({cache.at("level"), cache.at("kind"), cache.at("bytes"), cache.at("shared_by")});
    }
    machine.tiers.push_back(std::move(tier));
  }
  machine.packages = cpu.at("packages");
  for (const Json& item : cpu.at("numa")) {
    machine.numa.push_back({item.at("id"), item.at("cpu_ids").get<std::vector<int>>(), item.at("memory_bytes")});
  }
  machine.affinity = cpu.at("affinity").get<std::vector<int>>();
  if (!cpu.at("quota").is_null()) machine.cpu_quota = cpu.at("quota").get<double>();
  for (const Json& item : json.at("gpus")) {
    machine.gpus.push_back(
        {item.at("name"), item.at("backend"), item.at("cores"), item.at("memory_bytes"), item.at("unified")});
  }
  const Json& memory = json.at("memory");
  machine.memory_total_bytes = memory.at("total_bytes");
  machine.memory_limit_bytes = memory.at("limit_bytes");
  machine.unified = memory.at("unified");
  return machine;
}

}  // namespace jarvis2::hardware
