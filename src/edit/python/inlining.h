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
  bool unrolls = false;  // a call of the calling function itself
};

// nullopt where the callee or the arguments can't be told.
std::optional<BoundCall> bind_call(const Context& context, Node call);
// The arguments of a call as parameters of `callee`, behind `self` where it is given.
std::optional<BoundCall> bind_arguments(const Context& context, Node call, const PythonFunction& callee,
                                        const std::optional<Argument>& self);
std::optional<BoundCall> bind_property(const Context& context, Node attribute);
std::optional<BoundCall> bind_operator(const Context& context, Node binary);

// Every path through these statements returns or raises.
bool always_returns(const std::vector<Node>& list);

// Why a function can't be put elsewhere; empty: it can.
std::string not_inlinable(const Context& context, const PythonFunction& callee, bool generator = false,
                          bool recursive = false);

// Whether everything that `statement` evaluates before `node` gives the same after code with these effects ran: then
// that code may run in front of the statement.
bool can_run_first(const Context& context, Node node, Node statement, const PythonEffects& effects);

// A callee's body made ready for another place.
struct BodyPlan {
  std::vector<Node> body;        // statements without docstring and global statements
  bool expression_form = false;  // the body is `return value`
  Node value;
  std::vector<std::pair<std::string, std::string>> bound;  // parameters to be assigned first: name, text
  NameSet chosen;                                          // new locals
  NameSet inner;                                           // names of the body's comprehensions
  Edits renames;
  PythonEffects effects;
};
// nullopt where names would change their meaning.
std::optional<BodyPlan> plan_body(const Context& context, const BoundCall& call, const NameSet& taken);

// Where the value of a call goes.
struct Sink {
  enum class Kind { kDiscard, kAssign, kReturn };
  Kind kind = Kind::kDiscard;
  std::string prefix;  // kAssign: "x = "
};
// The sink of a call that is all its statement does: `f()`, `x = f()`, `return f()`.
std::optional<Sink> whole_statement(const Context& context, Node call, Node statement);
// The callee's statements, with every return turned into what the sink asks for, at `indent`.
std::optional<std::string> emit_body(const Context& context, const PythonFunction& callee, const BodyPlan& plan,
                                     const Sink& sink, const std::string& indent);
// A local name for the frame around `node`: `name`, or one that tells where it comes from.
std::string free_local(const Context& context, Node node, const std::string& callee, const NameSet& inner,
                       const NameSet& taken, const std::string& name);

// The edits that put the callee's body in place of the call; nullopt where preconditions fail. `taken` are names used
// by edits of the same proposal.
std::optional<Edits> inline_call(const Context& context, const BoundCall& call, NameSet& taken);

// All calls that `bind` finds, inlined: one proposal a callee and calling function.
void propose_inlining(Context& context, const std::string& what,
                      const std::function<std::optional<BoundCall>(const Context&, Node)>& bind,
                      std::initializer_list<std::string_view> kinds);

}  // namespace jarvis2::edit::python
