#include "code/tree_memory.h"

#include <tree_sitter/api.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "memory/zone_pools.h"

namespace jarvis2::code {
namespace {

// Before each block.
struct alignas(16) Header {
  std::uint64_t bytes;  // header included
  bool pooled;
};

thread_local bool t_full = false;

void* get(std::size_t bytes) {
  const std::size_t whole = bytes + sizeof(Header);
  bool pooled = true;
  void* place = nullptr;
  try {
    place = memory::zone_pool(memory::ZoneId::kCodeCache).allocate(whole, alignof(Header));
  } catch (const std::bad_alloc&) {
    t_full = true;
    pooled = false;
    place = std::malloc(whole);
    if (place == nullptr) std::abort();  // as tree-sitter itself does
  }
  return new (place) Header{whole, pooled} + 1;
}

void* get_zeros(std::size_t count, std::size_t bytes) {
  void* const made = get(count * bytes);
  return std::memset(made, 0, count * bytes);
}

void put(void* pointer) {
  if (pointer == nullptr) return;
  Header* const header = static_cast<Header*>(pointer) - 1;
  if (header->pooled) {
    memory::zone_pool(memory::ZoneId::kCodeCache).deallocate(header, header->bytes, alignof(Header));
  } else {
    std::free(header);
  }
}

void* change(void* pointer, std::size_t bytes) {
  void* const made = get(bytes);
  if (pointer != nullptr) {
    const Header* const header = static_cast<Header*>(pointer) - 1;
    std::memcpy(made, pointer, std::min<std::size_t>(bytes, header->bytes - sizeof(Header)));
    put(pointer);
  }
  return made;
}

}  // namespace

void use_zone_for_trees() {
  ts_set_allocator(get, get_zeros, change, put);
}

bool zone_was_full() {
  return std::exchange(t_full, false);
}

}  // namespace jarvis2::code
