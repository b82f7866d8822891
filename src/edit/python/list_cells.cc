// python/cells-by-unpacking: `v[0] -= a; v[1] -= b; v[2] -= c` reads its cells by one unpacking.
// Preconditions: the statements follow each other, their indexes are 0 to n-1 in order, and their right sides read
// only locals and numbers. Differs: v must hold exactly n items (else ValueError) and be a list of numbers.
//
// python/cell-in-local: a cell that a loop loads and stores under one index lives in a local meanwhile.
// Preconditions: list and index do not change in the loop, the index is an int; no other cell of this list (by name) is
// read or stored in the loop, nothing called reads or stores it; one load happens in every iteration; the loop has no
// return, raise, try, yield or else. Differs: an exception inside the loop leaves the cell as it was before.
#include <algorithm>

#include "edit/python/numbers.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

struct CellUpdate {
  Node statement;
  Node cell;
  Node right;
  std::string op;  // "-" of "-="
};

bool only_names_and_numbers(const PythonFacts& facts, Node node) {
  bool fit = true;
  code::walk(node, [&](Node inner) {
    const std::string_view kind = inner.kind();
    fit &= kind == "identifier" || kind == "integer" || kind == "float" || kind == "binary_operator" ||
           kind == "unary_operator" || kind == "parenthesized_expression";
    if (kind == "identifier") {
      int scope = -1;
      const PythonBinding* binding = facts.resolve(inner, &scope);
      fit &= binding != nullptr && scope == facts.frame_of(inner) && !binding->written_from_outside;
    }
    return fit;
  });
  return fit;
}

std::optional<CellUpdate> cell_update(const PythonFacts& facts, Node statement) {
  if (!statement.is("expression_statement") || statement.named_count() != 1 || !alone_on_lines(statement))
    return std::nullopt;
  const Node update = statement.named(0);
  if (!update.is("augmented_assignment")) return std::nullopt;
  CellUpdate result{statement, update.field("left"), update.field("right"), {}};
  const std::string_view op = update.field("operator").text();
  if (op != "+=" && op != "-=" && op != "*=" && op != "/=") return std::nullopt;
  result.op = std::string(op.substr(0, op.size() - 1));
  if (!result.cell.is("subscript") || result.cell.named_count() != 2 || !result.cell.field("value").is("identifier") ||
      !result.cell.named(1).is("integer"))
    return std::nullopt;
  if (!only_names_and_numbers(facts, result.right) || !only_names_and_numbers(facts, result.cell.field("value")))
    return std::nullopt;
  if (mentions_name(result.right, result.cell.field("value").text())) return std::nullopt;
  return result;
}

void unpacked(Context& context) {
  const PythonFacts& facts = context.facts;
  context.walk_wanted([&](Node block) {
    if (!block.is("block") || !context.wanted(block) || facts.frame_of(block) == 0) return true;
    const std::vector<Node> list = statements(block);
    Edits edits;
    std::string names;
    NameSet taken;
    Node site;
    std::map<std::string, std::vector<std::string>> cells_of;
    for (std::size_t i = 0; i < list.size(); ++i) {
      std::vector<CellUpdate> run;
      for (std::size_t k = i; k < list.size(); ++k) {
        const std::optional<CellUpdate> update = cell_update(facts, list[k]);
        if (!update || update->cell.named(1).text() != std::to_string(run.size())) break;
        if (!run.empty() && update->cell.field("value").text() != run[0].cell.field("value").text()) break;
        if (k > i && !(list[k - 1].end_line() + 1 == list[k].line())) break;
        run.push_back(*update);
      }
      if (run.size() < 2) continue;
      const Node list_name = run[0].cell.field("value");
      const PythonType type = context.world->type_of(facts, list_name);
      const std::optional<std::string> indent = indentation(run[0].statement);
      if ((type.known() && type.kind != PythonType::Kind::kList) || !indent ||
          facts.scopes()[facts.frame_of(block)].dynamic) {
        i += run.size() - 1;
        continue;
      }
      // One set of names serves every run of this length in the block.
      std::vector<std::string>& cells = cells_of[std::to_string(run.size())];
      while (cells.size() < run.size())
        cells.push_back(fresh_name(facts, "cell_" + std::to_string(cells.size()), taken));
      std::string left;
      for (const std::string& cell : cells) left += (left.empty() ? "" : ", ") + cell;
      edits.insert(line_begin(context.source(), run[0].statement.range().begin),
                   *indent + left + " = " + std::string(list_name.text()) + line_end(context.tree()));
      for (std::size_t k = 0; k < run.size(); ++k) {
        const Node update = run[k].statement.named(0);
        edits.replace(Range{update.field("operator").range().begin, run[k].right.range().begin},
                      "= " + cells[k] + " " + run[k].op + " ");
        const Node right = run[k].right;
        if (needs_parentheses(right) && !is_literal(right)) {
          // a product binds tighter than the sum it joins
          const bool product = right.is("binary_operator") &&
                               (right.field("operator").text() == "*" || right.field("operator").text() == "/");
          if (!product || run[k].op == "*" || run[k].op == "/") {
            edits.insert(right.range().begin, "(");
            edits.insert(right.range().end, ")");
          }
        }
      }
      if (!site) site = run[0].statement;
      names += (names.empty() ? "" : ", ") + std::string(list_name.text());
      i += run.size() - 1;
    }
    if (site) {
      context.propose("read the cells of " + names + " by unpacking in " + facts.symbol_of(block),
                      "relies on: these lists hold exactly as many numbers as are updated here; another length raises "
                      "ValueError",
                      site, edits);
    }
    return true;
  });
}

