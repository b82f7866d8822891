// The parts of an improve run's result that others rely on, as JSON.
#pragma once

#include <string>

#include "base/json_fwd.h"
#include "edit/action.h"
#include "project/baseline.h"
#include "project/profile.h"

namespace jarvis2::engine {

// Lines that a unified diff adds or removes.
std::size_t changed_lines(const std::string& patch);
Json action_json(const edit::Action& action);
Json profile_json(const project::Profile& profile);
Json baseline_json(const project::Baseline& baseline);

}  // namespace jarvis2::engine
