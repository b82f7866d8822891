#include "code/pattern.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"

namespace jarvis2::code {
namespace {

// Placeholders are identifiers, which every grammar takes wherever a name or an expression can stand.
constexpr std::string_view kOnePrefix = "j2one_";
constexpr std::string_view kManyPrefix = "j2many_";
constexpr std::string_view kStatementPrefix = "j2stmt_";

bool is_c_like(Language language) {
  return language == Language::kC || language == Language::kCpp;
}

bool is_name_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Replaces metavariables by placeholders. In C and C++ a variable that stands as a statement of its own is completed
// with a semicolon.
std::string with_placeholders(Language language, std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const bool many = text.substr(i).starts_with("$$$");
    const std::size_t name_at = i + (many ? 3 : 1);
    std::size_t end = name_at;
    while (end < text.size() && is_name_char(text[end])) ++end;
    const bool lower_follows = end < text.size() && std::islower(static_cast<unsigned char>(text[end])) != 0;
    if (text[i] != '$' || (!many && end == name_at) || lower_follows) {
      out += text[i++];
      continue;
    }
    const std::string_view name = text.substr(name_at, end - name_at);
    bool statement = false;
    if (is_c_like(language)) {
      const std::size_t before = out.find_last_not_of(" \t\r\n");
      const std::size_t after = text.find_first_not_of(" \t\r\n", end);
      const bool opens = before == std::string::npos || std::string_view("{};").find(out[before]) != std::string::npos;
      const bool line_ends = text.substr(end).find_first_not_of(" \t") == std::string_view::npos ||
                             text[text.find_first_not_of(" \t", end)] == '\n';
      statement = opens && (after == std::string_view::npos || text[after] == '}' || line_ends) &&
                  (before != std::string::npos || after != std::string_view::npos);
    }
    out += many ? kManyPrefix : (statement ? kStatementPrefix : kOnePrefix);
    out += name;
    if (statement) out += ';';
    i = end;
  }
  return out;
}

bool covers_error(const Tree& tree, Range range) {
  bool bad = false;
  walk(tree.root(), [&](Node node) {
    if (!node.has_error() || bad || !node.range().overlaps(range)) return false;
    if (node.is("ERROR") || ts_node_is_missing(node.raw())) bad = true;
    for (std::uint32_t i = 0; i < node.child_count(); ++i) {
      if (ts_node_is_missing(node.child(i).raw())) bad = true;
    }
    return !bad;
  });
  return bad;
}

std::optional<PatternSource> try_parse(Language language, const std::string& before, const std::string& text,
                                       const std::string& after) {
  PatternSource source;
  source.tree = Tree::parse(language, before + text + after);
  source.range = {static_cast<std::uint32_t>(before.size()), static_cast<std::uint32_t>(before.size() + text.size())};
  if (source.tree->root().has_error()) {
    // Trouble outside of the text is ours; within it the text does not fit here.
    if (covers_error(*source.tree, {source.range.begin, static_cast<std::uint32_t>(source.tree->text().size())})) {
      return std::nullopt;
    }
  }
  return source;
}

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  return first == std::string_view::npos ? std::string() : std::string(text.substr(first, last - first + 1));
}

// A string prefix ("rb", "f") in lower case.
std::string string_prefix(std::string_view start) {
  std::string prefix;
  for (const char c : start) {
    if (c == '"' || c == '\'') break;
    prefix += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return prefix;
}

bool same_leaf(std::string_view kind, std::string_view a, std::string_view b) {
  if (kind == "string_start") return string_prefix(a) == string_prefix(b);
  return kind == "string_end" || a == b;
}

bool is_skipped(const FlatTree& tree, Index index) {
  const FlatNode& node = tree[index];
  return node.comment || (!node.named && node.end_byte == node.begin_byte + 1 && tree.text(index) == ",");
}

// Children that count in matching: no comments, no commas.
std::vector<Index> significant_children(const FlatTree& tree, Index index) {
  std::vector<Index> result;
  for (Index at = index + 1; at < tree[index].end; at = tree[at].end) {
    if (!is_skipped(tree, at)) result.push_back(at);
  }
  return result;
}

bool is_never_one(std::string_view kind) {
  return kind == "keyword_argument" || kind == "list_splat" || kind == "dictionary_splat" || kind == "pair" ||
         kind == "comment" || kind == "block" || kind == "list_splat_pattern" || kind == "dictionary_splat_pattern";
}

}  // namespace

