// Copies of files that share blocks where the file system can.
#pragma once

#include <sys/types.h>

#include "base/files.h"

namespace jarvis2::project {

// `to` must not exist. Throws Error, leaving nothing.
void copy_file(const fs::path& from, const fs::path& to, mode_t mode);

}  // namespace jarvis2::project
