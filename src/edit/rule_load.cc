// Rule files to rules: the schema, checked with file and line.
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "edit/rule.h"

namespace jarvis2::edit {
namespace {

using code::Language;
using code::NodeRule;

class Loader {
 public:
  explicit Loader(std::string file) : file_(std::move(file)) {}

  std::shared_ptr<Rule> load() {
    try {
      root_ = YAML::Load(read_file(file_));
    } catch (const YAML::Exception& error) {
      throw Error("edit::load_rule", file_ + ":" + std::to_string(error.mark.line + 1) + ": " + error.msg);
    }
    keys(root_, {"id", "language", "category", "severity", "message", "note", "safety", "prior", "rule", "constraints",
                 "utils", "transform", "where", "fix", "fixes", "examples", "no_match"});
    rule_ = std::make_shared<Rule>();
    rule_->file = file_;
    header();
    for (const Language language : languages()) rule_->compiled.push_back(compile(language));
    transforms();
    if (root_["where"]) where(root_["where"]);
    fixes();
    examples();
    check_variables();
    return rule_;
  }

 private:
  [[noreturn]] void fail(const YAML::Node& at, const std::string& what) const {
    throw Error("edit::load_rule", file_ + ":" + std::to_string(line_of(at)) + ": " + what);
  }
  static int line_of(const YAML::Node& at) { return at.Mark().is_null() ? 1 : at.Mark().line + 1; }

  void keys(const YAML::Node& map, std::initializer_list<const char*> known) const {
    if (!map.IsMap()) fail(map, "a mapping is expected here");
    std::set<std::string> seen;
    for (const auto& entry : map) {
      const std::string key = entry.first.as<std::string>();
      if (std::none_of(known.begin(), known.end(), [&](const char* name) { return key == name; })) {
        fail(entry.first, "unknown key `" + key + "`");
      }
      if (!seen.insert(key).second) fail(entry.first, "key `" + key + "` given twice");
    }
  }

  std::string text(const YAML::Node& node, const char* what) const {
    if (!node || !node.IsScalar()) fail(node ? node : root_, std::string("`") + what + "` must be text");
    return node.as<std::string>();
  }
  std::string required(const char* key) const {
    if (!root_[key]) fail(root_, std::string("`") + key + "` is missing");
    const std::string value = text(root_[key], key);
    if (value.empty()) fail(root_[key], std::string("`") + key + "` is empty");
    return value;
  }

  void header() {
    const std::string language = required("language");
    rule_->language = code::language_from_name(language);
    if (rule_->language != Language::kPython && rule_->language != Language::kC && rule_->language != Language::kCpp) {
      fail(root_["language"], "language must be python, c or cpp");
    }
    rule_->id = language + "/" + required("id");
    if (fs::path(file_).stem() != required("id")) fail(root_["id"], "id and file name differ");
    rule_->message = required("message");
    if (root_["note"]) rule_->note = text(root_["note"], "note");
    if (root_["category"]) {
      rule_->category = text(root_["category"], "category");
      const std::vector<std::string>& known = audit_categories();
      if (std::find(known.begin(), known.end(), rule_->category) == known.end()) {
        fail(root_["category"],
             "category must be one of unfinished, hard-coded, error-handling, correctness, portability, "
             "learned");
      }
    }
    const std::string severity = required("severity");
    if (severity == "performance") {
      rule_->severity = Severity::kPerformance;
    } else if (severity == "correctness") {
      rule_->severity = Severity::kCorrectness;
    } else if (severity == "readability") {
      rule_->severity = Severity::kReadability;
    } else {
      fail(root_["severity"], "severity must be performance, correctness or readability");
    }
    if (!rule_->category.empty()) {
      // Nothing is measured, and nobody but a person makes the change.
      if (rule_->severity == Severity::kPerformance) fail(root_["severity"], "a rule with a category is not for speed");
      for (const char* key : {"safety", "prior"}) {
        if (root_[key]) fail(root_[key], std::string("`") + key + "` is for rules without a category");
      }
      return;
    }
    const std::string safety = required("safety");
    if (safety != "always-safe" && safety != "safe-if-verified") {
      fail(root_["safety"], "safety must be always-safe or safe-if-verified");
    }
    rule_->safety = safety == "always-safe" ? Safety::kAlwaysSafe : Safety::kSafeIfVerified;
    if (rule_->safety == Safety::kSafeIfVerified && rule_->note.empty()) {
      fail(root_["safety"], "safe-if-verified needs a `note` that says where meaning could differ");
    }
    const YAML::Node prior = root_["prior"];
    if (!prior) fail(root_, "`prior` is missing");
    keys(prior, {"ratio", "measured", "setup", "call", "flags"});
    try {
      rule_->prior.ratio = prior["ratio"].as<double>();
    } catch (const YAML::Exception&) {
      fail(prior, "`ratio` must be a number");
    }
    if (!(rule_->prior.ratio > 0.1 && rule_->prior.ratio < 1e6)) fail(prior["ratio"], "`ratio` is out of range");
    rule_->prior.measured = text(prior["measured"], "measured");
    if (!prior["call"]) fail(prior, "`call` is missing: what rules/measure.py runs");
  }

