// python/unroll-recursion: the body of a recursive function in place of its own recursive calls, one level deep: half
// of the calls, or more, go away.
// Preconditions: as inline-function and inline-method (the call surely runs this function; names, order of evaluation
// and effects as there); every call that fits is replaced, the others stay.
// Differs: tracebacks; the recursion limit is reached at a greater depth.
#include <algorithm>

#include "edit/python/inlining.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

constexpr std::size_t kLargest = 220;  // nodes of the function
constexpr std::size_t kMostCalls = 4;

void find(Context& context) {
  const PythonFacts& facts = context.facts;
  for (const PythonFunction& function : facts.functions()) {
    if (!context.wanted(function.node) || function.is_generator || function.is_async ||
        count_nodes(function.body) > kLargest)
      continue;
    // Once is enough: names that an earlier round left.
    bool unrolled = false;
    for (const auto& [name, binding] : facts.scopes()[function.scope].bindings) {
      unrolled |= name == function.name + "_result" ||
                  (name.size() > function.name.size() + 1 &&
                   name.compare(name.size() - function.name.size() - 1, std::string::npos, "_" + function.name) == 0);
    }
    if (unrolled) continue;
    std::vector<BoundCall> calls;
    code::walk(function.body, [&](Node node) {
      if (node.is("function_definition") || node.is("lambda") || node.is("class_definition")) return false;
      if (!node.is("call")) return true;
      std::optional<BoundCall> bound = bind_call(context, node);
      if (bound && bound->callee == &function) {
        bound->unrolls = true;
        calls.push_back(*bound);
      }
      return true;
    });
    if (calls.empty() || calls.size() > kMostCalls) continue;
    Edits edits;
    NameSet taken;
    std::size_t count = 0;
    std::string fact;
    for (const BoundCall& call : calls) {
      NameSet names = taken;
      const std::optional<Edits> one = inline_call(context, call, names);
      if (!one) continue;
      Edits together = edits;
      together.add(*one);
      if (!together.consistent()) continue;
      edits = together;
      taken = names;
      fact = call.fact;
      ++count;
    }
    if (count == 0) continue;
    context.propose("unroll the recursion of " + function.qualified + " once (" + std::to_string(count) + " of " +
                        std::to_string(calls.size()) + " calls)",
                    "relies on: " + fact + ". A traceback or the recursion limit would show the difference",
                    function.node, edits);
  }
}

}  // namespace

std::unique_ptr<Transformation> unroll_recursion() {
  return make_transformation("python/unroll-recursion", Safety::kSafeIfVerified, 1.06, find);
}

}  // namespace jarvis2::edit::python
