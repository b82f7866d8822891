#include "memory/pool.h"

#include <algorithm>
#include <new>
#include <tuple>

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
const std::array<std::uint8_t, Pool::kSlabClasses> Pool::kBundles = Pool::make_bundles();

struct Pool::Caches {
  ~Caches() {
    const std::lock_guard lock(registry().mutex);
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      Pool* const pool = registry().pools[slot];
      Cache& cache = t_caches[slot];
      if (pool != nullptr && cache.generation == pool->generation_) {
        for (std::size_t of = 0; of < kSlabClasses; ++of) pool->give_back(of, cache.lists[of]);
        for (std::size_t of = 0; of < kClasses; ++of) {
          while (cache.large[of] != nullptr) {
            Block* const block = cache.large[of];
            cache.large[of] = block->next;
            pool->store_large(of, block);
          }
        }
      }
      cache = Cache();
    }
  }
};

Pool::Pool(std::pmr::memory_resource* upstream, std::size_t slab_bytes, std::size_t cache_bytes)
    : upstream_(upstream),
      slab_size_(std::max<std::size_t>(slab_bytes, 8 * kSmallest) / kLargeAlignment * kLargeAlignment),
      cache_bytes_(cache_bytes) {
  // A slab holds at least eight blocks of a class.
  slab_classes_ = std::min(kSlabClasses, class_of(slab_size_ / 8) + 1);
  if (class_bytes(slab_classes_ - 1) > slab_size_ / 8) --slab_classes_;
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
  for (const auto& [block, of] : large_held_) upstream_->deallocate(block, class_bytes(of), kLargeAlignment);
  for (void* slab : slabs_) upstream_->deallocate(slab, slab_size_, kLargeAlignment);
}

std::uint64_t Pool::held_bytes() const {
  const std::scoped_lock lock(slab_mutex_, large_mutex_);
  return slabs_.size() * slab_size_ + large_held_bytes_;
}

// What is kept in common is given up before a want of memory is passed on.
void* Pool::from_upstream(std::size_t bytes, std::size_t alignment) {
  try {
    return upstream_->allocate(bytes, alignment);
  } catch (const std::bad_alloc&) {
    if (trim() == 0) throw;
    return upstream_->allocate(bytes, alignment);
  }
}

// The thread's first use of this pool: what another pool left in the slot is not ours to touch.
void Pool::adopt(Cache& cache) noexcept {
  static thread_local Caches t_end;
  static_cast<void>(t_end);
  cache = Cache();
  cache.generation = generation_;
}

// All that a thread holds of a class, at its end.
void Pool::give_back(std::size_t of, List& list) noexcept {
  const std::size_t bytes = class_bytes(of);
  Block* loose = list.first;
  for (std::byte* fresh = list.fresh; fresh != list.fresh_end; fresh += bytes) {
    Block* const block = reinterpret_cast<Block*>(fresh);
    block->next = loose;
    loose = block;
  }
  const std::lock_guard lock(central_[of].mutex);
  if (list.spare != nullptr) {
    list.spare->next_bundle = central_[of].bundles;
    central_[of].bundles = list.spare;
  }
  if (loose != nullptr) {
    Block* last = loose;
    while (last->next != nullptr) last = last->next;
    last->next = central_[of].loose;
    central_[of].loose = loose;
  }
}

// Memory for some blocks of a class.
std::pair<std::byte*, std::byte*> Pool::carve(std::size_t of) {
  const std::size_t bytes = class_bytes(of);
  const std::lock_guard lock(slab_mutex_);
  if (bytes > kSmallest) {
    const std::size_t skipped = std::min(free_bytes_, free_bytes_ % kLargeAlignment);  // slabs end on a multiple
    free_ += skipped;
    free_bytes_ -= skipped;
  }
  if (free_bytes_ < bytes) {
    slabs_.reserve(slabs_.size() + 1);
    free_ = static_cast<std::byte*>(from_upstream(slab_size_, kLargeAlignment));
    free_bytes_ = slab_size_;
    slabs_.push_back(free_);
  }
  const std::size_t count = std::min<std::size_t>(std::clamp<std::size_t>(8192 / bytes, 4, 128), free_bytes_ / bytes);
  std::byte* const start = free_;
  free_ += count * bytes;
  free_bytes_ -= count * bytes;
  return {start, free_};
}

