// Text patterns as tables that the pattern kernel walks: deterministic automata, each for a group of patterns.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "code/text_regex.h"

namespace jarvis2::code {

// A match of `pattern` that ends before byte `end` of its text.
struct TextEnd {
  std::uint32_t pattern = 0;
  std::uint32_t end = 0;
  friend bool operator==(const TextEnd&, const TextEnd&) = default;
  friend auto operator<=>(const TextEnd& a, const TextEnd& b) {
    return a.end != b.end ? a.end <=> b.end : a.pattern <=> b.pattern;
  }
};

// One group's tables, as gpu/kernels/pattern_kernel.h describes them.
struct PatternTables {
  std::array<std::uint8_t, 256> class_of{};
  std::array<std::uint8_t, 256> context_of{};
  std::uint32_t classes = 0;
  std::uint32_t states = 0;
  std::uint32_t first_accepting = 0;
  std::uint32_t overlap = 0;        // matches that hold a newline are at most so long
  std::vector<std::uint16_t> next;  // states * classes
  std::vector<std::uint32_t> accept_at;
  std::vector<std::uint32_t> accepts;
};

struct TextAutomata {
  std::vector<PatternTables> groups;
  std::vector<std::uint32_t> left_out;  // patterns that no table of bearable size holds, or whose stretch has no bound
};
inline constexpr std::uint32_t kMostStates = 4096;  // of a group
inline constexpr std::uint32_t kMostOverlap = 256;  // bytes
// Numbers of patterns are indices in `patterns`.
TextAutomata make_automata(const std::vector<std::unique_ptr<TextRegex>>& patterns,
                           std::uint32_t most_states = kMostStates);

// What one thread of the kernel does; offsets in the whole text.
struct PatternItem {
  std::uint32_t scan_from = 0, report_from = 0, end = 0, file_end = 0;
};
// Cuts files, given by the ends of their stretches in `text`, into items of about `bytes`.
std::vector<PatternItem> pattern_items(std::string_view text, std::span<const std::uint32_t> file_ends,
                                       std::uint32_t overlap, std::uint32_t bytes);

// The kernel on this thread: ends in the order of the items. At most 4 GiB of text.
std::vector<TextEnd> run_host(const PatternTables& tables, std::string_view text, std::span<const PatternItem> items);

// The leftmost begin of a match of `backwards` (an automaton of one pattern, built backwards) that ends at `end`.
std::uint32_t leftmost_begin(const TextNfa& backwards, std::string_view text, std::uint32_t end);

}  // namespace jarvis2::code
