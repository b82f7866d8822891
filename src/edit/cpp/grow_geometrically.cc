// c/grow-geometrically: a buffer that grows by a constant is copied once for every few elements; growing it by its own
// size too makes the total cost linear.
// Preconditions: `capacity += CONSTANT` (or `capacity = capacity + CONSTANT`) and, in the statements after it, a
// realloc/resize/reserve whose size names that very variable: so it is the capacity of that buffer, nothing else.
// Meaning: more memory is reserved (at most twice what is used); a printed capacity would differ.
#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

bool grows_with(Node statement, const std::string& place) {
  for (const Node& call : code::descendants(statement, {"call_expression", "new_expression"})) {
    if (call.is("new_expression")) {
      if (call.text().find(place) != std::string_view::npos) return true;
      continue;
    }
    std::string name = code::callee_name(call);
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (name.find("realloc") == std::string::npos && name != "resize" && name != "reserve") continue;
    const std::vector<Node> arguments = code::call_arguments(call);
    if (!arguments.empty() && arguments.back().text().find(place) != std::string_view::npos) return true;
    for (const Node& argument : arguments) {
      if (argument.text().find(place) != std::string_view::npos) return true;
    }
  }
  return false;
}

void find_grow_geometrically(const Context& context) {
  for (const Node& assignment : context.nodes({"assignment_expression"})) {
    const Node statement = assignment.parent();
    if (!statement.is("expression_statement")) continue;
    const std::string place = spelled(assignment.field("left"));
    Node step;
    if (assignment.field("operator").text() == "+=") {
      step = assignment.field("right");
    } else {
      const Node sum = code::bare(assignment.field("right"));
      if (assignment.field("operator").text() != "=" || !sum.is("binary_expression") ||
          sum.field("operator").text() != "+" || sum.field("left").text() != place) {
        continue;
      }
      step = sum.field("right");
    }
    const std::string text = spelled(step);
    const bool macro = step.is("identifier") && context.info.macros.contains(text);
    if (!macro && !integer_value(context.facts, step)) continue;
    bool capacity = false;
    int distance = 0;
    for (Node next = statement.next_sibling(); next && distance < 4 && !capacity;
         next = next.next_sibling(), ++distance) {
      capacity = grows_with(next, place);
    }
    if (!capacity) continue;
    Proposal proposal =
        context.draft(statement.range(), "grow the buffer of " + place + " by its own size",
                      place + " is the size given to realloc: it is a capacity; more memory is reserved");
    replace(context, proposal, step, place + " + " + text);
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made grow_geometrically() {
  return make({"c/grow-geometrically", Language::kC, 1.02}, find_grow_geometrically);
}

}  // namespace jarvis2::edit::cpp
