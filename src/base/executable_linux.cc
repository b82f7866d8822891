#include "base/error.h"
#include "base/executable.h"

namespace jarvis2 {

std::filesystem::path executable_path() {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) throw Error("base::executable_path", "/proc/self/exe: " + error.message());
  return path;
}

}  // namespace jarvis2
