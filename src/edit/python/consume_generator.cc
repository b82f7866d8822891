// python/sum-generator-to-loop: sum(), any(), all() over a generator expression becomes a loop.
// Preconditions: the builtin is not rebound; the call is evaluated before all else in its statement, or what is
// evaluated earlier is unaffected by it; the generator has no await; its variables get names that the function does
// not use. any and all keep stopping early.
// Differs: from CPython 3.12 on sum() of floats compensates rounding, so its last digits may differ from the loop's.
//
// python/generator-to-list: a generator expression that its consumer reads to the end becomes a list (set) display.
// Preconditions: the consumer is a builtin that reads everything (sum, min, max, sorted, tuple, list, set, join) and
// is not rebound. Differs: memory for the list; an exception half-way is raised before the consumer starts.
#include <algorithm>

#include "edit/python/inlining.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

bool builtin_call(const PythonFacts& facts, Node call, std::string_view name) {
  return facts.is_builtin(call.field("function"), name);
}

// Names of a comprehension's scope as they may be used in the function around it.
bool rename_variables(const Context& context, Node comprehension, NameSet& taken, Edits& renames) {
  const PythonFacts& facts = context.facts;
  int scope = -1;
  for (std::size_t s = 0; s < facts.scopes().size(); ++s) {
    if (facts.scopes()[s].node == comprehension) scope = static_cast<int>(s);
  }
  if (scope < 0) return false;
  const int frame = facts.frame_of(comprehension);
  const PythonFunction* function = facts.function_of(comprehension);
  for (const auto& [name, binding] : facts.scopes()[scope].bindings) {
    // A name that only comprehensions of this function use is free.
    bool used = facts.lookup(frame, name) != nullptr || taken.count(name) != 0;
    if (function != nullptr) used |= facts.lookup(function->scope, name) != nullptr;
    if (!used) {
      taken.insert(name);
      continue;
    }
    const std::string fresh = fresh_name(facts, name + "_item", taken);
    for (const Node node : binding.stores) renames.replace(node, fresh);
    for (const Node node : binding.loads) renames.replace(node, fresh);
  }
  return true;
}

struct Clauses {
  std::vector<std::string> headers;  // "for v in xs:", "if c:"
  std::string element;
  std::size_t loops = 0;
};

std::optional<Clauses> read_clauses(const Context& context, Node comprehension, const Edits& renames) {
  Clauses result;
  const auto text = [&](Node node) { return on_one_line(context.source(), node, renames); };
  for (const Node child : comprehension.children()) {
    if (child.is("for_in_clause")) {
      if (child.child(0).text() == "async") return std::nullopt;
      const std::optional<std::string> left = text(child.field("left"));
      const std::optional<std::string> right = text(child.field("right"));
      if (!left || !right || child.field("right").next_sibling()) return std::nullopt;
      result.headers.push_back("for " + *left + " in " + *right + ":");
      ++result.loops;
    } else if (child.is("if_clause")) {
      const std::optional<std::string> condition = text(child.named(0));
      if (!condition) return std::nullopt;
      result.headers.push_back("if " + *condition + ":");
    } else {
      const std::optional<std::string> element = text(child);
      if (!element) return std::nullopt;
      result.element = *element;
    }
  }
  return result;
}

void loops(Context& context) {
  const PythonFacts& facts = context.facts;
  context.walk_wanted([&](Node call) {
    if (!call.is("call") || !call.field("arguments").is("generator_expression") || !context.wanted(call)) return true;
    if (facts.frame_of(call) == 0) return true;
    const bool sum = builtin_call(facts, call, "sum");
    const bool any = builtin_call(facts, call, "any");
    const bool all = builtin_call(facts, call, "all");
    const Node generator = call.field("arguments");
    if ((!sum && !any && !all) || contains_kind(generator, {"await", "yield", "named_expression", "lambda", "comment"}))
      return true;
    const Node statement = facts.statement_of(call);
    const std::optional<std::string> indent = statement ? indentation(statement) : std::nullopt;
    if (!indent) return true;
    NameSet taken;
    Edits renames;
    if (!rename_variables(context, generator, taken, renames)) return true;
    const std::optional<Clauses> clauses = read_clauses(context, generator, renames);
    if (!clauses || ((any || all) && clauses->loops != 1)) return true;
    const std::string ending = line_end(context.tree());
    const std::string unit = indent_unit(context.tree());
    const Node holder = facts.parent(call);
    // Where the value goes.
    std::string target;
    bool direct = false;
    if (holder.is("assignment") && holder.field("right") == call && facts.parent(holder) == statement &&
        holder.field("left").is("identifier") && !holder.field("type") && alone_on_lines(statement)) {
      target = std::string(holder.field("left").text());
      int scope = -1;
      const PythonBinding* binding = facts.resolve(holder.field("left"), &scope);
      direct = binding != nullptr && scope == facts.frame_of(call) && !binding->captured &&
               facts.names_read_in(generator).count(target) == 0;
    }
    const bool returned =
        (any || all) && holder.is("return_statement") && holder == statement && alone_on_lines(statement);
    if (!direct) target = fresh_name(facts, sum ? "total" : any ? "found" : "every", taken);
    std::string text;
    std::string at = *indent;
    const auto line = [&](const std::string& what) { text += at + what + ending; };
    if (!returned) line(target + (sum ? " = 0" : any ? " = False" : " = True"));
    for (const std::string& header : clauses->headers) {
      line(header);
      at += unit;
    }
    if (sum) {
      line(target + " += " + clauses->element);
    } else {
      std::string condition = clauses->element;
      Node element;
      for (const Node child : generator.children()) {
        if (!child.is("for_in_clause") && !child.is("if_clause") && !element) element = child;
      }
      if (all) condition = "not " + parenthesised(element, condition);
      line("if " + condition + ":");
      at += unit;
      if (returned) {
        line(std::string("return ") + (any ? "True" : "False"));
      } else {
        line(target + (any ? " = True" : " = False"));
        line("break");
      }
    }
    Edits edits;
    if (returned) {
      at = *indent;
      line(std::string("return ") + (any ? "False" : "True"));
    }
    if (direct || returned) {
      text = text.substr(indent->size());
      while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
      edits.replace(statement, text);
    } else {
      if (!can_run_first(context, call, statement, context.world->effects(facts, generator))) return true;
      edits.insert(line_begin(context.source(), statement.range().begin), text);
      edits.replace(call, target);
    }
    const std::string name(call.field("function").text());
    context.propose(name + "() over a generator becomes a loop in " + facts.symbol_of(call),
                    "relies on: " + name + " is the builtin" +
                        (sum ? "; CPython 3.12's sum() of floats rounds differently in the last digits" : ""),
                    call, edits);
    return true;
  });
}

