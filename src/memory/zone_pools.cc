#include "memory/zone_pools.h"

#include <array>
#include <mutex>

namespace jarvis2::memory {

Pool& zone_pool(ZoneId id) {
  static std::array<std::once_flag, kZoneCount> once;
  static std::array<Pool*, kZoneCount> pools{};
  const std::size_t at = static_cast<std::size_t>(id);
  std::call_once(once[at], [&] {
    Zones& all = zones();
    const std::array<Zone*, kZoneCount> by_id = {&all.neural, &all.mcts, &all.code_cache, &all.vector_index,
                                                 &all.reserve};
    pools[at] = new Pool(by_id[at]);
  });
  return *pools[at];
}

}  // namespace jarvis2::memory
