#include <algorithm>
#include <optional>

#include "edit/rule_conditions.h"

namespace jarvis2::edit {
namespace {

using code::Node;
using code::PythonBinding;
using code::PythonFacts;
using code::PythonType;
using code::Range;

Node unwrapped(Node node) {
  while (node.is("parenthesized_expression") && node.children().size() == 1) node = node.children().front();
  return node;
}

// Evaluating it twice costs next to nothing.
bool is_simple(Node node) {
  node = unwrapped(node);
  if (node.is("identifier") || node.is("integer") || node.is("float") || node.is("true") || node.is("false") ||
      node.is("none")) {
    return true;
  }
  if (node.is("string")) {
    bool plain = true;
    code::walk(node, [&](Node part) { return plain = plain && !part.is("interpolation"); });
    return plain;
  }
  return node.is("unary_operator") && is_simple(node.field("argument"));
}

bool is_cheap(Node node) {
  node = unwrapped(node);
  if (is_simple(node)) return true;
  if (node.is("attribute")) return is_cheap(node.field("object"));
  if (!node.is("subscript")) return false;
  const std::vector<Node> parts = node.children();
  return std::all_of(parts.begin(), parts.end(), is_cheap);
}

bool every(const ConditionContext& context, const WhereClause& clause, bool (*test)(Node)) {
  const std::vector<Node> nodes = context.captures_of(clause.argument("var"));
  return std::all_of(nodes.begin(), nodes.end(), test);
}

bool simple(const ConditionContext& context, const WhereClause& clause) {
  return every(context, clause, is_simple);
}

bool cheap(const ConditionContext& context, const WhereClause& clause) {
  return every(context, clause, is_cheap);
}

bool pure(const ConditionContext& context, const WhereClause& clause) {
  for (const Node& node : context.captures_of(clause.argument("var"))) {
    if (!is_simple(node) && !context.world().pure(context.python(), node)) return false;
  }
  return true;
}

bool invariant(const ConditionContext& context, const WhereClause& clause) {
  const std::vector<Node> region = region_of(context, clause.argument("in"));
  if (region.empty()) return false;
  for (const Node& node : context.captures_of(clause.argument("var"))) {
    for (const Node& part : region) {
      if (!context.world().invariant_in(context.python(), node, part)) return false;
    }
  }
  return true;
}

bool never_reassigned(const ConditionContext& context, const WhereClause& clause) {
  const std::vector<Node> region = region_of(context, clause.argument("in"));
  const Node name = unwrapped(context.capture(clause.argument("var")));
  if (region.empty() || !name.is("identifier")) return false;
  return std::none_of(region.begin(), region.end(),
                      [&](const Node& part) { return context.python().reassigned_in(part, name); });
}

bool is_function_scope(const ConditionContext& context, int scope) {
  if (scope < 0) return false;
  const code::PythonScopeKind kind = context.python().scopes()[static_cast<std::size_t>(scope)].kind;
  return kind == code::PythonScopeKind::kFunction || kind == code::PythonScopeKind::kLambda;
}

// A local name that the region hands to nobody: calls that are not understood cannot reach its object by that name.
bool kept_to_itself(const ConditionContext& context, Node name, Node region) {
  int scope = -1;
  const PythonBinding* binding = context.python().resolve(name, &scope);
  if (binding == nullptr || !is_function_scope(context, scope) || binding->captured || binding->written_from_outside) {
    return false;
  }
  return std::none_of(binding->loads.begin(), binding->loads.end(), [&](const Node& load) {
    if (!region.range().contains(load.range())) return false;
    const Node parent = context.python().parent(load);
    if (parent.is("argument_list")) {
      const Node callee = context.python().parent(parent).field("function");
      return !callee.is("identifier") || !code::python_pure_function(callee.text()) ||
             context.python().resolve(callee) != nullptr;
    }
    return parent.is("keyword_argument") || parent.is("assignment") || parent.is("list") || parent.is("tuple") ||
           parent.is("expression_list") || parent.is("yield") || parent.is("list_splat") || parent.is("pair");
  });
}

enum class Touch { kReads, kHandsOut, kChanges };

// What a use of a name does to the container it holds.
Touch touch_of(const ConditionContext& context, Node load) {
  const PythonFacts& facts = context.python();
  Node parent = facts.parent(load);
  if (parent.is("parenthesized_expression")) parent = facts.parent(parent);
  if (parent.is("subscript") && parent.field("value") == load) {
    const Node around = facts.parent(parent);
    const bool target = (around.is("assignment") || around.is("augmented_assignment") || around.is("for_statement") ||
                         around.is("for_in_clause")) &&
                        around.field("left") == parent;
    if (target || around.is("delete_statement") || around.is("pattern_list") || around.is("tuple_pattern") ||
        around.is("list_pattern") || around.is("as_pattern_target") || facts.parent(around).is("delete_statement")) {
      return Touch::kChanges;
    }
    return Touch::kReads;
  }
  if (parent.is("attribute")) {
    const std::string_view method = parent.field("attribute").text();
    if (code::python_mutating_method(method)) return Touch::kChanges;
    return code::python_reading_method(method) ? Touch::kReads : Touch::kHandsOut;
  }
  if (parent.is("comparison_operator") || parent.is("not_operator") || parent.is("boolean_operator") ||
      parent.is("if_statement") || parent.is("while_statement") || parent.is("subscript")) {
    return Touch::kReads;
  }
  if (parent.is("for_statement") || parent.is("for_in_clause")) {
    return parent.field("right") == load ? Touch::kReads : Touch::kChanges;
  }
  if (parent.is("argument_list")) {
    const Node callee = facts.parent(parent).field("function");
    const bool known =
        callee.is("identifier") && code::python_pure_function(callee.text()) && facts.resolve(callee) == nullptr;
    return known ? Touch::kReads : Touch::kHandsOut;
  }
  return parent.is("augmented_assignment") ? Touch::kChanges : Touch::kHandsOut;
}

// A local name whose uses in the region decide by themselves, so that nothing else need be asked.
std::optional<bool> decided_by_uses(const ConditionContext& context, Node name, Node region) {
  int scope = -1;
  const PythonBinding* binding = context.python().resolve(name, &scope);
  if (binding == nullptr || !is_function_scope(context, scope) || binding->captured || binding->written_from_outside) {
    return std::nullopt;
  }
  bool handed_out = false;
  for (const Node& load : binding->loads) {
    if (!region.range().contains(load.range())) continue;
    const Touch touch = touch_of(context, load);
    if (touch == Touch::kChanges) return false;
    handed_out = handed_out || touch == Touch::kHandsOut;
  }
  return handed_out ? std::nullopt : std::optional<bool>(true);
}

// The container that a name or attribute holds keeps its elements, as far as stores and calls in the region tell.
bool not_mutated(const ConditionContext& context, const WhereClause& clause) {
  const std::vector<Node> region = region_of(context, clause.argument("in"));
  const Node place = unwrapped(context.capture(clause.argument("var")));
  if (region.empty()) return false;
  std::string key;
  if (place.is("identifier")) {
    key = std::string(place.text());
  } else if (place.is("attribute")) {
    key = "." + std::string(place.field("attribute").text());
  } else {
    return false;
  }
  for (const Node& part : region) {
    if (place.is("identifier")) {
      if (context.python().reassigned_in(part, place)) return false;
      if (const std::optional<bool> decided = decided_by_uses(context, place, part)) {
        if (!*decided) return false;
        continue;
      }
    }
    const code::PythonEffects effects = context.world().effects(context.python(), part);
    if (effects.containers.contains(key) || effects.yields) return false;
    const bool open = effects.unknown || effects.containers.contains("?");
    if (open && !(place.is("identifier") && kept_to_itself(context, place, part))) return false;
    const std::string attribute = key.substr(1);
    if (key.front() == '.' && (effects.attributes.contains(attribute) || effects.self_attributes.contains(attribute))) {
      return false;
    }
  }
  return true;
}

bool in_loop(const ConditionContext& context, const WhereClause&) {
  if (!region_of(context, "loop").empty()) return true;
  for (code::Index up = context.tree[context.span.first].parent; up != code::kNoIndex; up = context.tree[up].parent) {
    const std::string_view kind = context.tree.kind(up);
    if (kind.ends_with("_comprehension") || kind == "generator_expression") return true;
    if (kind == "function_definition" || kind == "lambda") return false;
  }
  return false;
}

bool in_function(const ConditionContext& context, const WhereClause&) {
  return context.python().function_of(context.node()) != nullptr;
}

const PythonBinding* binding_of(const ConditionContext& context, const std::string& variable, int* scope = nullptr) {
  const Node name = unwrapped(context.capture(variable));
  if (!name.is("identifier")) return nullptr;
  int found = -1;
  const PythonBinding* binding = context.python().resolve(name, &found);
  if (scope != nullptr) *scope = found;
  return binding;
}

bool local(const ConditionContext& context, const WhereClause& clause) {
  int scope = -1;
  const PythonBinding* binding = binding_of(context, clause.argument("var"), &scope);
  return binding != nullptr && !binding->declared_outer && !binding->written_from_outside &&
         is_function_scope(context, scope) &&
         scope == context.python().frame_of(context.capture(clause.argument("var")));
}

// Every use of the local name lies within the match.
bool used_only_here(const ConditionContext& context, const WhereClause& clause) {
  int scope = -1;
  const PythonBinding* binding = binding_of(context, clause.argument("var"), &scope);
  if (binding == nullptr || !is_function_scope(context, scope) || binding->declared_outer || binding->parameter ||
      binding->captured) {
    return false;
  }
  const Range here = context.range();
  const auto inside = [&](const Node& use) { return here.contains(use.range()); };
  return std::all_of(binding->loads.begin(), binding->loads.end(), inside) &&
         std::all_of(binding->stores.begin(), binding->stores.end(), inside);
}

// No read can see the value that a local name has after the match.
bool name_unused_after(const ConditionContext& context, Node name) {
  int scope = -1;
  const PythonBinding* binding = context.python().resolve(name, &scope);
  if (binding == nullptr || !is_function_scope(context, scope) || binding->declared_outer || binding->captured) {
    return false;
  }
  const Range here = context.range();
  const std::vector<Node> loop = region_of(context, "loop");
  for (const Node& load : binding->loads) {
    if (here.contains(load.range())) continue;
    if (load.range().begin >= here.end) {
      // Bound anew before it is read: by a statement of the same block as the match.
      const auto rebinds = [&](const Node& store) {
        if (store.range().begin < here.end || store.range().begin >= load.range().begin) return false;
        const Node statement = context.python().statement_of(store);
        const Node block = context.python().parent(context.python().statement_of(context.node()));
        if (!(context.python().parent(statement) == block)) return false;
        if (statement.is("for_statement")) return statement.field("body").range().contains(load.range());
        return statement.is("expression_statement") && !statement.range().contains(load.range());
      };
      if (std::any_of(binding->stores.begin(), binding->stores.end(), rebinds)) continue;
      return false;
    }
    if (!loop.empty() && loop.front().range().contains(load.range())) return false;
  }
  return true;
}

bool unused_after(const ConditionContext& context, const WhereClause& clause) {
  bool unused = true;
  for (const Node& node : context.captures_of(clause.argument("var"))) {
    code::walk(node, [&](Node at) {
      if (at.is("identifier")) unused = unused && name_unused_after(context, at);
      return unused;
    });
  }
  return unused;
}

// Every use of the name in the region matches the pattern.
bool only_as(const ConditionContext& context, const WhereClause& clause) {
  const Node name = unwrapped(context.capture(clause.argument("var")));
  if (!name.is("identifier")) return false;
  const code::Pattern pattern = code::Pattern::compile(context.tree.language(), clause.argument("pattern"));
  bool only = true;
  for (const Node& part : region_of(context, clause.argument("in"))) {
    code::walk(part, [&](Node at) {
      code::Captures captures = context.captures;
      if (pattern.match(context.tree, context.tree.find(at), captures)) return false;
      only = only && !(at.is("identifier") && at.text() == name.text());
      return only;
    });
  }
  return only;
}

// Every store of the local name gives it a list that is made there, or adds to it.
bool built_as_list(const ConditionContext& context, const WhereClause& clause) {
  int scope = -1;
  const PythonBinding* binding = binding_of(context, clause.argument("var"), &scope);
  if (binding == nullptr || binding->stores.empty() || binding->declared_outer || binding->written_from_outside ||
      !is_function_scope(context, scope)) {
    return false;
  }
  return std::all_of(binding->stores.begin(), binding->stores.end(), [&](const Node& store) {
    const Node statement = context.python().parent(store);
    if (statement.is("augmented_assignment")) return true;
    const Node value = statement.is("assignment") ? unwrapped(statement.field("right")) : Node();
    if (value.is("list") || value.is("list_comprehension")) return true;
    if (value.is("call")) {
      const Node callee = value.field("function");
      return callee.is("identifier") &&
             (context.python().is_builtin(callee, "list") || context.python().is_builtin(callee, "sorted"));
    }
    return value.is("binary_operator") && value.field("left").text() == store.text() &&
           unwrapped(value.field("right")).is("list");
  });
}

// Every read of the name is the right side of `in` or `not in`, and it is bound here alone.
bool only_tested_for_membership(const ConditionContext& context, const WhereClause& clause) {
  int scope = -1;
  const PythonBinding* binding = binding_of(context, clause.argument("var"), &scope);
  if (binding == nullptr || binding->stores.size() != 1 || binding->declared_outer || binding->written_from_outside ||
      binding->loads.empty()) {
    return false;
  }
  if (!is_function_scope(context, scope) && !binding->name.starts_with('_')) return false;  // others may import it
  return std::all_of(binding->loads.begin(), binding->loads.end(), [&](const Node& load) {
    const Node parent = context.python().parent(load);
    if (!parent.is("comparison_operator")) return false;
    const std::vector<Node> sides = parent.children();
    if (sides.size() != 2 || !(sides.back() == load)) return false;
    const std::string_view text = parent.text().substr(0, load.range().begin - parent.range().begin);
    const std::size_t last = text.find_last_not_of(" \t\r\n\\");
    return last != std::string_view::npos && last >= 1 && text.substr(last - 1, 2) == "in";
  });
}

bool not_used_in(const ConditionContext& context, const WhereClause& clause) {
  const Node name = unwrapped(context.capture(clause.argument("var")));
  return name.is("identifier") && !mentions(region_of(context, clause.argument("in")), name.text());
}

// None of the names that the expression reads occurs in the other code.
bool independent_of(const ConditionContext& context, const WhereClause& clause) {
  const std::vector<Node> region = region_of(context, clause.argument("in"));
  bool free = true;
  for (const Node& node : context.captures_of(clause.argument("var"))) {
    code::walk(node, [&](Node at) {
      if (at.is("identifier")) free = free && !mentions(region, at.text());
      return free;
    });
  }
  return free;
}

bool kind_fits(const PythonType& type, std::string_view wanted) {
  using Kind = PythonType::Kind;
  switch (type.kind) {
    case Kind::kNone:
      return wanted == "none";
    case Kind::kBool:
      return wanted == "bool" || wanted == "number";
    case Kind::kInt:
      return wanted == "int" || wanted == "number";
    case Kind::kFloat:
      return wanted == "float" || wanted == "number";
    case Kind::kStr:
      return wanted == "str" || wanted == "sequence";
    case Kind::kBytes:
      return wanted == "bytes" || wanted == "sequence";
    case Kind::kTuple:
      return wanted == "tuple" || wanted == "sequence";
    case Kind::kList:
      return wanted == "list" || wanted == "sequence";
    case Kind::kDict:
      return wanted == "dict";
    case Kind::kSet:
      return wanted == "set";
    case Kind::kRange:
      return wanted == "range" || wanted == "sequence";
    case Kind::kInstance:
      return wanted == "instance";
    case Kind::kUnknown:
    case Kind::kPending:
      return wanted == "unknown";
  }
  return false;
}

bool type(const ConditionContext& context, const WhereClause& clause) {
  const Node node = unwrapped(context.capture(clause.argument("var")));
  if (!node) return false;
  const PythonType found = context.world().type_of(context.python(), node);
  std::string wanted = clause.argument("is") + "|";
  for (std::size_t at = 0, bar = wanted.find('|'); bar != std::string::npos; at = bar + 1, bar = wanted.find('|', at)) {
    if (kind_fits(found, std::string_view(wanted).substr(at, bar - at))) return true;
  }
  return false;
}

// The name means Python's builtin at the match.
bool builtin(const ConditionContext& context, const WhereClause& clause) {
  const PythonFacts& facts = context.python();
  std::string names = clause.argument("name") + " ";
  if (names.starts_with('$')) names = std::string(context.capture(clause.argument("name")).text()) + " ";
  const int scope = facts.scope_of(context.node());
  for (int up = scope; up >= 0; up = facts.scopes()[static_cast<std::size_t>(up)].parent) {
    if (facts.scopes()[static_cast<std::size_t>(up)].dynamic) return false;
  }
  for (std::size_t at = 0, blank = names.find(' '); blank != std::string::npos;
       at = blank + 1, blank = names.find(' ', at)) {
    const std::string_view name = std::string_view(names).substr(at, blank - at);
    if (name.empty()) continue;
    if (!code::python_builtin(name) || facts.lookup(scope, name) != nullptr) return false;
  }
  return true;
}

// The name stands for a module ("import math"), or for something out of one ("from math import sqrt").
bool imported(const ConditionContext& context, const WhereClause& clause) {
  const Node name = unwrapped(context.capture(clause.argument("var")));
  if (!name.is("identifier")) return false;
  const PythonFacts& facts = context.python();
  int scope = -1;
  const PythonBinding* binding = facts.resolve(name, &scope);
  if (binding == nullptr || !binding->imported || binding->stores.size() != 1 || scope != 0 ||
      binding->written_from_outside || binding->stores.front().range().begin > name.range().begin) {
    return false;
  }
  const auto found = facts.imports().find(name.text());
  return found != facts.imports().end() && found->second.module == clause.argument("module") &&
         found->second.name == clause.argument("item");
}

bool fresh_name(const ConditionContext& context, const WhereClause& clause) {
  const std::string base = clause.argument("base");
  std::string name = base;
  for (int count = 2;
       context.python().all_names().contains(name) || code::python_builtin(name) || code::python_keyword(name);
       ++count) {
    name = base + "_" + std::to_string(count);
  }
  context.texts[clause.argument("var").substr(1)] = name;
  return true;
}

// No return, yield, await, break or continue that would leave the code.
bool no_jump(const ConditionContext& context, const WhereClause& clause) {
  bool jumps = false;
  for (const Node& node : context.captures_of(clause.argument("var"))) {
    code::walk(node, [&](Node at) {
      if (at.is("function_definition") || at.is("lambda") || at.is("class_definition")) return false;
      jumps = jumps || at.is("return_statement") || at.is("yield") || at.is("await") || at.is("break_statement") ||
              at.is("continue_statement") || at.is("raise_statement");
      return !jumps;
    });
  }
  return !jumps;
}

// The value cannot be seen by anyone else: the match is an argument, iterable or operand that is consumed at once.
bool same_line(const ConditionContext& context, const WhereClause& clause) {
  const std::vector<Node> nodes = context.captures_of(clause.argument("var"));
  return std::all_of(nodes.begin(), nodes.end(), [](const Node& node) { return node.line() == node.end_line(); });
}

}  // namespace

const std::vector<Condition>& python_conditions() {
  static const std::vector<Condition> kConditions = {
      {"simple", "python", "!var", "a name, a number, a constant or a plain string", simple},
      {"cheap", "python", "!var", "names, constants, attributes and subscripts of these", cheap},
      {"pure", "python", "!var", "no effect, and an equal value as long as nothing it reads changes; it may raise",
       pure},
      {"invariant", "python", "!var in", "pure, and nothing it reads is changed in the region (default: the loop)",
       invariant},
      {"never_reassigned_in_loop", "python", "!var", "the name keeps its object in the innermost loop",
       never_reassigned},
      {"never_reassigned", "python", "!var !in", "the name keeps its object in the region", never_reassigned},
      {"not_mutated_in_loop", "python", "!var",
       "the container is not changed in the innermost loop: by stores, known calls, or calls it is handed to",
       not_mutated},
      {"not_mutated", "python", "!var !in", "the same for a region", not_mutated},
      {"in_loop", "python", "var", "the match runs repeatedly: in a loop or comprehension of its function", in_loop},
      {"in_function", "python", "var", "the match is inside a function", in_function},
      {"local", "python", "!var", "a local name of the function", local},
      {"used_only_here", "python", "!var", "every use of the local name lies in the match", used_only_here},
      {"unused_after", "python", "!var", "no read sees the value the local name has after the match", unused_after},
      {"not_used_in", "python", "!var !in", "the name does not occur in the region", not_used_in},
      {"independent_of", "python", "!var !in", "no name of the expression occurs in the region", independent_of},
      {"type", "python", "!var !is",
       "the inferred type is one of: none, bool, int, float, number, str, bytes, tuple, list, dict, set, range, "
       "sequence, instance (several with |)",
       type},
      {"builtin", "python", "!name", "these names (with blanks between) mean Python's builtins here", builtin},
      {"imported", "python", "!var !module item", "the name is bound once, by an import of the module or its item",
       imported},
      {"fresh_name", "python", "!var !base", "binds the variable to a name that the file does not use", fresh_name},
      {"only_as", "python", "!var !in !pattern", "every use of the name in the region matches the pattern", only_as},
      {"built_as_list", "python", "!var", "the local name only ever holds lists made in this function", built_as_list},
      {"only_tested_for_membership", "python", "!var", "the name is bound once and only stands right of `in`",
       only_tested_for_membership},
      {"no_jump", "python", "!var", "no return, yield, await, break, continue or raise in the code", no_jump},
      {"one_line", "python", "!var", "written on one line", same_line},
  };
  return kConditions;
}

}  // namespace jarvis2::edit
