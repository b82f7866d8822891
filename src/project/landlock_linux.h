// Landlock: which files a process and its descendants may touch.
#pragma once

#include <vector>

#include "base/files.h"

namespace jarvis2::project {

// The kernel's version of the interface; 0: none.
int landlock_abi();
// A rule set: reads and execution below `readable`, everything below `writable`; devices may be written. The caller
// closes the descriptor. Throws Error.
int landlock_ruleset(const std::vector<fs::path>& readable, const std::vector<fs::path>& writable,
                     const std::vector<fs::path>& devices);
// For the child between fork and exec: takes the rule set on and drops all capabilities; 0 or an errno.
// Async-signal-safe.
int landlock_enter(int ruleset);

}  // namespace jarvis2::project
