// Structural patterns: source text of the target language with metavariables.
//   $X      one named node; the same name again must be the same code
//   $_      one named node, whatever it is
//   $$$XS   any number of neighbouring nodes (arguments, statements, elements), as few as will do; $$$ without a name
// Comments, parentheses around expressions, trailing commas and the kind of quotes do not matter; in C and C++ neither
// do the braces around a single statement.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "code/pattern_tree.h"

namespace jarvis2::code {

// What metavariables stand for. Small, so a plain list.
class Captures {
 public:
  // The nodes of a variable; nullptr when unbound.
  const std::vector<Index>* find(std::string_view name) const;
  // The only node of a variable; kNoIndex when unbound or several.
  Index one(std::string_view name) const;
  void bind(std::string name, std::vector<Index> nodes) { list_.emplace_back(std::move(name), std::move(nodes)); }
  std::size_t mark() const { return list_.size(); }
  void rollback(std::size_t mark) { list_.resize(mark); }
  const std::vector<std::pair<std::string, std::vector<Index>>>& all() const { return list_; }

 private:
  std::vector<std::pair<std::string, std::vector<Index>>> list_;
};

// The nodes a pattern covers: one, or the first and last of several neighbours.
struct Span {
  Index first = kNoIndex;
  Index last = kNoIndex;
};

struct PatternNode {
  enum class Kind { kBranch, kLeaf, kOne, kMany, kStatement };
  Kind kind = Kind::kBranch;
  TSSymbol symbol = 0;
  TSFieldId field = 0;
  bool named = true;
  std::string text;  // of a leaf; the name of a metavariable, empty for $_ and $$$
  std::vector<std::uint32_t> children;
};

// A compiled pattern. Immutable, so usable from many threads.
class Pattern {
 public:
  // Throws Error when the text does not parse in the language. With `context` and `selector` the context is parsed and
  // its first node of kind `selector` is the pattern (for text that means something else, or nothing, on its own).
  static Pattern compile(Language language, std::string_view text, std::string_view context = {},
                         std::string_view selector = {});

  // Matches at `index`; binds variables in `captures`, which is unchanged when there is no match.
  std::optional<Span> match(const FlatTree& tree, Index index, Captures& captures) const;
  // Kinds that the first node of a match can have; empty: any.
  const std::vector<TSSymbol>& root_symbols() const { return root_symbols_; }
  std::vector<std::string> variables() const;
  const std::vector<PatternNode>& nodes() const { return nodes_; }

 private:
  friend class PatternCompiler;
  std::vector<PatternNode> nodes_;
  std::vector<std::uint32_t> roots_;  // neighbours, in order
  std::vector<TSSymbol> root_symbols_;
};

// Text with metavariables made parseable, and where it went. Shared by patterns and fixes.
struct PatternSource {
  std::shared_ptr<const Tree> tree;
  Range range;  // of the pattern's text in the tree
};
// Parses as an expression, as statements or at the top of a file, whichever fits; nullopt when nothing does.
std::optional<PatternSource> parse_pattern(Language language, std::string_view text);
// The name a placeholder identifier stands for: "$X", "$$$XS"; empty for other text.
std::string metavariable_of(std::string_view identifier);

// The node without the parentheses around it.
Index strip_parentheses(const FlatTree& tree, Index index);
// Same code apart from comments, parentheses and layout.
bool same_code(const FlatTree& tree, Index a, Index b);

}  // namespace jarvis2::code
