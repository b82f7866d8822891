// Messages for people go to stderr; data goes to stdout and never through here.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

namespace jarvis2::log {

enum class Level { kDebug, kInfo, kWarning, kError };

void set_level(Level level);
Level level();
// While set, called before and after each line (a progress display clears and redraws itself). Thread-safe.
void set_hooks(void (*before)(), void (*after)());
// Also append every line to this file, rotated at `max_bytes`, `keep` files. Empty path: stop.
void set_file(const std::string& path, std::size_t max_bytes, std::size_t keep);

void write(Level level, const std::string& text);

template <typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (level() <= Level::kDebug) write(Level::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (level() <= Level::kInfo) write(Level::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace jarvis2::log
