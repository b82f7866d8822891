#include "code/outline.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "code/outline_parts.h"

namespace jarvis2::code {
namespace {

enum class Role : std::uint8_t {
  kNone,
  kFunction,
  kDeclaration,  // a function without a body
  kContainer,
  kType,
  kMacro,
  kVariable,
  kScope,    // names its members, is no symbol (Rust's impl)
  kWrapper,  // belongs to the definition in it: decorators, template heads, export
  kCall,
  kInherit,
  kImport,
  kComment,
  kBranch,
  kLogical,    // a decision when its operator is && or ||
  kAttribute,  // may stand between a comment and its definition
};

struct Entry {
  std::string_view kind;
  Role role;
  SymbolKind symbol = SymbolKind::kFunction;
};

using enum Role;
using Kind = SymbolKind;

constexpr Entry kPython[] = {{"function_definition", kFunction},
                             {"class_definition", kContainer, Kind::kClass},
                             {"decorated_definition", kWrapper},
                             {"call", kCall},
                             {"import_statement", kImport},
                             {"import_from_statement", kImport},
                             {"comment", kComment},
                             {"if_statement", kBranch},
                             {"elif_clause", kBranch},
                             {"for_statement", kBranch},
                             {"while_statement", kBranch},
                             {"except_clause", kBranch},
                             {"conditional_expression", kBranch},
                             {"boolean_operator", kBranch},
                             {"case_clause", kBranch},
                             {"for_in_clause", kBranch},
                             {"if_clause", kBranch},
                             {"assignment", kVariable, Kind::kVariable}};
constexpr Entry kC[] = {{"function_definition", kFunction},
                        {"declaration", kDeclaration},
                        {"field_declaration", kDeclaration},
                        {"class_specifier", kContainer, Kind::kClass},
                        {"struct_specifier", kContainer, Kind::kStruct},
                        {"union_specifier", kContainer, Kind::kStruct},
                        {"enum_specifier", kContainer, Kind::kEnum},
                        {"namespace_definition", kContainer, Kind::kModule},
                        {"type_definition", kType, Kind::kType},
                        {"alias_declaration", kType, Kind::kType},
                        {"concept_definition", kType, Kind::kType},
                        {"preproc_def", kMacro, Kind::kMacro},
                        {"preproc_function_def", kMacro, Kind::kMacro},
                        {"preproc_include", kImport},
                        {"template_declaration", kWrapper},
                        {"linkage_specification", kWrapper},
                        {"call_expression", kCall},
                        {"new_expression", kCall},
                        {"base_class_clause", kInherit},
                        {"comment", kComment},
                        {"if_statement", kBranch},
                        {"for_statement", kBranch},
                        {"for_range_loop", kBranch},
                        {"while_statement", kBranch},
                        {"do_statement", kBranch},
                        {"case_statement", kBranch},
                        {"conditional_expression", kBranch},
                        {"catch_clause", kBranch},
                        {"binary_expression", kLogical}};
constexpr Entry kRust[] = {{"function_item", kFunction},
                           {"function_signature_item", kDeclaration},
                           {"struct_item", kContainer, Kind::kStruct},
                           {"union_item", kContainer, Kind::kStruct},
                           {"enum_item", kContainer, Kind::kEnum},
                           {"trait_item", kContainer, Kind::kTrait},
                           {"mod_item", kContainer, Kind::kModule},
                           {"impl_item", kScope},
                           {"type_item", kType, Kind::kType},
                           {"macro_definition", kMacro, Kind::kMacro},
                           {"const_item", kVariable, Kind::kVariable},
                           {"static_item", kVariable, Kind::kVariable},
                           {"call_expression", kCall},
                           {"macro_invocation", kCall},
                           {"use_declaration", kImport},
                           {"line_comment", kComment},
                           {"block_comment", kComment},
                           {"attribute_item", kAttribute},
                           {"if_expression", kBranch},
                           {"match_arm", kBranch},
                           {"while_expression", kBranch},
                           {"for_expression", kBranch},
                           {"loop_expression", kBranch},
                           {"binary_expression", kLogical}};
constexpr Entry kGo[] = {{"function_declaration", kFunction},
                         {"method_declaration", kFunction, Kind::kMethod},
                         {"type_declaration", kWrapper},
                         {"type_spec", kContainer, Kind::kType},
                         {"type_alias", kType, Kind::kType},
                         {"const_spec", kVariable, Kind::kVariable},
                         {"var_spec", kVariable, Kind::kVariable},
                         {"call_expression", kCall},
                         {"import_spec", kImport},
                         {"comment", kComment},
                         {"if_statement", kBranch},
                         {"for_statement", kBranch},
                         {"expression_case", kBranch},
                         {"type_case", kBranch},
                         {"communication_case", kBranch},
                         {"binary_expression", kLogical}};
constexpr Entry kJava[] = {{"class_declaration", kContainer, Kind::kClass},
                           {"record_declaration", kContainer, Kind::kClass},
                           {"interface_declaration", kContainer, Kind::kInterface},
                           {"annotation_type_declaration", kContainer, Kind::kInterface},
                           {"enum_declaration", kContainer, Kind::kEnum},
                           {"method_declaration", kFunction, Kind::kMethod},
                           {"constructor_declaration", kFunction, Kind::kMethod},
                           {"compact_constructor_declaration", kFunction, Kind::kMethod},
                           {"field_declaration", kVariable, Kind::kVariable},
                           {"method_invocation", kCall},
                           {"object_creation_expression", kCall},
                           {"superclass", kInherit},
                           {"super_interfaces", kInherit},
                           {"extends_interfaces", kInherit},
                           {"import_declaration", kImport},
                           {"line_comment", kComment},
                           {"block_comment", kComment},
                           {"if_statement", kBranch},
                           {"for_statement", kBranch},
                           {"enhanced_for_statement", kBranch},
                           {"while_statement", kBranch},
                           {"do_statement", kBranch},
                           {"switch_label", kBranch},
                           {"catch_clause", kBranch},
                           {"ternary_expression", kBranch},
                           {"binary_expression", kLogical}};
constexpr Entry kScript[] = {{"function_declaration", kFunction},
                             {"generator_function_declaration", kFunction},
                             {"method_definition", kFunction, Kind::kMethod},
                             {"function_signature", kDeclaration},
                             {"method_signature", kDeclaration, Kind::kMethod},
                             {"abstract_method_signature", kDeclaration, Kind::kMethod},
                             {"class_declaration", kContainer, Kind::kClass},
                             {"abstract_class_declaration", kContainer, Kind::kClass},
                             {"interface_declaration", kContainer, Kind::kInterface},
                             {"enum_declaration", kContainer, Kind::kEnum},
                             {"internal_module", kContainer, Kind::kModule},
                             {"module", kContainer, Kind::kModule},
                             {"type_alias_declaration", kType, Kind::kType},
                             {"variable_declarator", kVariable, Kind::kVariable},
                             {"public_field_definition", kVariable, Kind::kVariable},
                             {"field_definition", kVariable, Kind::kVariable},
                             {"export_statement", kWrapper},
                             {"lexical_declaration", kWrapper},
                             {"variable_declaration", kWrapper},
                             {"ambient_declaration", kWrapper},
                             {"call_expression", kCall},
                             {"new_expression", kCall},
                             {"class_heritage", kInherit},
                             {"extends_type_clause", kInherit},
                             {"import_statement", kImport},
                             {"comment", kComment},
                             {"if_statement", kBranch},
                             {"for_statement", kBranch},
                             {"for_in_statement", kBranch},
                             {"while_statement", kBranch},
                             {"do_statement", kBranch},
                             {"switch_case", kBranch},
                             {"catch_clause", kBranch},
                             {"ternary_expression", kBranch},
                             {"binary_expression", kLogical}};

struct Rules {
  std::vector<Role> role;        // by grammar symbol
  std::vector<SymbolKind> kind;  // likewise
};

Rules rules_from(Language language, const Entry* begin, const Entry* end) {
  Rules rules;
  const TSLanguage* grammar_rules = grammar(language);
  const std::uint32_t count = ts_language_symbol_count(grammar_rules);
  rules.role.assign(count, kNone);
  rules.kind.assign(count, SymbolKind::kFunction);
  for (std::uint32_t i = 0; i < count; ++i) {
    const TSSymbol symbol = static_cast<TSSymbol>(i);
    if (ts_language_symbol_type(grammar_rules, symbol) != TSSymbolTypeRegular) continue;
    const std::string_view name = ts_language_symbol_name(grammar_rules, symbol);
    const Entry* found = std::find_if(begin, end, [&](const Entry& entry) { return entry.kind == name; });
    if (found == end) continue;
    rules.role[i] = found->role;
    rules.kind[i] = found->symbol;
  }
  return rules;
}

template <std::size_t N>
Rules rules_from(Language language, const Entry (&entries)[N]) {
  return rules_from(language, entries, entries + N);
}

const Rules& rules_of(Language language) {
  static const Rules python = rules_from(Language::kPython, kPython), c = rules_from(Language::kC, kC),
                     cpp = rules_from(Language::kCpp, kC), rust = rules_from(Language::kRust, kRust),
                     go = rules_from(Language::kGo, kGo), java = rules_from(Language::kJava, kJava),
                     javascript = rules_from(Language::kJavaScript, kScript),
                     typescript = rules_from(Language::kTypeScript, kScript), tsx = rules_from(Language::kTsx, kScript);
  switch (language) {
    case Language::kC:
      return c;
    case Language::kCpp:
      return cpp;
    case Language::kRust:
      return rust;
    case Language::kGo:
      return go;
    case Language::kJava:
      return java;
    case Language::kJavaScript:
      return javascript;
    case Language::kTypeScript:
      return typescript;
    case Language::kTsx:
      return tsx;
    default:
      return python;
  }
}

// What is known on the way down to a node.
struct Level {
  std::uint32_t symbol = kNoSymbol;     // innermost symbol around
  std::uint32_t container = kNoSymbol;  // set where members are expected: that symbol, or kNoSymbol at file level
  bool members = true;                  // variables here are members or globals, not locals
  std::string scope;                    // an impl's type, for the members in it
  Range wrapper;                        // of the decorators or template head around; empty when none
  Range comment;                        // the comments just before the next child
  std::uint32_t comment_row = 0;        // last row of it
};

class Reader {
 public:
  explicit Reader(const Tree& tree) : tree_(tree), rules_(rules_of(tree.language())) {}

