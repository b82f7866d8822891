// python/list-membership-to-set: a list that is only asked `in` becomes a set.
// Preconditions: a local bound once to a list display, comprehension or list(...), or a module constant bound once and
// read in this file only; every use is the right side of `in` or `not in`. Differs: elements must be hashable, and
// equality must agree with hashing; elements that are unequal to themselves (nan) are found by identity either way.
//
// python/pop-front-to-deque: a local list used as a queue becomes a collections.deque.
// Preconditions: every binding is a list display, comprehension or list(...); uses are pop(0), append, pop(),
// insert(0, x), extend, clear, remove, len(), iteration, truth, `in` and constant indices; at least one pop(0) or
// insert(0, x). Differs: changing a deque while iterating over it raises.
#include <algorithm>

#include "edit/python/rewriting.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

bool builtin_list_call(const PythonFacts& facts, Node value) {
  return value.is("call") && facts.is_builtin(value.field("function"), "list") &&
         value.field("arguments").is("argument_list") && value.field("arguments").named_count() <= 1;
}

void sets(Context& context) {
  const PythonFacts& facts = context.facts;
  for (std::size_t s = 0; s < facts.scopes().size(); ++s) {
    const code::PythonScope& scope = facts.scopes()[s];
    if (scope.dynamic || (scope.kind != PythonScopeKind::kFunction && scope.kind != PythonScopeKind::kModule)) continue;
    for (const auto& [name, binding] : scope.bindings) {
      if (binding.stores.size() != 1 || binding.loads.empty() || binding.parameter || binding.written_from_outside ||
          binding.declared_outer || binding.deleted)
        continue;
      const Node target = binding.stores[0];
      const Node assignment = facts.parent(target);
      if (!assignment.is("assignment") || !(assignment.field("left") == target) || assignment.field("type")) continue;
      const Node value = assignment.field("right");
      const bool wanted =
          std::any_of(binding.loads.begin(), binding.loads.end(), [&](Node load) { return context.wanted(load); });
      if (!wanted || (s == 0 && (name[0] != '_' && context.world->used_as_value(name) &&
                                 context.workspace.files().size() > 1 && !facts.bound_once(name))))
        continue;
      bool only_asked = true;
      bool often = false;
      for (const Node load : binding.loads) {
        const Node up = facts.parent(load);
        bool asked = false;
        if (up.is("comparison_operator") && up.named_count() == 2 && up.named(1) == load) {
          const std::string_view op = up.child(1).text();
          asked = op == "in" || op == "not in";
        }
        only_asked &= asked;
        often |= static_cast<bool>(facts.loop_of(load)) || facts.frame_of(load) != static_cast<int>(s) ||
                 static_cast<bool>(
                     facts.ancestor(load, {"list_comprehension", "generator_expression", "set_comprehension"}));
      }
      if (!only_asked || !often) continue;
      Edits edits;
      if ((value.is("list") || value.is("tuple")) && value.named_count() >= 4) {
        if (contains_kind(value, {"list_splat", "list", "dictionary"}) && count_nodes(value) > 0) {
          bool nested = false;
          for (const Node element : value.children())
            nested |= element.is("list") || element.is("dictionary") || element.is("list_splat");
          if (nested) continue;
        }
        edits.replace(Range{value.range().begin, value.range().begin + 1}, "{");
        edits.replace(Range{value.range().end - 1, value.range().end}, "}");
      } else if (value.is("list_comprehension")) {
        edits.replace(Range{value.range().begin, value.range().begin + 1}, "{");
        edits.replace(Range{value.range().end - 1, value.range().end}, "}");
      } else if (builtin_list_call(facts, value) && value.field("arguments").named_count() == 1) {
        edits.replace(value.field("function"), "set");
      } else {
        continue;
      }
      context.propose("set instead of list for the membership tests of " + name,
                      "relies on: " + name + " is only asked `in`; its elements must be hashable", assignment, edits);
    }
  }
}

