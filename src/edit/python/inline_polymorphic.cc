// python/inline-polymorphic: where a method call may run one of a few methods, the small ones are put in place behind
// a test of the object's class; any other object is still called.
// Preconditions: no attribute of the method's name is ever stored; each body fits (see inline-function); the classes
// are module-level names bound once. The object is evaluated once, before the arguments, as before.
// Differs: an object that lies about its __class__; a method that is replaced (patched) at run time; tracebacks.
#include <algorithm>

#include "edit/python/inlining.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

constexpr std::size_t kMostBranches = 3;
constexpr std::size_t kMostNodes = 360;  // all bodies together

bool named_here(const Context& context, Node call, const PythonClass& cls) {
  const PythonFacts& facts = context.facts;
  return cls.facts == &facts && !cls.nested && facts.bound_once(cls.name) &&
         facts.lookup(facts.scope_of(call), cls.name) == facts.lookup(0, cls.name);
}

struct Branch {
  const PythonFunction* method = nullptr;
  std::vector<const PythonClass*> classes;
};

std::vector<Branch> branches_of(const Context& context, Node call) {
  bool complete = false;
  std::vector<Branch> result;
  std::size_t nodes = 0;
  std::vector<PythonWorld::PossibleMethod> possible = context.world->possible_methods(context.facts, call, &complete);
  if (possible.size() > 6) return {};
  // Short bodies first: they gain the most.
  std::stable_sort(possible.begin(), possible.end(), [](const auto& a, const auto& b) {
    return count_nodes(a.method->body) < count_nodes(b.method->body);
  });
  for (const PythonWorld::PossibleMethod& one : possible) {
    std::vector<const PythonClass*> classes;
    for (const PythonClass* cls : one.classes) {
      if (named_here(context, call, *cls)) classes.push_back(cls);
    }
    if (classes.empty() || classes.size() > 3 || !not_inlinable(context, *one.method).empty()) continue;
    nodes += count_nodes(one.method->body);
    if (result.size() == kMostBranches || nodes > kMostNodes) break;
    result.push_back({one.method, classes});
  }
  return result;
}

void look_at(Context& context, Node call) {
  const PythonFacts& facts = context.facts;
  const Node callee = call.field("function");
  if (!callee.is("attribute") || facts.frame_of(call) == 0) return;
  if (context.world->resolve_call(facts, call, nullptr, nullptr) != nullptr) return;
  const Node statement = facts.statement_of(call);
  if (!statement || !alone_on_lines(statement)) return;
  const std::optional<std::string> indent = indentation(statement);
  // The call that an earlier round left for other classes stays.
  const Node fallback = facts.ancestor(statement, {"else_clause"});
  if (fallback && facts.parent(statement) == fallback.field("body")) {
    const std::string_view test = facts.parent(fallback).field("condition").text();
    if (test.find("__class__ is ") != std::string_view::npos || test.find("_class is ") != std::string_view::npos)
      return;
  }
  const std::vector<Branch> branches = branches_of(context, call);
  if (branches.empty() || !indent) return;
  const Node object = callee.field("object");
  const std::optional<std::string> object_text = on_one_line(context.source(), object, {});
  const std::optional<std::string> call_text = on_one_line(context.source(), call, {});
  if (!object_text || !call_text) return;

  std::optional<Sink> sink = whole_statement(context, call, statement);
  const bool whole = sink.has_value();
  if (!whole) {
    if (!can_run_first(context, call, statement, context.world->effects(facts, call))) return;
    sink.emplace();
    sink->kind = Sink::Kind::kAssign;
  }
  NameSet taken;
  const std::string ending = line_end(context.tree());
  const std::string inner = *indent + indent_unit(context.tree());
  std::string text;
  std::string target = *object_text;
  if (!object.is("identifier") || !is_simple(facts, object)) {
    target = free_local(context, call, std::string(callee.field("attribute").text()), {}, taken, name_hint(object));
    taken.insert(target);
    text += *indent + target + " = " + *object_text + ending;
  }
  const std::string method_name(callee.field("attribute").text());
  std::string result;
  if (!whole) {
    result = free_local(context, call, method_name, {}, taken, method_name + "_result");
    taken.insert(result);
    sink->prefix = result + " = ";
  }
  std::string subject = target + ".__class__";
  std::size_t tests = 0;
  for (const Branch& branch : branches) tests += branch.classes.size();
  if (tests > 1) {
    const std::string kind = free_local(context, call, method_name, {}, taken, name_hint(object) + "_class");
    taken.insert(kind);
    text += *indent + kind + " = " + subject + ending;
    subject = kind;
  }
  std::string names;
  bool first = true;
  for (const Branch& branch : branches) {
    std::optional<BoundCall> bound =
        bind_arguments(context, call, *branch.method,
                       branch.method->is_static ? std::optional<Argument>() : Argument{Node(), target, false});
    if (!bound) return;
    const std::optional<BodyPlan> plan = plan_body(context, *bound, taken);
    if (!plan) return;
    const std::optional<std::string> body = emit_body(context, *branch.method, *plan, *sink, inner);
    if (!body) return;
    std::string condition;
    for (const PythonClass* cls : branch.classes) {
      condition += (condition.empty() ? "" : " or ") + subject + " is " + cls->name;
      names += (names.empty() ? "" : ", ") + cls->name;
    }
    text += *indent + (first ? "if " : "elif ") + condition + ":" + ending + *body;
    first = false;
  }
  std::string rest = target + call_text->substr(object_text->size());
  if (sink->kind == Sink::Kind::kAssign) rest = sink->prefix + rest;
  if (sink->kind == Sink::Kind::kReturn) rest = "return " + rest;
  text += *indent + "else:" + ending + inner + rest + ending;
  Edits edits;
  if (whole) {
    text = text.substr(indent->size());
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    edits.replace(statement, text);
  } else {
    edits.insert(line_begin(context.source(), statement.range().begin), text);
    edits.replace(call, result);
  }
  const std::string where = facts.symbol_of(call);
  context.propose("inline " + method_name + "() of " + names + " into " + (where.empty() ? "the module" : where),
                  "relies on: an object whose __class__ is one of " + names +
                      " runs the method of that class; all others are still called. A traceback or a replaced "
                      "(patched) method would show the difference",
                  call, edits);
}

void find(Context& context) {
  context.walk_wanted([&](Node node) {
    if (node.is("call") && context.wanted(node)) look_at(context, node);
    return true;
  });
}

}  // namespace

std::unique_ptr<Transformation> inline_polymorphic() {
  return make_transformation("python/inline-polymorphic", Safety::kSafeIfVerified, 1.08, find);
}

}  // namespace jarvis2::edit::python
