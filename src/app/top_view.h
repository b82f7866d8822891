// The terminal's view of `jarvis2 top`.
#pragma once

#include "hardware/machine.h"

namespace jarvis2::app {

// Draws until q or an interrupt; returns the exit status. Throws Error where the terminal can't do it.
int watch_machine(const hardware::Machine& machine, double interval_s);

}  // namespace jarvis2::app
