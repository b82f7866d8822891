// A pool for small blocks that come and go often: size classes, a cache for each thread, no lock on the common path.
// After tcmalloc (Ghemawat and Menage), with pmr's sized frees in place of a page map.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <mutex>
#include <utility>
#include <vector>

namespace jarvis2::memory {

// Thread-safe; blocks may be freed by any thread. Larger blocks go to `upstream`, which may be a Zone; slabs are given
// back to it when the pool dies, which must be after every block's end and every thread's last use. At most 8 pools at
// a time have thread caches; further ones work behind a lock.
class Pool final : public std::pmr::memory_resource {
 public:
  static constexpr std::size_t kLargest = 1024;
  static constexpr std::size_t kStep = 16;
  static constexpr std::size_t kClasses = kLargest / kStep;

  explicit Pool(std::pmr::memory_resource* upstream = std::pmr::new_delete_resource(),
                std::size_t slab_bytes = 1U << 18);
  ~Pool() override;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // allocate() and deallocate() without the virtual call; `bytes` above zero and at most kLargest, aligned to 16.
  void* get(std::size_t bytes) {
    const std::size_t of = (bytes - 1) / kStep;
    if (slot_ < kSlots) {
      Cache& cache = t_caches[slot_];
      List& list = cache.lists[of];
      if (cache.generation == generation_) {
        if (list.first != nullptr) {
          Block* const block = list.first;
          list.first = block->next;
          --list.count;
          return block;
        }
        if (list.fresh != list.fresh_end) {
          std::byte* const block = list.fresh;
          list.fresh += (of + 1) * kStep;
          return block;
        }
      }
    }
    return refill(of);
  }
  void put(void* pointer, std::size_t bytes) noexcept {
    const std::size_t of = (bytes - 1) / kStep;
    Block* const block = static_cast<Block*>(pointer);
    if (slot_ < kSlots) {
      Cache& cache = t_caches[slot_];
      List& list = cache.lists[of];
      if (cache.generation == generation_ && list.count < kBundle) {
        block->next = list.first;
        list.first = block;
        ++list.count;
        return;
      }
    }
    drain(of, block);
  }

  std::uint64_t slab_bytes() const;  // held from upstream for small blocks

 private:
  static constexpr std::size_t kSlots = 8;
  static constexpr std::uint32_t kBundle = 128;  // blocks that move between a thread and the rest at once
  struct Block {
    Block* next;
    Block* next_bundle;  // in the first block of a bundle
  };
  // A thread's blocks of one class: the list in use, a full bundle in reserve, and memory that was never used.
  struct List {
    Block* first = nullptr;
    std::uint32_t count = 0;
    Block* spare = nullptr;
    std::byte* fresh = nullptr;
    std::byte* fresh_end = nullptr;
  };
  struct Cache {
    std::uint64_t generation = 0;
    std::array<List, kClasses> lists;
  };
  struct alignas(64) Central {
    std::mutex mutex;
    Block* bundles = nullptr;
    Block* loose = nullptr;
  };
  struct Caches;  // gives a thread's blocks back at its end

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (bytes - 1 < kLargest && alignment <= kStep) return get(bytes);
    return upstream_->allocate(bytes, alignment);
  }
  void do_deallocate(void* pointer, std::size_t bytes, std::size_t alignment) override {
    if (bytes - 1 < kLargest && alignment <= kStep) return put(pointer, bytes);
    upstream_->deallocate(pointer, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  void* refill(std::size_t of);
  void drain(std::size_t of, Block* block) noexcept;
  void adopt(Cache& cache) noexcept;
  void give_back(std::size_t of, List& list) noexcept;
  std::pair<std::byte*, std::byte*> carve(std::size_t of);

  static thread_local std::array<Cache, kSlots> t_caches;

  std::pmr::memory_resource* upstream_;
  std::size_t slab_size_;
  std::size_t slot_ = kSlots;
  std::uint64_t generation_ = 0;
  std::array<Central, kClasses> central_;
  mutable std::mutex slab_mutex_;
  std::vector<void*> slabs_;
  std::byte* free_ = nullptr;  // the rest of the newest slab
  std::size_t free_bytes_ = 0;
};

// Bump allocation for things that die together: parse buffers, batches. reset() frees all and keeps the memory for the
// next round. Not thread-safe.
class Arena final : public std::pmr::memory_resource {
 public:
  explicit Arena(std::pmr::memory_resource* upstream = std::pmr::new_delete_resource(),
                 std::size_t chunk_bytes = 1U << 16);
  ~Arena() override;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  void reset() noexcept;
  std::uint64_t held_bytes() const { return held_bytes_; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void*, std::size_t, std::size_t) override {}
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
  struct Chunk {
    std::byte* start;
    std::size_t bytes;
  };
  std::pmr::memory_resource* upstream_;
  std::size_t chunk_bytes_;
  std::vector<Chunk> chunks_;
  std::size_t current_ = 0;
  std::size_t used_ = 0;  // of the current chunk
  std::uint64_t held_bytes_ = 0;
};

}  // namespace jarvis2::memory
