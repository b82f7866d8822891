// python/min-max-to-conditional: min(a, b) and max(a, b) become conditional expressions.
// Preconditions: the builtin is not rebound; two positional arguments that are names, literals or pure attributes of
// names, so that evaluating one twice is not seen. The chosen object is the same: max gives its first argument unless
// the second is greater. Differs: comparison operators with effects run once either way.
//
// python/keyword-to-positional: keyword arguments of a resolved call are passed by position.
// Preconditions: the callee is known (see inline-function); the order of evaluation stays, because the keywords
// already stand in the order of the parameters and close up without a gap.
//
// python/merge-temporary: a local that is set and used once, by the next statement, is replaced by its value.
// Preconditions: the use is the first thing that statement evaluates, or the value is pure and unaffected by what
// comes before; one store, one load.
//
// python/propagate-copy: a local that is a second name of another local is replaced by it.
// Preconditions: one store of the copy; all its uses follow in the same block; the original is not assigned there.
#include <algorithm>

#include "edit/python/inlining.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

bool repeatable(const Context& context, Node node) {
  if (is_simple(context.facts, node)) return true;
  return node.is("attribute") && is_simple(context.facts, node.field("object")) &&
         context.world->pure(context.facts, node) &&
         context.world->methods_named(node.field("attribute").text()).empty();
}

void extremes(Context& context) {
  const PythonFacts& facts = context.facts;
  context.walk_wanted([&](Node call) {
    if (!call.is("call") || !context.wanted(call) || facts.frame_of(call) == 0) return true;
    const bool least = facts.is_builtin(call.field("function"), "min");
    if (!least && !facts.is_builtin(call.field("function"), "max")) return true;
    const Node arguments = call.field("arguments");
    if (!arguments.is("argument_list") || arguments.children().size() != 2 || arguments.named_count() != 2) return true;
    const Node a = arguments.named(0);
    const Node b = arguments.named(1);
    if (a.is("keyword_argument") || b.is("keyword_argument") || a.is("list_splat") || b.is("list_splat")) return true;
    Edits edits;
    std::string first(a.text());
    std::string second(b.text());
    if (!repeatable(context, a) || !repeatable(context, b)) {
      // A value that needs a name gets one where the statement allows it.
      const Node statement = facts.statement_of(call);
      const std::optional<std::string> indent = statement ? indentation(statement) : std::nullopt;
      if (!indent || first.find('\n') != std::string::npos || second.find('\n') != std::string::npos) return true;
      const PythonEffects effects = context.world->effects(facts, call);
      if (!can_run_first(context, call, statement, effects)) return true;
      NameSet taken;
      std::string lines;
      const bool both = !context.world->pure(facts, b);
      if (!repeatable(context, a) || both) {
        first = fresh_name(facts, name_hint(a), taken);
        lines += *indent + first + " = " + std::string(a.text()) + line_end(context.tree());
      }
      if (!repeatable(context, b)) {
        second = fresh_name(facts, name_hint(b) + "_bound", taken);
        lines += *indent + second + " = " + std::string(b.text()) + line_end(context.tree());
      }
      edits.insert(line_begin(context.source(), statement.range().begin), lines);
    }
    const Node up = facts.parent(call);
    const bool loose = up.is("assignment") || up.is("return_statement") || up.is("parenthesized_expression");
    std::string text = second + " if " + second + (least ? " < " : " > ") + first + " else " + first;
    if (facts.ancestor(call, {"interpolation"})) return true;
    edits.replace(call, loose ? text : "(" + text + ")");
    context.propose(std::string(least ? "min" : "max") + "() of two becomes a comparison in " + facts.symbol_of(call),
                    "relies on: the builtin is not rebound and its arguments can be evaluated twice", call, edits);
    return true;
  });
}

void keywords(Context& context) {
  const PythonFacts& facts = context.facts;
  context.walk_wanted([&](Node call) {
    if (!call.is("call") || !context.wanted(call) || !call.field("arguments").is("argument_list")) return true;
    const std::vector<Node> arguments = call.field("arguments").children();
    const bool any =
        std::any_of(arguments.begin(), arguments.end(), [](Node node) { return node.is("keyword_argument"); });
    if (!any) return true;
    const PythonFunction* callee = nullptr;
    std::string fact;
    std::size_t place = 0;
    Node receiver;
    if (const PythonClass* cls = context.world->resolve_constructor(facts, call)) {
      if (cls->dynamic || cls->has_keywords || !cls->decorators.empty()) return true;
      callee = context.world->method_of(*cls, "__init__");
      fact = cls->name + "'s __init__ is known";
      place = 1;
    } else {
      callee = context.world->resolve_call(facts, call, &receiver, &fact);
      if (callee != nullptr && callee->owner >= 0 && receiver && !callee->is_static) place = 1;
    }
    if (callee == nullptr) return true;
    Edits edits;
    for (const Node argument : arguments) {
      if (argument.is("list_splat") || argument.is("dictionary_splat")) return true;
      if (place >= callee->parameters.size() ||
          callee->parameters[place].kind == code::PythonParameter::Kind::kKeywordOnly ||
          callee->parameters[place].kind == code::PythonParameter::Kind::kStar)
        return true;
      if (argument.is("keyword_argument")) {
        if (argument.field("name").text() != callee->parameters[place].name) return true;
        edits.remove(Range{argument.range().begin, argument.field("value").range().begin});
      }
      ++place;
    }
    context.propose(
        "arguments of " + std::string(call.field("function").text()) + "() by position in " + facts.symbol_of(call),
        "relies on: " + fact, call, edits);
    return true;
  });
}

