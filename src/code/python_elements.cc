// What containers hold: the types of their items, from what they are made of and from all that is put into them under
// any of their names (followed through assignments, attributes, arguments and results; conservative by name).
#include <algorithm>

#include "code/python_world.h"

namespace jarvis2::code {
namespace {

constexpr int kDeepestItem = 3;
constexpr int kMostUses = 400;  // looked at for one question

PythonType nothing() {
  return {PythonType::Kind::kPending, nullptr, false, false};
}

bool is_dict_maker(std::string_view name) {
  return name == "dict" || name == "defaultdict" || name == "Counter" || name == "OrderedDict" ||
         name == "collections.defaultdict" || name == "collections.OrderedDict" || name == "collections.Counter";
}

// Builtins that read their argument without keeping it.
bool only_reads(std::string_view name) {
  static const NameSet names = {"len",    "sum",       "any",  "all",  "print",      "str", "repr",
                                "bool",   "min",       "max",  "id",   "isinstance", "zip", "map",
                                "filter", "frozenset", "dict", "next", "set",        "hash"};
  return names.count(name) != 0;
}

bool gives_same_items(std::string_view name) {
  return name == "list" || name == "tuple" || name == "sorted" || name == "reversed" || name == "iter" ||
         name == "set" || name == "frozenset" || name == "deque" || name == "collections.deque";
}

std::string_view call_name(Node call) {
  return call.is("call") ? call.field("function").text() : std::string_view();
}

bool is_slice(Node subscript) {
  return subscript.named_count() == 2 && subscript.named(1).is("slice");
}

}  // namespace

// All that is found to be put into the container asked about.
struct PythonWorld::Impl::Filling {
  PythonType result = nothing();
  unsigned keys = 0;
  int depth = 0;
  int uses = 0;
  std::set<std::pair<const void*, int>> seen;
  NameSet attributes_seen;
};

PythonType PythonWorld::element_of(const PythonFacts& facts, Node expression) const {
  const std::lock_guard<std::recursive_mutex> lock(impl_->mutex);
  if (impl_->open_questions == 0) impl_->type_steps = 0;
  const PythonType found = impl_->elements(facts, expression, 1, 0, 0);
  return found.known() ? found : PythonType{};
}

PythonType PythonWorld::Impl::value_type(const PythonFacts& facts, Node node, int level, unsigned keys,
                                         int depth) const {
  return level == 0 ? type(facts, node, depth) : elements(facts, node, level, keys, depth);
}

PythonType PythonWorld::Impl::elements(const PythonFacts& facts, Node node, int level, unsigned keys, int depth) const {
  constexpr int kDeepest = 24;
  constexpr int kMostSteps = 3000;
  if (!node || level > kDeepestItem || depth > kDeepest || open_questions > kDeepest || ++type_steps > kMostSteps)
    return {};
  const std::pair<const void*, unsigned> key{node.id(), static_cast<unsigned>(level) * 16 + keys};
  const auto known = element_types.find(key);
  if (known != element_types.end()) {
    if (known->second.kind == PythonType::Kind::kPending) ++pending_answers;
    return known->second;
  }
  element_types[key] = nothing();
  const bool outermost = open_questions == 0;
  const int before = pending_answers;
  ++open_questions;
  const PythonType found = find_elements(facts, node, level, keys, depth + 1);
  --open_questions;
  if ((outermost || before == pending_answers) && found.kind != PythonType::Kind::kPending) {
    element_types[key] = found;
  } else {
    element_types.erase(key);
  }
  return found;
}

PythonType PythonWorld::Impl::find_elements(const PythonFacts& facts, Node node, int level, unsigned keys,
                                            int depth) const {
  const std::string_view kind = node.kind();
  const unsigned inner_keys = keys >> 1;
  const auto all = [&](const std::vector<Node>& parts) {
    PythonType result = nothing();
    for (const Node part : parts) {
      Node value = part;
      if (part.is("pair")) value = part.field("value");
      const bool spread = part.is("list_splat") || part.is("dictionary_splat");
      result = join(result, spread ? elements(facts, part.named(0), level, keys, depth)
                                   : value_type(facts, value, level - 1, inner_keys, depth));
      if (result.kind == PythonType::Kind::kUnknown) break;
    }
    return result;
  };
  if (kind == "none") return nothing();
  if (kind == "list" || kind == "tuple" || kind == "set" || kind == "expression_list") {
    if (node.named_count() > 64) return {};
    return all(node.children());
  }
  if (kind == "list_comprehension" || kind == "set_comprehension" || kind == "generator_expression")
    return value_type(facts, node.field("body"), level - 1, inner_keys, depth);
  if (kind == "dictionary") return (keys & 1U) != 0 ? PythonType{} : all(node.children());
  if (kind == "dictionary_comprehension")
    return (keys & 1U) != 0 ? PythonType{}
                            : value_type(facts, node.field("body").field("value"), level - 1, inner_keys, depth);
  if (kind == "parenthesized_expression") return elements(facts, node.named(0), level, keys, depth);
  if (kind == "named_expression") return elements(facts, node.field("value"), level, keys, depth);
  if (kind == "conditional_expression")
    return join(elements(facts, node.named(0), level, keys, depth), elements(facts, node.named(2), level, keys, depth));
  if (kind == "boolean_operator")
    return join(elements(facts, node.field("left"), level, keys, depth),
                elements(facts, node.field("right"), level, keys, depth));
  if (kind == "binary_operator") {
    const std::string_view op = node.field("operator").text();
    const Node left = node.field("left");
    const Node right = node.field("right");
    if (op == "*") {
      const bool on_left = !type(facts, left, depth).number();
      return elements(facts, on_left ? left : right, level, keys, depth);
    }
    if (type(facts, left, depth).kind == PythonType::Kind::kInstance) return {};
    if (op == "+" || op == "|")
      return join(elements(facts, left, level, keys, depth), elements(facts, right, level, keys, depth));
    if (op == "-" || op == "&") return elements(facts, left, level, keys, depth);
    return {};
  }
  if (kind == "subscript") {
    if (node.named_count() != 2) return {};
    if (is_slice(node)) return elements(facts, node.field("value"), level, keys, depth);
    if (type(facts, node.field("value"), depth).kind == PythonType::Kind::kInstance) return {};
    return elements(facts, node.field("value"), level + 1, keys << 1, depth);
  }
  if (kind == "call") return call_elements(facts, node, level, keys, depth);
  if (kind == "identifier") return name_elements(facts, node, level, keys, depth);
  if (kind == "attribute") return attribute_elements(facts, node, level, keys, depth);
  if ((kind == "string" || kind == "concatenated_string") && level == 1) return type(facts, node, depth);
  return {};
}

PythonType PythonWorld::Impl::call_elements(const PythonFacts& facts, Node call, int level, unsigned keys,
                                            int depth) const {
  const Node callee = call.field("function");
  const Node arguments = call.field("arguments");
  const std::string_view name = callee.text();
  if (arguments.is("generator_expression"))
    return gives_same_items(name) ? value_type(facts, arguments.field("body"), level - 1, keys >> 1, depth)
                                  : PythonType{};
  const Node first = arguments.named(0);
  const bool ours = callee.is("identifier") && function_named(facts, facts.scope_of(callee), name) != nullptr;
  if (!ours && gives_same_items(name)) {
    if (!first || first.is("keyword_argument")) return nothing();
    return elements(facts, first, level, keys | 1U, depth);
  }
  if (!ours && is_dict_maker(name)) {
    if ((keys & 1U) != 0) return {};
    if (!first) return nothing();
    if (name == "defaultdict" || name == "collections.defaultdict") {
      if (arguments.named_count() != 1) return {};
      if (const PythonClass* cls = class_named(facts, facts.scope_of(first), first.text()))
        return level == 1 ? PythonType{PythonType::Kind::kInstance, cls, true, false} : PythonType{};
      static const std::map<std::string_view, PythonType::Kind> kinds = {{"list", PythonType::Kind::kList},
                                                                         {"set", PythonType::Kind::kSet},
                                                                         {"dict", PythonType::Kind::kDict},
                                                                         {"int", PythonType::Kind::kInt},
                                                                         {"float", PythonType::Kind::kFloat}};
      const auto made = kinds.find(first.text());
      if (made == kinds.end()) return {};
      return level == 1 ? PythonType{made->second, nullptr, false, false} : nothing();
    }
    return {};
  }
  if (callee.is("identifier")) {
    if (facts.is_builtin(callee, "range")) return level == 1 ? type(facts, call, depth) : PythonType{};
    if (facts.is_builtin(callee, "filter")) return elements(facts, arguments.named(1), level, keys | 1U, depth);
    if (facts.is_builtin(callee, "map") && level == 1) {
      const PythonClass* cls = class_named(facts, facts.scope_of(first), first.text());
      return cls == nullptr ? PythonType{} : PythonType{PythonType::Kind::kInstance, cls, true, false};
    }
  }
  if (callee.is("attribute")) {
    const Node object = callee.field("object");
    const std::string_view method = callee.field("attribute").text();
    if (type(facts, object, depth).kind != PythonType::Kind::kInstance) {
      if (method == "copy" || method == "values") return elements(facts, object, level, keys & ~1U, depth);
      if (method == "pop" || method == "popleft" || method == "get")
        return arguments.named_count() > 1 ? PythonType{} : elements(facts, object, level + 1, keys << 1, depth);
      if (method == "split" || method == "splitlines" || method == "readlines")
        return level == 1 ? PythonType{PythonType::Kind::kStr, nullptr, false, false} : PythonType{};
    }
  }
  const PythonFunction* function = world.resolve_call(facts, call, nullptr, nullptr);
  if (function == nullptr || function->is_async || function->other_decorators) return {};
  PythonType result = nothing();
  if (function->is_generator) {
    bool plain = true;
    walk(function->body, [&](Node node) {
      if (node.is("function_definition") || node.is("lambda")) return false;
      if (!node.is("yield") || !plain) return plain;
      const Node given = node.named(0);
      if (node.text().find("yield from") == 0) {
        result = join(result, elements(*function->facts, given, level, keys | 1U, depth));
      } else {
        result = join(result, value_type(*function->facts, given, level - 1, keys >> 1, depth));
      }
      plain = result.kind != PythonType::Kind::kUnknown;
      return plain;
    });
    return result;
  }
  for (const Node statement : function->returns) {
    if (!statement.named(0)) continue;
    result = join(result, elements(*function->facts, statement.named(0), level, keys, depth));
    if (result.kind == PythonType::Kind::kUnknown) return {};
  }
  return result;
}

PythonType PythonWorld::Impl::annotated_elements(const PythonFacts& facts, Node annotation, int level,
                                                 unsigned keys) const {
  std::string text(annotation.text());
  if (text.size() > 2 && (text.front() == '"' || text.front() == '\'')) text = text.substr(1, text.size() - 2);
  if (text.compare(0, 9, "Optional[") == 0) text = text.substr(9, text.size() - 10);
  for (int at = 0; at < level; ++at) {
    const std::size_t open = text.find('[');
    if (open == std::string::npos || text.back() != ']') return {};
    const std::string head = text.substr(0, open);
    std::string inside = text.substr(open + 1, text.size() - open - 2);
    static const NameSet sequences = {"List",     "list",     "Set",      "set",       "Deque",    "deque",
                                      "Iterable", "Sequence", "Iterator", "FrozenSet", "frozenset"};
    static const NameSet mappings = {"Dict", "dict", "DefaultDict", "defaultdict", "Mapping", "OrderedDict"};
    if (mappings.count(head) != 0) {
      if (((keys >> at) & 1U) != 0) return {};
      int nesting = 0;
      std::size_t comma = std::string::npos;
      for (std::size_t i = 0; i < inside.size(); ++i) {
        if (inside[i] == '[') ++nesting;
        if (inside[i] == ']') --nesting;
        if (inside[i] == ',' && nesting == 0 && comma == std::string::npos) comma = i;
      }
      if (comma == std::string::npos) return {};
      inside = inside.substr(comma + 1);
    } else if (head == "Tuple" || head == "tuple") {
      const std::size_t dots = inside.rfind(", ...");
      if (dots == std::string::npos) return {};
      inside = inside.substr(0, dots);
    } else if (sequences.count(head) == 0) {
      return {};
    }
    inside.erase(0, inside.find_first_not_of(' '));
    text = inside;
  }
  if (text.size() > 2 && (text.front() == '"' || text.front() == '\'')) text = text.substr(1, text.size() - 2);
  const PythonClass* cls = class_named(facts, 0, text);
  return cls == nullptr ? PythonType{} : PythonType{PythonType::Kind::kInstance, cls, false, false};
}

// What the items are by the store to a name or attribute.
PythonType PythonWorld::Impl::stored_elements(const PythonFacts& facts, Node target, int level, unsigned keys,
                                              int depth) const {
  const Node up = facts.parent(target);
  if (up.is("assignment") && up.field("left") == target) {
    if (up.field("type")) {
      const PythonType found = annotated_elements(facts, up.field("type"), level, keys);
      if (found.known()) return found;
    }
    Node right = up.field("right");
    while (right.is("assignment")) right = right.field("right");
    return right ? elements(facts, right, level, keys, depth) : nothing();
  }
  if (up.is("augmented_assignment") && up.field("left") == target) {
    const std::string_view op = up.field("operator").text();
    if (op == "+=" || op == "|=") return elements(facts, up.field("right"), level, keys, depth);
    return op == "-=" || op == "&=" || op == "*=" ? nothing() : PythonType{};
  }
  if (up.is("delete_statement")) return nothing();
  if ((up.is("for_statement") || up.is("for_in_clause")) && up.field("left") == target)
    return iterated(facts, up.field("right"), target, target, level, keys, depth);
  if (up.is("pattern_list") || up.is("tuple_pattern")) {
    const Node around = facts.parent(up);
    if ((around.is("for_statement") || around.is("for_in_clause")) && around.field("left") == up)
      return iterated(facts, around.field("right"), up, target, level, keys, depth);
    if (around.is("assignment")) {
      const std::vector<Node> targets = up.children();
      const std::vector<Node> parts = around.field("right").children();
      if ((around.field("right").is("expression_list") || around.field("right").is("tuple")) &&
          targets.size() == parts.size()) {
        for (std::size_t i = 0; i < targets.size(); ++i) {
          if (targets[i] == target) return elements(facts, parts[i], level, keys, depth);
        }
      }
    }
  }
  return {};
}

// The type (or items) of `target` in `for left in over`.
PythonType PythonWorld::Impl::iterated(const PythonFacts& facts, Node over, Node left, Node target, int level,
                                       unsigned keys, int depth) const {
  while (over.is("parenthesized_expression")) over = over.named(0);
  if (left == target) {
    if (over.is("attribute") || over.is("identifier") || over.is("subscript")) {
      if (type(facts, over, depth).kind == PythonType::Kind::kInstance) return {};
    }
    return elements(facts, over, level + 1, (keys << 1) | 1U, depth);
  }
  const std::vector<Node> targets = left.children();
  std::size_t place = 0;
  while (place < targets.size() && !(targets[place] == target)) ++place;
  if (place == targets.size()) return {};
  const Node callee = over.is("call") ? over.field("function") : Node();
  const Node arguments = over.is("call") ? over.field("arguments") : Node();
  if (facts.is_builtin(callee, "enumerate")) {
    if (place == 0) return level == 0 ? PythonType{PythonType::Kind::kInt, nullptr, false, false} : PythonType{};
    return place == 1 ? iterated(facts, arguments.named(0), target, target, level, keys, depth) : PythonType{};
  }
  if (facts.is_builtin(callee, "zip")) {
    const Node part = arguments.named(static_cast<std::uint32_t>(place));
    if (!part || part.is("list_splat")) return {};
    return iterated(facts, part, target, target, level, keys, depth);
  }
  if (callee.is("attribute") && callee.field("attribute").text() == "items" && place == 1 && targets.size() == 2)
    return elements(facts, callee.field("object"), level + 1, keys << 1, depth);
  return {};
}

PythonType PythonWorld::Impl::name_elements(const PythonFacts& facts, Node node, int level, unsigned keys,
                                            int depth) const {
  int scope = -1;
  const PythonBinding* binding = facts.resolve(node, &scope);
  if (binding == nullptr || binding->imported || binding->stores.size() > 24) return {};
  PythonType result = nothing();
  for (const Node store : binding->stores) {
    PythonType here;
    if (binding->parameter && store == binding->stores[0]) {
      const PythonFunction* function = facts.function_at(facts.scopes()[scope].node);
      if (function == nullptr) return {};
      std::size_t place = 0;
      while (place < function->parameters.size() && function->parameters[place].name != binding->name) ++place;
      if (place == function->parameters.size()) return {};
      const PythonParameter& parameter = function->parameters[place];
      if (parameter.kind == PythonParameter::Kind::kStar || parameter.kind == PythonParameter::Kind::kDoubleStar)
        return {};
      if (parameter.annotation) {
        here = annotated_elements(facts, parameter.annotation, level, keys);
        if (here.known()) {
          result = join(result, here);
          continue;
        }
      }
      const std::optional<std::vector<CallSite>> given = arguments_given(*function, place, depth);
      if (!given) return {};
      here = nothing();
      for (const CallSite& one : *given) here = join(here, elements(*one.facts, one.call, level, keys, depth));
    } else {
      here = stored_elements(facts, store, level, keys, depth);
    }
    result = join(result, here);
    if (result.kind == PythonType::Kind::kUnknown) return {};
  }
  Filling filling;
  filling.keys = keys;
  filling.depth = depth;
  if (!follow_name(facts, *binding, level, filling)) return {};
  return join(result, filling.result);
}

PythonType PythonWorld::Impl::attribute_elements(const PythonFacts& facts, Node node, int level, unsigned keys,
                                                 int depth) const {
  const std::string name(node.field("attribute").text());
  const Node object = node.field("object");
  if (object.is("identifier") && facts.imports().count(object.text()) != 0) return {};
  const PythonType holder = type(facts, object, depth);
  if (holder.kind == PythonType::Kind::kInstance) {
    const PythonFunction* method = world.method_of(*holder.of, name);
    if (method != nullptr) {
      if (!method->is_property || method->returns.size() != 1) return {};
      return elements(*method->facts, method->returns[0].named(0), level, keys, depth);
    }
  } else if (holder.known() || methods.contains(name)) {
    return {};
  }
  PythonType result = nothing();
  bool found = false;
  const auto class_level = [&](const PythonClass& cls) {
    const auto value = cls.attributes.find(name);
    if (value == cls.attributes.end()) return;
    found = true;
    result = join(result, value->second ? elements(*cls.facts, value->second, level, keys, depth) : PythonType{});
  };
  if (holder.kind == PythonType::Kind::kInstance) {
    class_level(*holder.of);
    for (const PythonClass* above : world.ancestors(*holder.of)) class_level(*above);
  } else if (class_attributes.contains(name)) {
    return {};
  }
  const std::vector<CallSite>* stores = attribute_stores.find(name);
  if (stores != nullptr) {
    if (stores->size() > 64) return {};
    for (const CallSite& store : *stores) {
      if (holder.kind == PythonType::Kind::kInstance) {
        const PythonType other = type(*store.facts, store.call.field("object"), depth);
        if (other.kind == PythonType::Kind::kInstance && !related(*other.of, *holder.of)) continue;
      }
      found = true;
      result = join(result, stored_elements(*store.facts, store.call, level, keys, depth));
      if (result.kind == PythonType::Kind::kUnknown) return {};
    }
  }
  if (!found) return {};
  Filling filling;
  filling.keys = keys;
  filling.depth = depth;
  if (!follow_attribute(facts, node, level, filling)) return {};
  return join(result, filling.result);
}

bool PythonWorld::Impl::follow_name(const PythonFacts& facts, const PythonBinding& binding, int level,
                                    Filling& out) const {
  if (level > kDeepestItem) return false;
  if (!out.seen.insert({&binding, level}).second) return true;
  if (binding.loads.size() > 80) return false;
  // Another file may import it.
  if (facts.lookup(0, binding.name) == &binding) {
    for (const std::shared_ptr<const PythonFacts>& other : files) {
      if (other.get() != &facts && other->imports().count(binding.name) != 0) return false;
    }
  }
  return std::all_of(binding.loads.begin(), binding.loads.end(), [&](Node load) {
    const Node up = facts.parent(load);
    if (up.is("augmented_assignment") && up.field("left") == load) return true;  // counted among the stores
    return follow(facts, load, level, out);
  });
}

bool PythonWorld::Impl::follow_attribute(const PythonFacts& facts, Node attribute, int level, Filling& out) const {
  if (level > kDeepestItem) return false;
  const std::string name(attribute.field("attribute").text());
  if (!out.attributes_seen.insert(name + " " + std::to_string(level)).second) return true;
  const PythonType holder = type(facts, attribute.field("object"), out.depth);
  const std::vector<CallSite>* loads = attribute_loads.find(name);
  if (loads == nullptr) return true;
  if (loads->size() > 120) return false;
  for (const CallSite& load : *loads) {
    if (holder.kind == PythonType::Kind::kInstance) {
      const PythonType other = type(*load.facts, load.call.field("object"), out.depth);
      if (other.known() && (other.kind != PythonType::Kind::kInstance || !related(*other.of, *holder.of))) continue;
    }
    if (!follow(*load.facts, load.call, level, out)) return false;
  }
  return true;
}

bool PythonWorld::Impl::put(const PythonFacts& facts, Node value, int level, Filling& out) const {
  if (!value || value.is("list_splat") || value.is("dictionary_splat")) return false;
  out.result = join(out.result, value_type(facts, value, level - 1, out.keys >> 1, out.depth));
  return out.result.kind != PythonType::Kind::kUnknown;
}

bool PythonWorld::Impl::follow_method(const PythonFacts& facts, Node call, Node use, std::string_view name, int level,
                                      Filling& out) const {
  const Node arguments = call.field("arguments");
  const Node first = arguments.named(0);
  const auto spread = [&](Node items) {
    if (!items) return true;
    out.result = join(out.result, elements(facts, items, level, out.keys, out.depth));
    return out.result.kind != PythonType::Kind::kUnknown;
  };
  if (name == "append" || name == "appendleft" || name == "add") return put(facts, first, level, out);
  if (name == "insert") return put(facts, arguments.named(1), level, out);
  if (name == "extend" || name == "extendleft" || name == "update") {
    for (const Node argument : arguments.children()) {
      if (argument.is("keyword_argument") || !spread(argument)) return false;
    }
    return !arguments.is("generator_expression") || put(facts, arguments.field("body"), level, out);
  }
  if (name == "setdefault") {
    if (arguments.named_count() == 2 && !put(facts, arguments.named(1), level, out)) return false;
    return level == 1 || follow(facts, call, level - 1, out);
  }
  if (name == "pop" || name == "popleft" || name == "get") {
    if (name == "get" && arguments.named_count() > 1 && !arguments.named(1).is("none") &&
        !put(facts, arguments.named(1), level, out))
      return false;
    return level == 1 || follow(facts, call, level - 1, out);
  }
  if (name == "copy") return level == 1 || follow(facts, call, level, out);
  if (name == "values" || name == "items") {
    if (level == 1) return true;
    const Node loop = facts.parent(call);
    if (!(loop.is("for_statement") || loop.is("for_in_clause")) || !(loop.field("right") == call)) return false;
    Node target = loop.field("left");
    if (name == "items") target = target.named(1);
    const PythonBinding* binding =
        target.is("identifier") ? facts.lookup(facts.scope_of(target), target.text()) : nullptr;
    return binding != nullptr && follow_name(facts, *binding, level - 1, out);
  }
  static const NameSet harmless = {"keys",       "index",      "count",   "remove",  "discard",
                                   "clear",      "sort",       "reverse", "rotate",  "issubset",
                                   "isdisjoint", "issuperset", "popitem", "__len__", "__contains__"};
  if (harmless.count(name) != 0) return level == 1 || name != "popitem";
  static const NameSet combining = {"union", "intersection", "difference", "symmetric_difference"};
  if (combining.count(name) != 0) return level == 1;
  static_cast<void>(use);
  return !python_mutating_method(name);
}

bool PythonWorld::Impl::follow_argument(const PythonFacts& facts, Node argument, int level, Filling& out) const {
  Node list = facts.parent(argument);
  std::string keyword;
  if (list.is("keyword_argument")) {
    keyword = std::string(list.field("name").text());
    argument = list;
    list = facts.parent(list);
  }
  const Node call = facts.parent(list);
  if (!call.is("call")) {
    // Bases of a class and the like.
    return false;
  }
  std::size_t place = 0;
  const std::vector<Node> given = list.children();
  while (place < given.size() && !(given[place] == argument)) ++place;
  for (std::size_t i = 0; i < place; ++i) {
    if (given[i].is("list_splat")) return false;
  }
  const Node callee = call.field("function");
  const std::string_view name = call_name(call);
  std::string_view last = name;
  if (callee.is("attribute")) last = callee.field("attribute").text();
  const bool ours = callee.is("identifier") && (function_named(facts, facts.scope_of(callee), name) != nullptr ||
                                                class_named(facts, facts.scope_of(callee), name) != nullptr);
  const auto in_parameter = [&](const PythonFunction& function, std::size_t at) {
    for (std::size_t i = 0; i < function.parameters.size(); ++i) {
      const PythonParameter& parameter = function.parameters[i];
      const bool named = !keyword.empty() && parameter.name == keyword;
      if (!(keyword.empty() ? i == at : named)) continue;
      if (parameter.kind == PythonParameter::Kind::kStar || parameter.kind == PythonParameter::Kind::kDoubleStar)
        return false;
      const PythonBinding* binding = function.facts->lookup(function.scope, parameter.name);
      return binding != nullptr && follow_name(*function.facts, *binding, level, out);
    }
    return false;
  };
  if (!ours && keyword.empty()) {
    if (callee.is("identifier") && (name == "enumerate" || gives_same_items(name) || name == "min" || name == "max")) {
      if (level == 1) return true;
      if (name == "enumerate") {
        const Node loop = facts.parent(call);
        if (!(loop.is("for_statement") || loop.is("for_in_clause")) || !(loop.field("right") == call)) return false;
        const Node target = loop.field("left").named(1);
        const PythonBinding* binding =
            target.is("identifier") ? facts.lookup(facts.scope_of(target), target.text()) : nullptr;
        return binding != nullptr && follow_name(facts, *binding, level - 1, out);
      }
      return follow(facts, call, name == "min" || name == "max" ? level - 1 : level, out);
    }
    if (callee.is("identifier") && only_reads(name)) return level == 1 || name == "len" || name == "print";
    if (last == "heappush" || last == "heappushpop" || last == "heapreplace" || last == "insort" ||
        last == "insort_left" || last == "insort_right") {
      if (place == 0) return put(facts, list.named(1), level, out);
      return false;
    }
    if (last == "heappop") return level == 1 || follow(facts, call, level - 1, out);
    if (last == "heapify" || last == "shuffle" || last == "bisect" || last == "bisect_left" || last == "bisect_right")
      return true;
    if (last == "choice" || last == "sample") return level == 1;
    if (last == "join" || last == "deepcopy" || last == "sqrt") return true;
    // It becomes an item of another container.
    if (callee.is("attribute") && (last == "append" || last == "add" || last == "appendleft" || last == "insert") &&
        !methods.contains(last)) {
      const Node holder = callee.field("object");
      if (holder.is("attribute")) return follow_attribute(facts, holder, level + 1, out);
      const PythonBinding* binding = holder.is("identifier") ? facts.resolve(holder) : nullptr;
      return binding != nullptr && follow_name(facts, *binding, level + 1, out);
    }
  }
  if (const PythonClass* cls = world.resolve_constructor(facts, call)) {
    const PythonFunction* init = world.method_of(*cls, "__init__");
    return init != nullptr && in_parameter(*init, place + 1);
  }
  if (callee.is("identifier")) {
    const PythonFunction* function = function_named(facts, facts.scope_of(callee), name);
    return function != nullptr && !function->other_decorators && in_parameter(*function, place);
  }
  if (!callee.is("attribute")) return false;
  bool complete = false;
  Node receiver;
  if (const PythonFunction* function = world.resolve_call(facts, call, &receiver, nullptr))
    return in_parameter(*function, place + (receiver && function->owner >= 0 && !function->is_static ? 1 : 0));
  const std::vector<PossibleMethod> possible = world.possible_methods(facts, call, &complete);
  if (!complete || possible.empty()) return false;
  return std::all_of(possible.begin(), possible.end(), [&](const PossibleMethod& one) {
    return in_parameter(*one.method, place + (one.method->is_static ? 0 : 1));
  });
}

// One use of the container (or of something that has it `level` deep): true where all it may put in is known.
bool PythonWorld::Impl::follow(const PythonFacts& facts, Node use, int level, Filling& out) const {
  if (++out.uses > kMostUses || level > kDeepestItem) return false;
  const Node up = facts.parent(use);
  const std::string_view kind = up.kind();
  const auto follow_target = [&](Node target, int at) {
    if (target.is("identifier")) {
      const PythonBinding* binding = facts.lookup(facts.scope_of(target), target.text());
      return binding != nullptr && follow_name(facts, *binding, at, out);
    }
    if (target.is("attribute")) return follow_attribute(facts, target, at, out);
    return false;
  };
  if (kind == "attribute") {
    const std::string_view name = up.field("attribute").text();
    const Node call = facts.parent(up);
    if (call.is("call") && call.field("function") == up) return follow_method(facts, call, use, name, level, out);
    if (!python_mutating_method(name) && name != "setdefault") return true;
    // put = items.append
    if (!call.is("assignment") || !(call.field("right") == up) || !call.field("left").is("identifier")) return false;
    const PythonBinding* bound = facts.resolve(call.field("left"));
    if (bound == nullptr) bound = facts.lookup(facts.scope_of(call), call.field("left").text());
    if (bound == nullptr || bound->stores.size() != 1) return false;
    return std::all_of(bound->loads.begin(), bound->loads.end(), [&](Node load) {
      const Node called = facts.parent(load);
      return called.is("call") && called.field("function") == load &&
             follow_method(facts, called, use, name, level, out);
    });
  }
  if (kind == "subscript") {
    if (!(up.field("value") == use)) return true;
    const bool slice = is_slice(up);
    if (!python_is_target(facts, up)) {
      if (level == 1) return true;
      return follow(facts, up, slice ? level : level - 1, out);
    }
    const Node around = facts.parent(up);
    if (around.is("delete_statement")) return true;
    if (around.is("assignment")) {
      Node right = around.field("right");
      while (right.is("assignment")) right = right.field("right");
      if (!slice) return put(facts, right, level, out);
      out.result = join(out.result, elements(facts, right, level, out.keys, out.depth));
      return out.result.kind != PythonType::Kind::kUnknown;
    }
    if (around.is("augmented_assignment")) {
      if (level > 1)
        return follow(facts, up, level - 1, out) &&
               stored_elements(facts, up, level - 1, out.keys >> 1, out.depth).known();
      const PythonType right = type(facts, around.field("right"), out.depth);
      if (!right.number()) return false;
      out.result = join(out.result, right);
      return out.result.kind != PythonType::Kind::kUnknown;
    }
    if (level > 1 || slice) return false;
    out.result = join(out.result, stored_type(facts, up, out.depth));
    return out.result.kind != PythonType::Kind::kUnknown;
  }
  if (kind == "for_statement" || kind == "for_in_clause") {
    if (level == 1) return true;
    return up.field("right") == use && follow_target(up.field("left"), level - 1);
  }
  if (kind == "argument_list" || kind == "keyword_argument") return follow_argument(facts, use, level, out);
  if (kind == "assignment") {
    const Node left = up.field("left");
    if (facts.parent(up).is("assignment")) {
      if (!follow(facts, up, level, out)) return false;
    }
    if (left.is("subscript")) return !is_slice(left) && follow_target(left.field("value"), level + 1);
    if (left.is("pattern_list") || left.is("tuple_pattern")) return level == 1;
    return follow_target(left, level);
  }
  if (kind == "return_statement") {
    const PythonFunction* function = facts.function_of(up);
    if (function == nullptr || function->other_decorators || function->is_generator) return false;
    if (!out.seen.insert({function, level}).second) return true;
    if (function->is_property) {
      const std::vector<CallSite>* loads = attribute_loads.find(function->name);
      if (loads == nullptr) return true;
      return std::all_of(loads->begin(), loads->end(),
                         [&](const CallSite& load) { return follow(*load.facts, load.call, level, out); });
    }
    if (values.contains(function->name)) return false;
    const std::vector<CallSite>& sites = world.calls_of(function->name);
    return std::all_of(sites.begin(), sites.end(),
                       [&](const CallSite& site) { return follow(*site.facts, site.call, level, out); });
  }
  if (kind == "parenthesized_expression" || kind == "named_expression" || kind == "boolean_operator" ||
      kind == "conditional_expression") {
    if (kind == "named_expression" && !follow_target(up.field("name"), level)) return false;
    if (kind == "conditional_expression" && up.named(1) == use) return true;
    return follow(facts, up, level, out);
  }
  if (kind == "augmented_assignment") return level == 1 || up.field("left") == use;
  if (kind == "binary_operator") {
    if (level == 1) return true;
    const std::string_view op = up.field("operator").text();
    return op == "+" || op == "*" ? follow(facts, up, level, out) : false;
  }
  if (kind == "list_splat") return level == 1;
  return kind == "if_statement" || kind == "elif_clause" || kind == "while_statement" || kind == "not_operator" ||
         kind == "comparison_operator" || kind == "assert_statement" || kind == "expression_statement" ||
         kind == "interpolation" || kind == "delete_statement" || kind == "if_clause" || kind == "yield_from";
}

namespace {

bool is_abstract(const PythonFunction& function) {
  std::vector<Node> body = function.body.children();
  if (!body.empty() && body[0].is("expression_statement") && body[0].named(0).is("string")) body.erase(body.begin());
  return body.size() == 1 && body[0].is("raise_statement") &&
         body[0].text().find("NotImplementedError") != std::string_view::npos;
}

}  // namespace

// Something may make objects of exactly this class.
bool PythonWorld::Impl::constructed(const PythonClass& cls) const {
  if (!world.calls_of(cls.name).empty() || cls.nested) return true;
  for (const std::shared_ptr<const PythonFacts>& facts : files) {
    const PythonBinding* binding = facts->lookup(0, cls.name);
    if (binding == nullptr) continue;
    for (const Node load : binding->loads) {
      const Node up = facts->parent(load);
      if (up.is("argument_list")) {
        const Node around = facts->parent(up);
        if (around.is("class_definition")) continue;
        if (facts->is_builtin(around.field("function"), "isinstance")) continue;
        return true;
      }
      if (up.is("type") || up.is("comparison_operator")) continue;
      if (up.is("attribute") && facts->parent(up).is("call") && up.field("attribute").text() == "__init__") continue;
      if (up.is("attribute") && up.field("object") == load) continue;
      return true;
    }
  }
  return false;
}

std::vector<PythonWorld::PossibleMethod> PythonWorld::possible_methods(const PythonFacts& facts, Node call,
                                                                       bool* complete) const {
  std::vector<PossibleMethod> result;
  *complete = false;
  const Node callee = call.field("function");
  if (!callee.is("attribute")) return result;
  const std::string name(callee.field("attribute").text());
  if (attribute_patched(name) || impl_->class_attributes.contains(name)) return result;
  const Node object = callee.field("object");
  if (object.is("call") && facts.is_builtin(object.field("function"), "super")) return result;
  if (object.is("identifier")) {
    const PythonBinding* binding = facts.resolve(object);
    if (binding != nullptr && binding->imported) return result;
    if (impl_->class_named(facts, facts.scope_of(object), object.text()) != nullptr) return result;
  }
  const std::lock_guard<std::recursive_mutex> lock(impl_->mutex);
  const PythonType type = impl_->open_questions == 0 ? type_of(facts, object) : impl_->type(facts, object, 1);
  std::vector<const PythonClass*> classes;
  bool sure = true;
  if (type.kind == PythonType::Kind::kInstance) {
    classes.push_back(type.of);
    if (!type.exact) {
      for (const PythonClass* below : descendants(*type.of)) classes.push_back(below);
    }
  } else {
    if (type.known() || python_reading_method(name) || python_mutating_method(name)) return result;
    sure = false;
    for (const PythonFunction* method : methods_named(name)) {
      const PythonClass* owner = method->facts->class_of(*method);
      classes.push_back(owner);
      for (const PythonClass* below : descendants(*owner)) {
        if (method_of(*below, name) != nullptr) classes.push_back(below);
      }
    }
    // One order whatever led to a class: by name, then by file and place.
    std::sort(classes.begin(), classes.end(), [&](const PythonClass* a, const PythonClass* b) {
      const auto key = [&](const PythonClass* cls) {
        return std::make_tuple(std::string_view(cls->name), impl_->places.at(cls->facts), cls->node.range().begin);
      };
      return key(a) < key(b);
    });
    classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
  }
  for (const PythonClass* cls : classes) {
    const PythonFunction* method = method_of(*cls, name);
    if (cls->defined_twice || cls->dynamic) sure = false;
    if (method == nullptr) {
      bool all_bases = false;
      ancestors(*cls, &all_bases);
      sure &= all_bases;
      continue;
    }
    if (method->other_decorators || method->is_property || method->is_class_method) {
      sure = false;
      continue;
    }
    if (is_abstract(*method) || !impl_->constructed(*cls)) continue;
    auto group =
        std::find_if(result.begin(), result.end(), [&](const PossibleMethod& one) { return one.method == method; });
    if (group == result.end()) {
      result.push_back({method, {cls}});
    } else {
      group->classes.push_back(cls);
    }
  }
  *complete = sure;
  return result;
}

}  // namespace jarvis2::code
