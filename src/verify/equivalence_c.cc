// Generated inputs for C and C++: a driver that includes the changed file and calls its functions, each call in a child
// of its own, so that crashes and endless loops are outcomes too.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/json.h"
#include "base/process.h"
#include "code/model.h"
#include "verify/equivalence.h"

namespace jarvis2::verify {
namespace {

constexpr std::size_t kCapacity = 64;  // of every array given, whatever its stated length
constexpr std::size_t kMostFunctions = 20;

// Helpers of every driver: a small generator, and the printing of what came back.
constexpr const char* kPrologue = R"c(
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
static uint64_t jarvis2_state;
static uint64_t jarvis2_next(void) {
  jarvis2_state ^= jarvis2_state << 13; jarvis2_state ^= jarvis2_state >> 7; jarvis2_state ^= jarvis2_state << 17;
  return jarvis2_state;
}
static long long jarvis2_int(void) {
  switch (jarvis2_next() % 8) {
    case 0: return (long long)(jarvis2_next() % 3);
    case 1: return -(long long)(jarvis2_next() % 20);
    case 2: return (long long)(jarvis2_next() % 2000);
    case 3: return (long long)(jarvis2_next() % 200000) - 100000;
    default: return (long long)(jarvis2_next() % 60);
  }
}
static double jarvis2_real(void) {
  double v = (double)(long long)(jarvis2_next() % 2000001) / 10000.0 - 100.0;
  return jarvis2_next() % 6 == 0 ? (double)(long long)(v / 10) : v;
}
static char jarvis2_char(void) { static const char set[] = "abcABC 019.,-_/\"\n\tz{}<&"; return set[jarvis2_next() % (sizeof set - 1)]; }
static void jarvis2_say_int(const char* what, long long v) { printf(" %s=%lld", what, v); }
static void jarvis2_say_unsigned(const char* what, unsigned long long v) { printf(" %s=%llu", what, v); }
static void jarvis2_say_real(const char* what, double v) { printf(" %s=~%.17g", what, v); }
)c";

constexpr const char* kMain = R"c(
int main(int argc, char** argv) {
  (void)argc; (void)argv;
  for (int f = 0; f < JARVIS2_FUNCTIONS; ++f) {
    for (int i = 0; i < JARVIS2_INPUTS; ++i) {
      fflush(stdout);
      pid_t child = fork();
      if (child == 0) {
        struct rlimit second = {1, 1};
        setrlimit(RLIMIT_CPU, &second);
        jarvis2_state = 88172645463325252u + (uint64_t)f * 7919u + (uint64_t)i * 104729u;
        for (int k = 0; k < 8; ++k) jarvis2_next();
        printf("@%d %d", f, i);
        jarvis2_calls[f]();
        printf(" .\n");
        fflush(stdout);
        _exit(0);
      }
      int status = 0;
      waitpid(child, &status, 0);
      if (status != 0) printf("@%d %d ended %d\n", f, i, WIFSIGNALED(status) ? WTERMSIG(status) : 1000 + WEXITSTATUS(status));
    }
  }
  return 0;
}
)c";

enum class Base { kNone, kSigned, kUnsigned, kChar, kReal };

struct Parameter {
  Base base = Base::kNone;
  std::string type;  // without const and stars
  int stars = 0;
  bool is_const = false;
  std::string name;
};

Base base_of(const std::string& type) {
  static const std::set<std::string> kSignedTypes = {
      "int",           "short",        "long",         "long long",    "signed char",    "short int", "long int",
      "long long int", "ssize_t",      "ptrdiff_t",    "int8_t",       "int16_t",        "int32_t",   "int64_t",
      "std::int8_t",   "std::int16_t", "std::int32_t", "std::int64_t", "std::ptrdiff_t", "signed int"};
  static const std::set<std::string> kUnsignedTypes = {
      "unsigned",     "unsigned int",  "unsigned long", "unsigned long long", "unsigned short", "unsigned char",
      "size_t",       "uint8_t",       "uint16_t",      "uint32_t",           "uint64_t",       "std::size_t",
      "std::uint8_t", "std::uint16_t", "std::uint32_t", "std::uint64_t",      "bool",           "_Bool"};
  if (kSignedTypes.contains(type)) return Base::kSigned;
  if (kUnsignedTypes.contains(type)) return Base::kUnsigned;
  if (type == "char") return Base::kChar;
  if (type == "double" || type == "float") return Base::kReal;
  return Base::kNone;
}

