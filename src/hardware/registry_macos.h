#pragma once

#include <vector>

#include "hardware/apple.h"

namespace jarvis2::hardware {

// GPUs as the IORegistry shows them now: name, cores, utilisation, memory in use.
std::vector<Accelerator> registry_accelerators();

}  // namespace jarvis2::hardware
