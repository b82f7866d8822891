#include "edit/llm_answer.h"

#include <fmt/format.h>

#include <algorithm>
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

struct Block {
  std::string code;
  std::string problem;
};

// The one fenced block of an answer.
Block fenced_block(std::string answer) {
  if (!is_valid_utf8(answer)) return {"", "not UTF-8"};
  if (answer.find('\0') != std::string::npos) return {"", "holds a zero byte"};
  std::erase(answer, '\r');
  // Reasoning models think aloud first.
  if (const std::size_t end = answer.find("</think>"); end != std::string::npos) {
    answer.erase(0, end + std::string_view("</think>").size());
  }
  std::vector<std::string> blocks;
  std::string block;
  bool inside = false;
  for (const std::string& line : lines_of(answer)) {
    const std::size_t first = line.find_first_not_of(' ');
    if (first != std::string::npos && first <= 3 && line.compare(first, 3, "```") == 0) {
      if (inside) blocks.push_back(std::move(block));
      block.clear();
      inside = !inside;
    } else if (inside) {
      block += line + "\n";
    }
  }
  if (inside) return {"", "the code block does not end"};
  if (blocks.empty()) return {"", "no code block"};
  if (blocks.size() > 1) return {"", fmt::format("{} code blocks instead of one", blocks.size())};
  if (blocks[0].size() > kMaxCodeBytes) return {"", fmt::format("{} bytes of code", blocks[0].size())};
  return {blocks[0], ""};
}

std::string trimmed_lines(const std::string& code) {
  std::vector<std::string> lines = lines_of(code);
  const auto blank = [](const std::string& line) { return line.find_first_not_of(" \t") == std::string::npos; };
  while (!lines.empty() && blank(lines.back())) lines.pop_back();
  while (!lines.empty() && blank(lines.front())) lines.erase(lines.begin());
  return joined(lines);
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

ModelAnswer read_answer(const std::string& answer, const code::SourceFile& file, const code::Function& function) {
  const auto refuse = [](std::string problem) { return ModelAnswer{"", "", std::move(problem)}; };
  const Language language = file.tree->language();
  Block block = fenced_block(answer);
  if (!block.problem.empty()) return refuse(block.problem);
  std::string code = trimmed_lines(block.code);
  if (code.empty()) return refuse("the code block is empty");
  // Answers that keep the original's indentation are moved to the margin as a whole.
  const std::size_t column = code.find_first_not_of(" \t");
  if (column > 0) code = outdented(language, code, static_cast<std::uint32_t>(column)).substr(column);
  const std::shared_ptr<const Tree> tree = Tree::parse(language, code);
  if (tree->root().has_error()) return refuse("does not parse");
  Node found;
  for (const Node& child : tree->root().children()) {
    if (found || !is_definition(child)) return refuse("holds more than the function");
    found = child;
  }
  if (!found) return refuse("holds no function");
  const std::string indent = indent_of(file, function).value_or("");
  const std::string original =
      outdented(language, file.tree->text().substr(function.range.begin, function.range.size()),
                static_cast<std::uint32_t>(indent.size()));
  const std::shared_ptr<const Tree> before = Tree::parse(language, original);
  if (before->root().named_count() != 1) return refuse("the function does not stand alone");
  const Node was = before->root().named(0);
  if (head_of(found) != head_of(was)) return refuse("another name or signature");
  ModelAnswer result;
  // Comments around the function are no part of it.
  result.text = code.substr(found.range().begin, found.range().size());
  while (result.text.ends_with('\n')) result.text.pop_back();
  result.normalised = normalised(language, result.text);
  if (result.normalised == normalised(language, original)) return refuse("unchanged");
  result.text = indented(language, result.text, indent);
  if (original.ends_with('\n')) result.text += '\n';
  std::string whole = file.tree->text();
  whole.replace(function.range.begin, function.range.size(), result.text);
  if (!file.tree->root().has_error() && Tree::parse(language, whole)->root().has_error()) {
    return refuse("does not parse in its place");
  }
  return result;
}

}  // namespace jarvis2::edit
