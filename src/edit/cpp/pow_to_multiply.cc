// c/pow-to-multiply: pow(x, 2), pow(x, 3), pow(x, 4) and pow(x, -1) with a plain x become products; pow(x, 0.5) becomes
// sqrt(x). (The compiler itself does 2 and, where floating point is relaxed, the rest.)
// Preconditions: x is a variable, field or element without effects, of a floating type.
// Meaning: a product of three rounds twice, pow once: the last bit may differ. sqrt(-0.0) and sqrt(-inf) differ from
// pow.
#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

void find_pow_to_multiply(const Context& context) {
  for (const Node& call : context.nodes({"call_expression"})) {
    const std::string function = spelled(call.field("function"));
    if (function != "pow" && function != "std::pow") continue;
    if (!context.facts.functions("pow").empty()) continue;
    const std::vector<Node> arguments = code::call_arguments(call);
    if (arguments.size() != 2 || !code::bare(arguments[1]).is("number_literal")) continue;
    const Node base = code::bare(arguments[0]);
    const CType type = context.facts.type_of(base);
    if (!CFacts::is_floating(CType{type.base}) || type.pointers > 0 || type.arrays > 0) continue;
    const bool plain = base.is("identifier") || base.is("field_expression") ||
                       (base.is("subscript_expression") && context.facts.effect(base) != CEffect::kWrites);
    const std::string exponent(code::bare(arguments[1]).text());
    const std::string x = in_parens(base);
    std::string text;
    std::string note = "the product rounds at every step: the last bit may differ";
    if (exponent == "0.5") {
      text = (function == "pow" ? "sqrt(" : "std::sqrt(") + spelled(base) + ")";
      note = "differs from pow for -0.0 and minus infinity only";
    } else if (!plain) {
      continue;
    } else if (exponent == "3" || exponent == "3.0") {
      text = "(" + x + " * " + x + " * " + x + ")";
    } else if (exponent == "4" || exponent == "4.0") {
      text = "((" + x + " * " + x + ") * (" + x + " * " + x + "))";
    } else if (exponent == "2" || exponent == "2.0") {
      text = "(" + x + " * " + x + ")";
      note = "the same value";
    } else {
      continue;
    }
    Proposal proposal = context.draft(call.range(), "compute " + spelled(call) + " without pow()", note);
    replace(context, proposal, call, text);
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made pow_to_multiply() {
  return make({"c/pow-to-multiply", Language::kC, 1.1}, find_pow_to_multiply);
}

}  // namespace jarvis2::edit::cpp
