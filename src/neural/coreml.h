// Networks as Core ML packages, for the Neural Engine and for Apple's tools.
#pragma once

#include <string>

#include "base/files.h"
#include "neural/network.h"

namespace jarvis2::neural {

// A specification of version 4: inputs "features" [batch, inputs], output "sigmoid" [batch, 1], any batch.
std::string to_coreml(const Weights& weights, const std::string& name, const std::string& card);
// The folder NAME.mlpackage around it, replaced as a whole.
void write_coreml(const fs::path& package, const Weights& weights, const std::string& name, const std::string& card);

}  // namespace jarvis2::neural
