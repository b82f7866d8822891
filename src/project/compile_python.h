// Compilation of Python modules: types seen at run time become annotations, mypyc builds the module beside its source.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "project/baseline.h"

namespace jarvis2::project {

// At the root of a repository: names the modules that are compiled, and builds them when it is run.
inline constexpr const char* kCompileScript = "setup_compiled.py";
// Its whole text. Modules are paths in the repository.
std::string compile_script(const std::vector<std::string>& modules);
// The modules of a text that compile_script() made, byte for byte; nullopt for any other.
std::optional<std::vector<std::string>> compiled_modules(const std::string& text);
// The shell command that runs it with the interpreter of the benchmark and set-up's mypyc.
std::string compile_command(const Settings& settings);
// What a sandbox must let that command read.
std::vector<fs::path> compile_libraries();

// What traced runs of the benchmark (never the holdout) and the tests saw: JSON, one text a process.
std::vector<std::string> observe_types(const Baseline& baseline, double budget_s, std::stop_token stop = {});

struct ModuleEdit {
  std::uint32_t begin = 0, end = 0;  // bytes of the base text
  std::string text;
};
struct CompiledModules {
  std::map<std::string, std::vector<ModuleEdit>> edits;  // annotations, by path
  std::string refused;                                   // why nothing can be compiled; empty when it can
  std::size_t typed = 0, functions = 0;                  // with types, of all
  std::vector<std::string> interpreted;                  // classes that stay ordinary ones
  std::vector<std::string> notes;
};
// Annotates until mypy agrees and mypyc's front end accepts the modules. Throws Interrupted; never throws for what the
// modules are like.
CompiledModules annotate_modules(const Baseline& baseline, const std::vector<std::string>& observed,
                                 const std::vector<std::string>& modules, double limit_s, std::stop_token stop = {});

// The programs that do it, in Python.
extern const char* const kObserveTypes;
extern const char* const kAnnotateModel;
extern const char* const kAnnotateRender;
extern const char* const kAnnotateCheck;

}  // namespace jarvis2::project
