// Rules of `audit` that look at text, in every language: one YAML file each in rules/text (docs/rules.md). Of a whole
// workspace at once, by code::MultiPattern.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "code/multi_pattern.h"
#include "edit/rule.h"

namespace jarvis2::edit {

enum class TextPlace { kAnywhere, kComment, kString, kCode };

struct TextExample {
  std::string path;  // gives the language
  std::string text;
  int line = 0;  // in the rule file
};

struct TextRule {
  std::string id;  // "text/todo-marker"
  std::string file;
  std::string category;
  Severity severity = Severity::kReadability;
  std::string message;
  std::string note;
  code::TextPattern pattern;
  TextPlace place = TextPlace::kAnywhere;
  std::vector<TextExample> examples, no_match;
};

// All of `folder`/text, sorted by id. Throws Error "file:line: ...".
std::vector<TextRule> load_text_rules(const std::string& folder);

struct TextFinding {
  std::size_t rule = 0;  // index
  code::Range range;
};
// A comment `jarvis2: ignore[rule, ...] reason`: holds for its own line, or the next when it has the line to itself.
struct Suppression {
  std::uint32_t line = 0;
  std::vector<std::string> rules;  // names, last parts of names or globs
  std::string reason;              // without one it does not count
};

// Immutable after building.
class TextRules {
 public:
  explicit TextRules(std::vector<TextRule> rules);
  const std::vector<TextRule>& rules() const { return rules_; }
  // For each file of the workspace, in its order: findings by place.
  std::vector<std::vector<TextFinding>> find(const code::Workspace& workspace, unsigned threads,
                                             std::stop_token stop = {}) const;

 private:
  std::vector<TextRule> rules_;
  code::MultiPattern matcher_;
};

std::vector<Suppression> suppressions(const code::Tree& tree);
bool suppresses(const Suppression& suppression, const std::string& rule);

}  // namespace jarvis2::edit
