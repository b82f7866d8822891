// Runs rules over files.
#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/files.h"
#include "edit/rule.h"
#include "edit/rule_fix.h"

namespace jarvis2::edit {
namespace {

using code::Index;

constexpr std::size_t kLongestTransformed = 4000;

bool constraints_hold(const CompiledRule& compiled, const code::FlatTree& tree, code::Captures& captures) {
  for (const auto& [name, rule] : compiled.constraints) {
    const std::vector<Index>* bound = captures.find(name);
    if (bound == nullptr) continue;
    const std::vector<Index> nodes = *bound;  // matching may bind more
    for (const Index node : nodes) {
      if (!code::match(rule, tree, node, captures)) return false;
    }
  }
  return true;
}

// `source` with the matches of a pattern replaced by a text.
std::string rewritten(const code::Pattern& pattern, const std::string& by, const std::vector<Index>& source,
                      const ConditionContext& context) {
  const code::FlatTree& tree = context.tree;
  const std::string& text = tree.tree().text();
  std::string out;
  const code::Range whole = with_comments(tree, source, context.range());
  std::uint32_t done = whole.begin;
  for (const Index node : source) {
    for (Index at = node; at < tree[node].end;) {
      code::Captures captures = context.captures;
      const std::optional<code::Span> span = pattern.match(tree, at, captures);
      if (!span) {
        ++at;
        continue;
      }
      out.append(text, done, tree[at].begin_byte - done);
      out += by;
      done = tree[span->last].end_byte;
      at = tree[span->last].end;
    }
  }
  return out + text.substr(done, whole.end - done);
}

bool apply_transforms(const Rule& rule, const CompiledRule& compiled, ConditionContext& context) {
  for (const Transform& transform : rule.transforms) {
    const std::string name = transform.source.substr(transform.source.find_last_of('$') + 1);
    if (!transform.pattern.empty()) {
      const std::vector<Index>* source = context.captures.find(name);
      if (source == nullptr || source->empty()) return false;
      std::string by = transform.by;
      if (by.starts_with('$')) {
        const auto made = context.texts.find(by.substr(1));
        by = made != context.texts.end() ? made->second
                                         : std::string(context.tree.text(context.captures.one(by.substr(1))));
      }
      context.texts[transform.name] = rewritten(compiled.rewrites.at(transform.name), by, *source, context);
      context.carried.push_back(with_comments(context.tree, *source, context.range()));
      continue;
    }
    std::string value;
    if (const auto made = context.texts.find(name); made != context.texts.end()) {
      value = made->second;
    } else {
      const code::Range range = context.capture_range(name);
      value = context.tree.tree().text().substr(range.begin, range.size());
    }
    if (value.size() > kLongestTransformed) return false;
    context.texts[transform.name] = std::regex_replace(value, std::regex(transform.regex), transform.by);
  }
  return true;
}

class RuleTransformation : public Transformation {
 public:
  explicit RuleTransformation(std::shared_ptr<const Rule> rule) : rule_(std::move(rule)) {}
  std::string name() const override { return rule_->id; }
  code::Language language() const override { return rule_->language; }

  std::vector<Proposal> propose(const code::Workspace& workspace, const code::SourceFile& file,
                                const std::vector<code::Range>& ranges) const override {
    std::vector<Proposal> proposals;
    for (Finding& finding : find(*rule_, workspace, file, ranges)) {
      if (finding.changes.empty()) continue;
      Proposal proposal;
      proposal.rule = rule_->id;
      proposal.title = finding.message;
      proposal.note = rule_->safety == Safety::kAlwaysSafe ? "" : rule_->note;
      proposal.safety = rule_->safety;
      proposal.path = file.path;
      proposal.site = finding.range;
      proposal.prior_ratio = rule_->prior.ratio;
      proposal.changes = std::move(finding.changes);
      proposals.push_back(std::move(proposal));
    }
    return proposals;
  }

 private:
  std::shared_ptr<const Rule> rule_;
};

}  // namespace

std::vector<Finding> find(const Rule& rule, const code::Workspace& workspace, const code::SourceFile& file,
                          const std::vector<code::Range>& ranges) {
  std::vector<Finding> findings;
  const CompiledRule* compiled = rule.compiled_for(file.tree->language());
  if (compiled == nullptr) return findings;
  const std::shared_ptr<const code::FlatTree> tree = code::flatten(file.tree);
  FactCache facts;
  for (code::RuleMatch& match : code::find_all(compiled->rule, *tree, ranges)) {
    bool broken = false;
    for (Index at = match.span.first; at != code::kNoIndex && at <= match.span.last; at = (*tree)[at].end) {
      broken = broken || ts_node_has_error((*tree)[at].raw);
    }
    if (broken || !constraints_hold(*compiled, *tree, match.captures)) continue;
    std::map<std::string, std::string> texts;
    ConditionContext context{workspace, file, *tree, match.span, match.captures, texts, facts};
    const auto holds_here = [&](const WhereClause& clause) { return holds(clause, context); };
    if (!std::all_of(rule.where.begin(), rule.where.end(), holds_here)) continue;
    if (!apply_transforms(rule, *compiled, context)) continue;
    Finding finding;
    finding.range = context.range();
    finding.message = render_message(rule.message, context);
    finding.changes = render_fix(rule, *compiled, context);
    findings.push_back(std::move(finding));
  }
  return findings;
}

std::string apply_findings(const std::string& text, const std::vector<Finding>& findings) {
  std::vector<Change> taken;
  const auto clashes = [&](const Change& change) {
    return std::any_of(taken.begin(), taken.end(), [&](const Change& other) {
      return other.range.overlaps(change.range) ||
             (change.range.size() == 0 && other.range.begin < change.range.begin &&
              change.range.begin < other.range.end) ||
             (other.range.size() == 0 && change.range.begin < other.range.begin &&
              other.range.begin < change.range.end);
    });
  };
  for (const Finding& finding : findings) {
    if (std::any_of(finding.changes.begin(), finding.changes.end(), clashes)) continue;
    for (const Change& change : finding.changes) {
      const auto same = [&](const Change& other) { return other.range == change.range && other.text == change.text; };
      if (change.range.size() == 0 && std::any_of(taken.begin(), taken.end(), same)) continue;
      taken.push_back(change);
    }
  }
  std::stable_sort(taken.begin(), taken.end(), [](const Change& a, const Change& b) {
    return a.range.begin != b.range.begin ? a.range.begin < b.range.begin : a.range.end < b.range.end;
  });
  std::string out;
  std::size_t at = 0;
  for (const Change& change : taken) {
    out.append(text, at, change.range.begin - at);
    out += change.text;
    at = change.range.end;
  }
  return out + text.substr(at);
}

std::vector<std::unique_ptr<Transformation>> load_rules(const std::string& folder) {
  std::vector<std::unique_ptr<Transformation>> transformations;
  for (std::shared_ptr<const Rule>& rule : load_rule_files(folder)) {
    if (rule->severity != Severity::kPerformance) continue;  // for `audit` alone
    transformations.push_back(std::make_unique<RuleTransformation>(std::move(rule)));
  }
  return transformations;
}

}  // namespace jarvis2::edit