  std::vector<Language> languages() const {
    if (rule_->language == Language::kC) return {Language::kC, Language::kCpp};
    return {rule_->language};
  }

  CompiledRule compile(Language language) {
    CompiledRule compiled;
    compiled.language = language;
    language_ = language;
    utilities_ = &compiled.utilities;
    const YAML::Node utils = root_["utils"];
    if (utils) {
      if (!utils.IsMap()) fail(utils, "`utils` must be a mapping from names to rules");
      for (const auto& entry : utils) {
        compiled.utilities[entry.first.as<std::string>()] = std::make_unique<NodeRule>();
      }
      for (const auto& entry : utils) *compiled.utilities[entry.first.as<std::string>()] = node_rule(entry.second);
    }
    if (!root_["rule"]) fail(root_, "`rule` is missing");
    compiled.rule = node_rule(root_["rule"]);
    if (root_["constraints"]) {
      if (!root_["constraints"].IsMap()) fail(root_["constraints"], "`constraints` must map variables to rules");
      for (const auto& entry : root_["constraints"]) {
        compiled.constraints.emplace(entry.first.as<std::string>(), node_rule(entry.second));
      }
    }
    return compiled;
  }

  TSSymbol symbol(const YAML::Node& node) const {
    const std::string name = text(node, "kind");
    const TSSymbol found = code::FlatTree::symbol_of(language_, name);
    // A C rule may name kinds that only the C++ grammar has, and the other way round.
    if (found == 0 && rule_->language != Language::kC) fail(node, "no kind `" + name + "` in this language");
    if (found == 0 && code::FlatTree::symbol_of(Language::kC, name) == 0 &&
        code::FlatTree::symbol_of(Language::kCpp, name) == 0) {
      fail(node, "no kind `" + name + "` in C or C++");
    }
    return found;
  }

  template <typename Make>
  auto compiled_part(const YAML::Node& at, Make&& make) const {
    try {
      return make();
    } catch (const Error& error) {
      fail(at, error.message());
    } catch (const std::regex_error& error) {
      fail(at, std::string("bad regular expression: ") + error.what());
    }
  }

  code::Pattern pattern(const YAML::Node& node) {
    if (node.IsScalar()) {
      const std::string source = node.as<std::string>();
      return compiled_part(node, [&] { return code::Pattern::compile(language_, source); });
    }
    keys(node, {"context", "selector"});
    const std::string context = text(node["context"], "context");
    const std::string selector = text(node["selector"], "selector");
    return compiled_part(node, [&] { return code::Pattern::compile(language_, {}, context, selector); });
  }

