// cpp/substr-to-compare: `s.substr(a, n) == t` makes a string to compare it; `s.compare(a, n, t) == 0` does not.
// cpp/substr-to-shrink: `s = s.substr(k)` → `s.erase(0, k)`, `s = s.substr(0, k)` → `s.resize(k)`.
// Preconditions: s is a std::string; t a string, a literal or a char pointer; for resize, k is `s.size() - n` (no
// growth).
#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

bool is_substr(const CFacts& facts, Node node) {
  return node.is("call_expression") && code::callee_name(node) == "substr" && code::call_receiver(node) &&
         facts.type_of(code::call_receiver(node)).name() == "string";
}

void find_compare(const Context& context) {
  for (const Node& test : context.nodes({"binary_expression"})) {
    const std::string op = spelled(test.field("operator"));
    if (op != "==" && op != "!=") continue;
    const Node left = code::bare(test.field("left"));
    const Node right = code::bare(test.field("right"));
    const bool first = is_substr(context.facts, left);
    const Node cut = first ? left : right;
    const Node other = first ? right : left;
    if (!is_substr(context.facts, cut)) continue;
    const std::vector<Node> arguments = code::call_arguments(cut);
    if (arguments.empty() || arguments.size() > 2) continue;
    const CType type = context.facts.type_of(other);
    if (type.name() != "string" && !(type.base == "char" && type.pointers == 1)) continue;
    if (is_substr(context.facts, other)) continue;
    const std::string length = arguments.size() == 2 ? spelled(arguments[1]) : "std::string::npos";
    Proposal proposal = context.draft(
        test.range(), "compare a part of " + spelled(code::call_receiver(cut)) + " without copying it", "");
    replace(context, proposal, test,
            spelled(code::call_receiver(cut)) + ".compare(" + spelled(arguments[0]) + ", " + length + ", " +
                spelled(other) + ") " + op + " 0");
    context.emit(std::move(proposal));
  }
}

void find_shrink(const Context& context) {
  for (const Node& assignment : context.nodes({"assignment_expression"})) {
    if (!assignment.parent().is("expression_statement") || assignment.field("operator").text() != "=") continue;
    const Node left = assignment.field("left");
    const Node right = code::bare(assignment.field("right"));
    if (!is_substr(context.facts, right) || code::call_receiver(right).text() != left.text()) continue;
    const std::vector<Node> arguments = code::call_arguments(right);
    std::string text;
    if (arguments.size() == 1) {
      text = spelled(left) + ".erase(0, " + spelled(arguments[0]) + ")";
    } else if (arguments.size() == 2 && integer_value(context.facts, arguments[0]) == 0) {
      const Node length = code::bare(arguments[1]);
      const bool shrinks = length.is("binary_expression") && length.field("operator").text() == "-" &&
                           (length.field("left").text() == spelled(left) + ".size()" ||
                            length.field("left").text() == spelled(left) + ".length()");
      if (!shrinks) continue;
      text = spelled(left) + ".resize(" + spelled(arguments[1]) + ")";
    } else {
      continue;
    }
    Proposal proposal = context.draft(assignment.range(), "cut " + spelled(left) + " in place",
                                      "same text; substr() throws where the position is past the end, as erase() does");
    replace(context, proposal, assignment, text);
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made substr_to_compare() {
  return make({"cpp/substr-to-compare", Language::kCpp, 1.1, Safety::kAlwaysSafe}, find_compare);
}

Made substr_to_shrink() {
  return make({"cpp/substr-to-shrink", Language::kCpp, 1.05}, find_shrink);
}

}  // namespace jarvis2::edit::cpp
