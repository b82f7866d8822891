// Options in CMakeLists.txt: lines after the first project(), so that they hold for all targets below.
#include <algorithm>
#include <regex>

#include "edit/options/options.h"

namespace jarvis2::edit {
namespace {

// The byte after the line that ends project(...); npos: none.
std::size_t after_project(const std::string& text) {
  static const std::regex start("(^|\\n)[ \\t]*project[ \\t]*\\(", std::regex::icase);
  std::smatch match;
  if (!std::regex_search(text, match, start)) return std::string::npos;
  std::size_t at = static_cast<std::size_t>(match.position(0) + match.length(0));
  int depth = 1;
  while (at < text.size() && depth > 0) {
    if (text[at] == '(') ++depth;
    if (text[at] == ')') --depth;
    ++at;
  }
  while (at < text.size() && text[at] != '\n') ++at;
  return at < text.size() ? at + 1 : std::string::npos;
}

std::string joined(const std::vector<std::string>& flags) {
  std::string result;
  for (const std::string& flag : flags) result += (result.empty() ? "" : " ") + flag;
  return result;
}

// At configure time an instrumented copy of the tree is built and run below the build folder; the real build then uses
// what it learnt. -fprofile-prefix-path makes the object names of both agree.
std::string profile_lines(const OptionContext& context, const std::string& path, const std::string& end) {
  std::string run = training_line(context, {"pgo-training", "pgo-profile", "CMakeCache.txt", "CMakeFiles"},
                                  "\"$PGO_COPY\"", "\"$PGO_TRAINING\"");
  if (run.empty() || run.find("]==]") != std::string::npos) return {};
  run += " && : >\"$PGO_TRAINING/trained\"";
  std::string root = "${CMAKE_CURRENT_LIST_DIR}";
  for (const char c : path) root += c == '/' ? "/.." : "";
  std::string text;
  const auto line = [&](const std::string& one) { text += one + end; };
  line("option(PGO \"optimise with the profile of a training run\" ON)");
  line("if(PGO AND UNIX AND (CMAKE_C_COMPILER_ID STREQUAL \"GNU\" OR CMAKE_CXX_COMPILER_ID STREQUAL \"GNU\"))");
  line("  if(DEFINED ENV{PGO_TRAINING})");
  line("    add_compile_options(-fprofile-generate=$ENV{PGO_TRAINING} -fprofile-update=prefer-atomic");
  line("      -fprofile-prefix-path=${CMAKE_BINARY_DIR})");
  line("    link_libraries(-fprofile-generate=$ENV{PGO_TRAINING})");
  line("  else()");
  line("    # An instrumented copy of the tree is built and run first; again once pgo-profile is removed.");
  line("    set(PGO_PROFILE \"${CMAKE_BINARY_DIR}/pgo-profile\")");
  line("    if(NOT EXISTS \"${PGO_PROFILE}/trained\")");
  line("      execute_process(");
  line("        COMMAND ${CMAKE_COMMAND} -E env --unset=MAKEFLAGS --unset=MAKELEVEL PGO_TRAINING=${PGO_PROFILE}");
  line("          PGO_COPY=${CMAKE_BINARY_DIR}/pgo-training sh -c [==[" + run + "]==]");
  line("        WORKING_DIRECTORY " + root + " OUTPUT_QUIET ERROR_QUIET)");
  line("    endif()");
  line("    if(EXISTS \"${PGO_PROFILE}/trained\")");
  line("      add_compile_options(-fprofile-use=${PGO_PROFILE} -fprofile-prefix-path=${CMAKE_BINARY_DIR}");
  line("        -fprofile-partial-training -Wno-missing-profile -Wno-coverage-mismatch)");
  line("    else()");
  line("      message(WARNING \"the training run failed: built without a profile\")");
  line("    endif()");
  line("  endif()");
  line("endif()");
  return text;
}

Replacement replacement_of(const std::string& path, std::size_t begin, std::size_t end, std::string text) {
  Replacement replacement;
  replacement.path = path;
  replacement.range = {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
  replacement.text = std::move(text);
  return replacement;
}

// A level that the file sets for targets or build types wins over one for the folder: it is rewritten where it stands.
std::vector<Replacement> rewrite_levels(const std::string& path, const std::string& text, const std::string& level) {
  static const std::regex written("[ \\t\"(;]-O[0-3s](?=[ \\t\\r\\n\");]|$)");
  std::vector<Replacement> result;
  for (std::sregex_iterator at(text.begin(), text.end(), written), end; at != end; ++at) {
    const std::size_t begin = static_cast<std::size_t>(at->position(0)) + 1;
    const std::size_t start = text.rfind('\n', begin) + 1;
    const std::string before = text.substr(start, begin - start);
    if (before.find('#') != std::string::npos || before.find("DEBUG") != std::string::npos) continue;
    result.push_back(replacement_of(path, begin, static_cast<std::size_t>(at->position(0) + at->length(0)), level));
  }
  return result;
}

}  // namespace

std::optional<std::vector<Replacement>> write_cmake(const Option& option, const OptionContext& context,
                                                    const std::string& path, const std::string& text) {
  const std::size_t at = after_project(text);
  if (at == std::string::npos) return std::nullopt;
  const std::string end = text.find("\r\n") != std::string::npos ? "\r\n" : "\n";
  std::string lines;
  if (option.pgo) {
    if (text.find("-fprofile-use") != std::string::npos) return std::nullopt;
    lines = profile_lines(context, path, end);
    if (lines.empty()) return std::nullopt;
  } else if (option.unity) {
    if (text.find("UNITY_BUILD") != std::string::npos) return std::nullopt;
    lines = "set(CMAKE_UNITY_BUILD ON)" + end + "set(CMAKE_UNITY_BUILD_BATCH_SIZE 0)" + end;
  } else if (option.lto) {
    if (text.find("INTERPROCEDURAL_OPTIMIZATION") != std::string::npos || text.find("-flto") != std::string::npos)
      return std::nullopt;
    lines = "if(POLICY CMP0069)" + end + "  cmake_policy(SET CMP0069 NEW)" + end +
            "  set(CMAKE_POLICY_DEFAULT_CMP0069 NEW)" + end + "  include(CheckIPOSupported)" + end +
            "  check_ipo_supported(RESULT LTO_SUPPORTED OUTPUT LTO_MESSAGE)" + end + "  if(LTO_SUPPORTED)" + end +
            "    set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)" + end + "  endif()" + end + "endif()" + end;
  } else if (!option.library.empty()) {
    const std::string name = option.library == "mimalloc" ? "MIMALLOC" : "JEMALLOC";
    const std::string names =
        option.library == "mimalloc" ? "mimalloc libmimalloc.so.2 libmimalloc.so.2.0" : "jemalloc libjemalloc.so.2";
    lines = "find_library(" + name + "_LIBRARY NAMES " + names + ")" + end + "if(" + name + "_LIBRARY)" + end +
            "  link_libraries(-Wl,--push-state,--no-as-needed ${" + name + "_LIBRARY} -Wl,--pop-state)" + end +
            "endif()" + end;
  } else {
    if (option.compile.size() == 1 && option.compile[0].starts_with("-O")) {
      std::vector<Replacement> levels = rewrite_levels(path, text, option.compile[0]);
      if (!levels.empty()) return levels;
    }
    for (const std::string& flag : option.compile) {
      if (std::regex_search(text, std::regex("[ \"(]" + flag + "[ \")]"))) return std::nullopt;
    }
    if (!option.compile.empty()) lines += "add_compile_options(" + joined(option.compile) + ")" + end;
    // add_link_options came with CMake 3.13; link_libraries takes flags in any version.
    if (!option.link.empty()) lines += "link_libraries(" + joined(option.link) + ")" + end;
  }
  return std::vector<Replacement>{replacement_of(path, at, at, lines)};
}

}  // namespace jarvis2::edit
