// One binary is one layout, and a layout alone can be worth several percent [Mytkowicz et al., ASPLOS'09; Stabilizer,
// ASPLOS'13]. So a build that links is linked again with its objects in other orders and padding between them, both
// arms draw a layout for each pair, and what layouts do to the times is part of the interval [Kalibera & Jones,
// ISMM'13].
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json_fwd.h"
#include "verify/measure.h"
#include "verify/stages.h"

namespace jarvis2::verify {

inline constexpr std::size_t kLayouts = 8;                       // of each arm, the build's own among them
inline constexpr double kOneLayoutMinEffect = 0.05;              // for native code where these can't be had
inline constexpr const char* kLayoutFolder = ".jarvis2-layout";  // of a tree that is linked again

// The files below `tree` that a linker makes: programs and shared libraries, '/' separated. Packages that set-up
// installed, what is in `pinned` and what lies in a version control's folder are left out.
std::vector<std::string> linked_files(const fs::path& tree, const std::function<bool(const std::string&)>& pinned);

// Bytes of these; where there are none, of the source files.
std::uintmax_t program_bytes(const fs::path& tree, const std::function<bool(const std::string&)>& pinned);
// Whether a tree may be copied for every layout.
bool small_enough_to_copy(const fs::path& tree);

struct Layouts {
  std::vector<fs::path> trees;       // each linked in another order, ours until given back
  std::vector<std::string> outputs;  // what the build's link steps make
  bool native = false;               // the build makes programs or libraries
  std::string why;                   // why there are fewer than asked for
};

struct Relinking {
  std::string build;                          // shell command, its environment included
  std::function<fs::path()> copy;             // a copy of the built tree
  std::function<void(const fs::path&)> drop;  // gives one back
  std::function<SpawnOptions(const std::string& command, const fs::path& tree)> sandboxed;  // writable
  std::function<bool(const fs::path& tree)> works;  // a layout that behaves otherwise is none of this program
  std::vector<std::string> outputs;                 // that are linked again
  std::size_t count = kLayouts - 1;
  std::uint64_t seed = 1;
  double budget_s = 60;  // no relinking starts after
  double timeout_s = 600;
};
// Relinks in copies of the built tree, a few at a time. Never throws for a build that fails: then there are fewer
// trees. `copy`, `drop`, `sandboxed` and `works` are called from several threads. Throws Interrupted.
Layouts relink(const Relinking& what, std::stop_token stop);

// The baseline's layouts: finds out what its build links, and fills in `layouts` and what belongs to them. Once a
// session; the trees are the workspace's, and stay borrowed. Spends about `plan.layout_budget_s`.
void lay_out_baseline(Baseline& baseline, const Plan& plan, const Workspace& workspace, std::stop_token stop);
// The same program as in `tree`, built by `build`, in the baseline's number of layouts; give the trees back.
Layouts lay_out_candidate(const Baseline& baseline, const fs::path& tree, const std::string& build, const Plan& plan,
                          const Workspace& workspace, std::stop_token stop);

// From pairs that name their layouts: the variance between layouts by analysis of variance, counted where it stands
// out of the noise (F above its 95th percentile).
LayoutSpread layout_spread(const std::vector<PairSample>& samples);
// The estimate with the layouts' share in its interval (in quadrature, Student's t of the fewer layouts).
Estimate widened(const Estimate& estimate, const LayoutSpread& spread);
void to_json(Json& json, const LayoutSpread& spread);

}  // namespace jarvis2::verify
