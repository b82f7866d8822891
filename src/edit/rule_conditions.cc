#include "edit/rule_conditions.h"

#include <algorithm>

namespace jarvis2::edit {

using code::Index;

const std::string& WhereClause::argument(const std::string& key) const {
  static const std::string kNone;
  const auto found = named.find(key);
  if (found != named.end()) return found->second;
  return key == "var" || key == "name" ? value : kNone;
}

code::Node ConditionContext::capture(std::string_view variable) const {
  const std::string_view name = variable.substr(variable.find_last_of('$') + 1);
  return name == "MATCH" ? node() : tree.node(captures.one(name));
}

std::vector<code::Node> ConditionContext::captures_of(std::string_view variable) const {
  const std::string_view name = variable.substr(variable.find_last_of('$') + 1);
  std::vector<code::Node> nodes;
  if (name == "MATCH") return {node()};
  if (const std::vector<Index>* bound = captures.find(name)) {
    for (const Index index : *bound) nodes.push_back(tree.node(index));
  }
  return nodes;
}

code::Range ConditionContext::capture_range(std::string_view variable) const {
  const std::string_view name = variable.substr(variable.find_last_of('$') + 1);
  if (name == "MATCH") return range();
  const std::vector<Index>* bound = captures.find(name);
  if (bound == nullptr || bound->empty()) return {};
  return {tree[bound->front()].begin_byte, tree[bound->back()].end_byte};
}

const code::PythonFacts& ConditionContext::python() const {
  if (!facts.python) facts.python = code::PythonFacts::of(file);
  return *facts.python;
}

const code::PythonWorld& ConditionContext::world() const {
  if (!facts.world) facts.world = code::PythonWorld::of(workspace);
  return *facts.world;
}

const code::CFacts& ConditionContext::c() const {
  if (!facts.c) facts.c = code::CFacts::of(workspace);
  return *facts.c;
}

const Condition* find_condition(code::Language language, std::string_view name) {
  const std::vector<Condition>& conditions = language == code::Language::kPython ? python_conditions() : c_conditions();
  for (const Condition& condition : conditions) {
    if (condition.name == name) return &condition;
  }
  return nullptr;
}

bool holds(const WhereClause& clause, const ConditionContext& context) {
  const Condition* condition = find_condition(context.tree.language(), clause.condition);
  return condition != nullptr && condition->holds(context, clause) != clause.negated;
}

std::vector<code::Node> region_of(const ConditionContext& context, const std::string& name) {
  if (name.starts_with('$')) return context.captures_of(name);
  const code::FlatTree& tree = context.tree;
  if (name == "match") {
    std::vector<code::Node> nodes;
    for (Index at = context.span.first; at <= context.span.last; at = tree[at].end) nodes.push_back(tree.node(at));
    return nodes;
  }
  const bool loop = name.empty() || name == "loop";
  for (Index up = tree[context.span.first].parent; up != code::kNoIndex; up = tree[up].parent) {
    const std::string_view kind = tree.kind(up);
    if (loop &&
        (kind == "for_statement" || kind == "while_statement" || kind == "do_statement" || kind == "for_range_loop")) {
      return {tree.node(up)};
    }
    if (kind == "function_definition" || kind == "lambda" || kind == "lambda_expression") {
      if (loop) return {};
      return {tree.node(up)};
    }
  }
  return {};
}

bool mentions(const std::vector<code::Node>& nodes, std::string_view name) {
  bool found = false;
  for (const code::Node& node : nodes) {
    code::walk(node, [&](code::Node at) {
      found = found || (at.kind().ends_with("identifier") && at.text() == name);
      return !found;
    });
  }
  return found;
}

}  // namespace jarvis2::edit
