// Shell commands run where they can harm nothing: no network, no home, no secrets, only their worktree to write to.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/process.h"

namespace jarvis2::project {

// Inside, every worktree is seen at this path, so that outputs and builds of two candidates are equal (Linux; on
// macOS, and on the Landlock level, a command sees its worktree's own path).
inline constexpr const char* kSandboxSource = "/jarvis2/src";

enum class SandboxLevel {
  kNone,        // nothing works here: `missing` says why
  kNamespaces,  // bubblewrap and seccomp
  kLandlock,    // Landlock and seccomp: user namespaces are forbidden
  kSeatbelt,    // sandbox-exec of macOS
};
struct SandboxSupport {
  SandboxLevel level = SandboxLevel::kNone;
  std::string missing;  // what would be needed for the best level; empty when it is there
};
// Tried once a process by really starting something. Thread-safe.
const SandboxSupport& sandbox_support();
std::string level_name(SandboxLevel level);  // "namespaces", "landlock", "seatbelt", "none"

struct SandboxOptions {
  fs::path worktree;                                     // host folder, writable
  bool network = false;                                  // setup only
  bool read_only_worktree = false;                       // and `home`: for commands that have nothing to write there
  std::vector<std::string> pinned;                       // paths in the worktree that are read-only (those that exist)
  std::vector<fs::path> readable;                        // more host files and folders, read-only, same path
  std::vector<fs::path> writable;                        // more host folders, writable, same path
  fs::path home;                                         // host folder that becomes HOME; empty: a private tmpfs
  std::vector<std::pair<std::string, std::string>> env;  // on top of the clean environment
  std::uint64_t tmp_bytes = 1ull << 30;                  // size of /tmp and of HOME, each
  std::uint64_t memory_bytes = 0;                        // of a worktree's commands together; without a control
                                                         // group of each process; 0: no limit
  std::uint64_t file_bytes = 4ull << 30;
  std::uint64_t processes = 4096;
  std::uint64_t open_files = 4096;
  std::uint64_t output_bytes = 64ull << 20;  // kept of each stream
};

// Commands in one worktree under one policy. Immutable, so usable from many threads.
class Sandbox {
 public:
  // Throws Error when no level works (fails closed) or the worktree does not exist.
  explicit Sandbox(SandboxOptions options);
  ~Sandbox();
  Sandbox(Sandbox&&) noexcept;
  Sandbox& operator=(Sandbox&&) noexcept;

  // What to spawn for `command` (given to `sh -c`, in the worktree's root). Valid while this object lives; may be
  // spawned many times and at once; set cpus, stdin and limits on it as you like. The CPU time of wait4 covers every
  // process of the command, and the whole tree dies with it.
  SpawnOptions command(const std::string& command) const;
  ProcessResult run(const std::string& command, double timeout_s = 0, std::stop_token stop = {}) const;
  // CPU time that starting and ending the sandbox itself takes (`true` inside, median of a few), measured once.
  std::uint64_t launch_cpu_ns() const;
  // The worktree's path as commands see it.
  fs::path inner_path() const;
  const SandboxOptions& options() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What commands may read of the toolchains and where their programs are: compilers, interpreters and package homes
// found in PATH and at their usual places; only what exists, nothing that holds credentials.
struct Toolchains {
  std::vector<fs::path> folders;  // files too; outside the system's own folders
  std::string path;               // PATH for commands, in the user's order, version managers' shims resolved
  std::vector<std::pair<std::string, std::string>> env;  // homes of toolchains (CARGO_HOME, GOROOT, ...)
};
// `worktree` may hold a .python-version. Thread-safe.
Toolchains find_toolchains(const fs::path& worktree);

}  // namespace jarvis2::project
