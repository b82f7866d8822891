#include "code/c_facts.h"

#include <algorithm>
#include <cctype>
#include <mutex>

#include "code/c_facts_file.h"

namespace jarvis2::code {
namespace {

std::string plain_name(std::string_view text) {
  int depth = 0;
  std::size_t start = 0;
  std::size_t angle = text.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '<') {
      if (depth++ == 0) angle = i;
    } else if (text[i] == '>') {
      --depth;
    } else if (depth == 0 && text[i] == ':') {
      start = i + 1;
      angle = text.size();
    }
  }
  std::string_view name = text.substr(start, angle - start);
  while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
  while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
  return std::string(name);
}

std::vector<std::string> split_arguments(std::string_view text) {
  std::vector<std::string> result;
  const std::size_t open = text.find('<');
  const std::size_t close = text.rfind('>');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return result;
  int depth = 0;
  std::string part;
  for (const char c : text.substr(open + 1, close - open - 1)) {
    if (c == '<' || c == '(') ++depth;
    if (c == '>' || c == ')') --depth;
    if (c == ',' && depth == 0) {
      result.push_back(part);
      part.clear();
    } else if (c != ' ' || !part.empty()) {
      part += c;
    }
  }
  while (!part.empty() && part.back() == ' ') part.pop_back();
  if (!part.empty()) result.push_back(part);
  return result;
}

}  // namespace

std::string CType::name() const {
  return plain_name(base);
}

std::vector<std::string> CType::arguments() const {
  return split_arguments(base);
}

std::string CType::text() const {
  std::string result = is_const ? "const " + base : base;
  result.append(static_cast<std::size_t>(pointers), '*');
  if (reference) result += rvalue ? "&&" : "&";
  for (int i = 0; i < arrays; ++i) result += "[]";
  return result;
}

CType parse_c_type(std::string_view text) {
  CType type;
  std::string word;
  int depth = 0;
  const auto flush = [&] {
    if (word.empty()) return;
    if (word == "const" || word == "constexpr") {
      type.is_const = true;
    } else if (word == "volatile") {
      type.is_volatile = true;
    } else if (word != "struct" && word != "class" && word != "enum" && word != "union" && word != "typename" &&
               word != "static" && word != "register" && word != "restrict" && word != "inline") {
      if (!type.base.empty() && depth == 0) type.base += ' ';
      type.base += word;
    }
    word.clear();
  };
  for (const char c : text) {
    if (depth > 0) {
      if (c == '<') ++depth;
      if (c == '>') --depth;
      word += c;
      continue;
    }
    if (c == '<') {
      ++depth;
      word += c;
    } else if (c == '*') {
      flush();
      ++type.pointers;
    } else if (c == '&') {
      flush();
      type.rvalue = type.reference;
      type.reference = true;
    } else if (c == '[') {
      flush();
      ++type.arrays;
    } else if (c == ']') {
      word.clear();
    } else if (c == '(') {
      type.function = true;
      break;
    } else if (std::isspace(static_cast<unsigned char>(c))) {
      flush();
    } else {
      word += c;
    }
  }
  flush();
  return type;
}

std::shared_ptr<const CFacts> CFacts::of(const Workspace& workspace) {
  std::vector<std::shared_ptr<const CFile>> files;
  for (const SourceFile& source : workspace.files()) {
    if (source.tree == nullptr) continue;
    const Language language = source.tree->language();
    if (language == Language::kC || language == Language::kCpp) files.push_back(collect_c_file(source));
  }
  static std::mutex mutex;
  static std::vector<std::shared_ptr<const CFacts>> recent;  // latest last
  {
    const std::lock_guard<std::mutex> lock(mutex);
    for (const std::shared_ptr<const CFacts>& facts : recent) {
      if (facts->files_ == files) return facts;
    }
  }
  const auto facts = std::make_shared<CFacts>();
  facts->files_ = std::move(files);
  for (const std::shared_ptr<const CFile>& file : facts->files_) {
    facts->by_path_[file->path] = file.get();
    facts->by_tree_[file->tree.get()] = file.get();
    for (const CFunction& function : file->functions) facts->functions_[function.name].push_back(&function);
    for (const CRecord& record : file->records) {
      if (!record.name.empty()) facts->records_.try_emplace(record.name, &record);
    }
    for (const auto& [name, text] : file->typedefs) facts->typedefs_.try_emplace(name, text);
    for (const CVariable& variable : file->globals) facts->globals_.try_emplace(variable.name, variable);
  }
  facts->build_summaries();
  const std::lock_guard<std::mutex> lock(mutex);
  recent.push_back(facts);
  if (recent.size() > 16) recent.erase(recent.begin());
  return facts;
}

