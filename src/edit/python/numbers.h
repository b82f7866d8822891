// What the text says about numbers: ints, their least values, arithmetic that gives scalars.
#pragma once

#include <optional>

#include "edit/python/rewriting.h"

namespace jarvis2::edit::python {

// A name of this function alone: not captured, not written by others. `binding` receives it.
bool own_local(const PythonFacts& facts, Node name, const PythonBinding** binding);
// Surely an int (or bool).
bool is_whole(const Context& context, Node expression);
// The least value an int expression can have; nullopt: unknown, or perhaps no int.
std::optional<long> least_value(const Context& context, Node expression);
bool non_negative(const Context& context, Node expression);
// The arguments of a call of the builtin range, reversed(range()) included; empty for anything else.
std::vector<Node> range_arguments(const PythonFacts& facts, Node expression, bool* backwards = nullptr);
// The name is mentioned in the region.
bool mentions_name(Node region, std::string_view name);

}  // namespace jarvis2::edit::python
