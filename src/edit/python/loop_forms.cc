// Loops in a cheaper form.
//
// python/while-to-for-range: `while i < n: ...; i += k` becomes `for i in range(i, n, k)`.
// Preconditions: the counter is a local that only the last statement of the body changes, by a literal; the bound is
// invariant in the loop; no continue; the counter is not read after the loop. Differs: a bound that is no int raises
// TypeError; the counter's last value.
//
// python/range-len-to-enumerate: `for i in range(len(xs))` with xs[i] read becomes a loop over the values.
// Preconditions: xs is neither rebound nor changed in the loop and xs[i] is never stored. Differs: xs must be a
// sequence whose iteration gives the items that indexing gives.
//
// python/append-loop-to-comprehension: `xs = []` and a loop that only appends becomes a list comprehension.
// Preconditions: the list is not read in the loop, the loop's variables not after it, no break, no else, no yield.
//
// python/unroll-small-loop: a loop over range(N) or a tuple of literals, N up to 4, is written out.
// Preconditions: no break, continue or store to the variable in the body; small body without closures.
#include <algorithm>

#include "edit/python/hoisting.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

constexpr std::size_t kUnrolledNodes = 240;
constexpr std::size_t kMostTrips = 4;

bool local_here(const PythonFacts& facts, Node name, const PythonBinding** binding) {
  int scope = -1;
  *binding = facts.resolve(name, &scope);
  return *binding != nullptr && scope > 0 && scope == facts.frame_of(name) && !(*binding)->captured &&
         !(*binding)->written_from_outside && !(*binding)->declared_outer;
}

bool used_outside(const PythonBinding& binding, Range loop) {
  return std::any_of(binding.loads.begin(), binding.loads.end(),
                     [&](Node load) { return !loop.contains(load.range()); });
}

void while_loops(Context& context) {
  const PythonFacts& facts = context.facts;
  for (const PythonLoop& loop : facts.loops()) {
    if (!loop.node.is("while_statement") || loop.node.field("alternative") || !context.wanted(loop.node)) continue;
    const Node condition = loop.node.field("condition");
    if (!condition.is("comparison_operator") || condition.named_count() != 2 || condition.child_count() != 3) continue;
    const Node counter = condition.named(0);
    const Node bound = condition.named(1);
    const std::string_view op = condition.child(1).text();
    const PythonBinding* binding = nullptr;
    if (!counter.is("identifier") || !local_here(facts, counter, &binding)) continue;
    const std::vector<Node> body = statements(loop.body);
    if (body.size() < 2 || leaves_loop(loop.body, "continue_statement")) continue;
    const Node step = body.back();
    if (!step.is("expression_statement") || !step.named(0).is("augmented_assignment") || !alone_on_lines(step))
      continue;
    const Node increment = step.named(0);
    if (increment.field("left").text() != counter.text() || !increment.field("right").is("integer")) continue;
    const std::string_view sign = increment.field("operator").text();
    const std::string amount(increment.field("right").text());
    if (amount == "0" || !(sign == "+=" || sign == "-=")) continue;
    const bool up = sign == "+=";
    std::string limit(bound.text());
    if (limit.find('\n') != std::string::npos) continue;
    if (up ? !(op == "<" || op == "<=") : !(op == ">" || op == ">=")) continue;
    const bool tight = needs_parentheses(bound) && !is_literal(bound);
    if (op == "<=") limit = (tight ? "(" + limit + ")" : limit) + " + 1";
    if (op == ">=") limit = (tight ? "(" + limit + ")" : limit) + " - 1";
    int stores = 0;
    for (const Node store : binding->stores) stores += loop.node.range().contains(store.range()) ? 1 : 0;
    if (stores != 1 || used_outside(*binding, loop.node.range())) continue;
    const PythonType type = context.world->type_of(facts, bound);
    if (type.known() && type.kind != PythonType::Kind::kInt && type.kind != PythonType::Kind::kBool) continue;
    if (!context.world->invariant_in(facts, bound, loop.body)) continue;
    Edits edits;
    const Range header{loop.node.range().begin, condition.range().end};
    std::string range = "range(" + std::string(counter.text()) + ", " + limit;
    // A start right in front of the loop goes into the range.
    const Node before = loop.node.previous_sibling();
    if (before.is("expression_statement") && before.named(0).is("assignment") && alone_on_lines(before) &&
        before.named(0).field("left").text() == counter.text() && is_literal(before.named(0).field("right"))) {
      const std::string start(before.named(0).field("right").text());
      range = start == "0" && up && amount == "1" ? "range(" + limit : "range(" + start + ", " + limit;
      edits.remove(whole_lines(before));
    }
    if (!(up && amount == "1")) range += std::string(", ") + (up ? "" : "-") + amount;
    edits.replace(header, "for " + std::string(counter.text()) + " in " + range + ")");
    edits.remove(whole_lines(step));
    context.propose("while loop over " + std::string(counter.text()) + " becomes for ... in range() in " +
                        facts.symbol_of(loop.node),
                    "relies on: " + std::string(bound.text()) + " is an int that the loop does not change, and " +
                        std::string(counter.text()) + " is not read after the loop",
                    loop.node, edits);
  }
}