// --- a cell in a local --------------------------------------------------------------------------------------------

struct Cell {
  std::vector<Node> nodes;
  bool stored = false;
  bool sure = false;
};

// A name that stands for a mapping which makes missing items.
bool speaks_of_defaults(const PythonFacts& facts) {
  const NameSet& names = facts.all_names();
  return names.count("defaultdict") != 0 || names.count("Counter") != 0 || names.count("__missing__") != 0;
}

// The name itself and those whose containers or items it may hold (`row = table[i]`, `for row in table`).
NameSet sources(const PythonFacts& facts, const PythonBinding& binding) {
  NameSet names{binding.name};
  for (const Node store : binding.stores) {
    Node holder = facts.parent(store);
    while (holder.is("pattern_list") || holder.is("tuple_pattern") || holder.is("list_pattern"))
      holder = facts.parent(holder);
    if (!holder.is("assignment") && !holder.is("for_statement")) continue;
    Node value = holder.field("right");
    while (value.is("subscript") || value.is("attribute"))
      value = value.is("subscript") ? value.field("value") : value.field("object");
    for (const std::string& name : facts.names_read_in(value)) names.insert(name);
  }
  return names;
}

// Some call hands one object to both parameters, as far as its text tells.
bool handed_twice(const Context& context, const PythonFunction& function, std::string_view one,
                  std::string_view other) {
  const auto place = [&](std::string_view name) {
    std::size_t at = 0;
    while (at < function.parameters.size() && function.parameters[at].name != name) ++at;
    return at;
  };
  const std::size_t a = place(one);
  const std::size_t b = place(other);
  const std::size_t shift = function.owner >= 0 && !function.is_static ? 1 : 0;  // self
  for (const PythonWorld::CallSite& site : context.world->calls_of(function.name)) {
    const std::vector<Node> arguments = site.call.field("arguments").children();
    const auto text = [&](std::size_t at, std::string_view name) {
      std::string found;
      for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (arguments[i].is("keyword_argument") && arguments[i].field("name").text() == name)
          return std::string(arguments[i].field("value").text());
        if (arguments[i].is("list_splat") || arguments[i].is("dictionary_splat")) return std::string("*");
        if (i + shift == at && !arguments[i].is("keyword_argument")) found = std::string(arguments[i].text());
      }
      return found;
    };
    const std::string first = text(a, one);
    const std::string second = text(b, other);
    if (first == "*" || second == "*" || (first == second && !first.empty())) return true;
  }
  return false;
}

// Another list of the loop may be (an item of) what `binding` holds.
bool may_share(const Context& context, Node loop, const PythonBinding& binding,
               const std::map<std::string, int>& lists) {
  const PythonFacts& facts = context.facts;
  const int scope = facts.scope_of(loop);
  const PythonFunction* function = facts.function_of(loop);
  const NameSet own = sources(facts, binding);
  for (const auto& [name, count] : lists) {
    if (name == binding.name) continue;
    const PythonBinding* other = facts.lookup(scope, name);
    if (other == nullptr || function == nullptr) return true;
    if (binding.parameter && other->parameter && handed_twice(context, *function, binding.name, name)) return true;
    for (const std::string& source : sources(facts, *other)) {
      if (own.count(source) != 0 && facts.lookup(scope, source) != nullptr) return true;
    }
  }
  return false;
}

bool innermost(const PythonFacts& facts, const PythonLoop& loop) {
  return std::none_of(facts.loops().begin(), facts.loops().end(), [&](const PythonLoop& other) {
    return !(other.node == loop.node) && loop.node.range().contains(other.node.range());
  });
}

