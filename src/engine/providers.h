// Everything that proposes actions, in one place.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "edit/propose.h"
#include "project/baseline.h"

namespace jarvis2::engine {

// "rewrite", "option", ... as kinds; empty: rewrite, option and constant. Throws Error for an unknown name.
std::set<edit::Kind> wanted_kinds(const std::vector<std::string>& names);

// Rules from rules/ and transformations written as code.
std::vector<std::unique_ptr<edit::Transformation>> all_transformations();

struct ProviderContext {
  const code::Workspace& workspace;
  const edit::Heat& heat;
  const project::Settings& settings;
  std::function<std::optional<std::string>(const std::string& path)> read;
  const project::Baseline* baseline;  // null in a dry run
  std::vector<std::string> files;     // of the base commit
  std::set<edit::Kind> kinds;
  std::function<bool(const std::string& path)> accept = {};  // files that may be compiled; empty: all
  double compile_limit_s = 300;                              // for each step of finding out what can be compiled
  std::stop_token stop = {};
  bool allow_native = false;
  bool allow_fast_math = false;
};
// Options, constants and compilation, as far as `kinds` asks for them; compilation needs a baseline. Throws Error for a
// [tune] entry that is not found.
std::vector<edit::Action> provide_actions(const ProviderContext& context);

}  // namespace jarvis2::engine
