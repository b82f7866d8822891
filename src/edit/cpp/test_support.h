// For the tests of the C and C++ transformations.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "edit/transformation.h"

namespace jarvis2::edit::cpp {

using Texts = std::map<std::string, std::string>;  // path → text

code::Workspace workspace_of(const Texts& texts);
// All proposals of the rule (empty: of all rules) on all files.
std::vector<Proposal> proposals(const Texts& texts, const std::string& rule);
Texts patched(const Texts& texts, const std::vector<Change>& changes);
// Applies every proposal that does not collide with one before it.
Texts apply_all(const Texts& texts, const std::vector<Proposal>& list);

}  // namespace jarvis2::edit::cpp