std::vector<std::string> words_of(const std::string& text) {
  static const std::regex word(R"([A-Za-z_][A-Za-z0-9_]*(::[A-Za-z_][A-Za-z0-9_]*)*)");
  std::vector<std::string> words;
  for (std::sregex_iterator at(text.begin(), text.end(), word), end; at != end; ++at) words.push_back(at->str());
  return words;
}

// "const unsigned char *in" or "int values[]"; a name is required of parameters.
Parameter parse_parameter(std::string text, bool named) {
  Parameter result;
  result.stars = static_cast<int>(std::count(text.begin(), text.end(), '*'));
  const std::size_t bracket = text.find('[');
  if (bracket != std::string::npos) {
    ++result.stars;
    text.erase(bracket);
  }
  if (text.find_first_of("&<(.=") != std::string::npos) return result;
  static const std::set<std::string> kIgnored = {"const",    "static",   "inline",     "extern",
                                                 "register", "restrict", "__restrict", "volatile"};
  std::vector<std::string> words;
  for (std::string& word : words_of(text)) {
    result.is_const = result.is_const || word == "const";
    if (!kIgnored.contains(word)) words.push_back(std::move(word));
  }
  if (named) {
    if (words.size() < 2) return result;
    result.name = words.back();
    words.pop_back();
  }
  result.type = fmt::format("{}", fmt::join(words, " "));
  result.base = base_of(result.type);
  return result;
}

bool is_length_name(const std::string& name) {
  static const std::regex pattern("n|len|length|size|count|num|nb|nelems|.*_(n|len|length|size|count)|n_.*|num_.*",
                                  std::regex::icase);
  return std::regex_match(name, pattern);
}

const char* say_of(Base base) {
  return base == Base::kReal       ? "jarvis2_say_real"
         : base == Base::kUnsigned ? "jarvis2_say_unsigned"
                                   : "jarvis2_say_int";
}

std::string value_of(const Parameter& parameter) {
  switch (parameter.base) {
    case Base::kReal:
      return fmt::format("({})jarvis2_real()", parameter.type);
    case Base::kChar:
      return "jarvis2_char()";
    default:
      return fmt::format("({})jarvis2_int()", parameter.type);
  }
}

std::string without_comments(const std::string& text) {
  static const std::regex comment(R"(/\*[^*]*\*+([^/*][^*]*\*+)*/|//[^\n]*)");
  return std::regex_replace(text, comment, " ");
}

