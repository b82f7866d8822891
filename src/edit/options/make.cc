// Options in a Makefile: `override CFLAGS += ...` after the last assignment of the variable that its commands use.
#include <algorithm>
#include <regex>

#include "edit/options/options.h"

namespace jarvis2::edit {
namespace {

bool refers(const std::string& text, const std::string& variable) {
  return text.find("$(" + variable + ")") != std::string::npos || text.find("${" + variable + "}") != std::string::npos;
}

// Begin and end of lines; a line that ends with a backslash goes on.
struct Line {
  std::size_t begin;
  std::size_t end;  // after the line's end
};

std::vector<Line> logical_lines(const std::string& text) {
  std::vector<Line> result;
  std::size_t at = 0;
  while (at < text.size()) {
    Line line{at, at};
    while (true) {
      std::size_t end = text.find('\n', at);
      if (end == std::string::npos) end = text.size();
      const bool more = end > at && text[end - 1] == '\\' && end < text.size();
      at = std::min(end + 1, text.size());
      if (!more) break;
    }
    line.end = at;
    result.push_back(line);
  }
  return result;
}

// Where a line about `variable` takes effect for the rules below: after its last assignment at top level; where it is
// never assigned, before the first line that is neither blank nor a comment.
std::size_t place_for(const std::string& text, const std::string& variable, bool& assigned) {
  const std::regex assignment("^(override[ \\t]+|export[ \\t]+)?" + variable + "[ \\t]*(\\?|:|::|\\+)?=");
  std::size_t place = std::string::npos;
  std::size_t first = std::string::npos;
  std::size_t after_include = std::string::npos;
  int depth = 0;
  bool inside = false;
  bool rules = false;
  for (const Line& line : logical_lines(text)) {
    const std::string one = text.substr(line.begin, line.end - line.begin);
    if (std::regex_search(one, std::regex("^[ ]*(ifeq|ifneq|ifdef|ifndef)\\b"))) ++depth;
    const bool closes = std::regex_search(one, std::regex("^[ ]*endif\\b"));
    if (closes) --depth;
    // Inside a condition it holds in one branch only: take the end of the condition.
    if (closes && depth == 0 && inside) {
      place = line.end;
      inside = false;
    }
    if (std::regex_search(one, assignment)) {
      if (depth > 0) {
        inside = true;
      } else {
        place = line.end;
      }
    }
    // What is included above the rules may assign it as well.
    rules |= std::regex_search(one, std::regex("^[^\t#=]*[^:\t#=]:([^=:]|$)"));
    if (!rules && depth == 0 && std::regex_search(one, std::regex("^ *-?s?include\\b"))) after_include = line.end;
    if (first == std::string::npos && one.find_first_not_of(" \t\r\n") != std::string::npos && one[0] != '#')
      first = line.begin;
  }
  if (after_include != std::string::npos && (place == std::string::npos || place < after_include))
    place = after_include;
  assigned = place != std::string::npos;
  return assigned ? place : (first == std::string::npos ? 0 : first);
}

std::string joined(const std::vector<std::string>& flags) {
  std::string result;
  for (const std::string& flag : flags) result += (result.empty() ? "" : " ") + flag;
  return result;
}

// A shell line inside make.
std::string for_shell(const std::string& command) {
  std::string result;
  for (const char c : command) {
    if (c == '$') result += '$';
    result += c;
  }
  return result;
}

Replacement insertion(const std::string& path, std::size_t at, std::string text) {
  Replacement replacement;
  replacement.path = path;
  replacement.range = {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at)};
  replacement.text = std::move(text);
  return replacement;
}

std::vector<std::string> compile_variables(const OptionContext& context, const std::string& text) {
  std::vector<std::string> result;
  if (context.has_c && refers(text, "CFLAGS")) result.push_back("CFLAGS");
  if (context.has_cpp && refers(text, "CXXFLAGS")) result.push_back("CXXFLAGS");
  if (result.empty() && refers(text, "CFLAGS")) result.push_back("CFLAGS");
  if (result.empty() && refers(text, "CXXFLAGS")) result.push_back("CXXFLAGS");
  // Implicit rules read them without being seen to.
  if (result.empty() && !std::regex_search(text, std::regex("[ \\t]-O[0-3s](?![a-z])"))) {
    if (context.has_c) result.push_back("CFLAGS");
    if (context.has_cpp) result.push_back("CXXFLAGS");
  }
  return result;
}

std::string link_variable(const std::string& text) {
  for (const char* name : {"LDLIBS", "LIBS", "LDFLAGS"}) {
    if (refers(text, name)) return name;
  }
  return {};
}

// Flags written into the commands themselves, after each optimisation level.
std::optional<std::vector<Replacement>> into_commands(const std::string& path, const std::string& text,
                                                      const std::string& flags) {
  static const std::regex level("[ \\t](-O[0-3s]|-Ofast)(?=[ \\t\\n]|$)");
  std::vector<Replacement> result;
  for (std::sregex_iterator at(text.begin(), text.end(), level), end; at != end; ++at) {
    const std::size_t place = static_cast<std::size_t>(at->position(0) + at->length(0));
    const std::size_t start = place == 0 ? 0 : text.rfind('\n', place - 1) + 1;
    if (text.compare(start, 1, "#") == 0) continue;
    result.push_back(insertion(path, place, " " + flags));
  }
  if (result.empty()) return std::nullopt;
  return result;
}

}  // namespace

