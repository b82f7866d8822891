// Counting in a zone what ordinary containers hold.
#pragma once

#include <cstdint>
#include <utility>

#include "memory/zones.h"

namespace jarvis2::memory {

// Bytes counted in a zone as long as this lives. Throws ZoneFull when made. Movable.
class Charge {
 public:
  Charge() = default;
  Charge(Zone& zone, std::uint64_t bytes) : zone_(&zone), bytes_(bytes) { zone.charge(bytes); }
  Charge(Charge&& other) noexcept
      : zone_(std::exchange(other.zone_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Charge& operator=(Charge&& other) noexcept {
    std::swap(zone_, other.zone_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Charge() {
    if (zone_ != nullptr) zone_->refund(bytes_);
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  Zone* zone_ = nullptr;
  std::uint64_t bytes_ = 0;
};

// What a vector holds; what a container of nodes holds at least: a node is its value and three pointers (a tree) or one
// and its bucket (a table), as the common libraries lay them out. What the values own themselves is not in it.
template <typename Vector>
std::uint64_t vector_bytes(const Vector& vector) {
  return vector.capacity() * sizeof(typename Vector::value_type);
}
template <typename Tree>
std::uint64_t tree_bytes(const Tree& tree) {
  return tree.size() * (sizeof(typename Tree::value_type) + 4 * sizeof(void*));
}
template <typename Table>
std::uint64_t table_bytes(const Table& table) {
  return table.size() * (sizeof(typename Table::value_type) + 2 * sizeof(void*)) + table.bucket_count() * sizeof(void*);
}

}  // namespace jarvis2::memory
