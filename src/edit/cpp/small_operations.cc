// c/modulo-to-compare: `(i + 1) % n` wraps a counter around; a comparison is cheaper than a division.
// Assumed: 0 <= i < n before it. c/branch-to-select: `if (x > m) m = x;` becomes a selection without a jump.
// c/count-without-branch: `if (test) n++;` becomes `n += test`.
// c/popcount: loops that count bits become a builtin. c/float-literal: a double literal in float arithmetic becomes
// float (fewer conversions; the last bits may differ). Preconditions: plain integer variables; tests without effects
// and without && or ||; locals as targets.
#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

bool plain(Node node) {
  return node.is("identifier") || (node.is("field_expression") && code::root_of(node));
}

void find_modulo(const Context& context) {
  for (const Node& node : context.nodes({"binary_expression"})) {
    if (node.field("operator").text() != "%" || !code::enclosing_loop(node)) continue;
    const Node sum = code::bare(node.field("left"));
    const Node divisor = code::bare(node.field("right"));
    if (!sum.is("binary_expression") || sum.field("operator").text() != "+") continue;
    const Node counter = code::bare(sum.field("left"));
    if (!plain(counter) || !plain(divisor) || integer_value(context.facts, sum.field("right")) != 1) continue;
    if (integer_value(context.facts, divisor)) continue;  // a constant: the compiler multiplies
    if (divisor.is("identifier") && !context.facts.resolve(divisor)) continue;
    if (!CFacts::is_integer(context.facts.type_of(counter)) || !CFacts::is_integer(context.facts.type_of(divisor)))
      continue;
    const std::string next = spelled(counter) + " + 1";
    Proposal proposal = context.draft(node.range(), "wrap " + spelled(counter) + " around without a division",
                                      "assumed: " + spelled(counter) + " is at least 0 and below " + spelled(divisor));
    replace(context, proposal, node, "(" + next + " == " + spelled(divisor) + " ? 0 : " + next + ")");
    context.emit(std::move(proposal));
  }
}

Node single(Node branch) {
  if (!branch.is("compound_statement")) return branch;
  const std::vector<Node> statements = code::named_children(branch);
  return statements.size() == 1 ? statements[0] : Node();
}

bool local_scalar(const Context& context, Node target) {
  if (!target.is("identifier")) return false;
  const CVariable variable = context.facts.resolve(target);
  const CType type = context.facts.resolved(variable.type);
  return variable && (variable.storage == CStorage::kLocal || variable.storage == CStorage::kParameter) &&
         (CFacts::is_integer(type) || CFacts::is_floating(type)) && !type.is_volatile;
}

void find_select(const Context& context) {
  for (const Node& statement : context.nodes({"if_statement"})) {
    if (statement.field("alternative") || !code::enclosing_loop(statement) || statement.parent().is("else_clause"))
      continue;
    const Node body = single(statement.field("consequence"));
    const Node test = code::bare(statement.field("condition"));
    if (!body.is("expression_statement") || !test.is("binary_expression")) continue;
    const Node assignment = body.named(0);
    const std::string op = spelled(test.field("operator"));
    if (!assignment.is("assignment_expression") || assignment.field("operator").text() != "=") continue;
    if (op != "<" && op != ">" && op != "<=" && op != ">=") continue;
    const std::string target = spelled(assignment.field("left"));
    const std::string value = spelled(code::bare(assignment.field("right")));
    const std::string left = spelled(code::bare(test.field("left")));
    const std::string right = spelled(code::bare(test.field("right")));
    if (!((left == value && right == target) || (left == target && right == value))) continue;
    if (!local_scalar(context, assignment.field("left")) ||
        context.facts.effect(assignment.field("right")) == CEffect::kWrites)
      continue;
    Proposal proposal = context.draft(statement.range(), "select " + target + " without a jump", "");
    replace(context, proposal, statement, target + " = " + spelled(test) + " ? " + value + " : " + target + ";");
    context.emit(std::move(proposal));
  }
}

void find_count(const Context& context) {
  for (const Node& statement : context.nodes({"if_statement"})) {
    if (statement.field("alternative") || !code::enclosing_loop(statement) || statement.parent().is("else_clause"))
      continue;
    const Node body = single(statement.field("consequence"));
    const Node test = code::bare(statement.field("condition"));
    if (!body.is("expression_statement") || !body.named(0).is("update_expression")) continue;
    const Node update = body.named(0);
    if (update.text().find("++") == std::string_view::npos || !local_scalar(context, update.field("argument")))
      continue;
    if (!CFacts::is_integer(context.facts.type_of(update.field("argument")))) continue;
    if (!test.is("binary_expression") || context.facts.effect(test) == CEffect::kWrites) continue;
    const std::string op = spelled(test.field("operator"));
    if (op != "<" && op != ">" && op != "<=" && op != ">=" && op != "==" && op != "!=") continue;
    if (!code::descendants(test, {"call_expression"}).empty()) continue;
    const CType side = context.facts.type_of(test.field("left"));
    if (!CFacts::is_integer(side) && !CFacts::is_floating(side)) continue;
    Proposal proposal = context.draft(statement.range(), "count without a jump", "");
    replace(context, proposal, statement, spelled(update.field("argument")) + " += (" + spelled(test) + ");");
    context.emit(std::move(proposal));
  }
}

