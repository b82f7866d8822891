// python/inline-property: the expression of a @property getter in place of the attribute.
// Preconditions: one class of the sources has a property of this name and no object gets an attribute of it; the
// getter's body fits (see inline-function); the attribute is read, not stored.
#include "edit/python/inlining.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

void find_inline_property(Context& context) {
  propose_inlining(context, "property", bind_property, {"attribute"});
}

}  // namespace

std::unique_ptr<Transformation> inline_property() {
  return make_transformation("python/inline-property", Safety::kSafeIfVerified, 1.12, find_inline_property);
}

}  // namespace jarvis2::edit::python
