// What measuring asks of the operating system beyond processes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <thread>

namespace jarvis2::verify {

// Whether a process can be tied to a core.
bool can_pin();

// Counters of the whole machine since boot.
struct MachineLoad {
  double busy_s = 0;    // CPU seconds spent by everybody
  double stolen_s = 0;  // CPU seconds a hypervisor gave to others
  std::uint64_t throttles = 0;
  double at_s = 0;
};
MachineLoad read_machine_load();
// CPU seconds of this process and the children it has waited for.
double own_cpu_seconds();

// Looks at the threads of a process and its descendants every millisecond or so, from a thread of its own.
struct Activity {
  std::size_t samples = 0;
  std::size_t waiting = 0;   // no thread was runnable
  std::size_t parallel = 0;  // two or more were
  double seen_cpu_s = 0;     // CPU time of all these threads as last seen; 0 where the system doesn't tell
};
class ActivitySampler {
 public:
  explicit ActivitySampler(int pid);
  Activity finish();  // call once

 private:
  Activity activity_;
  std::jthread thread_;
};

}  // namespace jarvis2::verify
