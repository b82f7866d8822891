#include "meta/executor.h"

#include <signal.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/process.h"

namespace jarvis2::meta {
namespace {

constexpr std::chrono::milliseconds kGrace{1200};

std::string last_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  const std::size_t at = text.rfind('\n');
  return at == std::string::npos ? text : text.substr(at + 1);
}

}  // namespace

ExecutorResult execute(const fs::path& program, const std::vector<std::string>& args, const ExecutorOptions& options,
                       std::stop_token stop) {
  SpawnOptions spawn;
  spawn.argv = {program.string()};
  spawn.argv.insert(spawn.argv.end(), args.begin(), args.end());
  spawn.env = {{"NO_COLOR", "1"}};
  std::stop_source kill;
  std::mutex mutex;
  std::condition_variable_any changed;
  bool ended = false;
  std::string interrupted;
  Process process = Process::spawn(spawn);
  const int pid = process.pid();
  std::jthread guard([&] {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point begin = Clock::now();
    std::unique_lock<std::mutex> lock(mutex);
    std::string reason;
    while (!ended && reason.empty()) {
      changed.wait_for(lock, stop, std::chrono::seconds(2), [&] { return ended; });
      if (ended) return;
      if (stop.stop_requested()) {
        reason = "stopped";
      } else if (options.limit_s > 0 && Clock::now() - begin > std::chrono::duration<double>(options.limit_s)) {
        reason = "took too long";
      } else if (options.reason_to_stop) {
        lock.unlock();
        reason = options.reason_to_stop();
        lock.lock();
      }
    }
    if (ended) return;
    interrupted = reason;
    ::kill(pid, SIGTERM);
    changed.wait_for(lock, kGrace, [&] { return ended; });
    if (!ended) kill.request_stop();
  });
  // Only after SIGTERM and its time of grace.
  const ProcessResult result = process.wait(0, kill.get_token());
  {
    const std::lock_guard<std::mutex> lock(mutex);
    ended = true;
  }
  changed.notify_all();
  guard.join();
  ExecutorResult done;
  done.status = result.cancelled || result.signal != 0 ? -1 : result.exit_code;
  done.out = result.out;
  done.error = last_line(result.err);
  done.interrupted = interrupted;
  return done;
}

}  // namespace jarvis2::meta
