// python/fill-loop-to-slice: `for i in range(a, b, s): xs[i] = 0` becomes one slice assignment.
// Preconditions: the body is that statement alone; xs is a list made in this function (or known to be one); the value
// is a literal; the start is not negative, and for a step of one the end neither; the index is not read later. Differs:
// where the range ends behind the list, a list with step one grows instead of raising IndexError.
//
// python/copy-loop-to-slice: `for i in range(a, b): xs[i] = ys[i]` becomes `xs[a:b] = ys[a:b]`.
// Preconditions: as above, with two names that hold distinct lists.
//
// python/pair-loops-to-combinations: nested index loops over all pairs of a list become itertools.combinations.
// Preconditions: the inner loop starts behind the outer index, both end at the length, both indexes only read items,
// the loops do not change the list, and there is no break. Differs: the list must be a sequence.
//
// python/indexed-terms-to-map: `sum(a[i] * b[i] for i in range(n))` becomes `sum(map(operator.mul, a[:n], b[:n]))`.
// Preconditions: the two sequences do not mention the index; the start is zero and the end not negative.
// Differs: a sequence that ends before n gives fewer terms instead of IndexError.
#include <algorithm>

#include "edit/python/numbers.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

// Known to be a list (or bytearray): by inference, or made in this function by every store.
bool surely_list(const Context& context, Node name) {
  if (context.world->type_of(context.facts, name).kind == PythonType::Kind::kList) return true;
  if (!name.is("identifier")) return false;
  const PythonBinding* binding = nullptr;
  if (!own_local(context.facts, name, &binding) || binding->parameter || binding->stores.empty()) return false;
  return std::all_of(binding->stores.begin(), binding->stores.end(), [&](Node store) {
    const Node up = context.facts.parent(store);
    if (!up.is("assignment") || !(up.field("left") == store)) return false;
    Node value = up.field("right");
    if (value.is("binary_operator") && value.field("operator").text() == "*")
      value = value.field("left").is("list") ? value.field("left") : value.field("right");
    if (value.is("list") || value.is("list_comprehension")) return true;
    return value.is("call") && value.field("function").is("identifier") &&
           (context.facts.is_builtin(value.field("function"), "list") ||
            context.facts.is_builtin(value.field("function"), "sorted") ||
            context.facts.is_builtin(value.field("function"), "bytearray"));
  });
}

// The single statement of a for loop's body as an assignment to xs[index].
struct Filling {
  Node index;
  Node target;  // xs
  Node value;
  std::vector<Node> range;
};

std::optional<Filling> filling(const Context& context, const PythonLoop& loop) {
  const PythonFacts& facts = context.facts;
  if (!loop.node.is("for_statement") || loop.node.field("alternative") || !alone_on_lines(loop.node))
    return std::nullopt;
  Filling result;
  result.index = loop.node.field("left");
  const PythonBinding* binding = nullptr;
  if (!result.index.is("identifier") || !own_local(facts, result.index, &binding)) return std::nullopt;
  for (const Node load : binding->loads) {
    // read elsewhere: only where another store comes first in its own loop is told by the loop around it
    if (!loop.node.range().contains(load.range())) {
      const Node other = facts.loop_of(load);
      bool bound = false;
      for (Node up = other; up; up = facts.loop_of(up)) {
        const Node left = up.field("left");
        bound |= left && !up.range().contains(loop.node.range()) && mentions_name(left, result.index.text());
      }
      const Node comprehension = facts.ancestor(load, {"list_comprehension", "generator_expression"});
      if (!bound && !comprehension) return std::nullopt;
    }
  }
  bool backwards = false;
  result.range = range_arguments(facts, loop.node.field("right"), &backwards);
  const std::vector<Node> body = statements(loop.body);
  if (backwards || result.range.empty() || body.size() != 1 || contains_kind(loop.node, {"comment"}))
    return std::nullopt;
  const Node assignment = body[0].named(0);
  if (!body[0].is("expression_statement") || !assignment.is("assignment") || assignment.field("type"))
    return std::nullopt;
  const Node cell = assignment.field("left");
  if (!cell.is("subscript") || cell.named_count() != 2 || cell.named(1).text() != result.index.text())
    return std::nullopt;
  result.target = cell.field("value");
  result.value = assignment.field("right");
  if (!result.target.is("identifier") || !surely_list(context, result.target)) return std::nullopt;
  for (const Node argument : result.range) {
    if (argument.text().find('\n') != std::string_view::npos || mentions_name(argument, result.index.text()))
      return std::nullopt;
  }
  return result;
}

