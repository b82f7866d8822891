// What a zone can do without: things that can be made again, least recently used first.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

namespace jarvis2::memory {

// Thread-safe. Callbacks run outside all locks, once each, on the thread that needs room; they free what they announced
// and must not throw.
class Droppables {
 public:
  using Id = std::uint64_t;
  Id add(std::uint64_t bytes, std::function<void()> drop);
  // Used just now; nothing when it is gone.
  void touch(Id id);
  // True: it is the caller's again and will not be dropped. False: it has been; a drop under way on another thread has
  // ended.
  bool remove(Id id);
  // Drops the least recently used until `bytes` are reached; returns how many were announced by those dropped.
  std::uint64_t drop(std::uint64_t bytes);
  std::uint64_t bytes() const;
  std::uint64_t dropped() const;  // how often since the beginning

 private:
  struct Entry {
    Id id;
    std::uint64_t bytes;
    std::function<void()> drop;
  };
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  std::list<Entry> entries_;  // least recently used first
  std::unordered_map<Id, std::list<Entry>::iterator> by_id_;
  std::unordered_map<Id, std::thread::id> dropping_;
  Id next_ = 1;
  std::uint64_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
};

enum class Pressure { kNone, kWarning, kCritical };

// A level with hysteresis: it rises at `on` and falls below `off`. Thread-safe; listeners are called outside locks, in
// order, when the level changes.
class PressureGauge {
 public:
  struct Thresholds {
    double warning_on = 0.75;
    double warning_off = 0.65;
    double critical_on = 0.9;
    double critical_off = 0.8;
  };
  PressureGauge() : PressureGauge(Thresholds()) {}
  explicit PressureGauge(const Thresholds& thresholds) : thresholds_(thresholds) {}
  Pressure update(double value);
  Pressure level() const;
  void listen(std::function<void(Pressure)> listener);

 private:
  Thresholds thresholds_;
  mutable std::mutex mutex_;
  std::mutex calling_;
  Pressure level_ = Pressure::kNone;
  std::vector<std::function<void(Pressure)>> listeners_;
};

}  // namespace jarvis2::memory
