#include "edit/rule_fix.h"

#include <algorithm>
#include <cctype>
#include <regex>

#include "code/pattern.h"
#include "edit/rule_precedence.h"

namespace jarvis2::edit {
namespace {

using code::FlatTree;
using code::Index;
using code::kNoIndex;
using code::Language;
using code::Range;

constexpr std::size_t kLongestInMessage = 60;

struct Occurrence {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string name;
  bool many = false;
};

// "$X" and "$$$XS" in a template, in order.
std::vector<Occurrence> occurrences(const std::string& text) {
  std::vector<Occurrence> found;
  for (std::size_t i = 0; i < text.size();) {
    const bool many = text.compare(i, 3, "$$$") == 0;
    const std::size_t name_at = i + (many ? 3 : 1);
    std::size_t end = name_at;
    while (end < text.size() && ((text[end] >= 'A' && text[end] <= 'Z') || text[end] == '_' ||
                                 (end > name_at && text[end] >= '0' && text[end] <= '9'))) {
      ++end;
    }
    if (text[i] != '$' || end == name_at) {
      ++i;
      continue;
    }
    found.push_back({i, end, text.substr(name_at, end - name_at), many});
    i = end;
  }
  return found;
}

bool is_bracket(std::string_view kind) {
  return kind == "argument_list" || kind == "list" || kind == "tuple" || kind == "dictionary" || kind == "set" ||
         kind == "subscript" || kind == "parenthesized_expression" || kind == "list_comprehension" ||
         kind == "set_comprehension" || kind == "dictionary_comprehension" || kind == "generator_expression";
}

bool is_statement_kind(std::string_view kind) {
  return kind.ends_with("_statement") || kind.ends_with("_definition") || kind == "declaration" ||
         kind == "for_range_loop" || kind == "block" || kind == "module" || kind == "translation_unit" ||
         kind.ends_with("_clause") || kind == "assignment" || kind == "augmented_assignment" ||
         kind == "parameter_declaration" || kind.starts_with("preproc_") || kind == "field_declaration";
}

std::string indentation_at(const std::string& text, std::size_t byte) {
  std::size_t line = byte;
  while (line > 0 && text[line - 1] != '\n') --line;
  std::size_t end = line;
  while (end < text.size() && (text[end] == ' ' || text[end] == '\t')) ++end;
  return text.substr(line, end - line);
}

bool first_on_line(const std::string& text, std::size_t byte) {
  while (byte > 0 && (text[byte - 1] == ' ' || text[byte - 1] == '\t')) --byte;
  return byte == 0 || text[byte - 1] == '\n';
}

// Nothing but blanks or a comment after `byte` on its line.
bool last_on_line(const std::string& text, std::size_t byte) {
  while (byte < text.size() && (text[byte] == ' ' || text[byte] == '\t' || text[byte] == '\r')) ++byte;
  return byte >= text.size() || text[byte] == '\n' || text[byte] == '#' || text.compare(byte, 2, "//") == 0;
}

// One level of indentation as the file writes it.
std::string indentation_unit(const FlatTree& tree) {
  const bool python = tree.language() == Language::kPython;
  const std::string& text = tree.tree().text();
  const TSSymbol block = FlatTree::symbol_of(tree.language(), python ? "block" : "compound_statement");
  for (const Index index : tree.with_symbol(block)) {
    const std::vector<Index> inner = tree.children(index);
    if (inner.empty()) continue;
    const std::size_t first = tree[inner.front()].begin_byte;
    const Index owner = python ? tree[index].parent : index;
    if (owner == kNoIndex || !first_on_line(text, first)) continue;
    const std::string outer = indentation_at(text, tree[owner].begin_byte);
    const std::string indented = indentation_at(text, first);
    if (indented.size() > outer.size() && indented.starts_with(outer)) return indented.substr(outer.size());
  }
  return python ? "    " : "  ";
}

// Spaces of one level in a template: the least indentation that occurs.
std::size_t template_unit(const std::string& text) {
  std::size_t least = 0;
  for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1)) {
    std::size_t end = at + 1;
    while (end < text.size() && text[end] == ' ') ++end;
    const std::size_t count = end - at - 1;
    if (count > 0 && end < text.size() && text[end] != '\n' && (least == 0 || count < least)) least = count;
  }
  return least == 0 ? 4 : least;
}

std::string line_end(const std::string& text) {
  const std::size_t at = text.find('\n');
  return at != std::string::npos && at > 0 && text[at - 1] == '\r' ? "\r\n" : "\n";
}

