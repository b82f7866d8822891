#pragma once

#include <vector>

#include "hardware/machine.h"

namespace jarvis2::hardware {

// NVIDIA's GPUs by their management library, loaded at run time; empty where there is no driver.
std::vector<Gpu> nvml_gpus();

}  // namespace jarvis2::hardware