const CFile* CFacts::file(const std::string& path) const {
  const auto found = by_path_.find(path);
  return found == by_path_.end() ? nullptr : found->second;
}

const CFile* CFacts::file_of(Node node) const {
  if (!node) return nullptr;
  const auto found = by_tree_.find(&node.tree());
  return found == by_tree_.end() ? nullptr : found->second;
}

const std::vector<const CFunction*>& CFacts::functions(std::string_view name) const {
  static const std::vector<const CFunction*> none;
  const auto found = functions_.find(name);
  return found == functions_.end() ? none : found->second;
}

const CFunction* CFacts::enclosing_function(Node node) const {
  const CFile* file = file_of(node);
  if (file == nullptr) return nullptr;
  // Sorted by begin; functions in local classes nest, so the last one that covers the node is the innermost.
  const std::uint32_t at = node.range().begin;
  auto after = std::upper_bound(file->functions.begin(), file->functions.end(), at,
                                [](std::uint32_t value, const CFunction& f) { return value < f.node.range().begin; });
  for (int tries = 0; after != file->functions.begin() && tries < 64; ++tries) {
    --after;
    if (after->node.range().contains(node.range())) return &*after;
  }
  return nullptr;
}

const CRecord* CFacts::record(std::string_view name) const {
  const auto found = records_.find(name);
  return found == records_.end() ? nullptr : found->second;
}

const CRecord* CFacts::enclosing_record(Node node) const {
  const CFile* file = file_of(node);
  if (file == nullptr || node.tree().language() == Language::kC) return nullptr;
  const CRecord* best = nullptr;
  for (const CRecord& candidate : file->records) {
    if (candidate.node.range().contains(node.range()) &&
        (best == nullptr || best->node.range().contains(candidate.node.range()))) {
      best = &candidate;
    }
  }
  if (best != nullptr) return best;
  const CFunction* function = enclosing_function(node);
  return function != nullptr && !function->owner.empty() ? record(function->owner) : nullptr;
}

namespace {

const CVariable* member(const CFacts& facts, const CRecord* record, std::string_view name, int depth = 0) {
  if (record == nullptr || depth > 4) return nullptr;
  for (const CVariable& field : record->fields) {
    if (field.name == name) return &field;
  }
  for (const std::string& base : record->bases) {
    if (const CVariable* found = member(facts, facts.record(base), name, depth + 1)) return found;
  }
  return nullptr;
}

}  // namespace

