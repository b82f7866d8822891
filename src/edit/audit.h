// What the rules and transformations see in a whole workspace, without asking where the time goes.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "edit/rule.h"
#include "edit/text_rule.h"

namespace jarvis2::edit {

struct AuditFinding {
  std::string rule;      // "python/sorted-first-to-min"
  std::string severity;  // performance, correctness, readability
  std::string category;  // performance, or one of audit_categories()
  std::string path;
  std::uint32_t line = 0;    // 1-based, as are the others
  std::uint32_t column = 0;  // in bytes
  std::uint32_t end_line = 0;
  std::uint32_t end_column = 0;  // one past the last byte
  std::string message;
  std::string note;
  std::string fingerprint;  // survives moved lines: of rule, path and the matched text
  Safety safety = Safety::kSafeIfVerified;
  double prior_ratio = 1.0;
  bool fixable = false;
  std::string suppressed;  // the reason that a comment in the code gives; empty: it counts
};

struct AuditRules {
  std::vector<std::shared_ptr<const Rule>> rules;
  std::vector<std::unique_ptr<Transformation>> transformations;
  std::shared_ptr<const TextRules> text;
  bool empty() const { return rules.empty() && transformations.empty() && text->rules().empty(); }
};
// Rules of a folder and the transformations of this build whose names, or their categories, match one of `globs`
// (empty: all).
AuditRules audit_rules(const std::string& folder, const std::vector<std::string>& globs = {});

// Findings of all files, sorted by path and place, suppressed ones too. Files are shared out among `threads`. Throws
// Interrupted when `stop` is requested.
std::vector<AuditFinding> audit(const code::Workspace& workspace, const AuditRules& rules, unsigned threads,
                                std::stop_token stop = {});

}  // namespace jarvis2::edit
