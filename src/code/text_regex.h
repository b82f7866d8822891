// The regular expressions of text patterns: bytes, no captures, all matches. Parsed to a small tree that automata are
// made of, forwards or backwards.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace jarvis2::code {

// What the byte before or after a place is; the ends of the text count as newlines.
enum TextContext : std::uint8_t { kWordByte = 0, kNewline = 1, kOtherByte = 2 };
const std::array<std::uint8_t, 256>& text_contexts();

enum class TextAssertion : std::uint8_t { kLineBegin, kLineEnd, kWordBoundary, kNotWordBoundary };
bool holds(TextAssertion assertion, std::uint8_t before, std::uint8_t after);

struct TextRegex {
  enum class Kind : std::uint8_t { kEmpty, kSet, kAssert, kConcat, kAlternate, kRepeat };
  static constexpr std::uint32_t kUnlimited = UINT32_MAX;
  Kind kind = Kind::kEmpty;
  std::bitset<256> set;                                    // kSet
  TextAssertion assertion = TextAssertion::kWordBoundary;  // kAssert
  std::uint32_t least = 0, most = 0;                       // kRepeat
  std::vector<std::unique_ptr<TextRegex>> parts;

  // Lengths of what matches, in bytes.
  std::uint32_t min_length() const;
  std::uint32_t max_length() const;  // kUnlimited
  bool can_hold_newline() const;
};

// Literals, `.` (no newline), classes, \d \w \s and their opposites, escapes, groups, `|`, `* + ? {m,n}`, `^ $` (of
// lines), \b \B. Throws Error for anything else, for what can match nothing at all, and for more than 1000 repetitions.
std::unique_ptr<TextRegex> parse_text_regex(std::string_view expression, bool caseless);
// `literal` with all characters escaped that mean something.
std::string escaped_regex(std::string_view literal);

// The nodes of an automaton with silent moves [Thompson 1968].
struct TextNfa {
  enum class Kind : std::uint8_t { kSet, kAssert, kSplit, kAccept };
  struct Node {
    Kind kind = Kind::kSplit;
    TextAssertion assertion = TextAssertion::kWordBoundary;
    std::uint32_t set = 0;                     // kSet: index in `sets`
    std::uint32_t out = kNone, other = kNone;  // kSplit: both; else `out`
    std::uint32_t pattern = 0;                 // kAccept
  };
  static constexpr std::uint32_t kNone = UINT32_MAX;
  std::vector<Node> nodes;
  std::vector<std::bitset<256>> sets;
  std::vector<std::uint32_t> starts;

  // Adds a pattern, read backwards when asked to.
  void add(const TextRegex& regex, std::uint32_t pattern, bool backwards = false);
  // Sets, assertions and accepts that are reached from `from` without a byte; sorted.
  std::vector<std::uint32_t> reach(const std::vector<std::uint32_t>& from) const;
  // The same, through the assertions that hold between these two bytes; only sets and accepts.
  std::vector<std::uint32_t> pass(const std::vector<std::uint32_t>& from, std::uint8_t before,
                                  std::uint8_t after) const;

 private:
  std::uint32_t build(const TextRegex& regex, std::uint32_t next, bool backwards);
};

}  // namespace jarvis2::code
