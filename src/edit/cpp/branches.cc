// c/unlikely: a test in a loop that guards an error path is marked as unlikely, so that the usual path runs straight.
// Preconditions: the branch only reports and leaves (throw, exit, abort, return of an error, perror).
// c/prefetch-next: a loop that follows a chain of pointers asks for the next element while it works on this one.
// Preconditions: the loop's step is `p = p->field` and p is not null in the body.
#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

bool error_value(Node value) {
  const Node node = code::bare(value);
  const std::string text = spelled(node);
  return text == "NULL" || text == "nullptr" || text == "-1" || text == "false" || text == "EXIT_FAILURE" ||
         text.find("ERR") != std::string::npos;
}

bool error_path(Node branch) {
  const std::vector<Node> statements =
      branch.is("compound_statement") ? code::named_children(branch) : std::vector<Node>{branch};
  if (statements.empty()) return false;
  const Node last = statements.back();
  if (last.is("throw_statement")) return true;
  if (last.is("return_statement")) {
    const std::vector<Node> parts = code::named_children(last);
    return parts.size() == 1 && error_value(parts[0]);
  }
  if (last.is("expression_statement") && last.named(0).is("call_expression")) {
    const std::string name = code::callee_name(last.named(0));
    return name == "exit" || name == "abort" || name == "perror" || name == "longjmp";
  }
  return false;
}

void find_unlikely(const Context& context) {
  for (const Node& statement : context.nodes({"if_statement"})) {
    if (!code::enclosing_loop(statement) || !error_path(statement.field("consequence"))) continue;
    const Node condition = statement.field("condition");
    const std::string text = spelled(condition);
    if (text.find("__builtin_expect") != std::string::npos || text.find("likely") != std::string::npos) continue;
    if (text.size() < 2 || text.front() != '(' || text.back() != ')') continue;
    if (!code::descendants(condition, {"declaration", "init_statement"}).empty()) continue;
    const Node test = code::bare(condition);
    if (test == condition) continue;
    Proposal proposal = context.draft(statement.range(), "mark the error path as unlikely", "the same test");
    replace(context, proposal, condition, "(__builtin_expect(!!" + text + ", 0))");
    context.emit(std::move(proposal));
  }
}

void find_prefetch(const Context& context) {
  for (const Node& loop : context.nodes({"for_statement", "while_statement"})) {
    const Node body = code::loop_body(loop);
    if (!body.is("compound_statement")) continue;
    std::vector<Node> steps;
    if (loop.is("for_statement")) {
      steps.push_back(code::bare(loop.field("update")));
    } else {
      const std::vector<Node> statements = code::named_children(body);
      if (!statements.empty() && statements.back().is("expression_statement"))
        steps.push_back(statements.back().named(0));
    }
    for (const Node& step : steps) {
      if (!step.is("assignment_expression") || step.field("operator").text() != "=") continue;
      const Node left = step.field("left");
      const Node right = code::bare(step.field("right"));
      if (!left.is("identifier") || !right.is("field_expression") || right.field("operator").text() != "->") continue;
      if (right.field("argument").text() != left.text()) continue;
      const std::string condition(code::bare(loop.field("condition")).text());
      if (condition.find(spelled(left)) == std::string::npos) continue;
      if (context.facts.type_of(right).pointers != 1) continue;
      const std::vector<Node> statements = code::named_children(body);
      if (statements.empty()) continue;
      if (body.text().find("__builtin_prefetch") != std::string_view::npos) continue;
      // Freed in the body: reading p->next first is what such a loop does by itself.
      const std::uint32_t at = statements[0].range().begin;
      Proposal proposal =
          context.draft(loop.range(), "prefetch " + spelled(right), "a prefetch changes nothing, whatever the address");
      replace(proposal, context.file.path, {at, at},
              "__builtin_prefetch(" + spelled(right) + ");" + line_end(context) + indent_of(statements[0]));
      context.emit(std::move(proposal));
    }
  }
}

}  // namespace

Made unlikely() {
  return make({"c/unlikely", Language::kC, 1.02}, find_unlikely);
}

Made prefetch_next() {
  return make({"c/prefetch-next", Language::kC, 1.05}, find_prefetch);
}

}  // namespace jarvis2::edit::cpp
