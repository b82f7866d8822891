#include "edit/llm_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace jarvis2::edit {
namespace {

using code::Language;
using code::Node;
using code::Tree;

constexpr std::size_t kMaxCodeBytes = 64 << 10;

bool is_definition(Node node) {
  if (node.is("decorated_definition")) return is_definition(node.field("definition"));
  if (node.is("template_declaration")) {
    return node.named_count() > 0 && is_definition(node.named(node.named_count() - 1));
  }
  return node.is("function_definition");
}

// The definition itself, inside decorators and template heads.
Node undecorated(Node node) {
  if (node.is("decorated_definition")) return undecorated(node.field("definition"));
  if (node.is("template_declaration") && node.named_count() > 0) return undecorated(node.named(node.named_count() - 1));
  return node;
}

bool is_string(Node node) {
  return node.is("string") || node.is("string_literal") || node.is("raw_string_literal") || node.is("char_literal") ||
         node.is("concatenated_string");
}

// Calls `visit` for every node, tokens included, in source order; children are left out where it returns false.
template <typename Visit>
void walk_all(Node node, Visit&& visit) {
  if (!node || !visit(node)) return;
  for (std::uint32_t i = 0, n = node.child_count(); i < n; ++i) walk_all(node.child(i), visit);
}

// Lines (0-based) whose start lies inside a string: their white space is data.
std::vector<bool> data_lines(Language language, const std::string& text) {
  const std::shared_ptr<const Tree> tree = Tree::parse(language, text);
  std::vector<bool> data(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1, false);
  code::walk(tree->root(), [&](Node node) {
    if (!is_string(node)) return true;
    for (std::uint32_t line = node.line(); line < node.end_line(); ++line) {
      if (line < data.size()) data[line] = true;
    }
    return false;
  });
  return data;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t at = 0;
  for (std::size_t end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    lines.push_back(text.substr(at, end - at));
  }
  lines.push_back(text.substr(at));
  return lines;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (std::size_t i = 0; i < lines.size(); ++i) text += (i == 0 ? "" : "\n") + lines[i];
  return text;
}

bool is_docstring(Node node) {
  if (!node.is("expression_statement") || node.named_count() != 1 || !node.named(0).is("string")) return false;
  const Node parent = node.parent();
  return parent.is("block") && parent.named_count() > 0 && parent.named(0) == node && parent.parent() &&
         parent.parent().is("function_definition");
}

void append(Node node, bool head_only, std::string& out) {
  const Node stop = head_only ? undecorated(node).field("body") : Node();
  const auto visit = [&](Node at, const auto& self) -> void {
    if (at.is("comment") || (head_only && at == stop) || (!head_only && is_docstring(at))) return;
    if (at.child_count() == 0 || is_string(at)) {
      out += at.text();
      out += '\x1f';
      return;
    }
    out += '(';
    if (!head_only) out += at.kind();
    for (std::uint32_t i = 0, n = at.child_count(); i < n; ++i) self(at.child(i), self);
    out += ')';
  };
  visit(node, visit);
}

std::string head_of(Node definition) {
  std::string out;
  append(definition, true, out);
  return out;
}

struct Blocks {
  std::vector<std::string> code;
  std::string problem;
};

// The fenced blocks of an answer.
Blocks fenced_blocks(std::string answer) {
  if (!is_valid_utf8(answer)) return {{}, "not UTF-8"};
  if (answer.find('\0') != std::string::npos) return {{}, "holds a zero byte"};
  std::erase(answer, '\r');
  // Reasoning models think aloud first.
  if (const std::size_t end = answer.find("</think>"); end != std::string::npos) {
    answer.erase(0, end + std::string_view("</think>").size());
  }
  Blocks blocks;
  std::string block;
  bool inside = false;
  for (const std::string& line : lines_of(answer)) {
    const std::size_t first = line.find_first_not_of(' ');
    if (first != std::string::npos && first <= 3 && line.compare(first, 3, "```") == 0) {
      if (inside) blocks.code.push_back(std::move(block));
      block.clear();
      inside = !inside;
    } else if (inside) {
      block += line + "\n";
    }
  }
  if (inside) return {{}, "the code block does not end"};
  if (blocks.code.empty()) return {{}, "no code block"};
  for (const std::string& code : blocks.code) {
    if (code.size() > kMaxCodeBytes) return {{}, fmt::format("{} bytes of code", code.size())};
  }
  return blocks;
}

std::string trimmed_lines(const std::string& code) {
  std::vector<std::string> lines = lines_of(code);
  const auto blank = [](const std::string& line) { return line.find_first_not_of(" \t") == std::string::npos; };
  while (!lines.empty() && blank(lines.back())) lines.pop_back();
  while (!lines.empty() && blank(lines.front())) lines.erase(lines.begin());
  return joined(lines);
}

// What an answer holds beside the function.
struct Beside {
  std::vector<Node> imports;     // Python's, at the block's top
  std::set<std::string> names;   // defined there otherwise
  std::vector<Node> directives;  // C and C++
};

// Definitions with the head that was asked for: at the top, or in a class that the model wrote around a method.
void find_definitions(Node parent, const std::string& head, std::vector<Node>& found, Beside& beside) {
  for (const Node& child : parent.children()) {
    if (child.is("comment")) continue;
    if (is_definition(child) && head_of(child) == head) {
      found.push_back(child);
    } else if (child.is("class_definition")) {
      const std::size_t before = found.size();
      find_definitions(child.field("body"), head, found, beside);
      if (found.size() == before) beside.names.emplace(child.field("name").text());
    } else if (child.is("import_statement") || child.is("import_from_statement")) {
      beside.imports.push_back(child);
    } else if (child.kind().starts_with("preproc_")) {
      beside.directives.push_back(child);
    } else if (parent.is("module") || parent.is("translation_unit")) {
      code::walk(child, [&](Node node) {
        const Node up = node.parent();
        const bool named = node.is("identifier") &&
                           (up.field("name") == node || up.field("left") == node || up.field("declarator") == node);
        if (named) beside.names.emplace(node.text());
        return true;
      });
    }
  }
}

std::set<std::string> names_in(Node node) {
  std::set<std::string> names;
  code::walk(node, [&](Node at) {
    if (at.is("identifier") || at.is("type_identifier") || at.is("field_identifier")) names.emplace(at.text());
    return true;
  });
  return names;
}

// The last name of each thing that an import binds: "b" of "import a.b as b" and of "from a import b".
bool binds_one_of(Node import, const std::set<std::string>& names) {
  bool used = false;
  const Node module = import.field("module_name");
  code::walk(import, [&](Node node) {
    if (node == module) return false;
    used = used || (node.is("identifier") && names.contains(std::string(node.text())));
    return true;
  });
  return used;
}

// The function with `imports` as its first statements.
std::string with_imports(const std::string& function, const std::vector<std::string>& imports) {
  if (imports.empty()) return function;
  const std::shared_ptr<const Tree> tree = Tree::parse(Language::kPython, function);
  Node first;
  for (const Node& statement : undecorated(tree->root().named(0)).field("body").children()) {
    if (!statement.is("comment") && !is_docstring(statement)) {
      first = statement;
      break;
    }
  }
  if (!first) return function;
  const std::size_t at = first.range().begin;
  const std::size_t line = function.rfind('\n', at);
  const std::string indent = line == std::string::npos ? "" : function.substr(line + 1, at - line - 1);
  if (line == std::string::npos || indent.find_first_not_of(" \t") != std::string::npos) return function;
  std::string lines;
  for (const std::string& import : imports) lines += import + "\n" + indent;
  return std::string(function).insert(at, lines);
}

}  // namespace

