// python/table-of-terms: a term that a loop computes from its index and numbers alone is looked up in a cached row.
// Preconditions: module function; a loop over enumerate(xs) or range(n) without break, return or yield; the term is
// evaluated in every iteration, reads only the index, locals that the loop does not store and module functions or
// constants that never change; it is pure, made of arithmetic, and costs several operations (calls followed).
// Differs: the row's terms are computed before the loop; up to 1,024 rows stay in memory; its inputs must be hashable,
// and 0.0 and -0.0 share a row. Pays where the function runs again with the same numbers.
#include <algorithm>

#include "edit/python/numbers.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

constexpr double kEnough = 3;  // operations

bool constant_global(const PythonFacts& facts, std::string_view name) {
  if (facts.lookup(0, name) == nullptr) return code::python_builtin(name);
  if (!facts.bound_once(name)) return false;
  const PythonBinding* binding = facts.lookup(0, name);
  const Node up = facts.parent(binding->stores[0]);
  if (up.is("function_definition") || binding->imported) return true;
  return up.is("assignment") && is_literal(up.field("right"));
}

// Arithmetic and calls whose value is a number as far as the text tells.
bool scalar(const Context& context, Node node, int depth);

bool scalar_call(const Context& context, Node call, int depth) {
  const PythonFacts& facts = context.facts;
  const Node callee = call.field("function");
  if (!call.field("arguments").is("argument_list")) return false;
  for (const Node argument : call.field("arguments").children()) {
    if (!scalar(context, argument, depth + 1)) return false;
  }
  if (callee.is("attribute") && callee.field("object").is("identifier")) {
    const auto imported = facts.imports().find(callee.field("object").text());
    return imported != facts.imports().end() && imported->second.name.empty() &&
           (imported->second.module == "math" || imported->second.module == "cmath") &&
           code::python_pure_function(imported->second.module + "." + std::string(callee.field("attribute").text()));
  }
  if (!callee.is("identifier")) return false;
  if (facts.resolve(callee) == nullptr) {
    static const NameSet numeric = {"abs", "int", "float", "complex", "round", "pow", "min", "max", "divmod"};
    return numeric.count(callee.text()) != 0 && callee.text() != "divmod";
  }
  const auto imported = facts.imports().find(callee.text());
  if (imported != facts.imports().end())
    return imported->second.module == "math" && code::python_pure_function("math." + imported->second.name);
  const PythonFunction* function = context.world->resolve_call(facts, call, nullptr, nullptr);
  if (function == nullptr || function->facts != &facts || function->owner >= 0 || function->nested ||
      !function->decorators.empty() || function->is_generator || function->is_async || function->returns.size() != 1 ||
      !function->returns[0].named(0))
    return false;
  const PythonEffects& effects = context.world->effects(*function);
  if (!effects.none() || !effects.attributes_read.empty() || effects.containers_read) return false;
  for (const std::string& name : effects.globals_read) {
    if (!constant_global(facts, name)) return false;
  }
  return scalar(context, function->returns[0].named(0), depth + 1);
}

bool scalar(const Context& context, Node node, int depth) {
  if (depth > 12) return false;
  while (node.is("parenthesized_expression")) node = node.named(0);
  const std::string_view kind = node.kind();
  if (kind == "identifier" || kind == "integer" || kind == "float") return true;
  if (kind == "binary_operator")
    return scalar(context, node.field("left"), depth + 1) && scalar(context, node.field("right"), depth + 1);
  if (kind == "unary_operator") return scalar(context, node.field("argument"), depth + 1);
  if (kind == "attribute") return node.text() == "math.pi" || node.text() == "math.e" || node.text() == "math.tau";
  return kind == "call" && scalar_call(context, node, depth);
}

