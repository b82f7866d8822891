// python/inline-operator: the body of __add__, __eq__, __neg__, __getitem__, __setitem__, __len__, ... in place of the
// operator.
// Preconditions: the left operand's class is known and neither it nor a subclass replaces the method; the method
// never returns NotImplemented; the right operand is of no class with a reflected method; the body fits (see
// inline-function).
#include "edit/python/inlining.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

void find_inline_operator(Context& context) {
  propose_inlining(context, "operator", bind_operator,
                   {"binary_operator", "comparison_operator", "unary_operator", "subscript", "assignment", "call"});
}

}  // namespace

std::unique_ptr<Transformation> inline_operator() {
  return make_transformation("python/inline-operator", Safety::kSafeIfVerified, 1.15, find_inline_operator);
}

}  // namespace jarvis2::edit::python
