// Where an improve run may look, and what it should look at first.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "code/model.h"
#include "edit/action.h"
#include "engine/improve.h"
#include "index/embedder.h"
#include "project/repository.h"

namespace jarvis2::engine {

struct Scope {
  std::string path;      // of the target; empty: anywhere
  std::string function;  // of the target; empty: the whole file
  std::vector<std::string> globs;
  std::optional<std::set<std::string>> changed;

  bool file(const std::string& candidate) const;
  bool symbol(const code::Function* at) const;
};

Scope scope_of(const ImproveOptions& options, const project::Repository& repository, const std::string& commit);

// How much nearer to the focus than anything else an action is: 1 (far) to 4 (named). `workspace` must outlive the
// result; `embedder` may be null. Not thread safe.
std::function<float(const edit::Action&)> focus_of(const std::string& focus, index::Embedder* embedder,
                                                   const code::Workspace& workspace);

}  // namespace jarvis2::engine