// The lines of the driver's function; empty when the types say too little.
std::string call_of(const std::string& name, const std::string& header) {
  const std::size_t at = header.rfind(name + "(") != std::string::npos ? header.rfind(name + "(") : header.rfind(name);
  if (at == std::string::npos) return {};
  const std::size_t open = header.find('(', at);
  const std::size_t close = header.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open) return {};
  const std::string inside = header.substr(open + 1, close - open - 1);
  if (inside.find('(') != std::string::npos) return {};
  const Parameter returned = parse_parameter(header.substr(0, at), false);
  const bool is_void = returned.type == "void" && returned.stars == 0;
  if (!is_void && (returned.base == Base::kNone || returned.stars > 0)) return {};

  std::vector<Parameter> parameters;
  std::size_t begin = 0;
  while (begin <= inside.size()) {
    const std::size_t comma = std::min(inside.find(',', begin), inside.size());
    const std::string part = inside.substr(begin, comma - begin);
    begin = comma + 1;
    if (part.find_first_not_of(" \t\n") == std::string::npos) continue;
    if (words_of(part) == std::vector<std::string>{"void"} && part.find('*') == std::string::npos) continue;
    parameters.push_back(parse_parameter(part, true));
    if (parameters.back().base == Base::kNone || parameters.back().stars > 1) return {};
  }
  if (parameters.empty()) return {};

  const auto is_integer = [](const Parameter& p) {
    return p.stars == 0 && (p.base == Base::kSigned || p.base == Base::kUnsigned) && p.type != "bool";
  };
  const bool arrays =
      std::any_of(parameters.begin(), parameters.end(), [](const Parameter& p) { return p.stars == 1; });
  // The length is the integer that is called so, else the first one after an array.
  std::size_t length = parameters.size();
  for (std::size_t i = 0; i < parameters.size() && arrays; ++i) {
    if (is_integer(parameters[i]) && is_length_name(parameters[i].name)) length = std::min(length, i);
  }
  for (std::size_t i = 1; i < parameters.size() && arrays && length == parameters.size(); ++i) {
    if (is_integer(parameters[i]) && parameters[i - 1].stars == 1) length = i;
  }
  const bool strings_only = length == parameters.size();
  for (const Parameter& p : parameters) {
    // An array of numbers without a length can't be called safely, unless it is an output.
    if (p.stars == 1 && p.base != Base::kChar && strings_only) return {};
  }
  std::string body = "  const int size = (int)(jarvis2_next() % 25);\n  (void)size;\n";
  std::vector<std::string> arguments;
  std::string say;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& p = parameters[i];
    if (p.stars == 0) {
      if (i == length) {
        arguments.push_back(fmt::format("({})size", p.type));
      } else {
        body += fmt::format("  {} p{} = {};\n", p.type, i, value_of(p));
        arguments.push_back(fmt::format("p{}", i));
      }
      continue;
    }
    body += fmt::format("  static {} p{}[{}];\n", p.type, i, kCapacity);
    if (p.base == Base::kChar) {
      body += fmt::format("  for (int k = 0; k < {}; ++k) p{}[k] = jarvis2_char();\n  p{}[size] = 0;\n", kCapacity - 1,
                          i, i);
    } else {
      body += fmt::format("  for (int k = 0; k < {}; ++k) p{}[k] = {};\n", kCapacity, i, value_of(p));
    }
    say += fmt::format("  for (int k = 0; k < {}; ++k) {}(\"\", p{}[k]);\n", kCapacity, say_of(p.base), i);
    arguments.push_back(fmt::format("p{}", i));
  }
  const std::string call = fmt::format("{}({})", name, fmt::join(arguments, ", "));
  if (is_void) {
    body += fmt::format("  {};\n", call);
  } else {
    body += fmt::format("  {} result = {};\n  {}(\"returned\", result);\n", returned.type, call, say_of(returned.base));
  }
  body += say;
  // A second call with the same arguments: state that a call leaves behind shows.
  if (!is_void && !arrays) body += fmt::format("  {}(\"again\", {});\n", say_of(returned.base), call);
  return body;
}

// Flags that the build gives this file, from compile_commands.json; the usual folders besides.
std::string flags_for(const fs::path& tree, const std::string& path) {
  std::string flags = "-I. -Isrc -Iinclude";
  if (const std::string folder = fs::path(path).parent_path().string(); !folder.empty()) flags += " -I'" + folder + "'";
  std::error_code error;
  for (const fs::path& folder : {tree, tree / "build"}) {
    const fs::path file = folder / "compile_commands.json";
    if (!fs::is_regular_file(file, error)) continue;
    const Json commands = Json::parse(read_file(file), nullptr, false);
    if (!commands.is_array()) continue;
    for (const Json& command : commands) {
      if (!command.value("file", "").ends_with("/" + path)) continue;
      static const std::regex wanted(R"((^|\s)((-I|-isystem )\s*\S+|-D\S+|-std=\S+))");
      const std::string text = command.value("command", "");
      for (std::sregex_iterator at(text.begin(), text.end(), wanted), end; at != end; ++at)
        flags += " " + (*at)[2].str();
      return flags;
    }
  }
  return flags;
}

