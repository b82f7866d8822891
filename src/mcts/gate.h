// A gate that many threads pass and one may close: shared and exclusive use where the exclusive side never starves.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>

namespace jarvis2::mcts {

class Gate {
 public:
  void enter() {
    for (;;) {
      inside_.fetch_add(1);
      if (!closed_.load()) return;
      leave();
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [&] { return !closed_.load(); });
    }
  }
  void leave() {
    inside_.fetch_sub(1);
    if (closed_.load()) {
      const std::lock_guard<std::mutex> lock(mutex_);
      changed_.notify_all();
    }
  }
  // Waits until everybody has left; keeps others out until open(). Not for a thread that is inside.
  void close() {
    owner_.lock();
    std::unique_lock<std::mutex> lock(mutex_);
    closed_.store(true);
    changed_.wait(lock, [&] { return inside_.load() == 0; });
  }
  void open() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      closed_.store(false);
    }
    changed_.notify_all();
    owner_.unlock();
  }

 private:
  std::atomic<int> inside_{0};
  std::atomic<bool> closed_{false};
  std::mutex mutex_;  // for waiting
  std::mutex owner_;  // held between close() and open()
  std::condition_variable changed_;
};

// Closes for a scope.
class Exclusive {
 public:
  explicit Exclusive(Gate& gate) : gate_(gate) { gate_.close(); }
  ~Exclusive() { gate_.open(); }
  Exclusive(const Exclusive&) = delete;
  Exclusive& operator=(const Exclusive&) = delete;

 private:
  Gate& gate_;
};

// Passes for a scope.
class Passing {
 public:
  explicit Passing(Gate& gate) : gate_(gate) { gate_.enter(); }
  ~Passing() { gate_.leave(); }
  Passing(const Passing&) = delete;
  Passing& operator=(const Passing&) = delete;

 private:
  Gate& gate_;
};

}  // namespace jarvis2::mcts
