// A syntax tree laid out flat, in preorder, so that structural matching walks arrays instead of cursors.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "code/syntax.h"

namespace jarvis2::code {

using Index = std::uint32_t;
inline constexpr Index kNoIndex = UINT32_MAX;

struct FlatNode {
  TSNode raw{};
  Index parent = kNoIndex;
  Index end = 0;  // one past the last descendant: the next sibling, if the parent's own end is beyond it
  std::uint32_t begin_byte = 0;
  std::uint32_t end_byte = 0;
  TSSymbol symbol = 0;
  TSFieldId field = 0;  // in the parent; 0: none
  bool named = false;
  bool comment = false;
  bool missing = false;  // made up by the parser's error recovery
};

// Immutable, so readable from many threads; keeps its tree alive.
class FlatTree {
 public:
  explicit FlatTree(std::shared_ptr<const Tree> tree);

  const Tree& tree() const { return *tree_; }
  Language language() const { return tree_->language(); }
  Index size() const { return static_cast<Index>(nodes_.size()); }
  const FlatNode& operator[](Index index) const { return nodes_[index]; }
  Node node(Index index) const { return index < size() ? Node(nodes_[index].raw, tree_.get()) : Node(); }
  std::string_view kind(Index index) const;
  std::string_view text(Index index) const;
  Range range(Index index) const { return {nodes_[index].begin_byte, nodes_[index].end_byte}; }
  // The place of a node of the same tree; kNoIndex for a null node.
  Index find(const Node& node) const;
  bool has_children(Index index) const { return nodes_[index].end > index + 1; }
  // The first child with this field name; kNoIndex when none.
  Index child(Index index, std::string_view field) const;
  // Named children without comments.
  std::vector<Index> children(Index index) const;
  // All nodes of a symbol, in source order.
  const std::vector<Index>& with_symbol(TSSymbol symbol) const;
  // Symbols and fields by name; 0 when the grammar has none of the name.
  static TSSymbol symbol_of(Language language, std::string_view kind);
  static TSFieldId field_of(Language language, std::string_view name);

 private:
  std::shared_ptr<const Tree> tree_;
  std::vector<FlatNode> nodes_;
  std::vector<std::vector<Index>> by_symbol_;
};

// The flat form of a tree, from a small shared cache. Thread-safe.
std::shared_ptr<const FlatTree> flatten(const std::shared_ptr<const Tree>& tree);

}  // namespace jarvis2::code
