// Options in meson.build: project arguments after project().
#include <regex>

#include "edit/options/options.h"

namespace jarvis2::edit {
namespace {

std::string list(const std::vector<std::string>& flags) {
  std::string result;
  for (const std::string& flag : flags) result += (result.empty() ? "'" : ", '") + flag + "'";
  return result;
}

}  // namespace

std::optional<std::vector<Replacement>> write_meson(const Option& option, const OptionContext& context,
                                                    const std::string& path, const std::string& text) {
  static const std::regex start("(^|\\n)project[ \\t]*\\(");
  std::smatch match;
  if (option.pgo || option.unity || !std::regex_search(text, match, start)) return std::nullopt;
  std::size_t at = static_cast<std::size_t>(match.position(0) + match.length(0));
  int depth = 1;
  bool in_string = false;
  while (at < text.size() && depth > 0) {
    if (text[at] == '\'') in_string = !in_string;
    if (!in_string && text[at] == '(') ++depth;
    if (!in_string && text[at] == ')') --depth;
    ++at;
  }
  while (at < text.size() && text[at] != '\n') ++at;
  if (at >= text.size()) return std::nullopt;
  ++at;
  const std::string languages = context.has_c && context.has_cpp ? "['c', 'cpp']" : context.has_cpp ? "'cpp'" : "'c'";
  const std::string first = context.has_c ? "c" : "cpp";
  std::string lines;
  if (!option.library.empty()) {
    const std::string name = option.library + "_dep";
    lines = name + " = meson.get_compiler('" + first + "').find_library('" + option.library +
            "', required: false)\nif " + name +
            ".found()\n  add_project_link_arguments('-Wl,--push-state,--no-as-needed', '-l" + option.library +
            "', '-Wl,--pop-state', language: " + languages + ")\nendif\n";
  } else {
    for (const std::string& flag : option.compile) {
      if (text.find("'" + flag + "'") != std::string::npos) return std::nullopt;
    }
    if (!option.compile.empty())
      lines += "add_project_arguments(" + list(option.compile) + ", language: " + languages + ")\n";
    if (!option.link.empty())
      lines += "add_project_link_arguments(" + list(option.link) + ", language: " + languages + ")\n";
  }
  Replacement replacement;
  replacement.path = path;
  replacement.range = {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at)};
  replacement.text = lines;
  return std::vector<Replacement>{replacement};
}

}  // namespace jarvis2::edit