void temporaries(Context& context) {
  const PythonFacts& facts = context.facts;
  for (const code::PythonScope& scope : facts.scopes()) {
    if (scope.kind != PythonScopeKind::kFunction || scope.dynamic || !context.wanted(scope.node)) continue;
    for (const auto& [name, binding] : scope.bindings) {
      if (binding.parameter || binding.captured || binding.declared_outer || binding.deleted ||
          binding.stores.size() != 1 || binding.loads.size() != 1)
        continue;
      const Node assignment = facts.parent(binding.stores[0]);
      const Node statement = facts.parent(assignment);
      if (!assignment.is("assignment") || !(assignment.field("left") == binding.stores[0]) ||
          assignment.field("type") || !statement.is("expression_statement") || !alone_on_lines(statement))
        continue;
      const Node value = assignment.field("right");
      if (!value || value.is("assignment") || value.is("yield") || value.is("expression_list") || value.is("await"))
        continue;
      const Node load = binding.loads[0];
      Node next = statement.next_sibling();
      if (!next || next.is("comment")) continue;
      if (!(facts.statement_of(load) == next) || facts.ancestor(load, {"interpolation", "lambda"})) continue;
      const Node up = facts.parent(load);
      if (up.is("augmented_assignment") || !context.wanted(load)) continue;
      const PythonEffects effects = context.world->effects(facts, value);
      if (!can_run_first(context, load, next, effects)) continue;
      // What is evaluated before the use must not change the value either.
      bool clean = true;
      for (Node here = load; !(here == next); here = facts.parent(here)) {
        const Node around = facts.parent(here);
        for (std::uint32_t i = 0; i < around.named_count(); ++i) {
          const Node before = around.named(i);
          if (before.range().end > here.range().begin) break;
          if (around.is("assignment") && around.field("left") == before) continue;
          if (!is_simple(facts, before) && !context.world->effects(facts, before).none()) clean = false;
        }
      }
      const std::optional<std::string> text = on_one_line(context.source(), value, {});
      if (!clean || !text) continue;
      Edits edits;
      const bool loose = up.is("assignment") || up.is("return_statement") || up.is("argument_list");
      const bool tight = needs_parentheses(value) || value.is("conditional_expression");
      edits.replace(load, tight && !loose ? "(" + *text + ")" : *text);
      edits.remove(whole_lines(statement));
      context.propose("use the value of " + name + " directly in " + facts.symbol_of(statement),
                      "relies on: " + name + " is used once, by the next statement", statement, edits);
    }
  }
}

// A second name of a local goes away where neither changes while it is used.
void copies(Context& context) {
  const PythonFacts& facts = context.facts;
  for (const code::PythonScope& scope : facts.scopes()) {
    if (scope.kind != PythonScopeKind::kFunction || scope.dynamic || !context.wanted(scope.node)) continue;
    for (const auto& [name, binding] : scope.bindings) {
      if (binding.parameter || binding.captured || binding.declared_outer || binding.deleted ||
          binding.stores.size() != 1 || binding.loads.empty())
        continue;
      const Node assignment = facts.parent(binding.stores[0]);
      const Node statement = facts.parent(assignment);
      if (!assignment.is("assignment") || !(assignment.field("left") == binding.stores[0]) ||
          assignment.field("type") || !statement.is("expression_statement") || !alone_on_lines(statement))
        continue;
      const Node value = assignment.field("right");
      int holder = -1;
      const PythonBinding* source = value.is("identifier") ? facts.resolve(value, &holder) : nullptr;
      if (source == nullptr || source == &binding || holder != facts.frame_of(value) || holder == 0 ||
          source->captured || source->written_from_outside || source->deleted)
        continue;
      const Node block = facts.parent(statement);
      const Range after{statement.range().end, block.range().end};
      bool possible = statement.next_sibling() ? true : false;
      for (const Node load : binding.loads) possible &= after.contains(load.range()) && facts.is_variable(load);
      for (const Node store : source->stores) possible &= !after.contains(store.range());
      for (const Node load : binding.loads)
        possible &= !facts.parent(load).is("augmented_assignment") || !facts.is_store(load);
      // Inside a comprehension that has a variable of the source's name it would mean another.
      for (const Node load : binding.loads) {
        int found = -1;
        possible &= facts.lookup(facts.scope_of(load), value.text(), &found) == source;
      }
      if (!possible) continue;
      Edits edits;
      for (const Node load : binding.loads) edits.replace(load, std::string(value.text()));
      edits.remove(whole_lines(statement));
      context.propose(
          "use " + std::string(value.text()) + " instead of its copy " + name + " in " + facts.symbol_of(statement),
          "relies on: neither name is assigned while the copy is used", statement, edits);
    }
  }
}

}  // namespace

std::unique_ptr<Transformation> propagate_copy() {
  return make_transformation("python/propagate-copy", Safety::kSafeIfVerified, 1.01, copies);
}
std::unique_ptr<Transformation> min_max_to_conditional() {
  return make_transformation("python/min-max-to-conditional", Safety::kSafeIfVerified, 1.08, extremes);
}
std::unique_ptr<Transformation> keyword_to_positional() {
  return make_transformation("python/keyword-to-positional", Safety::kSafeIfVerified, 1.02, keywords);
}
std::unique_ptr<Transformation> merge_temporary() {
  return make_transformation("python/merge-temporary", Safety::kSafeIfVerified, 1.01, temporaries);
}

}  // namespace jarvis2::edit::python
