// c/compare-first-char: `strcmp(a, b) == 0` in a loop mostly fails on the first character: test that before the call.
// Preconditions: a and b are variables, fields or elements without effects (they are evaluated twice).
#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

bool plain(const Context& context, Node node) {
  const Node value = code::bare(node);
  if (!value.is("identifier") && !value.is("field_expression") && !value.is("subscript_expression")) return false;
  const CType type = context.facts.type_of(value);
  if (type.known() && type.pointers + type.arrays != 1) return false;
  if (type.known() && type.base != "char") return false;
  return context.facts.effect(value) != CEffect::kWrites;
}

void find(const Context& context) {
  for (const Node& call : context.nodes({"call_expression"})) {
    const std::string function = spelled(call.field("function"));
    if (function != "strcmp" && function != "std::strcmp") continue;
    const Node loop = code::enclosing_loop(call);
    if (!loop || !context.facts.functions("strcmp").empty()) continue;
    const std::vector<Node> arguments = code::call_arguments(call);
    if (arguments.size() != 2 || !plain(context, arguments[0]) || !plain(context, arguments[1])) continue;
    Node test = call.parent();
    Node place = call;
    while (test.is("parenthesized_expression")) {
      place = test;
      test = test.parent();
    }
    bool equal = false;
    Node whole;
    if (test.is("binary_expression")) {
      const std::string_view op = test.field("operator").text();
      const Node other = test.field("left") == place ? test.field("right") : test.field("left");
      if ((op != "==" && op != "!=") || integer_value(context.facts, other) != 0) continue;
      equal = op == "==";
      whole = test;
    } else if (test.is("unary_expression") && test.text().starts_with("!")) {
      equal = true;
      whole = test;
    } else {
      continue;
    }
    const std::string a = in_parens(code::bare(arguments[0]));
    const std::string b = in_parens(code::bare(arguments[1]));
    Proposal proposal = context.draft(whole.range(), "compare first characters before calling strcmp()", "");
    const std::string text = equal ? "(*" + a + " == *" + b + " && " + spelled(whole) + ")"
                                   : "(*" + a + " != *" + b + " || " + spelled(whole) + ")";
    replace(context, proposal, whole, text);
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made compare_first_char() {
  return make({"c/compare-first-char", Language::kC, 1.10, Safety::kAlwaysSafe}, find);
}

}  // namespace jarvis2::edit::cpp
