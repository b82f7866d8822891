#include "hardware/limits.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/text.h"

namespace jarvis2::hardware {

namespace fs = std::filesystem;

namespace {

std::vector<std::string> read_lines(const fs::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> read_words(const fs::path& path) {
  std::ifstream file(path);
  std::vector<std::string> words;
  for (std::string word; file >> word;) words.push_back(word);
  return words;
}

// mountinfo writes blanks, tabs, line ends and backslashes as \ooo.
std::string unescape(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int code = 0;
    if (text[i] == '\\' && i + 4 <= text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 4, code, 8).ptr == text.data() + i + 4) {
      result += static_cast<char>(code);
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

struct Mount {
  std::string root;  // the group that is seen at `point`
  std::string point;
  bool version_2 = false;
  std::vector<std::string> controllers;  // of version 1
};

std::vector<Mount> cgroup_mounts(const fs::path& root) {
  std::vector<Mount> mounts;
  for (const std::string& line : read_lines(root / "proc/self/mountinfo")) {
    // id parent device root point options... - type source super-options
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    const std::vector<std::string> left = split(std::string_view(line).substr(0, dash), ' ');
    const std::vector<std::string> right = split(std::string_view(line).substr(dash + 3), ' ');
    if (left.size() < 5 || right.size() < 3 || (right[0] != "cgroup" && right[0] != "cgroup2")) continue;
    mounts.push_back({unescape(left[3]), unescape(left[4]), right[0] == "cgroup2", split(right[2], ',')});
  }
  return mounts;
}

// The folders of `group` and its ancestors under `mount`; the mount point itself is always among them.
std::vector<fs::path> group_folders(const fs::path& root, const Mount& mount, std::string_view group) {
  const fs::path top = root / fs::path(mount.point).relative_path();
  std::vector<fs::path> folders = {top};
  const std::string prefix = mount.root == "/" ? "" : mount.root;
  if (!group.starts_with(prefix) || (group.size() > prefix.size() && group[prefix.size()] != '/')) return folders;
  fs::path folder = top;
  for (const fs::path& part : fs::path(group.substr(prefix.size())).relative_path()) {
    if (part == "..") return {top};  // outside our name space
    if (part.empty()) continue;
    folder /= part;
    folders.push_back(folder);
  }
  return folders;
}

void lessen(std::optional<double>& limit, double value) {
  if (!limit || value < *limit) limit = value;
}

void lessen(std::optional<std::uint64_t>& limit, std::optional<std::uint64_t> value) {
  if (value && (!limit || *value < *limit)) limit = value;
}

void read_cpu(const fs::path& folder, bool version_2, Limits& limits) {
  std::vector<std::string> words;
  if (version_2) {
    words = read_words(folder / "cpu.max");
  } else {
    words = read_words(folder / "cpu.cfs_quota_us");
    for (const std::string& word : read_words(folder / "cpu.cfs_period_us")) words.push_back(word);
  }
  if (words.size() < 2) return;
  const std::optional<std::uint64_t> quota = number(words[0]);
  const std::optional<std::uint64_t> period = number(words[1]);
  if (quota && period && *quota > 0 && *period > 0) {
    lessen(limits.cpu_quota, static_cast<double>(*quota) / static_cast<double>(*period));
  }
}

void read_memory(const fs::path& folder, bool version_2, Limits& limits) {
  if (version_2) {
    const std::vector<std::string> words = read_words(folder / "memory.max");
    if (!words.empty()) lessen(limits.memory_bytes, number(words[0]));
    return;
  }
  const std::vector<std::string> words = read_words(folder / "memory.limit_in_bytes");
  if (!words.empty()) lessen(limits.memory_bytes, number(words[0]));
  // Also counts ancestors that a container does not see.
  for (const std::string& line : read_lines(folder / "memory.stat")) {
    const std::vector<std::string> pair = split(line, ' ');
    if (pair.size() == 2 && pair[0] == "hierarchical_memory_limit") lessen(limits.memory_bytes, number(pair[1]));
  }
}

}  // namespace

Limits read_cgroup_limits(const fs::path& root) {
  Limits limits;
  const std::vector<Mount> mounts = cgroup_mounts(root);
  for (const std::string& line : read_lines(root / "proc/self/cgroup")) {
    // number:controllers:group; version 2 has no controllers. A group's name may hold colons.
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string_view group = std::string_view(line).substr(second + 1);
    const std::vector<std::string> controllers =
        split(std::string_view(line).substr(first + 1, second - first - 1), ',');
    const bool version_2 = controllers.front().empty();
    for (const Mount& mount : mounts) {
      if (mount.version_2 != version_2) continue;
      for (const std::string& controller : controllers) {
        if (!version_2 &&
            std::find(mount.controllers.begin(), mount.controllers.end(), controller) == mount.controllers.end()) {
          continue;
        }
        for (const fs::path& folder : group_folders(root, mount, group)) {
          if (version_2 || controller == "cpu") read_cpu(folder, version_2, limits);
          if (version_2 || controller == "memory") read_memory(folder, version_2, limits);
        }
      }
    }
  }
  // Version 1 says "none" with a number near 2^63.
  if (limits.memory_bytes && *limits.memory_bytes >= std::uint64_t{1} << 60) limits.memory_bytes.reset();
  return limits;
}

std::uint64_t read_memory_total(const fs::path& root) {
  for (const std::string& line : read_lines(root / "proc/meminfo")) {
    std::istringstream words(line);
    std::string key;
    std::uint64_t kib = 0;
    if (words >> key >> kib && key == "MemTotal:") return kib * 1024;
  }
  return 0;
}

}  // namespace jarvis2::hardware