std::string metavariable_of(std::string_view identifier) {
  if (identifier.starts_with(kOnePrefix)) return "$" + std::string(identifier.substr(kOnePrefix.size()));
  if (identifier.starts_with(kStatementPrefix)) return "$" + std::string(identifier.substr(kStatementPrefix.size()));
  if (identifier.starts_with(kManyPrefix)) return "$$$" + std::string(identifier.substr(kManyPrefix.size()));
  return {};
}

std::optional<PatternSource> parse_pattern(Language language, std::string_view raw) {
  const std::string text = trimmed(with_placeholders(language, trimmed(raw)));
  if (text.empty()) return std::nullopt;
  if (!is_c_like(language)) return try_parse(language, "", text, "\n");
  const bool statement = text.back() == ';' || text.back() == '}';
  const bool directive = text.front() == '#';
  if (directive) return try_parse(language, "", text, "\n");
  if (!statement) {
    // As a whole right-hand side, so that a name followed by * or ( is an expression, not a declaration.
    std::optional<PatternSource> source = try_parse(language, "void j2(void) { j2x = ", text, "; }");
    if (source && source->tree->at(source->range).range() == source->range) return source;
  }
  if (std::optional<PatternSource> source =
          try_parse(language, "void j2(void) {\n", text, statement ? "\n}" : ";\n}")) {
    return source;
  }
  if (std::optional<PatternSource> source = try_parse(language, "", text, "\n")) return source;
  return try_parse(language, "struct j2 {\n", text, statement ? "\n};" : ";\n};");
}

const std::vector<Index>* Captures::find(std::string_view name) const {
  for (const auto& [bound, nodes] : list_) {
    if (bound == name) return &nodes;
  }
  return nullptr;
}

Index Captures::one(std::string_view name) const {
  const std::vector<Index>* nodes = find(name);
  return nodes != nullptr && nodes->size() == 1 ? nodes->front() : kNoIndex;
}

Index strip_parentheses(const FlatTree& tree, Index index) {
  while (index < tree.size() && tree.kind(index) == "parenthesized_expression") {
    const std::vector<Index> inner = tree.children(index);
    if (inner.size() != 1) break;
    index = inner.front();
  }
  return index;
}

// `int` as a template argument is a descriptor around the type.
static Index plain_type(const FlatTree& tree, Index index) {
  if (tree.kind(index) != "type_descriptor") return index;
  const std::vector<Index> parts = tree.children(index);
  return parts.size() == 1 && tree.text(parts.front()) == tree.text(index) ? parts.front() : index;
}

bool same_code(const FlatTree& tree, Index a, Index b) {
  a = strip_parentheses(tree, a);
  b = strip_parentheses(tree, b);
  if (a == b) return true;
  if (tree[a].symbol != tree[b].symbol) {
    // One name in two roles: a constructor and its class.
    return tree.kind(a).ends_with("identifier") && tree.kind(b).ends_with("identifier") && !tree.has_children(a) &&
           !tree.has_children(b) && tree.text(a) == tree.text(b);
  }
  if (!tree.has_children(a) || !tree.has_children(b)) {
    return !tree.has_children(a) && !tree.has_children(b) && same_leaf(tree.kind(a), tree.text(a), tree.text(b));
  }
  const std::vector<Index> left = significant_children(tree, a);
  const std::vector<Index> right = significant_children(tree, b);
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (!same_code(tree, left[i], right[i])) return false;
  }
  return true;
}

// Turns a parsed snippet into pattern nodes.
class PatternCompiler {
 public:
  PatternCompiler(Pattern& pattern, const FlatTree& tree) : pattern_(pattern), tree_(tree) {}

