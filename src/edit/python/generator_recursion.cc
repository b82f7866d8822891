// python/recursive-generator-to-list: a generator that passes on what its recursive calls yield (one resumption a
// level for each item) fills one list instead; its callers get an iterator over that list.
// Preconditions: no decorators, star parameters, try, with or while in it, no use of what yield gives, no effect
// besides yielding; the recursive calls surely run this very function (`yield from f(...)`, `for x in f(...): yield x`,
// and for __iter__ `yield from` an object of this class); every other call is read to its end by a loop that changes
// nothing the generator reads, or by a builtin such as list(), sum() or sorted().
// Differs: all items are made at the first use, and are in memory at once.
#include <algorithm>

#include "edit/python/inlining.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

struct Part {
  enum class Kind { kItem, kOwnCall, kOther };
  Kind kind = Kind::kItem;
  Node statement;
  Node value;  // kItem: what is yielded (may be null); kOwnCall: the call, or the object of __iter__; kOther: iterable
};

bool own_object(const Context& context, const PythonFunction& function, Node object) {
  if (function.name != "__iter__" || object.is("call")) return false;
  const PythonType type = context.world->type_of(context.facts, object);
  const PythonClass* cls = context.facts.class_of(function);
  if (type.kind != PythonType::Kind::kInstance || cls == nullptr) return false;
  const std::vector<const PythonClass*> below = context.world->descendants(*cls);
  const bool inside = type.of == cls || std::find(below.begin(), below.end(), type.of) != below.end();
  return inside && context.world->methods_named("__iter__").size() == 1;
}

bool own_call(const Context& context, const PythonFunction& function, Node call) {
  if (!call.is("call")) return false;
  const std::optional<BoundCall> bound = bind_call(context, call);
  return bound && bound->callee == &function;
}

// `for x in f(...): yield x`
Node forwarded(Node loop) {
  if (!loop.is("for_statement") || loop.field("alternative") || loop.child(0).text() == "async") return {};
  const std::vector<Node> body = statements(loop.field("body"));
  if (body.size() != 1 || !body[0].is("expression_statement") || !body[0].named(0).is("yield")) return {};
  const Node value = body[0].named(0).named(0);
  if (!value || !value.is("identifier") || body[0].named(0).text().find("yield from") == 0) return {};
  return loop.field("left").text() == value.text() ? loop.field("right") : Node();
}

std::optional<std::vector<Part>> parts_of(const Context& context, const PythonFunction& function) {
  std::vector<Part> parts;
  bool possible = true;
  bool recursive = false;
  code::walk(function.body, [&](Node node) {
    if (!possible) return false;
    if (node.is("for_statement")) {
      const Node over = forwarded(node);
      if (over && (own_call(context, function, over) || own_object(context, function, over))) {
        parts.push_back({Part::Kind::kOwnCall, node, over});
        recursive = true;
        possible = alone_on_lines(node);
        return false;
      }
    }
    if (!node.is("yield")) return true;
    const Node statement = context.facts.parent(node);
    if (!statement.is("expression_statement") || !alone_on_lines(statement)) {
      possible = false;
      return false;
    }
    const Node value = node.named(0);
    if (value && contains_kind(value, {"yield"})) possible = false;
    if (node.text().find("yield from") != 0) {
      parts.push_back({Part::Kind::kItem, statement, value});
    } else if (own_call(context, function, value) || own_object(context, function, value)) {
      parts.push_back({Part::Kind::kOwnCall, statement, value});
      recursive = true;
    } else {
      parts.push_back({Part::Kind::kOther, statement, value});
    }
    return false;
  });
  if (!possible || !recursive) return std::nullopt;
  return parts;
}

// The consumer takes all items before anything the generator reads is changed.
bool read_to_the_end(const Context& context, const PythonFunction& function, const PythonFacts& facts, Node call) {
  const Node up = facts.parent(call);
  const PythonEffects& reads = context.world->effects(function);
  if (up.is("for_statement") && up.field("right") == call) {
    const Node body = up.field("body");
    if (leaves_loop(body, "break_statement") || contains_kind(body, {"return_statement", "yield", "await"}))
      return false;
    const PythonEffects changes = context.world->effects(facts, body);
    if (changes.unknown || changes.yields || (reads.containers_read && !changes.containers.empty())) return false;
    const auto read = [&](const std::string& name) { return reads.attributes_read.count(name) != 0; };
    return std::none_of(changes.attributes.begin(), changes.attributes.end(), read) &&
           std::none_of(changes.self_attributes.begin(), changes.self_attributes.end(), read) &&
           std::none_of(changes.globals.begin(), changes.globals.end(),
                        [&](const std::string& name) { return reads.globals_read.count(name) != 0; });
  }
  if (up.is("for_in_clause") && up.field("right") == call) {
    const Node comprehension = facts.parent(up);
    return !comprehension.is("generator_expression") && context.world->pure(facts, comprehension.field("body"));
  }
  if (!up.is("argument_list")) return false;
  const Node callee = facts.parent(up).field("function");
  static const NameSet readers = {"list", "tuple", "set", "frozenset", "sorted", "sum", "min", "max", "dict"};
  if (callee.is("attribute")) return callee.field("attribute").text() == "join" && callee.field("object").is("string");
  return readers.count(callee.text()) != 0 && facts.is_builtin(callee, callee.text());
}