  Outline read() {
    TSTreeCursor cursor = ts_tree_cursor_new(tree_.root().raw());
    std::vector<Level> levels(1);
    bool down = true;
    for (;;) {
      if (down) {
        const TSNode raw = ts_tree_cursor_current_node(&cursor);
        Level inner;
        const bool enter = visit(Node(raw, &tree_), levels.back(), inner);
        if (enter && ts_tree_cursor_goto_first_child(&cursor)) {
          levels.push_back(std::move(inner));
          continue;
        }
      }
      if (ts_tree_cursor_goto_next_sibling(&cursor)) {
        down = true;
        continue;
      }
      if (levels.size() <= 1 || !ts_tree_cursor_goto_parent(&cursor)) break;
      levels.pop_back();
      down = false;
    }
    ts_tree_cursor_delete(&cursor);
    return std::move(outline_);
  }

 private:
  // Handles a node; `inner` becomes the level of its children. False: the children hold nothing of interest.
  bool visit(Node node, Level& level, Level& inner) {
    const TSSymbol symbol = ts_node_symbol(node.raw());
    const Role role = symbol < rules_.role.size() ? rules_.role[symbol] : kNone;
    const SymbolKind kind = symbol < rules_.kind.size() ? rules_.kind[symbol] : SymbolKind::kFunction;
    inner.symbol = level.symbol;
    inner.container = level.container;
    inner.members = level.members;
    inner.scope = level.scope;
    bool enter = true;
    bool keep_comment = false;
    switch (role) {
      case kComment:
        take_comment(node, level);
        return false;
      case kAttribute:
        return false;
      case kWrapper:
        inner.wrapper = level.wrapper.size() > 0 ? level.wrapper : node.range();
        inner.comment = level.comment;
        inner.comment_row = level.comment_row;
        break;
      case kFunction:
      case kContainer:
      case kType:
      case kMacro:
      case kVariable:
      case kDeclaration:
        enter = define(node, role, kind, level, inner);
        break;
      case kScope:
        inner.scope = type_name(node.field("type"));
        inner.members = true;
        refer(type_name(node.field("trait")), "", ReferenceKind::kInherit, level.symbol, node.line());
        break;
      case kCall:
        take_call(node, level.symbol);
        break;
      case kInherit:
        take_bases(node, level.symbol);
        break;
      case kImport:
        take_imports(node, outline_.imports);
        return false;
      case kBranch:
        decide(level.symbol);
        break;
      case kLogical: {
        const std::string_view op = node.field("operator").text();
        if (op == "&&" || op == "||") decide(level.symbol);
        break;
      }
      case kNone:
        if (!ts_node_is_named(node.raw())) keep_comment = true;
        break;
    }
    if (!keep_comment) level.comment = {};
    return enter;
  }