double cost(const Context& context, Node node, int depth = 0) {
  double sum = 0;
  code::walk(node, [&](Node inner) {
    if (inner.is("binary_operator")) sum += inner.field("operator").text() == "**" ? 2 : 1;
    if (inner.is("call")) {
      sum += 2;
      const PythonFunction* function = context.world->resolve_call(context.facts, inner, nullptr, nullptr);
      if (function != nullptr && depth < 4) sum += cost(context, function->body, depth + 1);
    }
    return true;
  });
  return sum;
}

struct Term {
  std::string text;
  std::vector<Node> nodes;
  double worth = 0;
  NameSet inputs;
};

// The largest terms of the loop.
std::vector<Term> terms_of(const Context& context, const PythonLoop& loop, std::string_view index) {
  const PythonFacts& facts = context.facts;
  const NameSet stored = facts.names_stored_in(loop.node);
  std::vector<Term> found;
  code::walk(loop.body, [&](Node node) {
    if (node.is("lambda") || node.is("function_definition") || node.is("generator_expression") ||
        node.is("list_comprehension") || node.is("set_comprehension") || node.is("dictionary_comprehension"))
      return false;
    if (!node.is("binary_operator") && !node.is("call")) return true;
    if (!mentions_name(node, index) || !scalar(context, node, 0) || !context.world->pure(facts, node)) return true;
    NameSet inputs;
    bool possible = true;
    for (const std::string& name : facts.names_read_in(node)) {
      int scope = -1;
      const PythonBinding* binding = facts.lookup(facts.scope_of(node), name, &scope);
      if (binding == nullptr || scope == 0) {
        possible &= constant_global(facts, name);
      } else if (name != index) {
        possible &= stored.count(name) == 0 && scope == facts.frame_of(node) && !binding->written_from_outside;
        inputs.insert(name);
      }
    }
    const double worth = cost(context, node);
    if (!possible || worth < kEnough || inputs.size() > 3 || !unconditional(facts, node, loop.body, false) ||
        node.text().find('\n') != std::string_view::npos)
      return true;
    const std::string text(node.text());
    const auto same = std::find_if(found.begin(), found.end(), [&](const Term& term) { return term.text == text; });
    if (same != found.end()) {
      same->nodes.push_back(node);
      same->worth += worth;
    } else {
      found.push_back({text, {node}, worth, inputs});
    }
    return false;
  });
  std::stable_sort(found.begin(), found.end(), [](const Term& a, const Term& b) { return a.worth > b.worth; });
  return found;
}

// The loop can only run on to its end.
bool runs_through(const PythonLoop& loop) {
  return !loop.node.field("alternative") && !leaves_loop(loop.body, "break_statement") &&
         !contains_kind(loop.body, {"return_statement", "raise_statement", "yield", "await"});
}

