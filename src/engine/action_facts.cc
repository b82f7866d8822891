#include "engine/action_facts.h"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace jarvis2::engine {
namespace {

bool one_of(std::string_view kind, std::initializer_list<std::string_view> kinds) {
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

bool is_loop(std::string_view kind) {
  return one_of(kind, {"for_statement", "while_statement", "do_statement", "for_range_loop", "list_comprehension",
                       "set_comprehension", "dictionary_comprehension", "generator_expression"});
}

std::uint32_t language_code(code::Language language) {
  switch (language) {
    case code::Language::kPython:
      return 1;
    case code::Language::kC:
      return 2;
    case code::Language::kCpp:
      return 3;
    default:
      return 0;
  }
}

}  // namespace

learn::ActionFacts action_facts(const edit::Action& action, const code::Workspace& workspace,
                                const edit::Catalogue& catalogue) {
  learn::ActionFacts facts;
  facts.rule = action.rule;
  facts.kind = static_cast<std::uint32_t>(action.kind);
  facts.always_safe = action.safety == edit::Safety::kAlwaysSafe;
  facts.in_group = !action.group.empty();
  facts.share = static_cast<float>(action.share);
  facts.line_share = static_cast<float>(action.line_share);
  facts.log_prior_ratio = static_cast<float>(std::log(std::max(0.5, action.prior_ratio)));
  facts.requirements = static_cast<float>(action.requires_actions.size());
  facts.supersedes = static_cast<float>(action.supersedes.size());
  facts.replacements = static_cast<float>(action.replacements.size());
  for (edit::ActionId other = 0; other < catalogue.size(); ++other) {
    if (other != action.id && catalogue.conflict(action.id, other)) facts.conflicts += 1;
  }
  for (const edit::Replacement& part : action.replacements) {
    facts.bytes_delta += static_cast<float>(part.text.size()) - static_cast<float>(part.range.size());
  }
  const code::SourceFile* file = workspace.find(action.path);
  if (file == nullptr || action.site.end > file->tree->text().size()) return facts;
  facts.language = language_code(file->tree->language());
  const code::Node site = file->tree->at(action.site);
  for (code::Node up = site; up; up = up.parent()) {
    if (up.is("function_definition")) break;
    if (is_loop(up.kind())) facts.loop_depth += 1;
  }
  facts.site_lines = static_cast<float>(site.end_line() - site.line() + 1);
  code::walk(site, [&](code::Node node) {
    const std::string_view kind = node.kind();
    if (one_of(kind, {"call", "call_expression"})) facts.calls += 1;
    if (one_of(kind, {"if_statement", "conditional_expression", "switch_statement", "match_statement"}))
      facts.branches += 1;
    if (is_loop(kind)) facts.loops += 1;
    if (one_of(kind, {"subscript", "subscript_expression"})) facts.subscripts += 1;
    if (one_of(kind, {"attribute", "field_expression"})) facts.attributes += 1;
    if (one_of(kind, {"binary_operator", "binary_expression", "augmented_assignment", "unary_operator"}))
      facts.arithmetic += 1;
    if (one_of(kind, {"list", "dictionary", "set", "tuple", "list_comprehension", "new_expression", "set_comprehension",
                      "dictionary_comprehension", "compound_literal_expression"})) {
      facts.allocations += 1;
    }
    return true;
  });
  return facts;
}

std::string site_text(const edit::Action& action, const code::Workspace& workspace) {
  const code::SourceFile* file = workspace.find(action.path);
  if (file == nullptr || action.site.end > file->tree->text().size()) return action.rule + " " + action.title;
  const std::uint32_t first = file->tree->line_of(action.site.begin);
  const std::uint32_t last = file->tree->line_of(action.site.end);
  const code::Range from = file->tree->line_range(first > 2 ? first - 2 : 1);
  code::Range to = file->tree->line_range(last + 2);
  if (to.end == 0) to.end = static_cast<std::uint32_t>(file->tree->text().size());
  return file->tree->text().substr(from.begin, std::min<std::uint32_t>(to.end - from.begin, 4000));
}

}  // namespace jarvis2::engine
