// Syntax trees: a thin, safe layer over tree-sitter.
#pragma once

#include <tree_sitter/api.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace jarvis2::code {

enum class Language { kNone, kPython, kC, kCpp, kRust, kGo, kJava, kJavaScript, kTypeScript, kTsx };

// By file name ("a/b.py" → kPython; ".h" → kCpp when `cpp_headers`); kNone when unknown.
Language language_of(std::string_view path, bool cpp_headers = false);
// "python", "c", "cpp", ...
std::string_view language_name(Language language);
Language language_from_name(std::string_view name);
const TSLanguage* grammar(Language language);

// A range of bytes, end exclusive.
struct Range {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::uint32_t size() const { return end - begin; }
  bool contains(const Range& other) const { return begin <= other.begin && other.end <= end; }
  bool overlaps(const Range& other) const { return begin < other.end && other.begin < end; }
  friend bool operator==(const Range&, const Range&) = default;
};

class Tree;

// A node of a tree; valid as long as the tree. Cheap to copy. A null node is falsy and answers emptily.
class Node {
 public:
  Node() = default;
  Node(TSNode node, const Tree* tree) : node_(node), tree_(tree) {}
  explicit operator bool() const { return tree_ != nullptr && !ts_node_is_null(node_); }
  std::string_view kind() const;
  bool is(std::string_view name) const { return kind() == name; }
  bool is_named() const;
  bool has_error() const;
  Range range() const;
  std::uint32_t line() const;    // 1-based
  std::uint32_t column() const;  // 1-based, in bytes
  std::uint32_t end_line() const;
  std::string_view text() const;
  Node parent() const;
  Node next_sibling() const;              // named
  Node previous_sibling() const;          // named
  std::uint32_t child_count() const;      // all
  Node child(std::uint32_t index) const;  // all
  std::uint32_t named_count() const;
  Node named(std::uint32_t index) const;
  std::vector<Node> children() const;       // named, comments left out
  Node field(std::string_view name) const;  // first child with this field name
  // The field's name of child `index` (all children); empty when none.
  std::string_view field_of_child(std::uint32_t index) const;
  // The nearest ancestor (this node not included) of one of these kinds.
  Node ancestor(std::initializer_list<std::string_view> kinds) const;
  const Tree& tree() const { return *tree_; }
  const void* id() const { return node_.id; }
  TSNode raw() const { return node_; }
  friend bool operator==(const Node& a, const Node& b) { return a.node_.id == b.node_.id && a.tree_ == b.tree_; }

 private:
  TSNode node_{};
  const Tree* tree_ = nullptr;
};

// A parsed file: owns text and tree. Immutable, so it may be read from many threads.
class Tree {
 public:
  // Parses; macros that stand for specifiers in C and C++ are passed over; text that is not valid UTF-8 parses with
  // ERROR nodes. Throws Error only where no grammar fits.
  static std::shared_ptr<const Tree> parse(Language language, std::string text);
  ~Tree();
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  Language language() const { return language_; }
  const std::string& text() const { return text_; }
  Node root() const;
  // The smallest named node that covers the range.
  Node at(Range range) const;
  std::uint32_t line_of(std::uint32_t byte) const;  // 1-based
  Range line_range(std::uint32_t line) const;       // without the line end

 private:
  Tree(Language language, std::string text);
  Language language_;
  std::string text_;
  TSTree* tree_ = nullptr;
  std::vector<std::uint32_t> line_starts_;
};

// Goes over the named nodes below one in source order; asking a node for its i-th child costs i steps each time.
class Walker {
 public:
  explicit Walker(Node top) : cursor_(ts_tree_cursor_new(top.raw())), tree_(&top.tree()) {}
  ~Walker() { ts_tree_cursor_delete(&cursor_); }
  Walker(const Walker&) = delete;
  Walker& operator=(const Walker&) = delete;
  Node node() const { return Node(ts_tree_cursor_current_node(&cursor_), tree_); }
  // To the first named child, the next named sibling, the parent; false where there is none (and stays).
  bool down() {
    if (!ts_tree_cursor_goto_first_child(&cursor_)) return false;
    if (node().is_named() || along()) return true;
    ts_tree_cursor_goto_parent(&cursor_);
    return false;
  }
  bool along() {
    while (ts_tree_cursor_goto_next_sibling(&cursor_)) {
      if (node().is_named()) return true;
    }
    return false;
  }
  void up() { ts_tree_cursor_goto_parent(&cursor_); }

 private:
  TSTreeCursor cursor_;
  const Tree* tree_;
};

// Calls `visit(child)` for the named children in source order.
template <typename Visit>
void each_named(Node node, Visit&& visit) {
  const std::uint32_t count = node.named_count();
  if (count <= 2) {
    for (std::uint32_t i = 0; i < count; ++i) visit(node.named(i));
    return;
  }
  Walker walker(node);
  for (bool more = walker.down(); more; more = walker.along()) visit(walker.node());
}

// Calls `visit(node)` for every named node in source order; children are left out where it returns false.
template <typename Visit>
void walk(Node node, Visit&& visit) {
  if (!node || !visit(node) || node.named_count() == 0) return;
  Walker walker(node);
  if (!walker.down()) return;
  for (int depth = 1;;) {
    if (visit(walker.node()) && walker.down()) {
      ++depth;
      continue;
    }
    while (!walker.along()) {
      walker.up();
      if (--depth == 0) return;
    }
  }
}

}  // namespace jarvis2::code
