// c/hoist-field: a field or global that a loop only reads (a bound, a table's pointer) is read once into a local, where
// the compiler must fear that a store in the loop changes it.
// Preconditions: a scalar or a pointer; not written in the loop by name, nor by a function called there; the loop
// stores through pointers or calls functions (otherwise the compiler does it); read in every iteration, or in the
// condition. Assumed: those stores and unknown calls do not reach it; the object is there also where the loop runs zero
// times.
#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

void find_hoist_field(const Context& context) {
  std::set<std::pair<std::uint32_t, std::string>> seen;
  for (const Node& node : context.nodes({"field_expression", "identifier"})) {
    const Node loop = code::enclosing_loop(node);
    if (!loop) continue;
    const Node parent = node.parent();
    if (node.is("identifier")) {
      if (parent.is("field_expression") && parent.field("field") == node) continue;
      if (parent.is("call_expression") && parent.field("function") == node) continue;
      const CVariable variable = context.facts.resolve(node);
      if (!variable || (variable.storage != CStorage::kGlobal && variable.storage != CStorage::kMember &&
                        variable.storage != CStorage::kStaticLocal)) {
        continue;
      }
      if (variable.type.is_const || variable.is_constexpr || variable.type.is_volatile || variable.type.reference)
        continue;
    } else {
      if (parent.is("call_expression") && parent.field("function") == node) continue;
      if (node.parent().is("field_expression") && context.facts.type_of(node).pointers == 0) continue;
      if (!context.facts.resolve(node.field("field")).name_node) continue;  // a field we know
    }
    if (loop.is("for_statement") && loop.field("initializer").range().contains(node.range())) continue;
    if (loop.is("for_range_loop") && loop.field("right").range().contains(node.range())) continue;
    if (!seen.insert({loop.range().begin, spelled(node)}).second) continue;
    const CType type = context.facts.type_of(node);
    CType plain = type;
    plain.reference = plain.rvalue = false;
    const bool scalar = CFacts::is_integer(plain) || CFacts::is_floating(plain);
    if ((!scalar && plain.pointers == 0) || plain.arrays > 0 || plain.function || plain.base == "auto") continue;
    const CRegion& region = context.facts.region(loop);
    if (region.element_types.empty() && region.unknown_calls.empty() && region.fields.empty()) continue;
    const CInvariance fact = context.facts.invariant(node, loop);
    if (!fact.holds || fact.certain) continue;
    const CUseOf use = context.facts.use_of(node);
    bool place = use.use == CUse::kWrite || use.use == CUse::kAddress || use.use == CUse::kMove;
    std::vector<Node> equal;
    for (const Node& other : code::descendants(loop, {node.kind()})) {
      if (other.text() != node.text() || inside_lambda(other, loop)) continue;
      const Node up = other.parent();
      if (up.is("field_expression") && up.field("field") == other) continue;
      if (loop.is("for_statement") && loop.field("initializer").range().contains(other.range())) continue;
      if (loop.is("for_range_loop") && loop.field("right").range().contains(other.range())) continue;
      if (up.is("pointer_expression") && up.text().starts_with("&")) place = true;
      if (up.is("assignment_expression") && up.field("left") == other) place = true;
      if (up.is("update_expression") || up.is("sizeof_expression")) place = true;
      equal.push_back(other);
    }
    if (place || equal.empty()) continue;
    const Node last = node.is("field_expression") ? node.field("field") : node;
    const std::string name = context.name_for(node, loop, "", "_local");
    const std::string declared = context.cpp() ? "const auto " : context.facts.c_spelling(plain);
    if (declared.empty()) continue;
    Proposal proposal =
        context.draft(loop.range(), "read " + spelled(node) + " once, before the loop",
                      "the loop does not name " + spelled(last) + " in a store; assumed: " + fact.assumption);
    for (const Node& other : equal) replace(context, proposal, other, name);
    if (!put_before(context, proposal, loop, declared + name + " = " + spelled(node) + ";")) continue;
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made hoist_field() {
  return make({"c/hoist-field", Language::kC, 1.00}, find_hoist_field);
}

}  // namespace jarvis2::edit::cpp
