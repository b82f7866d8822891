// c/loop-fusion: two neighbouring loops with the same header become one.
// Preconditions: counted loops with blocks and the same header text, each declaring its counter; no jumps, no calls
// with effects; what the first writes, the second reads or writes at the same index only, and the other way round.
// c/loop-to-memcpy: `for (i = a; i < n; i++) d[i] = s[i];` becomes memcpy. Assumed: d and s do not overlap.
// c/strcat-to-end: strcat() in a loop walks the whole string each time; the end is remembered instead.
// Preconditions: in the loop the target is used by strcat only.
#include <algorithm>

#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

std::string squeezed(Node loop) {
  std::string text;
  const std::string_view whole = loop.text();
  for (const char c : whole.substr(0, code::loop_body(loop).range().begin - loop.range().begin)) {
    if (!std::isspace(static_cast<unsigned char>(c))) text += c;
  }
  return text;
}

// Every access of `root` in the body is root[counter].
bool at_counter_only(Node body, const std::string& root, const std::string& counter) {
  for (const Node& name : code::descendants(body, {"identifier"})) {
    if (name.text() != root) continue;
    const Node up = name.parent();
    if (!up.is("subscript_expression") || up.field("argument") != name) return false;
    const std::string text(up.text());
    if (text != root + "[" + counter + "]") return false;
  }
  return true;
}

bool intersects(const std::set<std::string>& a, const std::set<std::string>& b) {
  return std::any_of(a.begin(), a.end(), [&](const std::string& name) { return b.contains(name); });
}

void find_fusion(const Context& context) {
  for (const Node& first : context.nodes({"for_statement"})) {
    const Node second = first.next_sibling();
    if (!second.is("for_statement") || squeezed(first) != squeezed(second)) continue;
    const std::optional<CountedLoop> a = counted(context.facts, first);
    const std::optional<CountedLoop> b = counted(context.facts, second);
    const Node one = code::loop_body(first);
    const Node two = code::loop_body(second);
    if (!a || !b || !a->declared || !b->declared || !one.is("compound_statement") || !two.is("compound_statement"))
      continue;
    if (has_jumps(first) || has_jumps(second)) continue;
    const CRegion& x = context.facts.region(one);
    const CRegion& y = context.facts.region(two);
    if (x.world || y.world || !x.unknown_calls.empty() || !y.unknown_calls.empty()) continue;
    if (!context.facts.invariant(a->bound, first).holds || !context.facts.invariant(b->bound, second).holds) continue;
    if (intersects(x.names, y.names) || intersects(x.names, y.read_names) || intersects(y.names, x.read_names))
      continue;
    if (intersects(x.fields, y.fields) || intersects(x.fields, y.read_fields) || intersects(y.fields, x.read_fields))
      continue;
    bool fits = true;
    const std::string counter = a->variable.name;
    std::set<std::string> shared;
    for (const std::string& root : x.elements) {
      if (y.elements.contains(root) || y.read_elements.contains(root)) shared.insert(root);
    }
    for (const std::string& root : y.elements) {
      if (x.read_elements.contains(root)) shared.insert(root);
    }
    for (const std::string& root : shared) {
      fits = fits && root != "?" && at_counter_only(one, root, counter) && at_counter_only(two, root, counter);
    }
    fits = fits && !x.elements.contains("?") && !y.elements.contains("?");
    // Locals of one body must not hide names of the other.
    for (const CVariable& local : context.info.locals) {
      if (!two.range().contains(local.name_node.range())) continue;
      for (const Node& name : code::descendants(one, {"identifier"})) fits = fits && name.text() != local.name;
    }
    if (!fits) continue;
    Proposal proposal =
        context.draft({first.range().begin, second.range().end}, "run the two loops over " + counter + " as one",
                      "neither loop touches what the other one writes, except at the same index; assumed: arrays of "
                      "different names do not overlap");
    // From the first's closing brace to the second's opening brace: nothing between but layout and comments.
    const std::uint32_t from = one.range().end - 1;
    const std::uint32_t to = two.range().begin + 1;
    std::string between = first.tree().text().substr(one.range().end, second.range().begin - one.range().end);
    std::uint32_t cut = from;
    const std::string& text = first.tree().text();
    while (cut > one.range().begin &&
           (text[cut - 1] == ' ' || text[cut - 1] == '\t' || text[cut - 1] == '\n' || text[cut - 1] == '\r'))
      --cut;
    if (between.find_first_not_of(" \t\r\n") != std::string::npos) continue;
    replace(proposal, context.file.path, {cut, to}, "");
    context.emit(std::move(proposal));
  }
}

