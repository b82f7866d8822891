#include <algorithm>
#include <regex>

#include "edit/rule_conditions.h"

namespace jarvis2::edit {
namespace {

using code::CFacts;
using code::CType;
using code::CVariable;
using code::Node;
using code::Range;

bool is_simple(Node node) {
  node = code::bare(node);
  return node.is("identifier") || node.is("number_literal") || node.is("char_literal") || node.is("true") ||
         node.is("false") || node.is("null") || node.is("this");
}

bool is_cheap(Node node) {
  node = code::bare(node);
  if (is_simple(node)) return true;
  if (node.is("field_expression")) return is_cheap(node.field("argument"));
  if (node.is("binary_expression")) {  // an index such as i - 1
    const std::string_view op = node.field("operator").text();
    return (op == "+" || op == "-") && is_simple(node.field("left")) && is_simple(node.field("right"));
  }
  if (node.is("subscript_expression")) {
    const std::vector<Node> parts = node.children();
    return std::all_of(parts.begin(), parts.end(), [](const Node& part) {
      return part.is("subscript_argument_list") ? part.children().size() == 1 && is_cheap(part.children().front())
                                                : is_cheap(part);
    });
  }
  return node.is("unary_expression") && is_simple(node.field("argument"));
}

bool simple(const ConditionContext& context, const WhereClause& clause) {
  const std::vector<Node> nodes = context.captures_of(clause.argument("var"));
  return std::all_of(nodes.begin(), nodes.end(), is_simple);
}

bool cheap(const ConditionContext& context, const WhereClause& clause) {
  const std::vector<Node> nodes = context.captures_of(clause.argument("var"));
  return std::all_of(nodes.begin(), nodes.end(), is_cheap);
}

bool pure(const ConditionContext& context, const WhereClause& clause) {
  const std::vector<Node> nodes = context.captures_of(clause.argument("var"));
  return std::all_of(nodes.begin(), nodes.end(),
                     [&](const Node& node) { return context.c().effect(node) != code::CEffect::kWrites; });
}

bool invariant(const ConditionContext& context, const WhereClause& clause) {
  const std::vector<Node> region = region_of(context, clause.argument("in"));
  if (region.empty()) return false;
  for (const Node& node : context.captures_of(clause.argument("var"))) {
    for (const Node& part : region) {
      const code::CInvariance found = context.c().invariant(node, part);
      if (!found.holds || (clause.argument("certain") == "true" && !found.certain)) return false;
    }
  }
  return true;
}

bool never_modified(const ConditionContext& context, const WhereClause& clause) {
  const std::vector<Node> region = region_of(context, clause.argument("in"));
  const CVariable variable = context.c().resolve(code::bare(context.capture(clause.argument("var"))));
  if (!variable || region.empty()) return false;
  return std::all_of(region.begin(), region.end(),
                     [&](const Node& part) { return context.c().never_modified(variable, part); });
}

bool in_loop(const ConditionContext& context, const WhereClause&) {
  return !region_of(context, "loop").empty();
}

bool in_function(const ConditionContext& context, const WhereClause&) {
  return context.c().enclosing_function(context.node()) != nullptr;
}

bool local(const ConditionContext& context, const WhereClause& clause) {
  const CVariable variable = context.c().resolve(code::bare(context.capture(clause.argument("var"))));
  return variable && (variable.storage == code::CStorage::kLocal || variable.storage == code::CStorage::kParameter);
}

bool parameter(const ConditionContext& context, const WhereClause& clause) {
  const CVariable variable = context.c().resolve(code::bare(context.capture(clause.argument("var"))));
  return variable && variable.storage == code::CStorage::kParameter;
}

bool used_only_here(const ConditionContext& context, const WhereClause& clause) {
  const CVariable variable = context.c().resolve(code::bare(context.capture(clause.argument("var"))));
  if (!variable || variable.storage != code::CStorage::kLocal) return false;
  const Range here = context.range();
  const std::vector<code::CUseOf> uses = context.c().uses(variable);
  return std::all_of(uses.begin(), uses.end(),
                     [&](const code::CUseOf& use) { return here.contains(use.node.range()); });
}

bool not_used_in(const ConditionContext& context, const WhereClause& clause) {
  const Node name = code::bare(context.capture(clause.argument("var")));
  return name.kind().ends_with("identifier") && !mentions(region_of(context, clause.argument("in")), name.text());
}

// Nobody but the expression itself can reach the local, so nothing else can change it.
bool does_not_escape(const ConditionContext& context, const WhereClause& clause) {
  const CVariable variable = context.c().resolve(code::bare(context.capture(clause.argument("var"))));
  return variable && !context.c().escapes(variable);
}

bool type_fits(const CFacts& facts, const CType& spelled, std::string_view wanted) {
  const CType type = facts.resolved(spelled);
  if (wanted == "integer") return CFacts::is_integer(type) && type.pointers == 0 && type.arrays == 0;
  if (wanted == "floating") return CFacts::is_floating(type) && type.pointers == 0 && type.arrays == 0;
  if (wanted == "unsigned") return CFacts::is_unsigned(type) && type.pointers == 0 && type.arrays == 0;
  if (wanted == "pointer") return type.known() && type.pointers > 0;
  if (wanted == "large") return facts.is_large(type);
  if (wanted == "known") return type.known();
  const bool value = type.known() && type.pointers == 0 && type.arrays == 0 && !type.function;
  return value && (type.base == wanted || type.name() == wanted);
}

bool type(const ConditionContext& context, const WhereClause& clause) {
  const Node node = code::bare(context.capture(clause.argument("var")));
  if (!node) return false;
  const bool names_type = node.is("type_identifier") || node.is("primitive_type") || node.is("template_type") ||
                          node.is("qualified_identifier") || node.is("sized_type_specifier") ||
                          node.is("type_descriptor");
  CType found = context.c().type_of(node);
  if (!found.known() && names_type) found = code::parse_c_type(node.text());
  const std::string& expression = clause.argument("regex");
  if (!expression.empty()) {
    return found.known() && std::regex_search(context.c().resolved(found).text(), std::regex(expression));
  }
  std::string wanted = clause.argument("is") + "|";
  for (std::size_t at = 0, bar = wanted.find('|'); bar != std::string::npos; at = bar + 1, bar = wanted.find('|', at)) {
    const std::string_view one = std::string_view(wanted).substr(at, bar - at);
    if (!one.empty() && type_fits(context.c(), found, one)) return true;
  }
  return false;
}

// The container's elements are of the named type.
bool element_type(const ConditionContext& context, const WhereClause& clause) {
  const CType container =
      context.c().resolved(context.c().type_of(code::bare(context.capture(clause.argument("var")))));
  const std::string name = container.name();
  if (container.pointers > 0 || (name != "vector" && name != "deque" && name != "list")) return false;
  const std::vector<std::string> arguments = container.arguments();
  const CType wanted = code::parse_c_type(context.capture(clause.argument("is")).text());
  if (arguments.empty() || !wanted.known()) return false;
  const CType element = code::parse_c_type(arguments.front());
  return element.is_value() &&
         (element.base == wanted.base || element.name() == wanted.base || element.base == wanted.name());
}

// A value of this function's own: a local that is not static, or a parameter taken by value.
bool local_value(const ConditionContext& context, const WhereClause& clause) {
  const CVariable variable = context.c().resolve(code::bare(context.capture(clause.argument("var"))));
  return variable && (variable.storage == code::CStorage::kLocal || variable.storage == code::CStorage::kParameter) &&
         !variable.is_static && !variable.structured && variable.type.is_value() && variable.type.base != "auto";
}

// The name is that of the class around the match.
bool constructor(const ConditionContext& context, const WhereClause& clause) {
  const code::CRecord* record = context.c().enclosing_record(context.node());
  return record != nullptr && record->name == context.capture(clause.argument("var")).text();
}

bool includes(const ConditionContext& context, const WhereClause& clause) {
  const code::CFile* file = context.c().file(context.file.path);
  return file != nullptr && file->includes_header(clause.argument("name"));
}

// `std::x` may be written `x` here.
bool using_std(const ConditionContext& context, const WhereClause&) {
  for (const code::Index at :
       context.tree.with_symbol(code::FlatTree::symbol_of(context.tree.language(), "using_declaration"))) {
    const std::string_view text = context.tree.text(at);
    if (text.find("namespace") != std::string_view::npos && text.find("std") != std::string_view::npos) return true;
  }
  return false;
}

// The plain name means the library's function: nobody in the workspace defines it, as function, macro or variable.
bool library(const ConditionContext& context, const WhereClause& clause) {
  std::string names = clause.argument("name") + " ";
  for (std::size_t at = 0, blank = names.find(' '); blank != std::string::npos;
       at = blank + 1, blank = names.find(' ', at)) {
    const std::string name = names.substr(at, blank - at);
    if (name.empty()) continue;
    if (!context.c().functions(name).empty()) return false;
    for (const std::shared_ptr<const code::CFile>& file : context.c().files()) {
      if (file->macros.contains(name) || file->locals_by_name.contains(name)) return false;
      for (const CVariable& global : file->globals) {
        if (global.name == name) return false;
      }
    }
  }
  return true;
}

bool fresh_name(const ConditionContext& context, const WhereClause& clause) {
  const std::string base = clause.argument("base");
  std::string name = base;
  for (int count = 2; context.c().count_identifier(name) > 0; ++count) name = base + "_" + std::to_string(count);
  context.texts[clause.argument("var").substr(1)] = name;
  return true;
}

bool no_jump(const ConditionContext& context, const WhereClause& clause) {
  bool jumps = false;
  for (const Node& node : context.captures_of(clause.argument("var"))) {
    code::walk(node, [&](Node at) {
      if (at.is("lambda_expression")) return false;
      jumps = jumps || at.is("return_statement") || at.is("goto_statement") || at.is("break_statement") ||
              at.is("continue_statement") || at.is("throw_statement") || at.is("labeled_statement") ||
              at.is("co_await_expression") || at.is("co_yield_statement");
      return !jumps;
    });
  }
  return !jumps;
}

// A number that is a power of two, written as an integer literal.
bool power_of_two(const ConditionContext& context, const WhereClause& clause) {
  const Node node = code::bare(context.capture(clause.argument("var")));
  if (!node.is("number_literal")) return false;
  std::string text(node.text());
  text.erase(std::remove(text.begin(), text.end(), '\''), text.end());
  while (!text.empty() && std::string_view("uUlL").find(text.back()) != std::string_view::npos) text.pop_back();
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos || text.size() > 18 || text[0] == '0') {
    return false;
  }
  const unsigned long long value = std::stoull(text);
  return (value & (value - 1)) == 0;
}

}  // namespace

