#include "edit/text_rule.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/files.h"

namespace jarvis2::edit {
namespace {

class Loader {
 public:
  explicit Loader(std::string file) : file_(std::move(file)) {}

  TextRule load() {
    try {
      root_ = YAML::Load(read_file(file_));
    } catch (const YAML::Exception& error) {
      throw Error("edit::load_text_rules", file_ + ":" + std::to_string(error.mark.line + 1) + ": " + error.msg);
    }
    keys(root_, {"id", "language", "category", "severity", "message", "note", "regex", "literal", "caseless", "in",
                 "examples", "no_match"});
    TextRule rule;
    rule.file = file_;
    if (text(root_, "language") != "text") fail(root_["language"], "language must be text here");
    const std::string id = text(root_, "id");
    if (fs::path(file_).stem() != id) fail(root_["id"], "id and file name differ");
    rule.id = "text/" + id;
    rule.category = one_of("category", audit_categories());
    rule.severity = one_of("severity", {"correctness", "readability"}) == "correctness" ? Severity::kCorrectness
                                                                                        : Severity::kReadability;
    rule.message = text(root_, "message");
    if (root_["note"]) rule.note = text(root_, "note");
    if (static_cast<bool>(root_["regex"]) == static_cast<bool>(root_["literal"]))
      fail(root_, "one of regex and literal");
    rule.pattern.literal = static_cast<bool>(root_["literal"]);
    rule.pattern.expression = text(root_, rule.pattern.literal ? "literal" : "regex");
    if (root_["caseless"]) rule.pattern.caseless = one_of("caseless", {"true", "false"}) == "true";
    try {
      code::MultiPattern({rule.pattern});
    } catch (const Error& error) {
      fail(root_[rule.pattern.literal ? "literal" : "regex"], error.message());
    }
    if (root_["in"]) {
      const std::string place = one_of("in", {"comment", "string", "code", "anywhere"});
      rule.place = place == "comment"  ? TextPlace::kComment
                   : place == "string" ? TextPlace::kString
                   : place == "code"   ? TextPlace::kCode
                                       : TextPlace::kAnywhere;
    }
    rule.examples = examples("examples");
    rule.no_match = examples("no_match");
    return rule;
  }

 private:
  [[noreturn]] void fail(const YAML::Node& at, const std::string& what) const {
    const int line = !at || at.Mark().is_null() ? 1 : at.Mark().line + 1;
    throw Error("edit::load_text_rules", file_ + ":" + std::to_string(line) + ": " + what);
  }
  void keys(const YAML::Node& map, const std::set<std::string>& known) const {
    if (!map.IsMap()) fail(map, "a mapping is expected here");
    for (const auto& entry : map) {
      if (!known.contains(entry.first.as<std::string>()))
        fail(entry.first, "unknown key `" + entry.first.as<std::string>() + "`");
    }
  }
  std::string text(const YAML::Node& map, const char* key) const {
    if (!map[key] || !map[key].IsScalar() || map[key].as<std::string>().empty()) {
      fail(map, std::string("`") + key + "` is missing");
    }
    return map[key].as<std::string>();
  }
  std::string one_of(const char* key, const std::vector<std::string>& values) const {
    const std::string value = text(root_, key);
    if (std::find(values.begin(), values.end(), value) == values.end()) {
      std::string list;
      for (const std::string& one : values) list += (list.empty() ? "" : ", ") + one;
      fail(root_[key], std::string(key) + " must be one of " + list);
    }
    return value;
  }
  std::vector<TextExample> examples(const char* key) const {
    if (!root_[key] || !root_[key].IsSequence() || root_[key].size() == 0)
      fail(root_, std::string("`") + key + "` is missing");
    std::vector<TextExample> all;
    for (const YAML::Node& entry : root_[key]) {
      TextExample example{"a.py", "", entry.Mark().line + 1};
      if (entry.IsScalar()) {
        example.text = entry.as<std::string>();
      } else {
        keys(entry, {"path", "text"});
        example.path = text(entry, "path");
        example.text = text(entry, "text");
      }
      if (code::language_of(example.path) == code::Language::kNone) fail(entry, "a path of no known language");
      all.push_back(std::move(example));
    }
    return all;
  }

