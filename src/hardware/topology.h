// Machines as hwloc sees them.
#pragma once

#include <filesystem>

#include "hardware/machine.h"

namespace jarvis2::hardware {

// Fills name, tiers and, for a recorded machine, memory and GPUs. Without kinds of cores there is one tier,
// "performance". `xml` empty: this machine.
Machine read_topology(const std::filesystem::path& xml = {});

}  // namespace jarvis2::hardware
