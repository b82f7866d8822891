#include "edit/python/numbers.h"

#include <algorithm>

namespace jarvis2::edit::python {
namespace {

constexpr int kDeepest = 8;

Node bare(Node node) {
  while (node.is("parenthesized_expression") && node.named_count() == 1) node = node.named(0);
  return node;
}

bool builtin(const PythonFacts& facts, Node call, std::string_view name) {
  return call.is("call") && facts.is_builtin(call.field("function"), name) &&
         call.field("arguments").is("argument_list");
}

std::optional<long> small_integer(Node node) {
  if (!node.is("integer") || node.text().size() > 9 ||
      node.text().find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  return std::stol(std::string(node.text()));
}

// What a name is bound to at one of its stores.
struct Source {
  Node over;   // iterated by a for
  Node value;  // assigned
  Node op;     // of an augmented assignment
  bool first_of_enumerate = false;
};

Source source_of(const PythonFacts& facts, Node store) {
  const Node up = facts.parent(store);
  Source source;
  if ((up.is("for_statement") || up.is("for_in_clause")) && up.field("left") == store) {
    source.over = up.field("right");
  } else if ((up.is("pattern_list") || up.is("tuple_pattern")) && up.named(0) == store) {
    const Node loop = facts.parent(up);
    const Node over = loop.field("right");
    if ((loop.is("for_statement") || loop.is("for_in_clause")) && loop.field("left") == up &&
        builtin(facts, over, "enumerate")) {
      source.over = over;
      source.first_of_enumerate = true;
    }
  } else if (up.is("assignment") && up.field("left") == store) {
    source.value = up.field("right");
  } else if (up.is("augmented_assignment") && up.field("left") == store) {
    source.value = up.field("right");
    source.op = up.field("operator");
  }
  return source;
}

bool whole(const Context& context, Node node, int depth, std::vector<const PythonBinding*>& open);

// A for over this gives ints.
bool gives_wholes(const Context& context, Node over) {
  if (!range_arguments(context.facts, over).empty()) return true;
  const PythonType type = context.world->type_of(context.facts, over);
  return type.kind == PythonType::Kind::kRange || type.kind == PythonType::Kind::kBytes;
}

bool whole_name(const Context& context, Node name, int depth, std::vector<const PythonBinding*>& open) {
  const PythonFacts& facts = context.facts;
  const PythonBinding* binding = facts.resolve(name);
  if (binding == nullptr || binding->parameter || binding->declared_outer || binding->written_from_outside ||
      binding->deleted || binding->stores.empty())
    return false;
  if (std::find(open.begin(), open.end(), binding) != open.end()) return true;  // by induction over the stores
  open.push_back(binding);
  bool all = true;
  for (const Node store : binding->stores) {
    const Source source = source_of(facts, store);
    if (source.first_of_enumerate) {
      const Node start = source.over.field("arguments").named(1);
      all &= !start || whole(context, start, depth + 1, open);
    } else if (source.over) {
      all &= gives_wholes(context, source.over);
    } else if (source.value) {
      const std::string_view op = source.op ? source.op.text() : std::string_view();
      all &= op != "/=" && op != "**=" && op != "@=" && whole(context, source.value, depth + 1, open);
    } else {
      all = false;
    }
    if (!all) break;
  }
  if (!all) open.pop_back();
  return all;
}

bool whole(const Context& context, Node node, int depth, std::vector<const PythonBinding*>& open) {
  node = bare(node);
  if (depth > kDeepest || !node) return false;
  const PythonFacts& facts = context.facts;
  if (node.is("integer")) return node.text().find_first_of("jJ") == std::string_view::npos;
  if (node.is("true") || node.is("false")) return true;
  if (node.is("identifier") && whole_name(context, node, depth, open)) return true;
  if (node.is("binary_operator")) {
    const std::string_view op = node.field("operator").text();
    if (op != "/" && op != "**" && op != "@" && whole(context, node.field("left"), depth + 1, open) &&
        whole(context, node.field("right"), depth + 1, open))
      return true;
  }
  if (node.is("unary_operator")) return whole(context, node.field("argument"), depth + 1, open);
  if (builtin(facts, node, "len") || builtin(facts, node, "ord")) return true;
  const PythonType type = context.world->type_of(facts, node);
  return type.kind == PythonType::Kind::kInt || type.kind == PythonType::Kind::kBool;
}

std::optional<long> least(const Context& context, Node node, int depth, std::vector<const PythonBinding*>& open);

std::optional<long> least_of_range(const Context& context, const std::vector<Node>& arguments, int depth,
                                   std::vector<const PythonBinding*>& open) {
  if (arguments.size() == 1) return 0;
  if (arguments.size() == 2) return least(context, arguments[0], depth + 1, open);
  if (arguments.size() != 3) return std::nullopt;
  const Node step = bare(arguments[2]);
  if (step.is("unary_operator") && step.text().starts_with("-")) {
    const std::optional<long> stop = least(context, arguments[1], depth + 1, open);
    return stop ? std::optional<long>(*stop + 1) : std::nullopt;
  }
  const std::optional<long> up = least(context, step, depth + 1, open);
  return up && *up >= 0 ? least(context, arguments[0], depth + 1, open) : std::nullopt;
}

std::optional<long> least_of_name(const Context& context, Node name, int depth,
                                  std::vector<const PythonBinding*>& open) {
  const PythonFacts& facts = context.facts;
  const PythonBinding* binding = facts.resolve(name);
  if (binding == nullptr || binding->parameter || binding->declared_outer || binding->written_from_outside ||
      binding->deleted || binding->stores.empty() || std::find(open.begin(), open.end(), binding) != open.end())
    return std::nullopt;
  open.push_back(binding);
  std::optional<long> found;
  bool all = true;
  for (const Node store : binding->stores) {
    const Source source = source_of(facts, store);
    std::optional<long> one;
    if (source.first_of_enumerate) {
      const Node start = source.over.field("arguments").named(1);
      one = start ? least(context, start, depth + 1, open) : std::optional<long>(0);
    } else if (source.over) {
      const std::vector<Node> arguments = range_arguments(facts, source.over);
      if (!arguments.empty()) one = least_of_range(context, arguments, depth, open);
    } else if (source.op) {
      // Grows, so the other stores decide.
      const std::optional<long> by = least(context, source.value, depth + 1, open);
      const std::string_view op = source.op.text();
      if (by && *by >= 0 && (op == "+=" || op == "<<=" || op == "|=")) continue;
    } else if (source.value) {
      const Node value = bare(source.value);
      if (value.is("binary_operator") && value.field("operator").text() == "+" &&
          value.field("left").text() == name.text()) {
        const std::optional<long> by = least(context, value.field("right"), depth + 1, open);
        if (by && *by >= 0) continue;
      }
      one = least(context, value, depth + 1, open);
    }
    if (!one) {
      all = false;
      break;
    }
    found = found ? std::min(*found, *one) : *one;
  }
  open.pop_back();
  return all ? found : std::nullopt;
}

std::optional<long> least(const Context& context, Node node, int depth, std::vector<const PythonBinding*>& open) {
  node = bare(node);
  if (depth > kDeepest || !node) return std::nullopt;
  const PythonFacts& facts = context.facts;
  if (node.is("integer")) return small_integer(node);
  if (node.is("identifier")) {
    int scope = -1;
    const PythonBinding* binding = facts.resolve(node, &scope);
    if (binding != nullptr && scope == 0 && facts.bound_once(node.text())) {
      const Source source = source_of(facts, binding->stores[0]);
      return source.value && !source.op ? small_integer(bare(source.value)) : std::nullopt;
    }
    return least_of_name(context, node, depth, open);
  }
  if (builtin(facts, node, "len") || builtin(facts, node, "ord")) return 0;
  if (node.is("binary_operator")) {
    const std::string_view op = node.field("operator").text();
    const Node left = bare(node.field("left"));
    const Node right = bare(node.field("right"));
    if (op == "*" && left.is("identifier") && left.text() == right.text() && is_whole(context, left)) return 0;
    const std::optional<long> b = least(context, right, depth + 1, open);
    if (op == "%" && b && *b > 0 && is_whole(context, left)) return 0;
    const std::optional<long> a = least(context, left, depth + 1, open);
    if (op == "&" && ((a && *a >= 0 && is_whole(context, right)) || (b && *b >= 0 && is_whole(context, left))))
      return 0;
    if (!a) return std::nullopt;
    if (op == "-") {
      const std::optional<long> taken = small_integer(right);
      return taken ? std::optional<long>(*a - *taken) : std::nullopt;
    }
    if (!b) return std::nullopt;
    if (op == "+" && *a < 1000000000 && *b < 1000000000) return *a + *b;
    if (*a < 0 || *b < 0) return std::nullopt;
    if (op == "*" || op == "//" || op == ">>" || op == "%" || op == "|" || op == "<<") return 0;
  }
  return std::nullopt;
}

}  // namespace

bool own_local(const PythonFacts& facts, Node name, const PythonBinding** binding) {
  int scope = -1;
  *binding = facts.resolve(name, &scope);
  return *binding != nullptr && scope > 0 && scope == facts.frame_of(name) && !(*binding)->captured &&
         !(*binding)->written_from_outside && !(*binding)->declared_outer && !(*binding)->deleted;
}

bool is_whole(const Context& context, Node expression) {
  std::vector<const PythonBinding*> open;
  return whole(context, expression, 0, open);
}

std::optional<long> least_value(const Context& context, Node expression) {
  std::vector<const PythonBinding*> open;
  return least(context, expression, 0, open);
}

bool non_negative(const Context& context, Node expression) {
  const std::optional<long> value = least_value(context, expression);
  return value && *value >= 0;
}

std::vector<Node> range_arguments(const PythonFacts& facts, Node expression, bool* backwards) {
  expression = bare(expression);
  if (backwards != nullptr) *backwards = false;
  if (builtin(facts, expression, "reversed") && expression.field("arguments").named_count() == 1) {
    if (backwards != nullptr) *backwards = true;
    expression = expression.field("arguments").named(0);
  }
  if (!builtin(facts, expression, "range")) return {};
  std::vector<Node> arguments = expression.field("arguments").children();
  for (const Node argument : arguments) {
    if (argument.is("keyword_argument") || argument.is("list_splat")) return {};
  }
  return arguments;
}

bool mentions_name(Node region, std::string_view name) {
  bool found = false;
  code::walk(region, [&](Node node) {
    found |= node.is("identifier") && node.text() == name;
    return !found;
  });
  return found;
}

}  // namespace jarvis2::edit::python
