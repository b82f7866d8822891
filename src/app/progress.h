// Progress on stderr: one live line on a terminal, plain lines elsewhere; nothing with --quiet.
#pragma once

#include <cstdint>
#include <string>

namespace jarvis2::app {

// Log lines and the live line share the terminal. One at a time; not thread-safe.
class ProgressLine {
 public:
  explicit ProgressLine(bool enabled);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  // What is going on now; redrawn at most ten times a second.
  void set(const std::string& text);
  // A line that stays.
  void note(const std::string& text);

 private:
  bool enabled_;
  bool terminal_;
  std::uint64_t drawn_ns_ = 0;
};

// "12 s", "3 min 05 s".
std::string duration_text(double seconds);
// Whether stdout may carry colours: a terminal, and NO_COLOR not set.
bool stdout_colors();

}  // namespace jarvis2::app
