#include <fmt/format.h>

#include <cstdlib>

#include "base/error.h"
#include "base/hash.h"
#include "meta/service.h"

namespace jarvis2::meta {
namespace {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
  return out;
}

}  // namespace

Service service_for(const fs::path& root, const fs::path& program, const std::vector<std::string>& args) {
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home != '/')
    throw Error("meta::service_for", "HOME is not set: there is no place for the agent");
  const std::string label = fmt::format("jarvis2.{:08x}", hash64(root.string()) & 0xffffffffu);
  std::string words;
  std::vector<std::string> command = {program.string(), "watch"};
  command.insert(command.end(), args.begin(), args.end());
  for (const std::string& word : command) words += fmt::format("    <string>{}</string>\n", escaped(word));
  Service service;
  service.file = fs::path(home) / "Library" / "LaunchAgents" / (label + ".plist");
  service.text = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
      "<plist version=\"1.0\">\n<dict>\n  <key>Label</key>\n  <string>{}</string>\n"
      "  <key>ProgramArguments</key>\n  <array>\n{}  </array>\n  <key>RunAtLoad</key>\n  <true/>\n"
      "  <key>KeepAlive</key>\n  <dict>\n    <key>Crashed</key>\n    <true/>\n  </dict>\n"
      "  <key>ProcessType</key>\n  <string>Background</string>\n</dict>\n</plist>\n",
      label, words);
  service.enable = fmt::format("launchctl bootstrap gui/$(id -u) '{}'", service.file.string());
  return service;
}

}  // namespace jarvis2::meta
