// c/restrict: the pointer parameters of a function that stores through one of them in a loop are declared not to
// overlap. Preconditions: at least two pointers to numbers, one stored through; no call in the workspace passes two
// arguments made from one variable; none of them is assigned from another in the function. Assumed: no caller outside
// the workspace passes overlapping memory.
#include <algorithm>

#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

void find_restrict(const Context& context) {
  for (const CFunction& function : context.info.functions) {
    if (!function.body || !context.wanted(function.node.range()) || function.is_virtual) continue;
    std::vector<const CVariable*> pointers;
    std::vector<std::size_t> positions;
    for (std::size_t i = 0; i < function.parameters.size(); ++i) {
      const CVariable& parameter = function.parameters[i];
      const Node declarator = parameter.declarator;
      if (parameter.type.pointers != 1 || parameter.type.reference || !declarator.is("pointer_declarator")) continue;
      if (declarator.text().find("restrict") != std::string_view::npos ||
          declarator.text().find("const") != std::string_view::npos)
        continue;
      CType element = context.facts.resolved(parameter.type);
      element.pointers = 0;
      if (!CFacts::is_integer(element) && !CFacts::is_floating(element)) continue;
      pointers.push_back(&parameter);
      positions.push_back(i);
    }
    if (pointers.size() < 2) continue;
    bool stored = false;
    bool read = false;
    for (const Node& loop : code::descendants(function.body, {"for_statement", "while_statement", "do_statement"})) {
      const CRegion& region = context.facts.region(loop);
      for (const CVariable* pointer : pointers) {
        const bool written = region.elements.contains(pointer->name);
        stored |= written;
        read |= !written && region.read_elements.contains(pointer->name);
      }
    }
    if (!stored || !read) continue;
    bool apart = true;
    for (const CVariable* a : pointers) {
      for (const CVariable* b : pointers) apart = apart && (a == b || !context.facts.linked(*a, *b));
    }
    for (const std::shared_ptr<const CFile>& file : context.facts.files()) {
      const auto found = file->identifiers.find(function.name);
      if (found == file->identifiers.end()) continue;
      for (const Node& name : found->second) {
        const Node call = name.parent().is("call_expression") ? name.parent() : name.parent().parent();
        if (!call.is("call_expression") || code::callee_name(call) != function.name) continue;
        const std::vector<Node> arguments = code::call_arguments(call);
        std::set<std::string> roots;
        for (const std::size_t position : positions) {
          if (position >= arguments.size()) continue;
          const Node root = code::root_of(arguments[position]);
          apart = apart && root && roots.insert(spelled(arguments[position])).second &&
                  roots.insert(spelled(root) + "@").second;
        }
      }
    }
    if (!apart) continue;
    Proposal proposal = context.draft(
        function.node.range(), "tell the compiler that the arrays of " + function.name + "() do not overlap",
        "no call in the project passes the same variable twice; assumed of callers elsewhere");
    for (const CVariable* pointer : pointers) {
      const std::uint32_t star = pointer->declarator.range().begin;
      replace(proposal, context.file.path, {star + 1, star + 1}, " __restrict ");
    }
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made restrict_parameters() {
  return make({"c/restrict", Language::kC, 1.1}, find_restrict);
}

}  // namespace jarvis2::edit::cpp
