// Zones: shares of the memory limit, each with a hard budget.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <new>
#include <string>
#include <string_view>

#include "base/json_fwd.h"
#include "memory/droppables.h"

namespace jarvis2::memory {

enum class ZoneId { kNeural, kMcts, kCodeCache, kVectorIndex, kReserve };
inline constexpr std::size_t kZoneCount = 5;
// neural, mcts, code_cache, vector_index, reserve.
std::string_view zone_name(ZoneId id);
// Bytes by zone: 25, 20, 15, 15 and 25 % of the limit; the reserve takes what rounding leaves.
std::array<std::uint64_t, kZoneCount> zone_sizes(std::uint64_t memory_limit_bytes);

// A zone can't hold what is asked of it. A bad_alloc, so that whoever copes with a lack of memory copes with this one.
class ZoneFull : public std::bad_alloc {
 public:
  ZoneFull(std::string zone, std::uint64_t requested_bytes, std::uint64_t used_bytes, std::uint64_t limit_bytes);
  const char* what() const noexcept override { return message_.c_str(); }
  const std::string& zone() const { return zone_; }
  std::uint64_t requested_bytes() const { return requested_bytes_; }
  std::uint64_t used_bytes() const { return used_bytes_; }
  std::uint64_t limit_bytes() const { return limit_bytes_; }

 private:
  std::string zone_;
  std::uint64_t requested_bytes_;
  std::uint64_t used_bytes_;
  std::uint64_t limit_bytes_;
  std::string message_;
};

// Counts what is allocated through it and never passes its hard limit, not for a moment. Where that would happen it
// first drops what can be dropped, then throws ZoneFull. The soft limit is what it is brought back to under pressure.
// Thread-safe where `upstream` is. Must outlive what it holds.
class Zone final : public std::pmr::memory_resource {
 public:
  Zone(std::string name, std::uint64_t limit_bytes,
       std::pmr::memory_resource* upstream = std::pmr::new_delete_resource());
  Zone(const Zone&) = delete;
  Zone& operator=(const Zone&) = delete;

  // For memory that another allocator hands out (a library's pool, a mapped file): count it here and give it back.
  void charge(std::uint64_t bytes);
  void refund(std::uint64_t bytes) noexcept;

  // Soft at most hard; neither drops anything by itself. By default the soft limit is 90 % of the hard one.
  void set_limits(std::uint64_t soft_bytes, std::uint64_t hard_bytes);
  Droppables& droppables() { return droppables_; }

  const std::string& name() const { return name_; }
  std::uint64_t limit_bytes() const { return limit_bytes_.load(std::memory_order_relaxed); }
  std::uint64_t soft_limit_bytes() const { return soft_bytes_.load(std::memory_order_relaxed); }
  std::uint64_t allocations() const { return allocations_.load(std::memory_order_relaxed); }
  std::uint64_t refusals() const { return refusals_.load(std::memory_order_relaxed); }
  std::uint64_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }
  std::uint64_t peak_bytes() const { return peak_bytes_.load(std::memory_order_relaxed); }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* pointer, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  // False when it doesn't fit.
  bool try_charge(std::uint64_t bytes) noexcept;

  std::string name_;
  std::atomic<std::uint64_t> limit_bytes_;
  std::atomic<std::uint64_t> soft_bytes_;
  std::atomic<std::uint64_t> allocations_{0};
  std::atomic<std::uint64_t> refusals_{0};
  Droppables droppables_;
  std::pmr::memory_resource* upstream_;
  std::atomic<std::uint64_t> used_bytes_{0};
  std::atomic<std::uint64_t> peak_bytes_{0};
};

// The reserve is the system's: nothing of ours goes there.
struct Zones {
  explicit Zones(std::uint64_t memory_limit_bytes);
  Zone neural;
  Zone mcts;
  Zone code_cache;
  Zone vector_index;
  Zone reserve;
};

// What to do at a level of pressure: at a warning, zones over their soft limit are brought back to it, those that are
// the easiest to fill again first (code cache, vector index, search, networks); when critical, everything that can be
// dropped is. Returns the bytes given up.
std::uint64_t relieve(Zones& zones, Pressure pressure);

// The process's zones, from this machine's memory limit; made on first use and never destroyed. Thread-safe.
Zones& zones();

// {limit_bytes, soft_limit_bytes, used_bytes, peak_bytes} by name of zone.
Json to_json(const Zones& zones);

}  // namespace jarvis2::memory
