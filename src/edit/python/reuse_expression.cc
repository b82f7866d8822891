// python/reuse-pure-expression: an expression that a run of statements evaluates several times is evaluated once.
// Preconditions: pure; the first occurrence is evaluated whenever the run is; between first and last occurrence
// nothing stores what it reads (see PythonWorld::unaffected_by); the value is immutable or no occurrence hands it
// on where a second name would be seen (operands, attribute and item reads only). Attribute chains count from three
// occurrences, calls and items from two.
// Differs: __getattr__, __getitem__ or operators with effects that are not in the sources run less often.
#include <algorithm>

#include "edit/python/rewriting.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

bool shared_safely(const Context& context, Node node) {
  const PythonType type = context.world->type_of(context.facts, node);
  if (type.immutable()) return true;
  if (node.is("attribute") || node.is("subscript")) return true;  // the same object either way
  Node up = context.facts.parent(node);
  while (up.is("parenthesized_expression")) up = context.facts.parent(up);
  const std::string_view kind = up.kind();
  return kind == "binary_operator" || kind == "comparison_operator" || kind == "unary_operator" ||
         kind == "not_operator" || kind == "boolean_operator" || kind == "if_statement" || kind == "elif_clause" ||
         (kind == "subscript" && up.field("value") == node);
}

// How many occurrences make it worth a name; 0: not a candidate.
int enough(const Context& context, Node node) {
  const PythonFacts& facts = context.facts;
  if (facts.is_assignment_target(facts, node)) return 0;
  const Node up = facts.parent(node);
  if (up.is("call") && up.field("function") == node) return 0;
  if (node.is("attribute")) {
    if (!is_attribute_chain(node)) return 0;
    const PythonBinding* root = facts.resolve(chain_root(node));
    if (root == nullptr || root->imported) return 0;
    if (!context.world->methods_named(node.field("attribute").text()).empty()) return 0;
    return node.field("object").is("attribute") ? 2 : 3;
  }
  if (node.is("subscript")) {
    if (node.named_count() != 2 || contains_kind(node, {"slice", "call"})) return 0;
    return 2;
  }
  if (node.is("call")) {
    const Node callee = node.field("function");
    static const NameSet fresh = {"iter", "zip",       "map",    "filter", "enumerate", "reversed",   "list",   "dict",
                                  "set",  "bytearray", "object", "super",  "range",     "isinstance", "getattr"};
    if (callee.is("identifier") && fresh.count(callee.text()) != 0) return 0;
    if (context.world->resolve_constructor(facts, node) != nullptr) return 0;
    return shared_safely(context, node) ? 2 : 0;
  }
  if (node.is("binary_operator")) {
    if (count_nodes(node) < 3 || is_literal(node.field("left"))) {
      if (is_literal(node.field("right"))) return 0;
    }
    if (contains_kind(node, {"string", "list", "tuple", "call"})) return 0;
    return shared_safely(context, node) && context.world->type_of(facts, node).kind != PythonType::Kind::kInstance ? 2
                                                                                                                   : 0;
  }
  return 0;
}

struct Run {
  std::vector<Node> nodes;
  std::size_t first = 0;  // statement
  bool closed = false;
  int needed = 2;
};

// Stores that a simple statement makes happen after it evaluated its right side.
bool stores_last(Node statement) {
  if (!statement.is("expression_statement")) return statement.is("return_statement");
  const Node only = statement.named(0);
  return only.is("assignment") && !contains_kind(only, {"call", "await", "yield", "named_expression"});
}

