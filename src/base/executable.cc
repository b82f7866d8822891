#include "base/executable.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/error.h"

namespace jarvis2 {

namespace fs = std::filesystem;

fs::path data_dir() {
  const char* data = std::getenv("JARVIS2_DATA");
  if (data != nullptr && *data != '\0') return data;
  const fs::path program = executable_path();
  for (fs::path folder = program.parent_path();; folder = folder.parent_path()) {
    if (fs::is_directory(folder / "rules")) return folder;
    if (fs::is_directory(folder / "share/jarvis2/rules")) return folder / "share/jarvis2";
    if (folder == folder.root_path()) break;
  }
  throw Error(
      "base::data_dir",
      fmt::format("no rules/ in any folder above {}: set JARVIS2_DATA to the folder that holds it", program.string()));
}

}  // namespace jarvis2