std::string slice_text(const std::vector<Node>& range) {
  if (range.size() == 1) return ":" + std::string(range[0].text());
  std::string text = std::string(range[0].text()) + ":" + std::string(range[1].text());
  if (range[0].text() == "0") text.erase(0, 1);
  if (range.size() == 3) text += ":" + std::string(range[2].text());
  return text;
}

void fills(Context& context) {
  const PythonFacts& facts = context.facts;
  for (const PythonLoop& loop : facts.loops()) {
    if (!context.wanted(loop.node) || facts.frame_of(loop.node) == 0) continue;
    const std::optional<Filling> found = filling(context, loop);
    if (!found) continue;
    const std::vector<Node>& range = found->range;
    const std::string name(found->target.text());
    if (range.size() > 1 && !non_negative(context, range[0])) continue;
    const bool stepped = range.size() == 3 && range[2].text() != "1";
    if (stepped) {
      const std::optional<long> step = least_value(context, range[2]);
      if (!step || *step < 2) continue;  // a step of one would let the list grow
    } else if (!non_negative(context, range.size() == 1 ? range[0] : range[1])) {
      continue;
    }
    bool cheap = true;
    for (const Node argument : range) {
      cheap &= context.world->pure(facts, argument) &&
               (!mentions_name(argument, name) || argument.text() == "len(" + name + ")");
    }
    if (!cheap) continue;
    Edits edits;
    const std::string slice = slice_text(range);
    if (!is_literal(found->value) || found->value.is("string")) continue;
    std::string count;
    if (range.size() == 1 || (range.size() == 2 && range[0].text() == "0")) {
      const Node end = range.back();
      count = end.is("integer") ? std::string(end.text()) : parenthesised(end, std::string(end.text()));
    } else {
      std::string arguments;
      for (const Node argument : range) arguments += (arguments.empty() ? "" : ", ") + std::string(argument.text());
      count = "len(range(" + arguments + "))";
    }
    edits.replace(loop.node, name + "[" + slice + "] = [" + std::string(found->value.text()) + "] * " + count);
    context.propose("fill " + name + " by a slice in " + facts.symbol_of(loop.node),
                    "relies on: the range lies inside of " + name, loop.node, edits);
  }
}

void copies_of_lists(Context& context) {
  const PythonFacts& facts = context.facts;
  for (const PythonLoop& loop : facts.loops()) {
    if (!context.wanted(loop.node) || facts.frame_of(loop.node) == 0) continue;
    const std::optional<Filling> found = filling(context, loop);
    if (!found || found->range.size() > 2) continue;
    const Node value = found->value;
    if (!value.is("subscript") || value.named_count() != 2 || value.named(1).text() != found->index.text() ||
        !value.field("value").is("identifier") || value.field("value").text() == found->target.text() ||
        !surely_list(context, value.field("value")))
      continue;
    bool fit = true;
    for (const Node argument : found->range)
      fit &= non_negative(context, argument) && context.world->pure(facts, argument);
    if (!fit) continue;
    Edits edits;
    const std::string slice = slice_text(found->range);
    edits.replace(loop.node, std::string(found->target.text()) + "[" + slice +
                                 "] = " + std::string(value.field("value").text()) + "[" + slice + "]");
    context.propose("copy " + std::string(value.field("value").text()) + " by a slice in " + facts.symbol_of(loop.node),
                    "relies on: the range lies inside of both lists, which are distinct", loop.node, edits);
  }
}

// --- pairs --------------------------------------------------------------------------------------------------------

// `len(xs)`, the text of xs; empty otherwise.
std::string length_of(const PythonFacts& facts, Node node) {
  if (!node.is("call") || !facts.is_builtin(node.field("function"), "len") ||
      node.field("arguments").named_count() != 1 || !node.field("arguments").named(0).is("identifier"))
    return {};
  return std::string(node.field("arguments").named(0).text());
}

