// python/hoist-attribute-chain: self.x.y or module.attribute read in a loop becomes a local before it.
// Preconditions: no statement or call in the loop stores an attribute of any of these names or rebinds the root
// (calls followed by name; unknown calls count as storing every attribute that is stored outside constructors);
// no __getattr__ and no property with effects is involved. Chains that not every iteration reads move only where they
// can't fail: attributes of self that the constructor sets, and attributes of modules.
// Differs: an attribute that does not exist raises before the loop.
#include "edit/python/hoisting.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

bool always_there(const Context& context, Node chain) {
  const Node object = chain.field("object");
  if (!object.is("identifier")) return false;
  const PythonBinding* binding = context.facts.resolve(object);
  if (binding == nullptr) return false;
  if (binding->imported) return context.facts.imports().count(object.text()) != 0;
  const PythonType type = context.world->type_of(context.facts, object);
  if (type.kind != PythonType::Kind::kInstance || type.or_none) return false;
  const std::string name(chain.field("attribute").text());
  std::vector<const PythonClass*> holders = context.world->ancestors(*type.of);
  holders.push_back(type.of);
  for (const PythonClass* cls : holders) {
    if (cls->attributes.count(name) != 0) return true;
    const auto found = cls->instance_attributes.find(name);
    if (found == cls->instance_attributes.end()) continue;
    for (const Node store : found->second) {
      const PythonFunction* function = cls->facts->function_of(store);
      if (function != nullptr && function->name == "__init__" &&
          unconditional(*cls->facts, store, function->body, false))
        return true;
    }
  }
  return false;
}

std::optional<Candidate> select(const Context& context, Node node, Node) {
  if (!is_attribute_chain(node)) return std::nullopt;
  const PythonFacts& facts = context.facts;
  const Node up = facts.parent(node);
  const bool called = up.is("call") && up.field("function") == node;
  const Node root = chain_root(node);
  const PythonBinding* binding = facts.resolve(root);
  if (binding == nullptr || facts.frame_of(node) == 0) return std::nullopt;
  const bool module = binding->imported && node.field("object") == root;
  if (called && !module) return std::nullopt;  // the chain in front of the method is looked at next
  if (module && !called && facts.parent(node).is("attribute")) return std::nullopt;
  const std::string name(node.field("attribute").text());
  for (const PythonFunction* method : context.world->methods_named(name)) {
    if (method->is_property) return std::nullopt;  // computed: hoisting it is hoist-invariant-call's business
  }
  if (!module && !context.world->methods_named(name).empty()) return std::nullopt;
  int depth = 0;
  for (Node here = node; here.is("attribute"); here = here.field("object")) ++depth;
  return Candidate{node, !always_there(context, node), depth >= 2 ? 2.0 : 1.0};
}

void find_hoist_attribute_chain(Context& context) {
  propose_hoisting(context, "attribute", select,
                   "relies on: nothing in the loop stores these attributes or rebinds their objects");
}

}  // namespace

std::unique_ptr<Transformation> hoist_attribute_chain() {
  return make_transformation("python/hoist-attribute-chain", Safety::kSafeIfVerified, 1.04, find_hoist_attribute_chain);
}

}  // namespace jarvis2::edit::python
