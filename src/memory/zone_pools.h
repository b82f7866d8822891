// The process's pools, one over each zone.
#pragma once

#include "memory/pool.h"
#include "memory/zones.h"

namespace jarvis2::memory {

// Made on first use and never destroyed. Thread-safe.
Pool& zone_pool(ZoneId id);

}  // namespace jarvis2::memory