  NodeRule node_rule(const YAML::Node& node) {
    NodeRule rule;
    if (node.IsScalar()) {
      rule.pattern = pattern(node);
      return rule;
    }
    keys(node, {"pattern", "kind", "regex", "inside", "has", "follows", "precedes", "all", "any", "not", "matches"});
    if (node.size() == 0) fail(node, "the rule is empty");
    if (node["kind"]) {
      if (node["kind"].IsSequence()) {
        for (const YAML::Node& kind : node["kind"]) rule.kinds.push_back(symbol(kind));
      } else {
        rule.kinds.push_back(symbol(node["kind"]));
      }
    }
    if (node["pattern"]) rule.pattern = pattern(node["pattern"]);
    if (node["regex"]) {
      const std::string expression = text(node["regex"], "regex");
      rule.regex = compiled_part(node["regex"], [&] { return code::TextRule(expression); });
    }
    if (node["all"]) rule.all = rules(node["all"]);
    if (node["any"]) rule.any.push_back(rules(node["any"]));
    if (node["not"]) {
      if (node["not"].IsSequence()) {
        rule.negated = rules(node["not"]);
      } else {
        rule.negated.push_back(node_rule(node["not"]));
      }
    }
    if (node["matches"]) {
      const std::string name = text(node["matches"], "matches");
      const auto found = utilities_->find(name);
      if (found == utilities_->end()) fail(node["matches"], "no utility `" + name + "` under `utils`");
      rule.utility = found->second.get();
    }
    for (const auto& [key, type] :
         {std::pair{"inside", code::Relation::Type::kInside}, std::pair{"has", code::Relation::Type::kHas},
          std::pair{"follows", code::Relation::Type::kFollows},
          std::pair{"precedes", code::Relation::Type::kPrecedes}}) {
      if (node[key]) rule.relations.push_back(relation(node[key], type));
    }
    return rule;
  }

  std::vector<NodeRule> rules(const YAML::Node& list) {
    if (!list.IsSequence() || list.size() == 0) fail(list, "a list of rules is expected here");
    std::vector<NodeRule> result;
    for (const YAML::Node& entry : list) result.push_back(node_rule(entry));
    return result;
  }

  code::Relation relation(const YAML::Node& node, code::Relation::Type type) {
    code::Relation result;
    result.type = type;
    if (node.IsScalar()) {
      result.rule = std::make_unique<NodeRule>(node_rule(node));
      return result;
    }
    if (!node.IsMap()) fail(node, "a rule is expected here");
    YAML::Node rest(YAML::NodeType::Map);
    for (const auto& entry : node) {
      const std::string key = entry.first.as<std::string>();
      if (key == "stopBy") {
        if (entry.second.IsMap()) {
          result.stop = code::Relation::Stop::kRule;
          result.stop_rule = std::make_unique<NodeRule>(node_rule(entry.second));
        } else if (text(entry.second, "stopBy") == "end") {
          result.stop = code::Relation::Stop::kEnd;
        } else if (text(entry.second, "stopBy") != "neighbor") {
          fail(entry.second, "stopBy must be neighbor, end or a rule");
        }
      } else if (key == "field") {
        result.field = code::FlatTree::field_of(language_, text(entry.second, "field"));
        if (result.field == 0) fail(entry.second, "no field of this name in the language");
      } else {
        rest[entry.first] = entry.second;
      }
    }
    if (rest.size() == 0) fail(node, "the relation names no rule");
    result.rule = std::make_unique<NodeRule>(node_rule(rest));
    return result;
  }

  void transforms() {
    if (!root_["transform"]) return;
    if (!root_["transform"].IsMap()) fail(root_["transform"], "`transform` must be a mapping");
    for (const auto& entry : root_["transform"]) {
      keys(entry.second, {"replace", "rewrite"});
      Transform transform;
      transform.name = entry.first.as<std::string>();
      const YAML::Node replace = entry.second["replace"];
      const YAML::Node rewrite = entry.second["rewrite"];
      if (replace) {
        keys(replace, {"source", "replace", "by"});
        transform.regex = text(replace["replace"], "replace");
        compiled_part(replace, [&] { return code::TextRule(transform.regex); });
      } else if (rewrite) {
        keys(rewrite, {"source", "pattern", "by"});
        transform.pattern = text(rewrite["pattern"], "pattern");
        for (CompiledRule& compiled : rule_->compiled) {
          compiled.rewrites.emplace(transform.name, compiled_part(rewrite, [&] {
                                      return code::Pattern::compile(compiled.language, transform.pattern);
                                    }));
        }
      } else {
        fail(entry.second, "a transform is `replace` or `rewrite`");
      }
      const YAML::Node parts = replace ? replace : rewrite;
      transform.source = text(parts["source"], "source");
      transform.by = text(parts["by"], "by");
      rule_->transforms.push_back(transform);
    }
  }

  void where(const YAML::Node& list, bool negated = false) {
    if (!list.IsSequence()) fail(list, "`where` must be a list of conditions");
    for (const YAML::Node& entry : list) {
      if (!entry.IsMap() || entry.size() != 1) fail(entry, "one condition an entry: `- name: argument`");
      clause(entry.begin()->first, entry.begin()->second, negated);
    }
  }

