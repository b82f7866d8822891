// What a path is by its name: source, test, benchmark, build script; and whether a candidate may touch it.
#include <algorithm>
#include <array>
#include <cctype>

#include "project/settings.h"

namespace jarvis2::project {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

std::string_view file_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view extension(std::string_view path) {
  const std::string_view name = file_name(path);
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? std::string_view() : name.substr(dot);
}

std::string_view stem(std::string_view path) {
  const std::string_view name = file_name(path);
  return name.substr(0, name.size() - extension(name).size());
}

// Whether one of the folders of `path` satisfies `is`.
template <typename Predicate>
bool any_folder(std::string_view path, Predicate is) {
  std::size_t at = 0;
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', at)) {
    if (is(path.substr(at, slash - at))) return true;
    at = slash + 1;
  }
  return false;
}

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

constexpr std::array<std::string_view, 34> kSourceExtensions = {
    ".py",  ".pyx",  ".pxd", ".c",   ".h",   ".cc", ".cpp", ".cxx", ".c++",   ".hh",  ".hpp", ".hxx",
    ".h++", ".inl",  ".ipp", ".tcc", ".inc", ".rs", ".go",  ".js",  ".mjs",   ".cjs", ".jsx", ".ts",
    ".tsx", ".java", ".kt",  ".m",   ".mm",  ".cu", ".cuh", ".f90", ".swift", ".zig"};

constexpr std::array<std::string_view, 35> kBuildNames = {
    "makefile",       "gnumakefile",       "cmakelists.txt", "meson.build",  "meson_options.txt",
    "meson.options",  "configure",         "configure.ac",   "configure.in", "build.ninja",
    "sconstruct",     "sconscript",        "wscript",        "justfile",     "rakefile",
    "build",          "build.bazel",       "workspace",      "setup.py",     "setup.cfg",
    "pyproject.toml", "tox.ini",           "noxfile.py",     "pytest.ini",   "conftest.py",
    "cargo.toml",     "cargo.lock",        "build.rs",       "go.mod",       "go.sum",
    "package.json",   "package-lock.json", "dockerfile",     "build.sh",     "setup_compiled.py"};

constexpr std::array<std::string_view, 8> kBuildExtensions = {".cmake", ".mk",     ".am",  ".ninja",
                                                              ".bzl",   ".gradle", ".pri", ".pro"};

bool is_own(std::string_view path) {
  return path == kSettingsFile || path.starts_with(".git/") || path == ".git" || path == ".gitmodules" ||
         path == ".gitattributes" || path.starts_with(".jarvis2/") || path.empty() || path.starts_with('/') ||
         path.starts_with("../") || path.find("/../") != std::string_view::npos;
}

}  // namespace

bool is_test_path(std::string_view path) {
  const std::string text = lower(path);
  const auto is_test_folder = [](std::string_view folder) {
    return folder == "test" || folder == "tests" || folder == "testing" || folder == "__tests__" || folder == "spec" ||
           folder == "specs" || folder == "testdata" || folder == "fixtures" || folder.starts_with("test_") ||
           folder.ends_with("_test") || folder.ends_with("_tests") || folder.ends_with("-tests") ||
           folder.starts_with("test-");
  };
  if (any_folder(text, is_test_folder)) return true;
  const std::string_view base = stem(text);
  return base == "test" || base == "tests" || base.starts_with("test_") || base.starts_with("test-") ||
         base.ends_with("_test") || base.ends_with("_tests") || base.ends_with("-test") ||
         base.ends_with("_unittest") || base.ends_with(".test") || base.ends_with(".spec") || base.ends_with("_spec") ||
         base == "conftest" || base == "check" || base == "run_tests" || base == "runtests";
}

bool is_benchmark_path(std::string_view path) {
  const std::string text = lower(path);
  const auto is_bench_folder = [](std::string_view folder) {
    return folder == "bench" || folder == "benches" || folder == "benchmark" || folder == "benchmarks" ||
           folder == "perf" || folder == "perftest" || folder == "perftests" || folder == "asv_bench" ||
           folder.ends_with("_bench") || folder.ends_with("_benchmarks");
  };
  if (any_folder(text, is_bench_folder)) return true;
  const std::string_view base = stem(text);
  return base == "bench" || base == "benchmark" || base == "benchmarks" || base == "perf" ||
         base.starts_with("bench_") || base.starts_with("bench-") || base.starts_with("benchmark_") ||
         base.starts_with("perf_") || base.ends_with("_bench") || base.ends_with("-bench") ||
         base.ends_with("_benchmark") || base.ends_with(".bench") || base.ends_with("_perf") ||
         base.ends_with("_perftest") || base == "bench_main";
}

bool is_build_script(std::string_view path) {
  const std::string text = lower(path);
  const std::string_view name = file_name(text);
  if (contains(kBuildNames, name) || contains(kBuildExtensions, extension(name))) return true;
  if (name.starts_with("requirements") && name.ends_with(".txt")) return true;
  return any_folder(text, [](std::string_view folder) {
    return folder == "cmake" || folder == ".github" || folder == ".gitlab" || folder == ".ci" || folder == ".circleci";
  });
}

bool is_source_path(std::string_view path) {
  return contains(kSourceExtensions, std::string_view(lower(extension(path))));
}

bool editable(const Settings& settings, std::string_view path) {
  if (is_own(path)) return false;
  if (!settings.edit.empty()) {
    return std::any_of(settings.edit.begin(), settings.edit.end(),
                       [&](const std::string& glob) { return glob_match(glob, path); });
  }
  return is_source_path(path) && !is_test_path(path) && !is_benchmark_path(path) && !is_build_script(path);
}

}  // namespace jarvis2::project
