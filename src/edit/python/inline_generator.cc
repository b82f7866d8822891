// python/inline-generator: the body of a small generator function in place of the for loop that consumes it.
// Preconditions: the callee is known (see inline-function) and each of its yields is a statement outside try and
// with; it has no return; the loop has no break, continue or else of its own, and does not store what the arguments
// name. The consumer's body runs where the yield stood, in the same order as before.
// Differs: an exception in the consumer's body no longer leaves a suspended generator behind; tracebacks.
#include <algorithm>

#include "edit/python/inlining.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

constexpr std::size_t kMostCopied = 600;  // nodes of the loop's body, all copies

void find_inline_generator(Context& context) {
  const PythonFacts& facts = context.facts;
  for (const PythonLoop& loop : facts.loops()) {
    if (!loop.node.is("for_statement") || loop.node.field("alternative") || !context.wanted(loop.node)) continue;
    if (facts.frame_of(loop.node) == 0 || loop.node.child(0).text() == "async" || !alone_on_lines(loop.node)) continue;
    const std::optional<BoundCall> call = bind_call(context, loop.node.field("right"));
    if (!call || !call->callee->is_generator || !not_inlinable(context, *call->callee, true).empty()) continue;
    const PythonFunction& callee = *call->callee;
    if (leaves_loop(loop.body, "break_statement") || leaves_loop(loop.body, "continue_statement")) continue;
    std::vector<Node> yields;
    bool possible = callee.returns.empty();
    code::walk(callee.body, [&](Node node) {
      if (!node.is("yield")) return true;
      const Node statement = callee.facts->parent(node);
      possible &= statement.is("expression_statement") && node.text().find("yield from") != 0 &&
                  alone_on_lines(statement) && !callee.facts->ancestor(statement, {"try_statement", "with_statement"});
      yields.push_back(statement);
      return false;
    });
    if (!possible || yields.empty() || yields.size() * count_nodes(loop.body) > kMostCopied) continue;
    const NameSet stored = facts.names_stored_in(loop.node);
    for (const Argument& argument : call->arguments) {
      if (!argument.node || argument.is_default) continue;
      for (const std::string& name : facts.names_read_in(argument.node)) possible &= stored.count(name) == 0;
    }
    const std::optional<BodyPlan> plan = plan_body(context, *call, {});
    const std::optional<std::string> indent = indentation(loop.node);
    const std::vector<Node> body = statements(loop.body);
    const std::optional<std::string> target = on_one_line(context.source(), loop.node.field("left"), {});
    if (!possible || !plan || !indent || body.empty() || !indentation(body.front()) || !target || plan->expression_form)
      continue;
    const std::string ending = line_end(context.tree());
    Edits places;
    for (const Node statement : yields) {
      const std::optional<std::string> inner = indentation(statement);
      const Node value = statement.named(0).named(0);
      const std::optional<std::string> text =
          value ? on_one_line(callee.facts->tree().text(), value, plan->renames) : std::optional<std::string>("None");
      const std::optional<std::string> copy = inner ? moved_lines(body.front(), body.back(), {}, *inner) : std::nullopt;
      if (!text || !copy) {
        possible = false;
        break;
      }
      std::string all = *target + " = " + *text + ending + *copy;
      while (all.back() == '\n' || all.back() == '\r') all.pop_back();
      places.replace(statement, all);
    }
    if (!possible) continue;
    Edits edits = places;
    for (const Change& change : plan->renames.changes("")) {
      if (!places.overlaps(change.range)) edits.replace(change.range, change.text);
    }
    const std::optional<std::string> moved = moved_lines(plan->body.front(), plan->body.back(), edits, *indent);
    if (!moved) continue;
    std::string text;
    for (const auto& [name, value] : plan->bound) text += *indent + name + " = " + value + ending;
    text += *moved;
    text = text.substr(indent->size());
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    Edits whole;
    whole.replace(loop.node, text);
    context.propose("inline generator " + callee.qualified + " into " + facts.symbol_of(loop.node),
                    "relies on: " + call->fact + "; the loop reads the generator to its end", loop.node, whole);
  }
}

}  // namespace

std::unique_ptr<Transformation> inline_generator() {
  return make_transformation("python/inline-generator", Safety::kSafeIfVerified, 1.12, find_inline_generator);
}

}  // namespace jarvis2::edit::python