void index_loops(Context& context) {
  const PythonFacts& facts = context.facts;
  for (const PythonLoop& loop : facts.loops()) {
    if (!loop.node.is("for_statement") || !context.wanted(loop.node)) continue;
    const Node index = loop.node.field("left");
    const Node over = loop.node.field("right");
    const PythonBinding* binding = nullptr;
    if (!index.is("identifier") || !local_here(facts, index, &binding) || !over.is("call")) continue;
    if (!facts.is_builtin(over.field("function"), "range") || over.field("arguments").named_count() != 1) continue;
    const Node length = over.field("arguments").named(0);
    if (!length.is("call") || !facts.is_builtin(length.field("function"), "len") ||
        length.field("arguments").named_count() != 1)
      continue;
    const Node sequence = length.field("arguments").named(0);
    if (!sequence.is("identifier") && !is_attribute_chain(sequence)) continue;
    if (!context.world->invariant_in(facts, sequence, loop.body)) continue;
    std::vector<Node> items;
    std::size_t others = 0;
    bool possible = true;
    for (const Node load : binding->loads) {
      if (!loop.node.range().contains(load.range())) {
        ++others;  // read after the loop: the index stays
        continue;
      }
      const Node up = facts.parent(load);
      if (up.is("subscript") && up.named_count() == 2 && up.named(1) == load &&
          up.field("value").text() == sequence.text()) {
        if (facts.is_assignment_target(facts, up)) {
          possible = false;
          break;
        }
        items.push_back(up);
      } else {
        ++others;
      }
    }
    for (const Node store : binding->stores) {
      if (!(store == index) && loop.node.range().contains(store.range())) possible = false;
    }
    if (!possible || items.empty()) continue;
    // The container's items must stay: xs[i] read from the container that the loop does not change.
    if (!context.world->unaffected_by(facts, items[0], context.world->effects(facts, loop.body), [&] {
          NameSet stored = facts.names_stored_in(loop.body);
          return stored;
        }()))
      continue;
    NameSet taken;
    std::string stem(sequence.is("attribute") ? sequence.field("attribute").text() : sequence.text());
    if (stem.size() > 3 && stem.back() == 's') {
      stem.pop_back();
    } else {
      stem += "_item";
    }
    const std::string value = fresh_name(facts, stem, taken);
    Edits edits;
    for (const Node item : items) edits.replace(item, value);
    if (others == 0) {
      edits.replace(index, value);
      edits.replace(over, std::string(sequence.text()));
    } else {
      edits.replace(index, std::string(index.text()) + ", " + value);
      edits.replace(over, "enumerate(" + std::string(sequence.text()) + ")");
    }
    context.propose("index loop over " + std::string(sequence.text()) + " becomes a loop over values in " +
                        facts.symbol_of(loop.node),
                    "relies on: " + std::string(sequence.text()) + " is a sequence that the loop does not change",
                    loop.node, edits);
  }
}