void look_at(Context& context, Node block) {
  const PythonFacts& facts = context.facts;
  const std::vector<Node> list = statements(block);
  if (list.empty()) return;
  std::map<std::string, Run> open;
  std::vector<std::pair<std::string, Run>> done;
  std::vector<std::string> order;
  const auto close = [&](const std::string& text) {
    const auto found = open.find(text);
    if (found == open.end()) return;
    done.emplace_back(text, found->second);
    open.erase(found);
  };
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Node statement = list[i];
    const PythonEffects effects = context.world->effects(facts, statement);
    const NameSet stored = facts.names_stored_in(statement);
    const bool late = stores_last(statement);
    if (statement.is("function_definition") || statement.is("class_definition") || statement.is("decorated_definition"))
      continue;
    code::walk(statement, [&](Node node) {
      if (node.is("function_definition") || node.is("class_definition") || node.is("lambda") || node.is("type") ||
          node.is("generator_expression") || node.is("interpolation"))
        return false;
      const int needed = enough(context, node);
      if (needed == 0) return true;
      const std::string text(node.text());
      if (text.find('\n') != std::string::npos) return true;
      for (const std::string& name : facts.names_read_in(node)) {
        int scope = -1;
        facts.lookup(facts.scope_of(node), name, &scope);
        if (scope > 0 && facts.scopes()[scope].kind == PythonScopeKind::kComprehension) return true;
      }
      const auto found = open.find(text);
      const bool stays = context.world->unaffected_by(facts, node, effects, stored);
      // Inside a statement that changes it, only what is read before the change counts.
      const Node holder = statement.named(0);
      const bool in_time =
          stays || (late && (!holder.is("assignment") || holder.field("right").range().contains(node.range())));
      if (!in_time) return true;
      if (found == open.end()) {
        if (!context.world->pure(facts, node) || !unconditional(facts, node, statement, false)) return true;
        if (statement.is("while_statement") ||
            (statement.is("for_statement") && !statement.field("right").range().contains(node.range())))
          return true;
        open[text] = {{node}, i, false, needed};
        order.push_back(text);
      } else {
        found->second.nodes.push_back(node);
      }
      // Parts of it may still be common to more.
      return true;
    });
    std::vector<std::string> ended;
    for (const auto& [text, run] : open) {
      if (!context.world->unaffected_by(facts, run.nodes[0], effects, stored)) ended.push_back(text);
    }
    for (const std::string& text : ended) close(text);
  }
  while (!open.empty()) close(open.begin()->first);
  // Longer expressions first; what lies in an accepted one is left out.
  std::stable_sort(done.begin(), done.end(),
                   [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  std::vector<Range> covered;
  for (const auto& [text, run] : done) {
    std::vector<Node> nodes;
    for (const Node node : run.nodes) {
      const bool inside =
          std::any_of(covered.begin(), covered.end(), [&](Range range) { return range.contains(node.range()); });
      if (!inside) nodes.push_back(node);
    }
    if (nodes.size() < static_cast<std::size_t>(run.needed) || !(nodes[0] == run.nodes[0])) continue;
    const Node statement = list[run.first];
    const std::optional<std::string> indent = indentation(statement);
    if (!indent || !context.wanted(statement)) continue;
    for (const Node node : nodes) covered.push_back(node.range());
    NameSet taken;
    const std::string name = fresh_name(facts, name_hint(nodes[0]), taken);
    Edits edits;
    edits.insert(line_begin(context.source(), statement.range().begin),
                 *indent + name + " = " + text + line_end(context.tree()));
    for (const Node node : nodes) replace_operand(context, node, name, edits);
    context.propose(
        "evaluate " + text + " once (" + std::to_string(nodes.size()) + " places) in " + facts.symbol_of(statement),
        "relies on: nothing between its uses changes what it reads, and evaluating it has no effect", statement, edits);
  }
}

void find_reuse_expression(Context& context) {
  for (const PythonFunction& function : context.facts.functions()) {
    if (!context.wanted(function.node) || context.facts.scopes()[function.scope].dynamic) continue;
    code::walk(function.body, [&](Node node) {
      if (node.is("function_definition") || node.is("class_definition") || node.is("lambda")) return false;
      if (node.is("block") && context.wanted(node)) look_at(context, node);
      return true;
    });
  }
}

}  // namespace

std::unique_ptr<Transformation> reuse_pure_expression() {
  return make_transformation("python/reuse-pure-expression", Safety::kSafeIfVerified, 1.03, find_reuse_expression);
}

}  // namespace jarvis2::edit::python