  std::uint32_t add(Index index) {
    const Index inner = strip_parentheses(tree_, index);
    PatternNode node;
    node.symbol = tree_[inner].symbol;
    node.field = tree_[index].field;
    node.named = tree_[inner].named;
    const std::string_view text = tree_.text(inner);
    const std::string_view kind = tree_.kind(inner);
    if (!tree_.has_children(inner)) {
      node.kind = PatternNode::Kind::kLeaf;
      node.text = std::string(text);
      if (node.named && text.starts_with(kOnePrefix)) take(node, PatternNode::Kind::kOne, text, kOnePrefix);
      if (node.named && text.starts_with(kManyPrefix)) take(node, PatternNode::Kind::kMany, text, kManyPrefix);
      if (node.named && text.starts_with(kStatementPrefix)) {
        take(node, PatternNode::Kind::kStatement, text, kStatementPrefix);
      }
      return push(std::move(node));
    }
    std::vector<std::uint32_t> children;
    std::vector<std::uint32_t> named;
    for (const Index child : significant_children(tree_, inner)) {
      if (tree_[child].missing) continue;
      children.push_back(add(child));
      if (pattern_.nodes_[children.back()].named) named.push_back(children.back());
    }
    // A wrapper around nothing but a metavariable is that metavariable.
    if (named.size() == 1 && children.size() <= 2) {
      PatternNode& only = pattern_.nodes_[named.front()];
      const bool wraps_many =
          only.kind == PatternNode::Kind::kMany && (kind == "expression_statement" || kind == "parameter_declaration" ||
                                                    kind == "type_descriptor" || kind == "field_declaration");
      const bool wraps_statement = only.kind == PatternNode::Kind::kStatement && kind == "expression_statement";
      const bool wraps_type = only.kind == PatternNode::Kind::kOne && kind == "type_descriptor";
      const bool python_statement = only.kind == PatternNode::Kind::kOne && kind == "expression_statement" &&
                                    tree_.language() == Language::kPython;
      if (wraps_many || wraps_statement || wraps_type || python_statement) {
        if (python_statement) only.kind = PatternNode::Kind::kStatement;
        only.field = node.field;
        return named.front();
      }
    }
    node.children = std::move(children);
    return push(std::move(node));
  }

  void set_roots(const std::vector<Index>& roots) {
    for (const Index root : roots) pattern_.roots_.push_back(add(root));
    const PatternNode& first = pattern_.nodes_[pattern_.roots_.front()];
    if (first.kind == PatternNode::Kind::kBranch || first.kind == PatternNode::Kind::kLeaf) {
      pattern_.root_symbols_ = {first.symbol};
    }
  }

 private:
  void take(PatternNode& node, PatternNode::Kind kind, std::string_view text, std::string_view prefix) {
    node.kind = kind;
    node.text = std::string(text.substr(prefix.size()));
    if (node.text.starts_with('_')) node.text.clear();
  }

  std::uint32_t push(PatternNode node) {
    pattern_.nodes_.push_back(std::move(node));
    return static_cast<std::uint32_t>(pattern_.nodes_.size() - 1);
  }

  Pattern& pattern_;
  const FlatTree& tree_;
};

namespace {

// The outermost neighbours that lie within the range and cover it.
std::vector<Index> nodes_within(const FlatTree& tree, Range range) {
  std::vector<Index> result;
  Index at = 0;
  while (at < tree.size()) {
    const FlatNode& node = tree[at];
    const bool inside = range.begin <= node.begin_byte && node.end_byte <= range.end;
    if (inside && node.end_byte > node.begin_byte) {
      if (node.named && !node.comment) result.push_back(at);
      at = node.end;
    } else if (node.end_byte <= range.begin || node.begin_byte >= range.end) {
      at = node.end;
    } else {
      ++at;
    }
  }
  return result;
}

class Matching {
 public:
  Matching(const std::vector<PatternNode>& nodes, const FlatTree& tree, Captures& captures)
      : nodes_(nodes), tree_(tree), captures_(captures) {}

