// python/attribute-in-local: an attribute that a loop loads and stores lives in a local meanwhile.
// Preconditions: the object's name is a local that the loop does not rebind; the attribute exists before; no other
// object's attribute of this name and no call, property or operator that touches it occurs in the loop (calls followed
// by name, unknown calls refused); the loop has no return, raise, try, yield or else; it is stored back behind it.
// Differs: an exception inside the loop leaves the attribute as it was before; other threads see it late.
#include <algorithm>

#include "edit/python/hoisting.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

struct Use {
  std::vector<Node> nodes;
  bool stored = false;
  bool foreign = false;
  bool sure = false;  // read in every iteration
};

void find_attribute_in_local(Context& context) {
  const PythonFacts& facts = context.facts;
  std::vector<Range> done;
  for (const PythonLoop& loop : facts.loops()) {
    if (!context.wanted(loop.node) || facts.frame_of(loop.node) == 0 || !alone_on_lines(loop.node)) continue;
    if (loop.node.field("alternative") ||
        std::any_of(done.begin(), done.end(), [&](Range range) { return range.contains(loop.node.range()); }))
      continue;
    if (contains_kind(loop.node, {"return_statement", "raise_statement", "try_statement", "yield", "await", "lambda",
                                  "function_definition", "class_definition", "with_statement", "assert_statement"}))
      continue;
    const std::optional<std::string> indent = indentation(loop.node);
    std::map<std::string, Use> uses;  // by attribute name
    std::map<std::string, std::string> root;
    code::walk(loop.node, [&](Node node) {
      if (!node.is("attribute")) return true;
      const Node up = facts.parent(node);
      if (up.is("call") && up.field("function") == node) return true;
      const std::string name(node.field("attribute").text());
      Use& use = uses[name];
      const Node object = node.field("object");
      const auto [at, first] = root.emplace(name, std::string(object.text()));
      if (!object.is("identifier") || at->second != object.text()) use.foreign = true;
      const bool target = facts.is_assignment_target(facts, node);
      const bool augmented = up.is("augmented_assignment") && up.field("left") == node;
      use.stored |= target;
      use.foreign |= up.is("delete_statement");
      if (!target || augmented) use.sure |= unconditional(facts, node, loop.body, false);
      use.nodes.push_back(node);
      return true;
    });
    const PythonEffects called = context.world->called_effects(facts, loop.node);
    if (called.unknown || called.yields) continue;
    const NameSet stored = facts.names_stored_in(loop.node);
    std::string before;
    std::string after;
    std::string names;
    Edits edits;
    NameSet taken;
    for (const auto& [name, use] : uses) {
      if (!use.stored || use.foreign || use.nodes.size() < 2) continue;
      if (called.attributes.count(name) != 0 || called.self_attributes.count(name) != 0 ||
          called.attributes_read.count(name) != 0 || context.world->defined_in_class(name))
        continue;
      const Node object = use.nodes[0].field("object");
      int scope = -1;
      const PythonBinding* binding = facts.resolve(object, &scope);
      if (binding == nullptr || scope != facts.frame_of(loop.node) || stored.count(object.text()) != 0 ||
          binding->written_from_outside)
        continue;
      const PythonType type = context.world->type_of(facts, object);
      bool exists = use.sure;
      if (type.kind == PythonType::Kind::kInstance && !type.or_none)
        exists |= type.of->instance_attributes.count(name) != 0;
      if (!exists) continue;
      std::string stem = name;
      while (stem.size() > 1 && stem[0] == '_') stem.erase(0, 1);
      const std::string local = fresh_name(facts, stem + "_now", taken);
      const std::string attribute(use.nodes[0].text());
      for (const Node node : use.nodes) edits.replace(node, local);
      before += *indent + local + " = " + attribute + line_end(context.tree());
      after += *indent + attribute + " = " + local + line_end(context.tree());
      names += (names.empty() ? "" : ", ") + attribute;
    }
    if (before.empty()) continue;
    const Range lines = whole_lines(loop.node);
    edits.insert(lines.begin, before);
    const bool ends = lines.end > 0 && context.source()[lines.end - 1] == '\n';
    if (!ends) {
      after = line_end(context.tree()) + after;
      while (after.back() == '\n' || after.back() == '\r') after.pop_back();
    }
    edits.insert(lines.end, after);
    done.push_back(loop.node.range());
    context.propose(
        "keep " + names + " in a local during the loop in " + facts.symbol_of(loop.node),
        "relies on: nothing that the loop calls reads or stores it; an exception inside the loop would leave it stale",
        loop.node, edits);
  }
}

}  // namespace

std::unique_ptr<Transformation> attribute_in_local() {
  return make_transformation("python/attribute-in-local", Safety::kSafeIfVerified, 1.05, find_attribute_in_local);
}

}  // namespace jarvis2::edit::python
