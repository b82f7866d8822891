// Stops a command that fills the disk under its tree.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <system_error>
#include <thread>

#include "base/files.h"

namespace jarvis2::verify {

class DiskWatch {
 public:
  // `stop` is passed on.
  DiskWatch(const fs::path& tree, const std::stop_token& stop)
      : forward_(stop, [this] { source_.request_stop(); }),
        thread_([this, tree](const std::stop_token& done) { watch(tree, done); }) {}
  std::stop_token token() const { return source_.get_token(); }
  bool full() const { return full_; }

 private:
  static constexpr std::uintmax_t kMostGrowth = std::uintmax_t{8} << 30;
  static constexpr std::uintmax_t kLeast = std::uintmax_t{256} << 20;

  void watch(const fs::path& tree, const std::stop_token& done) {
    std::error_code error;
    const std::uintmax_t before = fs::space(tree, error).available;
    std::mutex mutex;
    std::condition_variable_any never;
    while (!error) {
      std::unique_lock lock(mutex);
      never.wait_for(lock, done, std::chrono::milliseconds(50), [] { return false; });
      if (done.stop_requested()) return;
      const std::uintmax_t now = fs::space(tree, error).available;
      if (error || (now >= kLeast && now + kMostGrowth >= before)) continue;
      full_ = true;
      source_.request_stop();
      return;
    }
  }

  std::stop_source source_;
  std::atomic<bool> full_{false};
  std::stop_callback<std::function<void()>> forward_;
  std::jthread thread_;
};

}  // namespace jarvis2::verify
