#include <unistd.h>

#include <charconv>
#include <fstream>
#include <map>
#include <sstream>
#include <vector>

#include "meta/conditions.h"

namespace jarvis2::meta {
namespace {

std::string first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

std::vector<int> processes() {
  std::vector<int> pids;
  std::error_code error;
  for (fs::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    int pid = 0;
    const std::from_chars_result parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec == std::errc() && parsed.ptr == name.data() + name.size()) pids.push_back(pid);
  }
  return pids;
}

}  // namespace

bool on_battery() {
  bool mains = false;
  bool discharging = false;
  std::error_code error;
  for (fs::directory_iterator at("/sys/class/power_supply", error), end; !error && at != end; at.increment(error)) {
    const std::string type = first_line(at->path() / "type");
    if (type == "Mains" || type == "USB") mains = mains || first_line(at->path() / "online") == "1";
    // Batteries of mice and keyboards say so.
    if (type == "Battery" && first_line(at->path() / "scope") != "Device") {
      discharging = discharging || first_line(at->path() / "status") == "Discharging";
    }
  }
  return discharging && !mains;
}

std::string build_in(const fs::path& root) {
  const std::string inside = root.string() + "/";
  for (const int pid : processes()) {
    const fs::path folder = fs::path("/proc") / std::to_string(pid);
    const std::string name = first_line(folder / "comm");
    if (!is_build_tool(name)) continue;
    std::error_code error;
    const std::string at = fs::read_symlink(folder / "cwd", error).string();
    if (!error && (at + "/").starts_with(inside)) return name;
  }
  return {};
}

std::optional<double> own_tree_cpu_s() {
  struct One {
    int parent = 0;
    double seconds = 0;
  };
  std::map<int, One> all;
  const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  for (const int pid : processes()) {
    const std::string line = first_line(fs::path("/proc") / std::to_string(pid) / "stat");
    const std::size_t name_end = line.rfind(')');
    if (name_end == std::string::npos) continue;
    std::istringstream fields(line.substr(name_end + 1));
    std::string state;
    One one;
    long long skipped = 0;
    fields >> state >> one.parent;
    for (int i = 0; i < 9; ++i) fields >> skipped;
    double user = 0, system = 0, user_children = 0, system_children = 0;
    fields >> user >> system >> user_children >> system_children;
    one.seconds = (user + system + user_children + system_children) / ticks;
    all[pid] = one;
  }
  const int self = static_cast<int>(::getpid());
  double sum = 0;
  for (const auto& [pid, one] : all) {
    int at = pid;
    for (int depth = 0; depth < 64 && at != self && at > 1; ++depth) {
      const auto up = all.find(at);
      at = up != all.end() ? up->second.parent : 0;
    }
    if (at == self) sum += one.seconds;
  }
  return sum;
}

}  // namespace jarvis2::meta
