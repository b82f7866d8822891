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
  Zone zone("mcts", 512U << 20);
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
            const std::size_t most = random() % 200 == 0 ? 200'000 : random() % 10 == 0 ? 40'000 : 300;
            const std::size_t bytes = 1 + random() % most;
            const std::size_t alignment = bytes > 1024 && random() % 2 == 0 ? 64 : 16;
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
    EXPECT_EQ(zone.used_bytes(), pool.held_bytes());
    pool.trim();
    EXPECT_EQ(zone.used_bytes(), pool.held_bytes());
    // What threads freed serves this one: no new slab for as many blocks again.
    const std::uint64_t before = pool.held_bytes();
    std::vector<void*> again;
    for (int i = 0; i < 1000; ++i) again.push_back(pool.allocate(64, 16));
    EXPECT_LE(pool.held_bytes(), before + (1U << 16));
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

TEST(Pool, LargeBlocksAreKeptAndGivenUpWhenRoomIsWanted) {
  Zone zone("mcts", 10U << 20);
  {
    Pool pool(&zone);
    void* first = pool.allocate(100'000, 64);
    const std::uint64_t held = zone.used_bytes();
    EXPECT_GE(held, 100'000U);
    EXPECT_LE(held, 100'000U * 9 / 8);
    pool.deallocate(first, 100'000, 64);
    void* const again = pool.allocate(99'000, 64);  // the same class: nothing new from the zone
    EXPECT_EQ(again, first);
    EXPECT_EQ(zone.used_bytes(), held);
    EXPECT_EQ(pool.held_bytes(), held);
    pool.deallocate(again, 99'000, 64);
    // More than a thread keeps: the rest waits in common, until something else needs the room.
    std::vector<void*> many;
    for (int i = 0; i < 9; ++i) many.push_back(pool.allocate(1U << 20, 16));
    for (void* block : many) pool.deallocate(block, 1U << 20, 16);
    EXPECT_GT(zone.used_bytes(), 9U << 20);
    void* const wide = pool.allocate(6U << 20, 16);
    EXPECT_LE(zone.peak_bytes(), zone.limit_bytes());
    EXPECT_EQ(zone.used_bytes(), pool.held_bytes());
    EXPECT_THROW(static_cast<void>(pool.allocate(6U << 20, 16)), ZoneFull);
    EXPECT_EQ(zone.used_bytes(), pool.held_bytes());
    pool.deallocate(wide, 6U << 20, 16);
    EXPECT_GE(pool.trim(), 6U << 20);
    EXPECT_EQ(zone.used_bytes(), pool.held_bytes());
  }
  EXPECT_EQ(zone.used_bytes(), 0U);
}

// Every request is served as long as upstream serves the n-th; when it doesn't, all is as before.
TEST(Pool, TheNthRefusalLosesNothing) {
  class Failing final : public std::pmr::memory_resource {
   public:
    int left = 0;
    std::size_t out = 0;

   private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
      if (left-- == 0) throw std::bad_alloc();
      out += bytes;
      return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    }
    void do_deallocate(void* pointer, std::size_t bytes, std::size_t alignment) override {
      out -= bytes;
      std::pmr::new_delete_resource()->deallocate(pointer, bytes, alignment);
    }
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
  };
  Failing upstream;
  for (int n = 0; n < 40; ++n) {
    upstream.left = n;
    {
      Pool pool(&upstream, 1U << 14, 1U << 20);
      std::vector<std::pair<void*, std::size_t>> held;
      std::mt19937 random(static_cast<unsigned>(n));
      for (int i = 0; i < 400; ++i) {
        const std::size_t bytes = 1 + random() % (random() % 3 == 0 ? 300'000 : 2000);
        try {
          held.emplace_back(pool.allocate(bytes, 16), bytes);
          std::memset(held.back().first, i, bytes);
        } catch (const std::bad_alloc&) {
          upstream.left = n;
        }
        if (random() % 2 == 0 && !held.empty()) {
          pool.deallocate(held.back().first, held.back().second, 16);
          held.pop_back();
        }
        ASSERT_GE(upstream.out, pool.held_bytes());
      }
      for (const std::pair<void*, std::size_t>& block : held) pool.deallocate(block.first, block.second, 16);
      EXPECT_EQ(upstream.out, pool.held_bytes());
    }
    EXPECT_EQ(upstream.out, 0U);
  }
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