void find_popcount(const Context& context) {
  for (const Node& loop : context.nodes({"while_statement"})) {
    Node test = code::bare(loop.field("condition"));
    if (test.is("binary_expression") &&
        (test.field("operator").text() == "!=" || test.field("operator").text() == ">") &&
        integer_value(context.facts, test.field("right")) == 0) {
      test = code::bare(test.field("left"));
    }
    if (!test.is("identifier") || !local_scalar(context, test)) continue;
    const CType type = context.facts.resolved(context.facts.resolve(test).type);
    if (!CFacts::is_unsigned(type)) continue;
    const std::string x = spelled(test);
    const std::vector<Node> statements = body_statements(loop);
    if (statements.size() != 2) continue;
    std::string count;
    bool clears = false;
    bool counts_each = false;
    bool shifts = false;
    for (const Node& statement : statements) {
      if (!statement.is("expression_statement")) continue;
      const Node node = statement.named(0);
      std::string text;
      for (const char c : node.text()) {
        if (c != ' ') text += c;
      }
      if (text == x + "&=" + x + "-1" || text == x + "=" + x + "&(" + x + "-1)" || text == x + "&=(" + x + "-1)")
        clears = true;
      if (text == x + ">>=1" || text == x + "=" + x + ">>1") shifts = true;
      if (node.is("update_expression") && node.text().find("++") != std::string_view::npos &&
          statement == (clears ? statements[1] : statements[0])) {
        count = spelled(node.field("argument"));
      }
      if (node.is("update_expression")) count = spelled(node.field("argument"));
      if (node.is("assignment_expression") && node.field("operator").text() == "+=") {
        std::string right;
        for (const char c : code::bare(node.field("right")).text()) {
          if (c != ' ') right += c;
        }
        if (right == x + "&1" || right == x + "&1u") {
          count = spelled(node.field("left"));
          counts_each = statement == statements[0];
        }
      }
    }
    if (count.empty() || count == x || !((clears && !counts_each) || (shifts && counts_each))) continue;
    Proposal proposal = context.draft(loop.range(), "count the bits of " + x + " at once",
                                      "the same count; " + x + " ends at 0 as before");
    const bool wide = context.facts.size_of(type) > 4;
    replace(context, proposal, loop,
            "{ " + count + " += __builtin_popcount" + (wide ? "ll" : "") + "(" + x + "); " + x + " = 0; }");
    context.emit(std::move(proposal));
  }
}

void find_float(const Context& context) {
  for (const Node& literal : context.nodes({"number_literal"})) {
    const std::string text = spelled(literal);
    if (text.find('.') == std::string::npos || text.back() == 'f' || text.back() == 'F' || text.back() == 'L' ||
        text.back() == 'l')
      continue;
    if (text.starts_with("0x")) continue;
    Node node = literal;
    Node up = node.parent();
    while (up.is("parenthesized_expression") || (up.is("unary_expression"))) {
      node = up;
      up = up.parent();
    }
    if (!up.is("binary_expression")) continue;
    const std::string op = spelled(up.field("operator"));
    if (op != "*" && op != "+" && op != "-" && op != "/") continue;
    const Node other = up.field("left") == node ? up.field("right") : up.field("left");
    const CType type = context.facts.type_of(other);
    if (!CFacts::is_floating(CType{type.base}) || type.base != "float" || type.pointers > 0) continue;
    Proposal proposal = context.draft(literal.range(), "compute with " + text + "f in float arithmetic",
                                      "rounds to float at every step: the last bits may differ");
    replace(context, proposal, literal, text + "f");
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made modulo_to_compare() {
  return make({"c/modulo-to-compare", Language::kC, 1.1}, find_modulo);
}

Made branch_to_select() {
  return make({"c/branch-to-select", Language::kC, 1.05, Safety::kAlwaysSafe}, find_select);
}

Made count_without_branch() {
  return make({"c/count-without-branch", Language::kC, 1.05, Safety::kAlwaysSafe}, find_count);
}

Made popcount() {
  return make({"c/popcount", Language::kC, 1.2}, find_popcount);
}

Made float_literal() {
  return make({"c/float-literal", Language::kC, 1.05}, find_float);
}

}  // namespace jarvis2::edit::cpp
