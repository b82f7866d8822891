// Rewrite rules: one YAML file each (docs/rules.md), compiled for their languages, run as transformations or by
// `audit`.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "code/pattern_rule.h"
#include "edit/rule_conditions.h"
#include "edit/transformation.h"

namespace jarvis2::edit {

enum class Severity { kPerformance, kCorrectness, kReadability };
std::string severity_name(Severity severity);
// unfinished, hard-coded, error-handling, correctness, portability, learned.
const std::vector<std::string>& audit_categories();

// Where a piece of a fix goes.
enum class FixPlace {
  kReplace,          // the match, or a captured variable
  kBeforeStatement,  // before the statement that holds the match
  kAfterStatement,
  kBeforeLoop,  // before the innermost loop of the same function
  kFunctionTop,
  kBeforeToplevel,  // before the statement of the file's top level that holds the match
  kImport,          // Python: an import statement, at the top of the file, unless it is there
  kInclude          // C and C++: an include line, after the others, unless it is there
};

struct FixPart {
  FixPlace place = FixPlace::kReplace;
  std::string variable;  // of kReplace: a captured variable instead of the match
  std::string text;
};

// A fix's text cut at its variables.
struct FixPiece {
  std::string literal;     // when `variable` is empty
  std::string variable;    // without dollars
  bool many = false;       // $$$X
  int required = 0;        // least precedence of what may stand here without parentheses
  bool bracketed = false;  // brackets around it, so that lines may break
};
struct FixTemplate {
  std::vector<FixPiece> pieces;
  bool expression = false;  // the whole is one expression ...
  int precedence = 20;      // ... that holds together this tightly
  std::string root;         // ... or nothing but this variable
};
FixTemplate compile_fix(code::Language language, const std::string& text);

// Makes a new metavariable out of the text of one: by a regular expression, or by replacing the matches of a pattern.
struct Transform {
  std::string name;
  std::string source;
  std::string regex;    // of `replace`
  std::string pattern;  // of `rewrite`; variables bound by the rule keep their meaning
  std::string by;       // $1 is the first group; for `rewrite` a fix
};

struct Example {
  std::string name;
  std::string before;
  std::string after;
  int line = 0;  // in the rule file
};

// Says how the ratio in the file was measured; rules/measure.py reads it.
struct Prior {
  double ratio = 1.0;
  std::string measured;
};

// A rule compiled for one grammar.
struct CompiledRule {
  code::Language language = code::Language::kNone;
  std::map<std::string, std::unique_ptr<code::NodeRule>> utilities;
  code::NodeRule rule;
  std::map<std::string, code::NodeRule> constraints;
  std::vector<FixTemplate> templates;             // of Rule::fixes, in order
  std::map<std::string, code::Pattern> rewrites;  // of Rule::transforms with a pattern, by name
};

struct Rule {
  std::string id;  // "python/pow-to-multiply"
  std::string file;
  code::Language language = code::Language::kNone;  // kC rules hold for C++ too
  Severity severity = Severity::kPerformance;
  std::string category;  // of what only `audit` shows: one of audit_categories(); empty for rewrites
  Safety safety = Safety::kSafeIfVerified;
  std::string message;
  std::string note;
  Prior prior;
  std::vector<Transform> transforms;
  std::vector<WhereClause> where;
  std::vector<FixPart> fixes;
  std::vector<Example> examples;
  std::vector<Example> no_match;  // `after` is empty
  std::vector<CompiledRule> compiled;

  const CompiledRule* compiled_for(code::Language wanted) const;
};

// Reads one rule file. Throws Error "file:line: ..." on unknown keys, missing parts and text that does not parse.
std::shared_ptr<const Rule> load_rule(const std::string& file);
// All rules under `folder`/<language>/*.yaml, sorted by id; not those of `folder`/text (text_rule.h).
std::vector<std::shared_ptr<const Rule>> load_rule_files(const std::string& folder);
// $JARVIS2_RULES, else rules/ of the data that came with the program.
std::string default_rules_folder();

// A place where a rule applies.
struct Finding {
  code::Range range;
  std::string message;
  std::vector<Change> changes;  // the fix; empty where it would lose a comment or cannot be written here
};
// All findings of a rule in a file, in source order. `ranges` empty: the whole file. Thread-safe.
std::vector<Finding> find(const Rule& rule, const code::Workspace& workspace, const code::SourceFile& file,
                          const std::vector<code::Range>& ranges = {});
// `text` with the changes of findings applied, first come first served where they overlap.
std::string apply_findings(const std::string& text, const std::vector<Finding>& findings);

}  // namespace jarvis2::edit
