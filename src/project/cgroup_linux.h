// A control group that bounds the number of processes, for root, whom RLIMIT_NPROC does not bind.
#pragma once

#include <cstdint>
#include <memory>

#include "base/files.h"

namespace jarvis2::project {

// Lives as long as the object; what still runs in it at the end is killed.
class ProcessGroupLimit {
 public:
  // Nothing when this system gives us no group (no rights, no controller).
  static std::unique_ptr<ProcessGroupLimit> create(std::uint64_t most_processes);
  ~ProcessGroupLimit();
  ProcessGroupLimit(const ProcessGroupLimit&) = delete;
  ProcessGroupLimit& operator=(const ProcessGroupLimit&) = delete;
  // For the child between fork and exec: joins the group; 0 or an errno. Async-signal-safe.
  int join() const;

 private:
  ProcessGroupLimit(fs::path folder, int procs) : folder_(std::move(folder)), procs_(procs) {}
  fs::path folder_;
  int procs_;  // cgroup.procs, open for writing
};

}  // namespace jarvis2::project
