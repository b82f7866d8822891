#include <libproc.h>
#include <mach/mach.h>
#include <sys/resource.h>
#include <sys/sysctl.h>

#include <chrono>
#include <vector>

#include "base/process.h"
#include "verify/measure.h"
#include "verify/system.h"

namespace jarvis2::verify {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

// Threads of the tree below `pid` that run or would like to.
int runnable_threads(int pid, int depth = 0) {
  if (depth > 16) return 0;
  proc_taskinfo info{};
  int count = 0;
  if (::proc_pidinfo(pid, PROC_PIDTASKINFO, 0, &info, sizeof info) == static_cast<int>(sizeof info)) {
    count = info.pti_numrunning;
  }
  std::vector<pid_t> children(256);
  const int bytes = ::proc_listchildpids(pid, children.data(), static_cast<int>(children.size() * sizeof(pid_t)));
  for (int i = 0; i < bytes && i < static_cast<int>(children.size()); ++i) {
    if (children[static_cast<std::size_t>(i)] <= 0) break;
    count += runnable_threads(children[static_cast<std::size_t>(i)], depth + 1);
  }
  return count;
}

}  // namespace

bool can_pin() {
  return false;
}

std::vector<int> usable_cpus() {
  int count = 0;
  std::size_t size = sizeof count;
  if (::sysctlbyname("hw.logicalcpu", &count, &size, nullptr, 0) != 0 || count < 1) count = 1;
  std::vector<int> cpus;
  for (int cpu = 0; cpu < count; ++cpu) cpus.push_back(cpu);
  return cpus;
}

MachineLoad read_machine_load() {
  MachineLoad load;
  load.at_s = static_cast<double>(monotonic_ns()) * 1e-9;
  host_cpu_load_info_data_t info{};
  mach_msg_type_number_t count = HOST_CPU_LOAD_INFO_COUNT;
  if (::host_statistics(::mach_host_self(), HOST_CPU_LOAD_INFO, reinterpret_cast<host_info_t>(&info), &count) ==
      KERN_SUCCESS) {
    load.busy_s = static_cast<double>(info.cpu_ticks[CPU_STATE_USER] + info.cpu_ticks[CPU_STATE_SYSTEM] +
                                      info.cpu_ticks[CPU_STATE_NICE]) /
                  100.0;
  }
  return load;
}

double own_cpu_seconds() {
  double total = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    struct rusage usage {};
    ::getrusage(who, &usage);
    total += seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  return total;
}

ActivitySampler::ActivitySampler(int pid)
    : thread_([this, pid](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          const int runnable = runnable_threads(pid);
          if (stop.stop_requested()) break;
          activity_.samples += 1;
          activity_.waiting += runnable == 0 ? 1 : 0;
          activity_.parallel += runnable >= 2 ? 1 : 0;
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
      }) {}

Activity ActivitySampler::finish() {
  thread_.request_stop();
  thread_.join();
  return activity_;
}

}  // namespace jarvis2::verify