void* Pool::refill(std::size_t of) {
  if (slot_ == kSlots) {
    {
      const std::lock_guard lock(central_[of].mutex);
      Block* const block = central_[of].loose;
      if (block != nullptr) {
        central_[of].loose = block->next;
        return block;
      }
    }
    List rest;
    std::tie(rest.fresh, rest.fresh_end) = carve(of);
    std::byte* const block = rest.fresh;
    rest.fresh += class_bytes(of);
    give_back(of, rest);
    return block;
  }
  Cache& cache = t_caches[slot_];
  if (cache.generation != generation_) adopt(cache);
  List& list = cache.lists[of];
  Block* first = std::exchange(list.spare, nullptr);
  const std::uint32_t bundle = kBundles[of];
  std::uint32_t count = bundle;
  if (first == nullptr) {
    const std::lock_guard lock(central_[of].mutex);
    first = central_[of].bundles;
    if (first != nullptr) {
      central_[of].bundles = first->next_bundle;
    } else if (central_[of].loose != nullptr) {
      first = central_[of].loose;
      Block* last = first;
      for (count = 1; count < bundle && last->next != nullptr; ++count) last = last->next;
      central_[of].loose = last->next;
      last->next = nullptr;
    }
  }
  if (first != nullptr) {
    list.first = first->next;
    list.count = count - 1;
    return first;
  }
  std::tie(list.fresh, list.fresh_end) = carve(of);
  std::byte* const block = list.fresh;
  list.fresh += class_bytes(of);
  return block;
}

// The list in use is full, or it is another pool's.
void Pool::drain(std::size_t of, Block* block) noexcept {
  if (slot_ == kSlots) {
    const std::lock_guard lock(central_[of].mutex);
    block->next = central_[of].loose;
    central_[of].loose = block;
    return;
  }
  Cache& cache = t_caches[slot_];
  if (cache.generation != generation_) adopt(cache);
  List& list = cache.lists[of];
  if (list.count == kBundles[of]) {
    if (list.spare != nullptr) {
      const std::lock_guard lock(central_[of].mutex);
      list.spare->next_bundle = central_[of].bundles;
      central_[of].bundles = list.spare;
    }
    list.spare = std::exchange(list.first, nullptr);
    list.count = 0;
  }
  block->next = list.first;
  list.first = block;
  ++list.count;
}

// --- Large blocks ---

void* Pool::get_large(std::size_t of) {
  if (slot_ < kSlots) {
    Cache& cache = t_caches[slot_];
    if (cache.generation == generation_ && cache.large[of] != nullptr) {
      Block* const block = cache.large[of];
      cache.large[of] = block->next;
      cache.large_bytes -= class_bytes(of);
      return block;
    }
  }
  {
    const std::lock_guard lock(large_mutex_);
    Block* const block = large_[of];
    if (block != nullptr) {
      large_[of] = block->next;
      large_stored_ -= class_bytes(of);
      return block;
    }
  }
  void* const made = from_upstream(class_bytes(of), kLargeAlignment);
  try {
    const std::lock_guard lock(large_mutex_);
    large_held_.emplace(made, of);
    large_held_bytes_ += class_bytes(of);
  } catch (...) {
    upstream_->deallocate(made, class_bytes(of), kLargeAlignment);
    throw;
  }
  return made;
}

void Pool::put_large(std::size_t of, Block* block) noexcept {
  if (slot_ < kSlots) {
    Cache& cache = t_caches[slot_];
    if (cache.generation != generation_) adopt(cache);
    if (cache.large_bytes + class_bytes(of) <= kThreadLarge) {
      block->next = cache.large[of];
      cache.large[of] = block;
      cache.large_bytes += class_bytes(of);
      return;
    }
  }
  store_large(of, block);
}

void Pool::store_large(std::size_t of, Block* block) noexcept {
  {
    const std::lock_guard lock(large_mutex_);
    if (large_stored_ + class_bytes(of) <= cache_bytes_) {
      block->next = large_[of];
      large_[of] = block;
      large_stored_ += class_bytes(of);
      return;
    }
    large_held_.erase(block);
    large_held_bytes_ -= class_bytes(of);
  }
  upstream_->deallocate(block, class_bytes(of), kLargeAlignment);
}

std::uint64_t Pool::trim() noexcept {
  std::array<Block*, kClasses> blocks{};
  std::uint64_t bytes = 0;
  {
    const std::lock_guard lock(large_mutex_);
    std::swap(blocks, large_);
    bytes = std::exchange(large_stored_, 0);
    for (Block* first : blocks) {
      for (Block* block = first; block != nullptr; block = block->next) large_held_.erase(block);
    }
    large_held_bytes_ -= bytes;
  }
  for (std::size_t of = 0; of < kClasses; ++of) {
    while (blocks[of] != nullptr) {
      Block* const block = std::exchange(blocks[of], blocks[of]->next);
      upstream_->deallocate(block, class_bytes(of), kLargeAlignment);
    }
  }
  return bytes;
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