class Renderer {
 public:
  Renderer(const Rule& rule, const CompiledRule& compiled, const ConditionContext& context)
      : rule_(rule),
        compiled_(compiled),
        context_(context),
        tree_(context.tree),
        text_(context.tree.tree().text()),
        used_(context.carried) {}

  std::vector<Change> changes() {
    std::vector<Change> result;
    for (std::size_t i = 0; i < rule_.fixes.size(); ++i) {
      std::optional<Change> change = part(rule_.fixes[i], compiled_.templates[i]);
      if (failed_) return {};
      if (change) result.push_back(std::move(*change));
    }
    if (loses_comment(result)) return {};
    return result;
  }

 private:
  std::optional<Change> part(const FixPart& fix, const FixTemplate& form) {
    switch (fix.place) {
      case FixPlace::kReplace:
        return replace(fix, form);
      case FixPlace::kImport:
      case FixPlace::kInclude:
        return top_line(fix, form);
      case FixPlace::kFunctionTop:
        return function_top(form);
      case FixPlace::kBeforeToplevel:
      case FixPlace::kBeforeStatement:
      case FixPlace::kBeforeLoop:
      case FixPlace::kAfterStatement:
        return beside_statement(fix, form);
    }
    return std::nullopt;
  }

  std::optional<Change> replace(const FixPart& fix, const FixTemplate& form) {
    Index first = context_.span.first;
    Range range = context_.range();
    if (!fix.variable.empty()) {
      const std::string name = fix.variable.substr(fix.variable.find_last_of('$') + 1);
      const std::vector<Index>* nodes = context_.captures.find(name);
      if (nodes == nullptr || nodes->empty()) return fail();
      first = nodes->front();
      range = context_.capture_range(name);
      // The parentheses around an expression go with it.
      while (nodes->size() == 1 && tree_.kind(tree_[first].parent) == "parenthesized_expression") {
        const Index outer = tree_[tree_[first].parent].parent;
        if (tree_.language() != Language::kPython && is_statement_kind(tree_.kind(outer))) break;
        first = tree_[first].parent;
        range = tree_.range(first);
      }
    }
    const bool statement = !form.expression || is_statement_kind(tree_.kind(first));
    std::string out = render(form, indentation_at(text_, range.begin));
    if (failed_) return std::nullopt;
    if (out.empty()) return remove_statement(range);
    if (statement && out.find('\n') != std::string::npos) {
      if (!first_on_line(text_, range.begin) || !last_on_line(text_, range.end) || !in_statement_list(first)) {
        return fail();
      }
    }
    if (form.expression && !is_statement_kind(tree_.kind(first))) {
      const int needed = required_precedence(tree_, first);
      int have = form.precedence;
      if (!form.root.empty()) {
        const Index only = context_.captures.one(form.root);
        have = only == kNoIndex ? 20 : precedence_of(tree_, only);
        if (only != kNoIndex && out.starts_with('(') && have < needed && rendered_with_parentheses(only, out))
          have = 20;
      }
      if (have < needed) out = "(" + out + ")";
      if (!fits_in_format_string(first, range, out)) return fail();
    }
    out = separated(range, out);
    return Change{context_.file.path, range, out};
  }

  bool rendered_with_parentheses(Index only, const std::string& out) const {
    return out.size() == tree_.text(only).size() + 2;
  }

  // `return(x)` becomes `return y`, not `returny`.
  std::string separated(Range range, std::string out) const {
    const auto word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
    if (!out.empty() && range.begin > 0 && word(out.front()) && word(text_[range.begin - 1])) out = " " + out;
    if (!out.empty() && range.end < text_.size() && word(out.back()) && word(text_[range.end])) out += " ";
    return out;
  }

  // Quotes and backslashes inside an f-string's braces are errors before Python 3.12.
  bool fits_in_format_string(Index at, Range range, const std::string& out) const {
    if (tree_.language() != Language::kPython) return true;
    for (Index up = tree_[at].parent; up != kNoIndex; up = tree_[up].parent) {
      if (tree_.kind(up) == "interpolation") {
        const std::string_view old = std::string_view(text_).substr(range.begin, range.size());
        return out.find_first_of("\"'\\\n") == std::string::npos || out == old;
      }
    }
    return true;
  }

