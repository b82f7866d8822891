#include "memory/pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <list>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>

#include "memory/zones.h"

namespace jarvis2::memory {
namespace {

struct Held {
  unsigned char* pointer;
  std::size_t bytes;
  std::size_t alignment;
  unsigned char mark;
};

void check(const Held& held) {
  for (std::size_t i = 0; i < held.bytes; ++i) ASSERT_EQ(held.pointer[i], held.mark);
}

// Blocks never overlap, keep their alignment, and may be freed by other threads.
TEST(Pool, RandomUseByThreads) {
  Zone zone("mcts", 64U << 20);
  {
    Pool pool(&zone, 1U << 16);
    std::mutex mutex;
    std::vector<Held> shared;
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937 random(t);
        std::vector<Held> held;
        for (int i = 0; i < 20'000; ++i) {
          if (random() % 2 == 0 || held.empty()) {
            const std::size_t bytes = 1 + random() % (random() % 10 == 0 ? 3000 : 300);
            const std::size_t alignment = random() % 20 == 0 ? 64 : 16;
            const unsigned char mark = static_cast<unsigned char>(random());
            Held block{static_cast<unsigned char*>(pool.allocate(bytes, alignment)), bytes, alignment, mark};
            ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block.pointer) % alignment, 0U);
            std::memset(block.pointer, mark, bytes);
            held.push_back(block);
          } else {
            std::swap(held[random() % held.size()], held.back());
            Held block = held.back();
            held.pop_back();
            if (random() % 4 == 0) {  // somebody else frees it
              const std::lock_guard lock(mutex);
              shared.push_back(block);
              std::swap(shared[random() % shared.size()], shared.back());
              block = shared.back();
              shared.pop_back();
            }
            check(block);
            pool.deallocate(block.pointer, block.bytes, block.alignment);
          }
        }
        const std::lock_guard lock(mutex);
        shared.insert(shared.end(), held.begin(), held.end());
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const Held& block : shared) {
      check(block);
      pool.deallocate(block.pointer, block.bytes, block.alignment);
    }
    EXPECT_EQ(zone.used_bytes(), pool.slab_bytes());
    // What threads freed serves this one: no new slab for as many blocks again.
    const std::uint64_t before = pool.slab_bytes();
    std::vector<void*> again;
    for (int i = 0; i < 1000; ++i) again.push_back(pool.allocate(64, 16));
    EXPECT_LE(pool.slab_bytes(), before + (1U << 16));
    for (void* pointer : again) pool.deallocate(pointer, 64, 16);
  }
  EXPECT_EQ(zone.used_bytes(), 0U);
}

TEST(Pool, ASuccessorInTheSameSlotSeesNothingOfTheDead) {
  for (int round = 0; round < 3; ++round) {
    std::vector<std::unique_ptr<Pool>> pools;
    for (int i = 0; i < 12; ++i) pools.push_back(std::make_unique<Pool>());  // some without thread caches
    for (const std::unique_ptr<Pool>& pool : pools) {
      std::pmr::list<std::pmr::string> words(pool.get());
      for (int i = 0; i < 500; ++i)
        words.emplace_back("a word that is too long for the small buffer " + std::to_string(i));
      int i = 0;
      for (const std::pmr::string& word : words) EXPECT_TRUE(word.ends_with(" " + std::to_string(i++)));
    }
  }
}

TEST(Pool, AFullZoneIsSaidAndLosesNothing) {
  Zone zone("mcts", 1U << 16);
  Pool pool(&zone, 1U << 14);
  std::vector<void*> held;
  try {
    while (true) held.push_back(pool.allocate(100, 16));
  } catch (const ZoneFull& error) {
    EXPECT_EQ(error.zone(), "mcts");
  }
  EXPECT_GT(held.size(), 400U);
  const std::size_t count = held.size();
  for (void* pointer : held) pool.deallocate(pointer, 100, 16);
  held.clear();
  for (std::size_t i = 0; i < count; ++i) held.push_back(pool.allocate(100, 16));
  for (void* pointer : held) pool.deallocate(pointer, 100, 16);
}

TEST(Arena, KeepsItsMemoryForTheNextRound) {
  Zone zone("code_cache", 1U << 22);
  {
    Arena arena(&zone, 256);
    std::uint64_t held = 0;
    for (int round = 0; round < 5; ++round) {
      std::mt19937 random(3);
      std::vector<Held> blocks;
      for (int i = 0; i < 300; ++i) {
        const std::size_t bytes = 1 + random() % 700;
        const std::size_t alignment = std::size_t{1} << random() % 7;
        const unsigned char mark = static_cast<unsigned char>(random());
        blocks.push_back({static_cast<unsigned char*>(arena.allocate(bytes, alignment)), bytes, alignment, mark});
        ASSERT_EQ(reinterpret_cast<std::uintptr_t>(blocks.back().pointer) % alignment, 0U);
        std::memset(blocks.back().pointer, mark, bytes);
      }
      for (const Held& block : blocks) check(block);
      if (round == 0) held = arena.held_bytes();
      EXPECT_EQ(arena.held_bytes(), held);
      arena.reset();
    }
    EXPECT_EQ(zone.used_bytes(), held);
  }
  EXPECT_EQ(zone.used_bytes(), 0U);
}

}  // namespace
}  // namespace jarvis2::memory
