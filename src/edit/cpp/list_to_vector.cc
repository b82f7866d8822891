// cpp/list-to-vector: std::list → std::vector where elements are only appended, read and counted.
// cpp/list-to-deque: std::list → std::deque where both ends are used.
// cpp/vector-bool-to-bytes: std::vector<bool> → std::vector<unsigned char> where elements are only set and tested.
// Preconditions: no splice, sort(), insert or erase in the middle, no iterator or reference kept (only range-for,
// begin/end handed on at once); for bool: every element access is a plain read or an assignment.
#include "edit/cpp/container_change.h"

namespace jarvis2::edit::cpp {
namespace {

void lists(const Context& context, bool deque) {
  ContainerChange change;
  change.from = "list";
  change.to = change.header = deque ? "deque" : "vector";
  change.max_arguments = 1;
  change.subscript = false;
  change.iterate = true;
  change.methods = {"push_back", "emplace_back", "size",   "empty", "clear",  "begin", "end",  "back",
                    "front",     "pop_back",     "cbegin", "cend",  "rbegin", "rend",  "swap", "assign"};
  if (deque) change.methods.insert({"push_front", "emplace_front", "pop_front"});
  for (const CVariable& variable : containers(context, "list")) {
    bool kept = false;
    for (const CUseOf& use : context.facts.uses(variable)) {
      const Node call = use.node.parent().parent();
      if ((use.method == "begin" || use.method == "end") &&
          (call.parent().is("init_declarator") || call.parent().is("assignment_expression"))) {
        kept = true;  // an iterator that a later push_back could break
      }
      if ((use.method == "front" || use.method == "back") && call.parent().is("init_declarator") &&
          !call.parent().field("declarator").is("identifier")) {
        kept = true;
      }
    }
    if (kept) continue;
    std::optional<Proposal> proposal =
        change_container(context, variable, change, nullptr, "make " + variable.name + " a std::" + change.to,
                         "elements of " + variable.name +
                             " are added and removed at the ends only, and no iterator or reference is kept");
    if (proposal) context.emit(std::move(*proposal));
  }
}

void bools(const Context& context) {
  for (const CVariable& variable : containers(context, "vector")) {
    const std::vector<std::string> arguments = variable.type.arguments();
    if (arguments.size() != 1 || arguments[0] != "bool" || variable.storage == CStorage::kParameter) continue;
    const Node type = variable.declaration.field("type");
    Node inner = type;
    while (inner.is("qualified_identifier")) inner = inner.field("name");
    if (!inner.is("template_type")) continue;
    bool fits = true;
    for (const CUseOf& use : context.facts.uses(variable)) {
      Node place = use.node;
      if (place.is("field_identifier") && place.parent().is("field_expression")) place = place.parent();
      const Node up = place.parent();
      if (up.is("subscript_expression") && up.field("argument") == place) {
        const Node around = up.parent();
        // Streams would print a character, references and auto would bind to another type.
        if (around.is("binary_expression") && around.field("operator").text() == "<<") fits = false;
        if (around.is("init_declarator") && around.parent().field("type").text() != "bool") fits = false;
        if (around.is("argument_list") || around.is("return_statement")) fits = fits && !around.is("argument_list");
        if (around.is("field_expression")) fits = false;
        if (around.is("assignment_expression") && around.field("left") == up &&
            around.field("operator").text() == "=") {
          // Any non-zero value would be kept as it is: it must be a truth value.
          const Node right = code::bare(around.field("right"));
          const CType value = context.facts.type_of(right);
          if (value.base != "bool" && !right.is("true") && !right.is("false") &&
              integer_value(context.facts, right) != 0 && integer_value(context.facts, right) != 1) {
            fits = false;
          }
        }
        continue;
      }
      static const std::set<std::string> kMethods = {"size",  "empty",     "resize", "assign",
                                                     "clear", "push_back", "reserve"};
      if (up.is("field_expression") && kMethods.contains(use.method.empty() ? spelled(up.field("field")) : use.method))
        continue;
      fits = false;
    }
    if (!fits || !inner.field("arguments")) continue;
    const std::optional<Range> site = context.site_of(variable);
    if (!site) continue;
    if (variable.value && !variable.value.is("argument_list") && !variable.value.is("parameter_list")) continue;
    Proposal proposal = context.draft(*site, "store " + variable.name + " as bytes instead of bits",
                                      "elements of " + variable.name + " are only set to truth values and tested");
    replace(context, proposal, inner.field("arguments"), "<unsigned char>");
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made list_to_vector() {
  return make({"cpp/list-to-vector", Language::kCpp, 1.2}, [](const Context& context) { lists(context, false); });
}

Made list_to_deque() {
  return make({"cpp/list-to-deque", Language::kCpp, 1.1}, [](const Context& context) { lists(context, true); });
}

Made vector_bool_to_bytes() {
  return make({"cpp/vector-bool-to-bytes", Language::kCpp, 1.1}, bools);
}

}  // namespace jarvis2::edit::cpp
