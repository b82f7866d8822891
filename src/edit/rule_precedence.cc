#include "edit/rule_precedence.h"

#include <string_view>
#include <utility>

namespace jarvis2::edit {
namespace {

using code::FlatTree;
using code::Index;
using code::kNoIndex;
using code::Language;

constexpr int kPrimary = 20;

struct Level {
  std::string_view name;
  int level;
};

// Python's language reference, section 6.17.
constexpr Level kPythonKinds[] = {{"expression_list", 0},
                                  {"pattern_list", 0},
                                  {"named_expression", 1},
                                  {"yield", 1},
                                  {"assignment", 1},
                                  {"lambda", 2},
                                  {"conditional_expression", 3},
                                  {"not_operator", 6},
                                  {"comparison_operator", 7},
                                  {"unary_operator", 14},
                                  {"await", 16}};
constexpr Level kPythonOperators[] = {{"or", 4},  {"and", 5}, {"|", 8},  {"^", 9},  {"&", 10},
                                      {"<<", 11}, {">>", 11}, {"+", 12}, {"-", 12}, {"*", 13},
                                      {"/", 13},  {"//", 13}, {"%", 13}, {"@", 13}, {"**", 15}};
constexpr Level kCKinds[] = {{"comma_expression", 0},   {"assignment_expression", 1}, {"conditional_expression", 2},
                             {"unary_expression", 15},  {"pointer_expression", 15},   {"cast_expression", 15},
                             {"sizeof_expression", 15}, {"new_expression", 15},       {"delete_expression", 15},
                             {"update_expression", 15}, {"co_await_expression", 15},  {"throw_statement", 1}};
constexpr Level kCOperators[] = {{"||", 3}, {"&&", 4}, {"|", 5},  {"^", 6},  {"&", 7},    {"==", 8},  {"!=", 8},
                                 {"<", 9},  {"<=", 9}, {">", 9},  {">=", 9}, {"<=>", 10}, {"<<", 11}, {">>", 11},
                                 {"+", 12}, {"-", 12}, {"*", 13}, {"/", 13}, {"%", 13},   {"or", 3},  {"and", 4}};

template <std::size_t N>
int look_up(const Level (&table)[N], std::string_view name, int otherwise) {
  for (const Level& entry : table) {
    if (entry.name == name) return entry.level;
  }
  return otherwise;
}

std::string_view operator_of(const FlatTree& tree, Index index) {
  const Index at = tree.child(index, "operator");
  return at == kNoIndex ? std::string_view() : tree.text(at);
}

bool in_field(const FlatTree& tree, Index index, std::string_view name) {
  return tree[index].field != 0 && tree[index].field == FlatTree::field_of(tree.language(), name);
}

int python_required(const FlatTree& tree, Index index) {
  const Index parent = tree[index].parent;
  const std::string_view kind = tree.kind(parent);
  if (kind == "binary_operator" || kind == "boolean_operator") {
    const int level = precedence_of(tree, parent);
    const bool power = operator_of(tree, parent) == "**";
    if (in_field(tree, index, "left")) return power ? 16 : level;
    return power ? 14 : level + 1;
  }
  if (kind == "comparison_operator") return 8;
  if (kind == "not_operator") return 6;
  if (kind == "unary_operator") return 14;
  if (kind == "await") return kPrimary;
  if (kind == "conditional_expression") {
    const std::vector<Index> parts = tree.children(parent);
    return !parts.empty() && parts.back() == index ? 3 : 4;
  }
  if (kind == "attribute" || (kind == "subscript" && in_field(tree, index, "value")) ||
      (kind == "call" && in_field(tree, index, "function"))) {
    return kPrimary;
  }
  if (kind == "for_in_clause" && in_field(tree, index, "left")) return 0;
  if (kind == "for_in_clause" || kind == "if_clause") return 4;
  if (kind == "list_splat" || kind == "dictionary_splat") return 8;
  if (kind == "lambda" || kind == "interpolation") return 3;
  if (kind == "list_comprehension" || kind == "set_comprehension" || kind == "generator_expression") return 2;
  if (kind == "argument_list" || kind == "list" || kind == "tuple" || kind == "set" || kind == "pair" ||
      kind == "keyword_argument" || kind == "default_parameter" || kind == "typed_default_parameter" ||
      kind == "slice" || kind == "dictionary_comprehension" || kind == "named_expression" ||
      kind == "expression_list" || kind == "if_statement" || kind == "while_statement" || kind == "elif_clause" ||
      kind == "assert_statement" || kind == "raise_statement" || kind == "with_item" || kind == "as_pattern") {
    return 2;
  }
  if (kind == "concatenated_string") return kPrimary;
  return 0;
}

int c_required(const FlatTree& tree, Index index) {
  const Index parent = tree[index].parent;
  const std::string_view kind = tree.kind(parent);
  if (kind == "binary_expression" || kind == "fold_expression") {
    const int level = precedence_of(tree, parent);
    return in_field(tree, index, "left") ? level : level + 1;
  }
  if (kind == "unary_expression" || kind == "pointer_expression") return 16;
  if (kind == "update_expression" || kind == "cast_expression" || kind == "sizeof_expression" ||
      kind == "delete_expression" || kind == "co_await_expression") {
    return 15;
  }
  if (kind == "field_expression" || (kind == "subscript_expression" && in_field(tree, index, "argument")) ||
      (kind == "call_expression" && in_field(tree, index, "function"))) {
    return 16;
  }
  if (kind == "conditional_expression") {
    if (in_field(tree, index, "condition")) return 3;
    return in_field(tree, index, "consequence") ? 0 : 2;
  }
  if (kind == "assignment_expression") return in_field(tree, index, "left") ? 15 : 1;
  if (kind == "template_argument_list") return kPrimary;
  if (kind == "argument_list" || kind == "init_declarator" || kind == "initializer_list" ||
      kind == "comma_expression" || kind == "initializer_pair" || kind == "optional_parameter_declaration" ||
      kind == "field_declaration" || kind == "subscript_argument_list" || kind == "case_statement") {
    return 1;
  }
  return 0;
}

}  // namespace

int precedence_of(const FlatTree& tree, Index index) {
  const std::string_view kind = tree.kind(index);
  if (tree.language() == Language::kPython) {
    if (kind == "binary_operator" || kind == "boolean_operator") {
      return look_up(kPythonOperators, operator_of(tree, index), 0);
    }
    return look_up(kPythonKinds, kind, kPrimary);
  }
  if (kind == "binary_expression") return look_up(kCOperators, operator_of(tree, index), 0);
  return look_up(kCKinds, kind, kPrimary);
}

int required_precedence(const FlatTree& tree, Index index) {
  if (index >= tree.size() || tree[index].parent == kNoIndex) return 0;
  return tree.language() == Language::kPython ? python_required(tree, index) : c_required(tree, index);
}

}  // namespace jarvis2::edit