  std::string file_;
  YAML::Node root_;
};

bool is_comment(const code::Node& node) {
  return node.kind().find("comment") != std::string_view::npos;
}

bool is_text(const code::Node& node) {
  return node.kind().find("string") != std::string_view::npos || node.is("char_literal") ||
         node.is("system_lib_string");
}

TextPlace place_of(const code::Tree& tree, code::Range range) {
  for (code::Node node = tree.at({range.begin, std::min(range.begin + 1, range.end)}); node; node = node.parent()) {
    if (is_comment(node)) return TextPlace::kComment;
    if (is_text(node)) return TextPlace::kString;
    if (node.range().size() > 100000) break;
  }
  return TextPlace::kCode;
}

std::vector<code::TextPattern> patterns_of(const std::vector<TextRule>& rules) {
  std::vector<code::TextPattern> patterns;
  for (const TextRule& rule : rules) patterns.push_back(rule.pattern);
  return patterns;
}

std::string trimmed(std::string text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

std::vector<TextRule> load_text_rules(const std::string& folder) {
  std::vector<TextRule> rules;
  std::error_code ignored;
  if (!fs::is_directory(fs::path(folder) / "text", ignored)) return rules;
  for (const fs::directory_entry& entry : fs::directory_iterator(fs::path(folder) / "text")) {
    if (entry.path().extension() == ".yaml") rules.push_back(Loader(entry.path().string()).load());
  }
  std::sort(rules.begin(), rules.end(), [](const TextRule& a, const TextRule& b) { return a.id < b.id; });
  return rules;
}

TextRules::TextRules(std::vector<TextRule> rules) : rules_(std::move(rules)), matcher_(patterns_of(rules_)) {}

std::vector<std::vector<TextFinding>> TextRules::find(const code::Workspace& workspace, unsigned threads,
                                                      std::stop_token stop) const {
  std::vector<std::string_view> texts;
  for (const code::SourceFile& file : workspace.files()) texts.emplace_back(file.tree->text());
  std::vector<std::vector<code::TextMatch>> matches =
      matcher_.scan_all(texts, threads, code::PatternEngine::kAuto, stop);
  std::vector<std::vector<TextFinding>> findings(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const code::Tree& tree = *workspace.files()[i].tree;
    for (const code::TextMatch& match : code::distinct(std::move(matches[i]))) {
      const code::Range range{match.begin, match.end};
      const TextPlace wanted = rules_[match.pattern].place;
      if (wanted != TextPlace::kAnywhere && place_of(tree, range) != wanted) continue;
      findings[i].push_back({match.pattern, range});
    }
  }
  return findings;
}

std::vector<Suppression> suppressions(const code::Tree& tree) {
  static constexpr std::string_view kMark = "jarvis2: ignore[";
  const std::string& text = tree.text();
  std::vector<Suppression> found;
  for (std::size_t at = text.find(kMark); at != std::string::npos; at = text.find(kMark, at + 1)) {
    const std::uint32_t begin = static_cast<std::uint32_t>(at);
    if (place_of(tree, {begin, begin + 1}) != TextPlace::kComment) continue;
    const std::size_t line_end = std::min(text.find('\n', at), text.size());
    const std::size_t close = text.find(']', at);
    if (close >= line_end) continue;
    Suppression one;
    const std::string list = text.substr(at + kMark.size(), close - at - kMark.size());
    for (std::size_t from = 0; from <= list.size();) {
      const std::size_t comma = std::min(list.find(',', from), list.size());
      if (std::string name = trimmed(list.substr(from, comma - from)); !name.empty())
        one.rules.push_back(std::move(name));
      from = comma + 1;
    }
    one.reason = trimmed(text.substr(close + 1, line_end - close - 1));
    if (one.reason.ends_with("*/")) one.reason = trimmed(one.reason.substr(0, one.reason.size() - 2));
    if (one.reason.ends_with('\r')) one.reason.pop_back();
    if (one.reason.empty() || one.rules.empty()) continue;
    one.line = tree.line_of(begin);
    const std::uint32_t start = tree.line_range(one.line).begin;
    const std::size_t first = text.find_first_not_of(" \t", start);
    code::Node comment = tree.at({begin, begin + 1});
    while (comment && !is_comment(comment)) comment = comment.parent();
    if (comment && comment.range().begin == first) one.line = tree.line_of(comment.range().end - 1) + 1;
    found.push_back(std::move(one));
  }
  return found;
}

bool suppresses(const Suppression& suppression, const std::string& rule) {
  return std::any_of(suppression.rules.begin(), suppression.rules.end(), [&](const std::string& name) {
    return name == rule || glob_match(name, rule) || rule.ends_with("/" + name);
  });
}

}  // namespace jarvis2::edit