std::optional<std::string> indent_of(const code::SourceFile& file, const code::Function& function) {
  const std::string& text = file.tree->text();
  const std::uint32_t line = file.tree->line_of(function.range.begin);
  const std::string before =
      text.substr(file.tree->line_range(line).begin, function.range.begin - file.tree->line_range(line).begin);
  if (before.find_first_not_of(" \t") != std::string::npos) return std::nullopt;
  return before;
}

std::string outdented(Language language, const std::string& text, std::uint32_t column) {
  const std::vector<bool> data = data_lines(language, text);
  std::vector<std::string> lines = lines_of(text);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (data[i]) continue;
    const std::size_t first = lines[i].find_first_not_of(" \t");
    lines[i].erase(0, std::min<std::size_t>(first == std::string::npos ? lines[i].size() : first, column));
  }
  return joined(lines);
}

std::string indented(Language language, const std::string& text, const std::string& indent) {
  if (indent.empty()) return text;
  const std::vector<bool> data = data_lines(language, text);
  std::vector<std::string> lines = lines_of(text);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (!data[i] && !lines[i].empty()) lines[i].insert(0, indent);
  }
  return joined(lines);
}

std::string normalised(Language language, const std::string& text) {
  const std::shared_ptr<const Tree> tree = Tree::parse(language, text);
  std::string out;
  append(tree->root(), false, out);
  return out;
}

