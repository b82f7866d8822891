#include "edit/mine.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <optional>

#include "base/error.h"
#include "base/hash.h"
#include "base/process.h"
#include "edit/rule.h"

namespace jarvis2::edit {
namespace {

using code::Language;
using code::Node;
using code::Tree;

constexpr std::size_t kMostLines = 6;
constexpr std::size_t kMostBytes = 600;
constexpr std::size_t kMostVariables = 8;

bool supported(Language language) {
  return language == Language::kPython || language == Language::kC || language == Language::kCpp;
}

// Without the indentation that all lines share; nullopt where there is nothing to read.
std::optional<std::string> outdented_lines(const std::string& text) {
  std::size_t margin = std::string::npos;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    const std::size_t first = text.find_first_not_of(" \t", at);
    if (first != std::string::npos && text[first] != '\n') margin = std::min(margin, first - at);
  }
  if (margin == std::string::npos) return std::nullopt;
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    out += line.substr(std::min(margin, line.size())) + "\n";
    at = end + 1;
  }
  return out;
}

// Lines by themselves, made whole where they open a block.
std::shared_ptr<const Tree> fragment(Language language, const std::string& lines) {
  std::string text = lines;
  const std::size_t last = text.find_last_not_of(" \t\n");
  if (last == std::string::npos) return nullptr;
  text.resize(last + 1);
  if (language == Language::kPython) {
    if (text.starts_with("elif ")) text.erase(0, 2);
    if (text.back() == ':') text += " pass";
    text += '\n';
  } else {
    if (text.starts_with("} ")) text.erase(0, 2);
    if (text.starts_with("else ")) text.erase(0, 5);
    if (text.back() == '{') text += " }";
    // Inside a function expressions may be statements.
    text = "void j2_f() {\n" + text + "\n}\n";
  }
  std::shared_ptr<const Tree> tree = Tree::parse(language, text);
  return tree->root().has_error() ? nullptr : tree;
}

Node inside(Language language, const Tree& tree) {
  Node root = tree.root();
  if (language == Language::kPython) return root;
  const Node function = root.named_count() == 1 ? root.named(0) : Node();
  return function.is("function_definition") ? function.field("body") : Node();
}

bool same(Node a, Node b) {
  if (a.kind() != b.kind() || a.child_count() != b.child_count()) return false;
  if (a.child_count() == 0) return a.text() == b.text();
  for (std::uint32_t i = 0; i < a.child_count(); ++i) {
    if (!same(a.child(i), b.child(i))) return false;
  }
  return true;
}

// The smallest nodes, named ones, that hold the whole difference; null where only a name or a number is another.
std::pair<Node, Node> narrowed(Node a, Node b) {
  for (;;) {
    if (a.kind() != b.kind() || a.child_count() != b.child_count()) return {a, b};
    std::uint32_t different = 0, at = 0;
    for (std::uint32_t i = 0; i < a.child_count(); ++i) {
      if (same(a.child(i), b.child(i))) continue;
      ++different;
      at = i;
    }
    if (different != 1 || !a.child(at).is_named() || !b.child(at).is_named()) return {a, b};
    if (a.child(at).child_count() == 0 && b.child(at).child_count() == 0) return {};  // renamed, another number
    a = a.child(at);
    b = b.child(at);
  }
}

bool is_string(Node node) {
  return node.kind().find("string") != std::string_view::npos;
}

// What may become a metavariable: an expression that is no literal.
bool may_vary(Node node) {
  static const std::set<std::string_view> kKinds = {"identifier",
                                                    "attribute",
                                                    "subscript",
                                                    "call",
                                                    "call_expression",
                                                    "field_expression",
                                                    "subscript_expression",
                                                    "binary_operator",
                                                    "comparison_operator",
                                                    "boolean_operator",
                                                    "binary_expression",
                                                    "parenthesized_expression",
                                                    "qualified_identifier",
                                                    "unary_operator",
                                                    "unary_expression",
                                                    "pointer_expression"};
  return kKinds.contains(node.kind());
}

// A name that says which operation it is: of a called function, a member, a keyword, a type.
bool is_operation(Node node) {
  const Node parent = node.parent();
  if (!parent) return false;
  if ((parent.is("call") || parent.is("call_expression")) && parent.field("function") == node) return true;
  if (parent.is("attribute") && parent.field("attribute") == node) return true;
  if (parent.is("keyword_argument") && parent.field("name") == node) return true;
  return parent.is("function_definition") || parent.is("parameters") || parent.is("import_statement") ||
         parent.is("import_from_statement") || parent.is("dotted_name");
}

class Generaliser {
 public:
  std::pair<std::string, std::string> run(Node before, Node after) {
    collect(after);
    name(before);
    if (names_.empty() || names_.size() > kMostVariables) return {};
    return {text(before), text(after)};
  }

