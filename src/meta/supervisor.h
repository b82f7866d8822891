// Components of the daemon: each on a thread of its own, watched, and started again after a failure.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace jarvis2::meta {

struct ComponentStatus {
  std::string name;
  std::string state;            // starting, idle, working, paused, failed, stopped
  std::string doing;            // or why it is paused or has failed
  std::int64_t last_run_s = 0;  // when it last did something; 0: never
  std::uint64_t runs = 0;
  std::uint64_t failures = 0;
};

// How a component tells what it does. Thread-safe.
class Beat {
 public:
  void working(const std::string& what);
  void idle();
  void paused(const std::string& why);

 private:
  friend class Supervisor;
  struct Shared;
  explicit Beat(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::shared_ptr<Shared> shared_;
};

using Component = std::function<void(std::stop_token stop, Beat& beat)>;

struct Backoff {
  std::chrono::milliseconds first{200};
  std::chrono::milliseconds longest{60000};
  std::chrono::milliseconds healthy{30000};  // after running so long without failure, begins at `first` again
};

// Not thread-safe but for status().
class Supervisor {
 public:
  explicit Supervisor(const Backoff& backoff = {});
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  // Starts the component; it runs until it returns (which ends it for good) or is stopped. An exception other than
  // Interrupted is logged, and the component called again after a while, twice as long each time.
  void start(const std::string& name, Component component);
  // Asks all to end and waits.
  void stop();
  std::vector<ComponentStatus> status() const;
  // Components that say they work, yet gave no sign for so long.
  std::vector<std::string> silent(std::chrono::seconds longer_than) const;

 private:
  struct Entry;
  Backoff backoff_;
  std::vector<std::unique_ptr<Entry>> entries_;
};

}  // namespace jarvis2::meta
