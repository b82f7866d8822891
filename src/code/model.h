// The code model: functions, classes and calls of a workspace, resolved by name as far as names and imports allow.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "code/workspace.h"

namespace jarvis2::code {

struct Function {
  std::string name;       // "advance"
  std::string qualified;  // "Simulation.advance"; nested functions are "outer.inner"
  std::string path;
  Range range;  // the whole definition, decorators and template heads included
  Range body;
  std::uint32_t line = 0;      // of the definition's name
  std::uint32_t end_line = 0;  // last
};

struct Call {
  std::uint32_t caller = kNoFunction;  // index into Model::functions
  std::uint32_t callee = kNoFunction;  // likewise, when exactly one function can be meant
  std::string name;                    // as written, last part
  std::string path;
  std::uint32_t line = 0;
  Range range;
  static constexpr std::uint32_t kNoFunction = UINT32_MAX;
};

// Immutable after building.
class Model {
 public:
  // Reads every tree of `workspace` on up to `threads` threads.
  static Model build(const Workspace& workspace, unsigned threads);

  const std::vector<Function>& functions() const { return functions_; }  // by path, then position
  const std::vector<Call>& calls() const { return calls_; }
  // The innermost function around a byte; nullptr at file level.
  const Function* function_at(std::string_view path, std::uint32_t byte) const;
  const Function* function_at_line(std::string_view path, std::uint32_t line) const;
  // By qualified or plain name, in one file or (path empty) in all.
  std::vector<const Function*> find(std::string_view path, std::string_view name) const;

 private:
  std::vector<Function> functions_;
  std::map<std::string, std::pair<std::uint32_t, std::uint32_t>, std::less<>> by_path_;  // first, last + 1
  std::vector<Call> calls_;
};

// Parses `files` (path, text) on up to `threads` threads; files without a grammar are left out. `editable(path)` marks
// what a candidate may touch.
Workspace parse_workspace(const std::vector<std::pair<std::string, std::string>>& files, unsigned threads,
                          const std::vector<bool>& editable);

}  // namespace jarvis2::code
