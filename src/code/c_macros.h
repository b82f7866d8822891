// Macros in declarations, which a parser without a preprocessor stumbles over.
#pragma once

#include <string>
#include <string_view>

namespace jarvis2::code {

// The text with macros that stand for specifiers blanked out: `class API Name {`, `API int f(`, `int API f(`, a line
// that is one capital word. Every byte keeps its place. Goes by spelling alone; preprocessor lines, comments and
// strings stay.
std::string mask_macros(std::string_view text);

}  // namespace jarvis2::code
