// The page around a run's data.
#pragma once

#include <string_view>

namespace jarvis2::engine {

// Two places to fill: @RESULT@ and @TREE@, both JSON safe inside a script element.
extern const std::string_view kReportTemplate;

}  // namespace jarvis2::engine
