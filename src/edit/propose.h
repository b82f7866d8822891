// From transformations to actions: what can be done to the code where the time goes, and what a first rewrite makes
// possible.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "code/model.h"
#include "edit/catalogue.h"
#include "edit/transformation.h"

namespace jarvis2::edit {

// Shares of the benchmark's time (0..1) by line; what the profiler saw.
struct Heat {
  std::map<std::string, std::map<std::uint32_t, double>> lines;  // path → 1-based line → self share
  double of_lines(const std::string& path, std::uint32_t first, std::uint32_t last) const;
};

struct ProposeOptions {
  double min_share = 0.002;  // functions below this share are left alone; without a profile everything is looked at
  std::size_t max_actions = 4000;  // the hottest are kept
  bool safe_only = false;
  bool composites = true;  // all steps for one function together: minutes, where every function of a project is asked
  unsigned threads = 1;
  std::stop_token stop;  // what was found before is kept
  // Restricts sites: called with path and enclosing function (nullptr at file level).
  std::function<bool(const std::string& path, const code::Function* function)> accept;
};

// Adds an action for every proposal of `transformations` on the hot parts of the base texts. Returns the new ids.
std::vector<ActionId> propose(const std::vector<std::unique_ptr<Transformation>>& transformations,
                              const code::Workspace& workspace, const code::Model& model, const Heat& heat,
                              const ProposeOptions& options, Catalogue& catalogue);

// What becomes possible once `set` is applied: proposals on the materialised texts of the functions it touched that the
// catalogue does not hold yet, rebased on the base commit; they require the actions they build on.
std::vector<ActionId> propose_after(const std::vector<std::unique_ptr<Transformation>>& transformations,
                                    const code::Workspace& workspace, const code::Model& base_model, const Heat& heat,
                                    const ActionSet& set, const BaseReader& base, const ProposeOptions& options,
                                    Catalogue& catalogue);

}  // namespace jarvis2::edit
