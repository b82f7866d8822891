#include "engine/providers.h"

#include <algorithm>

#include "base/error.h"
#include "edit/constants/constants.h"
#include "edit/options/options.h"
#include "edit/rule.h"
#include "engine/compile_actions.h"

namespace jarvis2::engine {

std::set<edit::Kind> wanted_kinds(const std::vector<std::string>& names) {
  if (names.empty()) return {edit::Kind::kRewrite, edit::Kind::kOption, edit::Kind::kConstant};
  std::set<edit::Kind> kinds;
  for (const std::string& name : names) {
    bool known = false;
    for (const edit::Kind kind :
         {edit::Kind::kRewrite, edit::Kind::kOption, edit::Kind::kConstant, edit::Kind::kCompile, edit::Kind::kModel}) {
      if (edit::kind_name(kind) != name) continue;
      kinds.insert(kind);
      known = true;
    }
    if (!known)
      throw Error("engine::wanted_kinds", "--kinds " + name + ": not one of rewrite, option, constant, compile, model");
  }
  return kinds;
}

std::vector<std::unique_ptr<edit::Transformation>> all_transformations() {
  std::vector<std::unique_ptr<edit::Transformation>> all = edit::load_rules(edit::default_rules_folder());
  for (std::unique_ptr<edit::Transformation>& one : edit::python_transformations()) all.push_back(std::move(one));
  for (std::unique_ptr<edit::Transformation>& one : edit::cpp_transformations()) all.push_back(std::move(one));
  return all;
}

namespace {

std::vector<edit::Action> provide_options(const ProviderContext& context) {
  edit::OptionContext options;
  const std::vector<std::string> named = edit::words_of_build(context.settings.build);
  for (const std::string& path : context.files) {
    if (!edit::is_build_file_name(path) && std::find(named.begin(), named.end(), path) == named.end()) continue;
    if (std::optional<std::string> text = context.read(path)) options.build_files[path] = std::move(*text);
  }
  options.build = context.settings.build;
  options.test = context.settings.test;
  options.bench = context.settings.bench;
  options.allow_native = context.allow_native;
  options.allow_fast_math = context.allow_fast_math;
  bool math = false, watched = false;
  for (const code::SourceFile& file : context.workspace.files()) {
    const code::Language language = file.tree != nullptr ? file.tree->language() : code::Language::kNone;
    options.has_c |= language == code::Language::kC;
    options.has_cpp |= language == code::Language::kCpp;
    options.has_python |= language == code::Language::kPython;
    if (language != code::Language::kC && language != code::Language::kCpp) continue;
    math |= edit::uses_math(file.tree->text());
    watched |= edit::watches_math(file.tree->text());
  }
  options.quiet_math = math && !watched;
  // What is judged must not be trained on: with inputs kept back, the open ones may be; else only the tests.
  if (!context.settings.holdout.empty()) options.training = context.settings.bench;
  std::vector<edit::Action> actions = edit::option_actions(options);
  for (edit::Action& action : actions) action.share = 1;
  return actions;
}

}  // namespace

std::vector<edit::Action> provide_actions(const ProviderContext& context) {
  std::vector<edit::Action> actions;
  const auto take = [&](std::vector<edit::Action> more) {
    for (edit::Action& action : more) actions.push_back(std::move(action));
  };
  if (context.kinds.contains(edit::Kind::kOption)) take(provide_options(context));
  if (context.kinds.contains(edit::Kind::kConstant)) {
    std::vector<edit::TuneEntry> entries;
    for (const project::TuneConstant& constant : context.settings.tune) {
      entries.push_back({constant.path, constant.name, constant.values});
    }
    take(edit::constant_actions(entries, context.read));
    take(edit::buffer_actions(context.workspace));
  }
  if (context.kinds.contains(edit::Kind::kCompile) && context.baseline != nullptr) {
    take(compile_actions(
        context.workspace, context.heat, *context.baseline,
        [&](const std::string& path) { return !context.accept || context.accept(path); }, context.compile_limit_s,
        context.stop));
  }
  return actions;
}

}  // namespace jarvis2::engine
