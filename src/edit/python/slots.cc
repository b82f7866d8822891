// python/slots: __slots__ for a class (and its subclasses) whose attributes are all known.
// Preconditions: every class of the family lies in the sources with single inheritance from object, without
// decorators, metaclass, __dict__, __getattr__ or __slots__; attributes are stored by plain names only (no setattr
// with a computed name, no vars()); no class attribute has the name of an instance attribute; nothing uses weakref,
// pickle or copy on the module's objects.
// Differs: an attribute that only foreign code stores raises AttributeError.
#include <algorithm>

#include "edit/python/rewriting.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

bool plain_class(const PythonClass& cls) {
  return cls.decorators.empty() && !cls.has_keywords && !cls.dynamic && !cls.slots && !cls.defined_twice &&
         !cls.nested && cls.attributes.count("__slots__") == 0 && cls.bases.size() <= 1;
}

NameSet own_attributes(const PythonClass& cls) {
  NameSet names;
  for (const auto& [name, stores] : cls.instance_attributes) names.insert(name);
  return names;
}

void find_slots(Context& context) {
  const PythonFacts& facts = context.facts;
  for (const std::string_view risky : {"weakref", "pickle", "copyreg", "shelve"}) {
    if (facts.imports().count(risky) != 0) return;
  }
  if (facts.dynamic()) return;
  for (const PythonClass& root : facts.classes()) {
    if (!plain_class(root) || !(root.bases.empty() || root.bases[0] == "object")) continue;
    std::vector<const PythonClass*> family = context.world->descendants(root);
    family.insert(family.begin(), &root);
    bool wanted = false;
    bool possible = true;
    std::size_t attributes = 0;
    for (const PythonClass* cls : family) {
      wanted |= context.wanted(cls->node);
      bool complete = false;
      context.world->ancestors(*cls, &complete);
      possible &= plain_class(*cls) && complete && cls->facts == &facts;
      attributes += cls->instance_attributes.size();
    }
    if (!possible || !wanted || attributes == 0) continue;
    NameSet elsewhere;  // attributes that some other class declares
    for (const PythonClass& other : facts.classes()) {
      if (std::find(family.begin(), family.end(), &other) != family.end()) continue;
      for (const auto& [name, stores] : other.instance_attributes) elsewhere.insert(name);
    }
    // Stores from outside, by name: on an object of this family, or of an unknown class.
    std::map<const PythonClass*, NameSet> names;
    for (const PythonClass* cls : family) names[cls] = own_attributes(*cls);
    for (const auto& store : context.world->attribute_stores()) {
      const std::string name(store.call.field("attribute").text());
      const PythonFunction* function = store.facts->function_of(store.call);
      const PythonClass* holder = function != nullptr && !function->parameters.empty() &&
                                          function->parameters[0].name == store.call.field("object").text()
                                      ? store.facts->class_of(*function)
                                      : nullptr;
      if (holder != nullptr) continue;
      bool known = false;
      for (const auto& [cls, own] : names) known |= own.count(name) != 0;
      if (known) {
        // A base's instances may get what only a subclass declares: the root takes it.
        for (const auto& [cls, own] : names) {
          if (cls != &root && own.count(name) != 0) names[&root].insert(name);
        }
        continue;
      }
      const PythonType type = context.world->type_of(*store.facts, store.call.field("object"));
      if (type.kind == PythonType::Kind::kInstance) {
        const bool inside = std::find(family.begin(), family.end(), type.of) != family.end();
        if (inside) names[&root].insert(name);
        continue;
      }
      if (store.call.field("object").is("identifier") &&
          !context.world->classes_named(store.call.field("object").text()).empty())
        continue;  // an attribute of the class itself
      if (elsewhere.count(name) == 0) names[&root].insert(name);
    }
    Edits edits;
    std::string list;
    for (const PythonClass* cls : family) {
      NameSet own = names[cls];
      for (const PythonClass* above : context.world->ancestors(*cls)) {
        for (const std::string& name : names[above]) own.erase(name);
      }
      for (const std::string& name : own) {
        possible &= cls->attributes.count(name) == 0 && cls->methods.count(name) == 0;
        for (const PythonClass* other : family)
          possible &= other->attributes.count(name) == 0 && other->methods.count(name) == 0;
        possible &= !(name.size() > 2 && name[0] == '_' && name[1] == '_');
      }
      const std::vector<Node> body = statements(cls->body);
      if (body.empty() || !possible) break;
      const Node first = body.size() > 1 && is_docstring(body[0]) ? body[1] : body[0];
      const std::optional<std::string> indent = indentation(first);
      if (!indent || is_docstring(first) || cls->body.line() == cls->node.line()) {
        possible = false;
        break;
      }
      std::string slots;
      for (const std::string& name : own) slots += (slots.empty() ? "\"" : ", \"") + name + "\"";
      if (own.size() == 1) slots += ",";
      edits.insert(line_begin(context.source(), first.range().begin),
                   *indent + "__slots__ = (" + slots + ")" + line_end(context.tree()) + line_end(context.tree()));
      list += (list.empty() ? "" : ", ") + cls->name;
    }
    if (!possible) continue;
    context.propose("__slots__ for " + list,
                    "relies on: the sources store no other attribute on these objects, and nothing uses their "
                    "__dict__, weak references or pickles",
                    root.node, edits);
  }
}

}  // namespace

std::unique_ptr<Transformation> slots() {
  return make_transformation("python/slots", Safety::kSafeIfVerified, 1.06, find_slots);
}

}  // namespace jarvis2::edit::python
