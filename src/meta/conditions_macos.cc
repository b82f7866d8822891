#include <CoreFoundation/CoreFoundation.h>
#include <IOKit/ps/IOPowerSources.h>
#include <libproc.h>
#include <mach/mach_time.h>
#include <sys/proc_info.h>
#include <unistd.h>

#include <map>
#include <vector>

#include "meta/conditions.h"

namespace jarvis2::meta {
namespace {

std::vector<pid_t> processes() {
  const int bytes = proc_listallpids(nullptr, 0);
  if (bytes <= 0) return {};
  std::vector<pid_t> pids(static_cast<std::size_t>(bytes) + 64);
  const int count = proc_listallpids(pids.data(), static_cast<int>(pids.size() * sizeof(pid_t)));
  pids.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return pids;
}

}  // namespace

bool on_battery() {
  const CFTypeRef information = IOPSCopyPowerSourcesInfo();
  if (information == nullptr) return false;
  const CFStringRef source = IOPSGetProvidingPowerSourceType(information);
  const bool battery = source != nullptr && CFStringCompare(source, CFSTR("Battery Power"), 0) == kCFCompareEqualTo;
  CFRelease(information);
  return battery;
}

std::string build_in(const fs::path& root) {
  const std::string inside = root.string() + "/";
  for (const pid_t pid : processes()) {
    char name[2 * MAXCOMLEN] = {};
    if (proc_name(pid, name, sizeof name) <= 0 || !is_build_tool(name)) continue;
    proc_vnodepathinfo folders{};
    if (proc_pidinfo(pid, PROC_PIDVNODEPATHINFO, 0, &folders, sizeof folders) <= 0) continue;
    if ((std::string(folders.pvi_cdir.vip_path) + "/").starts_with(inside)) return name;
  }
  return {};
}

std::optional<double> own_tree_cpu_s() {
  std::map<pid_t, pid_t> parents;
  const std::vector<pid_t> pids = processes();
  for (const pid_t pid : pids) {
    proc_bsdinfo information{};
    if (proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, &information, sizeof information) <= 0) continue;
    parents[pid] = static_cast<pid_t>(information.pbi_ppid);
  }
  mach_timebase_info_data_t base{};
  mach_timebase_info(&base);
  double sum = 0;
  for (const auto& [pid, parent] : parents) {
    pid_t at = pid;
    for (int depth = 0; depth < 64 && at != ::getpid() && at > 1; ++depth) {
      const std::map<pid_t, pid_t>::const_iterator up = parents.find(at);
      at = up != parents.end() ? up->second : 0;
    }
    rusage_info_v2 usage{};
    if (at != ::getpid() || proc_pid_rusage(pid, RUSAGE_INFO_V2, reinterpret_cast<rusage_info_t*>(&usage)) != 0) {
      continue;
    }
    sum += static_cast<double>(usage.ri_user_time + usage.ri_system_time) * base.numer / base.denom * 1e-9;
  }
  return sum;
}

}  // namespace jarvis2::meta
