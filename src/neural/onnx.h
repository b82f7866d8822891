// Networks as ONNX models (opset 13: Gemm, Relu, Sigmoid), written as protocol-buffer bytes.
#pragma once

#include <string>

#include "neural/network.h"

namespace jarvis2::neural {

// Input "features" [batch, layers[0]], output "sigmoid" [batch, 1]. `card` becomes the metadata property "card".
std::string to_onnx(const Weights& weights, const std::string& name, const std::string& card);

}  // namespace jarvis2::neural
