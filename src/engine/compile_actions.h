// Compilation of hot Python modules as an action.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "edit/propose.h"
#include "project/baseline.h"

namespace jarvis2::engine {

// Types are observed in runs of the benchmark and the tests; the modules where the time goes are annotated with them
// and named in setup_compiled.py. At most one action; where nothing can be compiled, a recommendation that says why.
// Throws Interrupted.
std::vector<edit::Action> compile_actions(const code::Workspace& workspace, const edit::Heat& heat,
                                          const project::Baseline& baseline,
                                          const std::function<bool(const std::string& path)>& accept, double limit_s,
                                          std::stop_token stop);

}  // namespace jarvis2::engine
