// c/strlen-to-terminator: `i < strlen(s)` becomes `s[i] != '\0'` in a loop that walks s from its begin.
// Preconditions: i starts at 0 and steps by 1; in the loop s itself does not change and is written at s[i] only.
// Assumed: no '\0' is written before the end (strlen would then stop at once, the new test one step later).
#include <algorithm>

#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

void find_strlen_to_terminator(const Context& context) {
  for (const Node& loop : context.nodes({"for_statement"})) {
    const std::optional<CountedLoop> form = counted(context.facts, loop);
    if (!form || form->step != 1 || form->op != "<") continue;
    if (integer_value(context.facts, form->begin) != 0) continue;
    const Node call = code::bare(form->bound);
    Node bound = call;
    if (bound.is("cast_expression")) bound = code::bare(bound.field("value"));
    if (!bound.is("call_expression") || code::callee_name(bound) != "strlen") continue;
    const std::vector<Node> arguments = code::call_arguments(bound);
    if (arguments.size() != 1 || !arguments[0].is("identifier")) continue;
    const CVariable text = context.facts.resolve(arguments[0]);
    if (!text || (text.type.pointers != 1 && text.type.arrays != 1)) continue;
    const std::string index = form->variable.name;
    const Node body = code::loop_body(loop);
    const std::vector<CUseOf> uses = context.facts.uses(text, body);
    bool written = false;
    const bool fits = std::all_of(uses.begin(), uses.end(), [&](const CUseOf& use) {
      if (use.use == CUse::kRead) return true;
      if (use.use != CUse::kElementWrite) return false;
      written = true;
      return use.place.text() == text.name + "[" + index + "]";
    });
    if (!fits) continue;
    const CRegion& region = context.facts.region(body);
    if (std::any_of(region.elements.begin(), region.elements.end(), [&](const std::string& name) {
          return name != text.name && region.element_types.contains("char");
        })) {
      // Another char array is written: it must not be made from s.
      bool linked = false;
      for (const CVariable& local : context.info.locals) {
        if (region.elements.contains(local.name) && local.name != text.name && local.scope.overlaps(loop.range())) {
          linked |= context.facts.linked(local, text);
        }
      }
      if (linked) continue;
    }
    std::string note = "the loop walks " + text.name + " from its begin to its end";
    if (written) note += "; assumed: it writes no '\\0' before the end";
    Proposal proposal =
        context.draft(loop.range(), "test for the end of " + text.name + " instead of strlen() every time", note);
    replace(context, proposal, code::bare(loop.field("condition")), text.name + "[" + index + "] != '\\0'");
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made strlen_to_terminator() {
  return make({"c/strlen-to-terminator", Language::kC, 1.08}, find_strlen_to_terminator);
}

}  // namespace jarvis2::edit::cpp
