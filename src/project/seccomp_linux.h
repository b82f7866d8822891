// System calls that sandboxed commands may not use.
#pragma once

#include <string>

namespace jarvis2::project {

// A compiled BPF program (struct sock_filter after struct sock_filter). `closed`: the level without namespaces, which
// also denies sockets, signals' escape by new sessions, and raw paths to other processes.
std::string seccomp_program(bool closed, bool network);

}  // namespace jarvis2::project
