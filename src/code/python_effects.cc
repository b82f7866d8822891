// What code may change, through calls: a summary a function, joined to a fixpoint over the call graph by name.
#include <algorithm>

#include "code/python_world.h"

namespace jarvis2::code {
namespace {

constexpr std::size_t kMostReached = 150;  // functions that a call may lead to before anything counts as possible

void merge(InternedNames& into, const InternedNames& from) {
  into.insert(from);
}

bool fresh_expression(Node value) {
  const std::string_view kind = value.kind();
  if (kind == "list" || kind == "dictionary" || kind == "set" || kind == "list_comprehension" ||
      kind == "dictionary_comprehension" || kind == "set_comprehension")
    return true;
  if (kind == "binary_operator") return fresh_expression(value.field("left")) || fresh_expression(value.field("right"));
  if (kind == "subscript") return value.named_count() == 2 && value.named(1).is("slice");
  if (kind != "call") return false;
  const std::string_view name = value.field("function").text();
  return name == "list" || name == "dict" || name == "set" || name == "bytearray" || name == "sorted" ||
         name == "deque" || name == "collections.deque" || name == "defaultdict" || name == "collections.defaultdict" ||
         name == "Counter" || name == "bytes" || name == "tuple" || name == "range";
}

std::string_view operator_method(std::string_view op) {
  static const std::map<std::string_view, std::string_view> names = {
      {"+", "__add__"}, {"-", "__sub__"},     {"*", "__mul__"},    {"/", "__truediv__"}, {"//", "__floordiv__"},
      {"%", "__mod__"}, {"@", "__matmul__"},  {"**", "__pow__"},   {"&", "__and__"},     {"|", "__or__"},
      {"^", "__xor__"}, {"<<", "__lshift__"}, {">>", "__rshift__"}};
  const auto found = names.find(op);
  return found == names.end() ? std::string_view() : found->second;
}

}  // namespace

void PythonEffects::add(const PythonEffects& other) {
  unknown |= other.unknown;
  io |= other.io;
  yields |= other.yields;
  containers_read |= other.containers_read;
  merge(attributes, other.attributes);
  merge(self_attributes, other.self_attributes);
  merge(globals, other.globals);
  merge(containers, other.containers);
  merge(attributes_read, other.attributes_read);
  merge(globals_read, other.globals_read);
}

std::string PythonWorld::Impl::container_key(const PythonFacts& facts, Node value) const {
  while (value.is("parenthesized_expression")) value = value.named(0);
  if (value.is("identifier")) return std::string(value.text());
  if (value.is("attribute")) return "." + std::string(value.field("attribute").text());
  if (value.is("subscript")) {
    std::string inner = container_key(facts, value.field("value"));
    if (inner == "?" || (inner.size() > 2 && inner.substr(inner.size() - 2) == "[]")) return inner;
    return inner + "[]";
  }
  return "?";
}

bool PythonWorld::Impl::fresh(const PythonFacts& facts, const PythonBinding& binding) const {
  if (binding.parameter || binding.declared_outer || binding.written_from_outside || binding.stores.empty())
    return false;
  return std::all_of(binding.stores.begin(), binding.stores.end(), [&](Node store) {
    const Node up = facts.parent(store);
    return up.is("assignment") && up.field("left") == store && fresh_expression(up.field("right"));
  });
}

void PythonWorld::Impl::dunder(std::string_view name, Summary& out) const {
  const std::vector<const PythonFunction*>* found = methods.find(name);
  if (found == nullptr) return;
  for (const PythonFunction* method : *found) out.callees.emplace_back(method, Through::kOperator);
}

void PythonWorld::Impl::call_method(const PythonFacts& facts, Node call, Node object, const std::string& name,
                                    Summary& out) const {
  const Node arguments = call.is("call") ? call.field("arguments") : Node();
  const PythonFunction* around = facts.function_of(object);
  const bool through_self = around != nullptr && around->owner >= 0 && !around->is_static &&
                            !around->parameters.empty() && object.text() == around->parameters[0].name;
  const bool super = object.is("call") && facts.is_builtin(object.field("function"), "super");
  const Through through = through_self || super ? Through::kSelf : Through::kOther;
  // Modules and classes by name.
  if (object.is("identifier")) {
    const PythonBinding* binding = facts.resolve(object);
    if (binding != nullptr && binding->imported) {
      if (const PythonFacts* module = module_of(facts, object)) {
        const PythonFunction* function = function_named(*module, 0, name);
        if (function != nullptr) {
          out.callees.emplace_back(function, Through::kOther);
          return;
        }
        if (const PythonClass* cls = class_named(*module, 0, name)) {
          const PythonFunction* init = world.method_of(*cls, "__init__");
          if (init != nullptr) out.callees.emplace_back(init, Through::kConstructor);
          return;
        }
        out.own.unknown = true;
        return;
      }
      const auto imported = facts.imports().find(object.text());
      const PythonClass* cls = class_named(facts, facts.scope_of(object), object.text());
      if (cls == nullptr && imported != facts.imports().end()) {
        const std::string full =
            (imported->second.name.empty() ? imported->second.module
                                           : imported->second.module + "." + imported->second.name) +
            "." + name;
        if (python_pure_function(full)) return;
        out.own.io = true;
        for (const Node argument : arguments.children()) {
          if (argument.is("identifier") || argument.is("attribute") || argument.is("subscript"))
            out.own.containers.insert(container_key(facts, argument));
        }
        return;
      }
    }
    if (const PythonClass* cls = class_named(facts, facts.scope_of(object), object.text())) {
      const PythonFunction* method = world.method_of(*cls, name);
      if (method != nullptr) {
        const Node first = arguments.named(0);
        const bool passes_self = around != nullptr && !around->parameters.empty() && around->owner >= 0 &&
                                 first.text() == around->parameters[0].name;
        out.callees.emplace_back(method, passes_self ? Through::kSelf : Through::kOther);
        return;
      }
    }
  }
  const PythonType type = this->type(facts, object, 0);
  if (type.kind == PythonType::Kind::kInstance && !super) {
    bool complete = false;
    world.ancestors(*type.of, &complete);
    std::vector<const PythonFunction*> found;
    if (const PythonFunction* method = world.method_of(*type.of, name)) found.push_back(method);
    if (!type.exact) {
      for (const PythonClass* below : world.descendants(*type.of)) {
        const PythonFunction* method = world.method_of(*below, name);
        if (method != nullptr) found.push_back(method);
      }
    }
    if (!found.empty()) {
      for (const PythonFunction* method : found) out.callees.emplace_back(method, through);
      if (patched.contains(name)) out.own.unknown = true;
      return;
    }
    if (complete) {
      out.own.unknown = true;  // an attribute that holds something to call
      return;
    }
  }
  bool seen = false;
  if (!(type.known() && type.kind != PythonType::Kind::kInstance)) {
    const std::vector<const PythonFunction*>* found = methods.find(name);
    if (found != nullptr) {
      for (const PythonFunction* method : *found) out.callees.emplace_back(method, through);
      seen = true;
    }
    if (super && !seen) return;  // object's own
  }
  if (python_reading_method(name)) {
    out.own.containers_read = true;
    return;
  }
  if (python_mutating_method(name)) {
    out.own.containers.insert(container_key(facts, object));
    return;
  }
  if (patched.contains(name) || class_attributes.contains(name)) {
    out.own.unknown = true;
    return;
  }
  if (!seen) {
    out.own.io = true;
    out.own.containers.insert(container_key(facts, object));
  }
}

void PythonWorld::Impl::summarise_call(const PythonFacts& facts, Node call, Node callee, Summary& out) const {
  const Node arguments = call.field("arguments");
  if (callee.text() == "object.__new__" && facts.is_builtin(callee.field("object"), "object")) return;
  // Functions handed over may be called.
  for (Node argument : arguments.children()) {
    if (argument.is("keyword_argument")) argument = argument.field("value");
    if (argument.is("identifier")) {
      const PythonFunction* function = function_named(facts, facts.scope_of(argument), argument.text());
      if (function != nullptr) out.callees.emplace_back(function, Through::kOther);
    } else if (argument.is("attribute")) {
      const std::vector<const PythonFunction*>* found = methods.find(argument.field("attribute").text());
      if (found == nullptr) continue;
      for (const PythonFunction* method : *found) {
        if (!method->is_property) out.callees.emplace_back(method, Through::kOther);
      }
    }
  }
  if (callee.is("attribute"))
    return call_method(facts, call, callee.field("object"), std::string(callee.field("attribute").text()), out);
  if (!callee.is("identifier")) {
    out.own.unknown = true;
    return;
  }
  const std::string name(callee.text());
  if (const PythonClass* cls = class_named(facts, facts.scope_of(callee), name)) {
    const PythonFunction* init = world.method_of(*cls, "__init__");
    if (init != nullptr) out.callees.emplace_back(init, Through::kConstructor);
    if (cls->dynamic && cls->methods.count("__new__") != 0) out.own.unknown = true;
    if (!cls->decorators.empty() || cls->has_keywords) out.own.containers_read = true;
    return;
  }
  if (const PythonFunction* function = function_named(facts, facts.scope_of(callee), name)) {
    out.callees.emplace_back(function, Through::kOther);
    return;
  }
  const PythonBinding* binding = facts.resolve(callee);
  if (binding == nullptr) {
    if (name == "print" || name == "input" || name == "open" || name == "next" || name == "iter") {
      out.own.io = true;
      if (name == "next" && arguments.named_count() > 0)
        out.own.containers.insert(container_key(facts, arguments.named(0)));
      return;
    }
    if (name == "setattr" || name == "delattr") {
      const Node text = arguments.named(1);
      if (text.is("string") && text.named_count() == 3) {
        out.own.attributes.insert(std::string(text.named(1).text()));
      } else {
        out.own.unknown = true;
      }
      return;
    }
    if (name.size() > 5 && name.substr(name.size() - 5) == "Error") return;
    if (python_pure_function(name)) {
      out.own.containers_read = true;
      return;
    }
    if (!python_builtin(name) || name == "exec" || name == "eval" || name == "__import__") out.own.unknown = true;
    return;
  }
  if (binding->imported) {
    const auto imported = facts.imports().find(name);
    if (imported != facts.imports().end()) {
      const auto module = modules.find(imported->second.module);
      if (module != modules.end()) {
        out.own.unknown = true;  // of the workspace, but not a plain function
        return;
      }
      if (python_pure_function(imported->second.module + "." + imported->second.name)) return;
      out.own.io = true;
      for (const Node argument : arguments.children()) {
        if (argument.is("identifier") || argument.is("attribute") || argument.is("subscript"))
          out.own.containers.insert(container_key(facts, argument));
      }
      return;
    }
  }
  // A local that holds a bound method or a builtin.
  if (binding->stores.size() == 1 && !binding->parameter) {
    const Node up = facts.parent(binding->stores[0]);
    const Node value = up.is("assignment") && up.field("left") == binding->stores[0] ? up.field("right") : Node();
    if (value.is("attribute"))
      return call_method(facts, call, value.field("object"), std::string(value.field("attribute").text()), out);
    if (value.is("identifier") && facts.resolve(value) == nullptr && python_pure_function(value.text())) {
      out.own.containers_read = true;
      return;
    }
  }
  out.own.unknown = true;
}

PythonWorld::Impl::Summary PythonWorld::Impl::summarise(const PythonFacts& facts, Node region) const {
  Summary out;
  const PythonFunction* around = facts.function_of(region.is("function_definition") ? region.field("body") : region);
  const std::string self = around != nullptr && around->owner >= 0 && !around->is_static && !around->is_class_method &&
                                   !around->parameters.empty()
                               ? around->parameters[0].name
                               : std::string();
  const Node start = region.is("function_definition") ? region.field("body") : region;
  walk(start, [&](Node node) {
    const std::string_view kind = node.kind();
    if (kind == "function_definition" || kind == "class_definition") return false;
    if (kind == "type") return false;
    if (kind == "call") {
      summarise_call(facts, node, node.field("function"), out);
    } else if (kind == "attribute") {
      const std::string name(node.field("attribute").text());
      const bool augmented = facts.parent(node).is("augmented_assignment");
      if (python_is_target(facts, node)) {
        (!self.empty() && node.field("object").text() == self ? out.own.self_attributes : out.own.attributes)
            .insert(name);
        if (augmented) {
          out.own.attributes_read.insert(name);
          const PythonType right = type(facts, facts.parent(node).field("right"), 0);
          const PythonType left = type(facts, node, 0);
          if (!right.immutable() && !left.immutable() && facts.parent(node).field("operator").text() == "+=")
            out.own.containers.insert("." + name);
        }
      } else {
        out.own.attributes_read.insert(name);
        const std::vector<const PythonFunction*>* found = methods.find(name);
        if (found != nullptr) {
          for (const PythonFunction* method : *found) {
            if (method->is_property) out.callees.emplace_back(method, Through::kOther);
          }
        }
      }
    } else if (kind == "subscript") {
      if (python_is_target(facts, node)) {
        out.own.containers.insert(container_key(facts, node.field("value")));
        dunder("__setitem__", out);
        if (facts.parent(node).is("augmented_assignment")) dunder("__getitem__", out);
      } else {
        if (!type(facts, node.field("value"), 0).immutable()) out.own.containers_read = true;
        const PythonType base = type(facts, node.field("value"), 0);
        if (!base.known() || base.kind == PythonType::Kind::kInstance) dunder("__getitem__", out);
      }
    } else if (kind == "binary_operator" || kind == "augmented_assignment") {
      const Node left = node.field("left");
      const Node right = node.field("right");
      const PythonType of_left = type(facts, left, 0);
      const PythonType of_right = type(facts, right, 0);
      std::string_view op = node.field("operator").text();
      if (kind == "augmented_assignment") {
        op = op.substr(0, op.size() - 1);
        if (left.is("identifier") && !of_right.immutable() && !of_left.immutable() &&
            (op == "+" || op == "|" || op == "&" || op == "*")) {
          const bool sequence = of_right.known() || of_left.known();
          if (sequence || op != "*") out.own.containers.insert(std::string(left.text()));
        }
      }
      if (!(of_left.number() && of_right.number()) && !of_left.immutable()) {
        const std::string_view method = operator_method(op);
        if (!method.empty()) {
          dunder(method, out);
          dunder("__r" + std::string(method.substr(2)), out);
          if (kind == "augmented_assignment") dunder("__i" + std::string(method.substr(2)), out);
        }
      }
    } else if (kind == "comparison_operator") {
      const PythonType first = type(facts, node.named(0), 0);
      if (!first.immutable()) {
        for (const std::string_view name : {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"})
          dunder(name, out);
      }
      for (std::uint32_t i = 0; i < node.child_count(); ++i) {
        const std::string_view op = node.child(i).is_named() ? "" : node.child(i).text();
        if (op == "in" || op == "not in") {
          out.own.containers_read = true;
          dunder("__contains__", out);
        }
      }
    } else if (kind == "for_statement" || kind == "for_in_clause" || kind == "list_splat") {
      out.own.containers_read = true;
      if (!type(facts, node.field("right"), 0).known()) {
        dunder("__iter__", out);
        dunder("__next__", out);
      }
    } else if (kind == "with_statement") {
      out.own.io = true;
      dunder("__enter__", out);
      dunder("__exit__", out);
    } else if (kind == "yield" || kind == "await") {
      out.own.yields = true;
    } else if (kind == "raise_statement" || kind == "assert_statement" || kind == "import_statement" ||
               kind == "import_from_statement") {
      out.own.io = true;
    } else if (kind == "identifier" && facts.is_variable(node)) {
      int scope = -1;
      const PythonBinding* binding = facts.lookup(facts.scope_of(node), node.text(), &scope);
      if (binding == nullptr || scope != 0) return true;
      if (facts.is_store(node)) {
        out.own.globals.insert(std::string(node.text()));
      } else {
        out.own.globals_read.insert(std::string(node.text()));
      }
    }
    return true;
  });
  return out;
}

const PythonWorld::Impl::Summary& PythonWorld::Impl::function_summary(const PythonFunction& function) const {
  const auto known = summaries.find(&function);
  if (known != summaries.end()) return known->second;
  Summary made = summarise(*function.facts, function.node);
  // What a function does to its own fresh containers stays inside; to what it was given, nobody knows whose it is.
  InternedNames kept;
  for (const std::string& key : made.own.containers) {
    if (key.empty() || key[0] == '.' || key == "?") {
      kept.insert(key);
      continue;
    }
    const bool element = key.size() > 2 && key.substr(key.size() - 2) == "[]";
    const std::string name = element ? key.substr(0, key.size() - 2) : key;
    int scope = -1;
    const PythonBinding* binding = function.facts->lookup(function.scope, name, &scope);
    if (binding == nullptr) {
      kept.insert("?");
    } else if (scope == 0) {
      kept.insert(key);
    } else if (element || !fresh(*function.facts, *binding)) {
      kept.insert("?");
    }
  }
  made.own.containers = std::move(kept);
  return summaries.emplace(&function, std::move(made)).first->second;
}

namespace {

void absorb(PythonEffects& into, const PythonEffects& callee, bool constructor, bool self) {
  into.unknown |= callee.unknown;
  into.io |= callee.io;
  into.yields |= callee.yields;
  into.containers_read |= callee.containers_read;
  merge(into.attributes, callee.attributes);
  if (!constructor) merge(self ? into.self_attributes : into.attributes, callee.self_attributes);
  merge(into.globals, callee.globals);
  merge(into.containers, callee.containers);
  merge(into.attributes_read, callee.attributes_read);
  merge(into.globals_read, callee.globals_read);
}

bool same(const PythonEffects& a, const PythonEffects& b) {
  return a.unknown == b.unknown && a.io == b.io && a.yields == b.yields && a.containers_read == b.containers_read &&
         a.attributes == b.attributes && a.self_attributes == b.self_attributes && a.globals == b.globals &&
         a.containers == b.containers && a.attributes_read == b.attributes_read && a.globals_read == b.globals_read;
}

}  // namespace

const PythonEffects& PythonWorld::Impl::function_effects(const PythonFunction& function) const {
  const auto known = known_effects.find(&function);
  if (known != known_effects.end()) return known->second;
  // All that can be reached and is not known yet, then rounds until nothing changes.
  std::vector<const PythonFunction*> reached{&function};
  std::set<const PythonFunction*> seen{&function};
  for (std::size_t i = 0; i < reached.size(); ++i) {
    for (const auto& [callee, through] : function_summary(*reached[i]).callees) {
      if (known_effects.count(callee) == 0 && seen.insert(callee).second) reached.push_back(callee);
    }
    if (reached.size() > kMostReached) {
      PythonEffects anything;
      anything.unknown = anything.io = anything.containers_read = true;
      return known_effects.emplace(&function, std::move(anything)).first->second;
    }
  }
  std::unordered_map<const PythonFunction*, PythonEffects> now;
  for (const PythonFunction* member : reached) now[member] = function_summary(*member).own;
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = reached.size(); i-- > 0;) {
      PythonEffects next = now[reached[i]];
      for (const auto& [callee, through] : function_summary(*reached[i]).callees) {
        const auto done = known_effects.find(callee);
        absorb(next, done != known_effects.end() ? done->second : now[callee], through == Through::kConstructor,
               through == Through::kSelf);
      }
      if (!same(next, now[reached[i]])) {
        now[reached[i]] = std::move(next);
        changed = true;
      }
    }
  }
  for (auto& [member, effects] : now) known_effects.emplace(member, std::move(effects));
  return known_effects.find(&function)->second;
}

const PythonEffects& PythonWorld::effects(const PythonFunction& function) const {
  const std::lock_guard<std::recursive_mutex> lock(impl_->mutex);
  return impl_->function_effects(function);
}

bool PythonWorld::may_recurse(const PythonFunction& function) const {
  const std::lock_guard<std::recursive_mutex> lock(impl_->mutex);
  const auto known = impl_->recursive.find(&function);
  if (known != impl_->recursive.end()) return known->second;
  std::vector<const PythonFunction*> reached{&function};
  std::set<const PythonFunction*> seen;
  bool found = false;
  for (std::size_t i = 0; i < reached.size() && !found; ++i) {
    for (const auto& [callee, through] : impl_->function_summary(*reached[i]).callees) {
      // Operators on fields of unknown class are taken for those of other classes.
      if (through == Impl::Through::kOperator) continue;
      found |= callee == &function;
      if (seen.insert(callee).second) reached.push_back(callee);
    }
    found |= reached.size() > kMostReached;
  }
  impl_->recursive[&function] = found;
  return found;
}

PythonEffects PythonWorld::effects(const PythonFacts& facts, Node region) const {
  const std::lock_guard<std::recursive_mutex> lock(impl_->mutex);
  const auto known = impl_->region_effects.find(region.id());
  if (known != impl_->region_effects.end()) return known->second;
  const Impl::Summary summary = impl_->summarise(facts, region);
  PythonEffects result = summary.own;
  for (const auto& [callee, through] : summary.callees) {
    absorb(result, impl_->function_effects(*callee), through == Impl::Through::kConstructor,
           through == Impl::Through::kSelf);
  }
  impl_->region_effects.emplace(region.id(), result);
  return result;
}

PythonEffects PythonWorld::called_effects(const PythonFacts& facts, Node region) const {
  const std::lock_guard<std::recursive_mutex> lock(impl_->mutex);
  const Impl::Summary summary = impl_->summarise(facts, region);
  PythonEffects result;
  result.unknown = summary.own.unknown;
  result.yields = summary.own.yields;
  result.io = summary.own.io;
  for (const auto& [callee, through] : summary.callees) {
    absorb(result, impl_->function_effects(*callee), through == Impl::Through::kConstructor, false);
  }
  return result;
}

std::vector<PythonWorld::CallSite> PythonWorld::attribute_stores() const {
  std::vector<CallSite> result;
  impl_->attribute_stores.each(
      [&](const std::vector<CallSite>& stores) { result.insert(result.end(), stores.begin(), stores.end()); });
  return result;
}

bool PythonWorld::pure(const PythonFacts& facts, Node expression) const {
  const PythonEffects found = effects(facts, expression);
  if (!found.none()) return false;
  bool plain = true;
  walk(expression, [&](Node node) {
    const std::string_view kind = node.kind();
    plain &= kind != "named_expression" && kind != "lambda" && kind != "ERROR" && kind != "generator_expression";
    return plain;
  });
  return plain;
}

bool PythonWorld::unaffected_by(const PythonFacts& facts, Node expression, const PythonEffects& changes,
                                const NameSet& stored, std::string* why_not) const {
  const auto no = [&](std::string reason) {
    if (why_not != nullptr) *why_not = std::move(reason);
    return false;
  };
  if (!pure(facts, expression)) return no("not pure");
  const PythonEffects reads = effects(facts, expression);
  const std::lock_guard<std::recursive_mutex> lock(impl_->mutex);
  const bool foreign = changes.unknown || changes.yields;
  for (const std::string& name : facts.names_read_in(expression)) {
    if (stored.count(name) != 0) return no(name + " is assigned");
    int scope = -1;
    const PythonBinding* binding = facts.lookup(facts.scope_of(expression), name, &scope);
    if (binding == nullptr) continue;
    if (binding->written_from_outside && foreign) return no(name + " may be rebound by a call");
    if (scope == 0 && changes.globals.count(name) != 0 && facts.frame_of(expression) != 0)
      return no("the global " + name + " is rebound");
  }
  for (const std::string& name : reads.globals_read) {
    if (changes.globals.count(name) != 0 && facts.frame_of(expression) != 0)
      return no("the global " + name + " is rebound");
  }
  for (const std::string& name : reads.attributes_read) {
    if (changes.attributes.count(name) != 0 || changes.self_attributes.count(name) != 0)
      return no("." + name + " is stored");
    if (foreign && impl_->changed_later.contains(name)) return no("." + name + " may be stored by a call");
  }
  if (!reads.containers_read) return true;
  // Which containers are read.
  bool clean = true;
  std::string reason;
  const auto check = [&](Node container) {
    while (container.is("parenthesized_expression")) container = container.named(0);
    const PythonType type = impl_->type(facts, container, 0);
    if (type.immutable() || type.kind == PythonType::Kind::kTuple || type.kind == PythonType::Kind::kRange) return;
    const std::string key = impl_->container_key(facts, container);
    const bool deep = key.size() > 2 && key.substr(key.size() - 2) == "[]";
    const PythonBinding* binding = container.is("identifier") ? facts.resolve(container) : nullptr;
    const bool own = binding != nullptr && impl_->fresh(facts, *binding) && !facts.escapes(*binding);
    if (foreign && !own) {
      clean = false;
      reason = std::string(container.text()) + " may be changed by a call";
      return;
    }
    NameSet aliases{key};
    if (binding != nullptr) {
      for (const Node store : binding->stores) {
        const Node up = facts.parent(store);
        if (up.is("assignment") && up.field("left") == store)
          aliases.insert(impl_->container_key(facts, up.field("right")));
      }
    }
    for (const std::string& changed : changes.containers) {
      bool hit = changed == "?" ? !own : aliases.count(changed) != 0;
      if (changed != "?" && deep) hit = true;
      if (!hit && changed != "?" && changed[0] != '.' && changed.back() != ']') {
        // The changed name may be a second name of the container that is read.
        const PythonBinding* other = facts.lookup(facts.scope_of(expression), changed);
        if (other != nullptr) {
          for (const Node store : other->stores) {
            const Node up = facts.parent(store);
            if (up.is("assignment") && up.field("left") == store &&
                aliases.count(impl_->container_key(facts, up.field("right"))) != 0)
              hit = true;
          }
        }
      }
      if (!hit) continue;
      clean = false;
      reason = std::string(container.text()) + " may be changed";
      return;
    }
  };
  walk(expression, [&](Node node) {
    if (!clean) return false;
    if (node.is("subscript")) check(node.field("value"));
    if (node.is("for_in_clause")) check(node.field("right"));
    if (node.is("list_splat")) check(node.named(0));
    if (node.is("comparison_operator")) {
      for (std::uint32_t i = 0; i + 1 < node.child_count(); ++i) {
        const std::string_view op = node.child(i).text();
        if (!node.child(i).is_named() && (op == "in" || op == "not in")) check(node.child(i + 1));
      }
    }
    if (node.is("call")) {
      const Node callee = node.field("function");
      if (callee.is("attribute") && python_reading_method(callee.field("attribute").text()))
        check(callee.field("object"));
      static const NameSet shallow = {"abs",      "chr",        "float",   "int",   "isinstance", "id",
                                      "ord",      "round",      "range",   "type",  "divmod",     "pow",
                                      "callable", "issubclass", "complex", "object"};
      if (callee.is("identifier") && facts.resolve(callee) == nullptr && shallow.count(callee.text()) == 0) {
        for (const Node argument : node.field("arguments").children()) check(argument);
      }
      // A function of the sources may read any container.
      if (resolve_call(facts, node, nullptr, nullptr) != nullptr && !changes.containers.empty()) {
        clean = false;
        reason = std::string(callee.text()) + "() reads containers and some are changed";
      }
    }
    return true;
  });
  return clean || no(reason);
}

bool PythonWorld::invariant_in(const PythonFacts& facts, Node expression, Node region, std::string* why_not) const {
  return unaffected_by(facts, expression, effects(facts, region), facts.names_stored_in(region), why_not);
}

}  // namespace jarvis2::code
