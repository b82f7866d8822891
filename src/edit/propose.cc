#include "edit/propose.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "base/error.h"
#include "base/log.h"

namespace jarvis2::edit {
namespace {

struct Job {
  const Transformation* transformation;
  const code::SourceFile* file;
  std::vector<code::Range> ranges;
};

bool fits(const Transformation& transformation, code::Language language) {
  const code::Language wanted = transformation.language();
  return wanted == language || (wanted == code::Language::kC && language == code::Language::kCpp);
}

std::vector<Proposal> run_jobs(const std::vector<Job>& jobs, const code::Workspace& workspace, unsigned threads,
                               const std::stop_token& stop) {
  std::vector<std::vector<Proposal>> found(jobs.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i; !stop.stop_requested() && (i = next.fetch_add(1)) < jobs.size();) {
      // One broken rule must not end the run: it is named, the others go on.
      try {
        found[i] = jobs[i].transformation->propose(workspace, *jobs[i].file, jobs[i].ranges);
      } catch (const std::exception& error) {
        log::warning("rule {} failed on {}: {}", jobs[i].transformation->name(), jobs[i].file->path, error.what());
      }
    }
  };
  {
    std::vector<std::jthread> pool;
    for (unsigned i = 1; i < threads && i < jobs.size(); ++i) pool.emplace_back(work);
    work();
  }
  std::vector<Proposal> all;
  for (std::vector<Proposal>& list : found) {
    for (Proposal& proposal : list) all.push_back(std::move(proposal));
  }
  return all;
}

bool parses(const code::Workspace& workspace, const std::string& path, const std::string& text) {
  const code::SourceFile* file = workspace.find(path);
  if (file == nullptr) return true;
  if (file->tree->root().has_error()) return true;  // it had errors before; the build will tell
  return !code::Tree::parse(file->tree->language(), text)->root().has_error();
}

void set_site(Action& action, const code::Model& model, const Heat& heat, const code::Workspace& workspace) {
  const code::SourceFile* file = workspace.find(action.path);
  if (file == nullptr) return;
  action.line = file->tree->line_of(action.site.begin);
  const std::uint32_t last =
      file->tree->line_of(action.site.end > action.site.begin ? action.site.end - 1 : action.site.begin);
  action.line_share = heat.of_lines(action.path, action.line, last);
  if (const code::Function* function = model.function_at(action.path, action.site.begin)) {
    action.symbol = function->qualified;
    action.share = heat.of_lines(action.path, function->line, function->end_line);
  } else {
    action.share = action.line_share;
  }
  // An edit far from the heat (a class made slotted, a callee's definition) works where the others are used.
  for (const Replacement& part : action.replacements) {
    if (const code::Function* function = model.function_at(part.path, part.range.begin)) {
      action.share = std::max(action.share, heat.of_lines(part.path, function->line, function->end_line));
    }
  }
}

Action to_action(const Proposal& proposal) {
  Action action;
  action.kind = Kind::kRewrite;
  action.rule = proposal.rule;
  action.title = proposal.title;
  action.note = proposal.note;
  action.safety = proposal.safety;
  action.path = proposal.path;
  action.site = proposal.site;
  // Measured on a function that is little but the rewritten code: a real one holds more than that.
  action.prior_ratio = std::clamp(proposal.prior_ratio, 0.9, 1.6);
  return action;
}

// Ranges of the functions of `file` that are worth a look.
std::vector<code::Range> hot_ranges(const code::SourceFile& file, const code::Model& model, const Heat& heat,
                                    const ProposeOptions& options) {
  std::vector<code::Range> ranges;
  for (const code::Function& function : model.functions()) {
    if (function.path != file.path) continue;
    if (options.accept && !options.accept(file.path, &function)) continue;
    if (!heat.lines.empty() && heat.of_lines(file.path, function.line, function.end_line) < options.min_share) continue;
    ranges.push_back(function.range);
  }
  return ranges;
}

}  // namespace

