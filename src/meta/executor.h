// Runs the work of a plan: this program as a child process, which may crash, be stopped, or be killed with all it
// started.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json_fwd.h"

namespace jarvis2::meta {

struct ExecutorResult {
  int status = -1;          // exit status; -1: killed
  std::string out;          // stdout
  std::string error;        // last line of stderr
  std::string interrupted;  // why it was ended before its time; empty: it ended by itself
};

struct ExecutorOptions {
  double limit_s = 0;  // 0: none
  // Asked every two seconds; a reason other than "" ends the run.
  std::function<std::string()> reason_to_stop;
};

// Runs `program args...` and waits. When `stop` is requested, or there is a reason, it is asked to end (SIGTERM) and
// killed 1.2 s later.
ExecutorResult execute(const fs::path& program, const std::vector<std::string>& args, const ExecutorOptions& options,
                       std::stop_token stop);

}  // namespace jarvis2::meta
