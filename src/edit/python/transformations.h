// One function a transformation, each in the file of its name.
#pragma once

#include <memory>

#include "edit/transformation.h"

namespace jarvis2::edit::python {

std::unique_ptr<Transformation> inline_function();
std::unique_ptr<Transformation> inline_method();
std::unique_ptr<Transformation> inline_property();
std::unique_ptr<Transformation> inline_operator();

}  // namespace jarvis2::edit::python
