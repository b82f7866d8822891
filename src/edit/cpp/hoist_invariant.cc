// c/hoist-invariant: an expression that a loop does not change is evaluated once, before the loop.
// Taken: calls that write nothing (strlen, size(), sqrt, pure functions of the workspace), divisions and modulos.
// Preconditions: no variable, field or element that the expression (or a function it calls) reads is written in the
// loop, directly or by a function called there; evaluation cannot fail where the loop would not have evaluated it:
// integer divisions and memory reads must be in the loop's condition, or in a statement every iteration runs.
// Assumed, and said in the note: stores through pointers of the same type and unknown functions leave it alone.
#include <algorithm>

#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

bool under_condition(Node expression, Node loop) {
  for (Node at = expression, up = at.parent(); up && at != loop; at = up, up = up.parent()) {
    if (up.is("if_statement") && up.field("condition") != at) return true;
    if (up.is("conditional_expression") && up.field("condition") != at) return true;
    if (up.is("case_statement") || up.is("lambda_expression") || up.is("catch_clause")) return true;
    if (up.is("binary_expression") && up.field("right") == at &&
        (up.field("operator").text() == "&&" || up.field("operator").text() == "||")) {
      return true;
    }
    if (up != loop && code::is_loop(up) && up.field("body") == at) return true;
  }
  return false;
}

bool in_condition(Node expression, Node loop) {
  const Node condition = loop.field("condition");
  return condition && condition.range().contains(expression.range());
}

bool dereferences(const CFacts& facts, Node expression) {
  for (const Node& node : code::descendants(
           expression, {"field_expression", "pointer_expression", "call_expression", "subscript_expression"})) {
    if (node.is("field_expression") && node.field("operator").text() == "->" &&
        !code::bare(node.field("argument")).is("this")) {
      return true;
    }
    if (node.is("pointer_expression") || node.is("subscript_expression")) return true;
    if (node.is("call_expression") && facts.call_effect(node) != CEffect::kPure && !code::call_receiver(node))
      return true;
  }
  return false;
}

// Cheap shapes that compilers hoist by themselves or that cost nothing.
bool worth(const Context& context, Node node) {
  if (node.is("call_expression")) {
    const std::string name = code::callee_name(node);
    static const std::set<std::string> kFree = {
        "move", "forward", "static_cast", "const_cast", "reinterpret_cast", "begin", "end", "cbegin",
        "cend", "assert",  "get",         "likely",     "unlikely",         "min",   "max", "abs"};
    if (name.empty() || kFree.contains(name) || name.ends_with("_cast") || name.starts_with("__builtin")) return false;
    if (context.facts.resolve(node.field("function"))) return false;  // a lambda or a functor: it may hold state
    return true;
  }
  if (!node.is("binary_expression")) return false;
  const std::string_view op = node.field("operator").text();
  if (op != "/" && op != "%") return false;
  if (is_literal_number(node.field("left")) && is_literal_number(node.field("right"))) return false;
  const CType type = context.facts.type_of(node);
  return CFacts::is_integer(type) || CFacts::is_floating(type);
}

// The type for the new local; empty where it would be unknown or a costly copy.
std::string local_type(const Context& context, Node expression) {
  CType type = context.facts.type_of(expression);
  if (context.cpp()) {
    if (context.facts.is_large(type)) return "const auto& ";
    return "const auto ";
  }
  CType plain = type;
  plain.reference = false;
  return context.facts.c_spelling(plain);
}

void find_hoist_invariant(const Context& context) {
  std::set<std::pair<std::uint32_t, std::string>> seen;
  for (const Node& expression : context.nodes({"call_expression", "binary_expression"})) {
    if (!worth(context, expression)) continue;
    const Node inner = code::enclosing_loop(expression);
    if (!inner) continue;
    if (inner.is("for_statement") && inner.field("initializer").range().contains(expression.range())) continue;
    if (inner.is("for_range_loop") && inner.field("right").range().contains(expression.range())) continue;
    const bool division = expression.is("binary_expression");
    const bool risky = (division && CFacts::is_integer(context.facts.type_of(expression)) &&
                        !is_literal_number(expression.field("right"))) ||
                       dereferences(context.facts, expression);
    CInvariance fact;
    const Node loop = outermost(inner, [&](Node at) {
      if (at != inner && at.is("for_statement") && at.field("initializer").range().contains(inner.range()))
        return false;
      if (risky && !in_condition(expression, at) && under_condition(expression, at)) return false;
      const CInvariance decided = context.facts.invariant(expression, at);
      if (decided.holds) fact = decided;
      return decided.holds;
    });
    if (!loop) continue;
    if (!seen.insert({loop.range().begin, spelled(expression)}).second) continue;
    // A whole statement that is this call alone is there for its effect.
    if (expression.parent().is("expression_statement")) continue;
    // An assignment's left side is a place, not a value.
    bool place = false;
    std::vector<Node> equal;
    for (const Node& other : code::descendants(loop, {expression.kind()})) {
      if (other.text() != expression.text()) continue;
      if (loop.is("for_statement") && loop.field("initializer").range().contains(other.range())) continue;
      if (loop.is("for_range_loop") && loop.field("right").range().contains(other.range())) continue;
      for (Node at = other, up = other.parent(); up; at = up, up = up.parent()) {
        if (up.is("assignment_expression") && up.field("left") == at) place = true;
        if (up.is("update_expression") || (up.is("pointer_expression") && up.text().starts_with("&"))) place = true;
        if (!up.is("field_expression") && !up.is("subscript_expression") && !up.is("parenthesized_expression")) break;
        if (up.is("subscript_expression") && up.field("argument") != at) break;
      }
      equal.push_back(other);
    }
    if (place || equal.empty()) continue;
    const std::string name = context.name_for(expression, loop);
    std::string note = "the loop changes nothing that " + spelled(expression) + " reads";
    if (!fact.certain) note += ", assuming that " + fact.assumption;
    if (risky && !in_condition(expression, loop)) note += "; it is now evaluated also where the loop runs zero times";
    Proposal proposal = context.draft(loop.range(), "evaluate " + spelled(expression) + " once, before the loop", note);
    bool nested = false;
    for (const Node& other : equal) {
      for (const Node& outer : equal) nested |= outer != other && outer.range().contains(other.range());
      replace(context, proposal, other, name);
    }
    if (nested) continue;
    const std::string type = local_type(context, expression);
    if (type.empty()) continue;
    if (!put_before(context, proposal, loop, type + name + " = " + spelled(expression) + ";")) continue;
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made hoist_invariant() {
  return make({"c/hoist-invariant", Language::kC, 1.45}, find_hoist_invariant);
}

}  // namespace jarvis2::edit::cpp