// "@F I ..." lines by (F, I).
std::map<std::pair<int, int>, std::string> outcomes(const std::string& text) {
  std::map<std::pair<int, int>, std::string> result;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find("\n@", begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    begin = end + 1;
    int function = 0, input = 0, used = 0;
    if (std::sscanf(part.c_str(), "@%d %d%n", &function, &input, &used) != 2) continue;
    std::string& at = result[{function, input}];
    const std::string rest = part.substr(static_cast<std::size_t>(used));
    // A crash is told after what the child had printed: the last word counts.
    at = rest;
  }
  return result;
}

// Equal word for word; words with ~ are floats, to the same tolerance as elsewhere.
bool same_text(const std::string& a, const std::string& b) {
  if (a == b) return true;
  std::istringstream left(a), right(b);
  std::string x, y;
  while (true) {
    const bool one = static_cast<bool>(left >> x), two = static_cast<bool>(right >> y);
    if (one != two) return false;
    if (!one) return true;
    if (x == y) continue;
    const std::size_t at = x.find('~'), other = y.find('~');
    if (at == std::string::npos || other == std::string::npos || x.substr(0, at) != y.substr(0, other)) return false;
    const Json u = std::strtod(x.c_str() + at + 1, nullptr), v = std::strtod(y.c_str() + other + 1, nullptr);
    if (!same_outcome(u, v)) return false;
  }
}

}  // namespace

std::vector<DrivenFunction> drivable_functions(const std::string& path, const std::string& text,
                                               std::vector<std::string>& notes) {
  const code::Workspace workspace = code::parse_workspace({{path, text}}, 1, {true});
  const code::Model model = code::Model::build(workspace, 1);
  std::vector<DrivenFunction> result;
  for (const code::Function& function : model.functions()) {
    if (function.qualified != function.name || function.name == "main" || result.size() >= kMostFunctions) continue;
    const std::string header =
        without_comments(text.substr(function.range.begin, function.body.begin - function.range.begin));
    const std::string call = header.find("template") == std::string::npos ? call_of(function.name, header) : "";
    if (call.empty()) {
      notes.push_back(fmt::format("{}::{}: its types say too little", path, function.name));
    } else {
      result.push_back({function.name, call});
    }
  }
  return result;
}

std::string c_driver(const std::string& path, const std::vector<DrivenFunction>& functions, std::size_t inputs) {
  std::string driver =
      fmt::format("#define main jarvis2_their_main\n#include \"{}\"\n#undef main\n{}", path, kPrologue);
  std::string table;
  for (std::size_t i = 0; i < functions.size(); ++i) {
    driver += fmt::format("static void jarvis2_call_{}(void) {{\n{}}}\n", i, functions[i].call);
    table += fmt::format("jarvis2_call_{}, ", i);
  }
  driver += fmt::format("static void (*const jarvis2_calls[])(void) = {{{}}};\n", table);
  driver += fmt::format("#define JARVIS2_FUNCTIONS {}\n#define JARVIS2_INPUTS {}\n{}", functions.size(), inputs, kMain);
  return driver;
}

