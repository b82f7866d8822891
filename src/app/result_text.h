// A run as people read it in a terminal.
#pragma once

#include <string>

#include "base/json_fwd.h"

namespace jarvis2::app {

// The verdict in one line, the actions with what each contributed, what was tried and dropped, the next step.
std::string improve_text(const Json& result, bool colors);

}  // namespace jarvis2::app
