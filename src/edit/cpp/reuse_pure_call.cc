// c/reuse-pure-call: a call that writes nothing and is made twice with the same arguments in one block is made once.
// Preconditions: nothing between the first and the last of them writes what it reads (variables, fields, elements, by
// name and through functions of the workspace); the first is always evaluated; both are in one block's statements.
#include <algorithm>

#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

bool always(Node place, Node statement) {
  for (Node at = place, up = place.parent(); at != statement && up; at = up, up = up.parent()) {
    if (up.is("conditional_expression") && up.field("condition") != at) return false;
    if (up.is("binary_expression") && up.field("right") == at &&
        (up.field("operator").text() == "&&" || up.field("operator").text() == "||")) {
      return false;
    }
    if (up.is("if_statement") && up.field("condition") != at) return false;
    if (up.is("switch_statement") && up.field("condition") != at) return false;
    if (code::is_loop(up) || up.is("lambda_expression") || up.is("case_statement")) return false;
  }
  return true;
}

void find_reuse_pure_call(const Context& context) {
  std::set<std::pair<std::uint32_t, std::string>> seen;
  for (const Node& first : context.nodes({"call_expression"})) {
    const std::string name = code::callee_name(first);
    if (name.empty() || code::call_arguments(first).empty() || first.parent().is("expression_statement")) continue;
    static const std::set<std::string> kCheap = {
        "move",    "forward", "abs",     "min",     "max",    "get",    "static_cast", "assert",          "isdigit",
        "isspace", "isalpha", "tolower", "toupper", "sizeof", "likely", "unlikely",    "__builtin_expect"};
    if (kCheap.contains(name) || name.ends_with("_cast")) continue;
    if (context.facts.call_effect(first) == CEffect::kWrites || context.facts.resolve(first.field("function")))
      continue;
    const Node receiver = code::call_receiver(first);
    if (receiver && context.facts.functions(name).empty() &&
        (name == "at" || name == "begin" || name == "end" || name == "front" || name == "back" || name == "data"))
      continue;
    const Node statement = statement_of(first);
    if (!statement || !statement.parent().is("compound_statement") || !always(first, statement)) continue;
    const Node block = statement.parent();
    if (!seen.insert({block.range().begin, spelled(first)}).second) continue;
    CType type = context.facts.type_of(first);
    const bool returns_reference = type.reference;
    type.reference = type.rvalue = false;
    std::vector<Node> places;
    bool certain = true;
    std::string assumption;
    // A statement may both write what the call reads and hold a use of it: that use must not be replaced.
    for (Node at = statement; at; at = at.next_sibling()) {
      std::vector<Node> here;
      for (const Node& call : code::descendants(at, {"call_expression"})) {
        if (call.text() == first.text() && call.range().begin >= first.range().begin && !inside_lambda(call, block))
          here.push_back(call);
      }
      const CInvariance fact = context.facts.invariant(first, at);
      if (!fact.holds) {
        // A store after the call in one simple statement comes last: `table[f(x)] = y` may still use it.
        if (!here.empty() && at.is("expression_statement") && at != statement) {
          const Node expression = at.named(0);
          const bool store_last =
              expression.is("assignment_expression") &&
              code::descendants(expression, {"assignment_expression", "update_expression"}).size() == 1;
          bool pure = true;
          for (const Node& call : code::descendants(expression, {"call_expression"}))
            pure = pure && context.facts.call_effect(call) != CEffect::kWrites;
          if (store_last && pure) places.insert(places.end(), here.begin(), here.end());
        }
        // Arguments are evaluated before the one call that may write.
        if (!here.empty() && at != statement && (at.is("return_statement") || at.is("expression_statement")) &&
            code::descendants(at, {"assignment_expression", "update_expression"}).empty()) {
          std::vector<Node> writers;
          for (const Node& call : code::descendants(at, {"call_expression"})) {
            if (context.facts.call_effect(call) == CEffect::kWrites) writers.push_back(call);
          }
          const bool before = writers.size() == 1 && std::all_of(here.begin(), here.end(), [&](const Node& call) {
                                return writers[0].field("arguments").range().contains(call.range());
                              });
          if (before) places.insert(places.end(), here.begin(), here.end());
        }
        if (at == statement && here.size() >= 1 && (at.is("expression_statement") || at.is("declaration"))) {
          bool pure = true;
          for (const Node& call : code::descendants(at, {"call_expression"}))
            pure = pure && context.facts.call_effect(call) != CEffect::kWrites;
          if (pure && at.is("declaration") && fact.reason.find("belongs") == std::string::npos)
            places.insert(places.end(), here.begin(), here.end());
        }
        break;
      }
      if (!fact.certain) {
        certain = false;
        assumption = fact.assumption;
      }
      places.insert(places.end(), here.begin(), here.end());
    }
    if (places.size() < 2) continue;
    std::string declared;
    if (context.cpp()) {
      declared = returns_reference || context.facts.is_large(type) ? "const auto& " : "const auto ";
    } else {
      declared = context.facts.c_spelling(type);
      if (declared.empty()) continue;
    }
    bool place_use = false;
    for (const Node& place : places) {
      const Node up = place.parent();
      if (up.is("pointer_expression") && up.text().starts_with("&")) place_use = true;
      if (up.is("assignment_expression") && up.field("left") == place) place_use = true;
      for (const Node& other : places) place_use |= other != place && other.range().contains(place.range());
    }
    if (place_use) continue;
    const std::string local = context.name_for(first, block);
    std::string note = "nothing between the first and the last call writes what " + name + "() reads";
    if (!certain) note += "; assumed: " + assumption;
    Proposal proposal = context.draft(statement.range(), "call " + spelled(first) + " once", note);
    for (const Node& place : places) replace(context, proposal, place, local);
    if (statement.is("declaration")) {
      replace(proposal, context.file.path, {statement.range().begin, statement.range().begin},
              declared + local + " = " + spelled(first) + ";" + line_end(context) + indent_of(statement));
    } else if (!put_before(context, proposal, statement, declared + local + " = " + spelled(first) + ";")) {
      continue;
    }
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made reuse_pure_call() {
  return make({"c/reuse-pure-call", Language::kC, 1.00}, find_reuse_pure_call);
}

}  // namespace jarvis2::edit::cpp
