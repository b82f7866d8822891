// Rules out of a repository's own history: small edits that came again, generalised [compare: Rolim et al., Revisar,
// 2018]. Offered to people for review; nothing applies them.
#pragma once

#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/files.h"
#include "code/syntax.h"

namespace jarvis2::edit {

// A change of one commit: neighbouring lines taken out and put in.
struct HistoryEdit {
  std::string commit;  // shortened
  std::string path;
  std::string before, after;
};

struct MinedRule {
  std::string id;  // "mined-len-0-to-not", without the language
  code::Language language = code::Language::kNone;
  std::string before, after;  // patterns with metavariables
  std::vector<HistoryEdit> edits;
  std::set<std::string> commits;
  std::string yaml;  // a rule file that loads, and does to every one of `edits` what the commit did
};

struct MineOptions {
  std::size_t commits = 2000;   // the newest
  std::size_t min_commits = 2;  // a rule must come from so many ...
  std::size_t min_edits = 3;    // ... and so many places
};

// Small edits of Python, C and C++ files, newest first; asks the git program. Throws Error where git does.
std::vector<HistoryEdit> history_edits(const fs::path& repository, const MineOptions& options,
                                       std::stop_token stop = {});
// The smallest change of code that explains an edit, as (before, after) with metavariables; empty when there is none.
std::pair<std::string, std::string> generalised(code::Language language, const std::string& before,
                                                const std::string& after);
// Rules that several edits agree on, the most frequent first.
std::vector<MinedRule> mine(const std::vector<HistoryEdit>& edits, const MineOptions& options);

}  // namespace jarvis2::edit
