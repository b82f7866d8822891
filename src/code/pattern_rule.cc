#include "code/pattern_rule.h"

#include <algorithm>

#include "base/error.h"

namespace jarvis2::code {
namespace {

constexpr std::size_t kLongestRegexText = 4000;
constexpr int kDeepestUtility = 64;

std::optional<Span> match_at(const NodeRule& rule, const FlatTree& tree, Index index, Captures& captures, int depth);

bool holds(const NodeRule& rule, const FlatTree& tree, Index index, Captures& captures, int depth) {
  return match_at(rule, tree, index, captures, depth).has_value();
}

// Whether the search ends after having looked at `at`.
bool stops(const Relation& relation, const FlatTree& tree, Index at, Captures& captures, int depth) {
  if (relation.stop == Relation::Stop::kNeighbor) return true;
  if (relation.stop == Relation::Stop::kEnd) return false;
  const std::size_t mark = captures.mark();
  const bool stop = holds(*relation.stop_rule, tree, at, captures, depth);
  captures.rollback(mark);
  return stop;
}

bool inside(const Relation& relation, const FlatTree& tree, Index index, Captures& captures, int depth) {
  Index child = index;
  for (Index up = tree[index].parent; up != kNoIndex; child = up, up = tree[up].parent) {
    if ((relation.field == 0 || tree[child].field == relation.field) &&
        holds(*relation.rule, tree, up, captures, depth)) {
      return true;
    }
    if (stops(relation, tree, up, captures, depth)) return false;
  }
  return false;
}

bool has(const Relation& relation, const FlatTree& tree, Index index, Captures& captures, int depth) {
  for (Index at = index + 1; at < tree[index].end;) {
    const bool direct = tree[at].parent == index;
    const bool field_fits = relation.field == 0 || (direct && tree[at].field == relation.field);
    if (relation.field != 0 && direct && !field_fits) {
      at = tree[at].end;  // what lies below another field does not count
      continue;
    }
    if (tree[at].named && (field_fits || !direct) && holds(*relation.rule, tree, at, captures, depth)) return true;
    // With a field, `stopBy: end` also looks below that child.
    at = stops(relation, tree, at, captures, depth) ? tree[at].end : at + 1;
  }
  return false;
}

bool beside(const Relation& relation, const FlatTree& tree, Index index, Captures& captures, int depth) {
  const Index parent = tree[index].parent;
  if (parent == kNoIndex) return false;
  std::vector<Index> siblings;
  for (const Index at : tree.children(parent)) {
    const bool before = tree[at].end_byte <= tree[index].begin_byte;
    const bool after = tree[at].begin_byte >= tree[index].end_byte;
    if (relation.type == Relation::Type::kFollows ? before : after) siblings.push_back(at);
  }
  if (relation.type == Relation::Type::kFollows) std::reverse(siblings.begin(), siblings.end());
  for (const Index at : siblings) {
    if (holds(*relation.rule, tree, at, captures, depth)) return true;
    // An expression that is a statement: Python's patterns for it are the expression itself.
    const std::vector<Index> inner = tree.kind(at) == "expression_statement" ? tree.children(at) : std::vector<Index>();
    if (inner.size() == 1 && holds(*relation.rule, tree, inner.front(), captures, depth)) return true;
    if (stops(relation, tree, at, captures, depth)) return false;
  }
  return false;
}

bool related(const Relation& relation, const FlatTree& tree, Index index, Captures& captures, int depth) {
  switch (relation.type) {
    case Relation::Type::kInside:
      return inside(relation, tree, index, captures, depth);
    case Relation::Type::kHas:
      return has(relation, tree, index, captures, depth);
    case Relation::Type::kFollows:
    case Relation::Type::kPrecedes:
      return beside(relation, tree, index, captures, depth);
  }
  return false;
}

bool parts_hold(const NodeRule& rule, const FlatTree& tree, Index index, Captures& captures, int depth, Span& span) {
  if (!rule.kinds.empty() && std::find(rule.kinds.begin(), rule.kinds.end(), tree[index].symbol) == rule.kinds.end()) {
    return false;
  }
  if (rule.pattern) {
    const std::optional<Span> found = rule.pattern->match(tree, index, captures);
    if (!found) return false;
    span = *found;
  }
  if (rule.regex && !rule.regex->matches(tree.text(index))) return false;
  for (const NodeRule& part : rule.all) {
    const std::optional<Span> found = match_at(part, tree, index, captures, depth);
    if (!found) return false;
    if (found->last != index) span = *found;
  }
  for (const std::vector<NodeRule>& choice : rule.any) {
    bool one = false;
    for (const NodeRule& part : choice) {
      const std::optional<Span> found = match_at(part, tree, index, captures, depth);
      if (!found) continue;
      if (found->last != index) span = *found;
      one = true;
      break;
    }
    if (!one) return false;
  }
  if (rule.utility != nullptr && !holds(*rule.utility, tree, index, captures, depth + 1)) return false;
  for (const Relation& relation : rule.relations) {
    // What follows a match of several statements follows the last of them.
    const Index from = relation.type == Relation::Type::kPrecedes ? span.last : index;
    if (!related(relation, tree, from, captures, depth)) return false;
  }
  for (const NodeRule& part : rule.negated) {
    const std::size_t mark = captures.mark();
    const bool found = holds(part, tree, index, captures, depth);
    captures.rollback(mark);
    if (found) return false;
  }
  return true;
}

std::optional<Span> match_at(const NodeRule& rule, const FlatTree& tree, Index index, Captures& captures, int depth) {
  if (depth > kDeepestUtility) return std::nullopt;
  Span span{index, index};
  const std::size_t mark = captures.mark();
  if (parts_hold(rule, tree, index, captures, depth, span)) return span;
  captures.rollback(mark);
  return std::nullopt;
}

std::vector<TSSymbol> common(const std::vector<TSSymbol>& a, const std::vector<TSSymbol>& b) {
  std::vector<TSSymbol> both;
  for (const TSSymbol symbol : a) {
    if (std::find(b.begin(), b.end(), symbol) != b.end()) both.push_back(symbol);
  }
  return both;
}

void narrow(std::optional<std::vector<TSSymbol>>& symbols, const std::optional<std::vector<TSSymbol>>& by) {
  if (!by) return;
  symbols = symbols ? common(*symbols, *by) : *by;
}

std::optional<std::vector<TSSymbol>> root_symbols_at(const NodeRule& rule, int depth) {
  if (depth > kDeepestUtility) return std::nullopt;
  std::optional<std::vector<TSSymbol>> symbols;
  if (!rule.kinds.empty()) symbols = rule.kinds;
  if (rule.pattern && !rule.pattern->root_symbols().empty()) narrow(symbols, rule.pattern->root_symbols());
  for (const NodeRule& part : rule.all) narrow(symbols, root_symbols_at(part, depth + 1));
  for (const std::vector<NodeRule>& choice : rule.any) {
    std::optional<std::vector<TSSymbol>> either = std::vector<TSSymbol>();
    for (const NodeRule& part : choice) {
      const std::optional<std::vector<TSSymbol>> one = root_symbols_at(part, depth + 1);
      if (!one || !either) {
        either.reset();
        break;
      }
      either->insert(either->end(), one->begin(), one->end());
    }
    narrow(symbols, either);
  }
  if (rule.utility != nullptr) narrow(symbols, root_symbols_at(*rule.utility, depth + 1));
  return symbols;
}

}  // namespace

TextRule::TextRule(const std::string& expression) : regex_(expression, std::regex::ECMAScript | std::regex::optimize) {}

bool TextRule::matches(std::string_view text) const {
  return text.size() <= kLongestRegexText && std::regex_search(text.begin(), text.end(), regex_);
}

std::optional<Span> match(const NodeRule& rule, const FlatTree& tree, Index index, Captures& captures) {
  return index < tree.size() ? match_at(rule, tree, index, captures, 0) : std::nullopt;
}

std::optional<std::vector<TSSymbol>> root_symbols(const NodeRule& rule) {
  return root_symbols_at(rule, 0);
}

std::vector<RuleMatch> find_all(const NodeRule& rule, const FlatTree& tree, const std::vector<Range>& wanted) {
  std::vector<RuleMatch> found;
  const auto try_at = [&](Index index) {
    if (!tree[index].named) return;
    const auto overlaps = [&](const Range& range) { return range.overlaps(tree.range(index)); };
    if (!wanted.empty() && std::none_of(wanted.begin(), wanted.end(), overlaps)) return;
    RuleMatch one;
    const std::optional<Span> span = match_at(rule, tree, index, one.captures, 0);
    if (!span) return;
    one.span = *span;
    found.push_back(std::move(one));
  };
  std::optional<std::vector<TSSymbol>> symbols = root_symbols(rule);
  if (!symbols) {
    for (Index index = 0; index < tree.size(); ++index) try_at(index);
    return found;
  }
  std::sort(symbols->begin(), symbols->end());
  symbols->erase(std::unique(symbols->begin(), symbols->end()), symbols->end());
  for (const TSSymbol symbol : *symbols) {
    for (const Index index : tree.with_symbol(symbol)) try_at(index);
  }
  if (symbols->size() > 1) {
    std::sort(found.begin(), found.end(),
              [](const RuleMatch& a, const RuleMatch& b) { return a.span.first < b.span.first; });
  }
  return found;
}

}  // namespace jarvis2::code
