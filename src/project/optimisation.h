// Whether a native build was compiled with optimisation: no speed-up is claimed over -O0.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/files.h"

namespace jarvis2::project {

struct BuildCheck {
  bool optimised = true;   // also when nothing native was seen
  std::string evidence;    // the first compile command without optimisation, shortened
  std::string build_type;  // of CMake's cache; empty: none
  bool has_cmake = false;
  bool has_meson = false;
  // What to add to the environment of setup and build to correct it, and how to say so. Empty: not known.
  std::vector<std::pair<std::string, std::string>> correction;
  std::string correction_text;
};

// Looks at compile_commands.json, CMakeCache.txt and the compile commands that the build printed.
BuildCheck check_build(const fs::path& tree, const std::string& build_output);

}  // namespace jarvis2::project
