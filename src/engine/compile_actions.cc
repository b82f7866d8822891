#include "engine/compile_actions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "base/hash.h"
#include "project/compile_python.h"

namespace jarvis2::engine {
namespace {

constexpr double kLeastShare = 0.05;  // of the time, for a module worth compiling
constexpr std::size_t kMostModules = 6;
constexpr double kUsualRatio = 2.0;  // measured on small programs: 1.2 to 5

edit::Action recommendation(const std::string& path, const std::string& why) {
  edit::Action action;
  action.kind = edit::Kind::kCompile;
  action.rule = "compile/mypyc";
  action.title = "compiling is not possible here: " + why;
  action.path = path;
  action.recommendation_only = true;
  return action;
}

// Hot modules that may be compiled, hottest first.
std::vector<std::pair<std::string, double>> hot_modules(const code::Workspace& workspace, const edit::Heat& heat,
                                                        const std::function<bool(const std::string& path)>& accept) {
  std::vector<std::pair<std::string, double>> hot;
  for (const code::SourceFile& file : workspace.files()) {
    if (!file.editable || !file.path.ends_with(".py") || !accept(file.path)) continue;
    double share = 0;
    const auto lines = heat.lines.find(file.path);
    if (lines != heat.lines.end()) {
      for (const auto& [line, part] : lines->second) share += part;
    }
    if (share >= kLeastShare) hot.emplace_back(file.path, share);
  }
  std::sort(hot.begin(), hot.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  if (hot.size() > kMostModules) hot.resize(kMostModules);
  return hot;
}

}  // namespace

std::vector<edit::Action> compile_actions(const code::Workspace& workspace, const edit::Heat& heat,
                                          const project::Baseline& baseline,
                                          const std::function<bool(const std::string& path)>& accept, double limit_s,
                                          std::stop_token stop) {
  std::vector<std::pair<std::string, double>> hot = hot_modules(workspace, heat, accept);
  if (hot.empty()) {
    return {recommendation("", heat.lines.empty()
                                   ? "no profiler could follow the benchmark"
                                   : "no Python module that may be changed takes a twentieth of the time")};
  }
  if (fs::exists(baseline.prepared->path() / project::kCompileScript)) {
    return {recommendation(project::kCompileScript, "the project has a setup_compiled.py already")};
  }
  const std::vector<std::string> observed = project::observe_types(baseline, limit_s, stop);
  if (observed.empty()) return {recommendation(hot[0].first, "no run of the benchmark could be watched")};
  std::vector<edit::Action> actions;
  std::sort(hot.begin(), hot.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  // A module that is refused is left out, the others stay.
  while (!hot.empty()) {
    std::vector<std::string> modules;
    double share = 0;
    for (const auto& [path, part] : hot) {
      modules.push_back(path);
      share += part;
    }
    std::sort(modules.begin(), modules.end());
    const project::CompiledModules compiled = project::annotate_modules(baseline, observed, modules, limit_s, stop);
    if (!compiled.refused.empty()) {
      actions.push_back(recommendation(hot[0].first, compiled.refused));
      const auto named = std::find_if(hot.begin(), hot.end(), [&](const auto& one) {
        return compiled.refused.find(one.first) != std::string::npos;
      });
      if (named == hot.end()) break;
      actions.back().path = named->first;
      hot.erase(named);
      continue;
    }
    edit::Action action;
    action.kind = edit::Kind::kCompile;
    action.rule = "compile/mypyc";
    action.title = fmt::format("compile {} with mypyc, {} of {} functions with the types seen at run time",
                               fmt::join(modules, ", "), compiled.typed, compiled.functions);
    action.note =
        "types are those that the benchmark and the tests used: other types raise TypeError in compiled code (an int "
        "is taken for a float, a bool for an int); compiled classes take no attributes that the source does not name "
        "and cannot be patched or subclassed by interpreted code; without a build the sources run as before";
    if (!compiled.interpreted.empty())
      action.note += fmt::format("; left as they are: {}", fmt::join(compiled.interpreted, ", "));
    action.path = hot[0].first;
    action.line = 1;
    action.share = std::min(1.0, share);
    action.line_share = action.share;
    action.prior_ratio = kUsualRatio;
    action.group = "compile";
    for (const auto& [path, edits] : compiled.edits) {
      const code::SourceFile* file = workspace.find(path);
      const std::string sha = sha256_hex(std::string(file->tree->text()));
      for (const project::ModuleEdit& edit : edits) {
        action.replacements.push_back({path, sha, {edit.begin, edit.end}, edit.text});
      }
    }
    action.replacements.push_back({project::kCompileScript, "", {0, 0}, project::compile_script(modules)});
    actions.push_back(std::move(action));
    break;
  }
  return actions;
}

}  // namespace jarvis2::engine
