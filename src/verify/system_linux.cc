#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/process.h"
#include "verify/measure.h"
#include "verify/system.h"

namespace jarvis2::verify {
namespace {

// The first bytes of a file of /proc; empty when it is gone.
std::string_view read_small(const std::string& path, std::vector<char>& buffer) {
  buffer.resize(8192);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  const ssize_t got = ::read(fd, buffer.data(), buffer.size());
  ::close(fd);
  return got > 0 ? std::string_view(buffer.data(), static_cast<std::size_t>(got)) : std::string_view();
}

std::vector<double> numbers(std::string_view text) {
  std::vector<double> result;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    if (*at < '0' || *at > '9') {
      ++at;
      continue;
    }
    double value = 0;
    at = std::from_chars(at, end, value).ptr;
    result.push_back(value);
  }
  return result;
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

// Threads of the tree below `pid` that run or would like to; `spent_s`: the CPU time of each as last seen.
int runnable_threads(int pid, std::vector<char>& buffer, std::map<std::string, double>& spent_s, int depth = 0) {
  if (depth > 16) return 0;
  int count = 0;
  std::error_code error;
  const fs::path tasks = fmt::format("/proc/{}/task", pid);
  for (fs::directory_iterator at(tasks, error), end; !error && at != end; at.increment(error)) {
    const std::string task = at->path().string();
    const std::string_view stat = read_small(task + "/stat", buffer);
    double spent = -1;
    const std::size_t name_end = stat.rfind(')');
    if (name_end != std::string_view::npos && name_end + 2 < stat.size()) {
      if (stat[name_end + 2] == 'R') ++count;
      // From the parent's number on: user and system time are the eleventh and the twelfth.
      const std::vector<double> fields = numbers(stat.substr(name_end + 3));
      if (fields.size() > 11) spent = (fields[10] + fields[11]) / static_cast<double>(::sysconf(_SC_CLK_TCK));
    }
    // To the nanosecond where the kernel tells: work of a few ticks is seen too.
    const std::vector<double> exact = numbers(read_small(task + "/schedstat", buffer));
    if (!exact.empty()) spent = std::max(spent, exact[0] * 1e-9);
    if (spent >= 0) spent_s[task] = spent;
    for (const double child : numbers(read_small(task + "/children", buffer))) {
      count += runnable_threads(static_cast<int>(child), buffer, spent_s, depth + 1);
    }
  }
  return count;
}

}  // namespace

bool can_pin() {
  return true;
}

std::vector<int> usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) cpus.push_back(cpu);
    }
  }
  if (cpus.empty()) cpus.push_back(0);
  return cpus;
}

MachineLoad read_machine_load() {
  MachineLoad load;
  load.at_s = static_cast<double>(monotonic_ns()) * 1e-9;
  std::vector<char> buffer;
  const std::string_view text = read_small("/proc/stat", buffer);
  // cpu user nice system idle iowait irq softirq steal
  const std::vector<double> ticks = numbers(text.substr(0, text.find('\n')));
  const double hertz = static_cast<double>(::sysconf(_SC_CLK_TCK));
  if (ticks.size() >= 8) {
    load.busy_s = (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) / hertz;
    load.stolen_s = ticks[7] / hertz;
  }
  for (const int cpu : usable_cpus()) {
    const std::vector<double> count = numbers(
        read_small(fmt::format("/sys/devices/system/cpu/cpu{}/thermal_throttle/core_throttle_count", cpu), buffer));
    if (!count.empty()) load.throttles += static_cast<std::uint64_t>(count[0]);
  }
  return load;
}

double own_cpu_seconds() {
  double total = 0;
  for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    struct rusage usage {};
    ::getrusage(who, &usage);
    total += seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  return total;
}

ActivitySampler::ActivitySampler(int pid)
    : thread_([this, pid](const std::stop_token& stop) {
        std::vector<char> buffer;
        std::map<std::string, double> spent_s;
        auto pause = std::chrono::microseconds(500);
        while (!stop.stop_requested()) {
          const int runnable = runnable_threads(pid, buffer, spent_s);
          if (stop.stop_requested()) break;
          activity_.samples += 1;
          activity_.waiting += runnable == 0 ? 1 : 0;
          activity_.parallel += runnable >= 2 ? 1 : 0;
          std::this_thread::sleep_for(pause);
          if (activity_.samples == 100) pause = std::chrono::microseconds(4000);
        }
        for (const auto& [task, spent] : spent_s) activity_.seen_cpu_s += spent;
      }) {}

Activity ActivitySampler::finish() {
  thread_.request_stop();
  thread_.join();
  return activity_;
}

}  // namespace jarvis2::verify