void find(Context& context) {
  const PythonFacts& facts = context.facts;
  for (const PythonLoop& loop : facts.loops()) {
    if (!loop.node.is("for_statement") || !context.wanted(loop.node) || !runs_through(loop)) continue;
    const PythonFunction* function = facts.function_of(loop.node);
    if (function == nullptr || function->owner >= 0 || function->nested || function->is_async) continue;
    const bool repeated =
        loop.depth > 1 || context.world->calls_of(function->name).size() > 1 ||
        context.world->used_as_value(function->name) ||
        std::any_of(context.world->calls_of(function->name).begin(), context.world->calls_of(function->name).end(),
                    [](const auto& site) { return static_cast<bool>(site.facts->loop_of(site.call)); });
    if (!repeated) continue;
    const Node target = loop.node.field("left");
    const Node over = loop.node.field("right");
    Node index;
    Node element;
    std::string length;
    Node sequence;
    if (target.is("identifier")) {
      const std::vector<Node> arguments = range_arguments(facts, over);
      if (arguments.size() != 1 || over.field("function").text() != "range") continue;
      index = target;
      if (!is_simple(facts, arguments[0]) && !arguments[0].is("call")) continue;
      if (!context.world->invariant_in(facts, arguments[0], loop.body)) continue;
      length = std::string(arguments[0].text());
    } else if (target.is("pattern_list") && target.named_count() == 2 && target.named(0).is("identifier") &&
               over.is("call") && facts.is_builtin(over.field("function"), "enumerate") &&
               over.field("arguments").named_count() == 1) {
      index = target.named(0);
      element = target.named(1);
      sequence = over.field("arguments").named(0);
      if (!sequence.is("identifier") || !context.world->invariant_in(facts, sequence, loop.body)) continue;
      const PythonEffects effects = context.world->effects(facts, loop.body);
      if (effects.unknown || effects.containers.count(sequence.text()) != 0) continue;
      length = "len(" + std::string(sequence.text()) + ")";
    } else {
      continue;
    }
    const PythonBinding* binding = nullptr;
    if (!own_local(facts, index, &binding)) continue;
    const auto stores = std::count_if(binding->stores.begin(), binding->stores.end(),
                                      [&](Node store) { return loop.node.range().contains(store.range()); });
    if (stores != 1) continue;
    const std::vector<Term> terms = terms_of(context, loop, index.text());
    if (terms.empty() || length.find('\n') != std::string::npos) continue;
    const Term& term = terms[0];
    const std::optional<std::string> indent = indentation(loop.node);
    const Node top = function->node.parent().is("decorated_definition") ? function->node.parent() : function->node;
    if (!indent || !indentation(top) || !indentation(top)->empty()) continue;
    // The table's function.
    NameSet taken;
    const std::string row = fresh_name(facts, "terms", taken);
    const std::string maker = "_" + fresh_name(facts, "terms_of_" + function->name, taken);
    if (facts.all_names().count(maker) != 0) continue;
    const std::string count = fresh_name(facts, "count", taken);
    const std::string ending = line_end(context.tree());
    const std::string unit = indent_unit(context.tree());
    std::string parameters;
    for (const std::string& name : term.inputs) parameters += name + ", ";
    Edits edits;
    std::string decorator;
    const auto imported = facts.imports().find("functools");
    if (imported == facts.imports().end()) {
      if (facts.lookup(0, "functools") != nullptr) continue;
      add_import(context, "import functools", edits);
    } else if (!imported->second.name.empty() || imported->second.module != "functools") {
      continue;
    }
    edits.insert(line_begin(context.source(), top.range().begin),
                 "@functools.lru_cache(maxsize=1024, typed=True)" + ending + "def " + maker + "(" + parameters + count +
                     "):" + ending + unit + "return [" + term.text + " for " + std::string(index.text()) +
                     " in range(" + count + ")]" + ending + ending + ending);
    // The loop reads the row.
    bool index_left = false;
    for (const Node load : binding->loads) {
      const bool gone = std::any_of(term.nodes.begin(), term.nodes.end(),
                                    [&](Node node) { return node.range().contains(load.range()); });
      index_left |= !gone;
    }
    const std::string call = maker + "(" + parameters + length + ")";
    if (index_left) {
      edits.insert(line_begin(context.source(), loop.node.range().begin), *indent + row + " = " + call + ending);
      for (const Node node : term.nodes)
        replace_operand(context, node, row + "[" + std::string(index.text()) + "]", edits);
    } else {
      const std::string item = fresh_name(facts, "term", taken);
      for (const Node node : term.nodes) replace_operand(context, node, item, edits);
      if (element) {
        edits.replace(target, std::string(element.text()) + ", " + item);
        edits.replace(over, "zip(" + std::string(sequence.text()) + ", " + call + ")");
      } else {
        edits.replace(target, item);
        edits.replace(over, call);
      }
    }
    context.propose("look up " + term.text + " in a cached row in " + facts.symbol_of(loop.node),
                    "relies on: " + term.text +
                        " is pure arithmetic on numbers; up to 1,024 rows stay in memory, and 0.0 and -0.0 as inputs "
                        "share a row",
                    loop.node, edits);
  }
}

}  // namespace

std::unique_ptr<Transformation> table_of_terms() {
  return make_transformation("python/table-of-terms", Safety::kSafeIfVerified, 1.5, find);
}

}  // namespace jarvis2::edit::python
