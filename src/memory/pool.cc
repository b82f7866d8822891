#include "memory/pool.h"

#include <algorithm>

namespace jarvis2::memory {
namespace {

// Which pools have thread caches now. A generation is never used twice, so that a cache left by a dead pool is known.
struct Registry {
  std::mutex mutex;
  std::array<Pool*, 8> pools{};
  std::uint64_t next_generation = 1;
};

Registry& registry() {
  static Registry* const instance = new Registry();
  return *instance;
}

}  // namespace

thread_local std::array<Pool::Cache, Pool::kSlots> Pool::t_caches;

struct Pool::Caches {
  ~Caches() {
    const std::lock_guard lock(registry().mutex);
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      Pool* const pool = registry().pools[slot];
      Cache& cache = t_caches[slot];
      if (pool != nullptr && cache.generation == pool->generation_) {
        for (std::size_t of = 0; of < kClasses; ++of) {
          if (cache.lists[of].first == nullptr) continue;
          Block* last = cache.lists[of].first;
          while (last->next != nullptr) last = last->next;
          const std::lock_guard central(pool->central_[of].mutex);
          last->next = pool->central_[of].first;
          pool->central_[of].first = cache.lists[of].first;
        }
      }
      cache = Cache();
    }
  }
};

Pool::Pool(std::pmr::memory_resource* upstream, std::size_t slab_bytes)
    : upstream_(upstream), slab_size_(std::max<std::size_t>(slab_bytes, kLargest)) {
  const std::lock_guard lock(registry().mutex);
  generation_ = registry().next_generation++;
  for (std::size_t slot = 0; slot < kSlots && slot_ == kSlots; ++slot) {
    if (registry().pools[slot] != nullptr) continue;
    registry().pools[slot] = this;
    slot_ = slot;
  }
}

Pool::~Pool() {
  {
    const std::lock_guard lock(registry().mutex);
    if (slot_ < kSlots) registry().pools[slot_] = nullptr;
  }
  for (void* slab : slabs_) upstream_->deallocate(slab, slab_size_, kStep);
}

std::uint64_t Pool::slab_bytes() const {
  const std::lock_guard lock(slab_mutex_);
  return slabs_.size() * slab_size_;
}

// The thread's first use of this pool: what another pool left in the slot is not ours to touch.
void Pool::adopt(Cache& cache) noexcept {
  static thread_local Caches t_end;
  static_cast<void>(t_end);
  cache = Cache();
  cache.generation = generation_;
}

// New blocks of a class, linked.
std::pair<Pool::Block*, std::uint32_t> Pool::carve(std::size_t of) {
  const std::size_t bytes = (of + 1) * kStep;
  const std::lock_guard lock(slab_mutex_);
  if (free_bytes_ < bytes) {
    slabs_.reserve(slabs_.size() + 1);
    free_ = static_cast<std::byte*>(upstream_->allocate(slab_size_, kStep));
    free_bytes_ = slab_size_;
    slabs_.push_back(free_);
  }
  const std::uint32_t count = static_cast<std::uint32_t>(std::clamp<std::size_t>(8192 / bytes, 4, kBatch));
  Block* first = nullptr;
  std::uint32_t made = 0;
  std::byte* const start = free_;
  while (made < count && free_bytes_ >= bytes) {
    free_ += bytes;
    free_bytes_ -= bytes;
    ++made;
  }
  // Linked in the order of their addresses.
  for (std::uint32_t i = made; i-- > 0;) {
    Block* const block = reinterpret_cast<Block*>(start + i * bytes);
    block->next = first;
    first = block;
  }
  return {first, made};
}

void* Pool::refill(std::size_t of) {
  Block* first = nullptr;
  std::uint32_t count = 0;
  {
    const std::lock_guard lock(central_[of].mutex);
    first = central_[of].first;
    if (slot_ == kSlots) {
      if (first != nullptr) {
        central_[of].first = first->next;
        return first;
      }
    } else if (first != nullptr) {
      Block* last = first;
      for (count = 1; count < kBatch && last->next != nullptr; ++count) last = last->next;
      central_[of].first = last->next;
      last->next = nullptr;
    }
  }
  if (first == nullptr) {
    const std::pair<Block*, std::uint32_t> carved = carve(of);
    first = carved.first;
    count = carved.second;
  }
  if (slot_ == kSlots) {
    const std::lock_guard lock(central_[of].mutex);
    Block* last = first;
    while (last->next != nullptr) last = last->next;
    last->next = central_[of].first;
    central_[of].first = first->next;
    return first;
  }
  Cache& cache = t_caches[slot_];
  if (cache.generation != generation_) adopt(cache);
  cache.lists[of] = {first->next, count - 1};
  return first;
}

void Pool::drain(std::size_t of, Block* extra) noexcept {
  Block* first = extra;
  Block* last = extra;
  if (slot_ < kSlots) {
    Cache& cache = t_caches[slot_];
    if (cache.generation != generation_) {
      adopt(cache);
      extra->next = nullptr;
      cache.lists[of] = {extra, 1};
      return;
    }
    List& list = cache.lists[of];
    extra->next = list.first;
    for (std::uint32_t i = 0; i < kBatch && last->next != nullptr; ++i) {
      last = last->next;
      --list.count;
    }
    list.first = last->next;
  }
  const std::lock_guard lock(central_[of].mutex);
  last->next = central_[of].first;
  central_[of].first = first;
}

Arena::Arena(std::pmr::memory_resource* upstream, std::size_t chunk_bytes)
    : upstream_(upstream), chunk_bytes_(std::max<std::size_t>(chunk_bytes, 64)) {}

Arena::~Arena() {
  for (const Chunk& chunk : chunks_) upstream_->deallocate(chunk.start, chunk.bytes, alignof(std::max_align_t));
}

void Arena::reset() noexcept {
  current_ = 0;
  used_ = 0;
}

void* Arena::do_allocate(std::size_t bytes, std::size_t alignment) {
  while (current_ < chunks_.size()) {
    const Chunk& chunk = chunks_[current_];
    const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(chunk.start) + used_;
    const std::size_t padding = static_cast<std::size_t>(-at & (alignment - 1));
    if (chunk.bytes - used_ >= padding && chunk.bytes - used_ - padding >= bytes) {
      used_ += padding + bytes;
      return chunk.start + (used_ - bytes);
    }
    ++current_;
    used_ = 0;
  }
  const std::size_t wanted = std::max(chunk_bytes_ << std::min<std::size_t>(chunks_.size(), 6), bytes + alignment);
  chunks_.reserve(chunks_.size() + 1);
  chunks_.push_back({static_cast<std::byte*>(upstream_->allocate(wanted, alignof(std::max_align_t))), wanted});
  held_bytes_ += wanted;
  return do_allocate(bytes, alignment);
}

}  // namespace jarvis2::memory
