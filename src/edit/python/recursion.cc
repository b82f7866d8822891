// python/cache-pure-recursion: functools.cache on a pure function that calls itself more than once.
// Preconditions: module function without decorators, star parameters or effects; it reads nothing that can change
// (no attributes, containers or rebound globals); its results are immutable (numbers, strings, None).
// Differs: arguments must be hashable; equal arguments of different types share a result; memory grows with the
// number of distinct arguments.
//
// python/tail-recursion-to-loop: a function whose recursive calls are all returned becomes a loop.
// Preconditions: module function without decorators, closures or generators; each call of itself is `return f(...)`
// outside loops, try and with, with plain arguments; locals are set before they are read in each round.
// Differs: no recursion limit; tracebacks.
#include <algorithm>

#include "edit/python/inlining.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

std::vector<Node> own_calls(const PythonFacts& facts, const PythonFunction& function) {
  std::vector<Node> calls;
  code::walk(function.body, [&](Node node) {
    if (node.is("call") && node.field("function").is("identifier") && node.field("function").text() == function.name) {
      int scope = -1;
      const PythonBinding* binding = facts.resolve(node.field("function"), &scope);
      if (binding != nullptr && scope == 0) calls.push_back(node);
    }
    return true;
  });
  return calls;
}

bool stable_global(const PythonFacts& facts, const std::string& name) {
  if (!facts.bound_once(name)) return false;
  const PythonBinding* binding = facts.lookup(0, name);
  const Node up = facts.parent(binding->stores[0]);
  if (up.is("function_definition") || binding->imported) return true;
  return up.is("assignment") && is_literal(up.field("right"));
}

void cached(Context& context) {
  const PythonFacts& facts = context.facts;
  for (const PythonFunction& function : facts.functions()) {
    if (function.owner >= 0 || function.nested || !function.decorators.empty() || function.is_generator ||
        function.is_async || function.parameters.empty() || !context.wanted(function.node))
      continue;
    if (!facts.bound_once(function.name) || own_calls(facts, function).size() < 2) continue;
    bool plain = true;
    for (const code::PythonParameter& parameter : function.parameters) {
      plain &= parameter.kind == code::PythonParameter::Kind::kNormal ||
               parameter.kind == code::PythonParameter::Kind::kPositionalOnly;
    }
    const PythonEffects& effects = context.world->effects(function);
    if (!plain || !effects.none() || !effects.attributes_read.empty() || function.returns.empty()) continue;
    for (const std::string& name : effects.globals_read) plain &= stable_global(facts, name);
    for (const Node statement : function.returns) {
      const Node value = statement.named(0);
      if (value &&
          contains_kind(value, {"list", "dictionary", "set", "list_comprehension", "set_comprehension", "tuple",
                                "dictionary_comprehension", "generator_expression", "lambda", "expression_list"}))
        plain = false;
      const PythonType type = context.world->type_of(facts, value);
      plain &= !type.known() || type.immutable();
    }
    // Containers among the parameters can't be keys.
    for (const code::PythonParameter& parameter : function.parameters) {
      const PythonBinding* binding = facts.lookup(function.scope, parameter.name);
      for (const Node load : binding->loads) {
        const Node up = facts.parent(load);
        plain &= !(up.is("subscript") && up.field("value") == load) && !up.is("attribute") && !up.is("for_statement");
        plain &= !(up.is("argument_list") && facts.is_builtin(facts.parent(up).field("function"), "len"));
      }
    }
    const std::optional<std::string> indent = indentation(function.node);
    if (!plain || !indent || contains_kind(function.body, {"list", "subscript"})) continue;
    Edits edits;
    const std::string ending = line_end(context.tree());
    std::string decorator = "@functools.cache";
    const auto imported = facts.imports().find("functools");
    if (imported == facts.imports().end()) {
      if (facts.lookup(0, "functools") != nullptr) continue;
      add_import(context, "import functools", edits);
    } else if (!imported->second.name.empty()) {
      continue;
    }
    edits.insert(line_begin(context.source(), function.node.range().begin), *indent + decorator + ending);
    context.propose("cache the results of " + function.name + "()",
                    "relies on: " + function.name +
                        "() is pure and its results are immutable; arguments must be hashable, memory grows with "
                        "distinct arguments",
                    function.node, edits);
  }
}

void looped(Context& context) {
  const PythonFacts& facts = context.facts;
  for (const PythonFunction& function : facts.functions()) {
    if (function.owner >= 0 || function.nested || !function.decorators.empty() || function.is_generator ||
        function.is_async || function.parameters.empty() || !context.wanted(function.node))
      continue;
    if (!facts.bound_once(function.name)) continue;
    const std::vector<Node> calls = own_calls(facts, function);
    if (calls.empty()) continue;
    bool possible = true;
    for (const auto& [name, binding] : facts.scopes()[function.scope].bindings)
      possible &= !binding.captured && !binding.declared_outer;
    if (contains_kind(function.body, {"lambda", "function_definition", "generator_expression"})) possible = false;
    // Other mentions of its own name (passed on) would still recurse.
    std::vector<Node> body = statements(function.body);
    if (!body.empty() && is_docstring(body.front())) body.erase(body.begin());
    if (!possible || body.empty() || !indentation(body.front())) continue;
    Edits edits;
    const std::string ending = line_end(context.tree());
    for (const Node call : calls) {
      const Node statement = facts.parent(call);
      const std::optional<std::string> indent = indentation(statement);
      if (!statement.is("return_statement") || !indent || !alone_on_lines(statement) || facts.loop_of(statement) ||
          facts.ancestor(statement, {"try_statement", "with_statement"})) {
        possible = false;
        break;
      }
      const std::optional<BoundCall> bound = bind_call(context, call);
      if (!bound) {
        possible = false;
        break;
      }
      std::string left;
      std::string right;
      for (std::size_t i = 0; i < bound->arguments.size(); ++i) {
        if (bound->arguments[i].text == function.parameters[i].name) continue;
        left += (left.empty() ? "" : ", ") + function.parameters[i].name;
        right += (right.empty() ? "" : ", ") + bound->arguments[i].text;
      }
      edits.replace(statement, (left.empty() ? "" : left + " = " + right + ending + *indent) + "continue");
    }
    if (!possible) continue;
    const std::string indent = *indentation(body.front());
    const std::optional<std::string> moved =
        moved_lines(body.front(), body.back(), edits, indent + indent_unit(context.tree()));
    if (!moved) continue;
    std::string text = "while True:" + ending + *moved;
    if (!always_returns(body)) {
      text += indent + indent_unit(context.tree()) + "return None" + ending;
    }
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    Edits all;
    all.replace(Range{body.front().range().begin, body.back().range().end}, text);
    context.propose("recursion of " + function.name + "() becomes a loop",
                    "relies on: " + function.name + "() is never rebound and returns each of its own calls unchanged",
                    function.node, all);
  }
}

}  // namespace

std::unique_ptr<Transformation> cache_pure_recursion() {
  return make_transformation("python/cache-pure-recursion", Safety::kSafeIfVerified, 1.5, cached);
}
std::unique_ptr<Transformation> tail_recursion_to_loop() {
  return make_transformation("python/tail-recursion-to-loop", Safety::kSafeIfVerified, 1.1, looped);
}

}  // namespace jarvis2::edit::python
