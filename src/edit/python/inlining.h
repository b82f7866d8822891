// Putting a function's body where it is called. Shared by inline-function, inline-method, inline-property,
// inline-operator.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "edit/python/rewriting.h"

namespace jarvis2::edit::python {

struct Argument {
  Node node;         // null where only the text is known (self of super())
  std::string text;  // of the expression, on one line
  bool is_default = false;
};

// An expression that runs a function of the sources: a call, a property's attribute, an operator.
struct BoundCall {
  Node node;
  const PythonFunction* callee = nullptr;
  std::vector<Argument> arguments;  // one a parameter
  bool method = false;
  std::string fact;
};

// nullopt where the callee or the arguments can't be told.
std::optional<BoundCall> bind_call(const Context& context, Node call);
std::optional<BoundCall> bind_property(const Context& context, Node attribute);
std::optional<BoundCall> bind_operator(const Context& context, Node binary);

// Why a function can't be put elsewhere; empty: it can.
std::string not_inlinable(const Context& context, const PythonFunction& callee);

// The edits that put the callee's body in place of the call; nullopt where preconditions fail. `taken` are names used
// by edits of the same proposal.
std::optional<Edits> inline_call(const Context& context, const BoundCall& call, NameSet& taken);

// All calls that `bind` finds, inlined: one proposal a callee and calling function.
void propose_inlining(Context& context, const std::string& what,
                      const std::function<std::optional<BoundCall>(const Context&, Node)>& bind,
                      std::initializer_list<std::string_view> kinds);

}  // namespace jarvis2::edit::python