void append_loops(Context& context) {
  const PythonFacts& facts = context.facts;
  for (const PythonLoop& loop : facts.loops()) {
    if (!loop.node.is("for_statement") || loop.node.field("alternative") || !context.wanted(loop.node)) continue;
    if (loop.node.child(0).text() == "async") continue;
    const Node before = loop.node.previous_sibling();
    if (!before.is("expression_statement") || !before.named(0).is("assignment") || !alone_on_lines(before)) continue;
    const Node list = before.named(0).field("left");
    const Node value = before.named(0).field("right");
    const PythonBinding* binding = nullptr;
    if (!list.is("identifier") || !value.is("list") || value.named_count() != 0 || !local_here(facts, list, &binding))
      continue;
    // for ...: [if ...:] xs.append(E), any depth.
    std::string clauses;
    Node here = loop.node;
    Node element;
    bool possible = true;
    std::vector<Node> targets;
    while (possible && !element) {
      Node block;
      if (here.is("for_statement") && !here.field("alternative")) {
        const std::optional<std::string> left = on_one_line(context.source(), here.field("left"), {});
        const std::optional<std::string> right = on_one_line(context.source(), here.field("right"), {});
        if (!left || !right) break;
        const Node over = here.field("right");
        const bool loose = over.is("conditional_expression") || over.is("lambda") || over.is("expression_list");
        clauses += " for " + *left + " in " + (loose ? "(" + *right + ")" : *right);
        targets.push_back(here.field("left"));
        block = here.field("body");
      } else if (here.is("if_statement") && !here.field("alternative")) {
        const std::optional<std::string> condition = on_one_line(context.source(), here.field("condition"), {});
        if (!condition) break;
        const bool loose = here.field("condition").is("conditional_expression") || here.field("condition").is("lambda");
        clauses += " if " + (loose ? "(" + *condition + ")" : *condition);
        block = here.field("consequence");
      } else if (here.is("expression_statement") && here.named(0).is("call")) {
        const Node callee = here.named(0).field("function");
        const Node arguments = here.named(0).field("arguments");
        if (!callee.is("attribute") || callee.field("attribute").text() != "append" ||
            callee.field("object").text() != list.text() || arguments.named_count() != 1)
          break;
        element = arguments.named(0);
        break;
      } else {
        break;
      }
      const std::vector<Node> inner = statements(block);
      if (inner.size() != 1 || contains_kind(block, {"comment"})) break;
      here = inner[0];
    }
    if (!element || element.is("generator_expression") ||
        contains_kind(loop.node, {"yield", "await", "named_expression", "comment"}))
      continue;
    const std::optional<std::string> text = on_one_line(context.source(), element, {});
    if (!text) continue;
    int uses = 0;
    for (const Node load : binding->loads) uses += loop.node.range().contains(load.range()) ? 1 : 0;
    if (uses != 1) continue;
    for (const Node target : targets) {
      code::walk(target, [&](Node node) {
        if (!node.is("identifier")) {
          possible &= !node.is("attribute") && !node.is("subscript");
          return possible;
        }
        const PythonBinding* variable = nullptr;
        if (!local_here(facts, node, &variable) || used_outside(*variable, loop.node.range())) possible = false;
        return possible;
      });
    }
    if (!possible) continue;
    Edits edits;
    const std::string bracket = "[" + (element.is("expression_list") ? "(" + *text + ")" : *text) + clauses + "]";
    edits.replace(Range{before.range().begin, loop.node.range().end}, std::string(list.text()) + " = " + bracket);
    context.propose("loop that appends to " + std::string(list.text()) + " becomes a comprehension in " +
                        facts.symbol_of(loop.node),
                    "relies on: nothing reads " + std::string(list.text()) + " or the loop's variables meanwhile",
                    loop.node, edits);
  }
}

