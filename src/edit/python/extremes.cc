// python/extreme-of-many-to-comparisons: min(a, b, c) and max(a, b, c) become comparisons in front of the statement.
// Preconditions: the builtin is not rebound; three to six positional arguments; the call may run before all else in its
// statement. The chosen object is the same: the first one that no later one undercuts (max: exceeds).
// Differs: a comparison happens before the next argument is evaluated.
#include <algorithm>

#include "edit/python/inlining.h"
#include "edit/python/numbers.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

void find(Context& context) {
  const PythonFacts& facts = context.facts;
  context.walk_wanted([&](Node call) {
    if (!call.is("call") || !context.wanted(call) || facts.frame_of(call) == 0) return true;
    const bool smallest = facts.is_builtin(call.field("function"), "min");
    if (!smallest && !facts.is_builtin(call.field("function"), "max")) return true;
    const Node list = call.field("arguments");
    if (!list.is("argument_list") || list.named_count() < 3 || list.named_count() > 6 ||
        list.children().size() != list.named_count())
      return true;
    for (const Node argument : list.children()) {
      if (argument.is("keyword_argument") || argument.is("list_splat") || argument.is("dictionary_splat") ||
          argument.text().find('\n') != std::string_view::npos ||
          contains_kind(argument, {"named_expression", "yield", "await"}))
        return true;
    }
    const Node statement = facts.statement_of(call);
    const std::optional<std::string> indent = statement ? indentation(statement) : std::nullopt;
    if (!indent || statement.is("while_statement") || facts.ancestor(call, {"lambda"}) ||
        facts.scopes()[facts.scope_of(call)].kind != PythonScopeKind::kFunction)
      return true;
    if (!can_run_first(context, call, statement, context.world->effects(facts, call))) return true;
    NameSet taken;
    // `x = min(...)` compares in x itself where no later argument reads it.
    const Node assignment = facts.parent(call);
    bool direct = assignment.is("assignment") && assignment.field("right") == call &&
                  assignment.field("left").is("identifier") && !assignment.field("type") &&
                  facts.parent(assignment) == statement && alone_on_lines(statement);
    const PythonBinding* binding = nullptr;
    if (direct) {
      direct = own_local(facts, assignment.field("left"), &binding);
      for (std::uint32_t i = 1; i < list.named_count(); ++i)
        direct &=
            !mentions_name(list.named(i), assignment.field("left").text()) && !contains_kind(list.named(i), {"call"});
    }
    const std::string ending = line_end(context.tree());
    const std::string best = direct ? std::string(assignment.field("left").text())
                                    : fresh_name(facts, smallest ? "least" : "greatest", taken);
    std::string lines;
    if (!(direct && list.named(0).text() == best))
      lines += *indent + best + " = " + std::string(list.named(0).text()) + ending;
    std::string candidate;
    for (std::uint32_t i = 1; i < list.named_count(); ++i) {
      const Node argument = list.named(i);
      std::string text(argument.text());
      if (!is_simple(facts, argument)) {
        if (candidate.empty()) candidate = fresh_name(facts, "candidate", taken);
        lines += *indent + candidate + " = " + text + ending;
        text = candidate;
      }
      lines += *indent + "if " + text + (smallest ? " < " : " > ") + best + ":" + ending;
      lines += *indent + indent_unit(context.tree()) + best + " = " + text + ending;
    }
    Edits edits;
    if (direct) {
      // a comment behind the statement stays behind the first line
      if (whole_lines(statement).end - statement.range().end > ending.size()) return true;
      edits.replace(whole_lines(statement), lines);
    } else {
      edits.insert(line_begin(context.source(), statement.range().begin), lines);
      edits.replace(call, best);
    }
    context.propose(std::string(smallest ? "min" : "max") + "() of " + std::to_string(list.named_count()) +
                        " becomes comparisons in " + facts.symbol_of(call),
                    "relies on: the builtin is not rebound and comparing has no effect", call, edits);
    return true;
  });
}

}  // namespace

std::unique_ptr<Transformation> extreme_of_many_to_comparisons() {
  return make_transformation("python/extreme-of-many-to-comparisons", Safety::kSafeIfVerified, 1.2, find);
}

}  // namespace jarvis2::edit::python
