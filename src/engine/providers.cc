#include "engine/providers.h"

#include "base/error.h"
#include "edit/rule.h"

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

std::vector<edit::Action> provide_actions(const ProviderContext&) {
  return {};
}

}  // namespace jarvis2::engine
