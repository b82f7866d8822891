#include "edit/python/hoisting.h"

#include <algorithm>
#include <set>

namespace jarvis2::edit::python {
namespace {

struct Group {
  std::vector<Node> nodes;
  bool unconditional = false;
  bool may_raise = false;
  double weight = 0;
};

}  // namespace

void propose_hoisting(Context& context, const std::string& what,
                      const std::function<std::optional<Candidate>(const Context&, Node node, Node loop)>& select,
                      std::string_view fact) {
  const PythonFacts& facts = context.facts;
  std::set<const void*> moved;
  for (const PythonLoop& loop : facts.loops()) {
    if (!context.wanted(loop.node) || facts.scopes()[facts.frame_of(loop.node)].dynamic) continue;
    const std::optional<std::string> indent = indentation(loop.node);
    if (!indent) continue;
    const PythonEffects effects = context.world->effects(facts, loop.node);
    const NameSet stored = facts.names_stored_in(loop.node);
    std::map<std::string, Group> groups;
    std::vector<std::string> order;
    const auto collect = [&](Node region, bool always) {
      code::walk(region, [&](Node node) {
        if (moved.count(node.id()) != 0) return false;
        if (node.is("function_definition") || node.is("class_definition") || node.is("lambda") || node.is("type"))
          return false;
        if (facts.is_assignment_target(facts, node)) return true;
        const std::optional<Candidate> candidate = select(context, node, loop.node);
        if (!candidate) return true;
        // A comprehension's own variables do not exist in front of the loop.
        for (const std::string& name : facts.names_read_in(node)) {
          int scope = -1;
          facts.lookup(facts.scope_of(node), name, &scope);
          if (scope > 0 && facts.scopes()[scope].kind != PythonScopeKind::kFunction) return true;
        }
        if (!context.world->unaffected_by(facts, node, effects, stored)) return true;
        const std::string text(node.text());
        if (text.find('\n') != std::string::npos) return true;
        Group& group = groups[text];
        if (group.nodes.empty()) order.push_back(text);
        group.nodes.push_back(node);
        group.unconditional |= always && unconditional(facts, node, region, true);
        group.may_raise |= candidate->may_raise;
        const Node inner = facts.loop_of(node);
        group.weight += candidate->weight * (inner && !(inner == loop.node) ? 2 : 1);
        return false;
      });
    };
    collect(loop.body, true);
    if (loop.node.is("while_statement")) collect(loop.node.field("condition"), true);
    Edits edits;
    std::string lines;
    std::string names;
    NameSet taken;
    for (const std::string& text : order) {
      const Group& group = groups[text];
      if (group.may_raise && !group.unconditional) continue;
      if (group.weight < 2) continue;
      const std::string name = fresh_name(facts, name_hint(group.nodes[0]), taken);
      for (const Node node : group.nodes) {
        replace_operand(context, node, name, edits);
        moved.insert(node.id());
      }
      lines += *indent + name + " = " + text + line_end(context.tree());
      names += (names.empty() ? "" : ", ") + text;
    }
    if (lines.empty()) continue;
    edits.insert(line_begin(context.source(), loop.node.range().begin), lines);
    const std::string where = facts.symbol_of(loop.node);
    context.propose("hoist " + what + " " + names + " out of the loop" + (where.empty() ? "" : " in " + where),
                    std::string(fact) + "; evaluated once even where the loop runs no iteration", loop.node, edits);
  }
}

}  // namespace jarvis2::edit::python
