// python/inline-function: the body of a small module function in place of its call.
// Preconditions: the call resolves to one function, defined once and never rebound; no *args, recursion, generator,
// closure, super() or global store; arguments that are neither names nor literals are bound to names first, in order,
// or are used exactly once by a pure body; every global name of the body means the same where the call stands; all
// that the statement evaluates before the call is unaffected by it. Returns are the last acts on their paths, or the
// call is itself returned.
// Measured: see the table in python_transformations.cc.
#include "edit/python/inlining.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

void find_inline_function(Context& context) {
  propose_inlining(context, "function",
                   [](const Context& c, Node node) -> std::optional<BoundCall> {
                     std::optional<BoundCall> call = bind_call(c, node);
                     if (call && call->method) return std::nullopt;
                     return call;
                   },
                   {"call"});
}

}  // namespace

std::unique_ptr<Transformation> inline_function() {
  return make_transformation("python/inline-function", Safety::kSafeIfVerified, 1.12, find_inline_function);
}

}  // namespace jarvis2::edit::python
