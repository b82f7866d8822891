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
  if (!call.is("call") || !call.field("arguments").is("argument_list")) return std::nullopt;
  BoundCall bound;
  bound.node = call;
  Node receiver;
  bound.callee = context.world->resolve_call(context.facts, call, &receiver, &bound.fact);
  if (bound.callee == nullptr) return std::nullopt;
  const PythonFunction& callee = *bound.callee;
  const std::vector<code::PythonParameter>& parameters = callee.parameters;
  std::vector<std::optional<Argument>> slots(parameters.size());
  std::size_t next = 0;
  bound.method = callee.owner >= 0;
  if (receiver && callee.owner >= 0 && !callee.is_static) {
    if (parameters.empty()) return std::nullopt;
    if (receiver.is("call") && context.facts.is_builtin(receiver.field("function"), "super")) {
      const PythonFunction* around = context.facts.function_of(call);
      if (callee.is_class_method != around->is_class_method) return std::nullopt;
      slots[next++] = Argument{Node(), around->parameters[0].name, false};
    } else {
      if (callee.is_class_method && !receiver.is("identifier")) return std::nullopt;
      slots[next++] = argument_of(context, receiver);
    }
    if (!slots[0]) return std::nullopt;
    if (callee.is_class_method && receiver.is("identifier") && context.world->type_of(context.facts, receiver).known())
      return std::nullopt;  // called through an instance: the class is not at hand
  }
  for (const Node node : call.field("arguments").children()) {
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

std::optional<BoundCall> bind_operator(const Context& context, Node binary) {
  if (!binary.is("binary_operator")) return std::nullopt;
  static const std::map<std::string_view, std::string_view> names = {
      {"+", "__add__"},    {"-", "__sub__"}, {"*", "__mul__"},      {"/", "__truediv__"},
      {"@", "__matmul__"}, {"%", "__mod__"}, {"//", "__floordiv__"}};
  const auto name = names.find(binary.field("operator").text());
  if (name == names.end()) return std::nullopt;
  const PythonType left = context.world->type_of(context.facts, binary.field("left"));
  if (left.kind != PythonType::Kind::kInstance || left.of->defined_twice) return std::nullopt;
  const PythonFunction* method = context.world->method_of(*left.of, name->second);
  if (method == nullptr || method->parameters.size() != 2 || method->other_decorators) return std::nullopt;
  if (!left.exact) {
    for (const PythonClass* below : context.world->descendants(*left.of)) {
      if (context.world->method_of(*below, name->second) != method) return std::nullopt;
    }
  }
  // A subclass on the right side would be asked first.
  const std::string reflected = "__r" + std::string(name->second.substr(2));
  if (!context.world->methods_named(reflected).empty()) {
    const PythonType right = context.world->type_of(context.facts, binary.field("right"));
    if (right.kind == PythonType::Kind::kInstance && right.of != left.of) return std::nullopt;
  }
  // NotImplemented would hand over to the other side.
  if (code::python_builtin("NotImplemented") && method->body.text().find("NotImplemented") != std::string_view::npos)
    return std::nullopt;
  BoundCall bound;
  bound.node = binary;
  bound.callee = method;
  bound.method = true;
  const std::optional<Argument> self = argument_of(context, binary.field("left"));
  const std::optional<Argument> other = argument_of(context, binary.field("right"));
  if (!self || !other) return std::nullopt;
  bound.arguments = {*self, *other};
  bound.fact = std::string(binary.field("left").text()) + " is a " + left.of->name + ", whose " +
               std::string(name->second) + "() is never replaced";
  return bound;
}

}  // namespace jarvis2::edit::python
