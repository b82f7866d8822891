// A folder of recordings: each file is known by what is in it, and by its name where that is all there is.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <system_error>

#include "base/error.h"
#include "hardware/apple.h"
#include "hardware/recording_parts.h"
#include "hardware/text.h"
#include "hardware/topology.h"

namespace jarvis2::hardware {

namespace fs = std::filesystem;

namespace {

constexpr std::uintmax_t kLargestFile = 256U << 20;  // `ioreg -l` of a big Mac is some megabytes
constexpr std::size_t kMostFiles = 100'000;          // a copy of /sys

struct File {
  std::string path;  // below the folder, with '/'
  std::string text;
};

std::vector<File> read_files(const fs::path& path) {
  std::vector<File> files;
  const auto read = [&](const fs::path& file, const std::string& name) {
    std::error_code error;
    const std::uintmax_t size = fs::file_size(file, error);
    if (error || size > kLargestFile) return;
    std::ifstream stream(file, std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    files.push_back({name, std::move(text)});
  };
  if (fs::is_regular_file(path)) {
    read(path, path.filename().string());
    return files;
  }
  std::error_code error;
  fs::recursive_directory_iterator entry(path, fs::directory_options::skip_permission_denied, error);
  for (const fs::recursive_directory_iterator end; !error && entry != end && files.size() < kMostFiles;
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored)) read(entry->path(), entry->path().lexically_relative(path).generic_string());
  }
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.path < b.path; });
  return files;
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool has_line(std::string_view text, std::string_view start) {
  return text.starts_with(start) || has(text, "\n" + std::string(start));
}

// A Mac's setting in a file of its own name: sysctl/hw.memsize holding 25769803776.
bool is_setting(std::string_view name, std::string_view text) {
  const bool known = name.starts_with("hw.") || name.starts_with("machdep.") || name.starts_with("iogpu.");
  return known && !has(trim(text), "\n") && !has(text, ": ");
}

std::optional<std::vector<int>> affinity_of(std::string_view name, std::string_view text) {
  for (const std::string& line : lines(text)) {
    const std::optional<std::pair<std::string, std::string>> pair = key_value(line, ":");
    if (pair && (pair->first == "Cpus_allowed_list" || pair->first.ends_with("affinity list")))
      return cpu_list(pair->second);
  }
  if (name.starts_with("cpuset.cpus") || name.starts_with("affinity") || name.starts_with("Cpus_allowed_list")) {
    return cpu_list(text);
  }
  return std::nullopt;
}

struct Collector {
  AppleFacts apple;
  CpuRecord cpu;
  std::vector<Gpu> gpus;
  std::optional<Machine> topology;  // hwloc's
  std::uint64_t memory_bytes = 0;
  Limits limits;
  std::optional<std::vector<int>> affinity;
  std::map<std::string, std::string> limit_files;
  std::string own_groups;
  std::vector<std::string> sources;
};

void lessen(Limits& limits, const Limits& with) {
  if (with.cpu_quota && (!limits.cpu_quota || *with.cpu_quota < *limits.cpu_quota)) limits.cpu_quota = with.cpu_quota;
  if (with.memory_bytes && (!limits.memory_bytes || *with.memory_bytes < *limits.memory_bytes)) {
    limits.memory_bytes = with.memory_bytes;
  }
}

void take_memory(std::string_view text, Collector& all) {
  for (const std::string& line : lines(text)) {
    const std::vector<std::string> parts = words(line);
    if (parts.size() >= 2 && parts[0] == "MemTotal:") all.memory_bytes = leading_number(parts[1]) * 1024;
  }
}

template <typename Map>
void add_all(Map& to, const Map& from) {
  for (const auto& entry : from) to.insert(entry);
}

