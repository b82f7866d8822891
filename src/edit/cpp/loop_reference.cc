// cpp/loop-reference: `for (auto x : xs)` copies each element; where x is only read it becomes `const auto& x`.
// Preconditions: elements are not scalars or pointers; x (each name of a structured binding) is never written, moved
// from or captured; the loop does not write the container's elements.
#include <algorithm>

#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

void find_loop_reference(const Context& context) {
  for (const Node& loop : context.nodes({"for_range_loop"})) {
    const Node type = loop.field("type");
    const Node declarator = loop.field("declarator");
    if (!type || !(declarator.is("identifier") || declarator.is("structured_binding_declarator"))) continue;
    bool is_const = false;
    bool odd = false;
    for (const Node& child : code::named_children(loop)) {
      if (!child.is("type_qualifier")) continue;
      is_const = child.text() == "const";
      odd |= child.range().begin > type.range().begin;
    }
    if (odd) continue;
    std::vector<CVariable> names;
    for (const CVariable& local : context.info.locals) {
      if (local.declaration == loop) names.push_back(local);
    }
    if (names.empty()) continue;
    if (declarator.is("identifier")) {
      const CType element = context.facts.type_of(declarator);
      if (element.known() && element.base != "auto" && !context.facts.is_large(element) &&
          context.facts.size_of(element) <= 32) {
        const std::string name = element.name();
        if (name != "shared_ptr" && name != "pair") continue;
      }
      if (!element.known() && type.text() != "auto") continue;
    }
    const bool read_only = std::all_of(names.begin(), names.end(), [&](const CVariable& variable) {
      for (const CUseOf& use : context.facts.uses(variable)) {
        if (use.use != CUse::kRead) return false;
        const Node up = use.node.parent();
        if (up.is("lambda_capture_specifier") || up.is("lambda_capture_initializer")) return false;
        if (up.is("return_statement")) return false;  // would turn a move into a copy: no gain
      }
      return true;
    });
    if (!read_only) continue;
    const Node right = loop.field("right");
    const Node root = code::root_of(right);
    const CRegion& region = context.facts.region(code::loop_body(loop));
    if (root && !root.is("this") && (region.elements.contains(spelled(root)) || region.names.contains(spelled(root))))
      continue;
    Proposal proposal = context.draft(loop.range(), "loop over " + spelled(right) + " without copying its elements",
                                      "the loop only reads " + spelled(declarator));
    if (!is_const) replace(proposal, context.file.path, {type.range().begin, type.range().begin}, "const ");
    replace(proposal, context.file.path, {type.range().end, type.range().end}, "&");
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made loop_reference() {
  return make({"cpp/loop-reference", Language::kCpp, 1.03}, find_loop_reference);
}

}  // namespace jarvis2::edit::cpp
