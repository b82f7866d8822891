// What the Python transformations share: looking at a file with its facts, making edits that keep its layout.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "code/python_facts.h"
#include "edit/transformation.h"

namespace jarvis2::edit::python {

using code::NameSet;
using code::Node;
using code::PythonBinding;
using code::PythonClass;
using code::PythonEffects;
using code::PythonFacts;
using code::PythonFunction;
using code::PythonLoop;
using code::PythonScopeKind;
using code::PythonType;
using code::PythonWorld;
using code::Range;

// Replacements inside one text. Ranges must not overlap (insertions at one place keep their order).
class Edits {
 public:
  void replace(Range range, std::string text) { items_.push_back({range, std::move(text)}); }
  void replace(Node node, std::string text) { replace(node.range(), std::move(text)); }
  void insert(std::uint32_t at, std::string text) { replace(Range{at, at}, std::move(text)); }
  void remove(Range range) { replace(range, ""); }
  void add(const Edits& other) { items_.insert(items_.end(), other.items_.begin(), other.items_.end()); }
  bool empty() const { return items_.empty(); }
  bool overlaps(Range range) const;
  // False where two edits overlap.
  bool consistent() const;
  // `range` of `source` with the edits that lie in it.
  std::string apply(std::string_view source, Range range) const;
  std::vector<Change> changes(const std::string& path) const;

 private:
  struct Item {
    Range range;
    std::string text;
  };
  std::vector<Item> sorted() const;
  std::vector<Item> items_;
};

// One file under the eyes of one transformation.
class Context {
 public:
  Context(const code::Workspace& workspace, const code::SourceFile& file, const std::vector<Range>& ranges,
          std::string rule, Safety safety, double prior_ratio);

  const code::Workspace& workspace;
  const code::SourceFile& file;
  const std::shared_ptr<const PythonWorld> world;
  const PythonFacts& facts;
  std::vector<Proposal> proposals;

  const code::Tree& tree() const { return facts.tree(); }
  std::string_view source() const { return facts.tree().text(); }
  // The node lies in (or around) what was asked for.
  bool wanted(Node node) const;
  // Walks what was asked for, in source order; `visit` as for code::walk.
  template <typename Visit>
  void walk_wanted(Visit&& visit) const {
    code::walk(tree().root(), [&](Node node) { return wanted(node) && visit(node); });
  }
  // Keeps the proposal if its edits are consistent and the result parses without errors.
  void propose(std::string title, std::string note, Node site, const Edits& edits);
  void propose(std::string title, std::string note, Node site, std::vector<Change> changes);

 private:
  bool parses(const std::vector<Change>& changes) const;
  const std::vector<Range>& ranges_;
  std::string rule_;
  Safety safety_;
  double prior_ratio_;
};

std::unique_ptr<Transformation> make_transformation(std::string name, Safety safety, double prior_ratio,
                                                    void (*find)(Context&), bool composite = false);

// --- layout -------------------------------------------------------------------------------------------------------
std::string line_end(const code::Tree& tree);
std::string indent_unit(const code::Tree& tree);  // one step of indentation, as the file does it
std::uint32_t line_begin(std::string_view source, std::uint32_t at);
// The indentation of a statement that is first on its line; nullopt where something stands before it.
std::optional<std::string> indentation(Node statement);
// First on its line, and only a comment behind it.
bool alone_on_lines(Node statement);
// From the begin of its first line to the begin of the line after its last one.
Range whole_lines(Node statement);
// The statements of a block, comments left out. A body on the line of its header has no own indentation.
std::vector<Node> statements(Node block);
bool is_docstring(Node statement);
// Text of the lines from `first` to `last` (statements of one block) with `edits`, moved from the indentation of
// `first` to `indent`; ends with a line end. nullopt where a string or continuation would change by moving.
std::optional<std::string> moved_lines(Node first, Node last, const Edits& edits, std::string_view indent);
// The expression's text in parentheses where it would bind more loosely than a call argument's operand.
std::string parenthesised(Node expression, std::string text);
bool needs_parentheses(Node expression);
// The text of an expression on one line (line ends inside brackets become spaces); nullopt with comments or
// multi-line strings inside.
std::optional<std::string> on_one_line(std::string_view source, Node expression, const Edits& edits);

// --- names --------------------------------------------------------------------------------------------------------
// `hint` where it is used nowhere in the file, else hint_2, hint_3, ...; also not in `taken`, to which it is added.
std::string fresh_name(const PythonFacts& facts, std::string hint, NameSet& taken);
// "self.x.y[0]" → "x_y": words for a name.
std::string name_hint(Node expression);

// --- questions ----------------------------------------------------------------------------------------------------
// A literal that is immutable: number, string, None, True, False, minus number.
bool is_literal(Node expression);
// A literal, or a local name of this frame that nothing outside it stores, or a module constant bound once.
bool is_simple(const PythonFacts& facts, Node expression);
// Runs each time `ancestor` (a statement or block around it) runs through, as far as no exception or early exit
// intervenes: no branch, loop body that may be empty (`loops_count`: those are passed), boolean operand, nested
// function.
bool unconditional(const PythonFacts& facts, Node node, Node ancestor, bool loops_count);
bool contains_kind(Node region, std::initializer_list<std::string_view> kinds);
std::size_t count_nodes(Node region);
bool same_text(Node a, Node b);
// break or continue (`kind`) that belongs to the loop of this body.
bool leaves_loop(Node body, std::string_view kind);
// Adds an import line in front of the first import, behind docstring and __future__.
void add_import(const Context& context, std::string_view line, Edits& edits);
// Replaces an expression by a name, together with parentheses that are no longer needed.
void replace_operand(const Context& context, Node node, const std::string& text, Edits& edits);
// `x.y`, `x.y.z` with a plain name at the root.
bool is_attribute_chain(Node expression);
Node chain_root(Node expression);

}  // namespace jarvis2::edit::python
