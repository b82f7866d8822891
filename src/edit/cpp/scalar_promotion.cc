// c/scalar-promotion: a place that an innermost loop accumulates into (`*out += x`, `c[i][j] += ...`, `sum_ += ...`) is
// kept in a local while the loop runs and stored back after it.
// Preconditions: every use of the place in the loop has the same spelling; the parts that name it do not change there;
// no call in the loop may read or write it; the loop is left only at its end, by its condition or by break.
// Assumed: no other pointer of the loop reaches the place; it is readable and writable where the loop runs zero times.
#include <algorithm>

#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

// The place's naming parts (bases and indices) stay the same in the loop.
bool fixed(const Context& context, Node place, Node loop, const CRegion& region) {
  for (const Node& name : code::descendants(place, {"identifier"})) {
    const CVariable variable = context.facts.resolve(name);
    if (!variable) return false;
    if (loop.range().contains(variable.name_node.range()) && &variable.name_node.tree() == &loop.tree()) return false;
    if (name == place) continue;
    if (region.names.contains(variable.name)) return false;
    if (variable.type.is_volatile) return false;
  }
  for (const Node& field : code::descendants(place, {"field_expression"})) {
    if (field != place && region.fields.contains(spelled(field.field("field")))) return false;
  }
  for (const Node& call : code::descendants(place, {"call_expression", "update_expression", "assignment_expression"})) {
    (void)call;
    return false;
  }
  return true;
}

void find_scalar_promotion(const Context& context) {
  std::set<std::pair<std::uint32_t, std::string>> seen;
  for (const Node& write : context.nodes({"assignment_expression", "update_expression"})) {
    const Node place = write.is("assignment_expression") ? write.field("left") : write.field("argument");
    if (write.is("assignment_expression")) {
      const bool compound = write.field("operator").text() != "=";
      // x = x op y counts too.
      if (!compound && write.field("right").text().find(place.text()) == std::string_view::npos) continue;
    }
    const Node loop = code::enclosing_loop(write);
    if (!loop || !code::loop_body(loop).range().contains(write.range())) continue;
    if (!seen.insert({loop.range().begin, spelled(place)}).second) continue;
    CType type = context.facts.type_of(place);
    type.reference = false;
    if (!CFacts::is_integer(type) && !CFacts::is_floating(type)) continue;
    const Node bare = code::bare(place);
    const CVariable root = context.facts.resolve(code::root_of(bare));
    if (bare.is("identifier")) {
      if (!root || root.type.is_volatile) continue;
      if (root.storage != CStorage::kGlobal && root.storage != CStorage::kMember &&
          root.storage != CStorage::kStaticLocal && !root.type.reference) {
        continue;
      }
    } else if (!bare.is("field_expression") && !bare.is("subscript_expression") && !bare.is("pointer_expression")) {
      continue;
    } else if (!root && !code::root_of(bare).is("this")) {
      continue;
    }
    const CRegion& region = context.facts.region(loop);
    if (!region.unknown_calls.empty() || region.jumps_out) continue;
    if (!fixed(context, bare, loop, region)) continue;
    // Uses of the same root must be this very place, and nothing called may see it.
    const std::string text = spelled(bare);
    std::vector<Node> equal;
    bool other_use = false;
    const Node key = bare.is("field_expression") ? bare.field("field") : code::root_of(bare);
    for (const Node& node : code::descendants(loop, {"identifier", "field_identifier"})) {
      if (node.text() != key.text()) continue;
      Node up = node;
      while (up && up.range() != loop.range() && up.text() != text) {
        if (up.text().size() > text.size()) {
          up = Node();
          break;
        }
        up = up.parent();
      }
      if (up && up.text() == text) {
        const Node around = up.parent();
        if (around.is("pointer_expression") && around.text().starts_with("&")) other_use = true;
        if (around.is("field_expression") && around.field("argument") != up) other_use = true;
        if (inside_lambda(up, loop)) other_use = true;
        equal.push_back(up);
      } else {
        other_use = true;
      }
    }
    if (other_use || equal.empty()) continue;
    bool called = false;
    for (const Node& call : code::descendants(loop, {"call_expression"})) {
      const CEffect effect = context.facts.call_effect(call);
      const CRegion& inside = context.facts.region(call);
      if (effect == CEffect::kWrites && !code::is_memory_only(code::callee_name(call)) &&
          !code::library_effect(code::callee_name(call))) {
        called = true;
      }
      if (inside.read_fields.contains(spelled(key)) || inside.read_names.contains(spelled(key))) {
        for (const CFunction* function : context.facts.functions(code::callee_name(call))) {
          (void)function;
          called = true;
        }
      }
    }
    if (called) continue;
    if (loop.is("for_statement") && loop.field("initializer").text().find(text) != std::string_view::npos) continue;
    if (loop.is("for_range_loop") && loop.field("right").text().find(text) != std::string_view::npos) continue;
    const std::string name = context.name_for(bare, loop, "", "_kept");
    const std::string declared = context.cpp() ? "auto " : type.base + " ";
    Proposal proposal =
        context.draft(loop.range(), "keep " + text + " in a local while the loop runs",
                      "every use of " + text +
                          " in the loop has this spelling; assumed: no other pointer of "
                          "the loop reaches it, and it may be read and written where the loop runs zero times");
    std::sort(equal.begin(), equal.end(), [](Node a, Node b) { return a.range().begin < b.range().begin; });
    equal.erase(std::unique(equal.begin(), equal.end(), [](Node a, Node b) { return a.range() == b.range(); }),
                equal.end());
    for (const Node& node : equal) replace(context, proposal, node, name);
    if (!put_around(context, proposal, loop, declared + name + " = " + text + ";", text + " = " + name + ";")) continue;
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made scalar_promotion() {
  return make({"c/scalar-promotion", Language::kC, 1.15}, find_scalar_promotion);
}

}  // namespace jarvis2::edit::cpp
