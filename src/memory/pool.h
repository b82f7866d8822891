// A pool for blocks that come and go often: size classes, a cache for each thread, no lock on the common path.
// After tcmalloc (Ghemawat and Menage), with pmr's sized frees in place of a page map.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace jarvis2::memory {

// Thread-safe; blocks may be freed by any thread. Blocks up to 32 KiB are cut from slabs, larger ones up to 32 MiB come
// from `upstream`, which may be a Zone, rounded up by at most an eighth, and are kept for the next of their class: up
// to 2 MiB in a thread, up to `cache_bytes` in all threads' common store, which is given back before anything fails for
// want of memory. Still larger ones go to `upstream` as they are. Slabs are given back when the pool dies, which must
// be after every block's end and every thread's last use. At most 8 pools at a time have thread caches; further ones
// work behind a lock.
class Pool final : public std::pmr::memory_resource {
 public:
  explicit Pool(std::pmr::memory_resource* upstream = std::pmr::new_delete_resource(),
                std::size_t slab_bytes = 1U << 18, std::size_t cache_bytes = 64U << 20);
  ~Pool() override;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  static constexpr std::size_t kLargest = 32U << 20;

  // allocate() and deallocate() without the virtual call; `bytes` above zero and at most kLargest. Aligned to 16, to 64
  // above kSmallest bytes.
  void* get(std::size_t bytes) {
    const std::size_t of = class_of(bytes);
    if (of >= slab_classes_) return get_large(of);
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
          list.fresh += class_bytes(of);
          return block;
        }
      }
    }
    return refill(of);
  }
  void put(void* pointer, std::size_t bytes) noexcept {
    const std::size_t of = class_of(bytes);
    Block* const block = static_cast<Block*>(pointer);
    if (of >= slab_classes_) return put_large(of, block);
    if (slot_ < kSlots) {
      Cache& cache = t_caches[slot_];
      List& list = cache.lists[of];
      if (cache.generation == generation_ && list.count < kBundles[of]) {
        block->next = list.first;
        list.first = block;
        ++list.count;
        return;
      }
    }
    drain(of, block);
  }

  // Gives the common store of large blocks back to upstream; returns how many bytes that were. For times of pressure.
  std::uint64_t trim() noexcept;
  // Of what is held from upstream: slabs, and blocks above 32 KiB whether in use or kept. Not blocks above kLargest.
  std::uint64_t held_bytes() const;

 private:
  static constexpr std::size_t kStep = 16;
  static constexpr std::size_t kSmallest = 1024;  // up to here a class each 16 bytes, then eight each doubling
  static constexpr std::size_t kSmallClasses = kSmallest / kStep;
  static constexpr std::size_t kSlabClasses = kSmallClasses + 5 * 8;  // to 32 KiB
  static constexpr std::size_t kClasses = kSlabClasses + 10 * 8;      // to 32 MiB
  static constexpr std::size_t kLargeAlignment = 64;
  static constexpr std::size_t kThreadLarge = 2U << 20;
  static constexpr std::size_t kSlots = 8;

  static constexpr std::size_t class_of(std::size_t bytes) {
    const std::size_t last = bytes - 1;
    if (last < kSmallest) return last / kStep;
    const unsigned width = static_cast<unsigned>(std::bit_width(last));  // 11 or more
    return kSmallClasses + (width - 11) * 8 + (last >> (width - 4)) - 8;
  }
  static constexpr std::size_t class_bytes(std::size_t of) {
    if (of < kSmallClasses) return (of + 1) * kStep;
    const std::size_t k = of - kSmallClasses;
    return (9 + k % 8) << (7 + k / 8);
  }
  // Blocks that move between a thread and the rest at once.
  static constexpr std::array<std::uint8_t, kSlabClasses> make_bundles() {
    std::array<std::uint8_t, kSlabClasses> bundles{};
    for (std::size_t of = 0; of < kSlabClasses; ++of) {
      bundles[of] =
          static_cast<std::uint8_t>(of < kSmallClasses ? 128 : std::max<std::size_t>(2, (1U << 16) / class_bytes(of)));
    }
    return bundles;
  }
  static const std::array<std::uint8_t, kSlabClasses> kBundles;

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
    std::array<List, kSlabClasses> lists;
    std::array<Block*, kClasses> large{};  // by class; those that slabs serve stay empty
    std::size_t large_bytes = 0;
  };
  struct alignas(64) Central {
    std::mutex mutex;
    Block* bundles = nullptr;
    Block* loose = nullptr;
  };
  struct Caches;  // gives a thread's blocks back at its end

  static bool serves(std::size_t bytes, std::size_t alignment) {
    return bytes - 1 < kLargest && (alignment <= kStep || (bytes > kSmallest && alignment <= kLargeAlignment));
  }
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (serves(bytes, alignment)) return get(bytes);
    return from_upstream(bytes, alignment);
  }
  void do_deallocate(void* pointer, std::size_t bytes, std::size_t alignment) override {
    if (serves(bytes, alignment)) return put(pointer, bytes);
    upstream_->deallocate(pointer, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  void* refill(std::size_t of);
  void drain(std::size_t of, Block* block) noexcept;
  void adopt(Cache& cache) noexcept;
  void give_back(std::size_t of, List& list) noexcept;
  std::pair<std::byte*, std::byte*> carve(std::size_t of);
  void* get_large(std::size_t of);
  void put_large(std::size_t of, Block* block) noexcept;
  void store_large(std::size_t of, Block* block) noexcept;
  void* from_upstream(std::size_t bytes, std::size_t alignment);

  static thread_local std::array<Cache, kSlots> t_caches;

  std::pmr::memory_resource* upstream_;
  std::size_t slab_size_;
  std::size_t slab_classes_;
  std::size_t slot_ = kSlots;
  std::uint64_t generation_ = 0;
  std::array<Central, kSlabClasses> central_;
  mutable std::mutex slab_mutex_;
  std::vector<void*> slabs_;
  std::byte* free_ = nullptr;  // the rest of the newest slab
  std::size_t free_bytes_ = 0;
  mutable std::mutex large_mutex_;
  std::array<Block*, kClasses> large_{};  // the common store
  std::uint64_t large_stored_ = 0;
  std::unordered_map<void*, std::size_t> large_held_;  // in use or kept, anywhere; to its class
  std::uint64_t large_held_bytes_ = 0;
  std::uint64_t cache_bytes_;
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
