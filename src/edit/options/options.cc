#include "edit/options/options.h"

#include <algorithm>
#include <cctype>
#include <regex>

#include "base/hash.h"

namespace jarvis2::edit {
namespace {

// Ratios of a trial on an XML parser and an interpreter (median over both and over a workload that was not trained on).
std::vector<Option> all_options(const OptionContext& context, const std::string& level, bool shared) {
  std::vector<Option> result;
  const auto add = [&](Option option) { result.push_back(std::move(option)); };
  const auto flags = [&](std::string name, double prior, std::vector<std::string> compile, std::string note = {}) {
    Option option;
    option.rule = "option/" + name;
    option.compile = std::move(compile);
    for (const std::string& flag : option.compile) option.title += (option.title.empty() ? "build with " : " ") + flag;
    option.note = std::move(note);
    option.prior_ratio = prior;
    return option;
  };
  Option allocator;
  allocator.group = "allocator";
  allocator.note = "linked where the build finds it; without it the build is as before";
  for (const char* library : {"mimalloc", "jemalloc"}) {
    allocator.rule = std::string("option/") + library;
    allocator.title = std::string("link the allocator ") + library;
    allocator.library = library;
    allocator.prior_ratio = library == std::string("mimalloc") ? 1.1 : 1.06;
    add(allocator);
  }
  Option pgo;
  pgo.rule = "option/pgo";
  pgo.title = "optimise with a profile, trained at build time on " +
              std::string(context.training.empty() ? "the tests" : "another workload");
  pgo.note = "the build runs an instrumented copy first and takes about three times as long; needs GCC 12 or newer";
  pgo.prior_ratio = 1.12;
  pgo.pgo = true;
  add(pgo);
  Option lto;
  lto.rule = "option/lto";
  lto.title = "optimise across files when linking (LTO)";
  lto.prior_ratio = 1.03;
  lto.lto = true;
  lto.group = "whole-program";
  // Archives that a plain `ar` writes have an index of the usual symbols only.
  lto.compile = {"-flto=auto", "-ffat-lto-objects"};
  lto.link = {"-flto=auto"};
  add(lto);
  Option unity;
  unity.rule = "option/unity";
  unity.title = "compile all files of a target as one";
  unity.note = "names that two files keep to themselves must not clash";
  unity.group = "whole-program";
  unity.prior_ratio = 1.01;
  unity.unity = true;
  add(unity);
  for (const char* other : {"-O3", "-O2"}) {
    if (level == other) continue;
    // Going down from -O3 is worth a try; from an unknown level it would be a guess.
    if (other == std::string("-O2") && level != "-O3") continue;
    Option option = flags(other == std::string("-O3") ? "o3" : "o2", other == std::string("-O3") ? 1.02 : 1.0, {other});
    option.group = "opt-level";
    add(option);
  }
  add(flags("unroll-loops", 1.01, {"-funroll-loops"}));
  add(flags("ipa-pta", 1.005, {"-fipa-pta"}));
  add(flags("no-plt", 1.005, {"-fno-plt"}));
  if (shared) {
    add(flags("no-semantic-interposition", 1.02, {"-fno-semantic-interposition"},
              "functions of a shared library can no longer be replaced from outside for calls within it"));
    add(flags("visibility-hidden", 1.01, {"-fvisibility=hidden"},
              "symbols that are not marked for export are no longer visible outside the library"));
  }
  Option sections = flags("gc-sections", 1.005, {"-ffunction-sections", "-fdata-sections"});
  sections.title = "let the linker drop and order sections";
  sections.link = {"-Wl,--gc-sections", "-Wl,-O1", "-Wl,--sort-section=alignment"};
  add(sections);
  if (context.has_cpp) {
    Option runtime;
    runtime.rule = "option/static-runtime";
    runtime.title = "link the C++ run-time library statically";
    runtime.link = {"-static-libstdc++", "-static-libgcc"};
    runtime.prior_ratio = 1.01;
    add(runtime);
  }
  if (context.quiet_math) {
    add(flags("quiet-math", 1.02, {"-fno-math-errno", "-fno-trapping-math"},
              "results stay the same to the bit; errno and the exception flags, which nothing here looks at, may not"));
  }
  if (context.allow_native) {
    Option native = flags("march-native", 1.05, {"-march=native"}, "the program then needs this machine's processor");
    native.group = "march";
    add(native);
  }
  if (context.allow_fast_math) {
    const char* note = "floating point results may change within the tolerance that was allowed";
    if (!context.quiet_math) {
      add(flags("no-math-errno", 1.01, {"-fno-math-errno"}, "errno is no longer set by mathematical functions"));
      add(flags("no-trapping-math", 1.01, {"-fno-trapping-math"}, "floating point exceptions are taken to be off"));
    }
    add(flags("associative-math", 1.05, {"-fassociative-math", "-fno-signed-zeros", "-fno-trapping-math"}, note));
    add(flags("reciprocal-math", 1.02, {"-freciprocal-math"}, note));
    add(flags("finite-math-only", 1.02, {"-ffinite-math-only"}, "NaN and infinities are taken not to occur"));
  }
  return result;
}

Action base_action(const Option& option) {
  Action action;
  action.kind = Kind::kOption;
  action.rule = option.rule;
  action.title = option.title;
  action.note = option.note;
  action.safety = Safety::kSafeIfVerified;
  action.group = option.group;
  action.prior_ratio = option.prior_ratio;
  action.share = 1;
  return action;
}

void recommend(std::vector<Action>& out, const std::string& rule, const std::string& title, const std::string& note) {
  Action action;
  action.kind = Kind::kOption;
  action.rule = rule;
  action.title = title;
  action.note = note;
  action.recommendation_only = true;
  action.share = 1;
  out.push_back(std::move(action));
}

}  // namespace

bool uses_math(const std::string& text) {
  static const std::regex header("#[ \\t]*include[ \\t]*<(math\\.h|cmath|tgmath\\.h|complex\\.h|complex)>",
                                 std::regex::nosubs);
  return std::regex_search(text, header);
}

bool watches_math(const std::string& text) {
  static const std::regex flags(
      "\\b(fenv\\.h|cfenv|SIGFPE|fe(test|clear|raise|enable|disable|get|set|hold|update)[a-z]+"
      "|FENV_ACCESS|math_errhandling)\\b",
      std::regex::nosubs);
  static const std::regex error("\\berrno\\b", std::regex::nosubs);
  return std::regex_search(text, flags) || (uses_math(text) && std::regex_search(text, error));
}

std::string current_level(const OptionContext& context, const std::string& text) {
  std::smatch match;
  if (std::regex_search(context.build, match, std::regex("(-O[0-3sz]|-Ofast)\\b"))) return match[1];
  if (std::regex_search(context.build, match, std::regex("CMAKE_BUILD_TYPE=([A-Za-z]+)"))) {
    const std::string type = match[1];
    std::string upper = type;
    std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return std::toupper(c); });
    if (std::regex_search(text, match, std::regex("_FLAGS_" + upper + "[^)]*[ \"](-O[0-3sz]|-Ofast)\\b")))
      return match[1];
    match = {};
    if (type == "Release") return "-O3";
    if (type == "RelWithDebInfo") return "-O2";
    if (type == "MinSizeRel") return "-Os";
  }
  std::string found;
  const std::regex level("(^|[\\s\"'=(;])(-O[0-3sz]|-Ofast)(?=[\\s\"');]|$)");
  for (std::sregex_iterator at(text.begin(), text.end(), level), end; at != end; ++at) found = (*at)[2];
  if (!found.empty()) return found;
  if (std::regex_search(text, std::regex("set\\s*\\(\\s*CMAKE_BUILD_TYPE\\s+\"?Release"))) return "-O3";
  if (std::regex_search(context.build + "\n" + text, std::regex("buildtype\\s*=\\s*'?release"))) return "-O3";
  return {};
}

