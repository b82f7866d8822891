// One run a repository at a time.
#pragma once

#include <string>

#include "base/files.h"

namespace jarvis2::project {

// Holds <state_dir>/lock until destroyed. The kernel frees it when the process ends, however that happens.
class RunLock {
 public:
  // Throws Error with the holder's pid and what it does when another process holds it.
  explicit RunLock(const fs::path& state_dir, const std::string& what);
  ~RunLock();
  RunLock(RunLock&& other) noexcept;
  RunLock& operator=(RunLock&&) = delete;
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace jarvis2::project
