// Child processes: spawned in a session of their own, killed with all their descendants, accounted with wait4.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"

namespace jarvis2 {

struct SpawnOptions {
  std::vector<std::string> argv;                         // argv[0] is looked up in PATH
  fs::path cwd;                                          // empty: ours
  bool clear_env = false;                                // start from an empty environment
  std::vector<std::pair<std::string, std::string>> env;  // set on top
  std::string stdin_bytes;                               // given to the child; empty: /dev/null
  std::size_t max_output_bytes = 64 << 20;               // per stream; what is beyond is read, hashed and dropped
  bool merge_stderr = false;                             // stderr goes into `out`
  std::optional<std::vector<int>> cpus;                  // affinity (Linux)
  std::optional<std::uint64_t> limit_memory_bytes;       // RLIMIT_AS
  std::optional<std::uint64_t> limit_data_bytes;         // RLIMIT_DATA: private writable memory, no mere reservations
  std::optional<std::uint64_t> limit_file_bytes;         // RLIMIT_FSIZE
  std::optional<std::uint64_t> limit_cpu_s;              // RLIMIT_CPU
  std::optional<std::uint64_t> limit_processes;          // RLIMIT_NPROC
  std::optional<std::uint64_t> limit_open_files;         // RLIMIT_NOFILE
  std::vector<int> inherit_fds;                          // descriptors kept open in the child, same numbers
  // Called in the child just before exec, by async-signal-safe means only; an errno other than 0 fails the spawn.
  std::function<int()> in_child;
};

struct ProcessResult {
  int exit_code = -1;  // -1 when ended by a signal
  int signal = 0;
  bool timed_out = false;  // killed by us at the deadline
  bool cancelled = false;  // killed by us because the token stopped
  std::string out;
  std::string err;
  bool truncated = false;      // more output than max_output_bytes
  std::uint64_t out_hash = 0;  // of all of stdout, truncated or not
  std::uint64_t wall_ns = 0;   // from just before exec to the exit being seen
  std::uint64_t cpu_ns = 0;    // user + system of the child and the descendants it waited for
  std::uint64_t max_rss_bytes = 0;
  bool ok() const { return exit_code == 0 && !timed_out && !cancelled; }
};

// A running child. Not thread-safe; the thread that spawned it must outlive it (the kernel kills the child when that
// thread ends). The destructor kills the process group.
class Process {
 public:
  static Process spawn(const SpawnOptions& options);
  ~Process();
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  int pid() const { return pid_; }
  // Reads the output until the child exits, the timeout passes or `stop` is requested, then reaps it. Call once.
  ProcessResult wait(double timeout_s = 0, std::stop_token stop = {});
  // SIGKILL to the child's whole process group.
  void kill();

 private:
  Process() = default;
  void close_all();
  int pid_ = -1;
  int out_ = -1;
  int err_ = -1;
  int in_ = -1;
  std::string stdin_bytes_;
  std::size_t max_output_bytes_ = 0;
  std::uint64_t started_ns_ = 0;
};

// Spawn and wait. `timeout_s` 0: none. Throws Error when the program cannot be started.
ProcessResult run_process(const SpawnOptions& options, double timeout_s = 0, std::stop_token stop = {});
// Whether `name` is an executable in PATH; its path, else empty.
fs::path find_program(const std::string& name);
std::uint64_t monotonic_ns();

}  // namespace jarvis2
