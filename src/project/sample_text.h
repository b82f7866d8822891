// The call tree that macOS's `sample` prints.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "project/profile.h"

namespace jarvis2::project {

// Adds the stacks of the "Call graph" part. Source files are named there without their folders: `path_of` tells the
// path in the repository, or nothing for what lies outside. Unknown text is passed over.
void read_sample(std::string_view text, const std::function<std::string(const std::string& name)>& path_of,
                 ProfileBuilder& builder);

}  // namespace jarvis2::project
