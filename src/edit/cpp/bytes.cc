// Bytes of text.
// c/ctype-to-ascii: isdigit(c), isspace(c), tolower(c) and the like become comparisons, without the call and the table.
// Preconditions: nothing in the workspace sets a locale (digits need not even that), nor defines the name; the argument
// has no effects; of tests only the truth is used.
// c/byte-scan-to-memchr: a loop that only looks for one byte, `while (i < n && s[i] != 'x') i++;` or
// `while (p < end && *p != 'x') p++;`, becomes memchr(). c/byte-scan-to-strcspn: `while (*p && *p != 'x') p++;` becomes
// strcspn(). Preconditions: elements of one byte; the loop does nothing else; bound and byte have no effects. Both read
// no further than the loop did [C11 7.24.5.1]; where the byte is found at once, a call costs more than the loop.
// c/decimal-without-sprintf: sprintf(s, "%d", n) becomes a few lines that write digits. Preconditions: the format is
// one integer conversion without flags, the argument an integer of known type; snprintf only into an array that always
// fits.
#include <algorithm>
#include <array>

#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

bool sets_locale(const CFacts& facts) {
  return std::any_of(facts.files().begin(), facts.files().end(), [](const std::shared_ptr<const CFile>& file) {
    for (const char* name : {"setlocale", "uselocale", "imbue", "global"}) {
      if (file->identifiers.contains(name)) return true;
    }
    return false;
  });
}

// Identifiers, fields, elements, dereferences and casts of such: cheap, without effects.
bool simple(const Context& context, Node node) {
  const Node value = code::bare(node);
  if (value.is("cast_expression")) return simple(context, value.field("value"));
  if (value.is("call_expression")) {  // static_cast<unsigned char>(c)
    const std::vector<Node> arguments = code::call_arguments(value);
    return value.text().starts_with("static_cast<") && arguments.size() == 1 && simple(context, arguments[0]);
  }
  if (value.is("number_literal") || value.is("char_literal")) return true;
  if (!value.is("identifier") && !value.is("field_expression") && !value.is("subscript_expression") &&
      !value.is("pointer_expression")) {
    return false;
  }
  if (!code::descendants(value, {"call_expression", "update_expression", "assignment_expression"}).empty())
    return false;
  return value.range().size() <= 40;
}

// Only whether it is zero matters: a condition, an operand of !, &&, ||, a comparison with 0.
std::optional<Node> truth_of(const Context& context, Node call) {
  Node place = call;
  Node up = call.parent();
  while (up.is("parenthesized_expression")) {
    place = up;
    up = up.parent();
  }
  if (up.is("condition_clause")) return call;
  const std::string_view kind = up.kind();
  if (kind == "if_statement" || kind == "while_statement" || kind == "do_statement") return call;
  if (kind == "for_statement") return up.field("condition") == place ? std::optional(call) : std::nullopt;
  if (kind == "conditional_expression" && up.field("condition") == place) return call;
  if (kind == "unary_expression" && up.text().starts_with("!")) return call;
  if (kind != "binary_expression") return std::nullopt;
  const std::string_view op = up.field("operator").text();
  if (op == "&&" || op == "||") return call;
  const Node other = up.field("left") == place ? up.field("right") : up.field("left");
  if ((op == "!=" || op == "==") && integer_value(context.facts, other) == 0) return call;
  return std::nullopt;
}

std::string test_of(std::string_view name, const std::string& x) {
  const std::string u = "(unsigned)" + x;
  const auto range = [&](const std::string& value, char first, int last) {
    return value + " - '" + first + "' <= " + std::to_string(last) + "u";
  };
  const std::string lower = "(" + u + " | 32u)";
  if (name == "isdigit") return "(" + range(u, '0', 9) + ")";
  if (name == "isupper") return "(" + range(u, 'A', 25) + ")";
  if (name == "islower") return "(" + range(u, 'a', 25) + ")";
  if (name == "isalpha") return "(" + range(lower, 'a', 25) + ")";
  if (name == "isalnum") return "(" + range(lower, 'a', 25) + " || " + range(u, '0', 9) + ")";
  if (name == "isxdigit") return "(" + range(u, '0', 9) + " || " + range(lower, 'a', 5) + ")";
  if (name == "isspace") return "(" + x + " == ' ' || " + u + " - '\\t' <= 4u)";
  if (name == "isprint") return "(" + u + " - ' ' <= 94u)";
  if (name == "tolower") return "(" + range(u, 'A', 25) + " ? " + x + " + 32 : " + x + ")";
  if (name == "toupper") return "(" + range(u, 'a', 25) + " ? " + x + " - 32 : " + x + ")";
  return {};
}