  void take_comment(Node node, Level& level) {
    const TSPoint start = ts_node_start_point(node.raw()), end = ts_node_end_point(node.raw());
    // Rust's line comments end at the start of the next row.
    const std::uint32_t last = end.column == 0 && end.row > start.row ? end.row - 1 : end.row;
    if (level.comment.size() > 0 && start.row <= level.comment_row + 1) {
      level.comment.end = node.range().end;
    } else {
      level.comment = node.range();
    }
    level.comment_row = last;
  }

  void decide(std::uint32_t symbol) {
    for (; symbol != kNoSymbol; symbol = outline_.symbols[symbol].parent) {
      if (!is_callable(outline_.symbols[symbol].kind)) continue;
      ++outline_.symbols[symbol].complexity;
      return;
    }
  }

  void refer(std::string name, std::string qualifier, ReferenceKind kind, std::uint32_t symbol, std::uint32_t line) {
    if (name.empty() || name.size() > 120) return;
    if (qualifier.size() > 80) qualifier.clear();
    outline_.references.push_back({std::move(name), std::move(qualifier), kind, symbol, line});
  }

  void take_call(Node node, std::uint32_t symbol) {
    const Name name = called_name(node);
    refer(name.last, name.before, ReferenceKind::kCall, symbol, node.line());
  }

