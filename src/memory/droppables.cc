#include "memory/droppables.h"

#include <utility>

namespace jarvis2::memory {

Droppables::Id Droppables::add(std::uint64_t bytes, std::function<void()> drop) {
  const std::lock_guard lock(mutex_);
  const Id id = next_++;
  entries_.push_back({id, bytes, std::move(drop)});
  try {
    by_id_.emplace(id, std::prev(entries_.end()));
  } catch (...) {
    entries_.pop_back();
    throw;
  }
  bytes_ += bytes;
  return id;
}

void Droppables::touch(Id id) {
  const std::lock_guard lock(mutex_);
  const std::unordered_map<Id, std::list<Entry>::iterator>::iterator found = by_id_.find(id);
  if (found != by_id_.end()) entries_.splice(entries_.end(), entries_, found->second);
}

bool Droppables::remove(Id id) {
  std::list<Entry> removed;  // its callback may own something: destroyed outside the lock
  std::unique_lock lock(mutex_);
  const std::unordered_map<Id, std::list<Entry>::iterator>::iterator found = by_id_.find(id);
  if (found != by_id_.end()) {
    bytes_ -= found->second->bytes;
    removed.splice(removed.end(), entries_, found->second);
    by_id_.erase(found);
    return true;
  }
  // From within its own callback there is nothing to wait for.
  ended_.wait(lock, [&] { return !dropping_.contains(id) || dropping_[id] == std::this_thread::get_id(); });
  return false;
}

std::uint64_t Droppables::drop(std::uint64_t bytes) {
  std::uint64_t given = 0;
  while (given < bytes) {
    std::list<Entry> taken;
    {
      const std::lock_guard lock(mutex_);
      if (entries_.empty()) break;
      // Said before it is taken out: no allocation may fail between.
      dropping_[entries_.front().id] = std::this_thread::get_id();
      by_id_.erase(entries_.front().id);
      bytes_ -= entries_.front().bytes;
      taken.splice(taken.end(), entries_, entries_.begin());
      ++dropped_;
    }
    given += taken.front().bytes;
    taken.front().drop();
    const std::lock_guard lock(mutex_);
    dropping_.erase(taken.front().id);
    ended_.notify_all();
  }
  return given;
}

std::uint64_t Droppables::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

std::uint64_t Droppables::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

Pressure PressureGauge::update(double value) {
  // One change at a time reaches the listeners.
  const std::lock_guard calls(calling_);
  std::vector<std::function<void(Pressure)>> listeners;
  Pressure now = Pressure::kNone;
  {
    const std::lock_guard lock(mutex_);
    const bool critical = value >= (level_ == Pressure::kCritical ? thresholds_.critical_off : thresholds_.critical_on);
    const bool warning = value >= (level_ == Pressure::kNone ? thresholds_.warning_on : thresholds_.warning_off);
    now = critical ? Pressure::kCritical : warning ? Pressure::kWarning : Pressure::kNone;
    if (now == level_) return now;
    level_ = now;
    listeners = listeners_;
  }
  for (const std::function<void(Pressure)>& listener : listeners) listener(now);
  return now;
}

Pressure PressureGauge::level() const {
  const std::lock_guard lock(mutex_);
  return level_;
}

void PressureGauge::listen(std::function<void(Pressure)> listener) {
  const std::lock_guard lock(mutex_);
  listeners_.push_back(std::move(listener));
}

}  // namespace jarvis2::memory
