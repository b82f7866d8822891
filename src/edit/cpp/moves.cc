// cpp/move-last-use: a local that is copied into a container or a field and not used afterwards is moved.
// Preconditions: a local of a type that costs to copy, not const, not a reference, not static; the copy is the last use
// in its scope, in no loop that does not also declare it; nothing points into it. cpp/emplace: `v.push_back(T(a, b))`
// builds the element in place. cpp/noexcept-move: a move constructor that only hands over members is noexcept, so that
// vectors move when they grow. cpp/final-class: a class that nothing in the workspace derives from is final: its
// virtual calls can be direct.
#include <algorithm>

#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

void find_move(const Context& context) {
  for (const Node& statement : context.nodes({"expression_statement"})) {
    const Node expression = statement.named(0);
    Node value;
    if (expression.is("call_expression")) {
      const std::string method = code::callee_name(expression);
      const std::vector<Node> arguments = code::call_arguments(expression);
      if (!code::call_receiver(expression) || arguments.empty()) continue;
      if (method != "push_back" && method != "push" && method != "emplace_back" && method != "insert" &&
          method != "push_front")
        continue;
      if (!context.facts.functions(method).empty() || arguments.size() != 1) continue;
      value = arguments[0];
    } else if (expression.is("assignment_expression") && expression.field("operator").text() == "=") {
      value = expression.field("right");
      if (expression.field("left").is("identifier") &&
          context.facts.resolve(expression.field("left")).storage == CStorage::kLocal)
        continue;
    }
    if (!value.is("identifier")) continue;
    const CVariable local = context.facts.resolve(value);
    if (!local || local.storage == CStorage::kMember || local.storage == CStorage::kGlobal || local.is_static) continue;
    if (!local.type.is_value() || local.type.is_const || local.structured) continue;
    const CType type = context.facts.type_of(value);
    if (!type.is_value() || !context.facts.is_large(type) || type.name() == "array") continue;
    if (local.storage == CStorage::kLocal && local.declaration.is("for_range_loop") && local.type.reference) continue;
    bool last = true;
    for (const CUseOf& use : context.facts.uses(local)) {
      if (use.node == value) continue;
      if (use.node.range().begin > value.range().begin) last = false;
      if (use.use == CUse::kAddress || use.use == CUse::kMove) last = false;
      for (Node up = use.node.parent(); up && local.scope.contains(up.range()); up = up.parent()) {
        if (up.is("lambda_expression") && !up.range().contains(local.name_node.range())) last = false;
      }
    }
    // Each loop around the use must be around the declaration too.
    for (Node loop = code::enclosing_loop(value); loop; loop = code::enclosing_loop(loop)) {
      if (!loop.range().contains(local.name_node.range())) last = false;
      if (loop.is("for_statement") && loop.field("initializer").range().contains(local.name_node.range())) last = false;
    }
    if (!last || code::descendants(
                     context.facts.enclosing_function(value) ? context.facts.enclosing_function(value)->body : Node(),
                     {"goto_statement"})
                         .size() > 0) {
      continue;
    }
    Proposal proposal = context.draft(statement.range(), "move " + local.name + " instead of copying it",
                                      local.name + " is not used afterwards");
    replace(context, proposal, value, "std::move(" + local.name + ")");
    add_include(context, proposal, context.file.path, "utility");
    context.emit(std::move(proposal));
  }
}

