#include "app/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "base/log.h"
#include "base/process.h"

namespace jarvis2::app {
namespace {

// The live line; shared with the log's hooks.
std::mutex g_mutex;
std::string g_line;

std::size_t width() {
  struct winsize size {};
  return ::ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_col > 10 ? size.ws_col : 80;
}

void clear_line() {
  fmt::print(stderr, "\r\033[K");
}

void draw_line() {
  if (g_line.empty()) return;
  // Cut at code points, not inside one.
  std::string text;
  std::size_t columns = 0;
  for (const char c : g_line) {
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80 && ++columns >= width()) break;
    text += c;
  }
  fmt::print(stderr, "\r\033[K{}", text);
  std::fflush(stderr);
}

void before_log() {
  const std::lock_guard lock(g_mutex);
  if (!g_line.empty()) clear_line();
}

void after_log() {
  const std::lock_guard lock(g_mutex);
  draw_line();
}

}  // namespace

ProgressLine::ProgressLine(bool enabled)
    : enabled_(enabled && log::level() <= log::Level::kInfo),
      terminal_(::isatty(2) == 1 && std::getenv("CI") == nullptr) {
  if (enabled_ && terminal_) log::set_hooks(before_log, after_log);
}

ProgressLine::~ProgressLine() {
  if (!enabled_ || !terminal_) return;
  log::set_hooks(nullptr, nullptr);
  const std::lock_guard lock(g_mutex);
  if (!g_line.empty()) clear_line();
  g_line.clear();
  std::fflush(stderr);
}

void ProgressLine::set(const std::string& text) {
  if (!enabled_ || !terminal_) return;
  const std::lock_guard lock(g_mutex);
  g_line = text;
  const std::uint64_t now = monotonic_ns();
  if (now - drawn_ns_ < 100'000'000u) return;
  drawn_ns_ = now;
  draw_line();
}

void ProgressLine::note(const std::string& text) {
  if (enabled_) log::info("{}", text);
}

std::string duration_text(double seconds) {
  const int whole = static_cast<int>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

bool stdout_colors() {
  return ::isatty(1) == 1 && std::getenv("NO_COLOR") == nullptr;
}

}  // namespace jarvis2::app
