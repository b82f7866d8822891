// cpp/sort-to-nth-element: a local vector that is sorted to read one position is only partitioned around it.
// Preconditions: after the sort the vector is read at one spelled index only (and asked for its size), and not
// modified. cpp/at-to-subscript: `v.at(i)` in a loop over 0 <= i < v.size() needs no second check. Preconditions: a
// counted loop whose bound is v.size(); the loop does not change v's size. cpp/function-to-template: a std::function
// parameter that is only called becomes a template parameter. Preconditions: a free function that only its own file
// uses, not a template, not overloaded, its address not taken.
#include <algorithm>

#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

void find_nth(const Context& context) {
  for (const Node& call : context.nodes({"call_expression"})) {
    const std::string name = spelled(call.field("function"));
    if ((name != "std::sort" && name != "sort") || !call.parent().is("expression_statement")) continue;
    const std::vector<Node> arguments = code::call_arguments(call);
    if (arguments.size() < 2 || arguments.size() > 3) continue;
    if (code::callee_name(arguments[0]) != "begin" || code::callee_name(arguments[1]) != "end") continue;
    const Node object = code::call_receiver(arguments[0]);
    if (!object.is("identifier") || code::call_receiver(arguments[1]).text() != object.text()) continue;
    const CVariable vector = context.facts.resolve(object);
    if (!vector || (vector.storage != CStorage::kLocal && vector.storage != CStorage::kParameter) ||
        !vector.type.is_value())
      continue;
    if (vector.type.name() != "vector") continue;
    if (code::enclosing_loop(call) && !code::enclosing_loop(call).range().contains(vector.name_node.range())) continue;
    std::string index;
    bool fits = true;
    for (const CUseOf& use : context.facts.uses(vector)) {
      if (use.node.range().begin <= call.range().end) continue;
      const Node up = use.node.parent();
      if (up.is("field_expression") && (use.method == "size" || use.method == "empty" ||
                                        up.field("field").text() == "size" || up.field("field").text() == "empty"))
        continue;
      if (up.is("subscript_expression") && up.field("argument") == use.node && use.use == CUse::kRead) {
        const std::vector<Node> parts = code::named_children(up.field("indices"));
        const std::string text = parts.size() == 1 ? spelled(parts[0]) : "";
        if (!text.empty() && (index.empty() || index == text)) {
          index = text;
          // Its parts must mean the same at the sort.
          for (const Node& part : code::descendants(parts[0], {"identifier"})) {
            const CVariable variable = context.facts.resolve(part);
            if (!variable || variable.name_node.range().begin > call.range().begin)
              fits = fits && part.text() == vector.name;
            if (variable && variable.name_node != vector.name_node && !context.facts.never_modified(variable))
              fits = false;
          }
          continue;
        }
      }
      fits = false;
    }
    if (!fits || index.empty()) continue;
    Proposal proposal = context.draft(call.range(), "find the element at " + index + " without sorting all",
                                      "after the sort only the element at " + index + " is read");
    const std::string by = arguments.size() == 3 ? ", " + spelled(arguments[2]) : "";
    const std::string v = spelled(object);
    replace(context, proposal, call,
            "std::nth_element(" + v + ".begin(), " + v + ".begin() + (" + index + "), " + v + ".end()" + by + ")");
    context.emit(std::move(proposal));
  }
}

void find_at(const Context& context) {
  for (const Node& loop : context.nodes({"for_statement"})) {
    const std::optional<CountedLoop> form = counted(context.facts, loop);
    if (!form || form->op != "<" || form->step != 1) continue;
    const std::optional<long long> begin = integer_value(context.facts, form->begin);
    if (!begin || *begin < 0) continue;
    Node bound = code::bare(form->bound);
    if (bound.is("cast_expression")) bound = code::bare(bound.field("value"));
    if (!bound.is("call_expression") || code::callee_name(bound) != "size") continue;
    const Node object = code::call_receiver(bound);
    if (!object || !context.facts.invariant(bound, loop).holds) continue;
    const std::string kind = context.facts.type_of(object).name();
    if (kind != "vector" && kind != "string" && kind != "array" && kind != "deque") continue;
    Proposal proposal =
        context.draft(loop.range(), "index " + spelled(object) + " without a second check",
                      form->variable.name + " is below " + spelled(object) + ".size() in the whole loop");
    for (const Node& call : code::descendants(code::loop_body(loop), {"call_expression"})) {
      const Node receiver = code::call_receiver(call);
      const std::vector<Node> arguments = code::call_arguments(call);
      if (code::callee_name(call) != "at" || !receiver || receiver.text() != object.text() || arguments.size() != 1)
        continue;
      if (arguments[0].text() != form->variable.name) continue;
      replace(context, proposal, call, spelled(object) + "[" + form->variable.name + "]");
    }
    context.emit(std::move(proposal));
  }
}

void find_template(const Context& context) {
  for (const CFunction& function : context.info.functions) {
    if (!function.owner.empty() || function.is_template || !function.body || !function.declarator) continue;
    if (function.qualified.find("::") != std::string::npos && !function.node.parent().is("declaration_list")) continue;
    if (context.facts.functions(function.name).size() != 1 || !context.site_of(function)) continue;
    bool here = only_called(context.facts, function);
    for (const std::shared_ptr<const CFile>& file : context.facts.files()) {
      here = here && (file->path == function.path || !file->identifiers.contains(function.name));
    }
    if (!here || declarators_of(context.facts, function).size() != 1) continue;
    for (const CVariable& parameter : function.parameters) {
      if (parameter.type.name() != "function" || parameter.type.pointers > 0 || !parameter.name_node || parameter.value)
        continue;
      bool called = true;
      for (const CUseOf& use : context.facts.uses(parameter)) {
        const Node up = use.node.parent();
        called = called && up.is("call_expression") && up.field("function") == use.node;
        called = called && !inside_lambda(use.node, function.body);
      }
      bool recursive = false;
      for (const Node& call : code::descendants(function.body, {"call_expression"}))
        recursive |= code::callee_name(call) == function.name;
      if (!called || recursive) continue;
      const Node type = parameter.declaration.field("type");
      if (!type || (parameter.declarator && !parameter.declarator.is("identifier") &&
                    !parameter.declarator.is("reference_declarator")))
        continue;
      const std::string name = context.fresh("Callable");
      Proposal proposal = context.draft(*context.site_of(function),
                                        "let " + function.name + "() take any callable, without std::function",
                                        parameter.name + " is only called");
      replace(context, proposal, type, name);
      const std::string indent = indent_of(function.node);
      replace(proposal, context.file.path, {function.node.range().begin, function.node.range().begin},
              "template <typename " + name + ">" + line_end(context) + indent);
      if (function.is_static && false) continue;
      context.emit(std::move(proposal));
    }
  }
}

}  // namespace

Made sort_to_nth_element() {
  return make({"cpp/sort-to-nth-element", Language::kCpp, 1.5}, find_nth);
}

Made at_to_subscript() {
  return make({"cpp/at-to-subscript", Language::kCpp, 1.03}, find_at);
}

Made function_to_template() {
  return make({"cpp/function-to-template", Language::kCpp, 1.2}, find_template);
}

}  // namespace jarvis2::edit::cpp
