// Field numbers are those of Core ML's Model.proto, FeatureTypes.proto and NeuralNetwork.proto (coremltools 9).
#include "neural/coreml.h"

#include <cstdint>

#include "base/json.h"
#include "neural/protobuf.h"

namespace jarvis2::neural {
namespace {

constexpr std::uint64_t kVersion = 4;  // macOS 10.15: arrays of any rank and any size
constexpr std::uint64_t kFloat32 = 0x10000 | 32;
constexpr std::uint64_t kExactArrays = 1;  // NeuralNetwork.arrayInputShapeMapping

ProtoMessage range(std::uint64_t lower, std::uint64_t upper) {
  return ProtoMessage().integer(1, lower).integer(2, upper);
}

// An array of [1.., width].
ProtoMessage feature(const std::string& name, std::uint64_t width) {
  const std::uint64_t unbounded = ~std::uint64_t{0};  // -1
  ProtoMessage array;
  array.integer(1, 1).integer(1, width).integer(2, kFloat32);
  array.message(31, ProtoMessage().message(1, range(1, unbounded)).message(1, range(width, width)));
  return ProtoMessage().bytes(1, name).message(3, ProtoMessage().message(5, array));
}

ProtoMessage layer(const std::string& input, const std::string& output, std::uint32_t kind, const ProtoMessage& what) {
  return ProtoMessage().bytes(1, output).bytes(2, input).bytes(3, output).message(kind, what);
}

}  // namespace

std::string to_coreml(const Weights& weights, const std::string& name, const std::string& card) {
  check(weights);
  ProtoMessage network;
  std::string now = "features";
  const std::size_t layers = weights.layers.size() - 1;
  for (std::size_t l = 0; l < layers; ++l) {
    ProtoMessage product;
    product.integer(1, weights.layers[l]).integer(2, weights.layers[l + 1]).integer(10, 1);
    product.message(20, ProtoMessage().floats(1, weights.weights[l]));
    product.message(21, ProtoMessage().floats(1, weights.biases[l]));
    const std::string sum = "sum" + std::to_string(l);
    network.message(1, layer(now, sum, 140, product));
    const bool last = l + 1 == layers;
    now = last ? "sigmoid" : "relu" + std::to_string(l);
    network.message(1, layer(sum, now, 130, ProtoMessage().message(last ? 40 : 10, ProtoMessage())));
  }
  network.integer(5, kExactArrays);
  ProtoMessage metadata;
  metadata.bytes(1, "jarvis2 " + name + " network").bytes(3, "jarvis2");
  metadata.message(100, ProtoMessage().bytes(1, "card").bytes(2, card));
  ProtoMessage description;
  description.message(1, feature("features", weights.layers.front()));
  description.message(10, feature("sigmoid", 1)).message(100, metadata);
  return ProtoMessage().integer(1, kVersion).message(2, description).message(500, network).text();
}

void write_coreml(const fs::path& package, const Weights& weights, const std::string& name, const std::string& card) {
  const std::string id = "6A617276-6973-4200-8000-000000000001";
  const Json manifest = {{"fileFormatVersion", "1.0.0"},
                         {"itemInfoEntries",
                          {{id,
                            {{"author", "com.apple.CoreML"},
                             {"description", "CoreML Model Specification"},
                             {"name", "model.mlmodel"},
                             {"path", "com.apple.CoreML/model.mlmodel"}}}}},
                         {"rootModelIdentifier", id}};
  fs::path fresh = package;
  fresh += ".new";
  fs::remove_all(fresh);
  fs::create_directories(fresh / "Data" / "com.apple.CoreML");
  write_file_atomic(fresh / "Data" / "com.apple.CoreML" / "model.mlmodel", to_coreml(weights, name, card));
  write_file_atomic(fresh / "Manifest.json", manifest.dump(2) + "\n");
  fs::remove_all(package);
  fs::rename(fresh, package);
}

}  // namespace jarvis2::neural
