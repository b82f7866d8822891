#include "memory/zones.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "hardware/machine.h"

namespace jarvis2::memory {

std::string_view zone_name(ZoneId id) {
  constexpr std::array<std::string_view, kZoneCount> kNames = {"neural", "mcts", "code_cache", "vector_index",
                                                               "reserve"};
  return kNames[static_cast<std::size_t>(id)];
}

std::array<std::uint64_t, kZoneCount> zone_sizes(std::uint64_t memory_limit_bytes) {
  // Shares in twentieths, without overflow.
  const std::uint64_t twentieth = memory_limit_bytes / 20;
  const std::uint64_t rest = memory_limit_bytes % 20;
  std::array<std::uint64_t, kZoneCount> sizes{};
  constexpr std::array<std::uint64_t, kZoneCount - 1> kTwentieths = {5, 4, 3, 3};
  std::uint64_t given = 0;
  for (std::size_t i = 0; i < kTwentieths.size(); ++i) {
    sizes[i] = twentieth * kTwentieths[i] + rest * kTwentieths[i] / 20;
    given += sizes[i];
  }
  sizes.back() = memory_limit_bytes - given;
  return sizes;
}

ZoneFull::ZoneFull(std::string zone, std::uint64_t requested_bytes, std::uint64_t used_bytes, std::uint64_t limit_bytes)
    : zone_(std::move(zone)),
      requested_bytes_(requested_bytes),
      used_bytes_(used_bytes),
      limit_bytes_(limit_bytes),
      message_(fmt::format("zone {} is full: {} bytes requested, {} of {} in use: make the work smaller or raise the "
                           "process's memory limit",
                           zone_, requested_bytes_, used_bytes_, limit_bytes_)) {}

Zone::Zone(std::string name, std::uint64_t limit_bytes, std::pmr::memory_resource* upstream)
    : name_(std::move(name)),
      limit_bytes_(limit_bytes),
      soft_bytes_(limit_bytes / 10 * 9 + limit_bytes % 10 * 9 / 10),
      upstream_(upstream) {}

void Zone::set_limits(std::uint64_t soft_bytes, std::uint64_t hard_bytes) {
  if (soft_bytes > hard_bytes) {
    throw Error("memory::Zone::set_limits",
                fmt::format("zone {}: soft limit {} above hard limit {}: lower it", name_, soft_bytes, hard_bytes));
  }
  soft_bytes_.store(soft_bytes, std::memory_order_relaxed);
  limit_bytes_.store(hard_bytes, std::memory_order_relaxed);
}

bool Zone::try_charge(std::uint64_t bytes) noexcept {
  std::uint64_t used = used_bytes_.load(std::memory_order_relaxed);
  do {
    const std::uint64_t limit = limit_bytes();
    if (used > limit || bytes > limit - used) return false;
  } while (!used_bytes_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  std::uint64_t peak = peak_bytes_.load(std::memory_order_relaxed);
  while (peak < used + bytes && !peak_bytes_.compare_exchange_weak(peak, used + bytes, std::memory_order_relaxed)) {
  }
  return true;
}

void Zone::charge(std::uint64_t bytes) {
  allocations_.fetch_add(1, std::memory_order_relaxed);
  while (!try_charge(bytes)) {
    const std::uint64_t limit = limit_bytes();
    const std::uint64_t used = used_bytes();
    // What never fits is not worth dropping anything for.
    const std::uint64_t room = limit - std::min(limit, used);
    if (bytes > limit || (room < bytes && droppables_.drop(bytes - room) == 0)) {
      refusals_.fetch_add(1, std::memory_order_relaxed);
      throw ZoneFull(name_, bytes, used_bytes(), limit);
    }
  }
}

void Zone::refund(std::uint64_t bytes) noexcept {
  used_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

void* Zone::do_allocate(std::size_t bytes, std::size_t alignment) {
  charge(bytes);
  try {
    return upstream_->allocate(bytes, alignment);
  } catch (...) {
    refund(bytes);
    throw;
  }
}

void Zone::do_deallocate(void* pointer, std::size_t bytes, std::size_t alignment) {
  upstream_->deallocate(pointer, bytes, alignment);
  refund(bytes);
}

namespace {

Zone make_zone(ZoneId id, std::uint64_t memory_limit_bytes) {
  return Zone(std::string(zone_name(id)), zone_sizes(memory_limit_bytes)[static_cast<std::size_t>(id)]);
}

}  // namespace

Zones::Zones(std::uint64_t memory_limit_bytes)
    : neural(make_zone(ZoneId::kNeural, memory_limit_bytes)),
      mcts(make_zone(ZoneId::kMcts, memory_limit_bytes)),
      code_cache(make_zone(ZoneId::kCodeCache, memory_limit_bytes)),
      vector_index(make_zone(ZoneId::kVectorIndex, memory_limit_bytes)),
      reserve(make_zone(ZoneId::kReserve, memory_limit_bytes)) {}

std::uint64_t relieve(Zones& zones, Pressure pressure) {
  std::uint64_t given = 0;
  if (pressure == Pressure::kNone) return given;
  for (Zone* zone : {&zones.code_cache, &zones.vector_index, &zones.mcts, &zones.neural}) {
    const std::uint64_t used = zone->used_bytes();
    const std::uint64_t soft = zone->soft_limit_bytes();
    const std::uint64_t excess =
        pressure == Pressure::kCritical ? zone->droppables().bytes() : used - std::min(used, soft);
    given += zone->droppables().drop(excess);
  }
  return given;
}

Zones& zones() {
  // Containers of other static objects may still give memory back at exit.
  static Zones* const instance = new Zones(hardware::this_machine().memory_limit_bytes);
  return *instance;
}

Json to_json(const Zones& zones) {
  Json json = Json::object();
  for (const Zone* zone : {&zones.neural, &zones.mcts, &zones.code_cache, &zones.vector_index, &zones.reserve}) {
    json[zone->name()] = {{"limit_bytes", zone->limit_bytes()},
                          {"soft_limit_bytes", zone->soft_limit_bytes()},
                          {"used_bytes", zone->used_bytes()},
                          {"peak_bytes", zone->peak_bytes()}};
  }
  return json;
}

}  // namespace jarvis2::memory