std::vector<std::string> trips(const PythonFacts& facts, Node over) {
  std::vector<std::string> values;
  if (over.is("call") && facts.is_builtin(over.field("function"), "range")) {
    std::vector<long> numbers;
    for (const Node argument : over.field("arguments").children()) {
      if (!argument.is("integer") || argument.text().size() > 2) return {};
      numbers.push_back(std::stol(std::string(argument.text())));
    }
    if (numbers.empty() || numbers.size() > 2) return {};
    const long first = numbers.size() == 2 ? numbers[0] : 0;
    for (long i = first; i < numbers.back() && values.size() <= kMostTrips; ++i) values.push_back(std::to_string(i));
  } else if (over.is("tuple") || over.is("list")) {
    for (const Node element : over.children()) {
      if (!is_literal(element)) return {};
      values.emplace_back(element.text());
    }
  }
  return values.size() < 2 || values.size() > kMostTrips ? std::vector<std::string>() : values;
}

void small_loops(Context& context) {
  const PythonFacts& facts = context.facts;
  for (const PythonLoop& loop : facts.loops()) {
    if (!loop.node.is("for_statement") || loop.node.field("alternative") || !context.wanted(loop.node)) continue;
    if (facts.frame_of(loop.node) == 0) continue;
    const Node variable = loop.node.field("left");
    const PythonBinding* binding = nullptr;
    if (!variable.is("identifier") || !local_here(facts, variable, &binding)) continue;
    const std::vector<std::string> values = trips(facts, loop.node.field("right"));
    if (values.empty() || count_nodes(loop.body) * values.size() > kUnrolledNodes) continue;
    if (leaves_loop(loop.body, "break_statement") || leaves_loop(loop.body, "continue_statement") ||
        contains_kind(loop.body,
                      {"lambda", "function_definition", "class_definition", "generator_expression", "comment"}))
      continue;
    bool possible = true;
    for (const Node store : binding->stores)
      possible &= store == variable || !loop.node.range().contains(store.range());
    const std::optional<std::string> indent = indentation(loop.node);
    const std::vector<Node> body = statements(loop.body);
    if (!possible || !indent || body.empty() || !indentation(body[0]) || loop.body.line() == loop.node.line()) continue;
    std::string text;
    for (const std::string& value : values) {
      Edits edits;
      for (const Node load : binding->loads) {
        if (!loop.body.range().contains(load.range())) continue;
        const Node up = facts.parent(load);
        const bool tight = up.is("attribute") || up.is("binary_operator") || up.is("unary_operator");
        edits.replace(load, (up.is("attribute") || (tight && value[0] == '-')) ? "(" + value + ")" : value);
        if (up.is("interpolation") && value.find_first_of("'\"") != std::string::npos) possible = false;
      }
      const std::optional<std::string> copy = moved_lines(body.front(), body.back(), edits, *indent);
      if (!copy) {
        possible = false;
        break;
      }
      text += *copy;
    }
    if (!possible) continue;
    if (used_outside(*binding, loop.node.range()))
      text += *indent + std::string(variable.text()) + " = " + values.back() + line_end(context.tree());
    text = text.substr(indent->size());
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    Edits edits;
    edits.replace(loop.node, text);
    context.propose("write out the loop of " + std::to_string(values.size()) + " rounds over " +
                        std::string(variable.text()) + " in " + facts.symbol_of(loop.node),
                    "relies on: the body neither leaves the loop nor changes its variable", loop.node, edits);
  }
}

}  // namespace

std::unique_ptr<Transformation> while_to_for_range() {
  return make_transformation("python/while-to-for-range", Safety::kSafeIfVerified, 1.05, while_loops);
}
std::unique_ptr<Transformation> range_len_to_enumerate() {
  return make_transformation("python/range-len-to-enumerate", Safety::kSafeIfVerified, 1.03, index_loops);
}
std::unique_ptr<Transformation> append_loop_to_comprehension() {
  return make_transformation("python/append-loop-to-comprehension", Safety::kSafeIfVerified, 1.05, append_loops);
}
std::unique_ptr<Transformation> unroll_small_loop() {
  return make_transformation("python/unroll-small-loop", Safety::kSafeIfVerified, 1.08, small_loops);
}

}  // namespace jarvis2::edit::python