bool take_apple(std::string_view name, std::string_view text, Collector& all) {
  bool known = false;
  if (is_setting(name, text)) {
    const std::string_view key = name.ends_with(".txt") ? name.substr(0, name.size() - 4) : name;
    all.apple.sysctl[std::string(key)] = std::string(trim(text));
    return true;
  }
  if (has(text, "hw.memsize") || has(text, "hw.ncpu") || has(text, "hw.perflevel") || has(text, "hw.physicalcpu") ||
      has(text, "hw.logicalcpu") || has(text, "machdep.cpu.brand_string") || has_line(text, "iogpu.wired_limit_mb")) {
    add_all(all.apple.sysctl, parse_sysctl(text));
    known = true;
  }
  const bool statistics = has(text, "\"PerformanceStatistics\" =");
  if (has(text, "gpu-core-count") || has(text, "cluster-type") || has(text, "-core-count\"") || has(text, "+-o ") ||
      statistics) {
    const Registry registry = parse_ioreg(text);
    if (all.apple.registry.gpus.empty()) all.apple.registry.gpus = registry.gpus;
    add_all(all.apple.registry.clusters, registry.clusters);
    add_all(all.apple.registry.clusters_of, registry.clusters_of);
    known = true;
  }
  if (has(text, "Hardware Overview:") || has(text, "Chipset Model:") || has(text, "Total Number of Cores:") ||
      has(text, "SPHardwareDataType") || has(text, "SPDisplaysDataType")) {
    const Profile profile = parse_system_profiler(text);
    Profile& to = all.apple.profile;
    if (to.chip.empty()) to.chip = profile.chip;
    if (to.tiers.empty()) to.tiers = profile.tiers;
    if (to.cores == 0) to.cores = profile.cores;
    if (to.memory_bytes == 0) to.memory_bytes = profile.memory_bytes;
    if (to.gpus.empty()) to.gpus = profile.gpus;
    known = true;
  }
  for (const std::string_view key : {"recommendedMaxWorkingSetSize", "max_recommended_working_set_size"}) {
    const std::size_t at = text.find(key);
    if (at == std::string_view::npos) continue;
    const std::size_t digit = text.find_first_of("0123456789", at);
    if (digit != std::string_view::npos) all.apple.working_set_bytes = leading_number(text.substr(digit));
    known = true;
  }
  return known;
}

bool take_linux(const File& file, std::string_view name, Collector& all) {
  const std::string_view text = file.text;
  if (is_limit_file(file.path)) {
    all.limit_files[file.path] = file.text;
    return true;
  }
  if (const std::optional<std::vector<int>> affinity = affinity_of(name, text)) {
    all.affinity = affinity;
    return true;
  }
  if (read_sysfs(file.path, text, all.cpu)) return true;
  bool known = false;
  if (has_line(text, "MemTotal:")) {
    take_memory(text, all);
    known = true;
  }
  if (has_line(text, "processor\t") || has_line(text, "processor ")) known |= read_cpuinfo(text, all.cpu);
  if (has(text, "CPU(s):") || has_line(text, "# CPU,") || has(text, "CPU,Core") || has(text, "\"lscpu\"") ||
      has_line(text, "CPU ")) {
    known |= read_lscpu(text, all.cpu);
  }
  if (has_line(text, "node 0 cpus:")) known |= read_numactl(text, all.cpu);
  const Limits limits = limits_of_lines(text);
  if (limits.cpu_quota || limits.memory_bytes) {
    lessen(all.limits, limits);
    known = true;
  }
  // proc/self/cgroup: "0::/a/b" or "4:memory:/a".
  if (has_line(text, "0::/") || has(text, ":cpu,cpuacct:/") || has(text, ":memory:/") || has(text, ":cpu:/")) {
    all.own_groups = file.text;
    known = true;
  }
  return known;
}

bool take_nvidia(std::string_view name, std::string_view text, Collector& all) {
  const bool by_name = has(name, "nvml") || has(name, "nvidia") || has(name, "gpu") || has(name, "cuda");
  const bool by_text = has(text, "NVIDIA") || has(text, "Tesla ") || has(text, "GeForce");
  if (!by_name && !by_text) return false;
  const std::vector<Gpu> gpus = read_nvidia(text);
  merge_gpus(all.gpus, gpus);
  return !gpus.empty();
}

