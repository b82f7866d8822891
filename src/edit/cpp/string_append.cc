// cpp/string-plus-to-append: `s = s + a + b` builds a new string; `s += a; s += b;` grows the old one.
// Preconditions: s is a std::string variable or member; no other part of the sum mentions s or has effects.
#include <algorithm>

#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

void operands(Node node, std::vector<Node>& out) {
  if (node.is("binary_expression") && node.field("operator").text() == "+") {
    operands(node.field("left"), out);
    out.push_back(node.field("right"));
  } else {
    out.push_back(node);
  }
}

void find_string_append(const Context& context) {
  for (const Node& assignment : context.nodes({"assignment_expression"})) {
    const Node statement = assignment.parent();
    if (!statement.is("expression_statement") || assignment.field("operator").text() != "=") continue;
    const Node left = assignment.field("left");
    if (!left.is("identifier") && !left.is("field_expression")) continue;
    if (context.facts.type_of(left).name() != "string") continue;
    std::vector<Node> parts;
    operands(code::bare(assignment.field("right")), parts);
    if (parts.size() < 2 || parts[0].text() != left.text()) continue;
    const Node root = code::root_of(left);
    bool fine = true;
    std::string text;
    for (std::size_t i = 1; i < parts.size(); ++i) {
      for (const Node& name : code::descendants(parts[i], {"identifier", "field_identifier"})) {
        fine = fine && name.text() != root.text() && (left == root || name.text() != left.field("field").text());
      }
      if (context.facts.effect(parts[i]) == CEffect::kWrites) fine = false;
      const CType type = context.facts.type_of(parts[i]);
      if (CFacts::is_integer(type) && type.base != "char") fine = false;
      if (i > 1) text += " ";
      text += spelled(left) + " += " + spelled(parts[i]) + ";";
    }
    if (!fine) continue;
    if (parts.size() > 2) {
      const Node block = statement.parent();
      if (!block.is("compound_statement")) text = "{ " + text + " }";
    }
    Proposal proposal = context.draft(statement.range(), "append to " + spelled(left) + " in place",
                                      "no other part of the sum mentions " + spelled(left));
    replace(context, proposal, statement, text);
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made string_plus_to_append() {
  return make({"cpp/string-plus-to-append", Language::kCpp, 1.2, Safety::kAlwaysSafe}, find_string_append);
}

}  // namespace jarvis2::edit::cpp
