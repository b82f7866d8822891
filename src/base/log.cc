#include "base/log.h"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <mutex>

namespace jarvis2::log {
namespace {

std::atomic<Level> g_level{Level::kInfo};
std::atomic<void (*)()> g_before{nullptr};
std::atomic<void (*)()> g_after{nullptr};
std::mutex g_mutex;
std::shared_ptr<spdlog::logger> g_file;

spdlog::logger& console() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    std::shared_ptr<spdlog::logger> made = spdlog::stderr_color_st("jarvis2");
    made->set_pattern("%^%v%$");
    made->set_level(spdlog::level::trace);
    if (std::getenv("NO_COLOR") != nullptr) {
      static_cast<spdlog::sinks::stderr_color_sink_st*>(made->sinks()[0].get())
          ->set_color_mode(spdlog::color_mode::never);
    }
    return made;
  }();
  return *logger;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      break;
  }
  return spdlog::level::err;
}

}  // namespace

void set_level(Level value) {
  g_level = value;
}
Level level() {
  return g_level;
}

void set_hooks(void (*before)(), void (*after)()) {
  g_before = before;
  g_after = after;
}

void set_file(const std::string& path, std::size_t max_bytes, std::size_t keep) {
  const std::lock_guard lock(g_mutex);
  g_file.reset();
  if (path.empty()) return;
  g_file = std::make_shared<spdlog::logger>(
      "file", std::make_shared<spdlog::sinks::rotating_file_sink_st>(path, max_bytes, keep));
  g_file->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  g_file->set_level(spdlog::level::trace);
  g_file->flush_on(spdlog::level::info);
}

void write(Level level, const std::string& text) {
  const std::lock_guard lock(g_mutex);
  if (level >= g_level) {
    if (void (*before)() = g_before) before();
    std::string line = text;
    if (level == Level::kWarning) line = "warning: " + line;
    if (level == Level::kError) line = "error: " + line;
    console().log(to_spdlog(level), line);
    if (void (*after)() = g_after) after();
  }
  if (g_file) g_file->log(to_spdlog(level), text);
}

}  // namespace jarvis2::log
