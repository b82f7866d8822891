// cpp/reserve-before-push: a loop with a known number of rounds that appends to a vector or string in every round gets
// a reserve() before it. cpp/unordered-reserve: the same for insertions into a hash table. Preconditions: a local
// container; the count is that of a counted loop from 0 or of the range looped over, and neither changes in the loop;
// growing happens in the loop's own block, not under a condition.
#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

// How many rounds, as an expression; empty: unknown.
std::string rounds(const Context& context, Node loop) {
  if (loop.is("for_range_loop")) {
    const Node right = code::bare(loop.field("right"));
    if (!right.is("identifier") && !right.is("field_expression")) return {};
    const CType type = context.facts.type_of(right);
    static const std::set<std::string> kSized = {"vector",        "string",   "map",   "set",  "unordered_map",
                                                 "unordered_set", "deque",    "array", "list", "string_view",
                                                 "multimap",      "multiset", "span"};
    if (!kSized.contains(type.name()) || type.pointers > 0 || type.arrays > 0) return {};
    return spelled(right) + ".size()";
  }
  const std::optional<CountedLoop> form = counted(context.facts, loop);
  if (!form || form->step != 1 || (form->op != "<" && form->op != "<=" && form->op != "!=")) return {};
  if (!context.facts.invariant(form->bound, loop).holds) return {};
  const std::optional<long long> begin = integer_value(context.facts, form->begin);
  if (!begin || *begin < 0 || *begin > 1) return {};
  return "static_cast<std::size_t>(" + spelled(form->bound) + ")";
}

void find_reserve(const Context& context, bool tables) {
  for (const Node& loop : context.nodes({"for_statement", "for_range_loop"})) {
    const std::string count = rounds(context, loop);
    if (count.empty()) continue;
    std::set<std::string> seen;
    for (const Node& statement : body_statements(loop)) {
      if (!statement.is("expression_statement")) continue;
      const Node expression = statement.named(0);
      Node object;
      if (expression.is("call_expression")) {
        const std::string method = code::callee_name(expression);
        const bool grows = tables ? method == "insert" || method == "emplace" || method == "try_emplace"
                                  : method == "push_back" || method == "emplace_back";
        if (grows) object = code::call_receiver(expression);
      } else if (tables && expression.is("assignment_expression")) {
        const Node left = code::bare(expression.field("left"));
        if (left.is("subscript_expression")) object = left.field("argument");
      } else if (tables && expression.is("update_expression")) {
        const Node left = code::bare(expression.field("argument"));
        if (left.is("subscript_expression")) object = left.field("argument");
      }
      object = code::bare(object);
      if (!object.is("identifier")) continue;
      const CVariable variable = context.facts.resolve(object);
      const std::string kind = context.facts.type_of(object).name();
      const bool fits =
          tables ? kind == "unordered_map" || kind == "unordered_set" : kind == "vector" || kind == "string";
      if (!fits || !variable || variable.storage != CStorage::kLocal || !variable.type.is_value()) continue;
      if (loop.range().contains(variable.name_node.range()) || !seen.insert(variable.name).second) continue;
      // An outer loop that keeps the container would reserve again and again: growth stays geometric only from empty.
      const Node outer = code::enclosing_loop(loop);
      if (outer && !outer.range().contains(variable.declaration.range())) continue;
      bool reserved = false;
      for (const CUseOf& use : context.facts.uses(variable)) {
        reserved |= use.method == "reserve" || use.method == "resize";
        if (loop.range().contains(use.node.range()) &&
            (use.method == "clear" || use.method == "pop_back" || use.method == "erase")) {
          reserved = true;
        }
      }
      if (reserved || context.facts.escapes(variable) == (count.find(variable.name) != std::string::npos && false)) {
        if (reserved) continue;
      }
      Proposal proposal = context.draft(loop.range(), "reserve room in " + variable.name + " before the loop",
                                        "every round adds at most one element to " + variable.name);
      const std::string size = tables ? variable.name + ".size() + " + count : variable.name + ".size() + " + count;
      if (put_before(context, proposal, loop, variable.name + ".reserve(" + size + ");"))
        context.emit(std::move(proposal));
    }
  }
}

}  // namespace

Made reserve_before_push() {
  return make({"cpp/reserve-before-push", Language::kCpp, 1.05},
              [](const Context& context) { find_reserve(context, false); });
}

Made unordered_reserve() {
  return make({"cpp/unordered-reserve", Language::kCpp, 1.05},
              [](const Context& context) { find_reserve(context, true); });
}

}  // namespace jarvis2::edit::cpp
