// Control groups that bound the processes and the memory of a command and all it starts.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/files.h"

namespace jarvis2::project {

// Lives as long as the object; what still runs in it at the end is killed.
class ControlGroup {
 public:
  // 0: not to be limited. Nothing when this system gives us no group for either (no rights, no controller); else
  // limits_processes() and limits_memory() say what it gave.
  static std::unique_ptr<ControlGroup> create(std::uint64_t most_processes, std::uint64_t memory_bytes);
  ~ControlGroup();
  ControlGroup(const ControlGroup&) = delete;
  ControlGroup& operator=(const ControlGroup&) = delete;
  bool limits_processes() const { return limits_processes_; }
  bool limits_memory() const { return limits_memory_; }
  std::vector<fs::path> folders() const;
  // For the child between fork and exec: joins the group; 0 or an errno. Async-signal-safe.
  int join() const;

 private:
  struct Folder {
    fs::path path;
    int lock;   // the folder itself, locked as long as it is used
    int procs;  // cgroup.procs, open for writing
  };
  ControlGroup() = default;
  bool add(const fs::path& parent, const std::vector<std::pair<const char*, std::string>>& limits);

  std::vector<Folder> folders_;  // one a hierarchy
  bool limits_processes_ = false;
  bool limits_memory_ = false;
};

}  // namespace jarvis2::project
