#include "memory/droppables.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "base/error.h"
#include "memory/zones.h"

namespace jarvis2::memory {
namespace {

TEST(Droppables, LeastRecentlyUsedFirstAndOnlyAsManyAsNeeded) {
  Droppables droppables;
  std::string order;
  const Droppables::Id a = droppables.add(10, [&] { order += 'a'; });
  droppables.add(10, [&] { order += 'b'; });
  const Droppables::Id c = droppables.add(10, [&] { order += 'c'; });
  droppables.add(10, [&] { order += 'd'; });
  droppables.touch(a);
  EXPECT_TRUE(droppables.remove(c));
  EXPECT_EQ(droppables.drop(15), 20U);
  EXPECT_EQ(order, "bd");
  EXPECT_EQ(droppables.bytes(), 10U);
  EXPECT_EQ(droppables.drop(100), 10U);
  EXPECT_EQ(order, "bda");
  EXPECT_FALSE(droppables.remove(a));
  EXPECT_EQ(droppables.dropped(), 3U);
}

TEST(Droppables, ZonesMakeRoomBeforeTheyRefuse) {
  Zone zone("code_cache", 1000);
  void* cached = zone.allocate(600);
  zone.droppables().add(600, [&] {
    zone.deallocate(cached, 600);
    cached = nullptr;
  });
  void* const wanted = zone.allocate(700);
  EXPECT_EQ(cached, nullptr);
  EXPECT_EQ(zone.used_bytes(), 700U);
  EXPECT_THROW(static_cast<void>(zone.allocate(400)), ZoneFull);
  EXPECT_EQ(zone.refusals(), 1U);
  EXPECT_LE(zone.peak_bytes(), 1000U);
  zone.deallocate(wanted, 700);
}

TEST(Droppables, NothingIsDroppedForWhatNeverFits) {
  Zone zone("code_cache", 1000);
  bool dropped = false;
  const Droppables::Id id = zone.droppables().add(10, [&] { dropped = true; });
  EXPECT_THROW(zone.charge(2000), ZoneFull);
  EXPECT_FALSE(dropped);
  EXPECT_TRUE(zone.droppables().remove(id));
}

TEST(Droppables, ACallbackMayUseTheZone) {
  Zone zone("code_cache", 1000);
  zone.charge(900);
  zone.droppables().add(900, [&] {
    zone.refund(900);
    zone.charge(100);  // what is left of it
    zone.droppables().add(100, [&] { zone.refund(100); });
  });
  zone.charge(950);
  EXPECT_EQ(zone.used_bytes(), 950U);
  zone.refund(950);
}

// Owners that go away while others need room: each thing is dropped or taken back, never both.
TEST(Droppables, RemovalAndDroppingRace) {
  Zone zone("code_cache", 10'000);
  std::atomic<int> twice{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        try {
          zone.charge(700);
        } catch (const ZoneFull&) {
          continue;
        }
        const std::shared_ptr<std::atomic<int>> freed = std::make_shared<std::atomic<int>>(0);
        const Droppables::Id id = zone.droppables().add(700, [&zone, freed] {
          freed->fetch_add(1);
          zone.refund(700);
        });
        if (i % 3 == 0) zone.droppables().touch(id);
        if (i % 2 == 0 && zone.droppables().remove(id)) {
          freed->fetch_add(1);
          zone.refund(700);
        }
        if (i % 2 == 0 && freed->load() != 1) twice.fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(twice.load(), 0);
  zone.droppables().drop(zone.droppables().bytes());
  EXPECT_EQ(zone.used_bytes(), 0U);
  EXPECT_LE(zone.peak_bytes(), 10'000U);
}

TEST(Zones, PressureIsRelievedInOrder) {
  Zones zones(20'000);
  std::string order;
  const auto fill = [&](Zone& zone, char name) {
    for (int i = 0; i < 10; ++i) {
      const std::uint64_t bytes = zone.limit_bytes() / 10;
      zone.charge(bytes);
      zone.droppables().add(bytes, [&, name, bytes] {
        order += name;
        zone.refund(bytes);
      });
    }
  };
  fill(zones.neural, 'n');
  fill(zones.code_cache, 'c');
  zones.mcts.charge(10);
  EXPECT_EQ(relieve(zones, Pressure::kNone), 0U);
  relieve(zones, Pressure::kWarning);
  EXPECT_EQ(order, "cn");
  EXPECT_EQ(zones.neural.used_bytes(), zones.neural.soft_limit_bytes());
  relieve(zones, Pressure::kCritical);
  EXPECT_EQ(order, "cn" + std::string(9, 'c') + std::string(9, 'n'));
  zones.mcts.refund(10);
}

TEST(Zones, LimitsCanBeSet) {
  Zone zone("neural", 1000);
  EXPECT_EQ(zone.soft_limit_bytes(), 900U);
  zone.charge(800);
  zone.set_limits(100, 500);  // below what is in use: nothing more until it is freed
  EXPECT_THROW(zone.charge(1), ZoneFull);
  zone.refund(800);
  zone.charge(500);
  EXPECT_THROW(zone.set_limits(2, 1), Error);
  zone.refund(500);
}

TEST(PressureGauge, DoesNotFlutter) {
  PressureGauge gauge;
  std::string heard;
  gauge.listen([&](Pressure level) {
    heard += level == Pressure::kNone ? 'n' : level == Pressure::kWarning ? 'w' : 'c';
  });
  for (const double value : {0.5, 0.74, 0.76, 0.7, 0.76, 0.66, 0.91, 0.85, 0.89, 0.81, 0.79, 0.7, 0.64, 0.7})
    gauge.update(value);
  EXPECT_EQ(heard, "wcwn");
  EXPECT_EQ(gauge.level(), Pressure::kNone);
  EXPECT_EQ(gauge.update(1), Pressure::kCritical);
  EXPECT_EQ(gauge.update(0), Pressure::kNone);
}

}  // namespace
}  // namespace jarvis2::memory