  void take_bases(Node node, std::uint32_t symbol) {
    for (std::string& base : base_names(node)) refer(std::move(base), "", ReferenceKind::kInherit, symbol, node.line());
  }

  // A definition: adds its symbol and prepares the level of its children.
  bool define(Node node, Role role, SymbolKind kind, const Level& level, Level& inner) {
    const Language language = tree_.language();
    Definition definition = definition_of(node, language);
    const bool function = role == kFunction || (role == kDeclaration && definition.function);
    if (role == kDeclaration && !function) kind = SymbolKind::kVariable;
    if (role == kVariable && definition.function) kind = SymbolKind::kFunction;
    if (role == kContainer && definition.kind) kind = *definition.kind;
    const bool variable = kind == SymbolKind::kVariable;
    // Locals are no symbols; a type that is only named (struct S *p) is no definition.
    if (definition.name.empty() || (variable && !level.members) || (role == kContainer && !definition.complete))
      return true;
    if (role == kDeclaration && !level.members) return true;

    Symbol made;
    made.kind = kind;
    made.declaration = role == kDeclaration && function;
    made.parent = level.symbol;
    std::string outer = level.symbol == kNoSymbol ? "" : outline_.symbols[level.symbol].qualified;
    if (!level.scope.empty()) outer = outer.empty() ? level.scope : outer + "." + level.scope;
    if (!definition.scope.empty()) outer = outer.empty() ? definition.scope : outer + "." + definition.scope;
    made.qualified = outer.empty() ? definition.name : outer + "." + definition.name;
    made.name = std::move(definition.name);
    const bool in_class = level.container != kNoSymbol && is_container(outline_.symbols[level.container].kind) &&
                          outline_.symbols[level.container].kind != SymbolKind::kModule;
    const bool scoped = !level.scope.empty() || (!definition.scope.empty() && language == Language::kGo) ||
                        (!definition.scope.empty() && function);
    if (kind == SymbolKind::kFunction && (in_class || scoped)) made.kind = SymbolKind::kMethod;
    made.range = level.wrapper.size() > 0 && !variable ? level.wrapper : node.range();
    made.body = definition.body;
    made.line = definition.line;
    made.end_line = std::max(definition.line, node.end_line());
    made.signature =
        one_line(tree_.text(), {node.range().begin, made.body.size() > 0 ? made.body.begin : node.range().end});
    made.doc = definition.doc.size() > 0 ? definition.doc : level.comment;
    if (made.doc.size() > 0 && definition.doc.size() == 0) {
      // Comments belong to the definition only when they end on the row above it (or its decorators and attributes).
      const std::uint32_t gap = tree_.line_of(made.range.begin) - 1;
      if (level.comment_row + 1 < gap && language != Language::kRust) made.doc = {};
    }
    made.complexity = is_callable(made.kind) ? 1 : 0;
    const std::uint32_t index = static_cast<std::uint32_t>(outline_.symbols.size());
    const bool container = is_container(made.kind) || (role == kContainer);
    outline_.symbols.push_back(std::move(made));
    for (std::string& base : definition.bases)
      refer(std::move(base), "", ReferenceKind::kInherit, index, outline_.symbols[index].line);
    if (variable) return true;
    inner.symbol = index;
    inner.container = container ? index : kNoSymbol;
    inner.members = container;
    inner.scope.clear();
    return true;
  }

  const Tree& tree_;
  const Rules& rules_;
  Outline outline_;
};

}  // namespace

std::string_view symbol_kind_name(SymbolKind kind) {
  static constexpr std::array<std::string_view, 11> kNames = {
      "function", "method", "class", "struct", "enum", "interface", "trait", "type", "module", "macro", "variable"};
  return kNames[static_cast<std::size_t>(kind)];
}

bool is_callable(SymbolKind kind) {
  return kind == SymbolKind::kFunction || kind == SymbolKind::kMethod || kind == SymbolKind::kMacro;
}

bool is_container(SymbolKind kind) {
  return kind == SymbolKind::kClass || kind == SymbolKind::kStruct || kind == SymbolKind::kEnum ||
         kind == SymbolKind::kInterface || kind == SymbolKind::kTrait || kind == SymbolKind::kModule;
}

Outline outline_of(const Tree& tree) {
  return Reader(tree).read();
}

}  // namespace jarvis2::code
