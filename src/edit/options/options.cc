#include "edit/options/options.h"

#include <algorithm>
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
  pgo.prior_ratio = 1.1;
  pgo.pgo = true;
  add(pgo);
  Option lto;
  lto.rule = "option/lto";
  lto.title = "optimise across files when linking (LTO)";
  lto.prior_ratio = 1.03;
  lto.lto = true;
  lto.compile = {"-flto=auto"};
  lto.link = {"-flto=auto"};
  add(lto);
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
  if (context.allow_native) {
    Option native = flags("march-native", 1.05, {"-march=native"}, "the program then needs this machine's processor");
    native.group = "march";
    add(native);
  }
  if (context.allow_fast_math) {
    const char* note = "floating point results may change within the tolerance that was allowed";
    add(flags("no-math-errno", 1.01, {"-fno-math-errno"}, "errno is no longer set by mathematical functions"));
    add(flags("no-trapping-math", 1.01, {"-fno-trapping-math"}, "floating point exceptions are taken to be off"));
    add(flags("associative-math", 1.05, {"-fassociative-math", "-fno-signed-zeros", "-fno-trapping-math"}, note));
    add(flags("reciprocal-math", 1.02, {"-freciprocal-math"}, note));
    add(flags("finite-math-only", 1.02, {"-ffinite-math-only"}, "NaN and infinities are taken not to occur"));
  }
  return result;
}

std::string file_name(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

// The build file of the outermost folder that the build command would use.
std::string root_file(const OptionContext& context) {
  const bool cmake = context.build.find("cmake") != std::string::npos;
  const bool meson = context.build.find("meson") != std::string::npos;
  std::string best;
  int best_score = 1 << 30;
  for (const auto& [path, text] : context.build_files) {
    const std::string name = file_name(path);
    const bool is_cmake = name == "CMakeLists.txt";
    const bool is_meson = name == "meson.build";
    const bool is_make = name == "Makefile" || name == "GNUmakefile" || name == "makefile";
    if (!is_cmake && !is_meson && !is_make) continue;
    const bool used = cmake ? is_cmake : meson ? is_meson : is_make || context.build.empty();
    const int score =
        (used ? 0 : 1000) + static_cast<int>(std::count(path.begin(), path.end(), '/')) * 10 + (is_make ? 1 : 0);
    if (score < best_score) {
      best_score = score;
      best = path;
    }
  }
  return best_score < 1000 ? best : std::string();
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

std::string current_level(const OptionContext& context, const std::string& text) {
  const std::string all = context.build + "\n" + text;
  std::smatch match;
  if (std::regex_search(context.build, match, std::regex("(-O[0-3sz]|-Ofast)\\b"))) return match[1];
  if (std::regex_search(context.build, match, std::regex("CMAKE_BUILD_TYPE=([A-Za-z]+)"))) {
    if (match[1] == "Release") return "-O3";
    if (match[1] == "RelWithDebInfo") return "-O2";
    if (match[1] == "MinSizeRel") return "-Os";
  }
  std::string found;
  const std::regex level("(^|[\\s\"'=(;])(-O[0-3sz]|-Ofast)(?=[\\s\"');]|$)");
  for (std::sregex_iterator at(text.begin(), text.end(), level), end; at != end; ++at) found = (*at)[2];
  if (!found.empty()) return found;
  if (std::regex_search(text, std::regex("set\\s*\\(\\s*CMAKE_BUILD_TYPE\\s+\"?Release"))) return "-O3";
  if (std::regex_search(all, std::regex("buildtype\\s*=\\s*'?release"))) return "-O3";
  return {};
}

std::vector<Action> option_actions(const OptionContext& context) {
  std::vector<Action> result;
  if (context.has_c || context.has_cpp) {
    const std::string path = root_file(context);
    if (path.empty()) {
      recommend(result, "option/build-flags",
                "build with -O3, LTO or a profile, or link mimalloc: try them in the build command",
                "the build uses no CMakeLists.txt, Makefile or meson.build that could carry them");
    } else {
      const std::string& text = context.build_files.at(path);
      std::string everything;
      for (const auto& [name, one] : context.build_files) everything += one + "\n";
      const bool shared =
          std::regex_search(everything, std::regex("\\bSHARED\\b|-shared\\b|shared_library|BUILD_SHARED_LIBS"));
      for (const Option& option : all_options(context, current_level(context, text), shared)) {
        const std::string name = file_name(path);
        const std::optional<std::vector<Replacement>> written =
            name == "CMakeLists.txt" ? write_cmake(option, context, path, text)
            : name == "meson.build"  ? write_meson(option, context, path, text)
                                     : write_make(option, context, path, text);
        if (!written) continue;
        Action action = base_action(option);
        action.path = path;
        action.replacements = *written;
        for (Replacement& replacement : action.replacements) replacement.base_sha256 = sha256_hex(text);
        action.site = action.replacements.front().range;
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
