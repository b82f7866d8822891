#include "hardware/apple.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "hardware/text.h"

namespace jarvis2::hardware {
namespace {

std::string get(const Sysctl& sysctl, const std::string& key) {
  const Sysctl::const_iterator found = sysctl.find(key);
  return found == sysctl.end() ? std::string() : found->second;
}

std::uint64_t get_number(const Sysctl& sysctl, const std::string& key) {
  return leading_number(get(sysctl, key));
}

std::string kind_of(const std::string& name) {
  const std::string text = lower(name);
  if (text.find("effic") != std::string::npos) return "efficiency";
  return text.find("super") != std::string::npos ? "super" : "performance";
}

// Numbers the CPUs of tiers that have none, in their order.
void number_cpus(std::vector<Tier>& tiers, const std::vector<int>& counts) {
  int next = 0;
  for (std::size_t i = 0; i < tiers.size(); ++i) {
    for (int k = 0; k < counts[i]; ++k) tiers[i].cpus.push_back(next++);
  }
}

void add_cache(Tier& tier, int level, const char* kind, std::uint64_t bytes, int shared_by) {
  if (bytes > 0) tier.caches.push_back({level, kind, bytes, shared_by});
}

// The system numbers its fastest level 0.
std::vector<Tier> tiers_of_levels(const Sysctl& sysctl) {
  std::vector<Tier> tiers;
  std::vector<int> counts;
  for (int level = 0; level < 16; ++level) {
    const std::string prefix = fmt::format("hw.perflevel{}.", level);
    Tier tier;
    tier.name = get(sysctl, prefix + "name");
    const auto count = [&](const std::string& what) {
      const std::uint64_t now = get_number(sysctl, prefix + what);
      return static_cast<int>(now > 0 ? now : get_number(sysctl, prefix + what + "_max"));
    };
    int logical = count("logicalcpu");
    tier.cores = count("physicalcpu");
    if (tier.cores == 0) tier.cores = logical;
    if (logical == 0) logical = tier.cores;
    if (tier.cores == 0) continue;
    const int share = static_cast<int>(get_number(sysctl, prefix + "cpusperl2"));
    add_cache(tier, 1, "data", get_number(sysctl, prefix + "l1dcachesize"), 1);
    add_cache(tier, 1, "instruction", get_number(sysctl, prefix + "l1icachesize"), 1);
    add_cache(tier, 2, "unified", get_number(sysctl, prefix + "l2cachesize"), std::max(1, share));
    tiers.push_back(tier);
    counts.push_back(logical);
  }
  // Older systems number the levels and don't name them.
  for (std::size_t i = 0; i < tiers.size(); ++i) {
    if (tiers[i].name.empty()) tiers[i].name = i > 0 && i + 1 == tiers.size() ? "Efficiency" : "Performance";
    tiers[i].kind = kind_of(tiers[i].name);
  }
  number_cpus(tiers, counts);
  return tiers;
}

// Clusters are P and E, or (M5 Pro and Max) P, which the system calls Super, and M, which it calls Performance.
std::string cluster_name(const std::string& letter, bool medium) {
  if (letter == "E") return "Efficiency";
  return letter == "P" && medium ? "Super" : "Performance";
}

std::vector<Tier> tiers_of_clusters(const Registry& registry) {
  std::map<std::string, std::uint64_t> counts;
  for (const std::pair<const int, std::string>& cpu : registry.clusters) ++counts[cpu.second];
  if (counts.empty()) counts = registry.clusters_of;
  std::vector<Tier> tiers;
  std::vector<int> sizes;
  for (const char* letter : {"P", "M", "E"}) {
    const std::uint64_t count = counts.contains(letter) ? counts.at(letter) : 0;
    if (count == 0) continue;
    Tier tier;
    tier.name = cluster_name(letter, counts.contains("M") && counts.at("M") > 0);
    tier.kind = kind_of(tier.name);
    tier.cores = static_cast<int>(count);
    sizes.push_back(tier.cores);
    tiers.push_back(tier);
  }
  number_cpus(tiers, sizes);
  return tiers;
}

// The registry knows the CPUs' numbers, the efficient ones mostly first; taken over when the counts agree.
void take_cpu_numbers(const Registry& registry, std::vector<Tier>& tiers) {
  const bool medium = std::any_of(registry.clusters.begin(), registry.clusters.end(),
                                  [](const std::pair<const int, std::string>& cpu) { return cpu.second == "M"; });
  std::vector<std::vector<int>> numbers(tiers.size());
  for (const std::pair<const int, std::string>& cpu : registry.clusters) {
    const std::string kind = kind_of(cluster_name(cpu.second, medium));
    for (std::size_t i = 0; i < tiers.size(); ++i) {
      const bool fits = tiers[i].kind == kind || (!medium && kind == "performance" && tiers[i].kind == "super");
      if (fits && numbers[i].size() < tiers[i].cpus.size()) {
        numbers[i].push_back(cpu.first);
        break;
      }
    }
  }
  std::size_t taken = 0;
  for (std::size_t i = 0; i < tiers.size(); ++i) {
    if (numbers[i].size() != tiers[i].cpus.size()) return;
    taken += numbers[i].size();
  }
  if (taken != registry.clusters.size()) return;
  for (std::size_t i = 0; i < tiers.size(); ++i) tiers[i].cpus = numbers[i];
}

std::vector<Tier> read_tiers(const AppleFacts& facts) {
  std::vector<Tier> tiers = tiers_of_levels(facts.sysctl);
  if (tiers.empty()) tiers = tiers_of_clusters(facts.registry);
  if (tiers.empty()) {
    tiers = facts.profile.tiers;
    std::vector<int> counts;
    for (const Tier& tier : tiers) counts.push_back(tier.cores);
    number_cpus(tiers, counts);
  }
  if (!tiers.empty()) {
    take_cpu_numbers(facts.registry, tiers);
    return tiers;
  }
  Tier tier{"performance", "performance", 0, {}, {}};
  int logical = 0;
  for (const char* key :
       {"hw.logicalcpu", "hw.logicalcpu_max", "hw.activecpu", "hw.ncpu", "machdep.cpu.thread_count"}) {
    if (logical == 0) logical = static_cast<int>(get_number(facts.sysctl, key));
  }
  for (const char* key : {"hw.physicalcpu", "hw.physicalcpu_max", "machdep.cpu.core_count"}) {
    if (tier.cores == 0) tier.cores = static_cast<int>(get_number(facts.sysctl, key));
  }
  if (tier.cores == 0) tier.cores = logical > 0 ? logical : facts.profile.cores;
  if (tier.cores == 0) return {};
  tiers.push_back(tier);
  number_cpus(tiers, {std::max(logical, tier.cores)});
  return tiers;
}

}  // namespace

Sysctl parse_sysctl(std::string_view text) {
  Sysctl sysctl;
  if (trim(text).starts_with('{')) {
    const Json json = Json::parse(text, nullptr, false);
    if (json.is_object()) {
      for (const auto& [key, value] : json.items())
        sysctl[key] = value.is_string() ? value.get<std::string>() : value.dump();
      return sysctl;
    }
  }
  for (const std::string& line : lines(text)) {
    const std::optional<std::pair<std::string, std::string>> pair = key_value(line);
    if (pair && pair->first.find(' ') == std::string::npos) sysctl[pair->first] = pair->second;
  }
  return sysctl;
}

bool empty(const AppleFacts& facts) {
  const bool sysctl = std::any_of(facts.sysctl.begin(), facts.sysctl.end(), [](const Sysctl::value_type& entry) {
    return entry.first.starts_with("hw.") || entry.first.starts_with("machdep.cpu.");
  });
  return !sysctl && facts.registry.gpus.empty() && facts.registry.clusters.empty() &&
         facts.registry.clusters_of.empty() && facts.profile.chip.empty() && facts.profile.tiers.empty() &&
         facts.profile.gpus.empty() && facts.profile.memory_bytes == 0;
}

Machine apple_machine(const AppleFacts& facts) {
  Machine machine;
  machine.cpu_name = get(facts.sysctl, "machdep.cpu.brand_string");
  if (machine.cpu_name.empty()) machine.cpu_name = facts.profile.chip;
  if (machine.cpu_name.empty()) {
    for (const Accelerator& gpu : facts.registry.gpus) {
      if (gpu.name.starts_with("Apple ")) machine.cpu_name = gpu.name;
    }
  }
  machine.tiers = read_tiers(facts);
  machine.memory_total_bytes = get_number(facts.sysctl, "hw.memsize");
  if (machine.memory_total_bytes == 0) machine.memory_total_bytes = facts.profile.memory_bytes;
  machine.memory_limit_bytes = machine.memory_total_bytes;
  machine.unified = get_number(facts.sysctl, "hw.optional.arm64") == 1 || machine.cpu_name.starts_with("Apple ");

  std::uint64_t gpu_memory = facts.working_set_bytes;
  if (gpu_memory == 0) gpu_memory = get_number(facts.sysctl, "iogpu.wired_limit_mb") << 20;
  if (gpu_memory == 0) gpu_memory = machine.memory_total_bytes;
  for (const Accelerator& accelerator : facts.registry.gpus) {
    Gpu gpu;
    gpu.name = accelerator.name.empty() ? machine.cpu_name : accelerator.name;
    gpu.backend = "metal";
    gpu.cores = accelerator.cores;
    gpu.unified = machine.unified;
    gpu.memory_bytes = gpu.unified ? gpu_memory : 0;
    machine.gpus.push_back(gpu);
  }
  if (machine.gpus.empty()) {
    for (Gpu gpu : facts.profile.gpus) {
      gpu.unified = gpu.unified || (machine.unified && gpu.name.starts_with("Apple"));
      if (gpu.unified) gpu.memory_bytes = gpu_memory;
      machine.gpus.push_back(gpu);
    }
  }
  // Every M chip has one, whether or not its cores were recorded.
  if (machine.gpus.empty() && machine.cpu_name.starts_with("Apple M")) {
    machine.gpus.push_back({machine.cpu_name, "metal", 0, gpu_memory, true});
  }
  return machine;
}

}  // namespace jarvis2::hardware