  void clause(const YAML::Node& name, const YAML::Node& value, bool negated) {
    WhereClause result;
    result.condition = name.as<std::string>();
    if (result.condition == "not") {
      if (!value.IsMap() || value.size() != 1) fail(value, "`not` takes one condition");
      clause(value.begin()->first, value.begin()->second, !negated);
      return;
    }
    result.negated = negated;
    result.line = line_of(name);
    const Condition* condition = find_condition(rule_->language, result.condition);
    if (condition == nullptr) fail(name, "no condition `" + result.condition + "` for this language");
    const std::string known = " " + std::string(condition->arguments) + " ";
    if (value.IsMap()) {
      for (const auto& entry : value) {
        const std::string key = entry.first.as<std::string>();
        if (known.find(" " + key + " ") == std::string::npos && known.find(" !" + key + " ") == std::string::npos) {
          fail(entry.first, "condition `" + result.condition + "` has no argument `" + key + "`");
        }
        result.named[key] = text(entry.second, key.c_str());
      }
    } else {
      result.value = text(value, result.condition.c_str());
    }
    for (std::size_t at = known.find(" !"); at != std::string::npos; at = known.find(" !", at + 1)) {
      const std::string key = known.substr(at + 2, known.find(' ', at + 1) - at - 2);
      if (result.argument(key).empty()) fail(name, "condition `" + result.condition + "` needs `" + key + "`");
    }
    rule_->where.push_back(std::move(result));
  }

  void fixes() {
    if (root_["fix"]) rule_->fixes.push_back({FixPlace::kReplace, "", text(root_["fix"], "fix")});
    if (root_["fixes"]) {
      if (!root_["fixes"].IsSequence()) fail(root_["fixes"], "`fixes` must be a list");
      for (const YAML::Node& entry : root_["fixes"]) {
        keys(entry, {"replace", "with", "insert", "text"});
        FixPart part;
        if (entry["replace"]) {
          part.variable = text(entry["replace"], "replace");
          if (part.variable == "match") part.variable.clear();
          part.text = text(entry["with"], "with");
        } else {
          const std::string place = text(entry["insert"], "insert");
          part.text = text(entry["text"], "text");
          if (place == "before_statement") {
            part.place = FixPlace::kBeforeStatement;
          } else if (place == "after_statement") {
            part.place = FixPlace::kAfterStatement;
          } else if (place == "before_loop") {
            part.place = FixPlace::kBeforeLoop;
          } else if (place == "function_top") {
            part.place = FixPlace::kFunctionTop;
          } else if (place == "before_toplevel") {
            part.place = FixPlace::kBeforeToplevel;
          } else if (place == "import") {
            part.place = FixPlace::kImport;
          } else if (place == "include") {
            part.place = FixPlace::kInclude;
          } else {
            fail(entry["insert"],
                 "insert must be before_statement, after_statement, before_loop, function_top, before_toplevel, "
                 "import or include");
          }
        }
        rule_->fixes.push_back(std::move(part));
      }
    }
    if (rule_->fixes.empty() && rule_->category.empty()) fail(root_, "`fix` or `fixes` is missing");
    for (CompiledRule& compiled : rule_->compiled) {
      for (const FixPart& part : rule_->fixes) compiled.templates.push_back(compile_fix(compiled.language, part.text));
    }
  }

  void examples() {
    if (!root_["examples"] || !root_["examples"].IsSequence() || root_["examples"].size() == 0) {
      fail(root_, "`examples` is missing: a match and its result");
    }
    for (const YAML::Node& entry : root_["examples"]) {
      keys(entry, {"name", "before", "after"});
      const std::string before = text(entry["before"], "before");
      if (rule_->fixes.empty()) {
        if (entry["after"]) fail(entry["after"], "`after` without a fix");
        rule_->examples.push_back({entry["name"] ? text(entry["name"], "name") : "", before, before, line_of(entry)});
        continue;
      }
      rule_->examples.push_back(
          {entry["name"] ? text(entry["name"], "name") : "", before, text(entry["after"], "after"), line_of(entry)});
      if (rule_->examples.back().before == rule_->examples.back().after) fail(entry, "before and after are equal");
    }
    if (!root_["no_match"] || !root_["no_match"].IsSequence() || root_["no_match"].size() == 0) {
      fail(root_, "`no_match` is missing: code that the rule leaves alone");
    }
    for (const YAML::Node& entry : root_["no_match"]) {
      rule_->no_match.push_back({"", text(entry, "no_match"), "", line_of(entry)});
    }
  }

