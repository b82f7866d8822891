// c/function-o3: a hot function with loops is compiled with -O3 (vectorised, unrolled) while the rest keeps its level.
// c/function-multiversion: such a function is compiled for AVX2 too and the machine chooses at run time (Linux,
// x86-64); AVX2 without FMA, so floating point results stay bit-identical. c/cold-error-path: a function that only
// reports and ends (throw, exit, abort) is kept out of line. Preconditions: ordinary definitions; not inline,
// constexpr, virtual, templates or variadic (multiversion).
#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

bool attributed(const CFunction& function) {
  return function.node.text().substr(0, 300).find("__attribute__") != std::string_view::npos;
}

bool numeric_loop(const CFacts& facts, const CFunction& function) {
  for (const Node& loop :
       code::descendants(function.body, {"for_statement", "while_statement", "do_statement", "for_range_loop"})) {
    // Loops that mostly call elsewhere gain nothing from wider instructions.
    const CRegion& region = facts.region(loop);
    if (region.world || !region.unknown_calls.empty()) continue;
    for (const Node& node : code::descendants(loop, {"subscript_expression", "pointer_expression"})) {
      const CType type = facts.type_of(node);
      if (CFacts::is_integer(type) || CFacts::is_floating(type)) return true;
    }
  }
  return false;
}

bool ordinary(const CFunction& function) {
  const std::string_view head = function.node.text().substr(0, 200);
  return function.body && !function.name.empty() && !function.node.parent().is("template_declaration") &&
         !function.is_template && head.find("constexpr") == std::string_view::npos &&
         head.find("consteval") == std::string_view::npos;
}

void find_o3(const Context& context) {
  for (const CFunction& function : context.info.functions) {
    if (!ordinary(function) || !context.wanted(function.node.range()) || attributed(function)) continue;
    if (!numeric_loop(context.facts, function)) continue;
    Proposal proposal = context.draft(function.node.range(), "compile " + function.name + "() with -O3",
                                      "GCC's optimize attribute; other compilers ignore it");
    replace(proposal, context.file.path, {function.node.range().begin, function.node.range().begin},
            "__attribute__((optimize(\"O3\"))) ");
    context.emit(std::move(proposal));
  }
}

void find_clones(const Context& context) {
  for (const CFunction& function : context.info.functions) {
    if (!ordinary(function) || !context.wanted(function.node.range()) || attributed(function)) continue;
    if (function.is_virtual || function.is_inline || function.node.parent().is("field_declaration_list")) continue;
    if (function.name == "main" || function.declarator.field("parameters").text().find("...") != std::string_view::npos)
      continue;
    if (!numeric_loop(context.facts, function)) continue;
    Proposal proposal =
        context.draft(function.node.range(), "compile " + function.name + "() for AVX2 too, chosen at run time",
                      "needs GCC or Clang with ifunc on x86-64 (glibc); the plain function runs on older machines");
    replace(proposal, context.file.path, {function.node.range().begin, function.node.range().begin},
            "__attribute__((optimize(\"O3\"), target_clones(\"avx2\", \"default\"))) ");
    context.emit(std::move(proposal));
  }
}

void find_cold(const Context& context) {
  for (const CFunction& function : context.info.functions) {
    if (!ordinary(function) || attributed(function) || function.name == "main" || function.is_virtual) continue;
    const std::vector<Node> statements = code::named_children(function.body);
    if (statements.empty() || statements.size() > 8) continue;
    const Node last = statements.back();
    bool ends = last.is("throw_statement");
    if (last.is("expression_statement") && last.named(0).is("call_expression")) {
      const std::string name = code::callee_name(last.named(0));
      ends = name == "exit" || name == "abort" || name == "_exit" || name == "longjmp";
    }
    if (!ends || !code::descendants(function.body, {"return_statement"}).empty()) continue;
    const std::optional<Range> site = context.site_of(function);
    if (!site) continue;
    Proposal proposal = context.draft(*site, "keep " + function.name + "() out of line and out of the way",
                                      "it always ends the program or throws");
    replace(proposal, context.file.path, {function.node.range().begin, function.node.range().begin},
            "__attribute__((cold, noinline)) ");
    if (function.is_inline) continue;
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made function_o3() {
  return make({"c/function-o3", Language::kC, 1.07}, find_o3);
}

Made function_multiversion() {
  return make({"c/function-multiversion", Language::kC, 1.00}, find_clones);
}

Made cold_error_path() {
  return make({"c/cold-error-path", Language::kC, 1.01}, find_cold);
}

}  // namespace jarvis2::edit::cpp
