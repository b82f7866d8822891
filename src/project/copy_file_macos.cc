#include <copyfile.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "project/copy_file.h"

namespace jarvis2::project {

void copy_file(const fs::path& from, const fs::path& to, mode_t mode) {
  if (::copyfile(from.c_str(), to.c_str(), nullptr, COPYFILE_CLONE | COPYFILE_EXCL) != 0 ||
      ::chmod(to.c_str(), mode) != 0) {
    throw Error("project::copy_file", fmt::format("{}: {}", to.string(), std::strerror(errno)));
  }
}

}  // namespace jarvis2::project
