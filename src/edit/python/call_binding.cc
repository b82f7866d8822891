// Which parameter gets which argument.
#include <algorithm>

#include "edit/python/inlining.h"

namespace jarvis2::edit::python {
namespace {

std::optional<Argument> argument_of(const Context& context, Node node) {
  const std::optional<std::string> text = on_one_line(context.source(), node, {});
  if (!text) return std::nullopt;
  return Argument{node, *text, false};
}

// A default is evaluated once, where the function is defined: only literals mean the same elsewhere.
std::optional<Argument> default_of(const code::PythonParameter& parameter) {
  if (!parameter.default_value || !is_literal(parameter.default_value)) return std::nullopt;
  return Argument{parameter.default_value, std::string(parameter.default_value.text()), true};
}

}  // namespace

std::optional<BoundCall> bind_call(const Context& context, Node call) {
  if (!call.is("call")) return std::nullopt;
  Node receiver;
  std::string fact;
  const PythonFunction* callee = context.world->resolve_call(context.facts, call, &receiver, &fact);
  if (callee == nullptr) return std::nullopt;
  std::optional<Argument> self;
  if (receiver && callee->owner >= 0 && !callee->is_static) {
    if (receiver.is("call") && context.facts.is_builtin(receiver.field("function"), "super")) {
      const PythonFunction* around = context.facts.function_of(call);
      if (callee->is_class_method != around->is_class_method) return std::nullopt;
      self = Argument{Node(), around->parameters[0].name, false};
    } else {
      if (callee->is_class_method && !receiver.is("identifier")) return std::nullopt;
      self = argument_of(context, receiver);
    }
    if (!self) return std::nullopt;
    if (callee->is_class_method && receiver.is("identifier") && context.world->type_of(context.facts, receiver).known())
      return std::nullopt;  // called through an instance: the class is not at hand
  }
  std::optional<BoundCall> bound = bind_arguments(context, call, *callee, self);
  if (bound) bound->fact = fact;
  return bound;
}

std::optional<BoundCall> bind_arguments(const Context& context, Node call, const PythonFunction& callee,
                                        const std::optional<Argument>& self) {
  if (!call.field("arguments").is("argument_list")) return std::nullopt;
  BoundCall bound;
  bound.node = call;
  bound.callee = &callee;
  const std::vector<code::PythonParameter>& parameters = callee.parameters;
  std::vector<std::optional<Argument>> slots(parameters.size());
  std::size_t next = 0;
  bound.method = callee.owner >= 0;
  if (self) {
    if (parameters.empty()) return std::nullopt;
    slots[next++] = self;
  }
  std::vector<Node> given;
  for (const Node node : call.field("arguments").children()) {
    const Node inner = node.is("list_splat") ? node.named(0) : Node();
    if (inner.is("tuple") || inner.is("list")) {
      for (const Node element : inner.children()) given.push_back(element);  // f(*(a, b))
    } else {
      given.push_back(node);
    }
  }
  for (const Node node : given) {
    if (node.is("list_splat") || node.is("dictionary_splat") || node.is("generator_expression")) return std::nullopt;
    std::size_t at = next;
    Node value = node;
    if (node.is("keyword_argument")) {
      value = node.field("value");
      at = 0;
      while (at < parameters.size() && parameters[at].name != node.field("name").text()) ++at;
    } else {
      ++next;
    }
    if (at >= parameters.size() || slots[at]) return std::nullopt;
    slots[at] = argument_of(context, value);
    if (!slots[at]) return std::nullopt;
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (parameters[i].kind == code::PythonParameter::Kind::kStar ||
        parameters[i].kind == code::PythonParameter::Kind::kDoubleStar)
      return std::nullopt;
    if (!slots[i]) slots[i] = default_of(parameters[i]);
    if (!slots[i]) return std::nullopt;
    bound.arguments.push_back(*slots[i]);
  }
  return bound;
}

std::optional<BoundCall> bind_property(const Context& context, Node attribute) {
  if (!attribute.is("attribute")) return std::nullopt;
  const Node up = context.facts.parent(attribute);
  if (up.is("assignment") && up.field("left") == attribute) return std::nullopt;
  if (up.is("augmented_assignment") && up.field("left") == attribute) return std::nullopt;
  if (up.is("delete_statement") || up.is("decorator") || up.is("pattern_list")) return std::nullopt;
  const std::string name(attribute.field("attribute").text());
  const Node object = attribute.field("object");
  BoundCall bound;
  bound.node = attribute;
  bound.method = true;
  const PythonType type = context.world->type_of(context.facts, object);
  const std::vector<const PythonFunction*> named = context.world->methods_named(name);
  if (named.empty()) return std::nullopt;
  // All definitions of the name: getters of one class (setters share the name).
  const PythonFunction* getter = nullptr;
  for (const PythonFunction* method : named) {
    if (method->is_property && !method->other_decorators) {
      if (getter != nullptr) return std::nullopt;
      getter = method;
    } else if (!method->other_decorators) {
      return std::nullopt;
    }
  }
  if (getter == nullptr || getter->parameters.size() != 1) return std::nullopt;
  if (type.known() && type.kind != PythonType::Kind::kInstance) return std::nullopt;
  const PythonClass* cls = getter->facts->class_of(*getter);
  bool complete = false;
  context.world->ancestors(*cls, &complete);
  if (!complete || cls->dynamic) return std::nullopt;
  for (const auto& other : context.world->classes_named(cls->name)) {
    if (other != cls) return std::nullopt;
  }
  // Another class may give an ordinary attribute of this name.
  if (!type.known() && (context.world->attribute_patched(name))) return std::nullopt;
  std::optional<Argument> self = argument_of(context, object);
  if (!self) return std::nullopt;
  bound.callee = getter;
  bound.arguments.push_back(*self);
  bound.fact = cls->qualified + "." + name + " is the only property (or attribute) of this name in the sources";
  return bound;
}

namespace {

// The method that instances of the expression's class run, where class and method are known.
const PythonFunction* special_method(const Context& context, Node object, std::string_view name, std::string* fact) {
  const PythonType type = context.world->type_of(context.facts, object);
  if (type.kind != PythonType::Kind::kInstance || type.of->defined_twice) return nullptr;
  if (type.or_none && (name == "__eq__" || name == "__ne__")) return nullptr;  // None == x is no error
  const PythonFunction* method = context.world->method_of(*type.of, name);
  if (method == nullptr || method->other_decorators || method->is_static || method->is_class_method) return nullptr;
  if (!type.exact) {
    for (const PythonClass* below : context.world->descendants(*type.of)) {
      if (context.world->method_of(*below, name) != method) return nullptr;
    }
  }
  *fact =
      std::string(object.text()) + " is a " + type.of->name + ", whose " + std::string(name) + "() is never replaced";
  return method;
}

// All arguments can be evaluated in any order.
bool any_order(const Context& context, std::initializer_list<Node> nodes) {
  return std::all_of(nodes.begin(), nodes.end(), [&](Node node) {
    return is_simple(context.facts, node) || context.world->pure(context.facts, node);
  });
}

}  // namespace

std::optional<BoundCall> bind_operator(const Context& context, Node node) {
  static const std::map<std::string_view, std::string_view> arithmetic = {
      {"+", "__add__"},    {"-", "__sub__"}, {"*", "__mul__"},      {"/", "__truediv__"},
      {"@", "__matmul__"}, {"%", "__mod__"}, {"//", "__floordiv__"}};
  static const std::map<std::string_view, std::string_view> comparisons = {
      {"==", "__eq__"}, {"!=", "__ne__"}, {"<", "__lt__"}, {"<=", "__le__"}, {">", "__gt__"}, {">=", "__ge__"}};
  const PythonFacts& facts = context.facts;
  BoundCall bound;
  bound.node = node;
  bound.method = true;
  std::vector<Node> operands;
  std::string_view name;
  std::string key;  // text of a tuple index
  if (node.is("binary_operator")) {
    const auto found = arithmetic.find(node.field("operator").text());
    if (found == arithmetic.end()) return std::nullopt;
    name = found->second;
    operands = {node.field("left"), node.field("right")};
  } else if (node.is("comparison_operator") && node.named_count() == 2 && node.child_count() == 3) {
    const auto found = comparisons.find(node.child(1).text());
    if (found == comparisons.end()) return std::nullopt;
    name = found->second;
    operands = {node.named(0), node.named(1)};
  } else if (node.is("unary_operator") && node.field("operator").text() == "-") {
    name = "__neg__";
    operands = {node.field("argument")};
  } else if (node.is("subscript") && node.named_count() >= 2 && !code::PythonFacts::is_assignment_target(facts, node)) {
    name = "__getitem__";
    operands = {node.field("value"), node.named(1)};
    if (contains_kind(node, {"slice"})) return std::nullopt;
    if (node.named_count() > 2) {
      key = "(";
      for (std::uint32_t i = 1; i < node.named_count(); ++i)
        key += (i == 1 ? "" : ", ") + std::string(node.named(i).text());
      key += ")";
    }
  } else if (node.is("assignment") && node.field("left").is("subscript") && node.field("left").named_count() == 2 &&
             facts.parent(node).is("expression_statement") && node.field("right")) {
    name = "__setitem__";
    operands = {node.field("left").field("value"), node.field("left").named(1), node.field("right")};
    if (operands[1].is("slice") || node.field("right").is("assignment") || node.field("right").is("expression_list") ||
        !any_order(context, {operands[0], operands[1], operands[2]}))
      return std::nullopt;
  } else if (node.is("call") && facts.is_builtin(node.field("function"), "len") &&
             node.field("arguments").named_count() == 1) {
    name = "__len__";
    operands = {node.field("arguments").named(0)};
  } else {
    return std::nullopt;
  }
  bound.callee = special_method(context, operands[0], name, &bound.fact);
  if (bound.callee == nullptr || bound.callee->parameters.size() != operands.size()) return std::nullopt;
  // NotImplemented would hand over to the other side; a reflected method of a subclass would be asked first.
  if (bound.callee->body.text().find("NotImplemented") != std::string_view::npos) return std::nullopt;
  if (node.is("binary_operator")) {
    const std::string reflected = "__r" + std::string(name.substr(2));
    const PythonType left = context.world->type_of(facts, operands[0]);
    const PythonType right = context.world->type_of(facts, operands[1]);
    if (!context.world->methods_named(reflected).empty() && right.kind == PythonType::Kind::kInstance &&
        right.of != left.of)
      return std::nullopt;
  }
  for (const Node operand : operands) {
    std::optional<Argument> argument = argument_of(context, operand);
    if (!argument) return std::nullopt;
    bound.arguments.push_back(*argument);
  }
  if (!key.empty()) {
    if (key.find('\n') != std::string::npos || !any_order(context, {operands[1]})) return std::nullopt;
    for (std::uint32_t i = 1; i < node.named_count(); ++i) {
      if (!is_simple(facts, node.named(i))) return std::nullopt;
    }
    bound.arguments[1] = Argument{Node(), key, false};
  }
  return bound;
}

}  // namespace jarvis2::edit::python