std::optional<std::vector<Replacement>> write_make(const Option& option, const OptionContext& context,
                                                   const std::string& path, const std::string& text) {
  for (const std::string& flag : option.compile) {
    if (flag.starts_with("-O") ? false : text.find(flag) != std::string::npos) return std::nullopt;
  }
  const std::vector<std::string> variables = compile_variables(context, text);
  const std::string linker = link_variable(text);
  std::vector<Replacement> result;
  bool assigned = false;
  const auto put = [&](const std::string& variable, const std::string& lines) {
    std::size_t at = place_for(text, variable, assigned);
    const bool newline = at > 0 && at == text.size() && text.back() != '\n';
    result.push_back(insertion(path, at, (newline ? "\n" : "") + lines));
  };
  if (option.pgo) {
    if (variables.empty() || text.find("-fprofile-use") != std::string::npos) return std::nullopt;
    // A folder that the makefile's own place does not name (a build folder beside it) has another root.
    const std::size_t slash = path.rfind('/');
    const std::string own = slash == std::string::npos ? "" : path.substr(0, slash);
    const BuildFiles files = build_files_of(context);
    const bool below = own == files.folder || own.starts_with(files.folder.empty() ? "" : files.folder + "/");
    const std::string folder = path.ends_with(".in") || (below && files.paths.size() > 1) ? own : files.folder;
    if (!below && folder == own) return std::nullopt;
    std::string root = "$(CURDIR)";
    if (!folder.empty()) {
      root += "/..";
      for (const char c : folder) root += c == '/' ? "/.." : "";
      root = "$(abspath " + root + ")";
    }
    const std::string run = training_line(context, {".pgo", "*.o", "*.lo"}, ".pgo/copy", "\"$PGO_TRAINING\"");
    if (run.empty() || run.find('#') != std::string::npos || run.find('\n') != std::string::npos) return std::nullopt;
    // An instrumented copy of the tree is built and run once; both builds name their objects from their own top. Where
    // a command compiles and links several sources, GCC names a profile PROGRAM-source: what one program of the copy
    // learnt is given to the others as well.
    const std::string share =
        "for p in $$(find . -type f -perm -100 ! -name '*.*' | sed 's,^\\./,,' | tr / '\\043'); do for f in "
        "$(PGO_PROFILE)/*-*.gcda; "
        "do test -e $$f && cp -n $$f $(PGO_PROFILE)/$$p-$$(basename $$f | sed 's/.*-//'); done; done; true";
    std::string lines =
        "# The first make builds and runs an instrumented copy of the tree; after `rm -r .pgo` the next one does.\n"
        "PGO_ROOT := " +
        root +
        "\nPGO_PROFILE := $(PGO_ROOT)/.pgo/profile\nifndef PGO_TRAINING\n"
        "PGO_DONE := $(shell cd $(PGO_ROOT) && test -d .pgo || (export PGO_TRAINING=$(PGO_PROFILE) MAKEFLAGS= "
        "MAKELEVEL=; " +
        for_shell(run) + " && " + share +
        ") >/dev/null 2>&1; ls $(PGO_PROFILE) 2>/dev/null | head -1)\n"
        "PGO_FLAGS := $(if $(PGO_DONE),-fprofile-use=$(PGO_PROFILE) -fprofile-prefix-path=$(PGO_ROOT) "
        "-fprofile-partial-training -Wno-missing-profile -Wno-coverage-mismatch)\n"
        "else\nPGO_FLAGS := -fprofile-generate=$(PGO_TRAINING) -fprofile-update=prefer-atomic "
        "-fprofile-prefix-path=$(PGO_ROOT)\nendif\n";
    for (std::size_t i = 0; i < variables.size(); ++i) {
      put(variables[i], (i == 0 ? lines : "") + "override " + variables[i] + " += $(PGO_FLAGS)\n");
    }
    // The other variable may come first in the file: definitions go with whichever does.
    if (result.size() == 2 && result[1].range.begin < result[0].range.begin) {
      result[1].text = lines + "override " + variables[1] + " += $(PGO_FLAGS)\n";
      result[0].text = "override " + variables[0] + " += $(PGO_FLAGS)\n";
    }
    if (!linker.empty()) {
      put(linker, "override " + linker + " += $(if $(PGO_TRAINING),-fprofile-generate)\n");
    }
    return result;
  }
  if (!option.library.empty()) {
    const std::string flags = "-Wl,--push-state,--no-as-needed -l" + option.library + " -Wl,--pop-state";
    const std::string variable = !linker.empty() ? linker : (variables.empty() ? "" : variables[0]);
    if (variable.empty()) return std::nullopt;
    const std::string probe = (option.library == "mimalloc" ? "MIMALLOC" : "JEMALLOC") + std::string("_FLAGS");
    put(variable, probe + " := $(shell echo 'int main(void) { return 0; }' | $(CC) -x c - -o /dev/null " + flags +
                      " 2>/dev/null && echo '" + flags + "')\noverride " + variable + " += $(" + probe + ")\n");
    return result;
  }
  if (option.unity) return std::nullopt;
  if (variables.empty() && !option.compile.empty()) {
    return into_commands(path, text, joined(option.compile) + (option.link.empty() ? "" : " " + joined(option.link)));
  }
  for (const std::string& variable : variables) {
    std::string flags = joined(option.compile);
    // One command that compiles and links reads CFLAGS only.
    if (!option.link.empty() && linker.empty()) flags += (flags.empty() ? "" : " ") + joined(option.link);
    if (!flags.empty()) put(variable, "override " + variable + " += " + flags + "\n");
  }
  if (!option.link.empty() && !linker.empty()) put(linker, "override " + linker + " += " + joined(option.link) + "\n");
  if (result.empty()) return std::nullopt;
  return result;
}

std::optional<std::vector<Replacement>> write_script(const Option& option, const std::string& path,
                                                     const std::string& text) {
  if (option.pgo || option.unity) return std::nullopt;
  for (const std::string& flag : option.compile) {
    if (!flag.starts_with("-O") && text.find(flag) != std::string::npos) return std::nullopt;
  }
  std::string flags = joined(option.compile) + (option.compile.empty() ? "" : " ") + joined(option.link);
  if (!option.library.empty()) {
    flags = "$(echo 'int main(void) { return 0; }' | cc -x c - -o /dev/null -l" + option.library +
            " 2>/dev/null && echo '-Wl,--push-state,--no-as-needed -l" + option.library + " -Wl,--pop-state')";
  }
  return into_commands(path, text, flags);
}

}  // namespace jarvis2::edit
