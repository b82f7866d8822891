// Rules over nodes: patterns, kinds and texts, combined and related to each other, as ast-grep's users know them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "code/pattern.h"

namespace jarvis2::code {

struct NodeRule;

struct Relation {
  enum class Type { kInside, kHas, kFollows, kPrecedes };
  // How far to look: the next node only, all the way, or up to a node (that is looked at too) which a rule matches.
  enum class Stop { kNeighbor, kEnd, kRule };
  Type type = Type::kInside;
  std::unique_ptr<NodeRule> rule;
  Stop stop = Stop::kNeighbor;
  std::unique_ptr<NodeRule> stop_rule;
  TSFieldId field = 0;  // kInside: we are in this field of the ancestor; kHas: the child is in this field of ours
};

// A text search that refuses very long texts (std::regex recurses).
class TextRule {
 public:
  explicit TextRule(const std::string& expression);
  bool matches(std::string_view text) const;

 private:
  std::regex regex_;
};

// All parts that are given must hold, in the order of the members.
struct NodeRule {
  std::vector<TSSymbol> kinds;
  std::optional<Pattern> pattern;
  std::optional<TextRule> regex;
  std::vector<NodeRule> all;
  std::vector<std::vector<NodeRule>> any;  // each entry: one of these
  std::vector<NodeRule> negated;           // none of these
  std::vector<Relation> relations;
  const NodeRule* utility = nullptr;  // owned by whoever owns the rule
};

// Matches at `index`; the span is the pattern's, else the node alone. Captures are unchanged when there is no match.
std::optional<Span> match(const NodeRule& rule, const FlatTree& tree, Index index, Captures& captures);
// Kinds that a match can start with; nullopt: any.
std::optional<std::vector<TSSymbol>> root_symbols(const NodeRule& rule);

struct RuleMatch {
  Span span;
  Captures captures;
};
// All matches in source order; `wanted` (empty: all) are the byte ranges a match must overlap.
std::vector<RuleMatch> find_all(const NodeRule& rule, const FlatTree& tree, const std::vector<Range>& wanted = {});

}  // namespace jarvis2::code
