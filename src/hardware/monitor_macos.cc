#include <libproc.h>
#include <mach/mach.h>
#include <mach/mach_host.h>
#include <mach/mach_time.h>
#include <mach/processor_info.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <map>

#include "hardware/monitor.h"
#include "hardware/registry_macos.h"

namespace jarvis2::hardware {
namespace {

using Clock = std::chrono::steady_clock;

struct Ticks {
  std::uint64_t busy = 0;
  std::uint64_t all = 0;
};

std::vector<Ticks> read_ticks() {
  std::vector<Ticks> ticks;
  natural_t count = 0;
  processor_info_array_t info = nullptr;
  mach_msg_type_number_t size = 0;
  if (::host_processor_info(::mach_host_self(), PROCESSOR_CPU_LOAD_INFO, &count, &info, &size) != KERN_SUCCESS)
    return ticks;
  for (natural_t i = 0; i < count; ++i) {
    const integer_t* load = info + i * CPU_STATE_MAX;
    Ticks tick;
    for (int state = 0; state < CPU_STATE_MAX; ++state) {
      const std::uint64_t value = static_cast<std::uint32_t>(load[state]);
      tick.all += value;
      if (state != CPU_STATE_IDLE) tick.busy += value;
    }
    ticks.push_back(tick);
  }
  ::vm_deallocate(::mach_task_self(), reinterpret_cast<vm_address_t>(info), size * sizeof(integer_t));
  return ticks;
}

void read_memory(MemoryLoad& memory) {
  vm_statistics64_data_t statistics{};
  mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;
  if (::host_statistics64(::mach_host_self(), HOST_VM_INFO64, reinterpret_cast<host_info64_t>(&statistics), &count) ==
      KERN_SUCCESS) {
    // As Activity Monitor counts: applications' memory, wired and compressed.
    const std::uint64_t page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t anonymous =
        statistics.internal_page_count - std::min(statistics.internal_page_count, statistics.purgeable_count);
    memory.used_bytes = (anonymous + statistics.wire_count + statistics.compressor_page_count) * page;
  }
  struct xsw_usage swap {};
  std::size_t size = sizeof swap;
  if (::sysctlbyname("vm.swapusage", &swap, &size, nullptr, 0) == 0) memory.swap_used_bytes = swap.xsu_used;
  int level = 0;
  size = sizeof level;
  memory.pressure_source = "estimated";
  if (::sysctlbyname("kern.memorystatus_vm_pressure_level", &level, &size, nullptr, 0) == 0) {
    memory.pressure_source = "macos";
    memory.pressure = level >= 4 ? 1.0 : level >= 2 ? 0.5 : 0.0;  // critical, warning, normal
  }
}

}  // namespace

struct Sampler::State {
  Machine machine;
  std::vector<Ticks> ticks;

  std::vector<double> read_busy() {
    std::vector<Ticks> now = read_ticks();
    std::vector<double> busy(now.size(), 0.0);
    for (std::size_t i = 0; i < now.size(); ++i) {
      const Ticks before = i < ticks.size() ? ticks[i] : Ticks();
      const std::uint64_t all = now[i].all - std::min(now[i].all, before.all);
      const std::uint64_t used = now[i].busy - std::min(now[i].busy, before.busy);
      if (all > 0) busy[i] = std::min(1.0, static_cast<double>(used) / static_cast<double>(all));
    }
    ticks = std::move(now);
    return busy;
  }
};

Sampler::Sampler(const Machine& machine, const std::filesystem::path&) : state_(std::make_unique<State>()) {
  state_->machine = machine;
  state_->read_busy();
}

Sampler::~Sampler() = default;

Sample Sampler::sample() {
  Sample sample;
  fill_utilization(state_->machine, state_->read_busy(), sample);
  sample.memory.total_bytes = state_->machine.memory_total_bytes;
  sample.memory.limit_bytes = state_->machine.memory_limit_bytes;
  read_memory(sample.memory);
  for (const Accelerator& accelerator : registry_accelerators()) {
    GpuLoad load;
    load.name = accelerator.name;
    load.backend = "metal";
    load.utilization = accelerator.utilization;
    load.source = accelerator.utilization ? "ioreg" : "n/a";
    load.memory_bytes = accelerator.used_bytes;
    load.memory_total_bytes = state_->machine.gpus.empty() ? 0 : state_->machine.gpus.front().memory_bytes;
    sample.gpus.push_back(load);
  }
  std::array<double, 3> loads{};
  if (::getloadavg(loads.data(), 3) > 0) sample.load_average = loads[0];
  return sample;
}

struct ProcessSampler::State {
  std::map<int, std::uint64_t> ns;
  Clock::time_point last = Clock::now();
};

ProcessSampler::ProcessSampler(const std::filesystem::path&) : state_(std::make_unique<State>()) {
  sample();
}

ProcessSampler::~ProcessSampler() = default;

std::vector<ProcessLoad> ProcessSampler::sample() {
  std::vector<int> pids(static_cast<std::size_t>(std::max(0, ::proc_listallpids(nullptr, 0))) + 64);
  const int count = ::proc_listallpids(pids.data(), static_cast<int>(pids.size() * sizeof(int)));
  pids.resize(static_cast<std::size_t>(std::max(0, count)));
  mach_timebase_info_data_t base{};
  ::mach_timebase_info(&base);
  const Clock::time_point now = Clock::now();
  const double elapsed = std::max(1e-3, std::chrono::duration<double>(now - state_->last).count());
  state_->last = now;
  std::map<int, std::uint64_t> times;
  std::vector<ProcessLoad> loads;
  for (const int pid : pids) {
    proc_taskinfo info{};
    if (::proc_pidinfo(pid, PROC_PIDTASKINFO, 0, &info, sizeof info) != static_cast<int>(sizeof info)) continue;
    const std::uint64_t ns = (info.pti_total_user + info.pti_total_system) * base.numer / std::max(1U, base.denom);
    std::array<char, 256> name{};
    ::proc_name(pid, name.data(), static_cast<std::uint32_t>(name.size()));
    const std::map<int, std::uint64_t>::const_iterator before = state_->ns.find(pid);
    const std::uint64_t spent = before == state_->ns.end() || ns < before->second ? 0 : ns - before->second;
    times[pid] = ns;
    loads.push_back({pid, name.data(), static_cast<double>(spent) / 1e9 / elapsed, info.pti_resident_size});
  }
  state_->ns = std::move(times);
  std::sort(loads.begin(), loads.end(), [](const ProcessLoad& a, const ProcessLoad& b) {
    return a.cpus != b.cpus ? a.cpus > b.cpus : a.memory_bytes > b.memory_bytes;
  });
  return loads;
}

}  // namespace jarvis2::hardware
