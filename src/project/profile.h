// Where the benchmark's time goes, by line and by function.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "project/baseline.h"

namespace jarvis2::project {

struct LineShare {
  std::string path;  // in the repository
  std::uint32_t line = 0;
  double share = 0;  // of all samples, this line itself (calls into C included, into other lines not), 0..1
};
struct FunctionShare {
  std::string path;
  std::string name;        // as the tool names it
  std::uint32_t line = 0;  // of the definition where known, else of the hottest line
  double self = 0;
  double total = 0;  // with callees
};
struct OutsideShare {
  std::string name;  // a C function, a library, the interpreter, a module outside the repository
  double share = 0;
};
struct Profile {
  std::string tool;  // "py-spy", "sampler", "perf", "callgrind", "sample"
  std::uint64_t samples = 0;
  std::vector<LineShare> lines;          // hottest first
  std::vector<FunctionShare> functions;  // by self share
  std::vector<OutsideShare> outside;     // likewise
  std::vector<std::string> notes;        // what could not be seen, what was shortened
};

struct ProfileOptions {
  double budget_s = 15;  // the benchmark is repeated or cut to fit
};

// Runs the benchmark commands (never the holdout) of the untouched commit under the best profiler there is. An empty
// profile, with a note, when none works: the search then looks at everything.
Profile profile_benchmark(Repository& repository, const Baseline& baseline, const ProfileOptions& options,
                          std::stop_token stop = {});

// The profilers by themselves; nullopt when they are not there or saw nothing of the repository's files.
std::optional<Profile> profile_python(const Baseline& baseline, const ProfileOptions& options, std::stop_token stop);
std::optional<Profile> profile_native(Repository& repository, const Baseline& baseline, const ProfileOptions& options,
                                      std::stop_token stop);

// Samples collected by line and function, turned into shares.
class ProfileBuilder {
 public:
  // One stack, innermost first: repository frames (path, line, function) and what lies outside (path empty).
  struct Frame {
    std::string path;
    std::uint32_t line = 0;
    std::string function;
  };
  void add(const std::vector<Frame>& innermost_first, double weight);
  double total() const { return total_; }
  double inside() const { return inside_; }  // weight of stacks with a repository frame
  Profile finish(std::string tool) const;

 private:
  double total_ = 0;
  double inside_ = 0;
  std::map<std::pair<std::string, std::uint32_t>, double> lines_;
  std::map<std::pair<std::string, std::string>, FunctionShare> functions_;
  std::map<std::string, double> outside_;
};

// Lines of a callgrind output file whose source lies under `prefix` (the repository as the program saw it).
void read_callgrind(const std::string& text, const std::string& prefix, ProfileBuilder& builder);

}  // namespace jarvis2::project
