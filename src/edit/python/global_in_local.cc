// python/global-in-local: a global that a loop loads and stores lives in a local meanwhile.
// Preconditions: the function declares it global and the module binds it at its top level; nothing that the loop calls
// reads or stores it (calls followed by name, unknown calls refused); the loop has no raise, try, yield, lambda or
// comprehension that reads it. It is stored back behind the loop and in front of each return in it.
// Differs: an exception inside the loop leaves the global as it was before; other threads see it late.
#include <algorithm>

#include "edit/python/numbers.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

void find(Context& context) {
  const PythonFacts& facts = context.facts;
  std::vector<Range> done;
  for (const PythonLoop& loop : facts.loops()) {
    const int frame = facts.frame_of(loop.node);
    if (!context.wanted(loop.node) || frame == 0 || !alone_on_lines(loop.node) || loop.node.field("alternative") ||
        facts.scopes()[frame].dynamic ||
        std::any_of(done.begin(), done.end(), [&](Range range) { return range.contains(loop.node.range()); }))
      continue;
    if (contains_kind(loop.node, {"raise_statement", "try_statement", "yield", "await", "lambda", "function_definition",
                                  "class_definition", "with_statement", "assert_statement", "global_statement",
                                  "nonlocal_statement"}))
      continue;
    const PythonEffects called = context.world->called_effects(facts, loop.node);
    if (called.unknown || called.yields) continue;
    const std::optional<std::string> indent = indentation(loop.node);
    std::vector<Node> returns;
    bool possible = true;
    code::walk(loop.body, [&](Node node) {
      if (node.is("return_statement")) {
        returns.push_back(node);
        possible &= alone_on_lines(node);
      }
      return possible;
    });
    if (!possible) continue;
    Edits edits;
    std::string before;
    std::string names;
    std::vector<std::string> back;
    NameSet taken;
    for (const auto& [name, binding] : facts.scopes()[frame].bindings) {
      if (!binding.declared_outer) continue;
      const PythonBinding* global = facts.lookup(0, name);
      if (global == nullptr || called.globals.count(name) != 0 || called.globals_read.count(name) != 0) continue;
      const bool bound = std::any_of(global->stores.begin(), global->stores.end(), [&](Node store) {
        const Node up = facts.parent(store);
        return facts.frame_of(store) == 0 && up.is("assignment") && facts.parent(facts.parent(up)).is("module");
      });
      if (!bound) continue;
      std::vector<Node> nodes;
      bool stored = false;
      bool read = false;  // else there is nothing to gain
      bool fit = true;
      code::walk(loop.node, [&](Node node) {
        if (!node.is("identifier") || node.text() != name || !facts.is_variable(node)) return true;
        const int scope = facts.scope_of(node);
        fit &= scope == frame && facts.scopes()[scope].kind == PythonScopeKind::kFunction;
        const bool store = facts.is_store(node);
        stored |= store;
        read |=
            facts.parent(node).is("augmented_assignment") || (!store && !facts.ancestor(node, {"return_statement"}));
        nodes.push_back(node);
        return fit;
      });
      if (!fit || !stored || !read || contains_kind(loop.node, {"delete_statement"})) continue;
      const std::string local = fresh_name(facts, name + "_now", taken);
      for (const Node node : nodes) edits.replace(node, local);
      before += *indent + local + " = " + name + line_end(context.tree());
      back.push_back(name + " = " + local);
      names += (names.empty() ? "" : ", ") + name;
    }
    if (before.empty()) continue;
    const std::string ending = line_end(context.tree());
    const Range lines = whole_lines(loop.node);
    edits.insert(lines.begin, before);
    std::string after;
    for (const std::string& line : back) after += *indent + line + ending;
    const bool ends = lines.end > 0 && context.source()[lines.end - 1] == '\n';
    if (!ends) {
      after = ending + after;
      while (after.back() == '\n' || after.back() == '\r') after.pop_back();
    }
    edits.insert(lines.end, after);
    for (const Node statement : returns) {
      std::string store;
      for (const std::string& line : back) store += *indentation(statement) + line + ending;
      edits.insert(line_begin(context.source(), statement.range().begin), store);
    }
    done.push_back(loop.node.range());
    context.propose("keep the global " + names + " in a local during the loop in " + facts.symbol_of(loop.node),
                    "relies on: nothing that the loop calls uses it; an exception inside the loop would leave it stale",
                    loop.node, edits);
  }
}

}  // namespace

std::unique_ptr<Transformation> global_in_local() {
  return make_transformation("python/global-in-local", Safety::kSafeIfVerified, 1.15, find);
}

}  // namespace jarvis2::edit::python
