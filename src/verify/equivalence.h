// Equivalence beyond the tests: the functions of the changed files are called in both arms with freshly generated
// inputs, and what they return, raise, print and do to their arguments is compared; floats with a scaled tolerance.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "verify/stages.h"

namespace jarvis2::verify {

// Fills `result`; returns the first difference in words, empty when there is none. Functions whose types say too little
// are left out, and a note says so. Throws Interrupted.
std::string check_generated(const Candidate& candidate, const fs::path& base_tree, const fs::path& tree,
                            const Plan& plan, const Workspace& workspace, GeneratedCheck& result, std::stop_token stop);

// Python: one that runs in the sandbox draws the inputs with Hypothesis from the functions' annotations.
std::string check_generated_python(const Candidate& candidate, const fs::path& base_tree, const fs::path& tree,
                                   const Plan& plan, const Workspace& workspace, GeneratedCheck& result,
                                   const std::stop_token& stop);
extern const char* const kPythonCheck;

// C and C++: a driver around each changed file calls the functions of numbers, strings and arrays with a length. Inputs
// on which the baseline fails its sanitizers are left out.
std::string check_generated_c(const Candidate& candidate, const fs::path& base_tree, const fs::path& tree,
                              const Plan& plan, const Workspace& workspace, GeneratedCheck& result,
                              const std::stop_token& stop);
struct DrivenFunction {
  std::string name;
  std::string call;  // the body of its part of the driver
};
// The functions of a C or C++ text that a driver can call. `notes`: those it cannot.
std::vector<DrivenFunction> drivable_functions(const std::string& path, const std::string& text,
                                               std::vector<std::string>& notes);
std::string c_driver(const std::string& path, const std::vector<DrivenFunction>& functions, std::size_t inputs);

// Equal, floats ({"f": number}) to 1e-9 of the larger.
bool same_outcome(const Json& a, const Json& b);

// Byte code for these files, where a Python is; empty for no files.
std::string compile_python_command(const std::vector<std::string>& paths);

}  // namespace jarvis2::verify
