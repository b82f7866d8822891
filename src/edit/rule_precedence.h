// When an expression needs parentheses in its place.
#pragma once

#include "code/pattern_tree.h"

namespace jarvis2::edit {

// How tightly an expression holds together: 0 a comma list, 20 names, literals, calls. Statements are 20.
int precedence_of(const code::FlatTree& tree, code::Index index);
// The least precedence that may stand bare where the node stands.
int required_precedence(const code::FlatTree& tree, code::Index index);

}  // namespace jarvis2::edit
