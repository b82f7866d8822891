// JSON keeps the order of insertion, so that output is stable.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace jarvis2 {
using Json = nlohmann::ordered_json;
}
