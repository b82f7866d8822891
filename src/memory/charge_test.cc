#include "memory/charge.h"

#include <gtest/gtest.h>

#include <vector>

#include "memory/zone_pools.h"

namespace jarvis2::memory {
namespace {

TEST(Charge, MovesAndEndsOnce) {
  Zone zone("code_cache", 1000);
  {
    Charge first(zone, 600);
    EXPECT_THROW(Charge(zone, 401), ZoneFull);
    EXPECT_EQ(zone.used_bytes(), 600U);
    std::vector<Charge> held;
    held.push_back(std::move(first));
    held.emplace_back(zone, 100);
    held.erase(held.begin());
    EXPECT_EQ(zone.used_bytes(), 100U);
    held.front() = Charge(zone, 50);
    EXPECT_EQ(zone.used_bytes(), 50U);
  }
  EXPECT_EQ(zone.used_bytes(), 0U);
}

TEST(ZonePools, ArePartOfTheirZone) {
  Pool& pool = zone_pool(ZoneId::kMcts);
  EXPECT_EQ(&pool, &zone_pool(ZoneId::kMcts));
  EXPECT_NE(&pool, &zone_pool(ZoneId::kNeural));
  const std::uint64_t before = zones().mcts.used_bytes();
  void* const block = pool.allocate(3U << 20, 64);
  EXPECT_EQ(zones().mcts.used_bytes(), before + (3U << 20));
  pool.deallocate(block, 3U << 20, 64);
  pool.trim();
  EXPECT_EQ(zones().mcts.used_bytes(), before);
}

}  // namespace
}  // namespace jarvis2::memory