std::string training_line(const OptionContext& context, const std::vector<std::string>& left_out,
                          const std::string& copy, const std::string& profile) {
  std::vector<std::string> commands = context.training;
  if (commands.empty() && !context.test.empty()) commands.push_back(context.test);
  if (commands.empty() || context.build.empty()) return {};
  // A build outside of the repository would be shared by both.
  if (std::regex_search(context.build, std::regex("(^|[ =\"'])(/|~|\\$HOME|\\.\\.)[^ ]*build"))) return {};
  std::string line = "rm -rf " + copy + " " + profile + " && mkdir -p " + copy + " " + profile + " && tar -cf -";
  for (const char* name : {".git", ".jarvis2"}) line += std::string(" --exclude=./") + name;
  for (const std::string& name : left_out) line += " --exclude='" + name + "'";
  line += " . | tar -xf - -C " + copy + " && cd " + copy +
          " && find . '(' -name '*.c' -o -name '*.cc' -o -name '*.cpp' -o -name '*.cxx' ')' -exec touch '{}' +";
  if (context.build.find("cmake") != std::string::npos)
    line += " && export CMAKE_BUILD_PARALLEL_LEVEL=\"${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc 2>/dev/null || echo 1)}\"";
  commands.insert(commands.begin(), context.build);
  for (const std::string& command : commands) line += " && (" + command + ")";
  // The tests reach what the training does not: that is then not taken for cold.
  if (!context.training.empty() && !context.test.empty()) line += " && { (" + context.test + ") || true; }";
  return line;
}