  static void pattern_variables(const NodeRule& rule, std::set<std::string>& names) {
    if (rule.pattern) {
      for (const std::string& name : rule.pattern->variables()) names.insert(name);
    }
    for (const NodeRule& part : rule.all) pattern_variables(part, names);
    for (const std::vector<NodeRule>& choice : rule.any) {
      for (const NodeRule& part : choice) pattern_variables(part, names);
    }
    for (const code::Relation& relation : rule.relations) pattern_variables(*relation.rule, names);
    if (rule.utility != nullptr) pattern_variables(*rule.utility, names);
  }

  // Every variable that constraints, conditions, transforms and fixes use must come from somewhere.
  void check_variables() const {
    std::set<std::string> names = {"MATCH"};
    for (const CompiledRule& compiled : rule_->compiled) {
      pattern_variables(compiled.rule, names);
      for (const auto& [name, rule] : compiled.constraints) {
        if (!names.contains(name)) fail(root_["constraints"], "no variable $" + name + " in the rule");
        pattern_variables(rule, names);
      }
    }
    for (const WhereClause& clause : rule_->where) {
      if (clause.condition == "fresh_name") {
        names.insert(clause.named.contains("var") ? clause.named.at("var").substr(1) : std::string());
      }
    }
    for (const Transform& transform : rule_->transforms) names.insert(transform.name);
    static const std::regex kVariable(R"(\$(?:\$\$)?([A-Z][A-Z0-9_]*))");
    const auto check = [&](const std::string& value, const std::string& where) {
      for (std::sregex_iterator at(value.begin(), value.end(), kVariable), end; at != end; ++at) {
        if (!names.contains((*at)[1].str())) fail(root_, where + " uses $" + (*at)[1].str() + ", which nothing binds");
      }
    };
    for (const FixPart& part : rule_->fixes) {
      check(part.text, "the fix");
      check(part.variable, "the fix");
    }
    for (const Transform& transform : rule_->transforms) check(transform.source, "transform");
    for (const WhereClause& clause : rule_->where) {
      check(clause.value, clause.condition);
      for (const auto& [key, value] : clause.named) {
        if (key != "regex") check(value, clause.condition);
      }
    }
    check(rule_->message, "the message");
  }

  std::string file_;
  YAML::Node root_;
  std::shared_ptr<Rule> rule_;
  Language language_ = Language::kNone;
  std::map<std::string, std::unique_ptr<NodeRule>>* utilities_ = nullptr;
};

}  // namespace

std::string severity_name(Severity severity) {
  switch (severity) {
    case Severity::kPerformance:
      return "performance";
    case Severity::kCorrectness:
      return "correctness";
    case Severity::kReadability:
      return "readability";
  }
  return "";
}

const std::vector<std::string>& audit_categories() {
  static const std::vector<std::string> kCategories = {"unfinished",  "hard-coded",  "error-handling",
                                                       "correctness", "portability", "learned"};
  return kCategories;
}

const CompiledRule* Rule::compiled_for(code::Language wanted) const {
  for (const CompiledRule& one : compiled) {
    if (one.language == wanted) return &one;
  }
  return nullptr;
}

std::shared_ptr<const Rule> load_rule(const std::string& file) {
  return Loader(file).load();
}

std::vector<std::shared_ptr<const Rule>> load_rule_files(const std::string& folder) {
  if (!fs::is_directory(folder)) throw Error("edit::load_rules", folder + ": no such folder of rules");
  std::vector<std::shared_ptr<const Rule>> rules;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".yaml" || entry.path().parent_path().filename() == "text") continue;
    rules.push_back(load_rule(entry.path().string()));
  }
  std::sort(rules.begin(), rules.end(),
            [](const std::shared_ptr<const Rule>& a, const std::shared_ptr<const Rule>& b) { return a->id < b->id; });
  for (std::size_t i = 1; i < rules.size(); ++i) {
    if (rules[i]->id == rules[i - 1]->id) {
      throw Error("edit::load_rules", rules[i]->file + ":1: id " + rules[i]->id + " is taken by " + rules[i - 1]->file);
    }
  }
  return rules;
}

}  // namespace jarvis2::edit