  bool in_statement_list(Index statement) const {
    const Index parent = tree_[statement].parent;
    if (parent == kNoIndex) return true;
    std::string_view kind = tree_.kind(parent);
    // `x = []` is an assignment inside an expression statement.
    if (kind == "expression_statement") kind = tree_.kind(tree_[parent].parent);
    return kind == "block" || kind == "module" || kind == "compound_statement" || kind == "translation_unit" ||
           kind == "case_statement" || kind == "declaration_list" || kind == "field_declaration_list" ||
           kind.starts_with("preproc_");
  }

  std::optional<Change> remove_statement(Range range) {
    if (!first_on_line(text_, range.begin) || !last_on_line(text_, range.end)) return fail();
    std::uint32_t begin = range.begin;
    while (begin > 0 && text_[begin - 1] != '\n') --begin;
    std::uint32_t end = range.end;
    while (end < text_.size() && (text_[end] == ' ' || text_[end] == '\t' || text_[end] == '\r')) ++end;
    if (end < text_.size() && text_[end] != '\n') return fail();  // a comment follows
    if (end < text_.size()) ++end;
    return Change{context_.file.path, {begin, end}, ""};
  }

  std::optional<Change> beside_statement(const FixPart& fix, const FixTemplate& form) {
    Index statement = fix.place == FixPlace::kAfterStatement ? context_.span.last : context_.span.first;
    if (fix.place == FixPlace::kBeforeLoop) {
      statement = enclosing_loop(statement);
      if (statement == kNoIndex) return fail();
    }
    if (fix.place == FixPlace::kBeforeToplevel) {
      while (tree_[statement].parent != kNoIndex && tree_[tree_[statement].parent].parent != kNoIndex) {
        statement = tree_[statement].parent;
      }
    }
    while (statement != kNoIndex && !in_statement_list(statement)) statement = tree_[statement].parent;
    if (statement == kNoIndex) return fail();
    if (tree_.kind(tree_[statement].parent) == "expression_statement") statement = tree_[statement].parent;
    const FlatNode& node = tree_[statement];
    if (!first_on_line(text_, node.begin_byte)) return fail();
    const std::string indentation = indentation_at(text_, node.begin_byte);
    const std::string out = render(form, indentation);
    if (failed_) return std::nullopt;
    if (fix.place == FixPlace::kAfterStatement) {
      if (!last_on_line(text_, node.end_byte)) return fail();
      std::uint32_t end = node.end_byte;
      while (end < text_.size() && text_[end] != '\n') ++end;
      const std::string before = end < text_.size() ? "" : line_end(text_);
      if (end < text_.size()) ++end;
      return Change{context_.file.path, {end, end}, before + indentation + out + line_end(text_)};
    }
    const bool definition = fix.place == FixPlace::kBeforeToplevel && is_statement_kind(tree_.kind(statement)) &&
                            tree_.kind(statement).ends_with("_definition");
    const std::string gap = definition ? line_end(text_) + line_end(text_) : "";
    return Change{context_.file.path, {node.begin_byte, node.begin_byte}, out + line_end(text_) + gap + indentation};
  }

  Index enclosing_loop(Index at) const {
    for (Index up = at; up != kNoIndex; up = tree_[up].parent) {
      const std::string_view kind = tree_.kind(up);
      if (kind == "for_statement" || kind == "while_statement" || kind == "do_statement" || kind == "for_range_loop") {
        return up;
      }
      if (kind == "function_definition" || kind == "lambda" || kind == "lambda_expression") break;
    }
    return kNoIndex;
  }

  std::optional<Change> function_top(const FixTemplate& form) {
    Index function = tree_[context_.span.first].parent;
    while (function != kNoIndex && tree_.kind(function) != "function_definition") function = tree_[function].parent;
    const Index body = function == kNoIndex ? kNoIndex : tree_.child(function, "body");
    if (body == kNoIndex) return fail();
    std::vector<Index> statements = tree_.children(body);
    if (!statements.empty() && tree_.kind(statements.front()) == "expression_statement" && statements.size() > 1) {
      const std::vector<Index> inner = tree_.children(statements.front());
      if (inner.size() == 1 && tree_.kind(inner.front()) == "string") statements.erase(statements.begin());
    }
    if (statements.empty() || !first_on_line(text_, tree_[statements.front()].begin_byte)) return fail();
    const std::uint32_t at = tree_[statements.front()].begin_byte;
    const std::string indentation = indentation_at(text_, at);
    const std::string out = render(form, indentation);
    return Change{context_.file.path, {at, at}, out + line_end(text_) + indentation};
  }

