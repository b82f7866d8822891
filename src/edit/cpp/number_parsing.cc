// c/number-without-strtod: strtod(s, end) and atof(s) go through a few lines that read short decimal numbers, and hand
// the rest to strtod(). Up to 15 digits and powers of ten up to 22 are exact doubles, so the one operation between them
// rounds as strtod() must [Clinger, PLDI'90]. Any locale whose decimal point is another one, infinities, NaN,
// hexadecimal numbers, x87 and -ffast-math take the old way.
// c/integer-without-strtol: the same for strtol(s, end, 10), atol(s) and atoi(s) of up to 9 digits.
// Neither touches errno where strtod() would not. Preconditions: the functions are the library's;
// the file is no header.
#include <algorithm>

#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

std::string library_name(Node call) {
  const std::string name = spelled(call.field("function"));
  return name.starts_with("std::") ? name.substr(5) : name;
}

// Where a function of the file's outermost scope can stand before `node`: not in a namespace or in extern "C" braces,
// but inside an include guard.
std::optional<std::uint32_t> place_before(const Context& context, Node node) {
  Node outermost = node;
  for (Node at = node; at; at = at.parent()) {
    if (!at.is("translation_unit") && !at.kind().starts_with("preproc_")) outermost = at;
  }
  if (outermost.is("translation_unit")) return std::nullopt;
  std::uint32_t at = outermost.range().begin;
  const std::string& text = context.info.tree->text();
  while (at > 0 && text[at - 1] != '\n') --at;
  return at;
}

bool defined_here(const Context& context, const std::string& name) {
  return std::any_of(context.facts.files().begin(), context.facts.files().end(),
                     [&](const std::shared_ptr<const CFile>& file) {
                       return std::any_of(file->functions.begin(), file->functions.end(),
                                          [&](const CFunction& function) { return function.name == name; });
                     });
}

const char* const kDouble =
    R"(#if defined(__unix__) || defined(__APPLE__)
#include <langinfo.h>
#endif
/* What strtod() gives. Short decimal numbers are read here: both factors are exact, so that one operation rounds as
   strtod() does [Clinger 1990]; all others are left to strtod(). */
static double NAME(const char *text, char **end) {
#if (defined(__unix__) || defined(__APPLE__)) && defined(__FLT_EVAL_METHOD__) && !defined(__FAST_MATH__)
#if __FLT_EVAL_METHOD__ == 0
  static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  const char *at = text;
  double value = 0;
  int digits = 0;
  int scale = 0;
  int negative;
  while (*at == ' ' || (*at >= '\t' && *at <= '\r')) at++;
  negative = *at == '-';
  if (*at == '-' || *at == '+') at++;
  for (; *at >= '0' && *at <= '9' && digits < 16; at++, digits++) value = value * 10 + (*at - '0');
  if (*at == '.') {
    at++;
    for (; *at >= '0' && *at <= '9' && digits < 16; at++, digits++, scale--) value = value * 10 + (*at - '0');
  }
  if (digits > 0 && digits < 16 && *at != 'x' && *at != 'X') {
    const char *point = nl_langinfo(RADIXCHAR);
    if (*at == 'e' || *at == 'E') {
      const char *mark = at + 1;
      int below = *mark == '-';
      int power = 0;
      if (*mark == '-' || *mark == '+') mark++;
      if (*mark >= '0' && *mark <= '9') {
        for (; *mark >= '0' && *mark <= '9' && power < 1000; mark++) power = power * 10 + (*mark - '0');
        scale += below ? -power : power;
        at = mark;
      }
    }
    if (scale >= -22 && scale <= 22 && point[0] == '.' && point[1] == '\0') {
      value = scale < 0 ? value / powers[-scale] : value * powers[scale];
      if (end) memcpy(end, &at, sizeof(at));
      return negative ? -value : value;
    }
  }
#endif
#endif
  return strtod(text, end);
}

)";

