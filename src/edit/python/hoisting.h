// Moving what a loop does not change in front of it. Shared by the hoist-* transformations.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "edit/python/rewriting.h"

namespace jarvis2::edit::python {

// An expression that may move, with what it needs.
struct Candidate {
  Node node;
  bool may_raise = true;  // then at least one occurrence must be evaluated on every iteration
  double weight = 1;      // worth of one occurrence; the sum must reach 2 for a proposal
};

// For each outermost possible loop one proposal that hoists all that `select` finds; `select` sees an expression and
// the loop, and says no by nullopt. Expressions inside accepted ones are passed over.
void propose_hoisting(Context& context, const std::string& what,
                      const std::function<std::optional<Candidate>(const Context&, Node node, Node loop)>& select,
                      std::string_view fact);

}  // namespace jarvis2::edit::python
