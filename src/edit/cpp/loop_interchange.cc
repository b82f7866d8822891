// c/loop-interchange: two nested counted loops around one assignment change places so that the inner one walks along
// rows. c/dot-to-rows: `for j { s = 0; for k s += a[i][k] * b[k][j]; c[i][j] = s; }` becomes row updates of c, with b
// and c walked along rows. Preconditions: neither bound depends on the other counter or on what is stored; the target's
// array is not read otherwise; each element still receives its terms in the same order, so floating point results are
// the same. A scalar target must be an integer. Assumed: arrays of different names do not overlap.
#include <algorithm>

#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

// Subscripts of a chain a[x][y]: x, y; empty where it is not a plain chain.
std::vector<Node> subscripts(Node place, Node& root) {
  std::vector<Node> result;
  Node node = code::bare(place);
  while (node.is("subscript_expression")) {
    std::vector<Node> parts = code::named_children(node);
    if (parts.size() != 2) return {};
    Node index = parts[1];
    if (index.is("subscript_argument_list")) {
      const std::vector<Node> inner = code::named_children(index);
      if (inner.size() != 1) return {};
      index = inner[0];
    }
    result.insert(result.begin(), index);
    node = code::bare(parts[0]);
  }
  root = node;
  return result;
}

bool mentions(Node node, const std::string& name) {
  for (const Node& identifier : code::descendants(node, {"identifier"})) {
    if (identifier.text() == name) return true;
  }
  return false;
}

// +1 for each access that walks along a row when `inner` is the inner counter, -1 for each that jumps between rows.
int row_score(Node statement, const std::string& inner) {
  int score = 0;
  for (const Node& place : code::descendants(statement, {"subscript_expression"})) {
    if (place.parent().is("subscript_expression") && place.parent().field("argument") == place) continue;
    Node root;
    const std::vector<Node> indices = subscripts(place, root);
    if (indices.empty()) continue;
    bool earlier = false;
    for (std::size_t i = 0; i + 1 < indices.size(); ++i) earlier |= mentions(indices[i], inner);
    if (indices.size() == 1) {
      // a[i * n + j]: a stride of n for i.
      const Node sum = code::bare(indices[0]);
      if (sum.is("binary_expression") && sum.field("operator").text() == "+") {
        for (const char* side : {"left", "right"}) {
          const Node part = code::bare(sum.field(side));
          if (part.is("binary_expression") && part.field("operator").text() == "*" && mentions(part, inner))
            earlier = true;
        }
      }
    }
    if (earlier) {
      --score;
    } else if (mentions(indices.back(), inner)) {
      ++score;
    }
  }
  return score;
}

Node only_statement(Node loop) {
  const std::vector<Node> statements = body_statements(loop);
  return statements.size() == 1 ? statements[0] : Node();
}

Range header(Node loop) {
  return {loop.range().begin, code::loop_body(loop).range().begin};
}

std::string header_text(Node loop) {
  const Range range = header(loop);
  std::string text = loop.tree().text().substr(range.begin, range.size());
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
  return text;
}

bool plain_header(const Context& context, const CountedLoop& form) {
  return context.facts.effect(form.bound) != CEffect::kWrites && context.facts.effect(form.begin) != CEffect::kWrites;
}

void find_interchange(const Context& context) {
  for (const Node& inner_loop : context.nodes({"for_statement"})) {
    const Node outer_loop = code::enclosing_loop(inner_loop);
    if (!outer_loop.is("for_statement") || only_statement(outer_loop) != inner_loop) continue;
    const Node statement = only_statement(inner_loop);
    if (!statement.is("expression_statement") || !statement.named(0).is("assignment_expression")) continue;
    const Node assignment = statement.named(0);
    const std::optional<CountedLoop> inner = counted(context.facts, inner_loop);
    const std::optional<CountedLoop> outer = counted(context.facts, outer_loop);
    if (!inner || !outer || !inner->declared || !outer->declared) continue;
    const std::string i = outer->variable.name;
    const std::string k = inner->variable.name;
    if (mentions(inner->bound, i) || mentions(inner->begin, i) || mentions(outer->bound, k)) continue;
    if (!plain_header(context, *inner) || !plain_header(context, *outer)) continue;
    if (!context.facts.invariant(inner->bound, outer_loop).holds ||
        !context.facts.invariant(outer->bound, outer_loop).holds)
      continue;
    if (row_score(statement, k) >= row_score(statement, i)) continue;
    Node root;
    const std::vector<Node> target = subscripts(assignment.field("left"), root);
    const std::string op = spelled(assignment.field("operator"));
    const Node right = assignment.field("right");
    bool fits = context.facts.effect(right) != CEffect::kWrites;
    if (target.empty()) {
      CType type = context.facts.type_of(assignment.field("left"));
      fits = fits && assignment.field("left").is("identifier") && CFacts::is_integer(type) &&
             (op == "+=" || op == "^=" || op == "|=" || op == "&=");
      fits = fits && !mentions(right, spelled(assignment.field("left")));
    } else {
      fits = fits && root.is("identifier") && !mentions(right, spelled(root));
      const bool by_i = std::any_of(target.begin(), target.end(), [&](Node index) { return mentions(index, i); });
      const bool by_k = std::any_of(target.begin(), target.end(), [&](Node index) { return mentions(index, k); });
      // With `=`, the last round wins: both counters must name the element.
      fits = fits && (op == "=" ? by_i && by_k : by_i || by_k);
      // One counter in one subscript, so that different rounds mean different elements or the same order.
      for (const Node& index : target)
        fits = fits && code::descendants(index, {"call_expression", "subscript_expression"}).empty();
      const CVariable variable = context.facts.resolve(root);
      for (const Node& name : code::descendants(right, {"identifier"})) {
        const CVariable other = context.facts.resolve(name);
        if (other && (other.type.pointers > 0 || other.type.reference) && context.facts.linked(variable, other))
          fits = false;
      }
    }
    if (!fits) continue;
    Proposal proposal = context.draft(
        outer_loop.range(), "swap the loops over " + i + " and " + k,
        "each element still gets its terms in the same order; assumed: arrays of different names do not overlap");
    const auto put = [&](Node at, Node from) {
      const Range range = header(at);
      const std::string old = at.tree().text().substr(range.begin, range.size());
      const std::string kept = header_text(at);
      replace(proposal, context.file.path, {range.begin, range.begin + static_cast<std::uint32_t>(kept.size())},
              header_text(from));
    };
    put(outer_loop, inner_loop);
    put(inner_loop, outer_loop);
    context.emit(std::move(proposal));
  }
}