  bool node(std::uint32_t pattern, Index target, bool root) {
    const PatternNode& wanted = nodes_[pattern];
    if (!root && wanted.field != tree_[target].field && !is_statement_list(target)) return false;
    switch (wanted.kind) {
      case PatternNode::Kind::kMany:
        return bind(wanted.text, {target});
      case PatternNode::Kind::kStatement:
        return tree_[target].named && !is_never_one(tree_.kind(target)) && bind(wanted.text, {target});
      case PatternNode::Kind::kOne:
        if (!root) target = plain_type(tree_, strip_parentheses(tree_, target));
        return tree_[target].named && !is_never_one(tree_.kind(target)) && bind(wanted.text, {target});
      case PatternNode::Kind::kLeaf:
        if (!root) target = strip_parentheses(tree_, target);
        return wanted.symbol == tree_[target].symbol && !tree_.has_children(target) &&
               (!wanted.named || same_leaf(tree_.kind(target), wanted.text, tree_.text(target)));
      case PatternNode::Kind::kBranch:
        break;
    }
    if (!root) target = strip_parentheses(tree_, target);
    if (wanted.symbol == tree_[target].symbol) {
      if (!tree_.has_children(target)) return false;
      return list(wanted.children, 0, significant_children(tree_, target), 0, nullptr);
    }
    if (root || !is_c_like(tree_.language())) return false;
    return without_braces(wanted, target) || through_braces(pattern, target);
  }

  // Matches patterns[p..] against targets[t..]. With `end`, targets may remain, and the number used is stored.
  bool list(const std::vector<std::uint32_t>& patterns, std::size_t p, const std::vector<Index>& targets, std::size_t t,
            std::size_t* end) {
    if (p == patterns.size()) {
      if (end != nullptr) *end = t;
      return end != nullptr || t == targets.size();
    }
    const PatternNode& wanted = nodes_[patterns[p]];
    const std::size_t mark = captures_.mark();
    if (wanted.kind == PatternNode::Kind::kMany) {
      for (std::size_t count = 0; t + count <= targets.size(); ++count) {
        if (count > 0 && !tree_[targets[t + count - 1]].named) break;  // brackets and keywords end a list
        const std::vector<Index> taken(targets.begin() + static_cast<std::ptrdiff_t>(t),
                                       targets.begin() + static_cast<std::ptrdiff_t>(t + count));
        if (bind(wanted.text, taken) && list(patterns, p + 1, targets, t + count, end)) return true;
        captures_.rollback(mark);
      }
      return false;
    }
    if (t < targets.size() && node(patterns[p], targets[t], false) && list(patterns, p + 1, targets, t + 1, end)) {
      return true;
    }
    captures_.rollback(mark);
    return false;
  }

 private:
  bool is_statement_list(Index target) const {
    // `else` branches and bodies of C: a statement may stand where the pattern has a block, under the same field.
    return tree_[target].field == 0;
  }

  bool is_kind(TSSymbol symbol, std::string_view kind) const {
    return symbol == FlatTree::symbol_of(tree_.language(), kind);
  }

  // Pattern `{ statements }` against a body without braces.
  bool without_braces(const PatternNode& wanted, Index target) {
    if (!is_kind(wanted.symbol, "compound_statement") || tree_[target].field == 0) return false;
    const std::string_view kind = tree_.kind(target);
    if (!kind.ends_with("_statement")) return false;
    std::vector<std::uint32_t> inner;
    for (const std::uint32_t child : wanted.children) {
      if (nodes_[child].named) inner.push_back(child);
    }
    if (inner.size() == 1 && nodes_[inner.front()].kind != PatternNode::Kind::kMany) {
      return node(inner.front(), target, true);
    }
    return list(inner, 0, {target}, 0, nullptr);
  }

  // A pattern's single statement against `{ statement }`.
  bool through_braces(std::uint32_t pattern, Index target) {
    if (tree_.kind(target) != "compound_statement" || tree_[target].field == 0) return false;
    const std::vector<Index> inner = tree_.children(target);
    if (inner.size() != 1 || tree_.kind(inner.front()) == "declaration") return false;
    return node(pattern, inner.front(), true);
  }

