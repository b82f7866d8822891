#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "hardware/lanes.h"

namespace jarvis2::hardware {
namespace {

bool belongs(const Tier& tier, Lane lane, bool has_efficient) {
  if (!has_efficient) return true;
  return (tier.kind == "efficiency") == (lane == Lane::kEfficiency);
}

}  // namespace

// CPU lanes on machines with kinds of cores; elsewhere, and for lanes that wait, the kernel knows best.
void enter_lane(Lane lane, const Machine& machine) {
  ::pthread_setname_np(::pthread_self(), ("lane-" + std::string(lane_name(lane)).substr(0, 10)).c_str());
  // Without efficiency cores, what runs in their lane gives way to everything else.
  if (lane == Lane::kEfficiency && efficiency_cores(machine) == 0) {
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 10);
  }
  const bool has_efficient = efficiency_cores(machine) > 0 && performance_cores(machine) > 0;
  if (!has_efficient || (lane != Lane::kPerformance && lane != Lane::kEfficiency)) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const Tier& tier : machine.tiers) {
    if (!belongs(tier, lane, has_efficient)) continue;
    for (const int cpu : tier.cpus) {
      const bool allowed = machine.affinity.empty() ||
                           std::find(machine.affinity.begin(), machine.affinity.end(), cpu) != machine.affinity.end();
      if (allowed && cpu < CPU_SETSIZE) CPU_SET(cpu, &set);
    }
  }
  if (CPU_COUNT(&set) > 0) ::pthread_setaffinity_np(::pthread_self(), sizeof set, &set);
}

}  // namespace jarvis2::hardware