  // An import or include line, unless the file has it.
  std::optional<Change> top_line(const FixPart& fix, const FixTemplate& form) {
    const std::string line = render(form, "");
    if (failed_) return std::nullopt;
    const std::vector<Index> statements = tree_.children(0);
    std::uint32_t at = 0;
    bool found = false;
    for (const Index statement : statements) {
      std::string_view have = tree_.text(statement);
      while (!have.empty() && (have.back() == '\n' || have.back() == '\r')) have.remove_suffix(1);
      if (have == line) return std::nullopt;
      const std::string_view kind = tree_.kind(statement);
      const bool import =
          fix.place == FixPlace::kInclude
              ? kind == "preproc_include"
              : kind == "import_statement" || kind == "import_from_statement" || kind == "future_import_statement";
      const bool docstring = !found && fix.place == FixPlace::kImport && statement == statements.front() &&
                             kind == "expression_statement" && tree_.has_children(statement) &&
                             tree_.kind(tree_.children(statement).front()) == "string";
      if (import || docstring) {
        at = end_of_line(tree_[statement].end_byte);
        found = true;
      } else if (fix.place == FixPlace::kImport) {
        break;  // only the block of imports at the top
      }
    }
    if (!found) {
      at = statements.empty() ? 0 : tree_[statements.front()].begin_byte;
      if (at > 0 && !first_on_line(text_, at)) return fail();
    }
    if (fix.place == FixPlace::kImport) {
      if (already_imported(line)) return std::nullopt;
      if (import_name_taken(line)) return fail();
    }
    const bool at_end_without_newline = at > 0 && text_[at - 1] != '\n';
    return Change{
        context_.file.path, {at, at}, (at_end_without_newline ? line_end(text_) : "") + line + line_end(text_)};
  }

  std::uint32_t end_of_line(std::uint32_t byte) const {
    if (byte > 0 && text_[byte - 1] == '\n') return byte;
    while (byte < text_.size() && text_[byte] != '\n') ++byte;
    return byte < text_.size() ? byte + 1 : byte;
  }

  // "import math" where the file says "import os, math".
  bool already_imported(const std::string& line) const {
    std::smatch parts;
    if (!std::regex_match(line, parts, std::regex(R"((?:from (\S+) )?import (\S+))"))) return false;
    const std::string module = parts[1].matched ? parts[1].str() : parts[2].str();
    const std::string item = parts[1].matched ? parts[2].str() : "";
    const code::PythonFacts& facts = context_.python();
    const auto found = facts.imports().find(parts[2].str());
    const code::PythonBinding* binding = facts.lookup(0, parts[2].str());
    return found != facts.imports().end() && found->second.module == module && found->second.name == item &&
           binding != nullptr && binding->imported && binding->stores.size() == 1;
  }

  // The name that the import would bind is used for something else somewhere in the file.
  bool import_name_taken(const std::string& line) const {
    const std::size_t last = line.find_last_of(" .");
    const std::string name = line.substr(last == std::string::npos ? 0 : last + 1);
    const TSSymbol identifier = FlatTree::symbol_of(tree_.language(), "identifier");
    for (const Index at : tree_.with_symbol(identifier)) {
      if (tree_.text(at) != name) continue;
      const Index parent = tree_[at].parent;
      const bool attribute =
          tree_.kind(parent) == "attribute" && tree_[at].field == FlatTree::field_of(tree_.language(), "attribute");
      if (!attribute) return true;
    }
    return false;
  }

  // The template with variables filled in; further lines start with `indentation` plus the template's own.
  std::string render(const FixTemplate& form, const std::string& indentation) {
    std::string literal;
    for (const FixPiece& piece : form.pieces) literal += piece.variable.empty() ? piece.literal : "$";
    const std::size_t unit = template_unit(literal);
    const std::string file_unit = indentation_unit(tree_);
    const std::string end = line_end(text_);
    std::string out;
    std::string current = indentation;  // of the output line
    for (std::size_t i = 0; i < form.pieces.size(); ++i) {
      const FixPiece& piece = form.pieces[i];
      if (!piece.variable.empty()) {
        const std::string value = variable_text(piece, current);
        if (failed_) return {};
        if (value.empty() && piece.many) drop_comma(out);
        out += value;
        continue;
      }
      for (std::size_t at = 0; at < piece.literal.size();) {
        const char c = piece.literal[at++];
        if (c != '\n') {
          out += c;
          continue;
        }
        std::size_t spaces = 0;
        while (at < piece.literal.size() && piece.literal[at] == ' ') ++spaces, ++at;
        const bool blank = at < piece.literal.size() && piece.literal[at] == '\n';
        current = indentation;
        for (std::size_t level = 0; level < spaces / unit; ++level) current += file_unit;
        current += std::string(spaces % unit, ' ');
        out += end;
        if (!blank) out += current;
      }
    }
    return out;
  }

