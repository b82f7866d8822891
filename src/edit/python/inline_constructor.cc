// python/inline-constructor: an object is made by object.__new__ and the body of its __init__ in place of the call of
// its class.
// Preconditions: the class is of the sources, bound once, derives from object only, without __new__, metaclass,
// decorators or hooks for attributes, and is not an exception; its __init__ fits (see inline-method) and is the one
// that the class runs.
// Differs: a class or __init__ that is replaced at run time; tracebacks.
#include <algorithm>

#include "edit/python/inlining.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

constexpr const char* kMaker = "object.__new__";

bool plain(const Context& context, const PythonClass& cls) {
  bool complete = false;
  std::vector<const PythonClass*> family = context.world->ancestors(cls, &complete);
  family.push_back(&cls);
  return complete && std::all_of(family.begin(), family.end(), [&](const PythonClass* one) {
           return !one->dynamic && !one->has_keywords && one->decorators.empty() && !one->defined_twice &&
                  !one->nested && one->methods.count("__new__") == 0 && one->methods.count("__init_subclass__") == 0 &&
                  one->facts == &context.facts;
         });
}

void find(Context& context) {
  const PythonFacts& facts = context.facts;
  if (facts.scopes()[0].dynamic || facts.lookup(0, "object") != nullptr) return;
  struct Group {
    Edits edits;
    NameSet taken;
    std::vector<Node> statements;
    Node site;
    std::size_t count = 0;
  };
  std::map<const PythonClass*, Group> groups;
  std::vector<const PythonClass*> order;
  context.walk_wanted([&](Node node) {
    if (!node.is("call") || !context.wanted(node) || !node.field("function").is("identifier")) return true;
    const int frame = facts.frame_of(node);
    if (frame == 0 || facts.lookup(frame, "object") != nullptr) return true;
    const PythonClass* cls = context.world->resolve_constructor(facts, node);
    if (cls == nullptr || cls->facts != &facts || !plain(context, *cls)) return true;
    const PythonFunction* init = context.world->method_of(*cls, "__init__");
    const Node statement = facts.statement_of(node);
    if (init == nullptr || !init->decorators.empty() || !statement || !alone_on_lines(statement) ||
        facts.lookup(facts.scope_of(node), cls->name) != facts.lookup(0, cls->name) ||
        !not_inlinable(context, *init).empty())
      return true;
    const std::optional<std::string> indent = indentation(statement);
    Group& group = groups[cls];
    NameSet taken = group.taken;
    const Node assignment = facts.parent(node);
    const PythonFunction* caller = facts.function_of(node);
    if (caller == init || !indent) return true;
    // `x = C(...)`: x itself takes the object, unless the arguments or another part read it.
    const std::optional<Sink> whole = whole_statement(context, node, statement);
    std::string target;
    bool direct = whole && whole->kind == Sink::Kind::kAssign && assignment.is("assignment") &&
                  assignment.field("left").is("identifier") && !assignment.field("type") &&
                  facts.parent(assignment) == statement;
    if (direct) {
      target = std::string(assignment.field("left").text());
      direct = is_simple(facts, assignment.field("left")) &&
               facts.names_read_in(node).count(assignment.field("left").text()) == 0;
    }
    if (!direct) {
      if (!can_run_first(context, node, statement, context.world->effects(facts, node))) return true;
      std::string hint = cls->name;
      std::transform(hint.begin(), hint.end(), hint.begin(), [](unsigned char c) { return std::tolower(c); });
      target = free_local(context, node, "made", {}, taken, hint + "_made");
      taken.insert(target);
    }
    const std::optional<BoundCall> bound = bind_arguments(context, node, *init, Argument{Node(), target, false});
    if (!bound) return true;
    const std::optional<BodyPlan> plan = plan_body(context, *bound, taken);
    if (!plan) return true;
    // The object is made last: an argument that raises leaves nothing behind.
    std::string text;
    for (const auto& [local, argument] : plan->bound)
      text += *indent + local + " = " + argument + line_end(context.tree());
    text += *indent + target + " = " + kMaker + "(" + cls->name + ")" + line_end(context.tree());
    BodyPlan rest = *plan;
    rest.bound.clear();
    const std::optional<std::string> body = emit_body(context, *init, rest, Sink(), *indent);
    if (!body) return true;
    if (body->find_first_not_of(" \t") != std::string::npos && body->find("pass") != body->find_first_not_of(" \t"))
      text += *body;
    Edits edits;
    if (direct) {
      text = text.substr(indent->size());
      while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
      edits.replace(statement, text);
    } else {
      edits.insert(line_begin(context.source(), statement.range().begin), text);
      edits.replace(node, target);
    }
    Edits together = group.edits;
    together.add(edits);
    if (!together.consistent() ||
        std::find(group.statements.begin(), group.statements.end(), statement) != group.statements.end())
      return true;
    if (group.count++ == 0) {
      order.push_back(cls);
      group.site = node;
    }
    group.edits = together;
    group.taken = taken;
    for (const std::string& name : plan->chosen) group.taken.insert(name);
    group.statements.push_back(statement);
    return true;
  });
  for (const PythonClass* cls : order) {
    Group& group = groups.at(cls);
    context.propose("make " + cls->name + " objects without a call of the class in " + facts.symbol_of(group.site) +
                        (group.count > 1 ? " (" + std::to_string(group.count) + " places)" : ""),
                    "relies on: " + cls->name +
                        " derives from object alone, has no metaclass and no __new__, and its __init__ is never "
                        "replaced",
                    group.site, group.edits);
  }
}

}  // namespace

std::unique_ptr<Transformation> inline_constructor() {
  return make_transformation("python/inline-constructor", Safety::kSafeIfVerified, 1.04, find);
}

}  // namespace jarvis2::edit::python