void look_at(Context& context, const PythonFunction& function) {
  const PythonFacts& facts = context.facts;
  if (!function.is_generator || function.is_async || function.nested || !function.decorators.empty() ||
      (function.owner < 0 && !facts.bound_once(function.name)))
    return;
  if (contains_kind(function.body,
                    {"try_statement", "with_statement", "while_statement", "lambda", "await", "function_definition",
                     "class_definition", "global_statement", "nonlocal_statement", "generator_expression"}))
    return;
  for (const code::PythonParameter& parameter : function.parameters) {
    if (parameter.kind != code::PythonParameter::Kind::kNormal) return;
  }
  const bool method = function.owner >= 0;
  if (method && function.parameters.empty()) return;
  if (method && (context.world->methods_named(function.name).size() != 1 ||
                 !context.world->functions_named(function.name).empty() || context.world->used_as_value(function.name)))
    return;
  const PythonEffects& effects = context.world->effects(function);
  if (effects.unknown || effects.io || !effects.attributes.empty() || !effects.self_attributes.empty() ||
      !effects.globals.empty() || !effects.containers.empty())
    return;
  for (const Node statement : function.returns) {
    if (statement.named(0)) return;
  }
  const std::optional<std::vector<Part>> parts = parts_of(context, function);
  const std::optional<std::string> indent = indentation(function.node);
  std::vector<Node> body = statements(function.body);
  if (!parts || !indent || body.empty() || !indentation(body.front())) return;
  for (const PythonWorld::CallSite& site : context.world->calls_of(function.name)) {
    if (site.facts == &facts && function.node.range().contains(site.call.range())) {
      const bool passed_on = std::any_of(parts->begin(), parts->end(), [&](const Part& part) {
        return part.kind == Part::Kind::kOwnCall && part.value == site.call;
      });
      if (!passed_on) return;
    } else if (!read_to_the_end(context, function, *site.facts, site.call)) {
      return;
    }
  }
  NameSet taken;
  const std::string helper =
      fresh_name(facts, function.name == "__iter__" ? "iter_into" : function.name + "_into", taken);
  const std::string put = fresh_name(facts, "put", taken);
  const std::string items = fresh_name(facts, "items", taken);
  const std::string ending = line_end(context.tree());
  const std::string step = *indent + indent_unit(context.tree());

  Edits edits;
  for (const Part& part : *parts) {
    const std::optional<std::string> value =
        part.value ? on_one_line(context.source(), part.value, {}) : std::optional<std::string>("None");
    if (!value) return;
    if (part.kind == Part::Kind::kItem) {
      const bool bare_tuple = part.value && part.value.is("expression_list");
      edits.replace(part.statement, put + (bare_tuple ? "((" + *value + "))" : "(" + *value + ")"));
    } else if (part.kind == Part::Kind::kOther) {
      const std::optional<std::string> inner = indentation(part.statement);
      const std::string item = fresh_name(facts, "item", taken);
      edits.replace(part.statement, "for " + item + " in " + *value + ":" + ending + *inner +
                                        indent_unit(context.tree()) + put + "(" + item + ")");
    } else if (!part.value.is("call")) {
      edits.replace(part.statement, parenthesised(part.value, *value) + "." + helper + "(" + put + ")");
    } else {
      const Node callee = part.value.field("function");
      const Node arguments = part.value.field("arguments");
      const std::optional<std::string> rest = on_one_line(context.source(), arguments, {});
      if (!rest || !arguments.is("argument_list")) return;
      std::string target = helper;
      if (callee.is("attribute")) {
        const std::optional<std::string> object = on_one_line(context.source(), callee.field("object"), {});
        if (!object) return;
        target = *object + "." + helper;
      }
      edits.replace(part.statement, target + "(" + put + (arguments.named_count() > 0 ? ", " : "") + rest->substr(1));
    }
  }
  edits.replace(function.node.field("name"), helper);
  const Node parameters = function.node.field("parameters");
  if (method) {
    edits.insert(parameters.named(0).range().end, ", " + put);
  } else {
    edits.insert(parameters.range().begin + 1, put + (parameters.named_count() > 0 ? ", " : ""));
  }
  if (function.node.field("return_type")) return;
  std::string text_of_doc;
  if (is_docstring(body.front())) {
    if (body.size() == 1 || body.front().line() != body.front().end_line()) return;
    text_of_doc = step + std::string(body.front().text()) + ending;
    edits.replace(body.front(), "pass");
  }
  const std::optional<std::string> filled = moved_lines(function.node, function.node, edits, *indent);
  if (!filled) return;
  const std::optional<std::string> header = on_one_line(context.source(), parameters, {});
  if (!header) return;
  std::string arguments = items + ".append";
  for (std::size_t i = method ? 1 : 0; i < function.parameters.size(); ++i)
    arguments += ", " + function.parameters[i].name;
  std::string text = filled->substr(indent->size());
  text += ending + *indent + "def " + function.name + *header + ":" + ending + text_of_doc;
  text += step + items + " = []" + ending;
  text += step + (method ? function.parameters[0].name + "." : "") + helper + "(" + arguments + ")" + ending;
  text += step + "return iter(" + items + ")";
  Edits whole;
  whole.replace(function.node, text);
  context.propose(
      "collect the items of the recursive generator " + function.qualified + " in a list",
      "relies on: what " + function.qualified +
          "() yields is read to its end before anything it reads is changed; all items are in memory at once",
      function.node, whole);
}

void find(Context& context) {
  for (const PythonFunction& function : context.facts.functions()) {
    if (context.wanted(function.node)) look_at(context, function);
  }
}

}  // namespace

std::unique_ptr<Transformation> recursive_generator_to_list() {
  return make_transformation("python/recursive-generator-to-list", Safety::kSafeIfVerified, 1.3, find);
}

}  // namespace jarvis2::edit::python
