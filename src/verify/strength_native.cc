// Coverage of changed lines in C and C++ by gcc's own instrumentation: a stand-in before the compiler proper and the
// linker (gcc looks for both in COMPILER_PATH first) adds it, whatever the build system says about flags.
#include <fmt/format.h>

#include <sstream>

#include "base/error.h"
#include "base/json.h"
#include "project/worktree.h"
#include "verify/strength.h"

namespace jarvis2::verify {
namespace {

constexpr const char* kFolder = ".jarvis2-coverage";
constexpr const char* kMark = "@jarvis2-gcov ";

constexpr const char* kCompiler = R"sh(#!/bin/sh
real=$(COMPILER_PATH= "${COLLECT_GCC:-cc}" -print-prog-name="${0##*/}")
case " $* " in
  *" -E "*) exec "$real" "$@";;
  *) exec "$real" "$@" -fprofile-arcs -ftest-coverage -fprofile-update=atomic -fno-early-inlining;;
esac
)sh";
constexpr const char* kLinker = R"sh(#!/bin/sh
for a; do
  case $a in -r|-i|--relocatable) exec "${0##*/}" "$@";; esac
done
exec "${0##*/}" "$@" "$(COMPILER_PATH= "${COLLECT_GCC:-cc}" -print-file-name=libgcov.a)"
)sh";

// Counts of one file's lines, over all objects it is in.
using Counts = std::map<std::uint32_t, std::uint64_t>;

void add_counts(const Json& document, const std::string& root,
                const std::map<std::string, std::vector<std::uint32_t>>& wanted,
                std::map<std::string, Counts>& counts) {
  const fs::path at(document.value("current_working_directory", root));
  for (const Json& file : document.value("files", Json::array())) {
    const std::string name = file.value("file", "");
    const std::string from_root = (at / name).lexically_normal().lexically_relative(root).generic_string();
    const auto known = wanted.contains(from_root) ? wanted.find(from_root) : wanted.find(name);
    if (known == wanted.end()) continue;
    for (const Json& line : file.value("lines", Json::array())) {
      counts[known->first][line.value("line_number", 0u)] += line.value("count", std::uint64_t{0});
    }
  }
}

}  // namespace

void native_coverage(const Candidate& candidate, const std::map<std::string, std::vector<std::uint32_t>>& changed,
                     const Plan& plan, const Workspace& workspace, double limit_s, Strength& result,
                     const std::stop_token& stop) {
  if (plan.test.empty() || plan.build.empty() || changed.empty()) return;
  const fs::path tree = workspace.acquire();
  struct Back {
    const Workspace& workspace;
    const fs::path& tree;
    ~Back() {
      if (workspace.release) workspace.release(tree);
    }
  } const back{workspace, tree};
  std::vector<std::string> paths;
  for (const auto& [path, text] : candidate.files) {
    paths.push_back(path);
    if (!text) {
      fs::remove(tree / path);
      continue;
    }
    fs::create_directories((tree / path).parent_path());
    write_file_atomic(tree / path, *text);
  }
  project::outdate_objects(tree, paths, plan.build);
  fs::create_directories(tree / kFolder);
  const auto tool = [&](const char* name, const char* text) {
    write_file_atomic(tree / kFolder / name, text);
    fs::permissions(tree / kFolder / name, fs::perms::owner_all);
  };
  for (const char* name : {"cc1", "cc1plus"}) tool(name, kCompiler);
  for (const char* name : {"ld", "ld.bfd", "ld.gold", "ld.lld", "ld.mold"}) tool(name, kLinker);
  std::string exports;
  for (const auto& [name, value] : candidate.build_env) {
    if (value.find('\'') == std::string::npos) exports += fmt::format("export {}='{}'; ", name, value);
  }
  const std::string command = fmt::format(
      "{}root=$PWD; export COMPILER_PATH=\"$root/{}\"; ({}) >/dev/null 2>&1; ({}) >/dev/null 2>&1; "
      "unset COMPILER_PATH; cd \"$root\"; echo \"{}$root\"; gcov --version | head -1; "
      "find . -name '*.gcda' | while read -r one; do (cd \"${{one%/*}}\" && gcov -t -j -r -s \"$root\" "
      "\"${{one##*/}}\") "
      "2>/dev/null; done",
      exports, kFolder, plan.build, plan.test, kMark);
  const ProcessResult done =
      run_process(workspace.sandboxed(command, tree, true), plan.build_timeout_s + limit_s, stop);
  if (done.cancelled) throw Interrupted();
  const std::size_t mark = done.out.rfind(kMark);
  if (done.timed_out || mark == std::string::npos) {
    result.notes.push_back("coverage of C and C++ was not measured: the tests take too long when watched");
    return;
  }
  std::istringstream lines(done.out.substr(mark + std::string_view(kMark).size()));
  std::string root, version;
  std::getline(lines, root);
  std::getline(lines, version);
  std::map<std::string, Counts> counts;
  for (std::string line; std::getline(lines, line);) {
    const Json document = Json::parse(line, nullptr, false);
    if (document.is_object()) add_counts(document, root, changed, counts);
  }
  if (counts.empty()) {
    result.notes.push_back(
        "coverage of C and C++ was not measured: no object of the changed files was instrumented "
        "(it takes gcc and gcov)");
    return;
  }
  const std::size_t space = version.rfind(' ');
  const std::string tool_name = "gcov " + (space == std::string::npos ? version : version.substr(space + 1));
  result.coverage_tool += (result.coverage_tool.empty() ? "" : ", ") + tool_name;
  for (const auto& [path, lines_of_path] : changed) {
    const auto known = counts.find(path);
    if (known == counts.end()) continue;
    for (const std::uint32_t line : lines_of_path) {
      const auto count = known->second.find(line);
      if (count == known->second.end()) continue;
      ++result.changed_lines;
      result.covered_lines += count->second > 0 ? 1 : 0;
    }
  }
}

}  // namespace jarvis2::verify