void deques(Context& context) {
  const PythonFacts& facts = context.facts;
  for (const code::PythonScope& scope : facts.scopes()) {
    if (scope.kind != PythonScopeKind::kFunction || scope.dynamic || !context.wanted(scope.node)) continue;
    for (const auto& [name, binding] : scope.bindings) {
      if (binding.parameter || binding.captured || binding.declared_outer || binding.deleted || binding.stores.empty())
        continue;
      Edits edits;
      bool possible = true;
      bool front = false;
      for (const Node store : binding.stores) {
        const Node assignment = facts.parent(store);
        const Node value = assignment.field("right");
        if (!assignment.is("assignment") || !(assignment.field("left") == store)) {
          possible = false;
          break;
        }
        if (value.is("list") && value.named_count() == 0) {
          edits.replace(value, "deque()");
        } else if (value.is("list") || value.is("list_comprehension")) {
          edits.insert(value.range().begin, "deque(");
          edits.insert(value.range().end, ")");
        } else if (builtin_list_call(facts, value)) {
          edits.replace(value.field("function"), "deque");
        } else {
          possible = false;
        }
      }
      for (const Node load : binding.loads) {
        if (!possible) break;
        const Node up = facts.parent(load);
        if (up.is("attribute") && up.field("object") == load) {
          const Node call = facts.parent(up);
          const std::string_view method = up.field("attribute").text();
          if (!call.is("call") || !(call.field("function") == up)) {
            possible = false;
            break;
          }
          const Node arguments = call.field("arguments");
          if (method == "pop" && arguments.named_count() == 1 && arguments.named(0).text() == "0") {
            edits.replace(Range{up.field("attribute").range().begin, call.range().end}, "popleft()");
            front = true;
          } else if (method == "insert" && arguments.named_count() == 2 && arguments.named(0).text() == "0") {
            edits.replace(up.field("attribute"), "appendleft");
            edits.remove(Range{arguments.named(0).range().begin, arguments.named(1).range().begin});
            front = true;
          } else if (!((method == "append" || method == "extend" || method == "clear" || method == "remove" ||
                        method == "count") ||
                       (method == "pop" && arguments.named_count() == 0))) {
            possible = false;
          }
        } else if (up.is("subscript") && up.field("value") == load) {
          possible &= up.named_count() == 2 && is_literal(up.named(1));
        } else if (up.is("argument_list")) {
          possible &= facts.is_builtin(facts.parent(up).field("function"), "len");
        } else if (up.is("comparison_operator")) {
          possible &= up.named_count() == 2 && up.named(1) == load &&
                      (up.child(1).text() == "in" || up.child(1).text() == "not in");
        } else {
          possible &= up.is("while_statement") || up.is("if_statement") || up.is("not_operator") ||
                      (up.is("for_statement") && up.field("right") == load) || up.is("boolean_operator");
        }
      }
      if (!possible || !front) continue;
      const PythonBinding* known = facts.lookup(0, "deque");
      const auto imported = facts.imports().find("deque");
      if (known == nullptr) {
        add_import(context, "from collections import deque", edits);
      } else if (imported == facts.imports().end() || imported->second.module != "collections" ||
                 known->stores.size() != 1) {
        continue;
      }
      context.propose("deque instead of list for the queue " + name + " in " + facts.symbol_of(binding.stores[0]),
                      "relies on: the list never leaves the function and is used as a queue only",
                      facts.statement_of(binding.stores[0]), edits);
    }
  }
}

}  // namespace

std::unique_ptr<Transformation> list_membership_to_set() {
  return make_transformation("python/list-membership-to-set", Safety::kSafeIfVerified, 1.1, sets);
}
std::unique_ptr<Transformation> pop_front_to_deque() {
  return make_transformation("python/pop-front-to-deque", Safety::kSafeIfVerified, 1.05, deques);
}

}  // namespace jarvis2::edit::python
