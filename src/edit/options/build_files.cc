// Which files of the project its build command reads: the steps of a shell line, then what each tool looks for.
#include <algorithm>
#include <regex>

#include "edit/options/options.h"
#include "project/settings.h"

namespace jarvis2::edit {
namespace {

struct Step {
  std::string folder;  // where it runs, relative to the repository: "" or "a/b"
  std::vector<std::string> words;
};

// "a/./b/../c" → "a/c"; a path that leaves the repository starts with "..".
std::string joined_path(const std::string& folder, const std::string& path) {
  std::vector<std::string> parts;
  const std::string whole = path.starts_with('/') ? path : folder + "/" + path;
  for (std::size_t at = 0; at <= whole.size();) {
    const std::size_t end = std::min(whole.find('/', at), whole.size());
    const std::string part = whole.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == ".." && !parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else {
      parts.push_back(part);
    }
  }
  std::string result;
  for (const std::string& part : parts) result += (result.empty() ? "" : "/") + part;
  return result;
}

std::vector<Step> steps_of(const std::string& command) {
  std::vector<Step> steps;
  Step step;
  std::string word;
  bool in_word = false;
  std::string folder;
  const auto end_word = [&] {
    if (in_word) step.words.push_back(word);
    word.clear();
    in_word = false;
  };
  const auto end_step = [&] {
    end_word();
    // VAR=value, nice and the like stand before the program.
    while (!step.words.empty()) {
      const std::string& first = step.words.front();
      const bool before = first == "env" || first == "nice" || first == "time" || first == "exec" ||
                          std::regex_match(first, std::regex("[A-Za-z_][A-Za-z_0-9]*=.*", std::regex::nosubs));
      if (!before) break;
      step.words.erase(step.words.begin());
    }
    if (step.words.size() == 2 && step.words[0] == "cd") {
      folder = joined_path(folder, step.words[1]);
    } else if (!step.words.empty()) {
      step.folder = folder;
      steps.push_back(step);
    }
    step.words.clear();
  };
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    if (c == '\'' || c == '"') {
      const std::size_t close = command.find(c, i + 1);
      if (close == std::string::npos) break;
      word += command.substr(i + 1, close - i - 1);
      in_word = true;
      i = close;
    } else if (c == '\\' && i + 1 < command.size()) {
      if (command[++i] != '\n') word += command[i];
      in_word = true;
    } else if (c == ' ' || c == '\t') {
      end_word();
    } else if (c == '\n' || c == ';' || c == '&' || c == '|' || c == '(' || c == ')') {
      end_step();
    } else {
      word += c;
      in_word = true;
    }
  }
  end_step();
  return steps;
}

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// The value of `-S dir` or `-Sdir`; empty: not given.
std::string flag_value(const std::vector<std::string>& words, const std::string& flag) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == flag && i + 1 < words.size()) return words[i + 1];
    if (words[i].starts_with(flag) && words[i].size() > flag.size()) return words[i].substr(flag.size());
  }
  return {};
}

// Words that are no flags and no values of flags.
std::vector<std::string> positional(const std::vector<std::string>& words, const std::vector<std::string>& with_value) {
  std::vector<std::string> result;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (std::find(with_value.begin(), with_value.end(), words[i]) != with_value.end()) {
      ++i;
    } else if (!words[i].starts_with('-')) {
      result.push_back(words[i]);
    }
  }
  return result;
}

bool carries_flags(const std::string& text) {
  static const std::regex flags("\\$[({]C(XX)?FLAGS[)}]|^[ \\t]*C(XX)?FLAGS[ \\t]*[:+?]?=|[ \\t]-O[0-3s](?![a-z])",
                                std::regex::multiline | std::regex::nosubs);
  return std::regex_search(text, flags);
}

bool is_makefile(const std::string& path) {
  const std::string name = base_name(path);
  return name == "Makefile" || name == "makefile" || name == "GNUmakefile" || name == "Makefile.in";
}

