#include "project/compile_python.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <regex>
#include <sstream>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/process.h"

namespace jarvis2::project {
namespace {

constexpr const char* kHead =
    R"python("""Compiles the modules named below with mypyc: python3 setup_compiled.py [--clean]

Needs the PyPI packages mypy and setuptools, a C compiler and Python's headers. Python imports a compiled module where it
lies beside its source, and the source where it doesn't: after a change build again, or take the compiled ones away with
--clean. Written by jarvis2 improve; jarvis2 verify runs it after the project's own build.
"""

MODULES = [
)python";

// What the generated code checks at run time is no error here.
constexpr const char* kRest = R"python(]
FLAGS = ["--config-file=", "--cache-dir=/dev/null", "--ignore-missing-imports", "--follow-imports=silent", "--no-warn-no-return"]
FLAGS += [
    "--disable-error-code=" + code
    for code in (
        "arg-type assignment attr-defined call-arg call-overload dict-item has-type import-not-found import-untyped index list-item"
        " method-assign misc name-defined no-redef operator override return return-value type-var union-attr valid-type var-annotated"
    ).split()
]


def root_of(module):
    """The folder that this module is imported from."""
    import os

    folder = os.path.dirname(module)
    while folder and os.path.exists(os.path.join(folder, "__init__.py")):
        folder = os.path.dirname(folder)
    return folder


def clean(here):
    import glob
    import os
    import sysconfig

    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    for module in MODULES:
        root = os.path.join(here, root_of(module))
        for path in [os.path.join(here, module[:-3]) + suffix] + glob.glob(os.path.join(root, "*__mypyc" + suffix)):
            if os.path.exists(path):
                os.remove(path)


def build(here):
    import os
    import tempfile

    from mypyc.build import mypycify
    from setuptools import setup

    for root in sorted({root_of(module) for module in MODULES}):
        os.chdir(os.path.join(here, root))
        paths = [os.path.relpath(module, root or ".") for module in MODULES if root_of(module) == root]
        with tempfile.TemporaryDirectory() as scratch:
            extensions = mypycify(FLAGS + paths, opt_level="3", debug_level="0", target_dir=scratch)
            arguments = ["--quiet", "build_ext", "--inplace", "--build-temp", scratch, "--build-lib", scratch]
            setup(name="compiled", script_args=arguments, ext_modules=extensions, packages=[], py_modules=[])


if __name__ == "__main__":
    import os
    import sys

    (clean if "--clean" in sys.argv else build)(os.path.dirname(os.path.abspath(__file__)))
)python";

// Set-up's packages, where they hold the compiler.
fs::path packages() {
  std::error_code error;
  for (const fs::directory_entry& python : fs::directory_iterator(deps_dir() / "venv" / "lib", error)) {
    const fs::path folder = python.path() / "site-packages";
    if (fs::is_directory(folder / "mypyc", error)) return fs::canonical(folder, error);
  }
  return {};
}

// The interpreter that the benchmark names.
std::string interpreter_of(const Settings& settings) {
  static const std::regex python("(.*/)?python[0-9.]*");
  for (const std::string& bench : settings.bench) {
    std::istringstream words(bench);
    for (std::string word; words >> word;) {
      if (std::regex_match(word, python)) return word;
    }
  }
  return "python3";
}

std::string prepended(const std::string& command, const std::string& folder) {
  std::string result = command;
  for (std::size_t at = 0; (at = result.find("PYTHONPATH=", at)) != std::string::npos;) {
    at += 11;
    result.insert(at, folder + ":");
  }
  return result;
}

// The programs and their answers, in a folder that the sandbox sees.
struct Desk {
  TempDir folder{"jarvis2-compile-", user_cache_dir()};
  Worktree tree;
  std::unique_ptr<Sandbox> sandbox;

  explicit Desk(const Baseline& baseline) : tree(baseline.prepared->copy()) {
    fs::create_directories(folder.path() / "hook");
    fs::create_directories(folder.path() / "seen");
    fs::create_directories(folder.path() / "scratch");
    write_file_atomic(folder.path() / "hook" / "sitecustomize.py", kObserveTypes);
    write_file_atomic(folder.path() / "annotate.py", std::string(kAnnotateModel) + kAnnotateRender + kAnnotateCheck);
    SandboxOptions policy = baseline.sandbox(tree.path());
    policy.writable.push_back(folder.path());
    policy.pinned.clear();
    for (const fs::path& library : compile_libraries()) policy.readable.push_back(library);
    sandbox = std::make_unique<Sandbox>(policy);
  }
};

// Why the interpreter can't compile; empty when it can.
std::string unavailable(const Sandbox& sandbox, const std::string& interpreter, const std::stop_token& stop) {
  const fs::path library = packages();
  if (library.empty()) return "mypyc is not installed (make setup installs it)";
  const ProcessResult result = sandbox.run(
      fmt::format("export PYTHONPATH=${{PYTHONPATH:+$PYTHONPATH:}}'{}'; {} -c 'import sysconfig, os, sys\n"
                  "if not os.path.exists(os.path.join(sysconfig.get_path(\"include\"), \"Python.h\")):\n"
                  "    sys.exit(\"the headers of Python \" + sysconfig.get_python_version() + \" are missing (Debian: "
                  "python3-dev)\")\n"
                  "import mypy.api, mypyc.build, setuptools' && command -v cc gcc clang >/dev/null",
                  library.string(), interpreter),
      60, stop);
  if (result.cancelled) throw Interrupted();
  if (result.ok()) return {};
  std::string last = result.err;
  while (!last.empty() && last.back() == '\n') last.pop_back();
  last = last.substr(last.rfind('\n') + 1);
  return last.empty() ? "there is no C compiler" : fmt::format("{}: {}", interpreter, last);
}

}  // namespace

std::string compile_script(const std::vector<std::string>& modules) {
  std::string text = kHead;
  for (const std::string& module : modules) text += fmt::format("    \"{}\",\n", module);
  return text + kRest;
}

std::optional<std::vector<std::string>> compiled_modules(const std::string& text) {
  const std::string_view head = kHead, rest = kRest;
  if (!text.starts_with(head) || !text.ends_with(rest) || text.size() < head.size() + rest.size()) return std::nullopt;
  static const std::regex entry("    \"([A-Za-z0-9_][A-Za-z0-9_./-]*\\.py)\",");
  std::istringstream lines(text.substr(head.size(), text.size() - head.size() - rest.size()));
  std::vector<std::string> modules;
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (!std::regex_match(line, match, entry) || match[1].str().find("..") != std::string::npos) return std::nullopt;
    modules.push_back(match[1]);
  }
  if (modules.empty() || compile_script(modules) != text) return std::nullopt;
  return modules;
}

std::string compile_command(const Settings& settings) {
  std::string command;
  const fs::path library = packages();
  if (!library.empty()) {
    command = fmt::format("export PYTHONPATH=\"${{PYTHONPATH:+$PYTHONPATH:}}{}\"; ", library.string());
  }
  return command + interpreter_of(settings) + " " + kCompileScript;
}

std::vector<fs::path> compile_libraries() {
  const fs::path library = packages();
  return library.empty() ? std::vector<fs::path>{} : std::vector<fs::path>{library};
}

std::vector<std::string> observe_types(const Baseline& baseline, double budget_s, std::stop_token stop) {
  const Desk desk(baseline);
  const std::string hook = (desk.folder.path() / "hook").string();
  const std::string exports =
      fmt::format("export JARVIS2_TYPES='{}'; export JARVIS2_ROOT='{}'; export PYTHONPATH='{}'; ",
                  (desk.folder.path() / "seen").string(), desk.sandbox->inner_path().string(), hook);
  std::vector<std::string> commands;
  for (const BenchBaseline& bench : baseline.bench) {
    if (!bench.holdout) commands.push_back(bench.command);
  }
  commands.push_back(baseline.settings.test);
  const std::uint64_t begin_ns = monotonic_ns();
  for (const std::string& command : commands) {
    const double left_s = budget_s - static_cast<double>(monotonic_ns() - begin_ns) * 1e-9;
    if (left_s < 1 || command.empty()) continue;
    const ProcessResult result = desk.sandbox->run(exports + prepended(command, hook), left_s, stop);
    if (result.cancelled) throw Interrupted();
    if (result.timed_out) log::info("types: {} took too long to be watched to its end", command);
  }
  std::vector<std::string> seen;
  for (const fs::directory_entry& file : fs::directory_iterator(desk.folder.path() / "seen")) {
    if (file.path().extension() == ".json") seen.push_back(read_file(file.path()));
  }
  return seen;
}

CompiledModules annotate_modules(const Baseline& baseline, const std::vector<std::string>& observed,
                                 const std::vector<std::string>& modules, double limit_s, std::stop_token stop) {
  CompiledModules result;
  const Desk desk(baseline);
  const std::string interpreter = interpreter_of(baseline.settings);
  result.refused = unavailable(*desk.sandbox, interpreter, stop);
  if (!result.refused.empty()) return result;
  Json request = {{"modules", modules},
                  {"observed", Json::array()},
                  {"script", compile_script(modules)},
                  {"scratch", (desk.folder.path() / "scratch").string()}};
  for (const std::string& text : observed) {
    Json one = Json::parse(text, nullptr, false);
    if (one.is_object()) request["observed"].push_back(std::move(one));
  }
  SpawnOptions spawn = desk.sandbox->command(
      fmt::format("export PYTHONPATH=\"${{PYTHONPATH:+$PYTHONPATH:}}{}\"; exec {} '{}'", packages().string(),
                  interpreter, (desk.folder.path() / "annotate.py").string()));
  spawn.stdin_bytes = request.dump();
  const ProcessResult ran = run_process(spawn, limit_s, stop);
  if (ran.cancelled) throw Interrupted();
  const Json answer = Json::parse(ran.out, nullptr, false);
  if (!answer.is_object() || !answer.contains("refused")) {
    result.refused = ran.timed_out ? "annotating took too long"
                                   : "annotating failed: " +
                                         ran.err.substr(ran.err.size() - std::min<std::size_t>(ran.err.size(), 200));
    return result;
  }
  result.refused = answer["refused"].get<std::string>();
  result.notes = answer["notes"].get<std::vector<std::string>>();
  if (!result.refused.empty()) return result;
  for (const auto& [path, edits] : answer["edits"].items()) {
    std::vector<ModuleEdit>& list = result.edits[path];
    for (const Json& edit : edits) {
      list.push_back({edit[0].get<std::uint32_t>(), edit[1].get<std::uint32_t>(), edit[2].get<std::string>()});
    }
  }
  result.typed = answer["summary"]["typed"];
  result.functions = answer["summary"]["functions"];
  result.interpreted = answer["summary"]["plain"].get<std::vector<std::string>>();
  return result;
}

}  // namespace jarvis2::project
