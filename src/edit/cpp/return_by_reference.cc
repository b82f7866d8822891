// cpp/return-by-reference: a const method that hands out a copy of a member (or of a member's element) hands out a
// const reference; declaration and definition change together. `return {};` becomes a reference to an empty static
// value. Preconditions: not virtual; every return names a member, `member.at(k)`, `member[i]` or an empty value.
// Assumed: callers do not keep the reference while they change the object, nor call it on a temporary.
#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

bool names_member(const Context& context, Node value) {
  Node node = code::bare(value);
  while (node) {
    if (node.is("subscript_expression") || node.is("field_expression")) {
      const Node object = code::bare(node.field("argument"));
      if (node.is("field_expression") && object.is("this")) return true;
      const CType type = context.facts.type_of(object);
      if (node.is("subscript_expression") && (type.name() == "map" || type.name() == "unordered_map" || !type.known()))
        return false;
      node = object;
    } else if (node.is("call_expression")) {
      const std::string name = code::callee_name(node);
      const Node receiver = code::call_receiver(node);
      if (!receiver || (name != "at" && name != "front" && name != "back" && name != "top")) return false;
      node = code::bare(receiver);
    } else if (node.is("identifier")) {
      return context.facts.resolve(node).storage == CStorage::kMember && context.facts.resolve(node).name_node;
    } else {
      return false;
    }
  }
  return false;
}

bool empty_value(Node value, const std::string& type) {
  const Node node = code::bare(value);
  if (node.is("initializer_list")) return code::named_children(node).empty();
  if (node.is("call_expression")) return node.field("function").text() == type && code::call_arguments(node).empty();
  if (node.is("compound_literal_expression"))
    return node.field("type").text() == type && code::named_children(node.field("value")).empty();
  return false;
}

// Callers that keep a copy they only read, while nothing writes the object, keep a reference.
void bind_callers(const Context& context, Proposal& proposal, const CFunction& function) {
  for (const std::shared_ptr<const CFile>& file : context.facts.files()) {
    const code::SourceFile* source = context.workspace.find(file->path);
    if (source == nullptr || !source->editable) continue;
    for (const CVariable& local : file->locals) {
      if (!local.value.is("call_expression") || code::callee_name(local.value) != function.name || local.is_static)
        continue;
      if (!local.declarator.is("init_declarator") || !local.declarator.field("declarator").is("identifier")) continue;
      if (!local.declaration.is("declaration") || !local.declaration.parent().is("compound_statement")) continue;
      const Node receiver = code::call_receiver(local.value);
      const Node root = receiver ? code::root_of(receiver) : Node();
      if (!root.is("identifier") || context.facts.type_of(receiver).name() != function.owner) continue;
      int declarators = 0;
      for (const Node& child : code::named_children(local.declaration))
        declarators += child.is("init_declarator") ? 1 : 0;
      bool fine = declarators == 1 && context.facts.never_modified(local) && !local.type.is_const;
      for (const CUseOf& use : context.facts.uses(local)) fine = fine && !use.place.parent().is("return_statement");
      for (Node next = local.declaration.next_sibling(); next && fine; next = next.next_sibling()) {
        const CRegion& region = context.facts.region(next);
        fine = !region.names.contains(spelled(root)) && !region.elements.contains(spelled(root));
      }
      const Node type = local.declaration.field("type");
      if (!fine || !type) continue;
      replace(proposal, file->path, {type.range().begin, type.range().begin}, "const ");
      replace(proposal, file->path, {type.range().end, type.range().end}, "&");
    }
  }
}

void find_return_by_reference(const Context& context) {
  for (const std::shared_ptr<const CFile>& file : context.facts.files()) {
    for (const CFunction& function : file->functions) {
      if (function.owner.empty() || !function.is_const || function.is_virtual || !function.body) continue;
      if (!function.returns.is_value() || !context.facts.is_large(function.returns)) continue;
      const CRecord* owner = context.facts.record(function.owner);
      if (owner == nullptr || owner->virtual_methods.contains(function.name)) continue;
      const std::optional<Range> site = context.site_of(function);
      if (!site) continue;
      const std::string type = spelled(function.node.field("type"));
      Proposal proposal =
          context.draft(*site, "return " + function.name + "() by const reference",
                        "every return names a member; assumed: callers keep no reference across a change of "
                        "the object, and do not call it on a temporary");
      bool fine = true;
      bool gain = false;
      for (const Node& node : code::descendants(function.body, {"return_statement"})) {
        if (inside_lambda(node, function.body)) continue;
        const std::vector<Node> parts = code::named_children(node);
        if (parts.size() != 1) {
          fine = false;
        } else if (names_member(context, parts[0])) {
          gain = true;
        } else if (empty_value(parts[0], type)) {
          const std::string name = context.fresh("none");
          replace(context, proposal, node, "{ static const " + type + " " + name + "{}; return " + name + "; }");
        } else {
          fine = false;
        }
      }
      if (!fine || !gain) continue;
      int definitions = 0;
      for (const Node& declarator : declarators_of(context.facts, function)) {
        Node declaration = declarator.parent();
        if (declaration.is("function_definition")) ++definitions;
        const Node written = declaration.field("type");
        if (!written || declaration.field("declarator") != declarator) {
          fine = false;
          continue;
        }
        const std::string path = path_of(context, declaration);
        replace(proposal, path, {written.range().begin, written.range().begin}, "const ");
        replace(proposal, path, {written.range().end, written.range().end}, "&");
      }
      if (!fine || definitions != 1) continue;
      bind_callers(context, proposal, function);
      context.emit(std::move(proposal));
    }
  }
}

}  // namespace

Made return_by_reference() {
  return make({"cpp/return-by-reference", Language::kCpp, 1.02}, find_return_by_reference);
}

}  // namespace jarvis2::edit::cpp