  static void drop_comma(std::string& out) {
    const std::size_t last = out.find_last_not_of(' ');
    if (last != std::string::npos && out[last] == ',') out.resize(last);
  }

  std::string variable_text(const FixPiece& piece, const std::string& indentation) {
    const auto made = context_.texts.find(piece.variable);
    if (made != context_.texts.end()) return made->second;
    if (piece.variable == "MATCH") return reindented(context_.range(), indentation);
    const std::vector<Index>* nodes = context_.captures.find(piece.variable);
    if (nodes == nullptr) {
      failed_ = true;
      return {};
    }
    if (nodes->empty()) return {};
    Range range{tree_[nodes->front()].begin_byte, tree_[nodes->back()].end_byte};
    if (piece.many) range = with_comments(tree_, *nodes, context_.range());
    used_.push_back(range);
    std::string value = reindented(range, indentation);
    if (nodes->size() > 1 || piece.many) return value;
    const int have = precedence_of(tree_, nodes->front());
    const bool breaks = tree_.language() == Language::kPython && !piece.bracketed && have < 20 &&
                        value.find('\n') != std::string::npos && !is_statement_kind(tree_.kind(nodes->front()));
    if (have < piece.required || breaks) value = "(" + value + ")";
    return value;
  }

  // Source text whose further lines are moved from their own indentation to `indentation`; strings stay as they are.
  std::string reindented(Range range, const std::string& indentation) const {
    const std::string from = indentation_at(text_, range.begin);
    std::string out;
    for (std::uint32_t at = range.begin; at < range.end;) {
      const std::size_t newline = text_.find('\n', at);
      if (newline == std::string::npos || newline + 1 >= range.end) {
        out.append(text_, at, range.end - at);
        break;
      }
      const std::uint32_t next = static_cast<std::uint32_t>(newline + 1);
      out.append(text_, at, next - at);
      at = next;
      if (in_string(next)) continue;
      if (text_.compare(next, from.size(), from) == 0 && next + from.size() <= range.end) {
        out += indentation;
        at = static_cast<std::uint32_t>(next + from.size());
        if (at < range.end && (text_[at] == '\n' || text_[at] == '\r')) out.resize(out.size() - indentation.size());
      }
    }
    return out;
  }

  bool in_string(std::uint32_t byte) const {
    for (code::Node node = tree_.tree().at({byte, byte}); node; node = node.parent()) {
      const std::string_view kind = node.kind();
      if ((kind == "string" || kind == "string_literal" || kind == "raw_string_literal") && node.range().begin < byte &&
          byte < node.range().end) {
        return true;
      }
      if (is_statement_kind(kind)) return false;
    }
    return false;
  }

  // A comment that would be replaced and that no inserted capture carries along.
  bool loses_comment(const std::vector<Change>& changes) const {
    const TSSymbol comment = FlatTree::symbol_of(tree_.language(), "comment");
    for (const Index at : tree_.with_symbol(comment)) {
      const Range range = tree_.range(at);
      const auto holds = [&](const Range& outer) { return outer.contains(range); };
      const auto replaces = [&](const Change& change) { return change.range.contains(range); };
      if (std::any_of(changes.begin(), changes.end(), replaces) && std::none_of(used_.begin(), used_.end(), holds)) {
        return true;
      }
    }
    return false;
  }

  std::nullopt_t fail() {
    failed_ = true;
    return std::nullopt;
  }

  using FlatNode = code::FlatNode;
  const Rule& rule_;
  const CompiledRule& compiled_;
  const ConditionContext& context_;
  const FlatTree& tree_;
  const std::string& text_;
  std::vector<Range> used_;
  bool failed_ = false;
};

}  // namespace

