// c/unroll: a short counted innermost loop is unrolled four times. c/ivdep: the compiler is told that rounds of a loop
// do not depend on each other. Preconditions: a counted loop without inner loops and jumps. For ivdep: arrays that are
// stored are indexed by the counter alone, and what is read of them has the same index. Assumed by ivdep: arrays
// reached by different names do not overlap in a harmful way.
#include <algorithm>

#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

bool innermost(Node loop) {
  return code::descendants(code::loop_body(loop),
                           {"for_statement", "while_statement", "do_statement", "for_range_loop"})
      .empty();
}

bool own_line(Node loop) {
  const Range line = loop.tree().line_range(loop.line());
  return line.begin + indent_of(loop).size() == loop.range().begin && loop.parent().is("compound_statement") &&
         !(loop.previous_sibling() && loop.previous_sibling().text().starts_with("#pragma"));
}

// Written over the `for`, so that a line that another change puts before the loop stays before the pragma.
void put_pragma(const Context& context, Proposal& proposal, Node loop, const std::string& text) {
  const std::uint32_t at = loop.range().begin;
  replace(proposal, context.file.path, {at, at + 3}, text + line_end(context) + indent_of(loop) + "for");
}

void find_unroll(const Context& context) {
  for (const Node& loop : context.nodes({"for_statement"})) {
    if (!counted(context.facts, loop) || !innermost(loop) || has_jumps(loop) || !own_line(loop)) continue;
    if (body_statements(loop).size() > 4 || code::loop_body(loop).range().size() > 300) continue;
    bool calls = false;
    for (const Node& call : code::descendants(loop, {"call_expression"}))
      calls |= context.facts.call_effect(call) == CEffect::kWrites;
    if (calls) continue;
    Proposal proposal =
        context.draft(loop.range(), "unroll the loop four times", "the same operations in the same order");
    put_pragma(context, proposal, loop, "#pragma GCC unroll 4");
    context.emit(std::move(proposal));
  }
}

void find_ivdep(const Context& context) {
  for (const Node& loop : context.nodes({"for_statement"})) {
    const std::optional<CountedLoop> form = counted(context.facts, loop);
    if (!form || !innermost(loop) || has_jumps(loop) || !own_line(loop)) continue;
    const Node body = code::loop_body(loop);
    const CRegion& region = context.facts.region(body);
    if (region.elements.empty() || !region.unknown_calls.empty() || region.world) continue;
    bool fits = true;
    std::set<std::string> roots;
    for (const Node& place :
         code::descendants(body, {"subscript_expression", "pointer_expression", "field_expression"})) {
      const Node root = code::root_of(place);
      if (!root) {
        fits = false;
        continue;
      }
      if (!region.elements.contains(spelled(root))) continue;
      // Every access of a stored array is root[counter], or root[...][counter] with the rest fixed in the loop.
      Node at = place;
      while (at.parent().is("subscript_expression") && at.parent().field("argument") == at) at = at.parent();
      if (!at.is("subscript_expression")) {
        fits = false;
        continue;
      }
      const std::vector<Node> parts = code::named_children(at);
      const std::string index = parts.size() == 2 ? spelled(parts[1]) : "";
      fits = fits && (index == form->variable.name || index == "[" + form->variable.name + "]");
      roots.insert(spelled(root));
    }
    // Without a second array there is nothing the compiler must fear.
    if (!fits || roots.empty() || region.read_elements.size() <= roots.size()) continue;
    Proposal proposal =
        context.draft(loop.range(), "tell the compiler that the loop's rounds are independent",
                      "stored arrays are touched at the counter's index only; assumed: arrays of different "
                      "names do not overlap");
    put_pragma(context, proposal, loop, "#pragma GCC ivdep");
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made unroll() {
  return make({"c/unroll", Language::kC, 1.00}, find_unroll);
}

Made ivdep() {
  return make({"c/ivdep", Language::kC, 1.05}, find_ivdep);
}

}  // namespace jarvis2::edit::cpp