CVariable CFacts::resolve(Node identifier) const {
  const CFile* file = file_of(identifier);
  if (file == nullptr) return {};
  const std::string name(identifier.text());
  if (identifier.is("field_identifier")) {
    const Node access = identifier.parent();
    if (!access.is("field_expression") || access.field("field") != identifier) {
      if (access.is("field_declaration") || access.parent().is("field_declaration")) {
        if (const CVariable* found = member(*this, enclosing_record(identifier), name)) return *found;
      }
      if (access.is("field_initializer")) {
        if (const CVariable* found = member(*this, enclosing_record(identifier), name)) return *found;
      }
      return {};
    }
    const Node object = bare(access.field("argument"));
    const CRecord* owner = object.is("this") ? enclosing_record(identifier) : record(type_of(object).name());
    const CVariable* found = member(*this, owner, name);
    return found != nullptr ? *found : CVariable();
  }
  if (!identifier.is("identifier")) return {};
  if (const auto found = file->locals_by_name.find(name); found != file->locals_by_name.end()) {
    const CVariable* best = nullptr;
    const std::uint32_t at = identifier.range().begin;
    for (const std::uint32_t index : found->second) {
      const CVariable& local = file->locals[index];
      if (!local.scope.contains(identifier.range()) || local.name_node.range().begin > at) continue;
      if (best == nullptr || local.scope.size() < best->scope.size() ||
          (local.scope == best->scope && local.name_node.range().begin > best->name_node.range().begin)) {
        best = &local;
      }
    }
    if (best != nullptr) return *best;
  }
  if (const CVariable* found = member(*this, enclosing_record(identifier), name)) return *found;
  for (const CVariable& global : file->globals) {
    if (global.name == name) return global;
  }
  const auto global = globals_.find(name);
  return global == globals_.end() ? CVariable() : global->second;
}

CType CFacts::resolved(CType type) const {
  for (int depth = 0; depth < 6; ++depth) {
    const auto found = typedefs_.find(type.base);
    if (found == typedefs_.end()) break;
    const CType inner = parse_c_type(found->second);
    if (!inner.known() || inner.base == type.base) break;
    type.base = inner.base;
    type.is_const |= inner.is_const;
    type.pointers += inner.pointers;
    type.arrays += inner.arrays;
    type.function |= inner.function;
  }
  return type;
}

std::string CFacts::c_spelling(const CType& type) const {
  if (!type.known() || type.arrays > 0 || type.function || type.reference || type.base == "auto") return {};
  std::string base = type.base;
  CType plain;
  plain.base = base;
  if (!is_integer(plain) && !is_floating(plain) && base != "void" && base != "FILE" && !typedefs_.contains(base)) {
    const CRecord* found = record(base);
    if (found == nullptr) return {};
    const Node definition = found->node.parent();
    const bool alias = definition.is("type_definition") && definition.field("declarator").text() == base &&
                       found->node.field("name").text() != base;
    if (!alias) base = (found->is_union ? "union " : "struct ") + base;
  }
  return (type.is_const && type.pointers > 0 ? "const " : "") + base + " " +
         std::string(static_cast<std::size_t>(type.pointers), '*');
}

namespace {

CType value_type(CType type) {
  type.reference = type.rvalue = false;
  return type;
}

// The element type of a container, array or pointer.
CType element_type(const CType& container) {
  CType type = value_type(container);
  if (type.arrays > 0) {
    --type.arrays;
    return type;
  }
  if (type.pointers > 0) {
    --type.pointers;
    return type;
  }
  const std::string name = type.name();
  const std::vector<std::string> arguments = type.arguments();
  if (name == "string" || name == "string_view") return parse_c_type("char");
  if (name == "map" || name == "unordered_map") {
    return arguments.size() >= 2 ? parse_c_type(arguments[1]) : CType();
  }
  if (arguments.empty()) return {};
  static const std::set<std::string> kSequences = {
      "vector",       "array",       "deque",      "list",     "span",  "set",   "unordered_set",  "multiset",
      "valarray",     "unique_ptr",  "shared_ptr", "optional", "queue", "stack", "priority_queue", "initializer_list",
      "forward_list", "basic_string"};
  return kSequences.contains(name) ? parse_c_type(arguments[0]) : CType();
}

CType arithmetic(const CType& a, const CType& b) {
  if (!a.is_value() || !b.is_value()) {
    if (a.pointers > 0 || a.arrays > 0) return a;
    if (b.pointers > 0 || b.arrays > 0) return b;
    return {};
  }
  if (CFacts::is_floating(a) && (a.base != "float" || !CFacts::is_floating(b))) return a;
  if (CFacts::is_floating(b)) return b;
  if (CFacts::is_floating(a)) return a;
  if (CFacts::is_integer(a) && CFacts::is_integer(b)) {
    const auto rank = [](const CType& type) {
      if (type.base.find("64") != std::string::npos || type.base.find("long") != std::string::npos ||
          type.base.find("size_t") != std::string::npos) {
        return 2;
      }
      return type.base == "char" || type.base == "bool" || type.base.find("short") != std::string::npos ? 0 : 1;
    };
    if (rank(a) == 0 && rank(b) == 0) return parse_c_type("int");
    if (rank(a) != rank(b)) return rank(a) > rank(b) ? a : b;
    return CFacts::is_unsigned(a) ? a : b;
  }
  return a.base == b.base ? a : CType();
}

}  // namespace

