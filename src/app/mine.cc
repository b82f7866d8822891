// jarvis2 audit --mine: rules out of a repository's own history, for review.
#include "app/mine.h"

#include <fmt/format.h>

#include <memory>

#include "app/app.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/log.h"
#include "project/repository.h"

namespace jarvis2::app {

int mine(const MineOptions& options, const Common& common) {
  const project::Repository repository = project::Repository::open(options.dir);
  const std::vector<edit::HistoryEdit> edits = edit::history_edits(repository.root(), options.mine, interrupt_token());
  const std::vector<edit::MinedRule> rules = edit::mine(edits, options.mine);
  Json list = Json::array();
  for (const edit::MinedRule& rule : rules) {
    const std::string language(code::language_name(rule.language));
    list.push_back({{"rule", language + "/" + rule.id},
                    {"before", rule.before},
                    {"after", rule.after},
                    {"edits", rule.edits.size()},
                    {"commits", rule.commits},
                    {"yaml", rule.yaml}});
    if (!options.write.empty()) {
      const fs::path folder = fs::path(options.write) / language;
      fs::create_directories(folder);
      write_file_atomic(folder / (rule.id + ".yaml"), rule.yaml);
    }
    if (common.json) continue;
    fmt::print("{}  ->  {}\n    {} edits in {} commits: {}\n", rule.before, rule.after, rule.edits.size(),
               rule.commits.size(), fmt::join(rule.commits, " "));
  }
  if (common.json) {
    fmt::print("{}\n",
               Json{{"rules", list}, {"edits", edits.size()}}.dump(2, ' ', false, Json::error_handler_t::replace));
  }
  if (!common.quiet) {
    log::info("{} rules out of {} small edits{}", rules.size(), edits.size(),
              options.write.empty() || rules.empty()
                  ? ""
                  : fmt::format("; try them: jarvis2 audit --rules-folder {}", options.write));
  }
  return rules.empty() ? kNotFound : kDone;
}

}  // namespace jarvis2::app
