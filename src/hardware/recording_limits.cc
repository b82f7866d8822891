// Limits of control groups out of loose files.
#include <algorithm>
#include <array>
#include <cctype>

#include "hardware/recording_parts.h"
#include "hardware/text.h"

namespace jarvis2::hardware {
namespace {

constexpr std::array<std::string_view, 6> kFiles = {
    "cpu.max", "memory.max", "cpu.cfs_quota_us", "cpu.cfs_period_us", "memory.limit_in_bytes", "memory.stat"};

// "cgroup/a/cpu.max.txt", "cgroup_cpu.max", "sys-fs-cgroup-cpu.max" are all cpu.max.
std::string_view limit_file(std::string_view path) {
  if (path.ends_with(".txt")) path.remove_suffix(4);
  for (const std::string_view name : kFiles) {
    if (!path.ends_with(name)) continue;
    if (path.size() == name.size() ||
        std::isalnum(static_cast<unsigned char>(path[path.size() - name.size() - 1])) == 0) {
      return name;
    }
  }
  return {};
}

// The group that a file belongs to: what follows the mount, and for version 1 its controllers.
std::string group_of(const std::string& path) {
  std::vector<std::string> parts = split(path, '/');
  parts.pop_back();
  std::size_t first = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] == "cgroup") first = i + 1;
  }
  constexpr std::array<std::string_view, 8> kControllers = {"cpu",         "memory",  "cpu,cpuacct", "cpuacct,cpu",
                                                            "cpu_cpuacct", "unified", "cpuacct",     "cgroup2"};
  if (first < parts.size() && std::find(kControllers.begin(), kControllers.end(), parts[first]) != kControllers.end()) {
    ++first;
  }
  std::string group;
  for (std::size_t i = first; i < parts.size(); ++i) group += "/" + parts[i];
  return group;
}

std::vector<std::string> own_groups(const std::string& own) {
  std::vector<std::string> groups;
  for (const std::string& line : lines(own)) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second != std::string::npos) groups.push_back(line.substr(second + 1));
  }
  return groups;
}

bool is_ancestor(const std::string& group, const std::string& of) {
  return group.empty() || group == of || of.starts_with(group + "/");
}

void lessen_cpu(Limits& limits, std::string_view quota, std::string_view period) {
  const std::optional<std::uint64_t> part = number(quota);
  const std::uint64_t whole = number(period).value_or(100000);
  if (!part || *part == 0 || whole == 0) return;
  const double cpus = static_cast<double>(*part) / static_cast<double>(whole);
  if (!limits.cpu_quota || cpus < *limits.cpu_quota) limits.cpu_quota = cpus;
}

void lessen_memory(Limits& limits, std::string_view text) {
  const std::optional<std::uint64_t> bytes = size_bytes(text);
  // Version 1 says "none" with a number near 2^63.
  if (!bytes || *bytes >= std::uint64_t{1} << 60) return;
  if (!limits.memory_bytes || *bytes < *limits.memory_bytes) limits.memory_bytes = bytes;
}

void read_one(Limits& limits, std::string_view file, std::string_view text, std::string_view period) {
  const std::vector<std::string> values = words(text);
  if (values.empty()) return;
  if (file == "cpu.max") lessen_cpu(limits, values[0], values.size() > 1 ? values[1] : "100000");
  if (file == "cpu.cfs_quota_us") lessen_cpu(limits, values[0], period);
  if (file == "memory.max" || file == "memory.limit_in_bytes") lessen_memory(limits, values[0]);
  for (std::size_t i = 0; file == "memory.stat" && i + 1 < values.size(); ++i) {
    if (values[i] == "hierarchical_memory_limit") lessen_memory(limits, values[i + 1]);
  }
}

}  // namespace

bool is_limit_file(std::string_view path) {
  return !limit_file(path).empty();
}

Limits limits_of_files(const std::map<std::string, std::string>& files, const std::string& own) {
  const std::vector<std::string> groups = own_groups(own);
  const auto ours = [&](const std::string& path) {
    const std::string group = group_of(path);
    return std::any_of(groups.begin(), groups.end(), [&](const std::string& mine) { return is_ancestor(group, mine); });
  };
  // A group's own folder may not be there under its name, as in containers: then all count.
  const bool known =
      std::any_of(files.begin(), files.end(),
                  [&](const std::pair<const std::string, std::string>& file) { return ours(file.first); });
  Limits limits;
  for (const auto& [path, text] : files) {
    if (known && !ours(path)) continue;
    const std::string_view file = limit_file(path);
    std::string period_path = path;
    const std::size_t at = period_path.rfind("quota");
    if (at != std::string::npos) period_path.replace(at, 5, "period");
    const std::map<std::string, std::string>::const_iterator period = files.find(period_path);
    read_one(limits, file, text, period == files.end() ? std::string_view("100000") : trim(period->second));
  }
  return limits;
}

Limits limits_of_lines(std::string_view text) {
  std::map<std::string, std::string> files;
  for (const std::string& line : lines(text)) {
    for (std::size_t at = line.find_first_of(":= \t"); at != std::string::npos;
         at = line.find_first_of(":= \t", at + 1)) {
      const std::string path = std::string(trim(line.substr(0, at)));
      if (!is_limit_file(path)) continue;
      std::string& value = files[path];
      value += (value.empty() ? "" : "\n") + std::string(trim(std::string_view(line).substr(at + 1)));
      while (!value.empty() && (value.front() == ':' || value.front() == '=' || value.front() == ' '))
        value.erase(0, 1);
      break;
    }
  }
  return limits_of_files(files, "");
}

}  // namespace jarvis2::hardware
