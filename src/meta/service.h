// The daemon as a service of the user's session: a systemd unit, or a launchd agent.
#pragma once

#include <string>
#include <vector>

#include "base/files.h"

namespace jarvis2::meta {

struct Service {
  fs::path file;  // to be written
  std::string text;
  std::string enable;  // the command that starts it now and at every login
};

// Port. `args`: of `watch`, the repository's path among them.
Service service_for(const fs::path& root, const fs::path& program, const std::vector<std::string>& args);

}  // namespace jarvis2::meta
