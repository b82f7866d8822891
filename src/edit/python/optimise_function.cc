// python/optimise-function: one function through the other transformations in turn (inlining first, then objects to
// fields, hoisting, reuse, cleaning up), as one proposal. Single steps are worth little; the chain is what pays.
// The rules of rules/python come last, as nothing else could change the same lines any more; those that round
// differently make a second proposal. Preconditions: those of every step; each step is proposed on the text that the
// earlier ones left, changes that function only, and parses. The note lists what the steps rely on.
#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "edit/python/rewriting.h"
#include "edit/python/transformations.h"
#include "edit/rule.h"

namespace jarvis2::edit::python {
namespace {

constexpr std::size_t kMostFunctions = 60;  // of a file
constexpr std::size_t kStepsOfAFile = 600;  // divided among its functions, the promising first
constexpr std::size_t kMostSteps = 90;      // a function
constexpr std::size_t kMostGrowth = 14000;  // bytes
constexpr int kRounds = 3;
constexpr std::size_t kMostRuleSteps = 24;  // a function
constexpr double kLeastRatio = 1.05;        // of a rule, as measured

// Rules after which a floating-point result may differ in its last bit.
constexpr std::array<std::string_view, 7> kRoundDifferently = {
    "python/square-to-multiply",  "python/square-of-expression", "python/cube-to-multiply",
    "python/power-half-to-sqrt",  "python/math-pow-square",      "python/product-loop-to-prod",
    "python/pow-call-to-operator"};

// The rules for Python that pay, without and with those that round differently; empty where no folder of rules is.
struct ClosingRules {
  std::vector<std::unique_ptr<Transformation>> exact;
  std::vector<std::unique_ptr<Transformation>> rounding;
};

ClosingRules closing_rules() {
  ClosingRules result;
  try {
    for (std::unique_ptr<Transformation>& rule : load_rules(default_rules_folder())) {
      if (rule->language() != code::Language::kPython) continue;
      const bool rounds =
          std::find(kRoundDifferently.begin(), kRoundDifferently.end(), rule->name()) != kRoundDifferently.end();
      (rounds ? result.rounding : result.exact).push_back(std::move(rule));
    }
  } catch (const Error& error) {
    log::debug("optimise-function goes without rules: {}", error.message());
  }
  return result;
}

struct Ranked {
  const PythonFunction* function;
  double weight;
};

// Loops inside and calls from loops: where time may go as far as the text tells.
std::vector<Ranked> ranked(const Context& context) {
  std::vector<Ranked> result;
  for (const PythonFunction& function : context.facts.functions()) {
    if (!context.wanted(function.node) || function.is_async) continue;
    double weight = 0;
    for (const PythonLoop& loop : context.facts.loops()) {
      if (context.facts.frame_of(loop.node) == function.scope) weight += 2.0 * loop.depth;
    }
    if (function.name != "__init__") {
      for (const PythonWorld::CallSite& site : context.world->calls_of(function.name))
        weight += site.facts->loop_of(site.call) ? 2 : 1;
    }
    for (const std::string_view name : {"comprehension", "generator"}) {
      code::walk(function.body, [&](Node node) {
        weight += node.kind().find(name) != std::string_view::npos ? 0.5 : 0;
        return true;
      });
    }
    if (weight > 0) result.push_back({&function, weight});
  }
  std::stable_sort(result.begin(), result.end(), [](const Ranked& a, const Ranked& b) { return a.weight > b.weight; });
  return result;
}

const PythonFunction* find_again(const PythonFacts& facts, std::uint32_t begin) {
  for (const PythonFunction& function : facts.functions()) {
    if (function.node.range().begin == begin) return &function;
  }
  return nullptr;
}

// The body as a whole: the least difference would leave out lines that look as before but stand elsewhere, and other
// actions could rewrite them too.
std::optional<Change> body_change(const std::string& path, const PythonFunction& function, std::string_view before,
                                  std::string_view after) {
  if (before == after) return std::nullopt;
  const std::uint32_t begin = line_begin(before, function.body.range().begin);
  const std::size_t tail = before.size() - whole_lines(function.node).end;
  if (begin <= function.node.range().begin || after.size() < begin + tail ||
      before.substr(0, begin) != after.substr(0, begin) ||
      before.substr(before.size() - tail) != after.substr(after.size() - tail))
    return std::nullopt;
  return Change{path,
                {begin, static_cast<std::uint32_t>(before.size() - tail)},
                std::string(after.substr(begin, after.size() - tail - begin))};
}

// One function on its way: the workspace as the steps left it, and what they rely on.
class Work {
 public:
  Work(const Context& context, const PythonFunction& function)
      : workspace_(context.workspace),
        path_(context.file.path),
        original_(context.file.tree->text().size()),
        begin_(function.node.range().begin) {}