void find_memcpy(const Context& context) {
  for (const Node& loop : context.nodes({"for_statement"})) {
    const std::optional<CountedLoop> form = counted(context.facts, loop);
    if (!form || form->step != 1 || form->op != "<" || !form->declared) continue;
    const std::vector<Node> statements = body_statements(loop);
    if (statements.size() != 1 || !statements[0].is("expression_statement")) continue;
    const Node assignment = statements[0].named(0);
    if (!assignment.is("assignment_expression") || assignment.field("operator").text() != "=") continue;
    const Node left = code::bare(assignment.field("left"));
    const Node right = code::bare(assignment.field("right"));
    if (!left.is("subscript_expression") || !right.is("subscript_expression")) continue;
    const Node target = left.field("argument");
    const Node source = right.field("argument");
    const std::string i = form->variable.name;
    if (left.text() != spelled(target) + "[" + i + "]" || right.text() != spelled(source) + "[" + i + "]") continue;
    const CType to = context.facts.type_of(target);
    const CType from = context.facts.type_of(source);
    if (to.pointers + to.arrays != 1 || from.pointers + from.arrays != 1 || to.base != from.base) continue;
    CType element;
    element.base = context.facts.resolved(to).base;
    if (!CFacts::is_integer(element) && !CFacts::is_floating(element)) continue;
    if (!context.facts.invariant(form->bound, loop).holds ||
        code::root_of(target).text() == code::root_of(source).text())
      continue;
    const std::optional<long long> begin = integer_value(context.facts, form->begin);
    if (!begin || *begin < 0) continue;
    const std::string n = in_parens(form->bound);
    const std::string size = *begin == 0 ? "(size_t)" + n : "(size_t)(" + n + " - " + std::to_string(*begin) + ")";
    const std::string at = *begin == 0 ? "" : " + " + std::to_string(*begin);
    Proposal proposal = context.draft(loop.range(), "copy " + spelled(source) + " with memcpy()",
                                      "assumed: " + spelled(target) + " and " + spelled(source) + " do not overlap");
    replace(context, proposal, loop,
            "if (" + n + " > " + std::to_string(*begin) + ") memcpy(" + spelled(target) + at + ", " + spelled(source) +
                at + ", " + size + " * sizeof " + spelled(target) + "[0]);");
    if (!context.info.includes_header("string.h") && !context.info.includes_header("cstring"))
      add_include(context, proposal, context.file.path, "string.h");
    context.emit(std::move(proposal));
  }
}

void find_strcat(const Context& context) {
  for (const Node& call : context.nodes({"call_expression"})) {
    if (call.field("function").text() != "strcat" || !call.parent().is("expression_statement")) continue;
    const Node loop = code::enclosing_loop(call);
    const std::vector<Node> arguments = code::call_arguments(call);
    if (!loop || arguments.size() != 2 || !arguments[0].is("identifier")) continue;
    const CVariable target = context.facts.resolve(arguments[0]);
    if (!target || loop.range().contains(target.name_node.range())) continue;
    std::vector<Node> calls;
    bool fits = true;
    for (const CUseOf& use : context.facts.uses(target, loop)) {
      const Node other = use.node.parent().parent();
      const bool is_target = other.is("call_expression") && other.field("function").text() == "strcat" &&
                             code::call_arguments(other).size() == 2 && code::call_arguments(other)[0] == use.node &&
                             other.parent().is("expression_statement") && code::enclosing_loop(other) == loop;
      fits = fits && is_target;
      if (is_target) calls.push_back(other);
    }
    if (!fits || calls.empty() || calls.front() != call || context.facts.assigned_in(target, loop)) continue;
    const std::string end = context.name_for(arguments[0], loop, "", "_end");
    Proposal proposal = context.draft(loop.range(), "remember where " + target.name + " ends instead of searching it",
                                      "in the loop " + target.name + " is used by strcat() only");
    for (const Node& one : calls) {
      const Node statement = one.parent();
      const std::string piece = spelled(code::call_arguments(one)[1]);
      const std::string text = "strcpy(" + end + ", " + piece + "); " + end + " += strlen(" + end + ");";
      replace(context, proposal, statement, statement.parent().is("compound_statement") ? text : "{ " + text + " }");
    }
    if (!put_before(context, proposal, loop, "char *" + end + " = " + target.name + " + strlen(" + target.name + ");"))
      continue;
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made loop_fusion() {
  return make({"c/loop-fusion", Language::kC, 1.05}, find_fusion);
}

Made loop_to_memcpy() {
  return make({"c/loop-to-memcpy", Language::kC, 1.1}, find_memcpy);
}

Made strcat_to_end() {
  return make({"c/strcat-to-end", Language::kC, 1.5}, find_strcat);
}

}  // namespace jarvis2::edit::cpp
