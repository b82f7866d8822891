// Renders the fix of a rule at a match.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "edit/rule.h"

namespace jarvis2::edit {

// The range of neighbouring nodes with the comments around them that no other node claims, within `limit`.
code::Range with_comments(const code::FlatTree& tree, const std::vector<code::Index>& nodes, code::Range limit);
// The changes of a match; empty where the fix cannot be written here (it would lose a comment, the statement shares its
// line with others, a needed name is taken).
std::vector<Change> render_fix(const Rule& rule, const CompiledRule& compiled, const ConditionContext& context);
// `text` with "$X" replaced by what the variable stands for, on one line and cut to a readable length.
std::string render_message(const std::string& text, const ConditionContext& context);

}  // namespace jarvis2::edit
