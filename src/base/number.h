#pragma once

#include <optional>
#include <string_view>

namespace jarvis2 {

// All of the text as a decimal number ("-1.5e3"), whatever the locale; nothing when it is none or not finite. For want
// of std::from_chars(double) before macOS 26.
std::optional<double> parse_double(std::string_view text);

}  // namespace jarvis2