void find_dot(const Context& context) {
  for (const Node& inner_loop : context.nodes({"for_statement"})) {
    const Node outer_loop = code::enclosing_loop(inner_loop);
    if (!outer_loop.is("for_statement")) continue;
    const std::vector<Node> statements = body_statements(outer_loop);
    if (statements.size() != 3 || statements[1] != inner_loop || !statements[0].is("declaration")) continue;
    const Node step = only_statement(inner_loop);
    if (!step.is("expression_statement") || !step.named(0).is("assignment_expression")) continue;
    const Node add = step.named(0);
    const Node last = statements[2];
    if (add.field("operator").text() != "+=" || !last.is("expression_statement") ||
        !last.named(0).is("assignment_expression"))
      continue;
    const Node store = last.named(0);
    if (store.field("operator").text() != "=" || !add.field("left").is("identifier")) continue;
    const CVariable sum = context.facts.resolve(add.field("left"));
    if (!sum || sum.declaration != statements[0] || code::bare(store.field("right")).text() != sum.name) continue;
    if (!sum.value || !is_literal_number(sum.value) || context.facts.uses(sum).size() != 2) continue;
    const std::optional<CountedLoop> inner = counted(context.facts, inner_loop);
    const std::optional<CountedLoop> outer = counted(context.facts, outer_loop);
    if (!inner || !outer || !inner->declared || !outer->declared) continue;
    const std::string j = outer->variable.name;
    const std::string k = inner->variable.name;
    if (mentions(inner->bound, j) || mentions(inner->begin, j) || mentions(outer->bound, k)) continue;
    Node root;
    const std::vector<Node> target = subscripts(store.field("left"), root);
    if (target.empty() || !root.is("identifier")) continue;
    const bool by_j = mentions(target.back(), j);
    const Node terms = add.field("right");
    if (!by_j || mentions(terms, spelled(root)) || context.facts.effect(terms) == CEffect::kWrites) continue;
    if (row_score(terms, k) >= row_score(terms, j)) continue;
    CType type = context.facts.type_of(store.field("left"));
    type.reference = false;
    if (!type.known() || type.base != context.facts.resolved(sum.type).base) continue;
    const CVariable array = context.facts.resolve(root);
    bool fits = true;
    for (const Node& name : code::descendants(terms, {"identifier"})) {
      const CVariable other = context.facts.resolve(name);
      if (other && (other.type.pointers > 0 || other.type.reference) && context.facts.linked(array, other))
        fits = false;
    }
    // What the stored array holds may not steer the loops.
    for (const Node& bound : {inner->bound, outer->bound, inner->begin, outer->begin})
      fits = fits && !mentions(bound, spelled(root));
    if (!fits) continue;
    const std::string end = line_end(context);
    const std::string indent = indent_of(outer_loop);
    const std::string deeper = indent_of(inner_loop);
    const std::string unit = deeper.size() > indent.size() ? deeper.substr(indent.size()) : "  ";
    const std::string place = spelled(store.field("left"));
    const std::string text = header_text(outer_loop) + " " + place + " = " + spelled(sum.value) + ";" + end + indent +
                             header_text(inner_loop) + " {" + end + indent + unit + header_text(outer_loop) + " " +
                             place + " += " + spelled(terms) + ";" + end + indent + "}";
    Proposal proposal = context.draft(outer_loop.range(), "add up " + spelled(root) + " row by row",
                                      "each element gets the same terms in the same order; assumed: " + spelled(root) +
                                          " overlaps none of the arrays it is made of");
    if (outer_loop.parent().is("compound_statement")) {
      replace(context, proposal, outer_loop, text);
    } else {
      replace(context, proposal, outer_loop, "{" + end + indent + text + end + indent + "}");
    }
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made loop_interchange() {
  return make({"c/loop-interchange", Language::kC, 1.5}, find_interchange);
}

Made dot_to_rows() {
  return make({"c/dot-to-rows", Language::kC, 1.5}, find_dot);
}

}  // namespace jarvis2::edit::cpp