FixTemplate compile_fix(code::Language language, const std::string& raw) {
  std::string text = raw;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  FixTemplate form;
  const std::optional<code::PatternSource> source = code::parse_pattern(language, text);
  std::optional<FlatTree> tree;
  std::vector<Index> leaves;  // placeholders in order
  if (source) {
    tree.emplace(source->tree);
    for (Index at = 0; at < tree->size(); ++at) {
      if (tree->has_children(at) || !(*tree)[at].named) continue;
      if (!code::metavariable_of(tree->text(at)).empty()) leaves.push_back(at);
    }
    const code::Node whole = source->tree->at(source->range);
    Index root = tree->find(whole);
    if (language == Language::kPython) {
      while (tree->kind(root) == "module" || tree->kind(root) == "expression_statement") {
        const std::vector<Index> inner = tree->children(root);
        if (inner.size() != 1) break;
        root = inner.front();
      }
    }
    if (root != kNoIndex && Range(source->range).contains(tree->range(root)) && !is_statement_kind(tree->kind(root)) &&
        tree->kind(root) != "module") {
      form.expression = true;
      form.precedence = precedence_of(*tree, root);
      const std::string name = tree->has_children(root) ? "" : code::metavariable_of(tree->text(root));
      if (!name.empty()) form.root = name.substr(name.find_last_of('$') + 1);
    }
  }
  std::size_t at = 0;
  std::size_t leaf = 0;
  for (const Occurrence& occurrence : occurrences(text)) {
    if (occurrence.begin > at) form.pieces.push_back({text.substr(at, occurrence.begin - at), "", false, 0, false});
    FixPiece piece{"", occurrence.name, occurrence.many, 0, false};
    // Variables inside of plain strings have no leaf.
    if (tree && leaf < leaves.size()) {
      const std::string name = code::metavariable_of(tree->text(leaves[leaf]));
      if (name == (occurrence.many ? "$$$" : "$") + occurrence.name) {
        piece.required = required_precedence(*tree, leaves[leaf]);
        for (Index up = (*tree)[leaves[leaf]].parent; up != kNoIndex; up = (*tree)[up].parent) {
          piece.bracketed = piece.bracketed || is_bracket(tree->kind(up));
        }
        if (form.expression && !form.root.empty()) piece.required = 0;
        ++leaf;
      }
    }
    form.pieces.push_back(std::move(piece));
    at = occurrence.end;
  }
  if (at < text.size()) form.pieces.push_back({text.substr(at), "", false, 0, false});
  return form;
}

Range with_comments(const FlatTree& tree, const std::vector<Index>& nodes, Range limit) {
  Range range{tree[nodes.front()].begin_byte, tree[nodes.back()].end_byte};
  const Index parent = tree[nodes.front()].parent;
  if (parent == kNoIndex) return range;
  const auto add_siblings = [&](Index around) {
    std::vector<Index> before;  // comments right before the nodes
    for (Index at = around + 1; at < tree[around].end; at = tree[at].end) {
      if (tree[at].end_byte <= range.begin) {
        if (tree[at].comment && limit.contains(tree.range(at))) {
          before.push_back(at);
        } else {
          before.clear();
        }
      } else if (tree[at].begin_byte >= range.end) {
        if (!tree[at].comment || !limit.contains(tree.range(at))) break;
        range.end = tree[at].end_byte;
      }
    }
    if (!before.empty()) range.begin = tree[before.front()].begin_byte;
  };
  add_siblings(parent);
  const Index outer = tree[parent].parent;
  if (tree.kind(parent) == "block" && outer != kNoIndex) add_siblings(outer);
  return range;
}

std::vector<Change> render_fix(const Rule& rule, const CompiledRule& compiled, const ConditionContext& context) {
  return Renderer(rule, compiled, context).changes();
}

std::string render_message(const std::string& text, const ConditionContext& context) {
  std::string out;
  std::size_t at = 0;
  for (const Occurrence& occurrence : occurrences(text)) {
    out.append(text, at, occurrence.begin - at);
    std::string value;
    if (const auto made = context.texts.find(occurrence.name); made != context.texts.end()) {
      value = made->second;
    } else {
      const Range range = context.capture_range(occurrence.name);
      bool blank = false;
      for (const char c : context.tree.tree().text().substr(range.begin, range.size())) {
        const bool space = std::isspace(static_cast<unsigned char>(c)) != 0;
        if (!space && blank && !value.empty()) value += ' ';
        if (!space) value += c;
        blank = space;
      }
    }
    if (value.size() > kLongestInMessage) {
      std::size_t cut = kLongestInMessage;
      while (cut > 0 && (static_cast<unsigned char>(value[cut]) & 0xC0u) == 0x80u) --cut;
      value = value.substr(0, cut) + "...";
    }
    out += value;
    at = occurrence.end;
  }
  return out + text.substr(at);
}

}  // namespace jarvis2::edit
