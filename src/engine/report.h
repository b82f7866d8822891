// What a run leaves for people to look at.
#pragma once

#include <string>

#include "base/json_fwd.h"

namespace jarvis2::engine {

// A self-contained page made from result.json and the search tree (JSON text): no scripts or fonts from elsewhere.
std::string report_html(const Json& result, const std::string& tree_json);
// Processor, cores, kernel, compilers: what a claim was measured on.
Json machine_json();

}  // namespace jarvis2::engine