void find_ctype(const Context& context) {
  std::optional<bool> locale;
  // All of one function at once: each alone is too little to measure.
  std::map<std::uint32_t, std::vector<std::pair<Node, std::string>>> by_function;
  for (const Node& call : context.nodes({"call_expression"})) {
    const std::string name = code::callee_name(call);
    const std::string_view function = call.field("function").text();
    if (function != name && function != "std::" + name) continue;
    const std::vector<Node> arguments = code::call_arguments(call);
    if (arguments.size() != 1 || !simple(context, arguments[0])) continue;
    const std::string text = test_of(name, "(" + spelled(arguments[0]) + ")");
    if (text.empty() || !context.facts.functions(name).empty()) continue;
    if (name.starts_with("is") && !truth_of(context, call)) continue;
    if (std::any_of(context.facts.files().begin(), context.facts.files().end(),
                    [&](const std::shared_ptr<const CFile>& file) { return file->macros.contains(name); }))
      continue;
    if (name != "isdigit" && name != "isxdigit") {
      if (!locale) locale = sets_locale(context.facts);
      if (*locale) continue;
    }
    const CFunction* inside = context.facts.enclosing_function(call);
    if (inside == nullptr) continue;
    by_function[inside->node.range().begin].emplace_back(call, text);
  }
  for (const auto& [begin, calls] : by_function) {
    const CFunction* inside = context.facts.enclosing_function(calls[0].first);
    Proposal proposal = context.draft(
        calls[0].first.range(), "tell characters apart by comparison in " + inside->name + "()",
        "nothing here sets a locale: the classes are those of ASCII; a caller that sets one would see other letters");
    for (const auto& [call, text] : calls) {
      bool nested = false;
      for (const auto& [other, unused] : calls)
        nested |= other.range() != call.range() && other.range().contains(call.range());
      if (!nested) replace(context, proposal, call, text);
    }
    context.emit(std::move(proposal));
  }
}

bool is_byte(const CType& type) {
  return type.base == "char" || type.base == "unsigned char" || type.base == "signed char" || type.base == "uint8_t";
}

// The two sides of `a && b`; null nodes where it is none.
std::pair<Node, Node> both(Node condition) {
  const Node bare = code::bare(condition);
  if (!bare.is("binary_expression") || bare.field("operator").text() != "&&") return {};
  return {code::bare(bare.field("left")), code::bare(bare.field("right"))};
}

bool compares(Node node, std::string_view op) {
  return node.is("binary_expression") && node.field("operator").text() == op;
}

// A loop `while (c) x++;` or `for (; c; x++);`: what is counted; null for all others.
Node counted_up(Node loop) {
  const std::vector<Node> body = body_statements(loop);
  Node step;
  if (loop.is("while_statement")) {
    if (body.size() != 1 || !body[0].is("expression_statement")) return {};
    step = body[0].named(0);
  } else if (loop.is("for_statement")) {
    const bool empty = std::all_of(body.begin(), body.end(), [](const Node& node) {
      return node.is("expression_statement") && node.named_count() == 0;
    });
    if (!empty || loop.field("initializer")) return {};
    step = loop.field("update");
  }
  if (step.is("update_expression") && step.text().find("++") != std::string_view::npos) return step.field("argument");
  if (step.is("assignment_expression") && step.field("operator").text() == "+=" && step.field("right").text() == "1")
    return step.field("left");
  return {};
}

