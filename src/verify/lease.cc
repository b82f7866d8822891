// Who measures where: one duet a core, or one wall-clock pair on the machine.
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>

#include "base/error.h"
#include "verify/measure.h"

namespace jarvis2::verify {
namespace {

struct Cores {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::set<int> busy;
  bool machine_busy = false;
  int machine_waiting = 0;
};

Cores& cores() {
  static Cores all;
  return all;
}

}  // namespace

Lease Lease::core(const std::vector<int>& candidates, std::stop_token stop) {
  Cores& all = cores();
  std::unique_lock lock(all.mutex);
  int found = -1;
  const bool granted = all.changed.wait(lock, std::move(stop), [&] {
    if (all.machine_busy || all.machine_waiting > 0) return false;
    for (const int cpu : candidates) {
      if (all.busy.contains(cpu)) continue;
      found = cpu;
      return true;
    }
    return false;
  });
  if (!granted) throw Interrupted();
  all.busy.insert(found);
  return Lease(found);
}

Lease Lease::machine(std::stop_token stop) {
  Cores& all = cores();
  std::unique_lock lock(all.mutex);
  ++all.machine_waiting;
  const bool granted = all.changed.wait(lock, std::move(stop), [&] { return !all.machine_busy && all.busy.empty(); });
  --all.machine_waiting;
  if (!granted) {
    all.changed.notify_all();
    throw Interrupted();
  }
  all.machine_busy = true;
  return Lease(-1);
}

Lease::~Lease() {
  if (!held_) return;
  Cores& all = cores();
  const std::lock_guard lock(all.mutex);
  if (cpu_ >= 0) {
    all.busy.erase(cpu_);
  } else {
    all.machine_busy = false;
  }
  all.changed.notify_all();
}

}  // namespace jarvis2::verify
