// Field numbers are those of onnx.proto (ONNX 1.12).
#include "neural/onnx.h"

#include <cstdint>

#include "neural/protobuf.h"

namespace jarvis2::neural {
namespace {

using Message = ProtoMessage;

constexpr std::uint64_t kFloat = 1;  // TensorProto.DataType.FLOAT

Message tensor(const std::string& name, const std::vector<std::uint32_t>& shape, const std::vector<float>& values) {
  Message message;
  for (std::uint32_t size : shape) message.integer(1, size);
  message.integer(2, kFloat).bytes(8, name);
  return message.floats(9, values);
}

Message node(const std::string& op, const std::vector<std::string>& inputs, const std::string& output) {
  Message message;
  for (const std::string& input : inputs) message.bytes(1, input);
  return message.bytes(2, output).bytes(3, output).bytes(4, op);
}

Message value_info(const std::string& name, std::uint32_t width) {
  Message shape;
  shape.message(1, Message().bytes(2, "batch")).message(1, Message().integer(1, width));
  Message tensor_type;
  tensor_type.integer(1, kFloat).message(2, shape);
  return Message().bytes(1, name).message(2, Message().message(1, tensor_type));
}

}  // namespace

std::string to_onnx(const Weights& weights, const std::string& name, const std::string& card) {
  check(weights);
  Message graph;
  std::string now = "features";
  const std::size_t layers = weights.layers.size() - 1;
  for (std::size_t l = 0; l < layers; ++l) {
    const std::string layer = std::to_string(l);
    Message gemm = node("Gemm", {now, layer + ".weight", layer + ".bias"}, layer + ".sum");
    gemm.message(5, Message().bytes(1, "transB").integer(3, 1).integer(20, 2));  // INT
    graph.message(1, gemm);
    const bool last = l + 1 == layers;
    now = last ? "sigmoid" : layer + ".relu";
    graph.message(1, node(last ? "Sigmoid" : "Relu", {layer + ".sum"}, now));
  }
  graph.bytes(2, name);
  for (std::size_t l = 0; l < layers; ++l) {
    const std::string layer = std::to_string(l);
    graph.message(5, tensor(layer + ".weight", {weights.layers[l + 1], weights.layers[l]}, weights.weights[l]));
    graph.message(5, tensor(layer + ".bias", {weights.layers[l + 1]}, weights.biases[l]));
  }
  graph.message(11, value_info("features", weights.layers.front()));
  graph.message(12, value_info("sigmoid", 1));
  Message model;
  model.integer(1, 8).bytes(2, "jarvis2").message(7, graph);
  model.message(8, Message().bytes(1, "").integer(2, 13));
  model.message(14, Message().bytes(1, "card").bytes(2, card));
  return model.text();
}

}  // namespace jarvis2::neural