void find_emplace(const Context& context) {
  for (const Node& call : context.nodes({"call_expression"})) {
    if (code::callee_name(call) != "push_back" || !code::call_receiver(call)) continue;
    const std::vector<Node> arguments = code::call_arguments(call);
    if (arguments.size() != 1) continue;
    const Node made = arguments[0];
    if (!made.is("call_expression") || code::call_receiver(made)) continue;
    const CType container = context.facts.type_of(code::call_receiver(call));
    const std::vector<std::string> element = container.arguments();
    if ((container.name() != "vector" && container.name() != "deque") || element.size() != 1) continue;
    if (code::parse_c_type(element[0]).name() != code::callee_name(made)) continue;
    const CRecord* record = context.facts.record(code::callee_name(made));
    const bool string = code::callee_name(made) == "string";
    // An aggregate has no constructor to hand the arguments to.
    const bool constructor = record != nullptr && !context.facts.functions(record->name).empty();
    if (!constructor && !string) continue;
    const Node list = made.field("arguments");
    bool braces = false;
    for (const Node& argument : code::call_arguments(made))
      braces |= argument.is("initializer_list") || argument.text() == "0" || argument.text() == "NULL";
    if (braces || list.is("initializer_list")) continue;
    Proposal proposal = context.draft(call.range(), "build the element in place", "the same constructor is called");
    const Node function = call.field("function").field("field");
    replace(context, proposal, function, "emplace_back");
    replace(context, proposal, made, spelled(list).substr(1, spelled(list).size() - 2));
    context.emit(std::move(proposal));
  }
}

void find_noexcept(const Context& context) {
  for (const CFunction& function : context.info.functions) {
    if (function.owner.empty() || function.is_noexcept || !function.body || function.parameters.size() != 1) continue;
    if (function.name != function.owner && function.name != "operator=") continue;
    const CType& type = function.parameters[0].type;
    if (!type.rvalue || type.name() != function.owner || !context.wanted(function.node.range())) continue;
    bool throws = !code::descendants(function.body, {"throw_statement", "new_expression"}).empty();
    for (const Node& call : code::descendants(function.node, {"call_expression"})) {
      const std::string name = code::callee_name(call);
      throws |= name != "move" && name != "swap" && name != "exchange" && name != "forward" && name != "free" &&
                name != "reset" && name != "release";
    }
    if (throws) continue;
    Proposal proposal = context.draft(function.node.range(), "declare the move of " + function.owner + " noexcept",
                                      "it only moves, swaps and exchanges members; assumed: those do not throw");
    for (const Node& declarator : declarators_of(context.facts, function)) {
      const std::string text = spelled(declarator.field("parameters"));
      if (text.find("&&") == std::string::npos || declarator.text().find("noexcept") != std::string_view::npos)
        continue;
      const std::uint32_t at = declarator.field("parameters").range().end;
      replace(proposal, path_of(context, declarator), {at, at}, " noexcept");
    }
    context.emit(std::move(proposal));
  }
}

void find_final(const Context& context) {
  for (const CRecord& record : context.info.records) {
    if (record.is_final || record.virtual_methods.empty() || record.name.empty() || record.bases.empty()) continue;
    if (!context.wanted(record.node.range()) && !context.info.identifiers.contains(record.name)) continue;
    bool derived = false;
    for (const std::shared_ptr<const CFile>& file : context.facts.files()) {
      for (const CRecord& other : file->records) {
        derived |= std::find(other.bases.begin(), other.bases.end(), record.name) != other.bases.end();
      }
      const auto found = file->identifiers.find(record.name);
      if (found == file->identifiers.end()) continue;
      for (const Node& node : found->second)
        derived |= node.is("preproc_arg") || static_cast<bool>(node.ancestor({"base_class_clause"}));
    }
    const Node name = record.node.field("name");
    if (derived || !name.is("type_identifier") || record.node.parent().is("template_declaration")) continue;
    Range site = record.node.range();
    if (!context.wanted(site)) continue;
    Proposal proposal = context.draft(site, "make class " + record.name + " final",
                                      "nothing in the project derives from " + record.name);
    replace(proposal, context.file.path, {name.range().end, name.range().end}, " final");
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made move_last_use() {
  return make({"cpp/move-last-use", Language::kCpp, 1.05}, find_move);
}

Made emplace() {
  return make({"cpp/emplace", Language::kCpp, 1.02}, find_emplace);
}

Made noexcept_move() {
  return make({"cpp/noexcept-move", Language::kCpp, 1.1}, find_noexcept);
}

Made final_class() {
  return make({"cpp/final-class", Language::kCpp, 1.02}, find_final);
}

}  // namespace jarvis2::edit::cpp
