// python/inline-method: the body of a small method in place of its call.
// Preconditions: as inline-function; the method is known because the receiver's class is (constructor in sight, self
// without an overriding subclass, annotation, one class stored in the attribute), or because the sources hold one
// method of this name and no attribute of that name is ever stored; a class that the
// sources offer to others (__all__, a package's __init__.py) may be subclassed there: its exact instances only. A
// receiver that is no plain name is bound first.
#include "edit/python/inlining.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

void find_inline_method(Context& context) {
  propose_inlining(context, "method",
                   [](const Context& c, Node node) -> std::optional<BoundCall> {
                     std::optional<BoundCall> call = bind_call(c, node);
                     if (call && !call->method) return std::nullopt;
                     return call;
                   },
                   {"call"});
}

}  // namespace

std::unique_ptr<Transformation> inline_method() {
  return make_transformation("python/inline-method", Safety::kSafeIfVerified, 1.15, find_inline_method);
}

}  // namespace jarvis2::edit::python