CType CFacts::type_of(Node expression) const {
  const Node node = bare(expression);
  if (!node) return {};
  const std::string_view kind = node.kind();
  if (kind == "identifier" || kind == "field_identifier") {
    const CVariable variable = resolve(node);
    if (!variable) return {};
    CType type = variable.type;
    if (type.base == "auto" || type.base == "auto&&") {
      if (variable.structured) return {};
      CType inner;
      if (variable.declaration.is("for_range_loop")) {
        const CType range = type_of(variable.declaration.field("right"));
        if (range.name() == "map" || range.name() == "unordered_map") {
          const std::vector<std::string> arguments = range.arguments();
          if (arguments.size() >= 2) inner.base = "std::pair<const " + arguments[0] + ", " + arguments[1] + ">";
        } else {
          inner = element_type(range);
        }
      } else if (variable.value && !variable.value.range().contains(node.range())) {
        inner = type_of(variable.value);
        if (!type.reference) inner.reference = inner.rvalue = false;
      }
      inner.pointers += type.pointers;
      if (type.pointers > 0 && inner.pointers > 1) inner.pointers = type.pointers;
      inner.is_const |= type.is_const;
      inner.reference = type.reference;
      return inner;
    }
    return resolved(type);
  }
  if (kind == "number_literal") {
    const std::string_view text = node.text();
    const bool hex = text.starts_with("0x") || text.starts_with("0X");
    if (!hex && text.find_first_of(".eE") != std::string_view::npos) {
      return parse_c_type(text.back() == 'f' || text.back() == 'F' ? "float" : "double");
    }
    const bool is_long = text.find_first_of("lL") != std::string_view::npos;
    const bool is_unsigned = text.find_first_of("uU") != std::string_view::npos;
    return parse_c_type(is_long ? (is_unsigned ? "unsigned long" : "long") : (is_unsigned ? "unsigned" : "int"));
  }
  if (kind == "char_literal") return parse_c_type("char");
  if (kind == "true" || kind == "false") return parse_c_type("bool");
  if (kind == "string_literal" || kind == "concatenated_string" || kind == "raw_string_literal") {
    return parse_c_type("const char*");
  }
  if (kind == "this") {
    const CRecord* owner = enclosing_record(node);
    if (owner == nullptr) return {};
    CType type;
    type.base = owner->name;
    type.pointers = 1;
    return type;
  }
  if (kind == "field_expression") return type_of(node.field("field"));
  if (kind == "subscript_expression") return resolved(element_type(type_of(node.field("argument"))));
  if (kind == "pointer_expression") {
    CType type = type_of(node.field("argument"));
    if (!type.known()) return {};
    if (node.text().starts_with("&")) {
      type.reference = false;
      ++type.pointers;
      return type;
    }
    if (type.pointers == 0 && type.arrays == 0 && type.name().ends_with("iterator")) return {};
    return resolved(element_type(type));
  }
  if (kind == "cast_expression" || kind == "compound_literal_expression") {
    CType type = parse_c_type(node.field("type").text());
    return resolved(type);
  }
  if (kind == "sizeof_expression" || kind == "alignof_expression") return parse_c_type("size_t");
  if (kind == "new_expression") {
    CType type = parse_c_type(node.field("type").text());
    ++type.pointers;
    return type;
  }
  if (kind == "conditional_expression") {
    const CType type = type_of(node.field("consequence"));
    return type.known() ? type : type_of(node.field("alternative"));
  }
  if (kind == "assignment_expression") return type_of(node.field("left"));
  if (kind == "update_expression") return type_of(node.field("argument"));
  if (kind == "unary_expression") {
    if (node.text().starts_with("!")) return parse_c_type("bool");
    return type_of(node.field("argument"));
  }
  if (kind == "comma_expression") return type_of(node.field("right"));
  if (kind == "binary_expression") {
    const std::string_view op = node.field("operator").text();
    if (op == "==" || op == "!=" || op == "<" || op == ">" || op == "<=" || op == ">=" || op == "&&" || op == "||") {
      return parse_c_type("bool");
    }
    const CType left = value_type(type_of(node.field("left")));
    if (op == "<<" || op == ">>") return left;
    const CType right = value_type(type_of(node.field("right")));
    if (left.name() == "string" || right.name() == "string") return parse_c_type("std::string");
    return arithmetic(left, right);
  }
  if (kind == "call_expression") {
    const std::string name = callee_name(node);
    const Node function = node.field("function");
    const Node receiver = call_receiver(node);
    if (receiver) {
      const CType object = type_of(receiver);
      if (const CRecord* owner = record(object.name()); owner != nullptr) {
        for (const CFunction* candidate : functions(name)) {
          if (candidate->owner == owner->name) return resolved(candidate->returns);
        }
      }
      const std::string container = object.name();
      if (name == "size" || name == "length" || name == "capacity" || name == "count" || name == "find_first_of" ||
          name == "rfind" || name == "find_last_of" || name == "find_first_not_of") {
        return parse_c_type("size_t");
      }
      if (name == "find" && (container == "string" || container == "string_view")) return parse_c_type("size_t");
      if (name == "empty" || name == "contains") return parse_c_type("bool");
      if (name == "substr" || name == "str") {
        return parse_c_type(container == "string_view" ? "std::string_view" : "std::string");
      }
      if (name == "c_str") return parse_c_type("const char*");
      if (name == "at" || name == "front" || name == "back" || name == "top") {
        CType type = element_type(object);
        type.reference = type.known();
        return type;
      }
      if (name == "data") {
        CType type = element_type(object);
        if (type.known()) ++type.pointers;
        return type;
      }
      if (name == "get" && (container == "unique_ptr" || container == "shared_ptr")) {
        CType type = element_type(object);
        if (type.known()) ++type.pointers;
        return type;
      }
      return {};
    }
    if (function.is("template_function") || function.is("qualified_identifier")) {
      const std::string_view text = function.text();
      if (name == "static_cast" || name == "const_cast" || name == "reinterpret_cast" || name == "dynamic_cast") {
        const std::vector<std::string> arguments = split_arguments(text);
        return arguments.empty() ? CType() : resolved(parse_c_type(arguments[0]));
      }
      if (name == "make_unique" || name == "make_shared") {
        const std::vector<std::string> arguments = split_arguments(text);
        if (!arguments.empty()) {
          return parse_c_type((name == "make_unique" ? "std::unique_ptr<" : "std::shared_ptr<") + arguments[0] + ">");
        }
      }
      if (name == "string" || name == "vector") return parse_c_type(text);
    }
    if (!functions(name).empty()) {
      const CType type = functions(name).front()->returns;
      return type.base == "auto" ? CType() : resolved(type);
    }
    if (record(name) != nullptr) return parse_c_type(name);
    static const std::map<std::string, std::string, std::less<>> kReturns = {
        {"strlen", "size_t"}, {"sqrt", "double"}, {"fabs", "double"}, {"pow", "double"},  {"floor", "double"},
        {"ceil", "double"},   {"sin", "double"},  {"cos", "double"},  {"exp", "double"},  {"log", "double"},
        {"strcmp", "int"},    {"memcmp", "int"},  {"strncmp", "int"}, {"abs", "int"},     {"atoi", "int"},
        {"rand", "int"},      {"getc", "int"},    {"fgetc", "int"},   {"getchar", "int"}, {"to_string", "std::string"},
        {"stoi", "int"},      {"stod", "double"}, {"tolower", "int"}, {"toupper", "int"}, {"atof", "double"}};
    if (const auto found = kReturns.find(name); found != kReturns.end()) return parse_c_type(found->second);
    if ((name == "min" || name == "max") && !call_arguments(node).empty()) return type_of(call_arguments(node)[0]);
    return {};
  }
  return {};
}

