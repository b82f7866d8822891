// Options in CMakeLists.txt: lines after the first project(), so that they hold for all targets below.
#include <algorithm>
#include <cctype>
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

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == '$' || c == '@') result += '\\';
    result += c;
  }
  return result + "\"";
}

std::string joined(const std::vector<std::string>& flags) {
  std::string result;
  for (const std::string& flag : flags) result += (result.empty() ? "" : " ") + flag;
  return result;
}

// The folder that the build command builds in, as written there: "build" of `cmake -B build`.
std::string build_folder(const std::string& build) {
  std::smatch match;
  if (std::regex_search(build, match, std::regex("-B[ =]?([^ ;&|]+)"))) return match[1];
  if (std::regex_search(build, match, std::regex("cd +([^ ;&|]+)"))) return match[1];
  return "build";
}

std::string profile_lines(const OptionContext& context, const std::string& end) {
  // The same sources are built twice: an instrumented copy below the build folder runs the training commands, then the
  // real build uses what it learnt. -fprofile-prefix-path makes object names of both agree.
  const std::string folder = build_folder(context.build);
  std::vector<std::string> commands = context.training;
  if (commands.empty() && !context.test.empty()) commands.push_back(context.test);
  std::string text;
  const auto line = [&](const std::string& one) { text += one + end; };
  line("if(CMAKE_C_COMPILER_ID STREQUAL \"GNU\" OR CMAKE_CXX_COMPILER_ID STREQUAL \"GNU\")");
  line("  set(PGO_PROFILE \"${CMAKE_BINARY_DIR}/pgo-profile\" CACHE PATH \"profile of the training run\")");
  line("  if(PGO_TRAINING)");
  line(
      "    add_compile_options(-fprofile-generate=${PGO_PROFILE} -fprofile-update=prefer-atomic "
      "-fprofile-prefix-path=${CMAKE_BINARY_DIR})");
  line("    add_link_options(-fprofile-generate=${PGO_PROFILE})");
  line("  else()");
  line("    set(PGO_BUILD \"${CMAKE_BINARY_DIR}/pgo-training\")");
  line("    file(REMOVE_RECURSE \"${PGO_PROFILE}\" \"${PGO_BUILD}\")");
  line(
      "    execute_process(COMMAND ${CMAKE_COMMAND} -G ${CMAKE_GENERATOR} -S ${CMAKE_SOURCE_DIR} -B ${PGO_BUILD} "
      "-DPGO_TRAINING=ON");
  line(
      "      -DPGO_PROFILE=${PGO_PROFILE} -DCMAKE_BUILD_TYPE=${CMAKE_BUILD_TYPE} RESULT_VARIABLE PGO_RESULT "
      "OUTPUT_QUIET ERROR_QUIET)");
  line("    if(PGO_RESULT EQUAL 0)");
  line(
      "      execute_process(COMMAND ${CMAKE_COMMAND} --build ${PGO_BUILD} RESULT_VARIABLE PGO_RESULT OUTPUT_QUIET "
      "ERROR_QUIET)");
  line("    endif()");
  for (const std::string& command : commands) {
    // The training copy stands where the command expects the build folder.
    static const std::string special = R"(.*+?^${}()|[]\)";
    std::string pattern;
    for (const char c : folder) {
      if (special.find(c) != std::string::npos) pattern += '\\';
      pattern += c;
    }
    std::string moved;
    const std::regex word("(^|[ =\"'(;&|])(\\./)?" + pattern + "(?=[/ \"');&|]|$)");
    moved = std::regex_replace(command, word, "$1\x01");
    std::string written = quoted(moved);
    for (std::size_t at; (at = written.find('\x01')) != std::string::npos;) written.replace(at, 1, "${PGO_BUILD}");
    line("    if(PGO_RESULT EQUAL 0)");
    line("      execute_process(COMMAND sh -c " + written + " WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}");
    line("        RESULT_VARIABLE PGO_RESULT OUTPUT_QUIET ERROR_QUIET)");
    line("    endif()");
  }
  line("    if(PGO_RESULT EQUAL 0)");
  line(
      "      add_compile_options(-fprofile-use=${PGO_PROFILE} -fprofile-prefix-path=${CMAKE_BINARY_DIR} "
      "-fprofile-partial-training");
  line("        -Wno-missing-profile -Wno-coverage-mismatch)");
  line("      add_link_options(-fprofile-use=${PGO_PROFILE})");
  line("    else()");
  line("      message(WARNING \"the training run failed: built without a profile\")");
  line("    endif()");
  line("  endif()");
  line("endif()");
  return text;
}

}  // namespace

std::optional<std::vector<Replacement>> write_cmake(const Option& option, const OptionContext& context,
                                                    const std::string& path, const std::string& text) {
  const std::size_t at = after_project(text);
  if (at == std::string::npos) return std::nullopt;
  const std::string end = text.find("\r\n") != std::string::npos ? "\r\n" : "\n";
  std::string lines;
  if (option.pgo) {
    if (context.test.empty() && context.training.empty()) return std::nullopt;
    if (text.find("-fprofile-use") != std::string::npos) return std::nullopt;
    lines = profile_lines(context, end);
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
    for (const std::string& flag : option.compile) {
      if (std::regex_search(text, std::regex("[ \"(]" + flag + "[ \")]"))) return std::nullopt;
    }
    if (!option.compile.empty()) lines += "add_compile_options(" + joined(option.compile) + ")" + end;
    // add_link_options came with CMake 3.13; link_libraries takes flags in any version.
    if (!option.link.empty()) lines += "link_libraries(" + joined(option.link) + ")" + end;
  }
  Replacement replacement;
  replacement.path = path;
  replacement.range = {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at)};
  replacement.text = lines;
  return std::vector<Replacement>{replacement};
}

}  // namespace jarvis2::edit
