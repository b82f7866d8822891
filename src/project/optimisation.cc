#include "project/optimisation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/json.h"

namespace jarvis2::project {
namespace {

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::string base_name(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

// "c" or "c++" for a compiler's name (also gcc-12, aarch64-linux-gnu-g++), else empty.
std::string compiler_kind(const std::string& program) {
  std::string name = base_name(program);
  while (!name.empty() &&
         (std::isdigit(static_cast<unsigned char>(name.back())) != 0 || name.back() == '.' || name.back() == '-')) {
    name.pop_back();
  }
  for (const char* cxx : {"g++", "c++", "clang++"}) {
    if (name == cxx || name.ends_with(std::string("-") + cxx)) return "c++";
  }
  for (const char* c : {"gcc", "cc", "clang"}) {
    if (name == c || name.ends_with(std::string("-") + c)) return "c";
  }
  return "";
}

bool is_native_source(const std::string& word) {
  static const std::set<std::string> kEndings = {".c", ".cc", ".cpp", ".cxx", ".c++", ".C"};
  const std::size_t dot = word.rfind('.');
  return dot != std::string::npos && word.front() != '-' && kEndings.contains(word.substr(dot));
}

struct Compile {
  std::string compiler;
  std::string kind;
  bool optimised = false;
};

// A line that compiles a source file, else an empty compiler.
Compile parse_compile(const std::vector<std::string>& words) {
  Compile compile;
  bool has_source = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (compile.compiler.empty()) {
      compile.kind = compiler_kind(word);
      if (!compile.kind.empty()) compile.compiler = word;
      if (compile.compiler.empty() && i > 3) return {};  // launchers come first, prose does not
      continue;
    }
    if (word.starts_with("-O")) {
      compile.optimised = word != "-O0";
    } else if (word == ";" || word == "&&" || word == "||") {
      break;
    }
    has_source = has_source || is_native_source(word);
  }
  return has_source ? compile : Compile{};
}

void find_files(const fs::path& folder, int depth, std::vector<fs::path>& caches, std::vector<fs::path>& databases,
                bool& has_meson) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename();
    const fs::file_type type = entry.symlink_status(ignored).type();
    if (type == fs::file_type::regular) {
      if (name == "CMakeCache.txt") caches.push_back(entry.path());
      if (name == "compile_commands.json") databases.push_back(entry.path());
    } else if (type == fs::file_type::directory) {
      if (name == "meson-private") has_meson = true;
      if (depth > 0 && name != ".git" && name != "node_modules" && name != "CMakeFiles") {
        find_files(entry.path(), depth - 1, caches, databases, has_meson);
      }
    }
  }
}

std::string cache_value(const std::string& text, const std::string& key) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(key + ":")) continue;
    const std::size_t equals = line.find('=');
    return equals == std::string::npos ? "" : line.substr(equals + 1);
  }
  return "";
}

std::string shortened(const std::string& line) {
  return line.size() > 160 ? line.substr(0, 157) + "..." : line;
}

}  // namespace

BuildCheck check_build(const fs::path& tree, const std::string& build_output) {
  BuildCheck check;
  std::vector<fs::path> caches, databases;
  find_files(tree, 3, caches, databases, check.has_meson);
  check.has_cmake = !caches.empty();
  for (const fs::path& cache : caches) {
    check.build_type = cache_value(read_file(cache), "CMAKE_BUILD_TYPE");
    if (!check.build_type.empty()) break;
  }
  std::string c_compiler, cxx_compiler;
  const auto look = [&](const std::string& line) {
    const Compile compile = parse_compile(words_of(line));
    if (compile.compiler.empty()) return;
    std::string& seen = compile.kind == "c" ? c_compiler : cxx_compiler;
    if (seen.empty()) seen = compile.compiler;
    if (compile.optimised || !check.optimised) return;
    check.optimised = false;
    check.evidence = shortened(line);
  };
  for (const fs::path& database : databases) {
    const Json json = Json::parse(read_file(database), nullptr, false);
    if (!json.is_array()) continue;
    for (const Json& entry : json) {
      if (entry.contains("command") && entry["command"].is_string()) look(entry["command"].get<std::string>());
    }
  }
  std::istringstream lines(build_output);
  for (std::string line; std::getline(lines, line);) look(line);
  if (check.optimised) return check;
  if (check.has_cmake && check.build_type.empty()) {
    check.correction = {{"CMAKE_BUILD_TYPE", "Release"}};
    check.correction_text = "CMAKE_BUILD_TYPE was not set: built as Release";
  } else if (check.has_meson) {
    check.correction = {{"CFLAGS", "-O2"}, {"CXXFLAGS", "-O2"}};
    check.correction_text = "Meson's default build type compiles without optimisation: built with -O2";
  } else if (!check.has_cmake) {
    // Overrides the makefile's compiler and keeps its flags, whatever sets them.
    std::string flags;
    if (!c_compiler.empty()) flags += fmt::format("CC={}\\ -O2", c_compiler);
    if (!cxx_compiler.empty()) flags += fmt::format("{}CXX={}\\ -O2", flags.empty() ? "" : " ", cxx_compiler);
    check.correction = {{"MAKEFLAGS", flags}};
    check.correction_text = "the makefile compiles without -O: built with -O2";
  }
  return check;
}

}  // namespace jarvis2::project