 private:
  void collect(Node node) {
    if (may_vary(node)) after_.insert(std::string(node.text()));
    for (const Node& child : node.children()) collect(child);
  }

  // The largest parts that both sides share become variables.
  void name(Node node) {
    const std::string source(node.text());
    const bool operation = is_operation(node);
    if (may_vary(node) && !operation && after_.contains(source)) {
      if (!names_.contains(source)) {
        names_[source] = fmt::format("${}", std::string(1, static_cast<char>('A' + names_.size() % 26)));
      }
      return;
    }
    if (is_string(node)) return;
    for (const Node& child : node.children()) name(child);
  }

  std::string text(Node node) const {
    const std::uint32_t begin = node.range().begin;
    std::string out;
    std::uint32_t at = begin;
    const std::string_view whole = node.tree().text();
    const auto visit = [&](Node one, const auto& self) -> void {
      const auto found = may_vary(one) && !is_operation(one) ? names_.find(std::string(one.text())) : names_.end();
      if (found != names_.end()) {
        out += whole.substr(at, one.range().begin - at);
        out += found->second;
        at = one.range().end;
        return;
      }
      if (is_string(one)) return;
      for (const Node& child : one.children()) self(child, self);
    };
    visit(node, visit);
    out += whole.substr(at, node.range().end - at);
    return out;
  }

  std::set<std::string> after_;
  std::map<std::string, std::string> names_;
};

std::string slug(const std::string& before, const std::string& after) {
  const auto words = [](const std::string& text) {
    std::string out;
    int count = 0;
    for (std::size_t at = 0; at < text.size() && count < 3;) {
      if (text[at] == '$' || std::isalpha(static_cast<unsigned char>(text[at])) == 0) {
        at += text[at] == '$' ? 2 : 1;
        continue;
      }
      std::size_t end = at;
      while (end < text.size() && std::isalpha(static_cast<unsigned char>(text[end])) != 0) ++end;
      std::string word = text.substr(at, end - at);
      for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      out += "-" + word;
      ++count;
      at = end;
    }
    return out;
  };
  return fmt::format("mined{}-to{}-{:04x}", words(before), words(after), hash64(before + '\0' + after) & 0xffff);
}

std::string quoted(const std::string& text) {
  YAML::Emitter out;
  out << YAML::DoubleQuoted << text;
  return out.c_str();
}

std::string to_yaml(const MinedRule& rule, const std::vector<std::pair<std::string, std::string>>& examples) {
  std::string commits;
  for (const std::string& commit : rule.commits) commits += (commits.empty() ? "" : " ") + commit;
  std::string out = fmt::format(
      "# Mined from this repository's history; a proposal to review, not a proof that it is right.\n"
      "id: {}\nlanguage: {}\ncategory: learned\nseverity: readability\nmessage: {}\nnote: {}\nrule:\n  pattern: "
      "{}\nfix: "
      "{}\nexamples:\n",
      rule.id, code::language_name(rule.language), quoted("Here it has been written otherwise: " + rule.after),
      quoted(fmt::format("{} edits in {} commits: {}", rule.edits.size(), rule.commits.size(), commits)),
      quoted(rule.before), quoted(rule.after));
  for (const auto& [before, after] : examples) {
    out += fmt::format("  - before: {}\n    after: {}\n", quoted(before), quoted(after));
  }
  return out + fmt::format("no_match:\n  - {}\n", quoted(examples[0].second));
}

// The rule, when it loads and does what the commits did; else empty.
std::string checked_yaml(const MinedRule& rule, const TempDir& scratch) {
  std::vector<std::pair<std::string, std::string>> examples;
  for (const HistoryEdit& edit : rule.edits) {
    const std::optional<std::string> before = outdented_lines(edit.before), after = outdented_lines(edit.after);
    if (!before || !after) continue;
    const std::shared_ptr<const Tree> a = fragment(rule.language, *before), b = fragment(rule.language, *after);
    if (a && b && a->text() != b->text()) examples.emplace_back(a->text(), b->text());
  }
  if (examples.empty()) return "";
  const std::string yaml =
      to_yaml(rule, {examples.begin(), examples.begin() + std::min<std::ptrdiff_t>(3, std::ssize(examples))});
  const fs::path file = scratch.path() / (rule.id + ".yaml");
  write_file_atomic(file, yaml);
  try {
    const std::shared_ptr<const Rule> loaded = load_rule(file.string());
    for (const auto& [before, after] : examples) {
      code::Workspace workspace;
      const std::string path = rule.language == Language::kPython ? "a.py"
                               : rule.language == Language::kC    ? "a.c"
                                                                  : "a.cc";
      workspace.add({path, "", true, Tree::parse(rule.language, before)});
      const std::string made = apply_findings(before, find(*loaded, workspace, *workspace.find(path)));
      if (!same(Tree::parse(rule.language, made)->root(), Tree::parse(rule.language, after)->root())) return "";
    }
  } catch (const Error&) {
    return "";  // a pattern that means nothing by itself
  }
  return yaml;
}

}  // namespace

