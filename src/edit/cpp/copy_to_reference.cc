// cpp/copy-to-reference: a local copy of something that lives elsewhere (`std::string s = names[i];`) and is only read
// becomes a const reference.
// Preconditions: the type costs to copy; the local is never written, moved from or returned; nothing in the rest of its
// block writes or grows what it was copied from.
// Assumed: unknown calls in that block leave the source alone.
#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

// A place, or a call that hands out a reference.
bool lasting(const CFacts& facts, Node value) {
  const Node node = code::bare(value);
  if (node.is("identifier")) return static_cast<bool>(facts.resolve(node));
  if (node.is("field_expression")) {
    const Node object = code::bare(node.field("argument"));
    return object.is("this") || lasting(facts, object) || node.field("operator").text() == "->";
  }
  if (node.is("subscript_expression")) return lasting(facts, node.field("argument"));
  if (node.is("pointer_expression")) return node.text().starts_with("*");
  if (node.is("call_expression")) {
    const Node receiver = code::call_receiver(node);
    const std::string name = code::callee_name(node);
    if (receiver && (name == "at" || name == "front" || name == "back" || name == "top") &&
        facts.record(facts.type_of(receiver).name()) == nullptr) {
      return lasting(facts, receiver);
    }
    const std::vector<const CFunction*>& known = facts.functions(name);
    return known.size() == 1 && known[0]->returns.reference;
  }
  return false;
}

void find_copy_to_reference(const Context& context) {
  for (const Node& declaration : context.nodes({"declaration"})) {
    const Node block = declaration.parent();
    if (!block.is("compound_statement")) continue;
    for (const CVariable& local : context.info.locals) {
      if (local.declaration != declaration || local.is_static || local.is_constexpr || !local.value) continue;
      if (!local.declarator.is("init_declarator") || !local.declarator.field("declarator").is("identifier")) continue;
      int declarators = 0;
      for (const Node& child : code::named_children(declaration)) {
        if (child.is("init_declarator") || child.is("identifier") || child.is("pointer_declarator")) ++declarators;
      }
      const Node type_node = declaration.field("type");
      if (declarators != 1 || !type_node) continue;
      if (type_node.text() != "auto" && !local.type.is_value()) continue;
      const CType type = context.facts.type_of(local.name_node);
      if (!type.is_value() || !context.facts.is_large(type)) continue;
      const CType source = context.facts.type_of(local.value);
      // Another type on the right would bind to a temporary: legal, but no gain.
      if (!source.known() || source.name() != type.name() || !lasting(context.facts, local.value)) continue;
      bool read_only = true;
      for (const CUseOf& use : context.facts.uses(local)) {
        const Node up = use.node.parent();
        read_only = read_only && use.use == CUse::kRead && !up.is("return_statement") &&
                    !up.is("lambda_capture_specifier") && !up.is("lambda_capture_initializer");
      }
      if (!read_only) continue;
      const Node root = code::root_of(local.value);
      std::string note = "nothing in the block writes " + spelled(local.value);
      bool stays = true;
      std::set<std::string> unknown;
      for (Node next = declaration.next_sibling(); next; next = next.next_sibling()) {
        const CRegion& region = context.facts.region(next);
        if (root && !root.is("this")) {
          stays = stays && !region.names.contains(spelled(root)) && !region.elements.contains(spelled(root));
        }
        for (const Node& field : code::descendants(local.value, {"field_expression"})) {
          stays = stays && !region.fields.contains(spelled(field.field("field"))) &&
                  !region.elements.contains(spelled(field.field("field")));
        }
        for (const Node& name : code::descendants(local.value, {"identifier"})) {
          // The index may change: the reference keeps the old element; only pointers that move matter.
          (void)name;
        }
        unknown.insert(region.unknown_calls.begin(), region.unknown_calls.end());
      }
      const CVariable owner = context.facts.resolve(root);
      const bool own = owner && owner.storage != CStorage::kGlobal && owner.storage != CStorage::kMember &&
                       owner.type.is_value() && !context.facts.escapes(owner);
      if (!stays || (!unknown.empty() && !own && !owner.type.is_const)) continue;
      if (!unknown.empty()) note += "; assumed: " + *unknown.begin() + "() leaves it alone";
      Proposal proposal =
          context.draft(declaration.range(), "refer to " + spelled(local.value) + " instead of copying it", note);
      bool is_const = false;
      for (const Node& child : code::named_children(declaration))
        is_const |= child.is("type_qualifier") && child.text() == "const";
      if (!is_const) replace(proposal, context.file.path, {type_node.range().begin, type_node.range().begin}, "const ");
      replace(proposal, context.file.path, {type_node.range().end, type_node.range().end}, "&");
      context.emit(std::move(proposal));
    }
  }
}

}  // namespace

Made copy_to_reference() {
  return make({"cpp/copy-to-reference", Language::kCpp, 1.1}, find_copy_to_reference);
}

}  // namespace jarvis2::edit::cpp