bool can_be_asked_for(const code::SourceFile& file, const code::Function& function) {
  const std::optional<std::string> indent = indent_of(file, function);
  if (!indent) return false;
  const Language language = file.tree->language();
  const std::string text = outdented(language, file.tree->text().substr(function.range.begin, function.range.size()),
                                     static_cast<std::uint32_t>(indent->size()));
  const std::shared_ptr<const Tree> tree = Tree::parse(language, text);
  return !tree->root().has_error() && tree->root().named_count() == 1 && is_definition(tree->root().named(0));
}

namespace {

// One block of an answer; `was` is the function at the margin.
ModelAnswer read_block(const std::string& block, const code::SourceFile& file, const code::Function& function,
                       const std::string& original, Node was) {
  const auto refuse = [](std::string problem) { return ModelAnswer{"", "", std::move(problem)}; };
  const Language language = file.tree->language();
  std::string code = trimmed_lines(block);
  if (code.empty()) return refuse("the code block is empty");
  // Answers that keep the original's indentation are moved to the margin as a whole.
  const std::size_t column = code.find_first_not_of(" \t");
  if (column > 0) code = outdented(language, code, static_cast<std::uint32_t>(column)).substr(column);
  const std::shared_ptr<const Tree> tree = Tree::parse(language, code);
  if (tree->root().has_error()) return refuse("does not parse");
  std::vector<Node> found;
  Beside beside;
  find_definitions(tree->root(), head_of(was), found, beside);
  if (found.empty()) return refuse("holds no function of this name and signature");
  if (found.size() > 1) return refuse("holds the function twice");
  const std::set<std::string> used = names_in(found[0]);
  for (const std::string& name : beside.names) {
    if (used.contains(name) && !names_in(was).contains(name)) return refuse("needs more than the function: " + name);
  }
  const std::string& whole_text = file.tree->text();
  for (const Node& directive : beside.directives) {
    const std::string text = trimmed_lines(std::string(directive.text()));
    if (whole_text.find(text) == std::string::npos) return refuse("needs more than the function: " + text);
  }
  std::vector<std::string> imports;
  const std::vector<Node> top = file.tree->root().children();
  for (const Node& import : beside.imports) {
    std::string text(import.text());
    const bool there = std::any_of(top.begin(), top.end(), [&](const Node& child) { return child.text() == text; });
    if (!there && binds_one_of(import, used)) imports.push_back(std::move(text));
  }
  ModelAnswer result;
  // Comments around the function are no part of it.
  result.text = code.substr(found[0].range().begin, found[0].range().size());
  while (result.text.ends_with('\n')) result.text.pop_back();
  result.text = outdented(language, result.text, found[0].column() - 1);
  result.normalised = normalised(language, result.text);
  if (result.normalised == normalised(language, original)) return refuse("unchanged");
  result.text = with_imports(result.text, imports);
  result.text = indented(language, result.text, indent_of(file, function).value_or(""));
  if (original.ends_with('\n')) result.text += '\n';
  std::string whole = whole_text;
  whole.replace(function.range.begin, function.range.size(), result.text);
  if (!file.tree->root().has_error() && Tree::parse(language, whole)->root().has_error()) {
    return refuse("does not parse in its place");
  }
  return result;
}

}  // namespace

ModelAnswer read_answer(const std::string& answer, const code::SourceFile& file, const code::Function& function) {
  Blocks blocks = fenced_blocks(answer);
  if (!blocks.problem.empty()) return {"", "", blocks.problem};
  const Language language = file.tree->language();
  const std::string original =
      outdented(language, file.tree->text().substr(function.range.begin, function.range.size()),
                static_cast<std::uint32_t>(indent_of(file, function).value_or("").size()));
  const std::shared_ptr<const Tree> before = Tree::parse(language, original);
  if (before->root().named_count() != 1) return {"", "", "the function does not stand alone"};
  // Examples of use and variants come in blocks of their own: the first that will do counts.
  ModelAnswer first;
  for (std::size_t i = 0; i < blocks.code.size(); ++i) {
    ModelAnswer read = read_block(blocks.code[i], file, function, original, before->root().named(0));
    if (read.problem.empty()) return read;
    if (i == 0) first = std::move(read);
  }
  return first;
}

}  // namespace jarvis2::edit
