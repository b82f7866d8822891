// Sees what changes in a working tree: bursts of changes, coalesced, without what git ignores.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/files.h"

namespace jarvis2::meta {

// One thing the user did, as one: a save, a build, a branch switch.
struct Burst {
  std::vector<std::string> paths;  // relative to the root, sorted; files that changed, came or went
  bool rescan = false;             // too many, or the system lost some: look at everything; `paths` is empty
  bool git = false;                // HEAD, the index or a branch changed
  bool root_gone = false;          // nothing more will come
  std::size_t events = 0;          // that the system told of
};

struct WatchOptions {
  std::chrono::milliseconds quiet{150};     // a burst ends when nothing happened for so long ...
  std::chrono::milliseconds longest{2000};  // ... or so long after it began, unless git is at work
  std::size_t most_paths = 2000;            // more become a rescan
  std::size_t most_folders = 0;             // watched; 0: as many as the system gives (tests)
  int queue_bytes = 65536;                  // read at a time (tests)
};

// What a port reports between two calls.
struct RawChanges {
  std::set<std::string> paths;  // relative; not ignored
  bool overflow = false;        // the system dropped some
  bool git = false;
  bool root_gone = false;
  std::size_t events = 0;
};

// Port: the system's own notification. wait() and the destructor from one thread, wake() from any.
class ChangeSource {
 public:
  virtual ~ChangeSource() = default;
  // Waits at most `timeout` (negative: for ever) and adds what happened to `into`. False: nothing did.
  virtual bool wait(std::chrono::milliseconds timeout, RawChanges& into) = 0;
  virtual void wake() = 0;
  // Not everything can be watched (the system's limit): someone must look by himself now and then.
  virtual bool partial() const = 0;
};
// `git_dir`: of this working tree. `ignored` is called with relative paths, folders ending in '/', from the thread that
// waits.
std::unique_ptr<ChangeSource> open_changes(const fs::path& root, const fs::path& git_dir,
                                           std::function<bool(const std::string&)> ignored,
                                           const WatchOptions& options);

// Not thread-safe but for what a stop token does.
class Watcher {
 public:
  // Watches from now on. Throws Error where the root can't be watched.
  explicit Watcher(const fs::path& root, const WatchOptions& options = {});
  ~Watcher();
  // Waits for the next burst; no value: stopped, or `timeout` passed without any (0: for ever).
  std::optional<Burst> next(std::stop_token stop, std::chrono::milliseconds timeout = {});
  bool partial() const { return source_->partial(); }

 private:
  bool git_works() const;  // a lock file of git's is there
  fs::path root_;
  fs::path git_dir_;
  WatchOptions options_;
  std::unique_ptr<ChangeSource> source_;
};

}  // namespace jarvis2::meta
