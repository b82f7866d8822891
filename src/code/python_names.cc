// Tables of Python's own names.
#include <algorithm>
#include <iterator>

#include "code/python_facts.h"

namespace jarvis2::code {
namespace {

template <std::size_t N>
bool contains(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

constexpr std::string_view kKeywords[] = {"False",  "None",   "True",    "and",      "as",       "assert", "async",
                                          "await",  "break",  "class",   "continue", "def",      "del",    "elif",
                                          "else",   "except", "finally", "for",      "from",     "global", "if",
                                          "import", "in",     "is",      "lambda",   "nonlocal", "not",    "or",
                                          "pass",   "raise",  "return",  "try",      "while",    "with",   "yield"};

constexpr std::string_view kPureBuiltins[] = {"abs",        "all",       "any",       "ascii",      "bin",
                                              "bool",       "bytearray", "bytes",     "callable",   "chr",
                                              "complex",    "dict",      "divmod",    "enumerate",  "filter",
                                              "float",      "format",    "frozenset", "getattr",    "hasattr",
                                              "hash",       "hex",       "id",        "int",        "isinstance",
                                              "issubclass", "len",       "list",      "map",        "max",
                                              "min",        "object",    "oct",       "ord",        "pow",
                                              "range",      "repr",      "reversed",  "round",      "set",
                                              "slice",      "sorted",    "str",       "sum",        "super",
                                              "tuple",      "type",      "zip",       "memoryview", "NotImplemented",
                                              "Ellipsis"};

constexpr std::string_view kOtherBuiltins[] = {"print",
                                               "input",
                                               "open",
                                               "iter",
                                               "next",
                                               "setattr",
                                               "delattr",
                                               "exec",
                                               "eval",
                                               "compile",
                                               "globals",
                                               "locals",
                                               "vars",
                                               "dir",
                                               "help",
                                               "breakpoint",
                                               "staticmethod",
                                               "classmethod",
                                               "property",
                                               "__import__",
                                               "Exception",
                                               "BaseException",
                                               "ValueError",
                                               "TypeError",
                                               "KeyError",
                                               "IndexError",
                                               "AttributeError",
                                               "StopIteration",
                                               "RuntimeError",
                                               "NotImplementedError",
                                               "OverflowError",
                                               "ZeroDivisionError",
                                               "AssertionError",
                                               "OSError",
                                               "IOError",
                                               "KeyboardInterrupt",
                                               "ArithmeticError",
                                               "LookupError"};

constexpr std::string_view kPureStandard[] = {"math.sqrt",
                                              "math.sin",
                                              "math.cos",
                                              "math.tan",
                                              "math.atan",
                                              "math.atan2",
                                              "math.exp",
                                              "math.log",
                                              "math.log2",
                                              "math.log10",
                                              "math.floor",
                                              "math.ceil",
                                              "math.fabs",
                                              "math.pow",
                                              "math.hypot",
                                              "math.radians",
                                              "math.degrees",
                                              "math.gcd",
                                              "math.fmod",
                                              "math.isnan",
                                              "math.isinf",
                                              "math.trunc",
                                              "math.asin",
                                              "math.acos",
                                              "math.sinh",
                                              "math.cosh",
                                              "math.tanh",
                                              "math.factorial",
                                              "math.comb",
                                              "math.isqrt",
                                              "math.copysign",
                                              "math.dist",
                                              "math.fsum",
                                              "math.prod",
                                              "math.frexp",
                                              "math.ldexp",
                                              "math.modf",
                                              "math.erf",
                                              "math.gamma",
                                              "cmath.exp",
                                              "cmath.sqrt",
                                              "re.compile",
                                              "re.escape",
                                              "struct.calcsize",
                                              "struct.pack",
                                              "struct.unpack",
                                              "struct.Struct",
                                              "operator.itemgetter",
                                              "operator.attrgetter",
                                              "operator.methodcaller",
                                              "operator.add",
                                              "operator.mul",
                                              "operator.sub",
                                              "bisect.bisect",
                                              "bisect.bisect_left",
                                              "bisect.bisect_right",
                                              "itertools.chain",
                                              "itertools.product",
                                              "itertools.combinations",
                                              "itertools.permutations",
                                              "itertools.repeat",
                                              "fractions.Fraction",
                                              "decimal.Decimal",
                                              "copy.copy"};

constexpr std::string_view kReadingMethods[] = {
    "get",        "keys",         "values",     "items",      "count",        "index",      "find",
    "rfind",      "rindex",       "split",      "rsplit",     "splitlines",   "join",       "startswith",
    "endswith",   "strip",        "lstrip",     "rstrip",     "lower",        "upper",      "title",
    "capitalize", "casefold",     "swapcase",   "replace",    "encode",       "decode",     "format",
    "format_map", "isdigit",      "isalpha",    "isalnum",    "isspace",      "isupper",    "islower",
    "isnumeric",  "isidentifier", "partition",  "rpartition", "zfill",        "ljust",      "rjust",
    "center",     "translate",    "copy",       "union",      "intersection", "difference", "symmetric_difference",
    "issubset",   "issuperset",   "isdisjoint", "bit_length", "hex",          "to_bytes",   "conjugate"};

constexpr std::string_view kMutatingMethods[] = {"append",
                                                 "extend",
                                                 "insert",
                                                 "remove",
                                                 "pop",
                                                 "clear",
                                                 "sort",
                                                 "reverse",
                                                 "add",
                                                 "discard",
                                                 "update",
                                                 "setdefault",
                                                 "popitem",
                                                 "appendleft",
                                                 "popleft",
                                                 "extendleft",
                                                 "rotate",
                                                 "intersection_update",
                                                 "difference_update",
                                                 "symmetric_difference_update",
                                                 "move_to_end",
                                                 "subtract"};

}  // namespace

bool python_keyword(std::string_view name) {
  return contains(kKeywords, name);
}
bool python_builtin(std::string_view name) {
  return contains(kPureBuiltins, name) || contains(kOtherBuiltins, name) || contains(kKeywords, name);
}
bool python_pure_function(std::string_view name) {
  return contains(kPureBuiltins, name) || contains(kPureStandard, name);
}
bool python_reading_method(std::string_view name) {
  return contains(kReadingMethods, name);
}
bool python_mutating_method(std::string_view name) {
  return contains(kMutatingMethods, name);
}

}  // namespace jarvis2::code
