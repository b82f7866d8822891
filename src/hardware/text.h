// Reading what tools of the system print.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace jarvis2::hardware {

std::string_view trim(std::string_view text);
std::string lower(std::string_view text);
std::vector<std::string> split(std::string_view text, char separator);  // keeps empty parts
std::vector<std::string> words(std::string_view text);
std::vector<std::string> lines(std::string_view text);  // without line ends of either kind
// All of the text is one number, decimal or 0x hexadecimal.
std::optional<std::uint64_t> number(std::string_view text);
// The number a text begins with ("30 %" is 30); 0 without one.
std::uint64_t leading_number(std::string_view text);
// "24 GB", "143771 MiB", "16336484 kB", "1536M", "512": bytes. Units count in 1024s, as the tools mean them.
std::optional<std::uint64_t> size_bytes(std::string_view text);
// "0-3,8": 0 1 2 3 8; nothing when that is not a list of CPUs.
std::optional<std::vector<int>> cpu_list(std::string_view text);
// "key: value" or "key = value", trimmed; nothing when there is neither, or no key.
std::optional<std::pair<std::string, std::string>> key_value(std::string_view line, std::string_view separators = ":=");

}  // namespace jarvis2::hardware
