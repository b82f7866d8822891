// The meta system of one repository as a running program.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "base/files.h"
#include "base/json_fwd.h"
#include "meta/coordinator.h"
#include "meta/watcher.h"

namespace jarvis2::meta {

struct DaemonOptions {
  fs::path dir = ".";
  CoordinatorOptions coordinator;
  WatchOptions watch;
  bool plan = true;  // false: look and remember, run nothing
};

// Watches until `stop`, a request over the socket, or the repository is gone. `ready` is called once it answers. Throws
// Error: no repository, or another process watches it.
void run_daemon(const DaemonOptions& options, std::stop_token stop, const std::function<void()>& ready);

// What `status` prints: of the running daemon, or (components stopped) of what it left.
Json daemon_status(const fs::path& dir);
// Ends the daemon; false: none was running. Throws Error when it does not end within `timeout_s`.
bool stop_daemon(const fs::path& dir, double timeout_s = 10);

// Starts `args` (of this program) as a process of its own, without terminal, and waits until it says that it is ready
// through the descriptor whose number is appended after "--ready-fd". Returns its pid; throws Error with what it wrote
// to stderr when it ends before.
int detach(std::vector<std::string> args);

}  // namespace jarvis2::meta
