// jarvis2 audit: what the rules find in a repository's tracked files.
#include "edit/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

#include "app/app.h"
#include "app/mine.h"
#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/log.h"
#include "code/model.h"
#include "hardware/workers.h"
#include "project/repository.h"

namespace jarvis2::app {
namespace {

using edit::AuditFinding;
using edit::AuditRules;

struct AuditOptions {
  std::string dir = ".";
  std::string baseline;
  std::vector<std::string> rules;
  std::string rules_folder;
  bool sarif = false;
  bool list = false;
  bool mine = false;
  MineOptions mining;
};

std::string dumped(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string safety_name(edit::Safety safety) {
  return safety == edit::Safety::kAlwaysSafe ? "always-safe" : "safe-if-verified";
}

// The parsed working copies of the tracked files at or below `dir`.
code::Workspace tracked_files(const std::string& dir, unsigned threads) {
  const project::Repository repository = project::Repository::open(dir);
  const fs::path root = fs::weakly_canonical(repository.root());
  const std::string below = fs::relative(fs::weakly_canonical(dir), root).generic_string();
  std::vector<std::pair<std::string, std::string>> texts;
  for (const std::string& path : repository.files(repository.head())) {
    const bool wanted = below == "." || path == below || path.starts_with(below + "/");
    if (!wanted || code::language_of(path) == code::Language::kNone) continue;
    std::error_code error;
    if (!fs::is_regular_file(root / path, error)) continue;  // deleted since
    texts.emplace_back(path, read_file(root / path));
  }
  return code::parse_workspace(texts, threads, std::vector<bool>(texts.size(), true));
}

// Fingerprints of an earlier `audit --json` or `audit --sarif`.
std::set<std::string> read_baseline(const std::string& file) {
  std::set<std::string> known;
  try {
    const Json json = Json::parse(read_file(file));
    if (json.contains("findings")) {
      for (const Json& finding : json.at("findings")) known.insert(finding.at("fingerprint").get<std::string>());
      return known;
    }
    for (const Json& run : json.at("runs")) {
      for (const Json& result : run.at("results")) {
        known.insert(result.at("partialFingerprints").at("jarvis2/v1").get<std::string>());
      }
    }
  } catch (const Json::exception& error) {
    throw Error("app::audit", file + ": not the output of `audit --json` or `--sarif`: " + error.what());
  }
  return known;
}

Json as_json(const std::vector<AuditFinding>& findings) {
  Json list = Json::array();
  for (const AuditFinding& one : findings) {
    list.push_back({{"rule", one.rule},
                    {"severity", one.severity},
                    {"category", one.category},
                    {"path", one.path},
                    {"line", one.line},
                    {"column", one.column},
                    {"end_line", one.end_line},
                    {"end_column", one.end_column},
                    {"message", one.message},
                    {"note", one.note},
                    {"safety", safety_name(one.safety)},
                    {"prior_ratio", one.prior_ratio},
                    {"fixable", one.fixable},
                    {"fingerprint", one.fingerprint}});
  }
  return list;
}

std::string uri(const std::string& path) {
  std::string out;
  for (const char c : path) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                       std::string_view("-._~/+@,").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

// Columns count characters in SARIF, bytes with us.
std::uint32_t character_column(const code::Tree& tree, std::uint32_t line, std::uint32_t column) {
  const code::Range range = tree.line_range(line);
  const std::string_view text = std::string_view(tree.text()).substr(range.begin, column - 1);
  return 1 + static_cast<std::uint32_t>(std::count_if(
                 text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; }));
}

Json as_sarif(const std::vector<AuditFinding>& findings, const code::Workspace& workspace, const AuditRules& known) {
  const auto level = [](const std::string& severity) {
    if (severity == "correctness") return "error";
    return severity == "performance" ? "warning" : "note";
  };
  Json rules = Json::array();
  std::map<std::string, std::size_t> index;
  for (const std::shared_ptr<const edit::Rule>& rule : known.rules) {
    index.emplace(rule->id, rules.size());
    rules.push_back({{"id", rule->id},
                     {"shortDescription", {{"text", rule->message}}},
                     {"fullDescription", {{"text", rule->note.empty() ? rule->message : rule->note}}},
                     {"defaultConfiguration", {{"level", level(edit::severity_name(rule->severity))}}},
                     {"properties", {{"safety", safety_name(rule->safety)}, {"prior_ratio", rule->prior.ratio}}}});
  }
  for (const edit::TextRule& rule : known.text->rules()) {
    index.emplace(rule.id, rules.size());
    rules.push_back({{"id", rule.id},
                     {"shortDescription", {{"text", rule.message}}},
                     {"fullDescription", {{"text", rule.note.empty() ? rule.message : rule.note}}},
                     {"defaultConfiguration", {{"level", level(edit::severity_name(rule.severity))}}},
                     {"properties", {{"category", rule.category}}}});
  }
  for (const AuditFinding& one : findings) {
    if (!index.emplace(one.rule, rules.size()).second) continue;
    rules.push_back({{"id", one.rule},
                     {"shortDescription", {{"text", one.rule}}},
                     {"defaultConfiguration", {{"level", level(one.severity)}}}});
  }
  Json results = Json::array();
  for (const AuditFinding& one : findings) {
    const code::Tree& tree = *workspace.find(one.path)->tree;
    results.push_back(
        {{"ruleId", one.rule},
         {"ruleIndex", index.at(one.rule)},
         {"level", level(one.severity)},
         {"message", {{"text", one.message}}},
         {"locations", Json::array({{{"physicalLocation",
                                      {{"artifactLocation", {{"uri", uri(one.path)}, {"uriBaseId", "%SRCROOT%"}}},
                                       {"region",
                                        {{"startLine", one.line},
                                         {"startColumn", character_column(tree, one.line, one.column)},
                                         {"endLine", one.end_line},
                                         {"endColumn", character_column(tree, one.end_line, one.end_column)}}}}}}})},
         {"partialFingerprints", {{"jarvis2/v1", one.fingerprint}}}});
    if (one.suppressed.empty()) continue;
    results.back()["suppressions"] = Json::array({{{"kind", "inSource"}, {"justification", one.suppressed}}});
  }
  return {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
          {"version", "2.1.0"},
          {"runs", Json::array({{{"tool", {{"driver", {{"name", "jarvis2"}, {"version", "0.1.0"}, {"rules", rules}}}}},
                                 {"columnKind", "unicodeCodePoints"},
                                 {"results", results}}})}};
}

int list_rules(const AuditRules& known, bool json) {
  Json list = Json::array();
  for (const std::shared_ptr<const edit::Rule>& rule : known.rules) {
    list.push_back({{"rule", rule->id},
                    {"kind", "rule"},
                    {"severity", edit::severity_name(rule->severity)},
                    {"safety", safety_name(rule->safety)},
                    {"category", rule->category.empty() ? edit::severity_name(rule->severity) : rule->category},
                    {"prior_ratio", rule->category.empty() ? Json(rule->prior.ratio) : Json()},
                    {"measured", rule->prior.measured},
                    {"message", rule->message}});
  }
  for (const std::unique_ptr<edit::Transformation>& one : known.transformations) {
    list.push_back({{"rule", one->name()}, {"kind", "transformation"}, {"severity", "performance"}});
  }
  for (const edit::TextRule& rule : known.text->rules()) {
    list.push_back({{"rule", rule.id},
                    {"kind", "text"},
                    {"severity", edit::severity_name(rule.severity)},
                    {"category", rule.category},
                    {"message", rule.message}});
  }
  if (json) {
    fmt::print("{}\n", dumped({{"rules", list}}));
    return kDone;
  }
  for (const Json& one : list) {
    const std::string ratio = one.contains("prior_ratio") && one["prior_ratio"].is_number()
                                  ? fmt::format("{:.2f}", one["prior_ratio"].get<double>())
                                  : "";
    fmt::print("{:<44} {:<12} {:>6}  {}\n", one["rule"].get<std::string>(), one["severity"].get<std::string>(), ratio,
               one.contains("message") ? one["message"].get<std::string>() : "transformation on the code model");
  }
  return kDone;
}

int audit(const AuditOptions& options, const Common& common) {
  const std::string folder = options.rules_folder.empty() ? edit::default_rules_folder() : options.rules_folder;
  const AuditRules known = edit::audit_rules(folder, options.rules);
  if (known.empty()) {
    throw Error("app::audit", "no rule has a name like " + fmt::format("{}", fmt::join(options.rules, ", ")) +
                                  ": see `jarvis2 audit --list-rules`");
  }
  if (options.list) return list_rules(known, common.json);
  const std::set<std::string> baseline =
      options.baseline.empty() ? std::set<std::string>() : read_baseline(options.baseline);
  const unsigned threads = static_cast<unsigned>(hardware::workers(hardware::this_machine()).search);
  const code::Workspace workspace = tracked_files(options.dir, threads);
  std::vector<AuditFinding> findings = edit::audit(workspace, known, threads, interrupt_token());
  std::vector<AuditFinding> shown;
  std::copy_if(findings.begin(), findings.end(), std::back_inserter(shown),
               [](const AuditFinding& one) { return one.suppressed.empty(); });
  const std::size_t suppressed = findings.size() - shown.size();
  if (!options.sarif) findings = shown;  // SARIF tells of suppressed ones too
  const std::size_t all = findings.size();
  std::erase_if(findings, [&](const AuditFinding& one) { return baseline.contains(one.fingerprint); });
  if (options.sarif) {
    fmt::print("{}\n", dumped(as_sarif(findings, workspace, known)));
  } else if (common.json) {
    fmt::print("{}\n", dumped({{"findings", as_json(findings)},
                               {"files", workspace.files().size()},
                               {"known", all - findings.size()},
                               {"suppressed", suppressed}}));
  } else {
    for (const AuditFinding& one : findings) {
      fmt::print("{}:{}:{}: {}: {} [{}]\n", one.path, one.line, one.column, one.severity, one.message, one.rule);
    }
  }
  const std::size_t counted = static_cast<std::size_t>(
      std::count_if(findings.begin(), findings.end(), [](const AuditFinding& one) { return one.suppressed.empty(); }));
  std::string more = options.baseline.empty() ? "" : fmt::format(", {} known", all - findings.size());
  if (suppressed > 0) more += fmt::format(", {} suppressed", suppressed);
  if (!common.quiet) log::info("{} findings{} in {} files", counted, more, workspace.files().size());
  return counted == 0 ? kDone : kNotFound;
}

}  // namespace

Command add_audit(CLI::App& root, Common& common) {
  CLI::App* app = root.add_subcommand("audit", "Show what the rules find in a repository's tracked files");
  const std::shared_ptr<AuditOptions> options = std::make_shared<AuditOptions>();
  app->add_option("dir", options->dir, "The repository, or a folder of it")->check(CLI::ExistingDirectory);
  app->add_flag("--sarif", options->sarif, "Print SARIF 2.1.0 on stdout");
  app->add_option("--baseline", options->baseline, "Leave out what an earlier --json or --sarif output holds")
      ->check(CLI::ExistingFile);
  app->add_option("--rules", options->rules, "Only these rules (names or globs, separated by commas)")->delimiter(',');
  app->add_option("--rules-folder", options->rules_folder, "Read rules from here")->check(CLI::ExistingDirectory);
  app->add_flag("--list-rules", options->list, "List the rules and leave");
  app->add_flag("--mine", options->mine, "Show rules that the repository's history suggests, for review");
  app->add_option("--mine-write", options->mining.write, "Write them below this folder (for --rules-folder)");
  app->add_option("--mine-commits", options->mining.mine.commits, "Look at the newest so many")->capture_default_str();
  app->add_option("--mine-edits", options->mining.mine.min_edits, "A rule must come from so many places, two commits")
      ->capture_default_str();
  return {app, [options, &common] {
            options->mining.dir = options->dir;
            return options->mine ? mine(options->mining, common) : audit(*options, common);
          }};
}

}  // namespace jarvis2::app
