#include "hardware/workers.h"

#include <algorithm>
#include <cmath>

namespace jarvis2::hardware {

Workers workers(const Machine& machine) {
  int gpu_cores = 0;
  for (const Gpu& gpu : machine.gpus) gpu_cores += gpu.cores;
  const int performance = performance_cores(machine);
  const int efficiency = efficiency_cores(machine);
  const int usable = std::max(1, static_cast<int>(std::floor(usable_cpus(machine))));
  Workers result;
  result.neural = std::clamp((gpu_cores > 0 ? gpu_cores : performance) / 4, 1, std::min(usable, 16));
  result.search = std::clamp(performance, 1, std::min(usable, 256));
  result.io = std::clamp(efficiency > 0 ? 2 * efficiency : performance / 2, 2, std::clamp(2 * usable, 2, 32));
  return result;
}

}  // namespace jarvis2::hardware
