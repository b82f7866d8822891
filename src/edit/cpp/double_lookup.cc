// cpp/double-lookup-to-find: `if (m.count(k)) ... m[k] ... m.at(k)` looks a key up two or three times; one find() does.
// Preconditions: a map or hash map; the condition is the test alone; key and map stay as they are up to the last use in
// the branch (no erase, clear or insertion; a lambda or loop inside is fine as long as nothing is written).
// cpp/reuse-map-slot: several `m[k]` with one key in a block use one reference to the slot.
// Preconditions: std::map or std::unordered_map (their elements do not move); k does not change and nothing is erased
// in between; the first use is one that is always evaluated.
#include <algorithm>

#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

bool is_map_type(const CType& type) {
  return (type.name() == "map" || type.name() == "unordered_map") && type.pointers == 0 && type.arrays == 0;
}

struct Test {
  Node object;
  Node key;
  bool present = true;
};

// m.count(k), m.count(k) > 0, m.count(k) == 0, m.find(k) != m.end(), m.contains(k), !...
std::optional<Test> membership(const CFacts& facts, Node condition) {
  Node node = code::bare(condition);
  Test test;
  if (node.is("unary_expression") && node.text().starts_with("!")) {
    std::optional<Test> inner = membership(facts, node.field("argument"));
    if (inner) inner->present = !inner->present;
    return inner;
  }
  if (node.is("binary_expression")) {
    const std::string_view op = node.field("operator").text();
    const Node left = code::bare(node.field("left"));
    const Node right = code::bare(node.field("right"));
    if (!left.is("call_expression")) return std::nullopt;
    const std::string method = code::callee_name(left);
    const std::optional<long long> value = integer_value(facts, right);
    if (method == "count" && value) {
      if ((op == ">" && *value == 0) || (op == "!=" && *value == 0) || (op == "==" && *value == 1) ||
          (op == ">=" && *value == 1)) {
        test.present = true;
      } else if ((op == "==" && *value == 0) || (op == "<" && *value == 1)) {
        test.present = false;
      } else {
        return std::nullopt;
      }
    } else if (method == "find" && right.is("call_expression") && code::callee_name(right) == "end") {
      if (!code::call_receiver(right) || code::call_receiver(right).text() != code::call_receiver(left).text())
        return std::nullopt;
      test.present = op == "!=";
      if (op != "!=" && op != "==") return std::nullopt;
    } else {
      return std::nullopt;
    }
    node = left;
  } else if (node.is("call_expression")) {
    const std::string method = code::callee_name(node);
    if (method != "count" && method != "contains") return std::nullopt;
  } else {
    return std::nullopt;
  }
  test.object = code::call_receiver(node);
  const std::vector<Node> arguments = code::call_arguments(node);
  if (!test.object || arguments.size() != 1 || !is_map_type(facts.type_of(test.object))) return std::nullopt;
  test.key = arguments[0];
  return test;
}

// m[k] and m.at(k) inside `branch`.
std::vector<Node> lookups(Node branch, const std::string& object, const std::string& key) {
  std::vector<Node> result;
  for (const Node& node : code::descendants(branch, {"subscript_expression", "call_expression"})) {
    if (node.is("subscript_expression")) {
      const Node index = node.field("indices");
      const std::vector<Node> parts = code::named_children(index);
      if (node.field("argument").text() == object && parts.size() == 1 && parts[0].text() == key)
        result.push_back(node);
    } else if (code::callee_name(node) == "at") {
      const Node receiver = code::call_receiver(node);
      const std::vector<Node> arguments = code::call_arguments(node);
      if (receiver && receiver.text() == object && arguments.size() == 1 && arguments[0].text() == key)
        result.push_back(node);
    }
  }
  return result;
}

bool simple_key(Node key) {
  const Node node = code::bare(key);
  return node.is("identifier") || node.is("field_expression") || is_literal_number(node) || node.is("string_literal");
}

// Names that a place or key is made of stay unwritten in `region`; the map is not reshaped other than by [] and at.
bool stable(const Context& context, Node object, Node key, Node region) {
  const CRegion& writes = context.facts.region(region);
  for (const Node& part : {object, key}) {
    for (const Node& name : code::descendants(part, {"identifier", "field_identifier"})) {
      const std::string text = spelled(name);
      const bool map_itself = part == object;
      if (writes.fields.contains(text) && !map_itself) return false;
      if (!map_itself && (writes.names.contains(text) || writes.elements.contains(text))) return false;
      const CVariable variable = context.facts.resolve(name);
      if (!map_itself && variable && &variable.name_node.tree() == &region.tree() &&
          region.range().contains(variable.name_node.range())) {
        return false;
      }
    }
  }
  for (const Node& call : code::descendants(region, {"call_expression"})) {
    const Node receiver = code::call_receiver(call);
    if (receiver && receiver.text() == object.text()) {
      const std::string method = code::callee_name(call);
      if (method == "erase" || method == "clear" || method == "swap" || method == "extract" || method == "merge")
        return false;
    }
  }
  for (const Node& assignment : code::descendants(region, {"assignment_expression"})) {
    if (assignment.field("left").text() == object.text()) return false;
  }
  // A callee that gets the map, or that writes it by name, may erase.
  for (const Node& call : code::descendants(region, {"call_expression"})) {
    if (code::call_receiver(call) && code::call_receiver(call).text() == object.text()) continue;
    for (const Node& argument : code::call_arguments(call)) {
      if (code::bare(argument).text() == object.text() || argument.text() == "&" + spelled(object)) return false;
    }
  }
  const Node root = code::root_of(object);
  const CVariable variable = context.facts.resolve(root);
  const bool local =
      variable && (variable.storage == CStorage::kLocal || variable.storage == CStorage::kParameter) && object == root;
  return local || writes.unknown_calls.empty();
}

