// Ports: where a GPU module and its libraries are.
#pragma once

#include <string>

namespace jarvis2::gpu {

extern const char* const kModuleName;
extern const char* const kMlxLibrary;  // below deps_dir()
// Why no module needs to be tried on this machine; empty when one should. Costs next to nothing.
std::string missing_driver();

}  // namespace jarvis2::gpu