// The makefile of a step, and those of other folders that it names when it hands the work to them.
BuildFiles of_make(const OptionContext& context, const Step& step) {
  BuildFiles result;
  result.tool = BuildTool::kMake;
  const std::string in = flag_value(step.words, "-C");
  result.folder = in.empty() ? step.folder : joined_path(step.folder, in);
  const std::string given = flag_value(step.words, "-f");
  std::string file;
  for (const std::string& name : given.empty()
                                     ? std::vector<std::string>{"GNUmakefile", "makefile", "Makefile", "Makefile.in"}
                                     : std::vector<std::string>{given}) {
    file = joined_path(result.folder, name);
    if (context.build_files.contains(file)) break;
    file.clear();
  }
  if (file.empty()) return result;
  const std::string& text = context.build_files.at(file);
  if (carries_flags(text)) result.paths.push_back(file);
  const std::string below = result.folder.empty() ? "" : result.folder + "/";
  const bool automake = base_name(file) == "Makefile.in";
  if (result.paths.empty() || automake) {
    for (const auto& [path, other] : context.build_files) {
      if (path == file || !path.starts_with(below) || !is_makefile(path) || !carries_flags(other)) continue;
      if (project::is_test_path(path) || project::is_benchmark_path(path)) continue;
      if (automake != (base_name(path) == "Makefile.in")) continue;
      const std::string sub = path.substr(below.size(), path.rfind('/') - below.size());
      const bool named = std::regex_search(
          text, std::regex("(^|[^A-Za-z0-9_])" + std::regex_replace(sub, std::regex("[^A-Za-z0-9_/]"), ".") +
                           "([^A-Za-z0-9_]|$)"));
      if (automake || named) result.paths.push_back(path);
    }
  }
  if (result.paths.empty()) result.paths.push_back(file);  // implicit rules
  return result;
}

}  // namespace

BuildFiles build_files_of(const OptionContext& context) {
  for (const Step& step : steps_of(context.build.empty() ? "make" : context.build)) {
    const std::string program = base_name(step.words[0]);
    BuildFiles result;
    result.folder = step.folder;
    const auto is_action = [&](const char* flag) {
      return std::find(step.words.begin(), step.words.end(), flag) != step.words.end();
    };
    if (program == "cmake") {
      if (is_action("--build") || is_action("--install") || is_action("-E") || is_action("-P")) continue;
      std::string source = flag_value(step.words, "-S");
      const std::vector<std::string> rest =
          positional(step.words, {"-B", "-G", "-D", "-C", "-T", "-A", "--preset", "--toolchain"});
      if (source.empty() && !rest.empty()) source = rest.front();
      result.tool = BuildTool::kCmake;
      const std::string path = joined_path(step.folder, (source.empty() ? "." : source) + "/CMakeLists.txt");
      if (context.build_files.contains(path)) result.paths.push_back(path);
    } else if (program == "meson") {
      std::vector<std::string> rest = positional(step.words, {"-D", "--prefix", "--buildtype", "--cross-file"});
      if (!rest.empty() && (rest.front() == "compile" || rest.front() == "install" || rest.front() == "test")) continue;
      if (!rest.empty() && rest.front() == "setup") rest.erase(rest.begin());
      const std::string source = rest.size() > 1 ? rest[1] : ".";
      result.tool = BuildTool::kMeson;
      const std::string path = joined_path(step.folder, source + "/meson.build");
      if (context.build_files.contains(path)) result.paths.push_back(path);
    } else if (program == "make" || program == "gmake") {
      result = of_make(context, step);
    } else {
      // ./build.sh, sh build.sh
      const bool shell = program == "sh" || program == "bash" || program == "dash";
      const std::vector<std::string> rest = positional(step.words, {"-c"});
      const std::string path = joined_path(step.folder, shell ? (rest.empty() ? "" : rest.front()) : step.words[0]);
      const auto found = context.build_files.find(path);
      if (base_name(path) == "configure" || found == context.build_files.end() || !carries_flags(found->second))
        continue;
      result.tool = BuildTool::kScript;
      result.paths.push_back(path);
    }
    if (!result.paths.empty()) return result;
  }
  return {};
}

bool is_build_file_name(const std::string& path) {
  const std::string name = base_name(path);
  return name == "CMakeLists.txt" || name == "meson.build" || is_makefile(path) || name == "build.sh";
}

std::vector<std::string> words_of_build(const std::string& build) {
  std::vector<std::string> result;
  for (const Step& step : steps_of(build)) {
    for (const std::string& word : step.words) result.push_back(joined_path(step.folder, word));
    const std::string in = flag_value(step.words, "-C");
    const std::string file = flag_value(step.words, "-f");
    if (!file.empty()) result.push_back(joined_path(joined_path(step.folder, in), file));
  }
  return result;
}

}  // namespace jarvis2::edit