std::size_t CFacts::count_identifier(std::string_view name) const {
  std::size_t count = 0;
  for (const std::shared_ptr<const CFile>& file : files_) {
    const auto found = file->identifiers.find(std::string(name));
    if (found != file->identifiers.end()) count += found->second.size();
  }
  return count;
}

std::vector<Node> named_children(Node node) {
  std::vector<Node> result;
  each_child(node, [&](Node child, std::string_view) {
    if (child.is_named() && !child.is("comment")) result.push_back(child);
  });
  return result;
}

namespace {

void gather(Node node, const std::vector<std::string_view>& kinds, std::vector<Node>& out) {
  if (!node) return;
  if (std::find(kinds.begin(), kinds.end(), node.kind()) != kinds.end()) out.push_back(node);
  each_child(node, [&](Node child, std::string_view) {
    if (child.is_named()) gather(child, kinds, out);
  });
}

}  // namespace

std::vector<Node> descendants(Node node, std::initializer_list<std::string_view> kinds) {
  std::vector<Node> result;
  gather(node, std::vector<std::string_view>(kinds), result);
  return result;
}

bool is_loop(Node node) {
  return node.is("for_statement") || node.is("while_statement") || node.is("do_statement") || node.is("for_range_loop");
}

Node loop_body(Node loop) {
  return loop.field("body");
}