std::vector<HistoryEdit> history_edits(const fs::path& repository, const MineOptions& options, std::stop_token stop) {
  SpawnOptions spawn;
  spawn.argv = {"git",
                "-c",
                "core.quotePath=false",
                "log",
                "--no-merges",
                "--no-color",
                "--no-ext-diff",
                "--no-textconv",
                "-p",
                "-U0",
                "--diff-filter=M",
                "--no-renames",
                "--format=%x01%h",
                fmt::format("-n{}", options.commits),
                "--",
                "*.py",
                "*.c",
                "*.h",
                "*.cc",
                "*.cpp",
                "*.cxx",
                "*.hpp"};
  spawn.cwd = repository;
  spawn.max_output_bytes = 512u << 20;
  const ProcessResult result = run_process(spawn, 600, stop);
  if (result.cancelled) throw Interrupted();
  if (!result.ok()) throw Error("edit::history_edits", "git log failed: " + result.err.substr(0, 300));
  std::vector<HistoryEdit> edits;
  HistoryEdit edit;
  std::size_t lines = 0;
  const auto flush = [&] {
    if (!edit.before.empty() && !edit.after.empty() && lines <= 2 * kMostLines && edit.before.size() <= kMostBytes &&
        edit.after.size() <= kMostBytes && is_valid_utf8(edit.before) && is_valid_utf8(edit.after)) {
      edits.push_back(edit);
    }
    edit.before.clear();
    edit.after.clear();
    lines = 0;
  };
  bool in_hunk = false;
  for (std::size_t at = 0; at < result.out.size();) {
    const std::size_t end = std::min(result.out.find('\n', at), result.out.size());
    const std::string_view line = std::string_view(result.out).substr(at, end - at);
    at = end + 1;
    if (line.starts_with('\x01')) {
      flush();
      in_hunk = false;
      edit.commit = line.substr(1);
    } else if (line.starts_with("diff --git ")) {
      flush();
      in_hunk = false;
    } else if (!in_hunk && line.starts_with("+++ b/")) {
      edit.path = line.substr(6);
    } else if (line.starts_with("@@ ")) {
      flush();
      in_hunk = true;
    } else if (in_hunk && (line.starts_with('-') || line.starts_with('+'))) {
      std::string& side = line[0] == '-' ? edit.before : edit.after;
      side += line.substr(1);
      side += '\n';
      ++lines;
    }
  }
  flush();
  return edits;
}

std::pair<std::string, std::string> generalised(Language language, const std::string& before,
                                                const std::string& after) {
  const std::optional<std::string> a = outdented_lines(before), b = outdented_lines(after);
  if (!a || !b) return {};
  const std::shared_ptr<const Tree> was = fragment(language, *a), is = fragment(language, *b);
  if (!was || !is) return {};
  const Node x = inside(language, *was), y = inside(language, *is);
  if (!x || !y) return {};
  const auto [from, to] = narrowed(x, y);
  // A whole block that became another says little; a name or a number that became another says nothing.
  if (!from || !to || from == x || same(from, to)) return {};
  if (from.child_count() == 0 || is_string(from) || from.is("comment") || to.is("comment")) return {};
  std::pair<std::string, std::string> pair = Generaliser().run(from, to);
  if (pair.first == pair.second || pair.first.find('\n') != std::string::npos ||
      pair.second.find('\n') != std::string::npos) {
    return {};
  }
  // A variable alone matches everything.
  if (pair.first.size() == 2 && pair.first[0] == '$') return {};
  return pair;
}

std::vector<MinedRule> mine(const std::vector<HistoryEdit>& edits, const MineOptions& options) {
  std::map<std::tuple<Language, std::string, std::string>, MinedRule> rules;
  for (const HistoryEdit& edit : edits) {
    Language language = code::language_of(edit.path, true);
    if (!supported(language)) continue;
    std::pair<std::string, std::string> pair = generalised(language, edit.before, edit.after);
    if (pair.first.empty()) continue;
    MinedRule& rule = rules[{language, pair.first, pair.second}];
    rule.language = language;
    rule.before = pair.first;
    rule.after = pair.second;
    rule.commits.insert(edit.commit);
    rule.edits.push_back(edit);
  }
  const TempDir scratch("jarvis2-mine-");
  std::vector<MinedRule> found;
  for (auto& [key, rule] : rules) {
    if (rule.commits.size() < options.min_commits || rule.edits.size() < options.min_edits) continue;
    rule.id = slug(rule.before, rule.after);
    rule.yaml = checked_yaml(rule, scratch);
    if (!rule.yaml.empty()) found.push_back(std::move(rule));
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const MinedRule& a, const MinedRule& b) { return a.edits.size() > b.edits.size(); });
  return found;
}

}  // namespace jarvis2::edit