void find_scan(const Context& context) {
  for (const Node& loop : context.nodes({"while_statement", "for_statement"})) {
    const Node moved = code::bare(counted_up(loop));
    if (!moved.is("identifier")) continue;
    const CVariable variable = context.facts.resolve(moved);
    if (!variable || (variable.storage != CStorage::kLocal && variable.storage != CStorage::kParameter)) continue;
    const auto [limit, test] = both(loop.field("condition"));
    if (!compares(limit, "<") || !compares(test, "!=")) continue;
    if (code::bare(limit.field("left")).text() != moved.text()) continue;
    const Node bound = limit.field("right");
    const Node place = code::bare(test.field("left"));
    const Node byte = test.field("right");
    if (!simple(context, bound) || !simple(context, byte) || !byte.is("char_literal")) continue;
    if (std::any_of(bound.text().begin(), bound.text().end(), [](char c) { return c == '*'; })) continue;
    Proposal proposal = context.draft(loop.range(), "let memchr() look for " + spelled(byte),
                                      "the loop does nothing else; where the byte comes at once the loop is faster");
    const std::string hit = context.name_for(moved, loop, "", "_hit");
    std::string text;
    if (place.is("subscript_expression") && CFacts::is_integer(variable.type) && variable.type.is_value()) {
      const Node array = place.field("argument");
      const std::string index = spelled(place.field("indices").is("subscript_argument_list")
                                            ? place.field("indices").named(0)
                                            : (place.field("index") ? place.field("index") : place.field("indices")));
      const CType element = context.facts.type_of(array);
      if (index != moved.text() || !simple(context, array) || !is_byte(element) ||
          element.pointers + element.arrays != 1)
        continue;
      const std::string s = spelled(array), i = spelled(moved), n = spelled(bound);
      text = "if (" + i + " < " + n + ") { const void *" + hit + " = memchr(" + s + " + " + i + ", " + spelled(byte) +
             ", (size_t)(" + n + " - " + i + ")); " + i + " = " + hit + " ? (" + variable.type.base +
             ")((const char *)" + hit + " - (const char *)" + in_parens(array) + ") : " + n + "; }";
    } else if (place.is("pointer_expression") && place.text().starts_with("*") && variable.type.pointers == 1 &&
               is_byte(variable.type)) {
      if (code::bare(place.field("argument")).text() != moved.text()) continue;
      const CType end = context.facts.type_of(bound);
      if (end.pointers != 1) continue;
      const std::string p = spelled(moved), e = spelled(bound);
      const std::string spelling = context.facts.c_spelling(variable.type);
      if (spelling.empty()) continue;
      text = "if (" + p + " < " + e + ") { " + spelling + hit + " = (" + spelling + ")memchr(" + p + ", " +
             spelled(byte) + ", (size_t)(" + e + " - " + p + ")); " + p + " = " + hit + " ? " + hit + " : (" +
             spelling + ")" + in_parens(bound) + "; }";
    } else {
      continue;
    }
    if (loop.parent().is("if_statement") || loop.parent().is("else_clause")) text = "{ " + text + " }";
    replace(context, proposal, loop, text);
    add_include(context, proposal, context.file.path, context.cpp() ? "cstring" : "string.h");
    context.emit(std::move(proposal));
  }
}

// `*p`, `*p != '\0'` or `*p != 0`
bool tests_end(Node node, std::string_view pointer) {
  Node place = node;
  if (compares(node, "!=")) {
    const std::string_view right = node.field("right").text();
    if (right != "'\\0'" && right != "0") return false;
    place = code::bare(node.field("left"));
  }
  return place.is("pointer_expression") && place.text().starts_with("*") &&
         code::bare(place.field("argument")).text() == pointer;
}

void find_cspan(const Context& context) {
  for (const Node& loop : context.nodes({"while_statement", "for_statement"})) {
    const Node moved = code::bare(counted_up(loop));
    if (!moved.is("identifier")) continue;
    const CVariable variable = context.facts.resolve(moved);
    if (!variable || variable.type.pointers != 1 || variable.type.base != "char" || variable.type.reference) continue;
    if (variable.storage != CStorage::kLocal && variable.storage != CStorage::kParameter) continue;
    // All parts of a && b && c: one tests for the end, the others for other bytes.
    std::vector<Node> parts{code::bare(loop.field("condition"))};
    for (std::size_t i = 0; i < parts.size();) {
      const auto [left, right] = both(parts[i]);
      if (left) {
        parts[i] = left;
        parts.push_back(right);
      } else {
        ++i;
      }
    }
    bool end = false, fits = parts.size() >= 2;
    std::string bytes;
    for (const Node& part : parts) {
      if (tests_end(part, moved.text())) {
        end = true;
        continue;
      }
      const Node place = compares(part, "!=") ? code::bare(part.field("left")) : Node();
      fits = fits && place.is("pointer_expression") && place.text().starts_with("*") &&
             code::bare(place.field("argument")).text() == moved.text() && part.field("right").is("char_literal");
      if (!fits) break;
      std::string byte = spelled(part.field("right"));
      byte = byte.substr(1, byte.size() - 2);
      if (byte == "\"") byte = "\\\"";
      if (byte == "\\'") byte = "'";
      if (byte.size() > 2) fits = false;  // '\x41' would swallow what follows
      bytes += byte;
    }
    if (!end || !fits || bytes.empty()) continue;
    Proposal proposal = context.draft(loop.range(), "let strcspn() look for the end of the run",
                                      "the loop does nothing else; for very short runs the loop is faster");
    replace(context, proposal, loop, spelled(moved) + " += strcspn(" + spelled(moved) + ", \"" + bytes + "\");");
    add_include(context, proposal, context.file.path, context.cpp() ? "cstring" : "string.h");
    context.emit(std::move(proposal));
  }
}