bool reads_items_only(const PythonFacts& facts, Node index, Range region, const std::string& list, Node but_for,
                      std::vector<Node>& items) {
  const PythonBinding* binding = nullptr;
  if (!own_local(facts, index, &binding)) return false;
  for (const Node store : binding->stores) {
    if (!(store == index)) return false;
  }
  for (const Node load : binding->loads) {
    if (!region.contains(load.range())) return false;
    if (but_for && but_for.range().contains(load.range())) continue;
    const Node up = facts.parent(load);
    if (!up.is("subscript") || up.named_count() != 2 || !(up.named(1) == load) || up.field("value").text() != list ||
        facts.is_assignment_target(facts, up))
      return false;
    items.push_back(up);
  }
  return true;
}

void pairs(Context& context) {
  const PythonFacts& facts = context.facts;
  for (const PythonLoop& outer : facts.loops()) {
    if (!outer.node.is("for_statement") || outer.node.field("alternative") || !context.wanted(outer.node) ||
        facts.frame_of(outer.node) == 0 || !alone_on_lines(outer.node))
      continue;
    const Node i = outer.node.field("left");
    const std::vector<Node> first = range_arguments(facts, outer.node.field("right"));
    const std::vector<Node> body = statements(outer.body);
    if (!i.is("identifier") || first.size() != 1 || body.size() != 1 || !body[0].is("for_statement") ||
        body[0].field("alternative"))
      continue;
    // range(len(xs)) or range(len(xs) - 1)
    std::string list = length_of(facts, first[0]);
    if (list.empty() && first[0].is("binary_operator") && first[0].field("operator").text() == "-" &&
        first[0].field("right").text() == "1")
      list = length_of(facts, first[0].field("left"));
    const Node inner = body[0];
    const Node j = inner.field("left");
    const std::vector<Node> second = range_arguments(facts, inner.field("right"));
    if (list.empty() || !j.is("identifier") || second.size() != 2 || length_of(facts, second[1]) != list) continue;
    const std::string behind(second[0].text());
    if (behind != std::string(i.text()) + " + 1" && behind != std::string(i.text()) + "+1") continue;
    const Node inner_body = inner.field("body");
    const std::optional<std::string> indent = indentation(outer.node);
    const std::vector<Node> inner_statements = statements(inner_body);
    if (leaves_loop(inner_body, "break_statement") ||
        contains_kind(outer.node, {"comment", "yield", "lambda", "function_definition"}) || !indent ||
        inner_statements.empty() || !indentation(inner_statements[0]))
      continue;
    std::vector<Node> left;
    std::vector<Node> right;
    if (!reads_items_only(facts, i, outer.node.range(), list, second[0], left) ||
        !reads_items_only(facts, j, inner.range(), list, Node(), right) || left.empty() || right.empty())
      continue;
    const PythonEffects effects = context.world->effects(facts, outer.node);
    NameSet stored = facts.names_stored_in(inner_body);
    if (stored.count(list) != 0 || !context.world->unaffected_by(facts, left[0], effects, stored)) continue;
    const PythonType type = context.world->type_of(facts, left[0].field("value"));
    if (type.known() && type.kind != PythonType::Kind::kList && type.kind != PythonType::Kind::kTuple &&
        type.kind != PythonType::Kind::kStr)
      continue;
    NameSet taken;
    std::string stem = list;
    if (stem.size() > 3 && stem.back() == 's') {
      stem.pop_back();
    } else {
      stem += "_item";
    }
    const std::string a = fresh_name(facts, stem, taken);
    const std::string b = fresh_name(facts, "other_" + stem, taken);
    Edits edits;
    for (const Node node : left) edits.replace(node, a);
    for (const Node node : right) edits.replace(node, b);
    const std::optional<std::string> moved =
        moved_lines(inner_statements.front(), inner_statements.back(), edits, *indent + indent_unit(context.tree()));
    if (!moved) continue;
    Edits all;
    const auto imported = facts.imports().find("itertools");
    if (imported == facts.imports().end()) {
      if (facts.lookup(0, "itertools") != nullptr) continue;
      add_import(context, "import itertools", all);
    } else if (!imported->second.name.empty()) {
      continue;
    }
    all.replace(whole_lines(outer.node), *indent + "for " + a + ", " + b + " in itertools.combinations(" + list +
                                             ", 2):" + line_end(context.tree()) + *moved);
    context.propose("all pairs of " + list + " by itertools.combinations in " + facts.symbol_of(outer.node),
                    "relies on: " + list + " is a sequence that the loops do not change", outer.node, all);
  }
}