  bool bind(const std::string& name, const std::vector<Index>& targets) {
    if (name.empty()) return true;
    const std::vector<Index>* bound = captures_.find(name);
    if (bound == nullptr) {
      captures_.bind(name, targets);
      return true;
    }
    return std::equal(bound->begin(), bound->end(), targets.begin(), targets.end(),
                      [this](Index a, Index b) { return same_code(tree_, a, b); });
  }

  const std::vector<PatternNode>& nodes_;
  const FlatTree& tree_;
  Captures& captures_;
};

}  // namespace

Pattern Pattern::compile(Language language, std::string_view text, std::string_view context,
                         std::string_view selector) {
  Pattern pattern;
  std::optional<PatternSource> source = parse_pattern(language, context.empty() ? text : context);
  if (!source) {
    throw Error("code::Pattern", "this does not parse as " + std::string(language_name(language)) + ": " +
                                     trimmed(context.empty() ? text : context));
  }
  const FlatTree tree(source->tree);
  std::vector<Index> roots;
  if (selector.empty()) {
    roots = nodes_within(tree, source->range);
    // Statements of one expression are that expression, when written without a semicolon.
    if (roots.size() == 1) {
      const std::string_view kind = tree.kind(roots.front());
      const bool python = language == Language::kPython && (kind == "module" || kind == "expression_statement");
      Index root = roots.front();
      if (python) {
        while (tree.kind(root) == "module" || tree.kind(root) == "expression_statement") {
          const std::vector<Index> inner = tree.children(root);
          if (inner.size() != 1) break;
          root = inner.front();
        }
        roots = tree.kind(root) == "module" ? tree.children(root) : std::vector<Index>{root};
      }
    }
  } else {
    const TSSymbol wanted = FlatTree::symbol_of(language, selector);
    for (const Index at : tree.with_symbol(wanted)) {
      if (!Range(source->range).contains(tree.range(at))) continue;
      roots = {at};
      break;
    }
    if (roots.empty()) {
      throw Error("code::Pattern", "the context holds no " + std::string(selector) + ": " + trimmed(context));
    }
  }
  if (roots.empty()) throw Error("code::Pattern", "the pattern is empty: " + trimmed(text));
  PatternCompiler compiler(pattern, tree);
  compiler.set_roots(roots);
  return pattern;
}

std::optional<Span> Pattern::match(const FlatTree& tree, Index index, Captures& captures) const {
  if (index >= tree.size()) return std::nullopt;
  Matching matching(nodes_, tree, captures);
  const std::size_t mark = captures.mark();
  if (roots_.size() == 1) {
    if (matching.node(roots_.front(), index, true)) return Span{index, index};
    captures.rollback(mark);
    return std::nullopt;
  }
  if (!root_symbols_.empty() && tree[index].symbol != root_symbols_.front()) return std::nullopt;
  std::vector<Index> neighbours;
  const Index parent = tree[index].parent;
  const Index end = parent == kNoIndex ? tree[index].end : tree[parent].end;
  for (Index at = index; at < end; at = tree[at].end) {
    if (!is_skipped(tree, at)) neighbours.push_back(at);
  }
  std::size_t used = 0;
  if (!matching.list(roots_, 0, neighbours, 0, &used) || used == 0) {
    captures.rollback(mark);
    return std::nullopt;
  }
  return Span{index, neighbours[used - 1]};
}

std::vector<std::string> Pattern::variables() const {
  std::vector<std::string> names;
  for (const PatternNode& node : nodes_) {
    const bool variable = node.kind != PatternNode::Kind::kBranch && node.kind != PatternNode::Kind::kLeaf;
    if (variable && !node.text.empty() && std::find(names.begin(), names.end(), node.text) == names.end()) {
      names.push_back(node.text);
    }
  }
  return names;
}

}  // namespace jarvis2::code