  // The first proposal of `step` that changes this function only, if it is expected to give `least`; false: none.
  bool take(const Transformation& step, double least = 0) {
    const code::SourceFile* file = workspace_.find(path_);
    const std::shared_ptr<const PythonWorld> world = PythonWorld::of(workspace_);
    const PythonFunction* function = find_again(*world->facts(path_), begin_);
    if (function == nullptr) return false;
    const Range range = function->node.range();
    const std::string& text = file->tree->text();
    if (text.size() > original_ + kMostGrowth) return false;
    const std::vector<Proposal> found = step.propose(workspace_, *file, {range});
    const auto taken = std::find_if(found.begin(), found.end(), [&](const Proposal& proposal) {
      return proposal.prior_ratio >= least &&
             std::all_of(proposal.changes.begin(), proposal.changes.end(), [&](const Change& change) {
               return change.path == path_ && range.begin < change.range.begin && change.range.end <= range.end + 1;
             });
    });
    if (taken == found.end()) return false;
    Edits edits;
    for (const Change& change : taken->changes) edits.replace(change.range, change.text);
    workspace_ = workspace_.with(path_, edits.apply(text, {0, static_cast<std::uint32_t>(text.size())}));
    const std::string rule = taken->rule.substr(taken->rule.find('/') + 1);
    if (used_.insert(rule).second && !taken->note.empty()) notes_.push_back(rule + ": " + taken->note);
    ++count_;
    return true;
  }

  // As often as they apply; what they do is seen once a rule, so that none can undo another for ever.
  void take_rules(const std::vector<std::unique_ptr<Transformation>>& rules) {
    const std::size_t most = count_ + kMostRuleSteps;
    for (const std::unique_ptr<Transformation>& rule : rules) {
      for (int repeat = 0; repeat < 6 && count_ < most && take(*rule, kLeastRatio); ++repeat) {
      }
    }
  }

  std::size_t count() const { return count_; }

  void propose(Context& context, const PythonFunction& function) const {
    const std::optional<Change> change =
        body_change(path_, function, context.file.tree->text(), workspace_.find(path_)->tree->text());
    if (!change) return;
    std::string list;
    for (const std::string& rule : used_) list += (list.empty() ? "" : ", ") + rule;
    std::string note;
    for (const std::string& one : notes_) note += (note.empty() ? "" : " | ") + one;
    context.propose("optimise " + function.qualified + " in " + std::to_string(count_) + " steps (" + list + ")",
                    note.empty() ? "every step is safe by itself" : note, function.node, {*change});
  }

 private:
  code::Workspace workspace_;
  const std::string& path_;
  std::size_t original_;
  std::uint32_t begin_;
  std::set<std::string> used_;
  std::vector<std::string> notes_;
  std::size_t count_ = 0;
};

void find_optimise_function(Context& context) {
  static const std::vector<std::unique_ptr<Transformation>> steps = [] {
    std::vector<std::unique_ptr<Transformation>> all;
    for (const auto make : {unroll_recursion,       inline_method,
                            inline_function,        inline_operator,
                            inline_property,        inline_generator,
                            inline_polymorphic,     comprehension_to_loop,
                            scalar_replace,         sum_generator_to_loop,
                            min_max_to_conditional, extreme_of_many_to_comparisons,
                            fill_loop_to_slice,     copy_loop_to_slice,
                            unroll_small_loop,      while_to_for_range,
                            range_len_to_enumerate, generator_to_list,
                            keyword_to_positional,  propagate_copy,
                            merge_temporary,        hoist_invariant_constructor,
                            hoist_invariant_call,   attribute_in_local,
                            global_in_local,        hoist_attribute_chain,
                            hoist_subscript,        hoist_arithmetic,
                            cell_in_local,          cells_by_unpacking,
                            reuse_pure_expression})
      all.push_back(make());
    return all;
  }();
  // Undoes what comprehension-to-loop opened in vain, so it comes last.
  static const std::unique_ptr<Transformation> closing = append_loop_to_comprehension();
  static const ClosingRules rules = closing_rules();
  // What a step costs grows with the workspace.
  std::size_t steps_left = kStepsOfAFile / (1 + context.workspace.files().size() / 400);
  std::vector<Ranked> functions = ranked(context);
  if (functions.size() > kMostFunctions) functions.resize(kMostFunctions);
  for (const Ranked& chosen : functions) {
    if (steps_left == 0) break;
    Work work(context, *chosen.function);
    bool changed = true;
    for (int round = 0; round < kRounds && changed; ++round) {
      changed = false;
      for (const std::unique_ptr<Transformation>& step : steps) {
        const int most = step->name() == "python/unroll-recursion" ? 1 : 12;
        for (int repeat = 0; repeat < most && work.count() < kMostSteps && work.take(*step); ++repeat) changed = true;
      }
    }
    for (int repeat = 0; repeat < 12 && work.take(*closing); ++repeat) {
    }
    work.take_rules(rules.exact);
    steps_left -= std::min(steps_left, work.count());
    if (work.count() >= 2) work.propose(context, *chosen.function);
    const std::size_t before = work.count();
    work.take_rules(rules.rounding);
    if (work.count() > before && work.count() >= 2) {
      work.propose(context, *chosen.function);
    }
  }
}

}  // namespace

std::unique_ptr<Transformation> optimise_function() {
  return make_transformation("python/optimise-function", Safety::kSafeIfVerified, 1.2, find_optimise_function, true);
}

}  // namespace jarvis2::edit::python
