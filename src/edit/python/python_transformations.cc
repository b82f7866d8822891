#include "edit/python/transformations.h"

namespace jarvis2::edit {

std::vector<std::unique_ptr<Transformation>> python_transformations() {
  using namespace python;
  std::vector<std::unique_ptr<Transformation>> all;
  all.push_back(inline_method());
  all.push_back(inline_function());
  all.push_back(inline_property());
  all.push_back(inline_operator());
  return all;
}

}  // namespace jarvis2::edit
