// One function a transformation, each in the file of its name.
#pragma once

#include <memory>

#include "edit/transformation.h"

namespace jarvis2::edit::python {

std::unique_ptr<Transformation> inline_function();
std::unique_ptr<Transformation> inline_method();
std::unique_ptr<Transformation> inline_property();
std::unique_ptr<Transformation> inline_operator();
std::unique_ptr<Transformation> scalar_replace();
std::unique_ptr<Transformation> hoist_attribute_chain();
std::unique_ptr<Transformation> hoist_invariant_call();
std::unique_ptr<Transformation> hoist_invariant_constructor();
std::unique_ptr<Transformation> hoist_subscript();
std::unique_ptr<Transformation> hoist_arithmetic();
std::unique_ptr<Transformation> reuse_pure_expression();

}  // namespace jarvis2::edit::python
