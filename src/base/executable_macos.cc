#include <mach-o/dyld.h>

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/executable.h"

namespace jarvis2 {

std::filesystem::path executable_path() {
  std::uint32_t size = 0;
  _NSGetExecutablePath(nullptr, &size);
  std::string path(size, '\0');
  if (_NSGetExecutablePath(path.data(), &size) != 0) throw Error("base::executable_path", "the system doesn't tell");
  return std::filesystem::canonical(path.c_str());
}

}  // namespace jarvis2
