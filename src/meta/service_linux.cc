#include <fmt/format.h>

#include <cstdlib>

#include "base/error.h"
#include "base/hash.h"
#include "meta/service.h"

namespace jarvis2::meta {
namespace {

// systemd.syntax(7): quotes, and percent signs doubled.
std::string quoted(const std::string& word) {
  std::string text = "\"";
  for (const char c : word) {
    if (c == '"' || c == '\\') text += '\\';
    if (c == '%') text += '%';
    if (c == '$') text += '$';
    text += c;
  }
  return text + "\"";
}

}  // namespace

Service service_for(const fs::path& root, const fs::path& program, const std::vector<std::string>& args) {
  fs::path config;
  if (const char* set = std::getenv("XDG_CONFIG_HOME"); set != nullptr && *set == '/') {
    config = set;
  } else if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') {
    config = fs::path(home) / ".config";
  } else {
    throw Error("meta::service_for", "HOME is not set: there is no place for the unit");
  }
  const std::string name = fmt::format("jarvis2-{:08x}.service", hash64(root.string()) & 0xffffffffu);
  std::string command = quoted(program.string()) + " watch";
  for (const std::string& arg : args) command += " " + quoted(arg);
  Service service;
  service.file = config / "systemd" / "user" / name;
  service.text = fmt::format(
      "[Unit]\nDescription=jarvis2 watches {}\n\n[Service]\nExecStart={}\nNice=10\nSuccessExitStatus=130\n"
      "Restart=on-failure\nRestartSec=10\nTimeoutStopSec=5\n\n[Install]\nWantedBy=default.target\n",
      root.string(), command);
  service.enable = "systemctl --user daemon-reload && systemctl --user enable --now " + name;
  return service;
}

}  // namespace jarvis2::meta
