// Build options as actions: written into the project's own build files, so that they are part of the patch.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "edit/action.h"

namespace jarvis2::edit {

struct OptionContext {
  std::map<std::string, std::string> build_files;  // path → text: CMakeLists.txt, Makefile, GNUmakefile, meson.build
  std::string build;                               // the project's commands
  std::string test;
  std::vector<std::string> bench;
  // Commands that profile-guided optimisation may train on: none that is measured for the verdict. Empty: the tests.
  std::vector<std::string> training;
  bool has_c = false;
  bool has_cpp = false;
  bool has_python = false;
  bool allow_native = false;     // -march=native: the result is tied to this machine
  bool allow_fast_math = false;  // parts of -ffast-math, one by one
};

// Options that can be written into the root build file, most promising first; for interpreted code, and where no build
// file is known, recommendations only. Pure; thread-safe.
std::vector<Action> option_actions(const OptionContext& context);

// One change of compiler or linker flags, before it is written for a build system.
struct Option {
  std::string rule;  // "option/o3"
  std::string title;
  std::string note;
  std::string group;
  double prior_ratio = 1.0;
  std::vector<std::string> compile;  // flags
  std::vector<std::string> link;
  std::string library;  // linked in where the build finds it: "mimalloc"
  bool lto = false;
  bool pgo = false;
};

// The text that each build system needs; nullopt where it does not fit the file. Replacements against `text`.
std::optional<std::vector<Replacement>> write_cmake(const Option& option, const OptionContext& context,
                                                    const std::string& path, const std::string& text);
std::optional<std::vector<Replacement>> write_make(const Option& option, const OptionContext& context,
                                                   const std::string& path, const std::string& text);
std::optional<std::vector<Replacement>> write_meson(const Option& option, const OptionContext& context,
                                                    const std::string& path, const std::string& text);
// The optimisation level that the build uses now: "-O2", "-O3", ...; empty: unknown.
std::string current_level(const OptionContext& context, const std::string& text);

}  // namespace jarvis2::edit
