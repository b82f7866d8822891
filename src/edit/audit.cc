#include "edit/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"

namespace jarvis2::edit {
namespace {

bool matches_any(const std::vector<std::string>& globs, const std::string& name) {
  return globs.empty() || std::any_of(globs.begin(), globs.end(),
                                      [&](const std::string& glob) { return glob == name || glob_match(glob, name); });
}

// Text without white space, so that layout does not count.
std::string squeezed(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') out += c;
  }
  return out;
}

void place(AuditFinding& finding, const code::Tree& tree, code::Range range) {
  finding.line = tree.line_of(range.begin);
  finding.column = range.begin - tree.line_range(finding.line).begin + 1;
  finding.end_line = tree.line_of(range.end);
  finding.end_column = range.end - tree.line_range(finding.end_line).begin + 1;
}

std::string category_of(const std::string& given, Severity severity) {
  return given.empty() ? severity_name(severity) : given;
}

std::vector<AuditFinding> audit_file(const code::Workspace& workspace, const code::SourceFile& file,
                                     const AuditRules& rules, const std::vector<TextFinding>& texts) {
  std::vector<std::pair<AuditFinding, code::Range>> found;
  const code::Language language = file.tree->language();
  for (const std::shared_ptr<const Rule>& rule : rules.rules) {
    for (const Finding& one : find(*rule, workspace, file)) {
      AuditFinding finding{.rule = rule->id, .severity = severity_name(rule->severity), .path = file.path};
      finding.message = one.message;
      finding.note = rule->note;
      finding.safety = rule->safety;
      finding.prior_ratio = rule->prior.ratio;
      finding.fixable = !one.changes.empty();
      finding.category = category_of(rule->category, rule->severity);
      found.emplace_back(std::move(finding), one.range);
    }
  }
  for (const std::unique_ptr<Transformation>& transformation : rules.transformations) {
    const bool fits = transformation->language() == language ||
                      (transformation->language() == code::Language::kC && language == code::Language::kCpp);
    if (!fits || transformation->composite()) continue;
    for (const Proposal& one : transformation->propose(workspace, file, {})) {
      if (one.path != file.path) continue;
      AuditFinding finding{.rule = one.rule, .severity = severity_name(Severity::kPerformance), .path = file.path};
      finding.message = one.title;
      finding.note = one.note;
      finding.safety = one.safety;
      finding.prior_ratio = one.prior_ratio;
      finding.fixable = true;
      finding.category = finding.severity;
      found.emplace_back(std::move(finding), one.site);
    }
  }
  for (const TextFinding& one : texts) {
    const TextRule& rule = rules.text->rules()[one.rule];
    AuditFinding finding{.rule = rule.id, .severity = severity_name(rule.severity), .category = rule.category};
    finding.path = file.path;
    finding.message = rule.message;
    finding.note = rule.note;
    found.emplace_back(std::move(finding), one.range);
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::tie(a.second.begin, a.second.end, a.first.rule) < std::tie(b.second.begin, b.second.end, b.first.rule);
  });
  std::vector<AuditFinding> findings;
  std::map<std::string, int> seen;
  const std::vector<Suppression> ignored = found.empty() ? std::vector<Suppression>() : suppressions(*file.tree);
  for (auto& [finding, range] : found) {
    place(finding, *file.tree, range);
    const std::string text = squeezed(std::string_view(file.tree->text()).substr(range.begin, range.size()));
    const std::string content = finding.rule + '\n' + file.path + '\n' + text;
    finding.fingerprint = fmt::format("{:016x}", hash64(fmt::format("{}\n{}", content, seen[content]++)));
    for (const Suppression& one : ignored) {
      if (one.line == finding.line && suppresses(one, finding.rule)) finding.suppressed = one.reason;
    }
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace

AuditRules audit_rules(const std::string& folder, const std::vector<std::string>& globs) {
  AuditRules chosen;
  for (std::shared_ptr<const Rule>& rule : load_rule_files(folder)) {
    if (matches_any(globs, rule->id) || matches_any(globs, category_of(rule->category, rule->severity)))
      chosen.rules.push_back(std::move(rule));
  }
  const auto take = [&](std::vector<std::unique_ptr<Transformation>> some) {
    for (std::unique_ptr<Transformation>& transformation : some) {
      if (matches_any(globs, transformation->name())) chosen.transformations.push_back(std::move(transformation));
    }
  };
  std::vector<TextRule> texts = load_text_rules(folder);
  std::erase_if(
      texts, [&](const TextRule& rule) { return !matches_any(globs, rule.id) && !matches_any(globs, rule.category); });
  chosen.text = std::make_shared<const TextRules>(std::move(texts));
  take(python_transformations());
  take(cpp_transformations());
  return chosen;
}

std::vector<AuditFinding> audit(const code::Workspace& workspace, const AuditRules& rules, unsigned threads,
                                std::stop_token stop) {
  const std::vector<code::SourceFile>& files = workspace.files();
  const std::vector<std::vector<TextFinding>> texts = rules.text->find(workspace, threads, stop);
  std::vector<std::vector<AuditFinding>> by_file(files.size());
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    for (std::size_t i = next++; i < files.size() && !stop.stop_requested(); i = next++) {
      try {
        by_file[i] = audit_file(workspace, files[i], rules, texts[i]);
      } catch (...) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (!failure) failure = std::current_exception();
        next = files.size();
      }
    }
  };
  {
    std::vector<std::jthread> workers;
    for (unsigned i = 1; i < std::min<std::size_t>(std::max(threads, 1u), files.size()); ++i)
      workers.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
  if (stop.stop_requested()) throw Interrupted();
  std::vector<AuditFinding> findings;
  for (std::vector<AuditFinding>& some : by_file) {
    std::move(some.begin(), some.end(), std::back_inserter(findings));
  }
  return findings;
}

}  // namespace jarvis2::edit
