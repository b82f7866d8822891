// Where the running program is, and what was shipped with it.
#pragma once

#include <filesystem>

namespace jarvis2 {

// The file of the running program; throws Error where the system doesn't tell.
std::filesystem::path executable_path();
// The folder that holds rules/, models/ and bench/: $JARVIS2_DATA, or the nearest folder above the program that has
// rules/ or share/jarvis2/rules. Throws Error when there is none.
std::filesystem::path data_dir();

}  // namespace jarvis2