std::string check_generated_c(const Candidate& candidate, const fs::path& base_tree, const fs::path& tree,
                              const Plan& plan, const Workspace& workspace, GeneratedCheck& result,
                              const std::stop_token& stop) {
  for (const auto& [path, text] : candidate.files) {
    const std::string extension = fs::path(path).extension();
    const bool is_c = extension == ".c";
    static const std::set<std::string> kSources = {".c", ".cc", ".cpp", ".cxx"};
    std::error_code error;
    if (!text || !kSources.contains(extension) || !fs::is_regular_file(base_tree / path, error)) continue;
    const std::string before = read_file(base_tree / path);
    if (before == *text) continue;
    // What both versions define in the same way.
    std::vector<std::string> ignored;
    std::vector<DrivenFunction> functions = drivable_functions(path, before, result.notes);
    const std::vector<DrivenFunction> now = drivable_functions(path, *text, ignored);
    std::erase_if(functions, [&](const DrivenFunction& one) {
      return std::none_of(now.begin(), now.end(), [&](const DrivenFunction& other) {
        return other.name == one.name && other.call == one.call;
      });
    });
    if (functions.empty()) continue;

    const std::string compiler = is_c ? "${CC:-cc} -x c" : "${CXX:-c++} -x c++";
    const std::string compile =
        fmt::format("{} -w -O1 -fno-strict-aliasing {} -Wl,--unresolved-symbols=ignore-all \"$d/d.c\" -lm -pthread",
                    compiler, flags_for(base_tree, path));
    const auto ask = [&](const fs::path& where, bool checked) {
      // The sanitizers' run last: what came before stands when there are none here.
      std::string command = fmt::format(
          "d=$(mktemp -d) && trap 'rm -rf \"$d\"' EXIT && printf '%s' \"$_DRIVER\" >\"$d/d.c\" && {} -o \"$d/d\" && "
          "echo @plain && \"$d/d\"",
          compile);
      if (checked) {
        command += fmt::format(
            " && echo @plain && \"$d/d\" && {} -fsanitize=address,undefined -fno-sanitize-recover=all -o "
            "\"$d/s\" 2>/dev/null && echo @plain && ASAN_OPTIONS=detect_leaks=0 \"$d/s\" 2>/dev/null || true",
            compile);
      }
      SpawnOptions spawn = workspace.sandboxed(command, where, false);
      spawn.env.emplace_back("_DRIVER", c_driver(path, functions, plan.generated_inputs));
      if (checked) spawn.limit_data_bytes.reset();  // sanitizers reserve address space without end
      const ProcessResult answer = run_process(spawn, plan.generate_timeout_s, stop);
      if (answer.cancelled) throw Interrupted();
      std::vector<std::map<std::pair<int, int>, std::string>> runs;
      const std::string mark = "@plain\n";
      for (std::size_t at = answer.out.find(mark); at != std::string::npos;) {
        const std::size_t next = answer.out.find(mark, at + mark.size());
        runs.push_back(
            outcomes(answer.out.substr(at + mark.size(), next == std::string::npos ? next : next - at - mark.size())));
        at = next;
      }
      if (runs.empty())
        result.notes.push_back(fmt::format("{}: no driver could be built: {}", path, answer.err.substr(0, 160)));
      return runs;
    };
    const std::vector<std::map<std::pair<int, int>, std::string>> base = ask(base_tree, true);
    if (base.empty()) continue;
    const std::vector<std::map<std::pair<int, int>, std::string>> seen = ask(tree, false);
    if (seen.empty()) continue;  // it was built and tested: a driver that does not compile says nothing against it
    if (base.size() < 3)
      result.notes.push_back(path + ": without sanitizers, so undefined behaviour may show as a difference");
    std::set<int> used;
    for (const auto& [key, expected] : base[0]) {
      const auto same_in = [&](std::size_t run, const std::string& wanted) {
        const auto found = base[run].find(key);
        return found != base[run].end() && same_text(found->second, wanted);
      };
      const bool crashed = expected.find("ended") != std::string::npos;
      if (crashed || (base.size() > 1 && !same_in(1, expected)) || (base.size() > 2 && !same_in(2, expected))) {
        ++result.left_out;
        continue;
      }
      ++result.inputs;
      used.insert(key.first);
      const auto got = seen[0].find(key);
      const std::string told = got == seen[0].end() ? " nothing" : got->second;
      if (same_text(expected, told)) continue;
      return fmt::format("{}::{}, generated input {}:{} instead of{}", path,
                         functions[static_cast<std::size_t>(key.first)].name, key.second, told.substr(0, 150),
                         expected.substr(0, 150));
    }
    for (const int index : used)
      result.functions.push_back(path + "::" + functions[static_cast<std::size_t>(index)].name);
  }
  return {};
}

}  // namespace jarvis2::verify