void cells(Context& context) {
  const PythonFacts& facts = context.facts;
  if (speaks_of_defaults(facts)) return;
  for (const PythonLoop& loop : facts.loops()) {
    if (!context.wanted(loop.node) || facts.frame_of(loop.node) == 0 || !alone_on_lines(loop.node) ||
        loop.node.field("alternative") || !innermost(facts, loop) || facts.scopes()[facts.frame_of(loop.node)].dynamic)
      continue;
    if (contains_kind(loop.node, {"return_statement", "raise_statement", "try_statement", "yield", "await", "lambda",
                                  "function_definition", "class_definition", "with_statement", "assert_statement",
                                  "list_comprehension", "generator_expression", "set_comprehension",
                                  "dictionary_comprehension", "delete_statement", "slice"}))
      continue;
    const PythonEffects called = context.world->called_effects(facts, loop.node);
    if (called.unknown || called.yields || called.containers_read || !called.containers.empty()) continue;
    const std::optional<std::string> indent = indentation(loop.node);
    const NameSet stored = facts.names_stored_in(loop.node);
    std::map<std::string, Cell> found;
    std::map<std::string, int> lists;  // how many different cells of a list (by name) there are
    code::walk(loop.node, [&](Node node) {
      if (!node.is("subscript") || node.named_count() != 2) return true;
      Cell& cell = found[std::string(node.text())];
      if (cell.nodes.empty()) {
        Node base = node;
        while (base.is("subscript")) base = base.field("value");
        // a row of a table counts as the table
        if (!(facts.parent(node).is("subscript") && facts.parent(node).field("value") == node))
          ++lists[std::string(base.text())];
      }
      const Node up = facts.parent(node);
      const bool target = facts.is_assignment_target(facts, node);
      const bool augmented = up.is("augmented_assignment") && up.field("left") == node;
      cell.stored |= target;
      if (!target || augmented) cell.sure |= unconditional(facts, node, loop.body, false);
      cell.nodes.push_back(node);
      return true;
    });
    Edits edits;
    std::string before;
    std::string after;
    std::string names;
    NameSet taken;
    for (const auto& [text, cell] : found) {
      if (!cell.stored || !cell.sure || text.find('\n') != std::string::npos) continue;
      const Node first = cell.nodes[0];
      Node base = first;
      bool plain = true;
      while (base.is("subscript")) {
        const Node index = base.named(1);
        plain &= is_whole(context, index) && !contains_kind(index, {"call", "subscript", "attribute"});
        for (const std::string& name : facts.names_read_in(index)) plain &= stored.count(name) == 0;
        base = base.field("value");
      }
      const PythonBinding* binding = nullptr;
      if (!plain || !base.is("identifier") || !own_local(facts, base, &binding) || stored.count(base.text()) != 0 ||
          lists[std::string(base.text())] != 1 || may_share(context, loop.node, *binding, lists))
        continue;
      const PythonType type = context.world->type_of(facts, first.field("value"));
      if (type.known() && type.kind != PythonType::Kind::kList) continue;
      // The list under another name: handed on, or a second name of this function.
      bool alone = true;
      code::walk(loop.node, [&](Node node) {
        if (!node.is("identifier") || node.text() != base.text() || !facts.is_variable(node)) return true;
        const Node up = facts.parent(node);
        alone &= (up.is("subscript") && up.field("value") == node) ||
                 (up.is("argument_list") && facts.is_builtin(facts.parent(up).field("function"), "len"));
        return alone;
      });
      for (const Node load : binding->loads) {
        const Node up = facts.parent(load);
        alone &= !(up.is("assignment") && up.field("right") == load);
      }
      if (!alone) continue;
      const std::string local = fresh_name(facts, name_hint(first) + "_now", taken);
      for (const Node node : cell.nodes) edits.replace(node, local);
      before += *indent + local + " = " + text + line_end(context.tree());
      after += *indent + text + " = " + local + line_end(context.tree());
      names += (names.empty() ? "" : ", ") + text;
    }
    if (before.empty() || !edits.consistent()) continue;
    const Range lines = whole_lines(loop.node);
    edits.insert(lines.begin, before);
    const bool ends = lines.end > 0 && context.source()[lines.end - 1] == '\n';
    if (!ends) {
      after = line_end(context.tree()) + after;
      while (after.back() == '\n' || after.back() == '\r') after.pop_back();
    }
    edits.insert(lines.end, after);
    context.propose("keep " + names + " in a local during the loop in " + facts.symbol_of(loop.node),
                    "relies on: distinct names hold distinct lists; an exception inside the loop would leave it stale",
                    loop.node, edits);
  }
}

}  // namespace

std::unique_ptr<Transformation> cells_by_unpacking() {
  return make_transformation("python/cells-by-unpacking", Safety::kSafeIfVerified, 1.09, unpacked);
}
std::unique_ptr<Transformation> cell_in_local() {
  return make_transformation("python/cell-in-local", Safety::kSafeIfVerified, 1.2, cells);
}

}  // namespace jarvis2::edit::python
