#include "meta/supervisor.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "meta/store.h"

namespace jarvis2::meta {

using Clock = std::chrono::steady_clock;

struct Beat::Shared {
  mutable std::mutex mutex;
  ComponentStatus status;
  Clock::time_point sign = Clock::now();

  void set(const char* state, const std::string& doing, bool ran) {
    const std::lock_guard<std::mutex> lock(mutex);
    status.state = state;
    status.doing = doing;
    sign = Clock::now();
    if (!ran) return;
    status.last_run_s = now_s();
    ++status.runs;
  }
};

void Beat::working(const std::string& what) {
  shared_->set("working", what, true);
}
void Beat::idle() {
  shared_->set("idle", "", false);
}
void Beat::paused(const std::string& why) {
  shared_->set("paused", why, false);
}

struct Supervisor::Entry {
  std::shared_ptr<Beat::Shared> shared = std::make_shared<Beat::Shared>();
  std::jthread thread;
};

Supervisor::Supervisor(const Backoff& backoff) : backoff_(backoff) {}

Supervisor::~Supervisor() {
  stop();
}

void Supervisor::start(const std::string& name, Component component) {
  std::unique_ptr<Entry> entry = std::make_unique<Entry>();
  entry->shared->status.name = name;
  entry->shared->status.state = "starting";
  const std::shared_ptr<Beat::Shared> shared = entry->shared;
  entry->thread =
      std::jthread([shared, name, component = std::move(component), backoff = backoff_](std::stop_token stop) {
        std::mutex mutex;
        std::condition_variable_any changed;
        std::chrono::milliseconds wait = backoff.first;
        while (!stop.stop_requested()) {
          const Clock::time_point began = Clock::now();
          std::string reason;
          try {
            Beat beat(shared);
            component(stop, beat);
            break;
          } catch (const Interrupted&) {
            if (stop.stop_requested()) break;
            reason = "interrupted";
          } catch (const Error& error) {
            reason = error.message();
          } catch (const std::exception& error) {
            reason = error.what();
          }
          if (stop.stop_requested()) break;
          if (Clock::now() - began > backoff.healthy) wait = backoff.first;
          shared->set("failed", reason, false);
          {
            const std::lock_guard<std::mutex> lock(shared->mutex);
            ++shared->status.failures;
          }
          log::warning("{}: {}; started again in {:.1f} s", name, reason, static_cast<double>(wait.count()) * 1e-3);
          std::unique_lock<std::mutex> lock(mutex);
          changed.wait_for(lock, stop, wait, [] { return false; });
          wait = std::min(2 * wait, backoff.longest);
        }
        shared->set("stopped", "", false);
      });
  entries_.push_back(std::move(entry));
}

void Supervisor::stop() {
  for (const std::unique_ptr<Entry>& entry : entries_) entry->thread.request_stop();
  for (const std::unique_ptr<Entry>& entry : entries_) {
    if (entry->thread.joinable()) entry->thread.join();
  }
}

std::vector<ComponentStatus> Supervisor::status() const {
  std::vector<ComponentStatus> all;
  for (const std::unique_ptr<Entry>& entry : entries_) {
    const std::lock_guard<std::mutex> lock(entry->shared->mutex);
    all.push_back(entry->shared->status);
  }
  return all;
}

std::vector<std::string> Supervisor::silent(std::chrono::seconds longer_than) const {
  std::vector<std::string> names;
  for (const std::unique_ptr<Entry>& entry : entries_) {
    const std::lock_guard<std::mutex> lock(entry->shared->mutex);
    const bool works = entry->shared->status.state == "working";
    if (works && Clock::now() - entry->shared->sign > longer_than) names.push_back(entry->shared->status.name);
  }
  return names;
}

}  // namespace jarvis2::meta