void find_decimal(const Context& context) {
  struct Format {
    std::string_view text;
    const char* type;
    bool is_signed;
  };
  static constexpr std::array<Format, 9> kFormats = {{{"\"%d\"", "int", true},
                                                      {"\"%i\"", "int", true},
                                                      {"\"%u\"", "unsigned", false},
                                                      {"\"%ld\"", "long", true},
                                                      {"\"%li\"", "long", true},
                                                      {"\"%lu\"", "unsigned long", false},
                                                      {"\"%lld\"", "long long", true},
                                                      {"\"%llu\"", "unsigned long long", false},
                                                      {"\"%zu\"", "size_t", false}}};
  for (const Node& call : context.nodes({"call_expression"})) {
    const std::string function = spelled(call.field("function"));
    const bool limited = function == "snprintf" || function == "std::snprintf";
    if (!limited && function != "sprintf" && function != "std::sprintf") continue;
    const std::vector<Node> arguments = code::call_arguments(call);
    if (arguments.size() != (limited ? 4u : 3u)) continue;
    const Node value = arguments.back();
    const Node format = arguments[arguments.size() - 2];
    const auto known =
        std::find_if(kFormats.begin(), kFormats.end(), [&](const Format& one) { return format.text() == one.text; });
    if (known == kFormats.end()) continue;
    const CType type = context.facts.type_of(value);
    if (!CFacts::is_integer(type) || !type.is_value()) continue;
    if (limited) {
      const CVariable buffer = context.facts.resolve(code::bare(arguments[0]));
      if (!buffer || buffer.type.arrays != 1 || buffer.type.pointers != 0 || buffer.type.base != "char") continue;
      const std::optional<long long> room = integer_value(context.facts, buffer.array_size);
      const std::string size = spelled(code::bare(arguments[1]));
      const bool whole =
          size == "sizeof(" + buffer.name + ")" || size == "sizeof " + buffer.name ||
          size == "sizeof (" + buffer.name + ")" ||
          (integer_value(context.facts, arguments[1]) && integer_value(context.facts, arguments[1]) == room);
      if (!room || *room < 24 || !whole) continue;
    } else {
      const CType target = context.facts.type_of(arguments[0]);
      if (target.base != "char" || target.pointers + target.arrays != 1) continue;
    }
    const CFunction* inside = context.facts.enclosing_function(call);
    if (inside == nullptr) continue;
    Node unit = inside->node;
    while (unit.parent() && !unit.parent().is("translation_unit") && !unit.parent().is("declaration_list") &&
           !unit.parent().kind().starts_with("preproc_")) {
      unit = unit.parent();
    }
    // A macro before the function is not part of its node.
    std::uint32_t at = unit.range().begin;
    const std::string& text = context.info.tree->text();
    while (at > 0 && text[at - 1] != '\n') --at;
    const std::string name =
        context.fresh(std::string(known->is_signed ? "put_decimal_" : "put_unsigned_") + std::to_string(call.line()));
    const std::string end = line_end(context);
    std::string helper =
        "// The decimal digits of `value`, as printf() writes them; returns how many characters." + end;
    if (!context.cpp())
      helper = "/* The decimal digits of value, as printf() writes them; returns how many characters. */" + end;
    const auto line = [&](const std::string& one) { helper += one + end; };
    line("static int " + name + "(char *out, " + (known->is_signed ? "long long" : "unsigned long long") + " value) {");
    line("  char digits[24];");
    line("  int count = 0;");
    line("  int length = 0;");
    line(std::string("  unsigned long long rest = ") +
         (known->is_signed ? "value < 0 ? 0ULL - (unsigned long long)value : (unsigned long long)value;" : "value;"));
    line("  do {");
    line("    digits[count++] = (char)('0' + rest % 10);");
    line("    rest /= 10;");
    line("  } while (rest != 0);");
    if (known->is_signed) line("  if (value < 0) out[length++] = '-';");
    line("  while (count > 0) out[length++] = digits[--count];");
    line("  out[length] = '\\0';");
    line("  return length;");
    line("}");
    helper += end;
    Proposal proposal = context.draft(call.range(), "write the digits of " + spelled(value) + " without sprintf()",
                                      "the same characters: decimal integers know no locale");
    replace(proposal, context.file.path, {at, at}, helper);
    replace(context, proposal, call,
            name + "(" + spelled(arguments[0]) + ", (" + known->type + ")" + in_parens(value) + ")");
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made ctype_to_ascii() {
  return make({"c/ctype-to-ascii", Language::kC, 1.20}, find_ctype);
}

Made byte_scan_to_memchr() {
  return make({"c/byte-scan-to-memchr", Language::kC, 1.12}, find_scan);
}

Made byte_scan_to_strcspn() {
  return make({"c/byte-scan-to-strcspn", Language::kC, 1.03}, find_cspan);
}

Made decimal_without_sprintf() {
  return make({"c/decimal-without-sprintf", Language::kC, 1.20}, find_decimal);
}

}  // namespace jarvis2::edit::cpp
