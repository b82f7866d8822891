// cpp/pass-by-reference: a parameter that is taken by value, costs to copy and is only read becomes a const reference;
// all declarations and the definition change together. Parameters of lambdas (comparators) count too.
// cpp/shared-ptr-by-reference: the same for std::shared_ptr, whose copy is an atomic count.
// Preconditions: the function is not virtual, its address is not taken; the parameter is never written, moved from,
// returned, or handed to something that could keep a reference; no overload of the same shape exists.
// Assumed: the function does not change the argument on another way while it runs.
#include <algorithm>

#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

std::vector<Node> parameters_of(Node declarator) {
  std::vector<Node> result;
  for (const Node& child : code::named_children(declarator.field("parameters"))) {
    if (child.is("parameter_declaration") || child.is("optional_parameter_declaration")) result.push_back(child);
  }
  return result;
}

std::string shape(Node declarator) {
  std::string text;
  for (const Node& parameter : parameters_of(declarator)) {
    const Node inner = parameter.field("declarator");
    text += spelled(parameter.field("type")) + "," + (inner ? std::string(inner.kind().substr(0, 9)) : "") + ";";
  }
  // An identifier or nothing are the same shape.
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 11, "identifier;") == 0) i += 10;
    if (text.compare(i, 10, "identifie;") == 0) {
      i += 8;
      continue;
    }
    if (text[i] != ' ') plain += text[i];
  }
  return plain;
}

// `T x` → `const T& x`; false where the spelling is unusual.
bool to_reference(const Context& context, Proposal& proposal, Node parameter) {
  const Node type = parameter.field("type");
  const Node declarator = parameter.field("declarator");
  if (!type || (declarator && !declarator.is("identifier"))) return false;
  bool is_const = false;
  for (const Node& child : code::named_children(parameter)) {
    if (!child.is("type_qualifier")) continue;
    if (child.range().begin > type.range().begin || child.text() != "const") return false;
    is_const = true;
  }
  const std::string path = path_of(context, parameter);
  if (!is_const) replace(proposal, path, {type.range().begin, type.range().begin}, "const ");
  replace(proposal, path, {type.range().end, type.range().end}, "&");
  return true;
}

bool returned_or_kept(const CFacts& facts, const CVariable& parameter) {
  for (const CUseOf& use : facts.uses(parameter)) {
    const Node up = use.place.parent();
    if (up.is("return_statement") || up.is("co_return_statement") || up.is("lambda_capture_specifier")) return true;
    if (up.is("lambda_capture_initializer")) return true;
    if (up.is("assignment_expression") && up.field("right") == use.place && use.place == use.node) return true;
    // A member made from it: a copy either way, but a mover may come next; leave it.
    if (up.is("argument_list") && up.parent().is("field_initializer")) return true;
  }
  return false;
}

using Wanted = std::function<bool(const CFacts&, const CType&)>;

void lambdas(const Context& context, const Wanted& takes) {
  for (const Node& lambda : context.nodes({"lambda_expression"})) {
    for (const Node& node : parameters_of(lambda.field("declarator"))) {
      for (const CVariable& parameter : context.info.locals) {
        if (parameter.declaration != node || !parameter.name_node) continue;
        if (!takes(context.facts, parameter.type) || !context.facts.never_modified(parameter)) continue;
        if (returned_or_kept(context.facts, parameter)) continue;
        Proposal proposal =
            context.draft(lambda.range(), "take " + parameter.name + " of the lambda by const reference",
                          "the lambda only reads " + parameter.name);
        if (to_reference(context, proposal, node)) context.emit(std::move(proposal));
      }
    }
  }
}

void find_pass_by_reference(const Context& context, const Wanted& takes) {
  lambdas(context, takes);
  for (const std::shared_ptr<const CFile>& file : context.facts.files()) {
    if (file->tree->language() != Language::kCpp) continue;
    for (const CFunction& function : file->functions) {
      if (!function.declarator || !function.body || function.is_virtual || function.name.starts_with("operator"))
        continue;
      const bool any = std::any_of(function.parameters.begin(), function.parameters.end(),
                                   [&](const CVariable& p) { return p.name_node && takes(context.facts, p.type); });
      if (!any) continue;
      const std::optional<Range> site = context.site_of(function);
      if (!site || !only_called(context.facts, function)) continue;
      if (const CRecord* owner = context.facts.record(function.owner);
          owner != nullptr && owner->virtual_methods.contains(function.name)) {
        continue;
      }
      const std::string own = shape(function.declarator);
      const std::vector<Node> definition = parameters_of(function.declarator);
      for (std::size_t i = 0; i < function.parameters.size() && i < definition.size(); ++i) {
        const CVariable& parameter = function.parameters[i];
        if (!parameter.name_node || !takes(context.facts, parameter.type)) continue;
        if (!context.facts.never_modified(parameter) || returned_or_kept(context.facts, parameter)) continue;
        Proposal proposal =
            context.draft(*site, "take " + parameter.name + " of " + function.name + "() by const reference",
                          function.name + "() only reads " + parameter.name +
                              "; assumed: nothing changes the argument while it runs");
        bool fine = true;
        int definitions = 0;
        for (const Node& declarator : declarators_of(context.facts, function)) {
          const std::vector<Node> parameters = parameters_of(declarator);
          if (parameters.size() != definition.size() || shape(declarator) != own) continue;
          if (declarator.parent().is("function_definition")) ++definitions;
          fine = fine && to_reference(context, proposal, parameters[i]);
        }
        if (fine && definitions == 1) context.emit(std::move(proposal));
      }
    }
  }
}

}  // namespace

Made pass_by_reference() {
  return make({"cpp/pass-by-reference", Language::kCpp, 1.03}, [](const Context& context) {
    find_pass_by_reference(
        context, [](const CFacts& facts, const CType& type) { return type.is_value() && facts.is_large(type); });
  });
}

Made shared_ptr_by_reference() {
  return make({"cpp/shared-ptr-by-reference", Language::kCpp, 1.05}, [](const Context& context) {
    find_pass_by_reference(context, [](const CFacts& facts, const CType& type) {
      return type.is_value() && facts.resolved(type).name() == "shared_ptr";
    });
  });
}

}  // namespace jarvis2::edit::cpp
