// A run as people read it in a terminal.
#pragma once

#include <string>

#include "base/json_fwd.h"

namespace jarvis2::app {

// The verdict in one line, the actions with what each contributed, what was tried and dropped, the next step.
std::string improve_text(const Json& result, bool colors);
// How well a patch is checked, a line each: coverage, faults noticed, generated inputs.
std::string checked_text(const Json& strength, const Json& verification);
// How it was measured: instrument, wall clock, A/A, link orders, notes.
std::string measured_text(const Json& verification);

}  // namespace jarvis2::app
