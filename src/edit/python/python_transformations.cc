#include "edit/python/transformations.h"

namespace jarvis2::edit {

std::vector<std::unique_ptr<Transformation>> python_transformations() {
  using namespace python;
  std::vector<std::unique_ptr<Transformation>> all;
  all.push_back(inline_method());
  all.push_back(inline_function());
  all.push_back(inline_property());
  all.push_back(inline_operator());
  all.push_back(scalar_replace());
  all.push_back(hoist_invariant_constructor());
  all.push_back(hoist_invariant_call());
  all.push_back(hoist_subscript());
  all.push_back(hoist_arithmetic());
  all.push_back(hoist_attribute_chain());
  all.push_back(reuse_pure_expression());
  return all;
}

}  // namespace jarvis2::edit
