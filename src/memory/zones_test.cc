#include "memory/zones.h"

#include <gtest/gtest.h>

#include <limits>
#include <new>
#include <numeric>
#include <thread>
#include <vector>

#include "base/json.h"

namespace jarvis2::memory {
namespace {

TEST(ZoneSizes, M4ProHasSixAndSoOn) {
  const std::array<std::uint64_t, kZoneCount> sizes = zone_sizes(24'000'000'000);
  EXPECT_EQ(sizes, (std::array<std::uint64_t, kZoneCount>{6'000'000'000, 4'800'000'000, 3'600'000'000, 3'600'000'000,
                                                          6'000'000'000}));
}

TEST(ZoneSizes, AddUpToTheLimit) {
  for (const std::uint64_t limit :
       {std::uint64_t{0}, std::uint64_t{7}, std::uint64_t{1'073'741'823}, std::numeric_limits<std::uint64_t>::max()}) {
    const std::array<std::uint64_t, kZoneCount> sizes = zone_sizes(limit);
    EXPECT_EQ(std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0}), limit);
  }
}

TEST(Zone, HoldsItsLimitToTheByteAndRemembersThePeak) {
  Zone zone("mcts", 1000);
  void* const a = zone.allocate(600);
  void* const b = zone.allocate(400);
  EXPECT_EQ(zone.used_bytes(), 1000U);
  try {
    zone.deallocate(zone.allocate(1), 1);
    ADD_FAILURE() << "one byte too many";
  } catch (const ZoneFull& error) {
    EXPECT_EQ(error.zone(), "mcts");
    EXPECT_EQ(error.requested_bytes(), 1U);
    EXPECT_EQ(error.used_bytes(), 1000U);
    EXPECT_EQ(error.limit_bytes(), 1000U);
    EXPECT_NE(std::string(error.what()).find("zone mcts is full: 1 bytes requested, 1000 of 1000"), std::string::npos);
  }
  zone.deallocate(a, 600);
  EXPECT_EQ(zone.used_bytes(), 400U);
  zone.deallocate(zone.allocate(600), 600);
  zone.deallocate(b, 400);
  EXPECT_EQ(zone.used_bytes(), 0U);
  EXPECT_EQ(zone.peak_bytes(), 1000U);
}

TEST(Zone, HugeRequestsDoNotWrapAround) {
  Zone zone("neural", 1000);
  zone.charge(10);
  EXPECT_THROW(zone.charge(std::numeric_limits<std::uint64_t>::max()), std::bad_alloc);
  EXPECT_EQ(zone.used_bytes(), 10U);
  zone.refund(10);
}

TEST(Zone, GivesBackWhenTheUpstreamFails) {
  Zone zone("mcts", 1000, std::pmr::null_memory_resource());
  EXPECT_THROW(static_cast<void>(zone.allocate(10)), std::bad_alloc);
  EXPECT_EQ(zone.used_bytes(), 0U);
}

TEST(Zone, ServesContainers) {
  Zone zone("code_cache", 1 << 20);
  {
    std::pmr::vector<int> numbers(&zone);
    numbers.resize(1000);
    EXPECT_GE(zone.used_bytes(), 4000U);
    EXPECT_THROW(numbers.resize(1 << 20), ZoneFull);
    EXPECT_EQ(numbers.size(), 1000U);
  }
  EXPECT_EQ(zone.used_bytes(), 0U);
}

TEST(Zone, ThreadsNeverPassTheLimit) {
  constexpr std::uint64_t kLimit = 10'000;
  Zone zone("mcts", kLimit);
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&zone, &refused, t] {
      std::vector<std::pair<void*, std::size_t>> held;
      for (int i = 0; i < 2000; ++i) {
        const std::size_t bytes = static_cast<std::size_t>(1 + (i * 37 + t * 101) % 900);
        try {
          held.emplace_back(zone.allocate(bytes), bytes);
        } catch (const ZoneFull&) {
          refused.fetch_add(1);
          for (const std::pair<void*, std::size_t>& block : held) zone.deallocate(block.first, block.second);
          held.clear();
        }
      }
      for (const std::pair<void*, std::size_t>& block : held) zone.deallocate(block.first, block.second);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(refused.load(), 0);
  EXPECT_EQ(zone.used_bytes(), 0U);
  EXPECT_GT(zone.peak_bytes(), kLimit / 2);
  EXPECT_LE(zone.peak_bytes(), kLimit);
}

TEST(Zones, JsonNamesEveryZone) {
  Zones zones(2000);
  zones.mcts.charge(123);
  const Json json = to_json(zones);
  EXPECT_EQ(json.size(), kZoneCount);
  EXPECT_EQ(json["mcts"],
            (Json{{"limit_bytes", 400}, {"soft_limit_bytes", 360}, {"used_bytes", 123}, {"peak_bytes", 123}}));
  EXPECT_EQ(json["reserve"]["limit_bytes"], 500);
  zones.mcts.refund(123);
}

TEST(Zones, OfTheProcessAreOneAndHaveRoom) {
  EXPECT_EQ(&zones(), &zones());
  EXPECT_GT(zones().mcts.limit_bytes(), 0U);
}

}  // namespace
}  // namespace jarvis2::memory
