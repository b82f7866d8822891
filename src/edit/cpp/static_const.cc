// cpp/regex-once: a std::regex made from a literal in a function is made once (`static const`).
// c/static-const-table: a local array of constants, or in C++ a container filled from constants, that is never modified
// is built once instead of at every call.
// Preconditions: the initialiser holds literals and constants only; the variable is never written and its address does
// not leave the function through a non-const pointer. C++11 makes the initialisation thread-safe.
#include <algorithm>

#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

bool constant(const CFacts& facts, Node value) {
  if (!value) return false;
  for (const Node& name :
       code::descendants(value, {"identifier", "call_expression", "lambda_expression", "this", "field_expression"})) {
    if (!name.is("identifier")) return false;
    const CVariable variable = facts.resolve(name);
    if (variable) {
      const bool fixed = variable.is_constexpr || (variable.type.is_const && variable.storage == CStorage::kGlobal);
      if (!fixed || (variable.storage == CStorage::kMember && !variable.is_static)) return false;
      continue;
    }
    const std::string text = spelled(name);
    const bool macro_or_enum = std::all_of(text.begin(), text.end(), [](char c) {
      return std::isupper(static_cast<unsigned char>(c)) || std::isdigit(static_cast<unsigned char>(c)) || c == '_';
    });
    if (!macro_or_enum) return false;
  }
  return true;
}

void find_static_const(const Context& context, bool regex) {
  for (const Node& declaration : context.nodes({"declaration"})) {
    if (!context.facts.enclosing_function(declaration) || !declaration.parent().is("compound_statement")) continue;
    for (const CVariable& local : context.info.locals) {
      if (local.declaration != declaration || local.is_static || local.is_constexpr || !local.value ||
          local.type.reference || local.type.pointers > 0)
        continue;
      int declarators = 0;
      for (const Node& child : code::named_children(declaration)) {
        declarators += child.is("init_declarator") || child.is("identifier") || child.is("array_declarator") ? 1 : 0;
      }
      if (declarators != 1) continue;
      const std::string kind = local.type.name();
      static const std::set<std::string> kContainers = {"map",    "unordered_map", "set",  "unordered_set",
                                                        "vector", "string",        "array"};
      if (regex != (kind == "regex")) continue;
      const bool table = local.type.arrays > 0 &&
                         (CFacts::is_integer(CType{local.type.base}) || CFacts::is_floating(CType{local.type.base}));
      if (!regex) {
        if (!table && !(context.cpp() && kContainers.contains(kind) && kind != "string" && kind != "array")) continue;
        const std::size_t parts = code::named_children(local.value).size();
        if (!local.value.is("initializer_list") || parts < 4) continue;
      }
      if (!constant(context.facts, local.value) || !context.facts.never_modified(local)) continue;
      const Node type = declaration.field("type");
      if (!type) continue;
      Proposal proposal = context.draft(declaration.range(), "build " + local.name + " once",
                                        local.name + " is made of constants and never modified");
      replace(proposal, context.file.path, {declaration.range().begin, declaration.range().begin},
              local.type.is_const ? "static " : "static const ");
      context.emit(std::move(proposal));
    }
  }
}

}  // namespace

Made regex_once() {
  return make({"cpp/regex-once", Language::kCpp, 2.0},
              [](const Context& context) { find_static_const(context, true); });
}

Made static_const_table() {
  return make({"c/static-const-table", Language::kC, 1.1},
              [](const Context& context) { find_static_const(context, false); });
}

}  // namespace jarvis2::edit::cpp