const std::vector<Condition>& c_conditions() {
  static const std::vector<Condition> kConditions = {
      {"simple", "c", "!var", "a name, a literal or `this`", simple},
      {"cheap", "c", "!var", "names, literals, members and subscripts of these, sums of two names", cheap},
      {"pure", "c", "!var", "evaluating it changes nothing", pure},
      {"invariant", "c", "!var in certain",
       "the same value each time in the region (default: the loop); certain: true forbids assumptions on aliasing",
       invariant},
      {"never_modified_in_loop", "c", "!var", "the variable keeps its value in the innermost loop", never_modified},
      {"never_modified", "c", "!var !in", "the variable keeps its value in the region", never_modified},
      {"in_loop", "c", "var", "the match is inside a loop of its function", in_loop},
      {"in_function", "c", "var", "the match is inside a function", in_function},
      {"local", "c", "!var", "a local variable or parameter", local},
      {"parameter", "c", "!var", "a parameter of the function", parameter},
      {"used_only_here", "c", "!var", "every use of the local variable lies in the match", used_only_here},
      {"not_used_in", "c", "!var !in", "the name does not occur in the region", not_used_in},
      {"does_not_escape", "c", "!var", "the variable's address is known to nobody", does_not_escape},
      {"type", "c", "!var is regex",
       "the spelled type, typedefs resolved: matches `regex`, or is one of integer, floating, unsigned, pointer, "
       "large, "
       "known, or a plain name such as string or vector (several with |)",
       type},
      {"element_type", "c", "!var !is", "the vector, deque or list holds elements of the named type", element_type},
      {"local_value", "c", "!var", "a local that is not static, or a parameter taken by value", local_value},
      {"constructor", "c", "!var", "the name is that of the class around the match", constructor},
      {"includes", "c", "!name", "the file includes this header", includes},
      {"using_std", "c", "var", "the file says `using namespace std`", using_std},
      {"library", "c", "!name", "these names (with blanks between) are defined nowhere in the workspace", library},
      {"fresh_name", "c", "!var !base", "binds the variable to a name that no file uses", fresh_name},
      {"no_jump", "c", "!var", "no return, goto, break, continue, throw or label in the code", no_jump},
      {"power_of_two", "c", "!var", "an integer literal that is a power of two", power_of_two},
  };
  return kConditions;
}

}  // namespace jarvis2::edit
