// Options that several commands share.
#pragma once

#include <string>

namespace jarvis2::app {

// "90", "90s", "10m", "1.5h" as seconds above 0; throws Error naming `what`.
double parse_duration_s(const std::string& text, const std::string& what);

}  // namespace jarvis2::app