const char* const kInteger =
    R"(/* What strtol(text, end, 10) gives; numbers of up to nine digits are read here. */
static long NAME(const char *text, char **end) {
  const char *at = text;
  const char *first;
  long value = 0;
  int negative;
  while (*at == ' ' || (*at >= '\t' && *at <= '\r')) at++;
  negative = *at == '-';
  if (*at == '-' || *at == '+') at++;
  first = at;
  for (; *at >= '0' && *at <= '9' && at - first < 10; at++) {
    if (at - first < 9) value = value * 10 + (*at - '0');
  }
  if (at == first || at - first > 9) return strtol(text, end, 10);
  if (end) memcpy(end, &at, sizeof(at));
  return negative ? -value : value;
}

)";

// All calls looked at share one helper, put before the first of them.
void rewrite(const Context& context, bool floating) {
  if (context.file.path.ends_with(".h") || context.file.path.ends_with(".hpp")) return;  // many files would have it
  std::vector<Node> calls;
  for (const Node& call : context.nodes({"call_expression"})) {
    const std::string name = library_name(call);
    const std::vector<Node> arguments = code::call_arguments(call);
    const bool one = arguments.size() == 1;
    const bool wanted = floating ? (name == "strtod" && arguments.size() == 2) || (name == "atof" && one)
                                 : (name == "strtol" && arguments.size() == 3 && arguments[2].text() == "10") ||
                                       ((name == "atol" || name == "atoi") && one);
    if (!wanted || defined_here(context, name)) continue;
    const CFunction* inside = context.facts.enclosing_function(call);
    if (inside == nullptr || inside->name.starts_with("read_double_") || inside->name.starts_with("read_integer_"))
      continue;  // our own
    // The argument of another such call would be changed twice.
    const bool nested = std::any_of(calls.begin(), calls.end(),
                                    [&](const Node& outer) { return outer.range().contains(call.range()); });
    if (!nested) calls.push_back(call);
  }
  if (calls.empty()) return;
  const Node first = *std::min_element(calls.begin(), calls.end(),
                                       [](const Node& a, const Node& b) { return a.range().begin < b.range().begin; });
  const std::optional<std::uint32_t> at = place_before(context, context.facts.enclosing_function(first)->node);
  if (!at) return;
  const std::string name =
      context.fresh(std::string(floating ? "read_double_" : "read_integer_") + std::to_string(first.line()));
  std::string helper;
  for (const char* c = floating ? kDouble : kInteger; *c != '\0'; ++c) {
    if (std::string_view(c).starts_with("NAME")) {
      helper += name;
      c += 3;
    } else if (*c == '\n') {
      helper += line_end(context);
    } else {
      helper += *c;
    }
  }
  Proposal proposal =
      context.draft(first.range(), std::string("read ") + (floating ? "short decimal numbers" : "short integers") +
                                       " without " + (floating ? "strtod()" : "strtol()"));
  replace(proposal, context.file.path, {*at, *at}, helper);
  add_include(context, proposal, context.file.path, "string.h");
  const std::string null = context.cpp() ? "nullptr" : "(char **)0";
  for (const Node& call : calls) {
    const std::vector<Node> arguments = code::call_arguments(call);
    const std::string called = library_name(call);
    const bool has_end = called.starts_with("strto");
    std::string text = name + "(" + spelled(arguments[0]) + ", " + (has_end ? spelled(arguments[1]) : null) + ")";
    if (called == "atoi") text = "((int)" + text + ")";
    replace(context, proposal, call, text);
  }
  context.emit(std::move(proposal));
}

}  // namespace

Made number_without_strtod() {
  return make({"c/number-without-strtod", Language::kC, 1.60}, [](const Context& context) { rewrite(context, true); });
}

Made integer_without_strtol() {
  return make({"c/integer-without-strtol", Language::kC, 1.30},
              [](const Context& context) { rewrite(context, false); });
}

}  // namespace jarvis2::edit::cpp
