#include "edit/constants/constants.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/hash.h"
#include "code/c_facts.h"

namespace jarvis2::edit {
namespace {

using code::Language;
using code::Node;
using code::Range;

// A macro's text without the white space and comment around it.
Range trimmed(Node value) {
  Range range = value.range();
  const std::string& text = value.tree().text();
  for (std::uint32_t i = range.begin; i + 1 < range.end; ++i) {
    if (text[i] == '/' && (text[i + 1] == '/' || text[i + 1] == '*')) {
      range.end = i;
      break;
    }
  }
  const auto space = [&](std::uint32_t at) {
    return text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n';
  };
  while (range.begin < range.end && space(range.begin)) ++range.begin;
  while (range.end > range.begin && space(range.end - 1)) --range.end;
  return range;
}

bool in_function(Node node) {
  return static_cast<bool>(node.ancestor({"function_definition", "lambda_expression", "lambda"}));
}

std::string last_name(Node declarator) {
  Node node = declarator;
  while (node && !node.is("identifier") && !node.is("field_identifier")) {
    const Node inner = node.field("declarator");
    if (!inner) return {};
    node = inner;
  }
  return std::string(node.text());
}

std::vector<Range> places(const code::Tree& tree, const std::string& name) {
  std::vector<Range> result;
  if (tree.language() == Language::kPython) {
    for (const Node& node : code::descendants(tree.root(), {"assignment"})) {
      if (node.field("left").text() != name || !node.field("right") || in_function(node)) continue;
      result.push_back(node.field("right").range());
    }
    return result;
  }
  for (const Node& node :
       code::descendants(tree.root(), {"preproc_def", "init_declarator", "enumerator", "field_declaration"})) {
    if (node.is("preproc_def")) {
      if (node.field("name").text() == name && node.field("value")) result.push_back(trimmed(node.field("value")));
    } else if (node.is("enumerator")) {
      if (node.field("name").text() == name && node.field("value")) result.push_back(node.field("value").range());
    } else if (node.is("init_declarator")) {
      if (last_name(node.field("declarator")) == name && !in_function(node))
        result.push_back(node.field("value").range());
    } else if (node.field("default_value") && last_name(node.field("declarator")) == name) {
      result.push_back(node.field("default_value").range());
    }
  }
  return result;
}

Action constant(const std::string& rule, const std::string& group, const std::string& title, const code::Tree& tree,
                const std::string& path, Range range, const std::string& text) {
  Action action;
  action.kind = Kind::kConstant;
  action.rule = rule;
  action.group = group;
  action.title = title;
  action.path = path;
  action.line = tree.line_of(range.begin);
  action.site = range;
  Replacement replacement;
  replacement.path = path;
  replacement.base_sha256 = sha256_hex(tree.text());
  replacement.range = range;
  replacement.text = text;
  action.replacements.push_back(std::move(replacement));
  return action;
}

}  // namespace

std::vector<Action> constant_actions(const std::vector<TuneEntry>& entries,
                                     const std::function<std::optional<std::string>(const std::string& path)>& read) {
  std::vector<Action> result;
  for (const TuneEntry& entry : entries) {
    const std::string what = entry.path + ":" + entry.name;
    const std::optional<std::string> text = read(entry.path);
    if (!text)
      throw Error("edit::constant_actions", fmt::format("[tune] \"{}\": there is no file {}", what, entry.path));
    Language language = code::language_of(entry.path);
    // A header may be either; the C++ grammar reads what constants need of both.
    if (language == Language::kC && entry.path.ends_with(".h")) language = Language::kCpp;
    if (language != Language::kPython && language != Language::kC && language != Language::kCpp) {
      throw Error("edit::constant_actions",
                  fmt::format("[tune] \"{}\": constants of Python, C and C++ files can be tuned", what));
    }
    const std::shared_ptr<const code::Tree> tree = code::Tree::parse(language, *text);
    const std::vector<Range> found = places(*tree, entry.name);
    if (found.empty()) {
      throw Error(
          "edit::constant_actions",
          fmt::format(
              "[tune] \"{}\": {} assigns no constant {} (NAME = value, #define NAME value, or an initialised variable)",
              what, entry.path, entry.name));
    }
    if (found.size() > 1) {
      throw Error(
          "edit::constant_actions",
          fmt::format("[tune] \"{}\": {} is set {} times in {} (lines {} and {}): not one constant", what, entry.name,
                      found.size(), entry.path, tree->line_of(found[0].begin), tree->line_of(found[1].begin)));
    }
    const std::string present = text->substr(found[0].begin, found[0].size());
    for (const std::string& value : entry.values) {
      if (value == present) continue;
      Action action =
          constant("constant/" + what, "constant/" + what, fmt::format("{} = {} (was {})", entry.name, value, present),
                   *tree, entry.path, found[0], value);
      action.note = "a value that [tune] allows";
      action.share = 1;
      result.push_back(std::move(action));
    }
  }
  return result;
}

std::vector<Action> buffer_actions(const code::Workspace& workspace) {
  std::vector<Action> result;
  const std::shared_ptr<const code::CFacts> facts = code::CFacts::of(workspace);
  for (const std::shared_ptr<const code::CFile>& file : facts->files()) {
    const code::SourceFile* source = workspace.find(file->path);
    if (source == nullptr || !source->editable) continue;
    for (const code::CVariable& local : file->locals) {
      if (local.type.arrays != 1 || local.value || !local.array_size.is("number_literal")) continue;
      if (local.type.base != "char" && local.type.base != "unsigned char" && local.type.base != "uint8_t") continue;
      const long size = std::strtol(std::string(local.array_size.text()).c_str(), nullptr, 0);
      if (size < 64 || size > 32768) continue;
      bool filled = false;
      bool only_buffer = true;
      for (const code::CUseOf& use : facts->uses(local)) {
        const Node up = use.node.parent();
        Node around = up;
        while (around.is("parenthesized_expression")) around = around.parent();
        if (around.is("sizeof_expression")) {
          // sizeof counts only as the size given to the call that fills the buffer.
          const Node call = around.parent().parent();
          const std::string name = call.is("call_expression") ? code::callee_name(call) : "";
          only_buffer = only_buffer && (name == "fread" || name == "read");
          continue;
        }
        const Node call = up.is("argument_list") ? up.parent() : Node();
        const std::string name = call.is("call_expression") ? code::callee_name(call) : "";
        if (name == "fread" || name == "read") {
          // With sizeof: a size in digits would no longer be the buffer's.
          filled |= call.text().find("sizeof") != std::string_view::npos;
          only_buffer = only_buffer && call.text().find("sizeof") != std::string_view::npos;
        } else if (name != "fwrite" && name != "write" && !up.is("subscript_expression")) {
          only_buffer = false;
        }
      }
      if (!filled || !only_buffer) continue;
      for (const long larger : {16384L, 65536L}) {
        if (larger <= size) continue;
        const std::string group = fmt::format("buffer/{}:{}:{}", file->path, local.name, local.array_size.line());
        Action action = constant("constant/buffer-size", group,
                                 fmt::format("read into {} bytes of {} (was {})", larger, local.name, size),
                                 *file->tree, file->path, local.array_size.range(), std::to_string(larger));
        action.note = local.name + " is only filled with its own sizeof and read up to the count returned";
        action.prior_ratio = 1.02;
        result.push_back(std::move(action));
      }
    }
  }
  return result;
}

}  // namespace jarvis2::edit
