// What is known of the C and C++ standard libraries: which calls only compute, which only read.
#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include "code/c_facts.h"

namespace jarvis2::code {
namespace {

const std::unordered_set<std::string_view>& pure_functions() {
  static const std::unordered_set<std::string_view> names = {"abs",
                                                             "labs",
                                                             "llabs",
                                                             "fabs",
                                                             "fabsf",
                                                             "fabsl",
                                                             "sqrt",
                                                             "sqrtf",
                                                             "cbrt",
                                                             "sin",
                                                             "sinf",
                                                             "cos",
                                                             "cosf",
                                                             "tan",
                                                             "tanf",
                                                             "asin",
                                                             "acos",
                                                             "atan",
                                                             "atan2",
                                                             "atan2f",
                                                             "sinh",
                                                             "cosh",
                                                             "tanh",
                                                             "exp",
                                                             "expf",
                                                             "exp2",
                                                             "expm1",
                                                             "log",
                                                             "logf",
                                                             "log2",
                                                             "log10",
                                                             "log1p",
                                                             "pow",
                                                             "powf",
                                                             "floor",
                                                             "floorf",
                                                             "ceil",
                                                             "ceilf",
                                                             "round",
                                                             "roundf",
                                                             "lround",
                                                             "lroundf",
                                                             "llround",
                                                             "trunc",
                                                             "truncf",
                                                             "fmod",
                                                             "fmodf",
                                                             "hypot",
                                                             "hypotf",
                                                             "fmin",
                                                             "fmax",
                                                             "fminf",
                                                             "fmaxf",
                                                             "copysign",
                                                             "ldexp",
                                                             "isnan",
                                                             "isinf",
                                                             "isfinite",
                                                             "signbit",
                                                             "fma",
                                                             "erf",
                                                             "erfc",
                                                             "tgamma",
                                                             "lgamma",
                                                             "min",
                                                             "max",
                                                             "clamp",
                                                             "gcd",
                                                             "lcm",
                                                             "midpoint",
                                                             "popcount",
                                                             "countl_zero",
                                                             "countr_zero",
                                                             "bit_width",
                                                             "has_single_bit",
                                                             "__builtin_popcount",
                                                             "__builtin_popcountl",
                                                             "__builtin_popcountll",
                                                             "__builtin_clz",
                                                             "__builtin_clzl",
                                                             "__builtin_clzll",
                                                             "__builtin_ctz",
                                                             "__builtin_ctzl",
                                                             "__builtin_ctzll",
                                                             "__builtin_expect",
                                                             "__builtin_bswap32",
                                                             "__builtin_bswap64",
                                                             "__builtin_unreachable",
                                                             "toupper",
                                                             "tolower",
                                                             "isdigit",
                                                             "isalpha",
                                                             "isspace",
                                                             "isalnum",
                                                             "ispunct",
                                                             "isupper",
                                                             "islower",
                                                             "isxdigit",
                                                             "isprint",
                                                             "iscntrl",
                                                             "isgraph",
                                                             "isblank",
                                                             "htons",
                                                             "htonl",
                                                             "ntohs",
                                                             "ntohl",
                                                             "make_pair",
                                                             "make_tuple",
                                                             "static_cast",
                                                             "const_cast",
                                                             "reinterpret_cast",
                                                             "bit_cast",
                                                             "as_const",
                                                             "get",
                                                             "forward",
                                                             "move",
                                                             "to_string",
                                                             "string",
                                                             "string_view",
                                                             "pair",
                                                             "int",
                                                             "double",
                                                             "float",
                                                             "char",
                                                             "size_t",
                                                             "uint8_t",
                                                             "uint16_t",
                                                             "uint32_t",
                                                             "uint64_t",
                                                             "int8_t",
                                                             "int16_t",
                                                             "int32_t",
                                                             "int64_t",
                                                             "unsigned",
                                                             "long",
                                                             "bool",
                                                             "likely",
                                                             "unlikely",
                                                             "defined",
                                                             "sizeof",
                                                             "offsetof",
                                                             "alignof",
                                                             "INT_MAX",
                                                             "div",
                                                             "ldiv",
                                                             "real",
                                                             "imag",
                                                             "norm",
                                                             "conj",
                                                             "polar",
                                                             "arg",
                                                             "nearbyint",
                                                             "rint",
                                                             "lrint",
                                                             "fdim",
                                                             "logb",
                                                             "ilogb",
                                                             "scalbn",
                                                             "remainder",
                                                             "nextafter",
                                                             "addressof",
                                                             "infinity",
                                                             "quiet_NaN",
                                                             "epsilon",
                                                             "lowest",
                                                             "assert",
                                                             "static_assert",
                                                             "tuple",
                                                             "optional",
                                                             "complex",
                                                             "declval",
                                                             "UINT64_C",
                                                             "UINT32_C",
                                                             "INT64_C",
                                                             "runtime_error",
                                                             "logic_error",
                                                             "out_of_range",
                                                             "invalid_argument",
                                                             "length_error",
                                                             "domain_error",
                                                             "overflow_error",
                                                             "range_error",
                                                             "exception",
                                                             "bad_alloc",
                                                             "duration_cast",
                                                             "milliseconds",
                                                             "seconds"};
  return names;
}

// Read what their arguments point to; write nothing.
const std::unordered_set<std::string_view>& reading_functions() {
  static const std::unordered_set<std::string_view> names = {"strlen",
                                                             "strnlen",
                                                             "wcslen",
                                                             "strcmp",
                                                             "strncmp",
                                                             "strcasecmp",
                                                             "strncasecmp",
                                                             "memcmp",
                                                             "bcmp",
                                                             "strchr",
                                                             "strrchr",
                                                             "strstr",
                                                             "strpbrk",
                                                             "strspn",
                                                             "strcspn",
                                                             "memchr",
                                                             "memrchr",
                                                             "atoi",
                                                             "atol",
                                                             "atoll",
                                                             "atof",
                                                             "getenv",
                                                             "stoi",
                                                             "stol",
                                                             "stoul",
                                                             "stoll",
                                                             "stoull",
                                                             "stod",
                                                             "stof",
                                                             "accumulate",
                                                             "inner_product",
                                                             "find_if",
                                                             "find_if_not",
                                                             "count_if",
                                                             "distance",
                                                             "max_element",
                                                             "min_element",
                                                             "minmax_element",
                                                             "equal",
                                                             "binary_search",
                                                             "lower_bound",
                                                             "upper_bound",
                                                             "equal_range",
                                                             "all_of",
                                                             "any_of",
                                                             "none_of",
                                                             "is_sorted",
                                                             "adjacent_find",
                                                             "mismatch",
                                                             "search",
                                                             "lexicographical_compare",
                                                             "next",
                                                             "prev",
                                                             "ssize",
                                                             "cbegin",
                                                             "cend",
                                                             "crbegin",
                                                             "crend",
                                                             "isatty",
                                                             "feof",
                                                             "ferror",
                                                             "ftell",
                                                             "good",
                                                             "eof",
                                                             "fail",
                                                             "hash",
                                                             "holds_alternative",
                                                             "get_if",
                                                             "typeid",
                                                             "exists",
                                                             "is_directory",
                                                             "is_regular_file",
                                                             "dynamic_cast"};
  return names;
}

// Methods that are const on every standard class that has them (operator[] is told apart by the class).
const std::unordered_set<std::string_view>& const_methods() {
  static const std::unordered_set<std::string_view> names = {"size",
                                                             "length",
                                                             "empty",
                                                             "capacity",
                                                             "max_size",
                                                             "count",
                                                             "contains",
                                                             "c_str",
                                                             "compare",
                                                             "substr",
                                                             "find_first_of",
                                                             "find_last_of",
                                                             "find_first_not_of",
                                                             "find_last_not_of",
                                                             "rfind",
                                                             "starts_with",
                                                             "ends_with",
                                                             "cbegin",
                                                             "cend",
                                                             "crbegin",
                                                             "crend",
                                                             "has_value",
                                                             "value_or",
                                                             "bucket_count",
                                                             "load_factor",
                                                             "max_load_factor",
                                                             "key_comp",
                                                             "value_comp",
                                                             "hash_function",
                                                             "use_count",
                                                             "expired",
                                                             "lock",
                                                             "str",
                                                             "good",
                                                             "eof",
                                                             "fail",
                                                             "bad",
                                                             "rdstate",
                                                             "get_allocator",
                                                             "test",
                                                             "any",
                                                             "all",
                                                             "none",
                                                             "to_ulong",
                                                             "to_ullong",
                                                             "to_string",
                                                             "index",
                                                             "valueless_by_exception",
                                                             "joinable",
                                                             "get_id",
                                                             "native_handle",
                                                             "tellg",
                                                             "tellp",
                                                             "is_open",
                                                             "time_since_epoch",
                                                             "copy",
                                                             "what",
                                                             "string",
                                                             "u8string",
                                                             "filename",
                                                             "extension",
                                                             "parent_path",
                                                             "stem",
                                                             "real",
                                                             "imag"};
  return names;
}

// Methods that have a const and a non-const form that both change nothing by themselves, but hand out a way to.
const std::unordered_set<std::string_view>& access_methods() {
  static const std::unordered_set<std::string_view> names = {
      "at",          "front",       "back",        "data", "begin", "end", "rbegin", "rend",   "find",
      "lower_bound", "upper_bound", "equal_range", "top",  "value", "get", "first",  "second", "before_begin"};
  return names;
}

// Write only through the arguments handed to them, or to files and the allocator.
const std::unordered_set<std::string_view>& argument_writers() {
  static const std::unordered_set<std::string_view> names = {"memcpy",
                                                             "memmove",
                                                             "memset",
                                                             "strcpy",
                                                             "strncpy",
                                                             "strcat",
                                                             "strncat",
                                                             "sprintf",
                                                             "snprintf",
                                                             "vsnprintf",
                                                             "vsprintf",
                                                             "printf",
                                                             "fprintf",
                                                             "vfprintf",
                                                             "vprintf",
                                                             "puts",
                                                             "fputs",
                                                             "putchar",
                                                             "putc",
                                                             "fputc",
                                                             "fwrite",
                                                             "fread",
                                                             "fgets",
                                                             "fgetc",
                                                             "getc",
                                                             "getchar",
                                                             "ungetc",
                                                             "fflush",
                                                             "fopen",
                                                             "fclose",
                                                             "fseek",
                                                             "rewind",
                                                             "scanf",
                                                             "fscanf",
                                                             "sscanf",
                                                             "malloc",
                                                             "calloc",
                                                             "realloc",
                                                             "free",
                                                             "strdup",
                                                             "strndup",
                                                             "strtol",
                                                             "strtoul",
                                                             "strtoll",
                                                             "strtoull",
                                                             "strtod",
                                                             "strtof",
                                                             "strtok",
                                                             "strtok_r",
                                                             "qsort",
                                                             "bsearch",
                                                             "rand",
                                                             "srand",
                                                             "random",
                                                             "drand48",
                                                             "time",
                                                             "clock",
                                                             "clock_gettime",
                                                             "gettimeofday",
                                                             "exit",
                                                             "abort",
                                                             "perror",
                                                             "read",
                                                             "write",
                                                             "open",
                                                             "close",
                                                             "lseek",
                                                             "getline",
                                                             "sort",
                                                             "stable_sort",
                                                             "partial_sort",
                                                             "nth_element",
                                                             "reverse",
                                                             "rotate",
                                                             "fill",
                                                             "fill_n",
                                                             "copy",
                                                             "copy_n",
                                                             "copy_if",
                                                             "copy_backward",
                                                             "swap",
                                                             "iter_swap",
                                                             "unique",
                                                             "remove",
                                                             "remove_if",
                                                             "transform",
                                                             "generate",
                                                             "iota",
                                                             "partition",
                                                             "stable_partition",
                                                             "merge",
                                                             "inplace_merge",
                                                             "replace",
                                                             "replace_if",
                                                             "shuffle",
                                                             "random_shuffle",
                                                             "partial_sum",
                                                             "advance",
                                                             "push_heap",
                                                             "pop_heap",
                                                             "make_heap",
                                                             "sort_heap",
                                                             "next_permutation",
                                                             "prev_permutation",
                                                             "set_union",
                                                             "set_intersection",
                                                             "set_difference",
                                                             "includes",
                                                             "for_each",
                                                             "make_unique",
                                                             "make_shared",
                                                             "allocate_shared",
                                                             "exchange",
                                                             "getline",
                                                             "setvbuf",
                                                             "setbuf",
                                                             "putc_unlocked",
                                                             "getc_unlocked",
                                                             "putchar_unlocked",
                                                             "getchar_unlocked",
                                                             "fputs_unlocked",
                                                             "fwrite_unlocked",
                                                             "fputc_unlocked",
                                                             "fgets_unlocked",
                                                             "fread_unlocked",
                                                             "frexp",
                                                             "modf",
                                                             "sincos",
                                                             "from_chars",
                                                             "to_chars",
                                                             "back_inserter",
                                                             "inserter",
                                                             "ref",
                                                             "cref",
                                                             "sync_with_stdio",
                                                             "tie",
                                                             "ignore",
                                                             "flush",
                                                             "endl",
                                                             "setw",
                                                             "setprecision",
                                                             "setfill",
                                                             "fixed",
                                                             "hex",
                                                             "dec",
                                                             "push_back",
                                                             "emplace_back",
                                                             "insert",
                                                             "emplace",
                                                             "erase",
                                                             "clear",
                                                             "resize",
                                                             "reserve",
                                                             "assign",
                                                             "append",
                                                             "pop_back",
                                                             "push",
                                                             "pop",
                                                             "push_front",
                                                             "pop_front",
                                                             "emplace_front",
                                                             "try_emplace",
                                                             "shrink_to_fit",
                                                             "rehash",
                                                             "write",
                                                             "put",
                                                             "peek",
                                                             "reset",
                                                             "release",
                                                             "set",
                                                             "flip",
                                                             "merge",
                                                             "splice",
                                                             "extract",
                                                             "seed",
                                                             "remove_prefix",
                                                             "remove_suffix",
                                                             "setstate",
                                                             "precision",
                                                             "width",
                                                             "imbue",
                                                             "store",
                                                             "load",
                                                             "fetch_add",
                                                             "prefetch",
                                                             "__builtin_prefetch",
                                                             "regex_match",
                                                             "regex_search",
                                                             "regex_replace",
                                                             "begin",
                                                             "end",
                                                             "rbegin",
                                                             "rend",
                                                             "find",
                                                             "count",
                                                             "size",
                                                             "empty",
                                                             "data",
                                                             "at",
                                                             "front",
                                                             "back"};
  return names;
}

}  // namespace

std::optional<CEffect> library_effect(std::string_view name) {
  if (name.starts_with("std::")) name.remove_prefix(5);
  if (pure_functions().contains(name)) return CEffect::kPure;
  if (reading_functions().contains(name) || const_methods().contains(name) || access_methods().contains(name)) {
    return CEffect::kReads;
  }
  if (argument_writers().contains(name)) return CEffect::kWrites;
  return std::nullopt;
}

bool is_memory_only(std::string_view name) {
  static const std::unordered_set<std::string_view> names = {"memcpy",
                                                             "memmove",
                                                             "memset",
                                                             "strcpy",
                                                             "strncpy",
                                                             "strcat",
                                                             "strncat",
                                                             "sprintf",
                                                             "snprintf",
                                                             "strtol",
                                                             "strtoul",
                                                             "strtoll",
                                                             "strtoull",
                                                             "strtod",
                                                             "strtof",
                                                             "qsort",
                                                             "sort",
                                                             "stable_sort",
                                                             "partial_sort",
                                                             "nth_element",
                                                             "reverse",
                                                             "rotate",
                                                             "fill",
                                                             "fill_n",
                                                             "copy",
                                                             "copy_n",
                                                             "copy_if",
                                                             "copy_backward",
                                                             "swap",
                                                             "iter_swap",
                                                             "unique",
                                                             "transform",
                                                             "generate",
                                                             "iota",
                                                             "partition",
                                                             "stable_partition",
                                                             "merge",
                                                             "inplace_merge",
                                                             "replace",
                                                             "replace_if",
                                                             "partial_sum",
                                                             "advance",
                                                             "push_heap",
                                                             "pop_heap",
                                                             "make_heap",
                                                             "sort_heap",
                                                             "next_permutation",
                                                             "prev_permutation",
                                                             "set_union",
                                                             "set_intersection",
                                                             "set_difference",
                                                             "includes",
                                                             "for_each",
                                                             "make_unique",
                                                             "make_shared",
                                                             "exchange",
                                                             "frexp",
                                                             "modf",
                                                             "sincos",
                                                             "from_chars",
                                                             "to_chars",
                                                             "back_inserter",
                                                             "inserter",
                                                             "ref",
                                                             "cref",
                                                             "setw",
                                                             "setprecision",
                                                             "setfill",
                                                             "fixed",
                                                             "hex",
                                                             "dec",
                                                             "push_back",
                                                             "emplace_back",
                                                             "insert",
                                                             "emplace",
                                                             "erase",
                                                             "clear",
                                                             "resize",
                                                             "reserve",
                                                             "assign",
                                                             "append",
                                                             "pop_back",
                                                             "push",
                                                             "pop",
                                                             "push_front",
                                                             "pop_front",
                                                             "emplace_front",
                                                             "try_emplace",
                                                             "shrink_to_fit",
                                                             "rehash",
                                                             "reset",
                                                             "release",
                                                             "set",
                                                             "flip",
                                                             "splice",
                                                             "extract",
                                                             "remove_prefix",
                                                             "remove_suffix",
                                                             "__builtin_prefetch",
                                                             "begin",
                                                             "end",
                                                             "rbegin",
                                                             "rend",
                                                             "find",
                                                             "count",
                                                             "size",
                                                             "empty",
                                                             "data",
                                                             "at",
                                                             "front",
                                                             "back",
                                                             "remove",
                                                             "remove_if",
                                                             "load",
                                                             "store",
                                                             "fetch_add"};
  return names.contains(name);
}

bool is_const_library_method(std::string_view name) {
  return const_methods().contains(name) || access_methods().contains(name);
}

// Words of arithmetic types.
bool CFacts::is_floating(const CType& type) {
  return type.is_value() && (type.base == "double" || type.base == "float" || type.base == "long double");
}

bool CFacts::is_integer(const CType& type) {
  if (!type.is_value()) return false;
  static const std::unordered_set<std::string_view> names = {
      "int",      "unsigned", "long",      "short",         "char",          "bool",         "_Bool",
      "size_t",   "ssize_t",  "int8_t",    "int16_t",       "int32_t",       "int64_t",      "uint8_t",
      "uint16_t", "uint32_t", "uint64_t",  "ptrdiff_t",     "intptr_t",      "uintptr_t",    "off_t",
      "time_t",   "uchar",    "uint",      "ulong",         "ushort",        "char16_t",     "char32_t",
      "wchar_t",  "intmax_t", "uintmax_t", "uint_fast32_t", "uint_fast16_t", "int_fast32_t", "u8",
      "u16",      "u32",      "u64",       "i32",           "i64",           "byte",         "uint_fast64_t"};
  std::string_view base = type.base;
  if (base.starts_with("std::")) base.remove_prefix(5);
  if (names.contains(base)) return true;
  static const std::unordered_set<std::string_view> words = {"int", "unsigned", "signed", "long", "short", "char"};
  while (!base.empty()) {
    const std::size_t space = base.find(' ');
    if (!words.contains(base.substr(0, space))) return false;
    base = space == std::string_view::npos ? std::string_view() : base.substr(space + 1);
  }
  return true;
}

bool CFacts::is_unsigned(const CType& type) {
  if (!is_integer(type)) return false;
  std::string_view base = type.base;
  if (base.starts_with("std::")) base.remove_prefix(5);
  return base.starts_with("u") || base == "size_t" || base == "bool" || base == "_Bool";
}

std::size_t CFacts::size_of(const CType& written) const {
  const CType type = resolved(written);
  if (!type.known()) return 0;
  if (type.pointers > 0 || type.reference || type.function) return 8;
  std::string_view base = type.base;
  if (base.starts_with("std::")) base.remove_prefix(5);
  if (is_integer(type) || is_floating(type)) {
    if (base.find("char") != std::string_view::npos || base == "bool" || base == "_Bool" || base.ends_with("8_t") ||
        base == "u8" || base == "byte" || base == "uchar") {
      return 1;
    }
    if (base.find("short") != std::string_view::npos || base.ends_with("16_t") || base == "u16") return 2;
    if (base == "long double") return 16;
    if (base == "int" || base == "unsigned" || base == "unsigned int" || base == "float" || base.ends_with("32_t") ||
        base == "u32" || base == "i32" || base == "uint" || base == "wchar_t") {
      return 4;
    }
    return 8;
  }
  static const std::unordered_map<std::string_view, std::size_t> known = {
      {"string", 32},        {"string_view", 16},
      {"vector", 24},        {"map", 48},
      {"set", 48},           {"multimap", 48},
      {"multiset", 48},      {"unordered_map", 56},
      {"unordered_set", 56}, {"unordered_multimap", 56},
      {"deque", 80},         {"list", 24},
      {"function", 32},      {"shared_ptr", 16},
      {"unique_ptr", 8},     {"queue", 80},
      {"stack", 80},         {"priority_queue", 32},
      {"wstring", 32},       {"stringstream", 392},
      {"weak_ptr", 16},      {"regex", 32},
      {"any", 16},           {"path", 40}};
  const std::string name = type.name();
  if (const auto found = known.find(name); found != known.end()) return found->second;
  const std::vector<std::string> arguments = type.arguments();
  if ((name == "pair" || name == "tuple") && !arguments.empty()) {
    std::size_t total = 0;
    for (const std::string& argument : arguments) {
      const std::size_t part = size_of(parse_c_type(argument));
      if (part == 0) return 0;
      total += std::max<std::size_t>(part, 4);
    }
    return total;
  }
  if (name == "array" && arguments.size() == 2) {
    const std::size_t part = size_of(parse_c_type(arguments[0]));
    const long count = std::strtol(arguments[1].c_str(), nullptr, 10);
    return part * (count > 0 ? static_cast<std::size_t>(count) : 64);
  }
  if (const CRecord* found = record(name); found != nullptr) {
    std::size_t total = found->virtual_methods.empty() ? 0 : 8;
    for (const CVariable& field : found->fields) {
      if (field.is_static) continue;
      CType part = resolved(field.type);
      const bool array = part.arrays > 0;
      part.arrays = 0;
      if (part.is_value() && part.name() == found->name) return 0;
      std::size_t bytes = std::max<std::size_t>(size_of(part), 1);
      if (array) {
        const long count =
            field.array_size ? std::strtol(std::string(field.array_size.text()).c_str(), nullptr, 10) : 0;
        bytes *= count > 0 ? static_cast<std::size_t>(count) : 16;
      }
      total = found->is_union ? std::max(total, bytes) : total + bytes;
    }
    return total;
  }
  return 0;
}

bool CFacts::is_large(const CType& written) const {
  const CType type = resolved(written);
  if (!type.is_value()) return false;
  static const std::unordered_set<std::string> copying = {"string",
                                                          "vector",
                                                          "map",
                                                          "set",
                                                          "multimap",
                                                          "multiset",
                                                          "unordered_map",
                                                          "wstring",
                                                          "deque",
                                                          "unordered_set",
                                                          "list",
                                                          "function",
                                                          "priority_queue",
                                                          "queue",
                                                          "stack",
                                                          "forward_list",
                                                          "any",
                                                          "unordered_multimap",
                                                          "unordered_multiset",
                                                          "path",
                                                          "valarray",
                                                          "basic_string",
                                                          "u16string",
                                                          "regex"};
  const std::string name = type.name();
  if (copying.contains(name)) return type.base.starts_with("std::") || record(name) == nullptr;
  if (name == "pair" || name == "tuple" || name == "optional" || name == "array" || name == "variant") {
    const std::vector<std::string> arguments = type.arguments();
    return size_of(type) > 32 || std::any_of(arguments.begin(), arguments.end(), [this](const std::string& argument) {
             return is_large(parse_c_type(argument));
           });
  }
  const CRecord* found = record(name);
  if (found == nullptr) return false;
  if (size_of(type) > 32) return true;
  return std::any_of(found->fields.begin(), found->fields.end(), [&](const CVariable& field) {
    return field.type.is_value() && !field.is_static && field.type.name() != name && is_large(field.type);
  });
}

}  // namespace jarvis2::code