void find_double(const Context& context) {
  for (const Node& statement : context.nodes({"if_statement"})) {
    const std::optional<Test> test = membership(context.facts, statement.field("condition"));
    if (!test || !simple_key(test->key)) continue;
    const Node hit = test->present ? statement.field("consequence") : statement.field("alternative");
    const std::string object = spelled(test->object);
    const std::string key = spelled(test->key);
    Node use_in = hit;
    Node after;
    if (!test->present && !hit) {
      // `if (m.count(k) == 0) return/throw; ... m.at(k)`: the statements after it.
      const Node then = statement.field("consequence");
      const std::vector<Node> steps =
          then.is("compound_statement") ? code::named_children(then) : std::vector<Node>{then};
      if (steps.empty() || !(steps.back().is("return_statement") || steps.back().is("throw_statement") ||
                             steps.back().is("continue_statement"))) {
        continue;
      }
      after = statement.next_sibling();
      if (!after || !statement.parent().is("compound_statement")) continue;
      use_in = after;
    }
    if (!use_in) continue;
    const std::vector<Node> places = lookups(use_in, object, key);
    if (places.empty() || !stable(context, test->object, test->key, use_in)) continue;
    if (std::any_of(places.begin(), places.end(), [&](Node place) { return inside_lambda(place, use_in); })) continue;
    if (context.facts.type_of(test->object).name() == "unordered_map") {
      // An insertion could rehash and end the iterator.
      bool inserts = false;
      for (const Node& node : code::descendants(use_in, {"subscript_expression", "call_expression"})) {
        const Node on = node.is("subscript_expression") ? node.field("argument") : code::call_receiver(node);
        if (!on || on.text() != object || std::find(places.begin(), places.end(), node) != places.end()) continue;
        const std::string method = node.is("call_expression") ? code::callee_name(node) : "[]";
        inserts |= method == "[]" || method == "insert" || method == "emplace" || method == "try_emplace";
      }
      if (inserts) continue;
    }
    const std::string name = context.name_for(test->key, statement, "found_" + spelled(code::root_of(test->object)));
    Proposal proposal =
        context.draft(statement.range(), "look " + key + " up in " + object + " once",
                      "neither " + key + " nor the shape of " + object + " changes between test and use");
    // `auto it = m.find(k);` as the if's own initialiser needs C++17; a line before it works everywhere.
    replace(context, proposal, code::bare(statement.field("condition")),
            name + (test->present ? " != " : " == ") + object + ".end()");
    for (const Node& place : places) replace(context, proposal, place, name + "->second");
    if (!put_before(context, proposal, statement, "const auto " + name + " = " + object + ".find(" + key + ");"))
      continue;
    if (statement.parent().is("else_clause") || (after && !statement.parent().is("compound_statement"))) continue;
    context.emit(std::move(proposal));
  }
}

bool always_first(Node place, Node statement) {
  for (Node at = place, up = place.parent(); at != statement && up; at = up, up = up.parent()) {
    if (up.is("conditional_expression") && up.field("condition") != at) return false;
    if (up.is("binary_expression") && up.field("right") == at &&
        (up.field("operator").text() == "&&" || up.field("operator").text() == "||")) {
      return false;
    }
    if (up.is("if_statement") && up.field("condition") != at) return false;
    if (code::is_loop(up) || up.is("lambda_expression") || up.is("switch_statement") || up.is("try_statement"))
      return false;
  }
  return true;
}

void find_slot(const Context& context) {
  std::set<std::pair<std::uint32_t, std::string>> seen;
  for (const Node& first : context.nodes({"subscript_expression"})) {
    const Node object = first.field("argument");
    const std::vector<Node> parts = code::named_children(first.field("indices"));
    if (parts.size() != 1 || !simple_key(parts[0]) || !is_map_type(context.facts.type_of(object))) continue;
    const Node statement = statement_of(first);
    if (!statement || !statement.parent().is("compound_statement") || !always_first(first, statement)) continue;
    const Node block = statement.parent();
    if (!seen.insert({block.range().begin, spelled(first)}).second) continue;
    std::vector<Node> places;
    bool fine = !statement.is("declaration") || true;
    for (Node at = statement; at && fine; at = at.next_sibling()) {
      const std::vector<Node> here = lookups(at, spelled(object), spelled(parts[0]));
      if (here.empty() && at != statement) {
        if (!stable(context, object, parts[0], at)) break;
        continue;
      }
      if (!stable(context, object, parts[0], at)) {
        if (at == statement) fine = false;
        break;
      }
      places.insert(places.end(), here.begin(), here.end());
    }
    if (!fine || places.size() < 2) continue;
    if (std::any_of(places.begin(), places.end(), [&](Node place) { return inside_lambda(place, block); })) continue;
    const std::string name = context.name_for(first, block, "slot");
    Proposal proposal =
        context.draft(statement.range(), "look " + spelled(parts[0]) + " up in " + spelled(object) + " once",
                      "elements of the map do not move, and nothing erases them in between");
    for (const Node& place : places) replace(context, proposal, place, name);
    const std::string indent = indent_of(statement);
    replace(proposal, context.file.path, {statement.range().begin, statement.range().begin},
            "auto& " + name + " = " + spelled(first) + ";" + line_end(context) + indent);
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made double_lookup_to_find() {
  return make({"cpp/double-lookup-to-find", Language::kCpp, 1.12}, find_double);
}

Made reuse_map_slot() {
  return make({"cpp/reuse-map-slot", Language::kCpp, 1.1}, find_slot);
}

}  // namespace jarvis2::edit::cpp
