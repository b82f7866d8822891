// Conditions over the code model that rules name under `where:`. Each is one function in a table; backed by the facts
// of code/python_facts.h and code/c_facts.h. What cannot be told counts as not holding.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "code/c_facts.h"
#include "code/pattern_rule.h"
#include "code/python_facts.h"
#include "code/workspace.h"

namespace jarvis2::edit {

// One entry of `where:`: "pure: $E", "type: {var: $X, regex: ...}", "not: {in_loop: true}".
struct WhereClause {
  std::string condition;
  bool negated = false;
  std::string value;                         // of a scalar argument
  std::map<std::string, std::string> named;  // of a mapping
  int line = 0;                              // in the rule file
  // A named argument, or the scalar where `key` is the condition's main one ("var").
  const std::string& argument(const std::string& key) const;
};

// Facts asked for while one file is looked at; made on first use.
struct FactCache {
  std::shared_ptr<const code::PythonFacts> python;
  std::shared_ptr<const code::PythonWorld> world;
  std::shared_ptr<const code::CFacts> c;
};

// Where a match stands. Conditions may bind further text variables (fresh names).
struct ConditionContext {
  const code::Workspace& workspace;
  const code::SourceFile& file;
  const code::FlatTree& tree;
  code::Span span;
  const code::Captures& captures;
  std::map<std::string, std::string>& texts;
  FactCache& facts;
  std::vector<code::Range> carried = {};  // source ranges whose comments the made texts hold

  code::Node node() const { return tree.node(span.first); }
  code::Range range() const { return {tree[span.first].begin_byte, tree[span.last].end_byte}; }
  // The node of "$X"; null when unbound. "$MATCH" is the match.
  code::Node capture(std::string_view variable) const;
  std::vector<code::Node> captures_of(std::string_view variable) const;
  const code::PythonFacts& python() const;
  const code::PythonWorld& world() const;
  const code::CFacts& c() const;
  // From the first to the last byte of what the variable stands for.
  code::Range capture_range(std::string_view variable) const;
};

struct Condition {
  std::string_view name;
  std::string_view languages;  // "python", "c" (C and C++), "python c"
  std::string_view arguments;  // known argument names, separated by blanks; "!" marks one that must be given
  std::string_view meaning;    // one line, for the documentation
  bool (*holds)(const ConditionContext& context, const WhereClause& clause);
};

const std::vector<Condition>& python_conditions();
const std::vector<Condition>& c_conditions();
// nullptr when there is none of the name for the language.
const Condition* find_condition(code::Language language, std::string_view name);
bool holds(const WhereClause& clause, const ConditionContext& context);

// Shared by the languages.
// The region an argument `in` names: a variable, "loop" (the innermost around the match), "function", "match".
std::vector<code::Node> region_of(const ConditionContext& context, const std::string& name);
// The name occurs as an identifier in the nodes.
bool mentions(const std::vector<code::Node>& nodes, std::string_view name);

}  // namespace jarvis2::edit
