// Ctrl-C and SIGTERM: the first asks everything to stop (a stop token), the second ends the process at once.
#pragma once

#include <stop_token>

namespace jarvis2 {

// Installs the handlers. Call once, first thing in main, before threads exist.
void install_interrupt_handlers();
// Stops when the user interrupts. Thread-safe.
std::stop_token interrupt_token();
bool interrupted();
// Throws Interrupted when the user has interrupted.
void check_interrupt();

}  // namespace jarvis2