double Heat::of_lines(const std::string& path, std::uint32_t first, std::uint32_t last) const {
  const auto file = lines.find(path);
  if (file == lines.end()) return 0;
  double sum = 0;
  for (auto at = file->second.lower_bound(first); at != file->second.end() && at->first <= last; ++at)
    sum += at->second;
  return sum;
}

std::vector<ActionId> propose(const std::vector<std::unique_ptr<Transformation>>& transformations,
                              const code::Workspace& workspace, const code::Model& model, const Heat& heat,
                              const ProposeOptions& options, Catalogue& catalogue) {
  std::vector<Job> jobs;
  for (const code::SourceFile& file : workspace.files()) {
    if (!file.editable) continue;
    const bool warm = heat.lines.empty() || heat.lines.contains(file.path);
    std::vector<code::Range> ranges = hot_ranges(file, model, heat, options);
    // Classes and module level: looked at whole where anything in the file is hot.
    if (warm && (!options.accept || options.accept(file.path, nullptr)) &&
        heat.of_lines(file.path, 0, UINT32_MAX) >= options.min_share) {
      ranges = {file.tree->root().range()};
    }
    if (ranges.empty()) continue;
    for (const std::unique_ptr<Transformation>& transformation : transformations) {
      if (transformation->composite() && !options.composites) continue;
      if (fits(*transformation, file.tree->language())) jobs.push_back({transformation.get(), &file, ranges});
    }
  }
  std::vector<Action> actions;
  for (const Proposal& proposal : run_jobs(jobs, workspace, options.threads, options.stop)) {
    if (options.safe_only && proposal.safety != Safety::kAlwaysSafe) continue;
    Action action = to_action(proposal);
    bool allowed = !proposal.changes.empty();
    std::map<std::string, std::vector<Change>> by_path;
    for (const Change& change : proposal.changes) {
      const code::SourceFile* file = workspace.find(change.path);
      allowed = allowed && file != nullptr && file->editable && change.range.end <= file->tree->text().size();
      if (!allowed) break;
      action.replacements.push_back({change.path, file->sha256, change.range, change.text});
    }
    if (!allowed) continue;
    set_site(action, model, heat, workspace);
    if (!heat.lines.empty() && action.share < options.min_share) continue;
    actions.push_back(std::move(action));
  }
  std::stable_sort(actions.begin(), actions.end(), [](const Action& a, const Action& b) { return a.share > b.share; });
  std::vector<ActionId> added;
  for (Action& action : actions) {
    if (added.size() >= options.max_actions) break;
    const std::size_t before = catalogue.size();
    const ActionId id = catalogue.add(std::move(action));
    if (catalogue.size() > before) added.push_back(id);
  }
  return added;
}