// --- terms of two sequences ---------------------------------------------------------------------------------------

void indexed_terms(Context& context) {
  const PythonFacts& facts = context.facts;
  static const std::map<std::string_view, const char*> operators = {{"+", "add"},     {"-", "sub"},       {"*", "mul"},
                                                                    {"/", "truediv"}, {"//", "floordiv"}, {"%", "mod"},
                                                                    {"&", "and_"},    {"|", "or_"},       {"^", "xor"}};
  context.walk_wanted([&](Node call) {
    if (!call.is("call") || !context.wanted(call)) return true;
    const Node callee = call.field("function");
    Node terms = call.field("arguments");
    if (!facts.is_builtin(callee, "sum") && !facts.is_builtin(callee, "max") && !facts.is_builtin(callee, "min") &&
        !facts.is_builtin(callee, "any") && !facts.is_builtin(callee, "list") && !facts.is_builtin(callee, "tuple"))
      return true;
    const bool stops = callee.text() == "any";
    if (terms.is("argument_list") && terms.named_count() == 1) terms = terms.named(0);
    if (!terms.is("generator_expression") && !(terms.is("list_comprehension") && callee.text() != "list")) return true;
    if (terms.named_count() != 2 || !terms.named(1).is("for_in_clause") || contains_kind(terms, {"comment"}))
      return true;
    const Node body = terms.named(0);
    const Node index = terms.named(1).field("left");
    bool backwards = false;
    const std::vector<Node> range = range_arguments(facts, terms.named(1).field("right"), &backwards);
    if (!index.is("identifier") || backwards || range.empty() || range.size() > 2 || !body.is("binary_operator"))
      return true;
    const auto op = operators.find(body.field("operator").text());
    const Node left = body.field("left");
    const Node right = body.field("right");
    const auto item_of = [&](Node node) {
      return node.is("subscript") && node.named_count() == 2 && node.named(1).text() == index.text() &&
             !mentions_name(node.field("value"), index.text()) && context.world->pure(facts, node) &&
             !contains_kind(node, {"call"});
    };
    if (op == operators.end() || !item_of(left) || !item_of(right) || stops) return true;
    if (range.size() == 2 && range[0].text() != "0" && !non_negative(context, range[0])) return true;
    const Node end = range.back();
    if (!non_negative(context, end) || end.text().find('\n') != std::string_view::npos) return true;
    const std::string slice = slice_text(range);
    const auto part = [&](Node node) {
      const std::string sequence(node.field("value").text());
      if (range.size() == 1 && end.text() == "len(" + sequence + ")") return sequence;
      return sequence + "[" + slice + "]";
    };
    Edits edits;
    const auto imported = facts.imports().find("operator");
    if (imported == facts.imports().end()) {
      if (facts.lookup(0, "operator") != nullptr) return true;
      add_import(context, "import operator", edits);
    } else if (!imported->second.name.empty()) {
      return true;
    }
    if (facts.lookup(0, "map") != nullptr) return true;
    edits.replace(call.field("arguments"),
                  "(map(operator." + std::string(op->second) + ", " + part(left) + ", " + part(right) + "))");
    context.propose("terms by map() in " + facts.symbol_of(call),
                    "relies on: both sequences reach as far as the range; their slices are copied", call, edits);
    return true;
  });
}

}  // namespace

std::unique_ptr<Transformation> fill_loop_to_slice() {
  return make_transformation("python/fill-loop-to-slice", Safety::kSafeIfVerified, 2.0, fills);
}
std::unique_ptr<Transformation> copy_loop_to_slice() {
  return make_transformation("python/copy-loop-to-slice", Safety::kSafeIfVerified, 1.5, copies_of_lists);
}
std::unique_ptr<Transformation> pair_loops_to_combinations() {
  return make_transformation("python/pair-loops-to-combinations", Safety::kSafeIfVerified, 1.25, pairs);
}
std::unique_ptr<Transformation> indexed_terms_to_map() {
  return make_transformation("python/indexed-terms-to-map", Safety::kSafeIfVerified, 1.45, indexed_terms);
}

}  // namespace jarvis2::edit::python
