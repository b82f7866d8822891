#include "edit/llm_prompt.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "edit/llm_answer.h"

namespace jarvis2::edit {
namespace {

using code::Language;

constexpr std::size_t kMaxCallers = 5;
constexpr std::size_t kMaxCallees = 8;
constexpr std::size_t kMaxPast = 3;

std::string trimmed(std::string_view text, std::size_t most) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, most));
}

std::string line_text(const code::SourceFile& file, std::uint32_t line) {
  const code::Range range = file.tree->line_range(line);
  return trimmed(std::string_view(file.tree->text()).substr(range.begin, range.size()), 160);
}

std::string fence(Language language) {
  return "```" + std::string(code::language_name(language)) + "\n";
}

std::string hot_lines(const code::SourceFile& file, const Heat& heat, const code::Function& function) {
  const auto lines = heat.lines.find(function.path);
  if (lines == heat.lines.end()) return "";
  std::vector<std::pair<double, std::uint32_t>> hot;
  for (auto at = lines->second.lower_bound(function.line); at != lines->second.end() && at->first <= function.end_line;
       ++at) {
    if (at->second >= 0.01) hot.emplace_back(at->second, at->first);
  }
  std::sort(hot.rbegin(), hot.rend());
  std::string out;
  for (std::size_t i = 0; i < std::min<std::size_t>(5, hot.size()); ++i) {
    out += fmt::format("- {:.0f} %: {}\n", 100 * hot[i].first, line_text(file, hot[i].second));
  }
  return out.empty() ? "" : "Its hottest lines (share of the whole run):\n" + out;
}

// Names the file has for use: imports and includes at its top.
std::string imports_of(const code::SourceFile& file) {
  std::string out;
  int count = 0;
  for (const code::Node& node : file.tree->root().children()) {
    const bool import = node.is("import_statement") || node.is("import_from_statement") || node.is("preproc_include");
    if (!import || ++count > 20) continue;
    out += trimmed(node.text(), 120);
    if (!out.ends_with('\n')) out += '\n';
  }
  return out.empty() ? "" : "The file begins with:\n" + fence(file.tree->language()) + out + "```\n";
}

std::string neighbours(const code::Workspace& workspace, const code::Model& model, const code::Function& function) {
  const std::uint32_t self = static_cast<std::uint32_t>(&function - model.functions().data());
  std::string callers, callees;
  std::size_t caller_count = 0, callee_count = 0;
  std::set<std::uint32_t> seen;
  for (const code::Call& call : model.calls()) {
    if (call.callee == self && call.caller != self && caller_count < kMaxCallers) {
      const code::SourceFile* file = workspace.find(call.path);
      if (file == nullptr) continue;
      const std::string where =
          call.caller == code::Call::kNoFunction ? "file level" : model.functions()[call.caller].qualified;
      callers += fmt::format("- {} ({}): {}\n", where, call.path, line_text(*file, call.line));
      ++caller_count;
    } else if (call.caller == self && call.callee != code::Call::kNoFunction && call.callee != self &&
               callee_count < kMaxCallees && seen.insert(call.callee).second) {
      const code::Function& callee = model.functions()[call.callee];
      const code::SourceFile* file = workspace.find(callee.path);
      if (file == nullptr) continue;
      callees += fmt::format("- {} ({}): {}\n", callee.qualified, callee.path, line_text(*file, callee.line));
      ++callee_count;
    }
  }
  if (!callers.empty()) callers.insert(0, "It is called by:\n");
  if (!callees.empty()) callees.insert(0, "It calls:\n");
  return callers + callees;
}

}  // namespace

std::vector<ChatMessage> model_prompt(const code::Workspace& workspace, const code::Model& model, const Heat& heat,
                                      const code::Function& function, const std::vector<PastAnswer>& past) {
  const code::SourceFile& file = *workspace.find(function.path);
  const Language language = file.tree->language();
  const std::string name(code::language_name(language));
  const std::string system = fmt::format(
      "You make existing {} code faster without changing what it does. You are given one function. Answer with one "
      "fenced code block that holds the complete new version of exactly this function and nothing else: same name, "
      "same parameters, same results, same order of results, same errors. {}Your answer is compiled, tested and "
      "measured; wrong or slower versions are thrown away. Prefer a better algorithm or data structure to small "
      "tricks: no work repeated in a loop that could be done before it, no search through a list where a set or "
      "dictionary finds it, no intermediate lists, built-in functions that do the loop. The function as it was is no "
      "answer.",
      name == "cpp" ? "C++" : name,
      language == Language::kPython ? "If you need a module, import it inside the function. "
                                    : "Use only what the file already includes. ");
  std::string user = fmt::format("File {}, function {}", function.path, function.qualified);
  const double share = heat.of_lines(function.path, function.line, function.end_line);
  if (share > 0) user += fmt::format(": {:.0f} % of the benchmark's time is spent in it", 100 * share);
  user += ".\n" + hot_lines(file, heat, function) + neighbours(workspace, model, function) + imports_of(file);
  const std::string code = outdented(language, file.tree->text().substr(function.range.begin, function.range.size()),
                                     static_cast<std::uint32_t>(indent_of(file, function).value_or("").size()));
  const std::size_t first = past.size() > kMaxPast ? past.size() - kMaxPast : 0;
  if (!past.empty()) user += "These earlier answers did not do; don't repeat them:\n";
  for (std::size_t i = first; i < past.size(); ++i) {
    user += past[i].outcome + "\n";
    if (!past[i].code.empty()) user += fence(language) + past[i].code + "\n```\n";
  }
  user += fmt::format("{}The function to make faster:\n{}{}{}```\n", past.empty() ? "" : "\n", fence(language), code,
                      code.ends_with('\n') ? "" : "\n");
  return {{"system", system}, {"user", user}};
}

}  // namespace jarvis2::edit
