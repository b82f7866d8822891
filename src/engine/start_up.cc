#include "engine/start_up.h"

#include <fmt/format.h>

#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "base/process.h"

namespace jarvis2::engine {
namespace {

// Kahn's algorithm, only to refuse circles before anything runs.
void check_order(const std::vector<StartStep>& steps, const std::map<std::string, std::size_t>& by_name) {
  std::vector<std::size_t> open(steps.size());
  std::vector<std::vector<std::size_t>> then(steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    open[i] = steps[i].needs.size();
    for (const std::string& need : steps[i].needs) {
      const auto found = by_name.find(need);
      if (found == by_name.end()) {
        throw Error("engine::start_up", fmt::format("{} needs {}, which is no step", steps[i].name, need));
      }
      then[found->second].push_back(i);
    }
  }
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (open[i] == 0) ready.push_back(i);
  }
  std::size_t done = 0;
  while (!ready.empty()) {
    const std::size_t at = ready.back();
    ready.pop_back();
    ++done;
    for (const std::size_t next : then[at]) {
      if (--open[next] == 0) ready.push_back(next);
    }
  }
  if (done != steps.size()) throw Error("engine::start_up", "steps need each other in a circle");
}

}  // namespace

std::vector<StartTiming> start_up(const std::vector<StartStep>& steps) {
  std::map<std::string, std::size_t> by_name;
  for (std::size_t i = 0; i < steps.size(); ++i) by_name[steps[i].name] = i;
  check_order(steps, by_name);
  const std::uint64_t origin = monotonic_ns();
  const auto since_ms = [origin] { return static_cast<double>(monotonic_ns() - origin) * 1e-6; };
  std::vector<StartTiming> timings(steps.size());
  std::vector<bool> done(steps.size());
  std::mutex mutex;
  std::condition_variable changed;
  std::exception_ptr failure;
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      threads.emplace_back([&, i] {
        {
          std::unique_lock<std::mutex> lock(mutex);
          changed.wait(lock, [&] {
            if (failure) return true;
            for (const std::string& need : steps[i].needs) {
              if (!done[by_name.at(need)]) return false;
            }
            return true;
          });
          if (failure) return;
        }
        timings[i].name = steps[i].name;
        timings[i].begin_ms = since_ms();
        std::exception_ptr error;
        try {
          steps[i].run();
        } catch (...) {
          error = std::current_exception();
        }
        timings[i].ms = since_ms() - timings[i].begin_ms;
        {
          const std::lock_guard<std::mutex> lock(mutex);
          done[i] = true;
          if (error && !failure) failure = error;
        }
        changed.notify_all();
      });
    }
  }
  if (failure) std::rethrow_exception(failure);
  return timings;
}

std::string timings_text(const std::vector<StartTiming>& timings) {
  std::string text;
  for (const StartTiming& one : timings) {
    text += fmt::format("{}{} {:.1f} ms{}", text.empty() ? "" : ", ", one.name, one.ms,
                        one.begin_ms > 1 ? fmt::format(" (from {:.0f})", one.begin_ms) : "");
  }
  return text;
}

}  // namespace jarvis2::engine
