// Many text patterns at once over whole files: Vectorscan, or our own automata on the CPU or a device. All give the
// same matches.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "code/text_automaton.h"

namespace jarvis2::code {

struct TextPattern {
  std::string expression;  // text_regex.h says what is understood
  bool literal = false;
  bool caseless = false;
};

// A match: every end of every pattern once, with the leftmost begin that goes with it. Offsets are in its own text.
struct TextMatch {
  std::uint32_t pattern = 0;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  friend bool operator==(const TextMatch&, const TextMatch&) = default;
};

enum class PatternEngine : std::uint8_t { kAuto, kVectorscan, kAutomaton, kDevice };

// A device that walks the automata: all ends of one group in one text, in any order. Throws Error when it can't.
struct PatternDevice {
  std::string name;  // "cuda", "metal"
  std::function<std::vector<TextEnd>(const PatternTables& tables, std::string_view text,
                                     std::span<const PatternItem> items)>
      run;
};
// What kDevice and, where it pays, kAuto use from now on. The GPU back end calls it when it is loaded.
void set_pattern_device(PatternDevice device);
bool has_pattern_device();

// Immutable after building, so it may scan on many threads.
class MultiPattern {
 public:
  // Throws Error naming a pattern that is not understood.
  explicit MultiPattern(std::vector<TextPattern> patterns);
  ~MultiPattern();
  MultiPattern(MultiPattern&&) noexcept;
  MultiPattern& operator=(MultiPattern&&) noexcept;

  std::size_t size() const;
  const TextAutomata& automata() const;
  // Matches by end, then pattern.
  std::vector<TextMatch> scan(std::string_view text, PatternEngine engine = PatternEngine::kAuto) const;
  // One list a text; shared out among `threads`. Throws Interrupted when `stop` is requested.
  std::vector<std::vector<TextMatch>> scan_all(std::span<const std::string_view> texts, unsigned threads,
                                               PatternEngine engine = PatternEngine::kAuto,
                                               std::stop_token stop = {}) const;
  // Ends alone, sorted, each once: what engines are compared by.
  std::vector<std::vector<TextEnd>> ends(std::span<const std::string_view> texts, unsigned threads,
                                         PatternEngine engine, std::stop_token stop = {}) const;
  // From so many bytes on, kAuto takes the device; UINT64_MAX: never. Measured once for a device and kept in the user's
  // cache.
  std::uint64_t crossover_bytes() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// For each pattern the longest match at each begin, and none that overlaps one before it.
std::vector<TextMatch> distinct(std::vector<TextMatch> matches);

}  // namespace jarvis2::code
