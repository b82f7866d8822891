// cpp/buffer-out-of-loop: a container or string that each round of a loop makes anew is made once before it and
// cleared, so that its memory is used again. Preconditions: std::vector, std::string or a stream-free container of the
// body's top level, made empty or with (n), (n, value); not const, not static; its address or a reference to it does
// not outlive the round; it is not returned. A moved-from container is cleared before use, which is defined.
// c/static-scratch-buffer is not done: it would change the function's reentrancy.
#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

void find_buffer_out_of_loop(const Context& context) {
  static const std::set<std::string> kKinds = {"vector",        "string",        "map",  "set",
                                               "unordered_map", "unordered_set", "deque"};
  for (const Node& loop : context.nodes({"for_statement", "while_statement", "do_statement", "for_range_loop"})) {
    const Node body = code::loop_body(loop);
    if (!body.is("compound_statement")) continue;
    for (const Node& declaration : code::named_children(body)) {
      if (!declaration.is("declaration")) continue;
      for (const CVariable& local : context.info.locals) {
        if (local.declaration != declaration || local.is_static || local.type.is_const || !local.type.is_value())
          continue;
        const CType type = context.facts.resolved(local.type);
        if (!kKinds.contains(type.name())) continue;
        int declarators = 0;
        for (const Node& child : code::named_children(declaration)) {
          declarators += child.is("init_declarator") || child.is("identifier") ? 1 : 0;
        }
        if (declarators != 1) continue;
        std::string again = local.name + ".clear();";
        if (local.value) {
          const std::vector<Node> parts = code::named_children(local.value);
          if (local.value.is("argument_list") && type.name() == "vector" && (parts.size() == 1 || parts.size() == 2)) {
            const CType first = context.facts.type_of(parts[0]);
            if (!CFacts::is_integer(first)) continue;
            const std::vector<std::string> arguments = type.arguments();
            if (arguments.empty()) continue;
            const std::string fill = parts.size() == 2 ? spelled(parts[1]) : arguments[0] + "{}";
            again = local.name + ".assign(" + spelled(parts[0]) + ", " + fill + ");";
          } else if (local.value.is("string_literal") && type.name() == "string") {
            again = local.name + " = " + spelled(local.value) + ";";
          } else if (local.declarator.is("init_declarator") && type.name() == "string" &&
                     (local.value.is("identifier") || local.value.is("subscript_expression") ||
                      local.value.is("field_expression"))) {
            again = local.name + " = " + spelled(local.value) + ";";
          } else if (!(local.value.is("initializer_list") && parts.empty())) {
            continue;
          }
        }
        if (context.facts.never_modified(local) && local.value) continue;  // a reference would do better
        bool fine = true;
        for (const CUseOf& use : context.facts.uses(local)) {
          const Node up = use.place.parent();
          if (up.is("return_statement") || use.use == CUse::kAddress) fine = false;
          if (use.use == CUse::kMove) fine = false;
          for (Node at = use.node.parent(); at && at != body; at = at.parent()) {
            if (at.is("lambda_expression")) fine = false;
          }
        }
        if (!fine || !statement_of(loop)) continue;
        Proposal proposal =
            context.draft(declaration.range(), "make " + local.name + " once, before the loop",
                          local.name + " is cleared in every round and nothing keeps a reference to it");
        const std::string spelled_type = spelled(declaration.field("type"));
        replace(context, proposal, declaration, again);
        if (!put_before(context, proposal, loop, spelled_type + " " + local.name + ";")) continue;
        // The name must be free around the loop.
        const CFunction* function = context.facts.enclosing_function(loop);
        if (function == nullptr) continue;
        int same = 0;
        for (const CVariable& other : context.info.locals) {
          if (other.name == local.name && function->node.range().contains(other.name_node.range())) ++same;
        }
        if (same != 1) continue;
        context.emit(std::move(proposal));
      }
    }
  }
}

}  // namespace

Made buffer_out_of_loop() {
  return make({"cpp/buffer-out-of-loop", Language::kCpp, 1.1}, find_buffer_out_of_loop);
}

}  // namespace jarvis2::edit::cpp
