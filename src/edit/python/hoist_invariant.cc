// python/hoist-invariant-call, python/hoist-invariant-constructor, python/hoist-subscript, python/hoist-arithmetic:
// an expression that gives the same in every iteration is evaluated before the loop.
// Preconditions of all: pure (calls followed; builtins and standard functions from a table), every name, attribute
// and container it reads is left alone by the loop (distinct names and attributes hold distinct containers unless one
// is assigned from the other), and one of its occurrences is evaluated in each iteration.
// Calls: the result is immutable, or is only an operand. Constructors: no object of the class is ever changed after
// its constructor, so sharing one is not seen except by identity.
// Differs: what would be raised in the first iteration is raised before the loop, also where there is no iteration.
#include "edit/python/hoisting.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

bool only_operand(const PythonFacts& facts, Node node) {
  const Node up = facts.parent(node);
  const std::string_view kind = up.kind();
  if (kind == "subscript") return up.field("value") == node && !code::PythonFacts::is_assignment_target(facts, up);
  return kind == "binary_operator" || kind == "comparison_operator" || kind == "unary_operator" ||
         kind == "not_operator" || kind == "boolean_operator" || kind == "if_statement" || kind == "while_statement";
}

bool immutable_result(const Context& context, Node node) {
  const PythonType type = context.world->type_of(context.facts, node);
  return type.immutable() || type.kind == PythonType::Kind::kRange;
}

std::optional<Candidate> select_call(const Context& context, Node node, Node) {
  if (!node.is("call") || context.world->resolve_constructor(context.facts, node) != nullptr) return std::nullopt;
  const Node callee = node.field("function");
  static const NameSet lazy = {"zip", "map",    "filter", "enumerate", "reversed", "iter",
                               "id",  "object", "super",  "getattr",   "hasattr"};
  if (callee.is("identifier") && lazy.count(callee.text()) != 0) return std::nullopt;
  // A call of literals alone is what the programmer meant to be cheap, except for what compiles.
  const PythonFacts& facts = context.facts;
  static const NameSet frozen = {
      "re.compile",          "struct.Struct",       "range",      "frozenset", "Fraction", "Decimal",
      "operator.itemgetter", "operator.attrgetter", "itemgetter", "attrgetter"};
  if (!immutable_result(context, node) && !only_operand(facts, node) && frozen.count(callee.text()) == 0)
    return std::nullopt;
  const bool cheap =
      callee.is("identifier") && facts.resolve(callee) == nullptr && callee.text() == "range" && !facts.loop_of(node);
  return Candidate{node, true, cheap ? 1.0 : 2.0};
}

bool frozen_class(const Context& context, const PythonClass& cls) {
  if (cls.dynamic || cls.has_keywords || cls.instance_attributes.empty() || cls.methods.count("__del__") != 0)
    return false;
  bool complete = false;
  if (!context.world->ancestors(cls, &complete).empty() || !complete) return false;
  for (const auto& [name, stores] : cls.instance_attributes) {
    if (!context.world->set_only_in_constructors(name)) return false;
  }
  for (const auto& [name, index] : cls.methods) {
    if (name == "__init__") continue;
    const PythonEffects& effects = context.world->effects(cls.facts->functions()[index]);
    if (effects.unknown || !effects.attributes.empty() || !effects.self_attributes.empty() ||
        !effects.containers.empty())
      return false;
  }
  return true;
}

std::optional<Candidate> select_constructor(const Context& context, Node node, Node) {
  if (!node.is("call")) return std::nullopt;
  const PythonClass* cls = context.world->resolve_constructor(context.facts, node);
  if (cls == nullptr || !frozen_class(context, *cls)) return std::nullopt;
  for (const Node argument : node.field("arguments").children()) {
    const PythonType type = context.world->type_of(context.facts, argument);
    if (!type.immutable() && !is_simple(context.facts, argument)) return std::nullopt;
  }
  return Candidate{node, true, 2};
}

std::optional<Candidate> select_subscript(const Context& context, Node node, Node) {
  if (!node.is("subscript") || node.named_count() != 2 || node.named(1).is("slice")) return std::nullopt;
  if (context.facts.frame_of(node) == 0) return std::nullopt;
  const Node up = context.facts.parent(node);
  if (up.is("augmented_assignment") && up.field("left") == node) return std::nullopt;
  if (contains_kind(node, {"call", "list_comprehension", "lambda"})) return std::nullopt;
  if (is_literal(node.field("value"))) return std::nullopt;
  return Candidate{node, true, 2};
}

std::optional<Candidate> select_arithmetic(const Context& context, Node node, Node) {
  if (!node.is("binary_operator") && !node.is("unary_operator")) return std::nullopt;
  if (is_literal(node) || context.facts.frame_of(node) == 0) return std::nullopt;
  bool names = false;
  bool fit = true;
  code::walk(node, [&](Node inner) {
    const std::string_view kind = inner.kind();
    names |= kind == "identifier";
    fit &= kind == "identifier" || kind == "integer" || kind == "float" || kind == "binary_operator" ||
           kind == "unary_operator" || kind == "parenthesized_expression" || kind == "attribute";
    return fit;
  });
  if (!names || !fit) return std::nullopt;
  // A list made by an operator may be changed later; numbers are not.
  const PythonType type = context.world->type_of(context.facts, node);
  if (!type.immutable() && !only_operand(context.facts, node)) return std::nullopt;
  if (type.kind == PythonType::Kind::kInstance) return std::nullopt;
  return Candidate{node, true, 2};
}

void find_calls(Context& context) {
  propose_hoisting(context, "call", select_call, "relies on: the call is pure and the loop changes nothing it reads");
}
void find_constructors(Context& context) {
  propose_hoisting(context, "constructor", select_constructor,
                   "relies on: objects of this class are never changed after construction, so one can be shared");
}
void find_subscripts(Context& context) {
  propose_hoisting(context, "item", select_subscript,
                   "relies on: the loop stores no item of this container (distinct names hold distinct containers)");
}
void find_arithmetic(Context& context) {
  propose_hoisting(context, "expression", select_arithmetic,
                   "relies on: the operands do not change in the loop and their operators have no effects");
}

}  // namespace

std::unique_ptr<Transformation> hoist_invariant_call() {
  return make_transformation("python/hoist-invariant-call", Safety::kSafeIfVerified, 1.05, find_calls);
}
std::unique_ptr<Transformation> hoist_invariant_constructor() {
  return make_transformation("python/hoist-invariant-constructor", Safety::kSafeIfVerified, 1.15, find_constructors);
}
std::unique_ptr<Transformation> hoist_subscript() {
  return make_transformation("python/hoist-subscript", Safety::kSafeIfVerified, 1.05, find_subscripts);
}
std::unique_ptr<Transformation> hoist_arithmetic() {
  return make_transformation("python/hoist-arithmetic", Safety::kSafeIfVerified, 1.03, find_arithmetic);
}

}  // namespace jarvis2::edit::python