std::vector<ActionId> propose_after(const std::vector<std::unique_ptr<Transformation>>& transformations,
                                    const code::Workspace& workspace, const code::Model& base_model, const Heat& heat,
                                    const ActionSet& set, const BaseReader& base, const ProposeOptions& options,
                                    Catalogue& catalogue) {
  std::vector<ActionId> added;
  const std::map<std::string, MaterialisedFile> now = materialise(catalogue, set, base);
  code::Workspace after = workspace;
  for (const auto& [path, file] : now) {
    if (workspace.find(path) != nullptr) after = after.with(path, file.text);
  }
  code::Workspace touched;
  for (const auto& [path, file] : now) {
    if (const code::SourceFile* source = after.find(path)) touched.add(*source);
  }
  const code::Model model = code::Model::build(touched, 1);
  std::vector<Job> jobs;
  for (const auto& [path, file] : now) {
    const code::SourceFile* source = after.find(path);
    if (source == nullptr || !source->editable) continue;
    std::vector<code::Range> ranges;
    for (const Piece& piece : file.pieces) {
      const code::Function* function = model.function_at(path, piece.now.begin);
      if (function != nullptr) ranges.push_back(function->range);
    }
    std::sort(ranges.begin(), ranges.end(),
              [](const code::Range& a, const code::Range& b) { return a.begin < b.begin; });
    ranges.erase(std::unique(ranges.begin(), ranges.end()), ranges.end());
    if (ranges.empty()) continue;
    for (const std::unique_ptr<Transformation>& transformation : transformations) {
      if (fits(*transformation, source->tree->language())) jobs.push_back({transformation.get(), source, ranges});
    }
  }
  for (const Proposal& proposal : run_jobs(jobs, after, options.threads, options.stop)) {
    if (options.safe_only && proposal.safety != Safety::kAlwaysSafe) continue;
    std::vector<TextChange> changes;
    bool allowed = !proposal.changes.empty();
    std::map<std::string, std::string> texts;
    for (const Change& change : proposal.changes) {
      const code::SourceFile* file = after.find(change.path);
      allowed = allowed && file != nullptr && file->editable;
      if (!allowed) break;
      changes.push_back({change.path, change.range, change.text});
    }
    if (!allowed) continue;
    const std::optional<Rebased> rebased = rebase(catalogue, set, now, base, changes);
    if (!rebased) continue;
    Action action = to_action(proposal);
    action.replacements = rebased->replacements;
    action.supersedes = rebased->supersedes;
    action.requires_actions = rebased->supersedes;
    // A rewrite of untouched text that the base texts did not offer depends on its neighbours in the same function.
    const code::Function* site =
        (now.contains(proposal.path) ? model : base_model).function_at(proposal.path, proposal.site.begin);
    if (rebased->supersedes.empty()) {
      Action probe = action;
      const std::size_t before = catalogue.size();
      bool known = false;
      for (ActionId id = 0; id < before && !known; ++id) {
        const Action& other = catalogue.at(id);
        known = other.requires_actions.empty() && other.replacements.size() == probe.replacements.size() &&
                std::equal(other.replacements.begin(), other.replacements.end(), probe.replacements.begin(),
                           [](const Replacement& a, const Replacement& b) {
                             return a.path == b.path && a.range == b.range && a.text == b.text;
                           });
      }
      if (known) continue;
      for (const ActionId id : set) {
        bool near = site == nullptr;
        for (const auto& [path, file] : now) {
          for (const Piece& piece : file.pieces) {
            near =
                near || (piece.owner == id && site != nullptr && path == site->path && site->range.contains(piece.now));
          }
        }
        if (near) action.requires_actions.push_back(id);
      }
    }
    action.requires_actions = catalogue.closure(action.requires_actions);
    // The site in the base text: that of the first replacement in the proposal's file.
    for (const Replacement& part : action.replacements) {
      if (part.path == proposal.path) {
        action.site = part.range;
        break;
      }
    }
    set_site(action, base_model, heat, workspace);
    for (const ActionId need : action.requires_actions) {
      action.share = std::max(action.share, catalogue.at(need).share);
      action.line_share = std::max(action.line_share, catalogue.at(need).line_share);
    }
    if (!heat.lines.empty() && action.share < options.min_share) continue;
    // Whole-text check: chains are where broken syntax would come from.
    ActionSet all = set;
    const std::size_t before = catalogue.size();
    const ActionId id = catalogue.add(std::move(action));
    if (catalogue.size() == before) continue;
    all.push_back(id);
    try {
      for (const auto& [path, file] : materialise(catalogue, catalogue.closure(all), base)) {
        if (!parses(workspace, path, file.text)) throw Error("edit::propose_after", "does not parse");
      }
      added.push_back(id);
    } catch (const Error&) {
      // It stays in the catalogue (ids are dense) but can never be chosen.
      catalogue.facts(id).recommendation_only = true;
    }
  }
  return added;
}

}  // namespace jarvis2::edit
