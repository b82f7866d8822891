// Build options as actions: written into the project's own build files, so that they are part of the patch.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "edit/action.h"

namespace jarvis2::edit {

struct OptionContext {
  // path → text: those that is_build_file_name() knows, and files named in the build command.
  std::map<std::string, std::string> build_files;
  std::string build;  // the project's commands
  std::string test;
  std::vector<std::string> bench;
  // Commands that profile-guided optimisation may train on: none that is measured for the verdict. Empty: the tests.
  std::vector<std::string> training;
  bool has_c = false;
  bool has_cpp = false;
  bool has_python = false;
  // Nothing here looks at what mathematical functions and floating point leave in errno and in the exception flags.
  bool quiet_math = false;
  bool allow_native = false;     // -march=native: the result is tied to this machine
  bool allow_fast_math = false;  // parts of -ffast-math, one by one
};

// Options that can be written into the files that the build command reads, most promising first; for interpreted code,
// and where no build file is known, recommendations only. Pure; thread-safe.
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
  bool unity = false;  // CMake and Meson only
};

enum class BuildTool { kNone, kCmake, kMake, kMeson, kScript };
// What the project's build command reads: the file that flags are written into, for make perhaps several.
struct BuildFiles {
  BuildTool tool = BuildTool::kNone;
  std::string folder;              // where the tool runs, relative to the repository
  std::vector<std::string> paths;  // among the context's build files
};
BuildFiles build_files_of(const OptionContext& context);
// Whether this source text uses floating point functions; and whether it could see what they leave behind besides their
// results (errno beside them, exception flags, traps).
bool uses_math(const std::string& text);
bool watches_math(const std::string& text);
// Whether a file of this name may be a build file whatever the command says; and the command's words as paths.
bool is_build_file_name(const std::string& path);
std::vector<std::string> words_of_build(const std::string& build);

// The text that each build system needs; nullopt where it does not fit the file. Replacements against `text`.
std::optional<std::vector<Replacement>> write_cmake(const Option& option, const OptionContext& context,
                                                    const std::string& path, const std::string& text);
std::optional<std::vector<Replacement>> write_make(const Option& option, const OptionContext& context,
                                                   const std::string& path, const std::string& text);
std::optional<std::vector<Replacement>> write_meson(const Option& option, const OptionContext& context,
                                                    const std::string& path, const std::string& text);
// A shell script: into the compiler's commands, after each optimisation level.
std::optional<std::vector<Replacement>> write_script(const Option& option, const std::string& path,
                                                     const std::string& text);
// The shell line that builds and trains an instrumented copy of the tree in the folder that it is told. Empty: the
// commands can't be written into a build file.
std::string training_line(const OptionContext& context, const std::vector<std::string>& left_out,
                          const std::string& copy, const std::string& profile);
// The optimisation level that the build uses now: "-O2", "-O3", ...; empty: unknown.
std::string current_level(const OptionContext& context, const std::string& text);

}  // namespace jarvis2::edit
