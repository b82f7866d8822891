#include "index/sources.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"
#include "base/process.h"

namespace jarvis2::index {
namespace {

constexpr std::uint64_t kLargest = 16u << 20;  // of a source; larger ones are data

// Other people's code and build products, wherever they lie.
constexpr std::string_view kForeign[] = {
    "node_modules", "bower_components", "vendor",      "third_party", "third-party", "thirdparty", "venv",
    "env",          "site-packages",    "__pycache__", "Pods",        "Carthage",    "DerivedData"};

struct Suffix {
  std::string_view suffix;
  std::string_view language;
};

constexpr Suffix kSuffixes[] = {{".rb", "ruby"},       {".php", "php"},       {".kt", "kotlin"},
                                {".kts", "kotlin"},    {".swift", "swift"},   {".scala", "scala"},
                                {".cs", "csharp"},     {".lua", "lua"},       {".zig", "zig"},
                                {".ex", "elixir"},     {".exs", "elixir"},    {".hs", "haskell"},
                                {".sh", "bash"},       {".bash", "bash"},     {".zsh", "bash"},
                                {".pl", "perl"},       {".pm", "perl"},       {".r", "r"},
                                {".R", "r"},           {".jl", "julia"},      {".dart", "dart"},
                                {".clj", "clojure"},   {".erl", "erlang"},    {".ml", "ocaml"},
                                {".mli", "ocaml"},     {".fs", "fsharp"},     {".m", "objc"},
                                {".mm", "objc"},       {".sql", "sql"},       {".proto", "proto"},
                                {".cu", "cuda"},       {".cuh", "cuda"},      {".metal", "metal"},
                                {".vue", "vue"},       {".svelte", "svelte"}, {".groovy", "groovy"},
                                {".gradle", "groovy"}, {".nim", "nim"},       {".v", "verilog"},
                                {".sv", "verilog"},    {".pyx", "cython"},    {".pxd", "cython"},
                                {".md", "markdown"},   {".rst", "rst"},       {".txt", "text"},
                                {".adoc", "asciidoc"}, {".toml", "toml"},     {".yaml", "yaml"},
                                {".yml", "yaml"},      {".cfg", "ini"},       {".ini", "ini"},
                                {".cmake", "cmake"},   {".mk", "make"},       {".graphql", "graphql"}};

constexpr Suffix kNames[] = {{"CMakeLists.txt", "cmake"}, {"Makefile", "make"}, {"Dockerfile", "docker"},
                             {"Rakefile", "ruby"},        {"Gemfile", "ruby"},  {"BUILD.bazel", "bazel"}};

constexpr std::string_view kTexts[] = {"markdown", "rst",   "text", "asciidoc", "toml", "yaml",
                                       "ini",      "cmake", "make", "docker",   "bazel"};

std::string_view file_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool foreign(std::string_view path) {
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t slash = path.find('/', at);
    if (slash == std::string_view::npos) return false;
    const std::string_view part = path.substr(at, slash - at);
    if (part == ".git" || part == ".jarvis2") return true;
    if (std::find(std::begin(kForeign), std::end(kForeign), part) != std::end(kForeign)) return true;
    at = slash + 1;
  }
  return false;
}

bool named_generated(std::string_view path) {
  const std::string_view name = file_name(path);
  for (const std::string_view end : {".min.js", ".min.mjs", ".pb.go", ".pb.cc", ".pb.h", "_pb2.py", "_pb2_grpc.py",
                                     ".g.dart", ".generated.cs", ".Designer.cs", "-lock.yaml", ".bundle.js"}) {
    if (name.ends_with(end)) return true;
  }
  return false;
}

void add(const fs::path& root, std::string path, std::vector<SourcePath>& out) {
  if (source_language(path).empty() || foreign(path) || named_generated(path) || !is_valid_utf8(path)) return;
  struct stat info {};
  if (::lstat((root / path).c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return;
#ifdef __APPLE__
  const timespec& modified = info.st_mtimespec;
#else
  const timespec& modified = info.st_mtim;
#endif
  out.push_back({std::move(path), static_cast<std::uint64_t>(info.st_size),
                 static_cast<std::int64_t>(modified.tv_sec) * 1'000'000'000 + modified.tv_nsec});
}

bool git_paths(const fs::path& root, std::vector<SourcePath>& out, std::stop_token stop) {
  SpawnOptions spawn;
  // A repository's own settings must not start programs.
  spawn.argv = {"git", "-c", "core.fsmonitor=false", "ls-files", "-z", "--cached", "--others", "--exclude-standard"};
  spawn.cwd = root;
  spawn.max_output_bytes = std::size_t{1} << 30;
  spawn.env = {{"GIT_OPTIONAL_LOCKS", "0"}};
  ProcessResult listed;
  try {
    listed = run_process(spawn, 0, stop);
  } catch (const Error&) {
    return false;  // no git
  }
  if (!listed.ok() || listed.truncated) return false;
  for (std::size_t at = 0; at < listed.out.size();) {
    const std::size_t end = std::min(listed.out.find('\0', at), listed.out.size());
    add(root, listed.out.substr(at, end - at), out);
    at = end + 1;
  }
  return true;
}

}  // namespace

fs::path index_root(const fs::path& dir) {
  const fs::path start = fs::weakly_canonical(dir);
  if (!fs::exists(start)) throw Error("index::root", start.string() + ": no such folder");
  const fs::path folder = fs::is_directory(start) ? start : start.parent_path();
  for (fs::path at = folder;; at = at.parent_path()) {
    if (fs::exists(at / ".git")) return at;
    if (at == at.parent_path()) return folder;
  }
}

std::vector<SourcePath> source_paths(const fs::path& root, std::stop_token stop) {
  std::vector<SourcePath> out;
  if (!fs::exists(root / ".git") || !git_paths(root, out, stop)) {
    out.clear();
    std::error_code error;
    fs::recursive_directory_iterator at(root, fs::directory_options::skip_permission_denied, error), end;
    while (!error && at != end) {
      const std::string name = at->path().filename().string();
      const bool folder = at->is_directory(error) && !at->is_symlink(error);
      if (folder && (name.starts_with('.') || foreign(name + "/"))) {
        at.disable_recursion_pending();
      } else if (!folder && !name.starts_with('.')) {
        add(root, at->path().lexically_relative(root).generic_string(), out);
      }
      at.increment(error);
    }
  }
  std::sort(out.begin(), out.end(), [](const SourcePath& a, const SourcePath& b) { return a.path < b.path; });
  out.erase(
      std::unique(out.begin(), out.end(), [](const SourcePath& a, const SourcePath& b) { return a.path == b.path; }),
      out.end());
  return out;
}

std::vector<SourcePath> source_path(const fs::path& root, const std::string& path) {
  std::vector<SourcePath> out;
  add(root, path, out);
  return out;
}

std::string_view source_language(std::string_view path) {
  const code::Language parsed = code::language_of(path);
  if (parsed == code::Language::kTsx) return "typescript";
  if (parsed != code::Language::kNone) return code::language_name(parsed);
  const std::string_view name = file_name(path);
  for (const Suffix& one : kNames) {
    if (name == one.suffix) return one.language;
  }
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return {};
  for (const Suffix& one : kSuffixes) {
    if (name.substr(dot) == one.suffix) return one.language;
  }
  return {};
}

bool is_test_path(std::string_view path) {
  const std::string_view name = file_name(path);
  if (name.starts_with("test_") || name == "conftest.py") return true;
  const std::size_t dot = name.find('.');
  const std::string_view stem = name.substr(0, dot);
  for (const std::string_view end : {"_test", "_tests", "_spec", "Test", "Tests", "Spec"}) {
    if (stem.ends_with(end)) return true;
  }
  if (name.find(".test.") != std::string_view::npos || name.find(".spec.") != std::string_view::npos) return true;
  const std::string padded = "/" + std::string(path.substr(0, path.size() - name.size()));
  for (const char* part :
       {"/test/", "/tests/", "/testing/", "/__tests__/", "/spec/", "/specs/", "/testdata/", "/fixtures/"}) {
    if (padded.find(part) != std::string::npos) return true;
  }
  return false;
}

bool is_text_language(std::string_view language) {
  return std::find(std::begin(kTexts), std::end(kTexts), language) != std::end(kTexts);
}

std::string_view skip_reason(std::string_view path, std::string_view text) {
  if (text.size() > kLargest) return "too large";
  if (std::memchr(text.data(), 0, std::min<std::size_t>(text.size(), 8192)) != nullptr) return "binary";
  const std::string_view language = source_language(path);
  if (is_text_language(language) && text.size() > (1u << 20)) return "too large";
  const std::string_view head = text.substr(0, 1500);
  for (const std::string_view mark :
       {"@generated", "DO NOT EDIT", "Code generated by", "Generated by the protocol buffer",
        "automatically generated by", "Automatically generated by", "AUTO-GENERATED FILE"}) {
    const std::size_t at = head.find(mark);
    // The mark must stand in one of the first comments, not in a string somewhere.
    if (at != std::string_view::npos) {
      const std::size_t line = head.rfind('\n', at);
      const std::string_view before = head.substr(line == std::string_view::npos ? 0 : line + 1, 4);
      if (before.find_first_of("#/*-;<\"'") != std::string_view::npos) return "generated";
    }
  }
  if (text.size() > 4096) {
    const std::size_t lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    if (text.size() / lines > 400) return "minified";
  }
  return {};
}

}  // namespace jarvis2::index
