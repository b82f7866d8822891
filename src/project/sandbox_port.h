// Between sandbox.cc and the port of each system; nobody else includes this.
#pragma once

#include <memory>
#include <string>

#include "project/sandbox.h"

namespace jarvis2::project::port {

// What a port keeps for one Sandbox (descriptors, folders).
class Prepared {
 public:
  virtual ~Prepared() = default;
  // The clean environment is already in `options.env`; the port sets argv, folder and limits.
  virtual SpawnOptions spawn(const std::string& command) const = 0;
  virtual fs::path inner_path() const = 0;
};

// HOME as commands see it, when options.home names a folder.
fs::path inner_home(const SandboxOptions& options, SandboxLevel level);
SandboxSupport probe();
std::unique_ptr<Prepared> prepare(const SandboxOptions& options, const Toolchains& toolchains, SandboxLevel level);

}  // namespace jarvis2::project::port