std::vector<Action> option_actions(const OptionContext& context) {
  std::vector<Action> result;
  if (context.has_c || context.has_cpp) {
    const BuildFiles files = build_files_of(context);
    if (files.paths.empty()) {
      recommend(result, "option/build-flags",
                "build with -O3, LTO or a profile, or link mimalloc: try them in the build command",
                "the build uses no CMakeLists.txt, makefile, meson.build or script that could carry them");
    } else {
      std::string everything, written_into;
      for (const auto& [name, one] : context.build_files) everything += one + "\n";
      for (const std::string& path : files.paths) written_into += context.build_files.at(path) + "\n";
      const bool shared =
          std::regex_search(everything, std::regex("\\bSHARED\\b|-shared\\b|shared_library|BUILD_SHARED_LIBS"));
      for (const Option& option : all_options(context, current_level(context, written_into), shared)) {
        Action action = base_action(option);
        for (const std::string& path : files.paths) {
          const std::string& text = context.build_files.at(path);
          std::optional<std::vector<Replacement>> written;
          if (files.tool == BuildTool::kCmake) written = write_cmake(option, context, path, text);
          if (files.tool == BuildTool::kMeson) written = write_meson(option, context, path, text);
          if (files.tool == BuildTool::kMake) written = write_make(option, context, path, text);
          if (files.tool == BuildTool::kScript) written = write_script(option, path, text);
          for (Replacement& replacement : written.value_or(std::vector<Replacement>())) {
            replacement.base_sha256 = sha256_hex(text);
            action.replacements.push_back(std::move(replacement));
          }
        }
        if (action.replacements.empty()) continue;
        action.path = action.replacements.front().path;
        action.site = action.replacements.front().range;
        const std::string& text = context.build_files.at(action.path);
        action.line = 1 + static_cast<std::uint32_t>(std::count(text.begin(), text.begin() + action.site.begin, '\n'));
        result.push_back(std::move(action));
      }
    }
  }
  if (context.has_python && !context.has_c && !context.has_cpp) {
    recommend(result, "option/allocator-preload", "run with LD_PRELOAD=libmimalloc.so.2",
              "gave 0.83 to 1.00 on eight programs: measure before use");
    recommend(result, "option/newer-interpreter", "try a newer CPython",
              "3.12 gave 0.82 to 1.06, 3.13 0.86 to 1.15 against 3.11");
  }
  return result;
}

}  // namespace jarvis2::edit
