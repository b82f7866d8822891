// c/internal-linkage: a function that only its own file uses becomes `static`: the compiler may then inline all calls
// and drop the original. c/always-inline: a small function called in a loop is inlined at every call. Preconditions:
// free functions; the name occurs in no other file and in no macro; not main; for always_inline also not recursive, not
// variadic, not virtual, and visible to the compiler at all calls (static, in a class, or of one file).
#include <algorithm>

#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

bool only_here(const Context& context, const CFunction& function) {
  for (const std::shared_ptr<const CFile>& file : context.facts.files()) {
    const auto found = file->identifiers.find(function.name);
    if (found == file->identifiers.end()) continue;
    if (file->path != function.path) return false;
    for (const Node& node : found->second) {
      if (node.is("preproc_arg")) return false;
    }
  }
  return true;
}

bool anonymous(Node node) {
  for (Node up = node.parent(); up; up = up.parent()) {
    if (up.is("namespace_definition") && !up.field("name")) return true;
  }
  return false;
}

// A macro that the parser was not shown may export the function.
bool after_macro(Node node) {
  const std::string& text = node.tree().text();
  std::uint32_t at = node.range().begin;
  while (at > 0 && text[at - 1] != '\n') --at;
  for (; at < node.range().begin; ++at) {
    if (text[at] != ' ' && text[at] != '\t') return true;
  }
  return false;
}

bool plain_definition(const CFunction& function) {
  if (function.name.empty() || function.name == "main" || !function.body || function.name.starts_with("operator"))
    return false;
  const Node parent = function.node.parent();
  return !parent.is("template_declaration") && function.qualified.find("::~") == std::string::npos;
}

void find_static(const Context& context) {
  for (const CFunction& function : context.info.functions) {
    if (!plain_definition(function) || function.is_static || !function.owner.empty()) continue;
    if (function.path.ends_with(".h") || function.path.ends_with(".hpp") || function.is_inline) continue;
    if (anonymous(function.node) || function.node.ancestor({"linkage_specification"})) continue;
    if (after_macro(function.node)) continue;
    if (!context.wanted(function.node.range()) || !only_here(context, function)) continue;
    if (context.facts.functions(function.name).size() != 1) continue;
    if (function.node.text().starts_with("extern")) continue;
    // A name that nothing uses is there for others: a library's or a loader's.
    const auto found = context.info.identifiers.find(function.name);
    const bool called = std::any_of(found->second.begin(), found->second.end(), [](const Node& name) {
      return name.parent().is("call_expression") || name.parent().is("argument_list");
    });
    if (!called) continue;
    Proposal proposal = context.draft(function.node.range(), "make " + function.name + "() static",
                                      "no other file of the project names " + function.name);
    for (const Node& declarator : declarators_of(context.facts, function)) {
      Node declaration = declarator.parent();
      while (declaration && !declaration.is("declaration") && !declaration.is("function_definition"))
        declaration = declaration.parent();
      if (!declaration) continue;
      if (declaration.text().starts_with("extern")) {
        proposal.changes.clear();
        break;
      }
      replace(proposal, context.file.path, {declaration.range().begin, declaration.range().begin}, "static ");
    }
    context.emit(std::move(proposal));
  }
}

void find_inline(const Context& context) {
  for (const CFunction& function : context.info.functions) {
    if (!plain_definition(function) || function.is_virtual || function.body.range().size() > 700) continue;
    if (code::named_children(function.body).empty()) continue;
    const bool in_class = function.node.parent().is("field_declaration_list");
    const bool header =
        function.path.ends_with(".h") || function.path.ends_with(".hpp") || function.path.ends_with(".hh");
    const bool visible = function.is_static || function.is_inline || in_class || anonymous(function.node) ||
                         (context.cpp() && !header && only_here(context, function) &&
                          function.qualified.find("::") == std::string::npos);
    if (!visible ||
        (function.is_static && header && context.cpp() && function.owner.empty() && !function.is_inline && false))
      continue;
    if (function.node.text().substr(0, 200).find("__attribute__") != std::string_view::npos) continue;
    bool fits = true;
    for (const Node& node : code::descendants(
             function.body, {"call_expression", "goto_statement", "labeled_statement", "try_statement"})) {
      fits = fits && node.is("call_expression") && code::callee_name(node) != function.name;
    }
    if (!fits || function.declarator.field("parameters").text().find("...") != std::string_view::npos) continue;
    // Its address would still be a call; a call in a loop is what pays.
    std::optional<Range> site;
    const auto found = context.info.identifiers.find(function.name);
    if (found == context.info.identifiers.end()) continue;
    for (const Node& name : found->second) {
      Node up = name.parent();
      while (up.is("field_expression") || up.is("qualified_identifier")) up = up.parent();
      if (!up.is("call_expression") || !code::enclosing_loop(up) || function.node.range().contains(up.range()))
        continue;
      if (context.wanted(function.node.range())) {
        site = function.node.range();
      } else if (context.wanted(up.range())) {
        site = up.range();
      }
      if (site) break;
    }
    if (!site) continue;
    Proposal proposal =
        context.draft(*site, "inline " + function.name + "() at every call", "the same code, more of it");
    replace(
        proposal, context.file.path, {function.node.range().begin, function.node.range().begin},
        function.is_inline || in_class ? "__attribute__((always_inline)) " : "__attribute__((always_inline)) inline ");
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made internal_linkage() {
  return make({"c/internal-linkage", Language::kC, 1.03}, find_static);
}

Made always_inline() {
  return make({"c/always-inline", Language::kC, 1.00}, find_inline);
}

}  // namespace jarvis2::edit::cpp