Collector collect(const fs::path& path, const std::vector<File>& files) {
  Collector all;
  for (const File& file : files) {
    const std::string name = fs::path(file.path).filename().string();
    bool known = false;
    if (std::string_view(file.text).substr(0, 4096).find("<topology") != std::string_view::npos && !all.topology) {
      all.topology = read_topology(fs::is_regular_file(path) ? path : path / file.path);
      known = true;
    } else {
      known = take_linux(file, name, all);
      if (!known || !file.path.starts_with("sys/")) {
        known |= take_apple(name, file.text, all);
        known |= take_nvidia(lower(name), file.text, all);
      }
    }
    if (known) all.sources.push_back(file.path);
  }
  if (fs::exists(path / "proc/self/mountinfo")) lessen(all.limits, read_cgroup_limits(path));
  if (!all.limits.cpu_quota && !all.limits.memory_bytes)
    lessen(all.limits, limits_of_files(all.limit_files, all.own_groups));
  return all;
}

// What control groups allow is all that may be known of a container's CPUs.
std::vector<Tier> tiers_by_limits(const Collector& all) {
  const int by_quota = all.limits.cpu_quota ? static_cast<int>(std::ceil(*all.limits.cpu_quota)) : 1;
  Tier tier{"performance", "performance", std::max(1, by_quota), {}, {}};
  if (all.affinity) {
    tier.cpus = *all.affinity;
    tier.cores = static_cast<int>(tier.cpus.size());
  } else {
    for (int cpu = 0; cpu < tier.cores; ++cpu) tier.cpus.push_back(cpu);
  }
  return {tier};
}

Machine assemble(const Collector& all) {
  Machine machine;
  if (all.topology) {
    machine = *all.topology;
  } else if (!empty(all.apple)) {
    machine = apple_machine(all.apple);
  }
  if (machine.tiers.empty()) machine.tiers = tiers_of(all.cpu);
  if (machine.tiers.empty()) machine.tiers = tiers_by_limits(all);
  if (machine.cpu_name.empty()) machine.cpu_name = all.cpu.name;
  if (machine.numa.empty()) machine.numa = numa_of(all.cpu);
  for (const std::pair<const int, LogicalCpu>& cpu : all.cpu.cpus) {
    machine.packages = std::max(machine.packages, cpu.second.package + 1);
  }
  machine.packages = std::max(machine.packages, all.cpu.packages);
  if (all.memory_bytes > 0) machine.memory_total_bytes = all.memory_bytes;
  if (machine.memory_total_bytes == 0) {
    for (const NumaNode& node : machine.numa) machine.memory_total_bytes += node.memory_bytes;
  }
  machine.cpu_quota = all.limits.cpu_quota;
  if (machine.memory_total_bytes == 0) machine.memory_total_bytes = all.limits.memory_bytes.value_or(0);
  machine.memory_limit_bytes =
      std::min(machine.memory_total_bytes, all.limits.memory_bytes.value_or(machine.memory_total_bytes));
  merge_gpus(machine.gpus, all.gpus);
  if (all.affinity && static_cast<int>(all.affinity->size()) < logical_cpus(machine)) machine.affinity = *all.affinity;
  machine.sources = all.sources;
  return machine;
}

}  // namespace

Machine machine_from_recording(const fs::path& path) {
  const auto fail = [&](const std::string& what) {
    throw Error(
        "hardware::machine_from_recording",
        fmt::format("{} {}: give a hwloc XML file or a folder of recordings (sysctl, ioreg, lscpu, cgroup files; "
                    "docs/recordings.md)",
                    path.empty() ? "an empty path" : path.string(), what));
  };
  std::error_code error;
  if (path.empty() || !fs::exists(path, error)) fail(path.empty() ? "is no recording" : "does not exist");
  if (!fs::is_directory(path, error) && !fs::is_regular_file(path, error)) fail("is neither a file nor a folder");
  const std::vector<File> files = read_files(path);
  if (fs::is_regular_file(path, error) && files.empty()) fail("cannot be read");
  const Collector all = collect(path, files);
  if (all.sources.empty()) fail("is not a hwloc XML file, and holds no recording that is known");
  return assemble(all);
}

}  // namespace jarvis2::hardware
