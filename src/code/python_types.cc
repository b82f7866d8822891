// Which type an expression has, as far as the sources say: followed through assignments, calls and arguments.
#include <algorithm>

#include "code/python_world.h"

namespace jarvis2::code {
namespace {

constexpr int kDeepestQuestion = 24;  // of nested questions about types
constexpr int kMostTypeSteps = 3000;  // a question

PythonType plain(PythonType::Kind kind) {
  return {kind, nullptr, false, false};
}

}  // namespace

PythonType PythonWorld::Impl::join(const PythonType& a, const PythonType& b) const {
  using Kind = PythonType::Kind;
  if (a == b || b.kind == Kind::kPending) return a;
  if (a.kind == Kind::kPending) return b;
  if (a.number() && b.number()) {
    if (a.kind == Kind::kFloat || b.kind == Kind::kFloat) {
      // Either int or float: still a number, so float stands for it (nothing relies on float itself).
      return plain(Kind::kFloat);
    }
    return plain(Kind::kInt);
  }
  if (a.kind == Kind::kInstance && b.kind == Kind::kNone) return {a.kind, a.of, a.exact, true};
  if (b.kind == Kind::kInstance && a.kind == Kind::kNone) return {b.kind, b.of, b.exact, true};
  if (a.kind == Kind::kInstance && b.kind == Kind::kInstance) {
    const bool or_none = a.or_none || b.or_none;
    if (a.of == b.of) return {Kind::kInstance, a.of, a.exact && b.exact, or_none};
    // The nearest class above both.
    std::vector<const PythonClass*> of_a = world.ancestors(*a.of);
    of_a.insert(of_a.begin(), a.of);
    std::vector<const PythonClass*> of_b = world.ancestors(*b.of);
    of_b.insert(of_b.begin(), b.of);
    for (const PythonClass* above : of_a) {
      if (std::find(of_b.begin(), of_b.end(), above) != of_b.end()) return {Kind::kInstance, above, false, or_none};
    }
  }
  return {};
}

PythonType PythonWorld::type_of(const PythonFacts& facts, Node expression) const {
  const std::lock_guard<std::recursive_mutex> lock(impl_->mutex);
  return impl_->type(facts, expression, 0);
}

PythonType PythonWorld::Impl::annotated(const PythonFacts& facts, Node annotation) const {
  std::string_view text = annotation.text();
  if (text.size() > 2 && (text.front() == '"' || text.front() == '\'')) text = text.substr(1, text.size() - 2);
  using Kind = PythonType::Kind;
  static const std::map<std::string_view, Kind> kinds = {
      {"int", Kind::kInt},     {"float", Kind::kFloat}, {"bool", Kind::kBool}, {"str", Kind::kStr},
      {"bytes", Kind::kBytes}, {"list", Kind::kList},   {"dict", Kind::kDict}, {"set", Kind::kSet},
      {"tuple", Kind::kTuple}, {"List", Kind::kList},   {"Dict", Kind::kDict}, {"Tuple", Kind::kTuple}};
  const std::string_view head = text.substr(0, text.find('['));
  const auto found = kinds.find(head);
  if (found != kinds.end()) return plain(found->second);
  if (const PythonClass* cls = class_named(facts, 0, text)) return {Kind::kInstance, cls, false};
  // Optional[C], C | None
  std::string_view inner;
  if (text.substr(0, 9) == "Optional[" && text.back() == ']') inner = text.substr(9, text.size() - 10);
  if (text.size() > 7 && text.substr(text.size() - 7) == " | None") inner = text.substr(0, text.size() - 7);
  if (inner.size() > 2 && (inner.front() == '"' || inner.front() == '\'')) inner = inner.substr(1, inner.size() - 2);
  if (!inner.empty()) {
    if (const PythonClass* cls = class_named(facts, 0, inner)) return {Kind::kInstance, cls, false, true};
  }
  return {};
}

// Questions that lead back to themselves are answered by what the other branches say (x = 0.0; x = x + 1.0); what
// rested on an open question is forgotten, except by the outermost one.
PythonType PythonWorld::Impl::type(const PythonFacts& facts, Node node, int depth) const {
  if (!node || depth > kDeepestQuestion || open_questions > kDeepestQuestion) return {};
  const bool outermost = open_questions == 0;
  if (outermost) type_steps = 0;
  if (++type_steps > kMostTypeSteps) return {};
  const auto known = types.find(node.id());
  if (known != types.end()) {
    if (known->second.kind == PythonType::Kind::kPending) ++pending_answers;
    return known->second;
  }
  types[node.id()] = plain(PythonType::Kind::kPending);
  const int before = pending_answers;
  ++open_questions;
  PythonType found = find_type(facts, node, depth + 1);
  --open_questions;
  if (outermost && found.kind == PythonType::Kind::kPending) found = {};
  if (outermost || before == pending_answers) {
    types[node.id()] = found;
  } else {
    types.erase(node.id());
  }
  return found;
}

PythonType PythonWorld::Impl::find_type(const PythonFacts& facts, Node node, int depth) const {
  using Kind = PythonType::Kind;
  const std::string_view kind = node.kind();
  if (kind == "integer") return plain(Kind::kInt);
  if (kind == "float") return plain(Kind::kFloat);
  if (kind == "string" || kind == "concatenated_string") {
    const std::string_view text = node.text();
    const bool bytes = text.substr(0, 2).find_first_of("bB") != std::string_view::npos &&
                       text.find_first_of("'\"") <= 2 && text.front() != '"' && text.front() != '\'';
    return plain(bytes ? Kind::kBytes : Kind::kStr);
  }
  if (kind == "true" || kind == "false" || kind == "comparison_operator" || kind == "not_operator")
    return plain(Kind::kBool);
  if (kind == "none") return plain(Kind::kNone);
  if (kind == "list" || kind == "list_comprehension") return plain(Kind::kList);
  if (kind == "tuple" || kind == "expression_list") return plain(Kind::kTuple);
  if (kind == "set" || kind == "set_comprehension") return plain(Kind::kSet);
  if (kind == "dictionary" || kind == "dictionary_comprehension") return plain(Kind::kDict);
  if (kind == "parenthesized_expression") return type(facts, node.named(0), depth);
  if (kind == "named_expression") return type(facts, node.field("value"), depth);
  if (kind == "conditional_expression")
    return join(type(facts, node.named(0), depth), type(facts, node.named(2), depth));
  if (kind == "boolean_operator")
    return join(type(facts, node.field("left"), depth), type(facts, node.field("right"), depth));
  if (kind == "unary_operator") {
    const PythonType inner = type(facts, node.field("argument"), depth);
    return inner.number() || inner.kind == Kind::kPending ? inner : PythonType{};
  }
  if (kind == "binary_operator") {
    const PythonType left = type(facts, node.field("left"), depth);
    const PythonType right = type(facts, node.field("right"), depth);
    return operation(node.field("operator").text(), left, right, depth);
  }
  if (kind == "call") return call_type(facts, node, depth);
  if (kind == "attribute") return attribute_type(facts, node, depth);
  if (kind == "identifier") {
    const PythonType here = narrowed(facts, node);
    return here.known() ? here : name_type(facts, node, depth);
  }
  if (kind == "subscript" && node.named_count() == 2) {
    const Node value = node.field("value");
    const PythonType base = type(facts, value, depth);
    if (base.kind == Kind::kStr || (base.kind == Kind::kList && node.named(1).is("slice"))) return base;
    if (base.kind == Kind::kTuple && node.named(1).is("slice")) return base;
    if (base.kind == Kind::kInstance) {
      const PythonFunction* method = only_method(base, "__getitem__");
      return method == nullptr ? PythonType{} : return_type(*method, depth);
    }
    if (node.named(1).is("slice")) return {};
    if (base.kind == Kind::kBytes) return plain(Kind::kInt);
    return elements(facts, value, 1, 0, depth);
  }
  return {};
}

// `if isinstance(x, C):`, `if x.__class__ is C:` and `if type(x) is C:` tell the class of x in their consequence.
PythonType PythonWorld::Impl::narrowed(const PythonFacts& facts, Node node) const {
  const auto told = [&](Node condition, const auto& self) -> PythonType {
    while (condition.is("parenthesized_expression")) condition = condition.named(0);
    if (condition.is("boolean_operator") && condition.field("operator").text() == "and") {
      const PythonType left = self(condition.field("left"), self);
      return left.known() ? left : self(condition.field("right"), self);
    }
    if (condition.is("call") && facts.is_builtin(condition.field("function"), "isinstance") &&
        condition.field("arguments").named_count() == 2) {
      if (condition.field("arguments").named(0).text() != node.text()) return {};
      const Node of = condition.field("arguments").named(1);
      if (!of.is("identifier")) return {};
      const PythonClass* cls = class_named(facts, facts.scope_of(of), of.text());
      return cls == nullptr ? PythonType{} : PythonType{PythonType::Kind::kInstance, cls, false, false};
    }
    if (!condition.is("comparison_operator") || condition.named_count() != 2) return {};
    const std::string_view op = condition.child(1).text();
    const Node left = condition.named(0);
    const Node right = condition.named(1);
    if ((op != "is" && op != "==") || !right.is("identifier")) return {};
    if (left.is("identifier") && op == "is") {
      // kind = x.__class__ right in front of `if kind is C:`
      Node first = facts.parent(condition);
      if (first.is("elif_clause")) first = facts.parent(first);
      Node before;
      for (const Node statement : facts.parent(first).children()) {
        if (statement == first) break;
        before = statement;
      }
      const Node given = before.is("expression_statement") ? before.named(0) : Node();
      const Node value = given.is("assignment") ? given.field("right") : Node();
      if (!value.is("attribute") || value.field("attribute").text() != "__class__" ||
          value.field("object").text() != node.text() || given.field("left").text() != left.text())
        return {};
      const PythonClass* cls = class_named(facts, facts.scope_of(right), right.text());
      return cls == nullptr ? PythonType{} : PythonType{PythonType::Kind::kInstance, cls, true, false};
    }
    const bool of_class = left.is("attribute") && left.field("attribute").text() == "__class__" &&
                          left.field("object").text() == node.text();
    const bool of_type = left.is("call") && facts.is_builtin(left.field("function"), "type") &&
                         left.field("arguments").named_count() == 1 &&
                         left.field("arguments").named(0).text() == node.text();
    if (!of_class && !of_type) return {};
    const PythonClass* cls = class_named(facts, facts.scope_of(right), right.text());
    return cls == nullptr ? PythonType{} : PythonType{PythonType::Kind::kInstance, cls, true, false};
  };
  if (facts.is_store(node)) return {};
  Node here = node;
  for (Node up = facts.parent(node); up; here = up, up = facts.parent(up)) {
    if (up.is("function_definition") || up.is("lambda") || up.is("class_definition")) break;
    if (!(up.is("if_statement") || up.is("elif_clause")) || !(up.field("consequence") == here)) continue;
    const PythonType found = told(up.field("condition"), told);
    if (!found.known()) continue;
    if (facts.reassigned_in(here, node)) return {};
    return found;
  }
  return {};
}

PythonType PythonWorld::Impl::operation(std::string_view op, const PythonType& left, const PythonType& right,
                                        int depth) const {
  using Kind = PythonType::Kind;
  if (left.kind == Kind::kPending && right.kind == Kind::kPending) return left;
  if (left.kind == Kind::kPending && right.number()) return right;
  if (right.kind == Kind::kPending && left.number()) return left;
  if (left.number() && right.number()) {
    if (op == "/" || left.kind == Kind::kFloat || right.kind == Kind::kFloat) return plain(Kind::kFloat);
    return op == "**" ? plain(Kind::kFloat) : plain(Kind::kInt);
  }
  if (left.kind == Kind::kPending) return left;
  if (left.kind == Kind::kStr && (op == "%" || (op == "+" && right.kind == Kind::kStr) || op == "*")) return left;
  if ((left.kind == Kind::kList || left.kind == Kind::kTuple) && ((op == "+" && right.kind == left.kind) || op == "*"))
    return left;
  if (right.kind == Kind::kList && op == "*") return right;
  if (left.kind == Kind::kInstance) {
    static const std::map<std::string_view, std::string_view> names = {
        {"+", "__add__"},       {"-", "__sub__"}, {"*", "__mul__"},   {"/", "__truediv__"},
        {"//", "__floordiv__"}, {"%", "__mod__"}, {"@", "__matmul__"}};
    const auto name = names.find(op);
    if (name == names.end()) return {};
    const PythonFunction* method = only_method(left, name->second);
    return method == nullptr ? PythonType{} : return_type(*method, depth);
  }
  return {};
}

PythonType PythonWorld::Impl::return_type(const PythonFunction& function, int depth) const {
  if (function.is_generator || function.is_async || function.returns.empty() || function.other_decorators) return {};
  const auto known = return_types.find(&function);
  if (known != return_types.end()) {
    if (known->second.kind == PythonType::Kind::kPending) ++pending_answers;
    return known->second;
  }
  return_types[&function] = plain(PythonType::Kind::kPending);
  const int before = pending_answers;
  const PythonType found = find_return_type(function, depth);
  if (before == pending_answers || found.kind == PythonType::Kind::kUnknown) {
    return_types[&function] = found;
  } else {
    return_types.erase(&function);
  }
  return found;
}

PythonType PythonWorld::Impl::find_return_type(const PythonFunction& function, int depth) const {
  PythonType result;
  bool first = true;
  for (const Node statement : function.returns) {
    const PythonType here =
        statement.named(0) ? type(*function.facts, statement.named(0), depth) : plain(PythonType::Kind::kNone);
    result = first ? here : join(result, here);
    first = false;
    if (result.kind == PythonType::Kind::kUnknown) return {};
  }
  // Running off the end gives None; told by the last statement only.
  if (result.kind == PythonType::Kind::kInstance && !result.or_none) {
    const std::vector<Node> body = function.body.children();
    const std::string_view last = body.empty() ? "" : body.back().kind();
    if (last != "return_statement" && last != "raise_statement") result.or_none = true;
  }
  return result;
}

PythonType PythonWorld::Impl::call_type(const PythonFacts& facts, Node call, int depth) const {
  using Kind = PythonType::Kind;
  if (const PythonClass* cls = world.resolve_constructor(facts, call)) {
    if (cls->has_keywords || cls->methods.count("__new__") != 0) return {};
    return {Kind::kInstance, cls, true};
  }
  const Node callee = call.field("function");
  static const std::map<std::string_view, Kind> builtins = {
      {"int", Kind::kInt},     {"len", Kind::kInt},       {"ord", Kind::kInt},         {"float", Kind::kFloat},
      {"str", Kind::kStr},     {"repr", Kind::kStr},      {"chr", Kind::kStr},         {"bool", Kind::kBool},
      {"list", Kind::kList},   {"sorted", Kind::kList},   {"dict", Kind::kDict},       {"set", Kind::kSet},
      {"tuple", Kind::kTuple}, {"range", Kind::kRange},   {"isinstance", Kind::kBool}, {"id", Kind::kInt},
      {"hash", Kind::kInt},    {"frozenset", Kind::kSet}, {"bytes", Kind::kBytes}};
  if (callee.is("identifier")) {
    const auto found = builtins.find(callee.text());
    if (found != builtins.end() && facts.is_builtin(callee, callee.text())) return plain(found->second);
    if (facts.is_builtin(callee, "abs") || facts.is_builtin(callee, "round")) {
      const PythonType inner = type(facts, call.field("arguments").named(0), depth);
      return inner.number() ? inner : PythonType{};
    }
    if ((facts.is_builtin(callee, "min") || facts.is_builtin(callee, "max")) &&
        call.field("arguments").named_count() == 2)
      return join(type(facts, call.field("arguments").named(0), depth),
                  type(facts, call.field("arguments").named(1), depth));
    const auto imported = facts.imports().find(callee.text());
    if (imported != facts.imports().end() && imported->second.module == "math" && facts.resolve(callee) != nullptr)
      return plain(Kind::kFloat);
  }
  if (callee.text() == "object.__new__" && facts.is_builtin(callee.field("object"), "object")) {
    const Node of = call.field("arguments").named(0);
    const PythonClass* made = class_named(facts, facts.scope_of(of), of.text());
    return made == nullptr ? PythonType{} : PythonType{Kind::kInstance, made, true, false};
  }
  if (callee.is("attribute")) {
    const std::string_view object = callee.field("object").text();
    const auto imported = facts.imports().find(object);
    if (imported != facts.imports().end() && imported->second.module == "math" && imported->second.name.empty())
      return plain(Kind::kFloat);
  }
  if (callee.is("attribute")) {
    const Node object = callee.field("object");
    const std::string_view name = callee.field("attribute").text();
    const PythonType holder = type(facts, object, depth);
    if (holder.kind != Kind::kInstance && (name == "pop" || name == "popleft" || name == "get" || name == "heappop")) {
      const bool heap = name == "heappop";
      if (name == "get" && call.field("arguments").named_count() > 1) return {};
      PythonType item = elements(facts, heap ? call.field("arguments").named(0) : object, 1, 0, depth);
      if (name == "get" && item.known()) item = join(item, plain(Kind::kNone));
      if (item.known()) return item;
    }
  }
  if (callee.is("identifier")) {
    const auto imported = facts.imports().find(callee.text());
    const bool heap =
        imported != facts.imports().end() && imported->second.module == "heapq" && imported->second.name == "heappop";
    if (heap || (facts.is_builtin(callee, "next") && call.field("arguments").named_count() == 1) ||
        ((facts.is_builtin(callee, "min") || facts.is_builtin(callee, "max")) &&
         call.field("arguments").named_count() == 1))
      return elements(facts, call.field("arguments").named(0), 1, heap ? 0 : 1, depth);
  }
  const PythonFunction* function = world.resolve_call(facts, call, nullptr, nullptr);
  if (function != nullptr) return return_type(*function, depth);
  // Several methods, one type.
  bool complete = false;
  const std::vector<PossibleMethod> possible = world.possible_methods(facts, call, &complete);
  if (!complete || possible.empty() || possible.size() > 8) return {};
  PythonType result = plain(Kind::kPending);
  for (const PossibleMethod& one : possible) {
    if (one.method->is_property) return {};
    result = join(result, return_type(*one.method, depth));
    if (result.kind == Kind::kUnknown) return {};
  }
  return result;
}

PythonType PythonWorld::Impl::stored_type(const PythonFacts& facts, Node target, int depth) const {
  const Node up = facts.parent(target);
  if (up.is("assignment") && up.field("left") == target) {
    const Node annotation = up.field("type");
    if (annotation) {
      const PythonType found = annotated(facts, annotation);
      if (found.known()) return found;
    }
    Node right = up.field("right");
    while (right.is("assignment")) right = right.field("right");
    return type(facts, right, depth);
  }
  if (up.is("augmented_assignment") && up.field("left") == target) {
    const PythonType right = type(facts, up.field("right"), depth);
    const std::string_view op = up.field("operator").text();
    if (right.number() && (op == "/=" || right.kind == PythonType::Kind::kFloat))
      return plain(PythonType::Kind::kFloat);
    return right.number() || right.kind == PythonType::Kind::kPending ? right : PythonType{};
  }
  if ((up.is("for_statement") || up.is("for_in_clause")) && up.field("left") == target) {
    const PythonType over = type(facts, up.field("right"), depth);
    if (over.kind == PythonType::Kind::kRange) return plain(PythonType::Kind::kInt);
    if (over.kind == PythonType::Kind::kStr) return over;
    return iterated(facts, up.field("right"), target, target, 0, 0, depth);
  }
  if ((up.is("pattern_list") || up.is("tuple_pattern")) &&
      (facts.parent(up).is("for_statement") || facts.parent(up).is("for_in_clause")) &&
      facts.parent(up).field("left") == up)
    return iterated(facts, facts.parent(up).field("right"), up, target, 0, 0, depth);
  if ((up.is("pattern_list") || up.is("tuple_pattern")) && facts.parent(up).is("assignment")) {
    const Node right = facts.parent(up).field("right");
    const std::vector<Node> targets = up.children();
    const std::vector<Node> parts = right.children();
    if ((right.is("expression_list") || right.is("tuple")) && targets.size() == parts.size()) {
      for (std::size_t i = 0; i < targets.size(); ++i) {
        if (targets[i] == target) return type(facts, parts[i], depth);
      }
    }
  }
  return {};
}

PythonType PythonWorld::Impl::name_type(const PythonFacts& facts, Node node, int depth) const {
  int scope = -1;
  const PythonBinding* binding = facts.resolve(node, &scope);
  if (binding == nullptr || binding->stores.empty()) return {};
  const auto known = binding_types.find(binding);
  if (known != binding_types.end()) {
    if (known->second.kind == PythonType::Kind::kPending) ++pending_answers;
    return known->second;
  }
  binding_types[binding] = plain(PythonType::Kind::kPending);
  const int before = pending_answers;
  PythonType result;
  bool first = true;
  for (const Node store : binding->stores) {
    const PythonType here = binding->parameter && store == binding->stores[0]
                                ? parameter_type(facts, scope, binding->name, depth)
                                : stored_type(facts, store, depth);
    result = first ? here : join(result, here);
    first = false;
    if (result.kind == PythonType::Kind::kUnknown) break;
  }
  // The own pending answer is settled here; others are not.
  if (before == pending_answers || result.kind == PythonType::Kind::kUnknown) {
    binding_types[binding] = result;
  } else {
    binding_types.erase(binding);
  }
  return result;
}

PythonType PythonWorld::Impl::parameter_type(const PythonFacts& facts, int scope, const std::string& name,
                                             int depth) const {
  const PythonFunction* function = facts.function_at(facts.scopes()[scope].node);
  if (function == nullptr) return {};
  std::size_t place = 0;
  while (place < function->parameters.size() && function->parameters[place].name != name) ++place;
  if (place == function->parameters.size()) return {};
  const PythonParameter& parameter = function->parameters[place];
  if (place == 0 && function->owner >= 0 && !function->is_static) {
    if (function->is_class_method) return {};
    return {PythonType::Kind::kInstance, facts.class_of(*function), false};
  }
  if (parameter.annotation) {
    const PythonType found = annotated(facts, parameter.annotation);
    if (found.known()) return found;
  }
  if (parameter.kind == PythonParameter::Kind::kStar || parameter.kind == PythonParameter::Kind::kDoubleStar) return {};
  return argument_type(*function, place, depth);
}

// What all calls in the sources pass for a parameter, where every use of the function is such a call.
PythonType PythonWorld::Impl::argument_type(const PythonFunction& function, std::size_t place, int depth) const {
  const std::optional<std::vector<CallSite>> given = arguments_given(function, place, depth);
  if (!given) return {};
  PythonType result = plain(PythonType::Kind::kPending);
  for (const CallSite& one : *given) {
    result = join(result, type(*one.facts, one.call, depth));
    if (result.kind == PythonType::Kind::kUnknown) return {};
  }
  return result;
}

std::optional<std::vector<PythonWorld::CallSite>> PythonWorld::Impl::arguments_given(const PythonFunction& function,
                                                                                     std::size_t place,
                                                                                     int depth) const {
  constexpr std::size_t kMostSites = 128;
  if (function.other_decorators || function.is_property) return std::nullopt;
  const PythonParameter& parameter = function.parameters[place];
  const PythonClass* cls = function.facts->class_of(function);
  const bool constructor = cls != nullptr && function.name == "__init__";
  for (const auto& [prefix, files_with_it] : computed_names) {
    if (cls != nullptr && !constructor && function.name.compare(0, prefix.size(), prefix) == 0) return std::nullopt;
  }
  std::vector<std::pair<CallSite, std::size_t>> sites;  // with the place of the first parameter after self
  if (constructor) {
    if (cls->dynamic) return std::nullopt;
    std::vector<const PythonClass*> family = world.descendants(*cls);
    family.insert(family.begin(), cls);
    for (const PythonClass* member : family) {
      if (world.method_of(*member, "__init__") != &function) continue;
      if (patched.contains(member->name)) return std::nullopt;
      for (const CallSite& site : world.calls_of(member->name)) {
        const PythonClass* made = world.resolve_constructor(*site.facts, site.call);
        if (made == member || made == nullptr) sites.emplace_back(site, 1);
      }
    }
    for (const CallSite& site : world.calls_of("__init__")) {
      const Node object = site.call.field("function").field("object");
      if (!object) continue;
      if (object.is("call")) {
        const PythonFunction* around = site.facts->function_of(site.call);
        const PythonClass* holder = around == nullptr ? nullptr : site.facts->class_of(*around);
        if (holder == nullptr || (holder != cls && related(*holder, *cls))) sites.emplace_back(site, 1);
      } else {
        const PythonClass* named = class_named(*site.facts, site.facts->scope_of(object), object.text());
        if (named == nullptr) {
          if (type(*site.facts, object, depth).kind == PythonType::Kind::kInstance) sites.emplace_back(site, 1);
        } else if (world.method_of(*named, "__init__") == &function) {
          sites.emplace_back(site, 0);
        }
      }
    }
  } else {
    if (function.name.size() > 4 && function.name.compare(0, 2, "__") == 0) return std::nullopt;
    if (values.contains(function.name) || patched.contains(function.name)) return std::nullopt;
    const std::size_t self = cls != nullptr && !function.is_static ? 1 : 0;
    for (const CallSite& site : world.calls_of(function.name)) {
      const Node callee = site.call.field("function");
      if (callee.is("identifier")) {
        const PythonFunction* named = function_named(*site.facts, site.facts->scope_of(callee), callee.text());
        if (named != nullptr && named != &function) continue;
        if (cls != nullptr && named == nullptr &&
            site.facts->lookup(site.facts->scope_of(callee), callee.text()) == nullptr)
          continue;  // a builtin of this name
        sites.emplace_back(site, self);
        continue;
      }
      const Node object = callee.field("object");
      if (object.is("identifier")) {
        if (const PythonClass* named = class_named(*site.facts, site.facts->scope_of(object), object.text())) {
          if (cls == nullptr || !related(*named, *cls)) continue;
          sites.emplace_back(site, function.is_class_method ? 1 : 0);
          continue;
        }
      }
      if (cls == nullptr && module_of(*site.facts, object) == nullptr) {
        const PythonBinding* binding = site.facts->resolve(object);
        if (binding == nullptr || !binding->imported) continue;  // a method of this name
      }
      const PythonType receiver = type(*site.facts, object, depth);
      if (cls != nullptr && receiver.known() &&
          (receiver.kind != PythonType::Kind::kInstance || !related(*receiver.of, *cls)))
        continue;
      sites.emplace_back(site, self);
    }
  }
  if (sites.empty() || sites.size() > kMostSites) return std::nullopt;
  std::vector<CallSite> result;
  for (const auto& [site, shift] : sites) {
    std::size_t at = shift;
    Node argument;
    for (const Node node : site.call.field("arguments").children()) {
      if (node.is("list_splat") || node.is("dictionary_splat")) return std::nullopt;
      if (node.is("keyword_argument")) {
        if (node.field("name").text() == parameter.name) argument = node.field("value");
      } else if (at++ == place) {
        argument = node;
      }
    }
    if (argument) {
      result.push_back({site.facts, argument});
    } else if (parameter.default_value) {
      result.push_back({function.facts, parameter.default_value});
    } else if (!site.call.field("arguments").is("argument_list")) {
      return std::nullopt;
    }
    // Fewer arguments than it needs: a call of something else by this name.
  }
  return result;
}

PythonType PythonWorld::Impl::attribute_type(const PythonFacts& facts, Node node, int depth) const {
  const std::string name(node.field("attribute").text());
  const Node object = node.field("object");
  const auto imported = facts.imports().find(object.text());
  if (object.is("identifier") && imported != facts.imports().end()) {
    return imported->second.module == "math" ? plain(PythonType::Kind::kFloat) : PythonType{};
  }
  const PythonType holder = type(facts, object, depth);
  if (holder.kind == PythonType::Kind::kInstance) {
    const PythonFunction* method = world.method_of(*holder.of, name);
    if (method != nullptr) return method->is_property ? return_type(*method, depth) : PythonType{};
  } else if (holder.known() || world.defined_in_class(name)) {
    return {};
  }
  const std::vector<CallSite>* stores = attribute_stores.find(name);
  if (stores == nullptr || stores->size() > 128) return {};
  PythonType result;
  bool first = true;
  if (holder.kind == PythonType::Kind::kInstance && holder.of->attributes.count(name) != 0) {
    result = type(*holder.of->facts, holder.of->attributes.find(name)->second, depth);
    first = false;
  }
  for (const CallSite& store : *stores) {
    // Stores on objects that are surely of another class do not count.
    if (holder.kind == PythonType::Kind::kInstance) {
      const PythonType other = type(*store.facts, store.call.field("object"), depth);
      if (other.kind == PythonType::Kind::kInstance && !related(*other.of, *holder.of)) continue;
    }
    const PythonType here = stored_type(*store.facts, store.call, depth);
    result = first ? here : join(result, here);
    first = false;
    if (result.kind == PythonType::Kind::kUnknown) return {};
  }
  return result;
}

bool PythonWorld::Impl::related(const PythonClass& a, const PythonClass& b) const {
  if (&a == &b) return true;
  const std::vector<const PythonClass*> of_a = world.ancestors(a);
  const std::vector<const PythonClass*> of_b = world.ancestors(b);
  return std::find(of_a.begin(), of_a.end(), &b) != of_a.end() || std::find(of_b.begin(), of_b.end(), &a) != of_b.end();
}

}  // namespace jarvis2::code