void lists(Context& context) {
  const PythonFacts& facts = context.facts;
  context.walk_wanted([&](Node call) {
    if (!call.is("call") || !context.wanted(call)) return true;
    const Node callee = call.field("function");
    Node generator = call.field("arguments");
    if (!generator.is("generator_expression")) {
      const std::vector<Node> arguments = generator.children();
      if (arguments.empty() || !arguments[0].is("generator_expression")) return true;
      generator = arguments[0];
    }
    if (contains_kind(generator, {"await", "yield"})) return true;
    const std::string_view source = context.source();
    const Range inside{generator.range().begin + 1, generator.range().end - 1};
    const std::string inner(source.substr(inside.begin, inside.size()));
    Edits edits;
    const bool bare = call.field("arguments") == generator;
    if (bare && builtin_call(facts, call, "list")) {
      edits.replace(call, "[" + inner + "]");
    } else if (bare && builtin_call(facts, call, "set")) {
      edits.replace(call, "{" + inner + "}");
    } else {
      bool reads_all =
          callee.is("attribute") && callee.field("attribute").text() == "join" && callee.field("object").is("string");
      for (const std::string_view name : {"sum", "min", "max", "sorted", "tuple", "frozenset"})
        reads_all |= builtin_call(facts, call, name);
      if (!reads_all) return true;
      edits.replace(Range{inside.begin - 1, inside.begin}, bare ? "([" : "[");
      edits.replace(Range{inside.end, inside.end + 1}, bare ? "])" : "]");
    }
    const std::string where = facts.symbol_of(call);
    context.propose(
        "list instead of generator for " + std::string(callee.text()) + "()" + (where.empty() ? "" : " in " + where),
        "relies on: the consumer is the builtin and reads everything; needs memory for the list", call, edits);
    return true;
  });
}

// python/comprehension-to-loop: only where the element calls a function that could be inlined as statements.
void unfold(Context& context) {
  const PythonFacts& facts = context.facts;
  context.walk_wanted([&](Node node) {
    if (!node.is("list_comprehension") || !context.wanted(node) || facts.frame_of(node) == 0) return true;
    if (contains_kind(node, {"await", "yield", "named_expression", "lambda", "comment"})) return true;
    bool worth = false;
    code::walk(node, [&](Node inner) {
      if (!inner.is("call") || worth) return !worth;
      const std::optional<BoundCall> call = bind_call(context, inner);
      if (!call || !not_inlinable(context, *call->callee).empty() || call->callee == facts.function_of(node))
        return true;
      const std::optional<BodyPlan> plan = plan_body(context, *call, {});
      worth = plan && (!plan->expression_form || !plan->bound.empty());
      return !worth;
    });
    if (!worth) return true;
    const Node statement = facts.statement_of(node);
    const std::optional<std::string> indent = statement ? indentation(statement) : std::nullopt;
    if (!indent) return true;
    NameSet taken;
    Edits renames;
    if (!rename_variables(context, node, taken, renames)) return true;
    const std::optional<Clauses> clauses = read_clauses(context, node, renames);
    if (!clauses || !can_run_first(context, node, statement, context.world->effects(facts, node))) return true;
    const std::string target = fresh_name(facts, "items", taken);
    const std::string ending = line_end(context.tree());
    std::string at = *indent;
    std::string text = at + target + " = []" + ending;
    for (const std::string& header : clauses->headers) {
      text += at + header + ending;
      at += indent_unit(context.tree());
    }
    text += at + target + ".append(" + clauses->element + ")" + ending;
    Edits edits;
    edits.insert(line_begin(context.source(), statement.range().begin), text);
    edits.replace(node, target);
    context.propose("comprehension becomes a loop in " + facts.symbol_of(node) + ", so that calls can be inlined",
                    "same order of evaluation; only the loop variable's scope changes", node, edits);
    return true;
  });
}

}  // namespace

std::unique_ptr<Transformation> sum_generator_to_loop() {
  return make_transformation("python/sum-generator-to-loop", Safety::kSafeIfVerified, 1.1, loops);
}
std::unique_ptr<Transformation> generator_to_list() {
  return make_transformation("python/generator-to-list", Safety::kSafeIfVerified, 1.06, lists);
}
std::unique_ptr<Transformation> comprehension_to_loop() {
  return make_transformation("python/comprehension-to-loop", Safety::kSafeIfVerified, 1.0, unfold);
}

}  // namespace jarvis2::edit::python
