// c/compare-first-char: `strcmp(a, b) == 0` in a loop, or in a small function that others call, mostly fails on the
// first character: test that before the call. Preconditions: a and b are variables, fields or elements without effects
// (they are evaluated twice); for strncmp() the length too, and a length of zero stays equal.
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

void find_compare_first(const Context& context) {
  for (const Node& call : context.nodes({"call_expression"})) {
    const std::string function = spelled(call.field("function"));
    const bool limited = function == "strncmp" || function == "std::strncmp";
    if (function != "strcmp" && function != "std::strcmp" && !limited) continue;
    const CFunction* inside = context.facts.enclosing_function(call);
    const bool small = inside != nullptr && inside->body.range().size() < 300 && inside->name != "main";
    if (!code::enclosing_loop(call) && !small) continue;
    if (!context.facts.functions(code::callee_name(call)).empty()) continue;
    const std::vector<Node> arguments = code::call_arguments(call);
    if (arguments.size() != (limited ? 3u : 2u)) continue;
    std::string empty;  // the test that nothing is compared at all
    if (limited) {
      const std::optional<long long> length = integer_value(context.facts, arguments[2]);
      if (length && *length <= 0) continue;
      if (!length) {
        const Node count = code::bare(arguments[2]);
        if (!count.is("identifier") && !count.is("field_expression")) continue;
        empty = spelled(count);
      }
    }
    if (!plain(context, arguments[0]) || !plain(context, arguments[1])) continue;
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
    Proposal proposal = context.draft(
        whole.range(), std::string("compare first characters before calling ") + (limited ? "strncmp()" : "strcmp()"),
        "");
    std::string text = equal ? "(*" + a + " == *" + b + " && " + spelled(whole) + ")"
                             : "(*" + a + " != *" + b + " || " + spelled(whole) + ")";
    if (!empty.empty()) text = equal ? "(" + empty + " == 0 || " + text + ")" : "(" + empty + " != 0 && " + text + ")";
    replace(context, proposal, whole, text);
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made compare_first_char() {
  return make({"c/compare-first-char", Language::kC, 1.10, Safety::kAlwaysSafe}, find_compare_first);
}

}  // namespace jarvis2::edit::cpp