Node enclosing_loop(Node node) {
  for (Node up = node.parent(); up; up = up.parent()) {
    if (is_loop(up)) return up;
    if (up.is("function_definition") || up.is("lambda_expression")) return {};
  }
  return {};
}

std::string callee_name(Node call) {
  Node function = call.field("function");
  if (function.is("field_expression")) function = function.field("field");
  if (function.is("template_method") || function.is("template_function")) function = function.field("name");
  while (function.is("qualified_identifier")) function = function.field("name");
  if (function.is("template_function")) function = function.field("name");
  if (function.is("identifier") || function.is("field_identifier") || function.is("primitive_type") ||
      function.is("type_identifier")) {
    return std::string(function.text());
  }
  if (function.is("template_type")) return std::string(function.field("name").text());
  return {};
}

Node call_receiver(Node call) {
  const Node function = call.field("function");
  return function.is("field_expression") ? function.field("argument") : Node();
}

std::vector<Node> call_arguments(Node call) {
  return named_children(call.field("arguments"));
}

Node bare(Node expression) {
  while (expression.is("parenthesized_expression") || expression.is("condition_clause")) {
    const std::vector<Node> inner = named_children(expression);
    if (inner.size() != 1) break;
    expression = inner[0];
  }
  return expression;
}

Node root_of(Node place) {
  Node node = bare(place);
  while (node) {
    if (node.is("identifier") || node.is("this")) return node;
    if (node.is("subscript_expression") || node.is("field_expression") || node.is("pointer_expression") ||
        node.is("update_expression")) {
      node = bare(node.field("argument"));
    } else if (node.is("cast_expression")) {
      node = bare(node.field("value"));
    } else if (node.is("binary_expression")) {  // *(p + i)
      node = bare(node.field("left"));
    } else if (node.is("call_expression") && call_receiver(node)) {
      node = bare(call_receiver(node));
    } else if (node.is("unary_expression")) {
      node = bare(node.field("argument"));
    } else {
      return {};
    }
  }
  return {};
}

}  // namespace jarvis2::code
