// python/optimise-function: one function through the other transformations in turn (inlining first, then objects to
// fields, hoisting, reuse, cleaning up), as one proposal. Single steps are worth little; the chain is what pays.
// Preconditions: those of every step; each step is proposed on the text that the earlier ones left, changes that
// function only, and parses. The note lists what the steps rely on.
#include <algorithm>
#include <set>

#include "base/hash.h"
#include "edit/python/rewriting.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

constexpr std::size_t kMostFunctions = 60;  // of a file
constexpr std::size_t kStepsOfAFile = 600;  // divided among its functions, the promising first
constexpr std::size_t kMostSteps = 90;      // a function
constexpr std::size_t kMostGrowth = 14000;  // bytes
constexpr int kRounds = 3;

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
  // What a step costs grows with the workspace.
  std::size_t steps_left = kStepsOfAFile / (1 + context.workspace.files().size() / 400);
  const std::string& path = context.file.path;
  const std::string& original = context.file.tree->text();
  std::vector<Ranked> functions = ranked(context);
  if (functions.size() > kMostFunctions) functions.resize(kMostFunctions);
  for (const Ranked& chosen : functions) {
    const std::uint32_t begin = chosen.function->node.range().begin;
    code::Workspace workspace = context.workspace;
    std::set<std::string> used;
    std::vector<std::string> notes;
    std::size_t count = 0;
    bool changed = true;
    if (steps_left == 0) break;
    for (int round = 0; round <= kRounds; ++round) {
      std::vector<const Transformation*> now;
      if (round == kRounds) {
        now = {closing.get()};
      } else if (changed) {
        for (const std::unique_ptr<Transformation>& step : steps) now.push_back(step.get());
      }
      changed = false;
      for (const Transformation* step : now) {
        const int most = step->name() == "python/unroll-recursion" ? 1 : 12;
        for (int repeat = 0; repeat < most && count < kMostSteps; ++repeat) {
          const code::SourceFile* file = workspace.find(path);
          const std::shared_ptr<const PythonWorld> world = PythonWorld::of(workspace);
          const PythonFunction* function = find_again(*world->facts(path), begin);
          if (function == nullptr) break;
          const Range range = function->node.range();
          const std::string& text = file->tree->text();
          if (text.size() > original.size() + kMostGrowth) break;
          const Proposal* taken = nullptr;
          const std::vector<Proposal> found = step->propose(workspace, *file, {range});
          for (const Proposal& proposal : found) {
            const bool inside =
                std::all_of(proposal.changes.begin(), proposal.changes.end(), [&](const Change& change) {
                  return change.path == path && range.begin < change.range.begin && change.range.end <= range.end + 1;
                });
            if (inside) {
              taken = &proposal;
              break;
            }
          }
          if (taken == nullptr) break;
          Edits edits;
          for (const Change& change : taken->changes) edits.replace(change.range, change.text);
          workspace = workspace.with(path, edits.apply(text, {0, static_cast<std::uint32_t>(text.size())}));
          const std::string rule = taken->rule.substr(taken->rule.find('/') + 1);
          if (used.insert(rule).second && !taken->note.empty()) notes.push_back(rule + ": " + taken->note);
          ++count;
          changed = true;
        }
      }
    }
    steps_left -= std::min(steps_left, count);
    if (count < 2) continue;
    const std::optional<Change> change =
        body_change(path, *chosen.function, original, workspace.find(path)->tree->text());
    if (!change) continue;
    std::string list;
    for (const std::string& rule : used) list += (list.empty() ? "" : ", ") + rule;
    std::string note;
    for (const std::string& one : notes) note += (note.empty() ? "" : " | ") + one;
    context.propose("optimise " + chosen.function->qualified + " in " + std::to_string(count) + " steps (" + list + ")",
                    note.empty() ? "every step is safe by itself" : note, chosen.function->node, {*change});
  }
}

}  // namespace

std::unique_ptr<Transformation> optimise_function() {
  return make_transformation("python/optimise-function", Safety::kSafeIfVerified, 1.2, find_optimise_function, true);
}

}  // namespace jarvis2::edit::python
