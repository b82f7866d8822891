#include "neural/network.h"

#include <hwy/aligned_allocator.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "base/error.h"
#include "memory/charge.h"
#include "neural/kernels.h"

namespace jarvis2::neural {
namespace {

constexpr float kLogFour = 1.3862943611198906f;
// Rows that go through all layers together: their activations stay in the first-level cache.
constexpr std::size_t kBlockRows = 24;

float sigmoid(float x) {
  return 1.0f / (1.0f + std::exp(-x));
}

std::string shape_text(std::span<const std::uint32_t> layers) {
  std::string text;
  for (std::uint32_t width : layers) text += (text.empty() ? "" : "-") + std::to_string(width);
  return text;
}

// Grown as needed, one a thread.
float* scratch(std::size_t floats) {
  thread_local hwy::AlignedFreeUniquePtr<float[]> buffer;
  thread_local std::size_t size = 0;
  if (floats > size) {
    buffer = hwy::AllocateAligned<float>(floats);
    size = floats;
  }
  return buffer.get();
}

}  // namespace

std::vector<std::uint32_t> default_layers() {
  return {kInputs, 256, 128, 64, 1};
}

std::size_t parameter_count(std::span<const std::uint32_t> layers) {
  std::size_t count = 0;
  for (std::size_t l = 0; l + 1 < layers.size(); ++l) count += (std::size_t{layers[l]} + 1) * layers[l + 1];
  return count;
}

Weights initial_weights(std::span<const std::uint32_t> layers, std::uint64_t seed) {
  Weights weights;
  weights.layers.assign(layers.begin(), layers.end());
  std::mt19937_64 random(seed);
  for (std::size_t l = 0; l + 1 < layers.size(); ++l) {
    std::vector<float> matrix(std::size_t{layers[l]} * layers[l + 1], 0.0f);
    if (l + 2 < layers.size()) {
      std::normal_distribution<float> normal(0.0f, std::sqrt(2.0f / static_cast<float>(layers[l])));
      for (float& weight : matrix) weight = normal(random);
    }
    weights.weights.push_back(std::move(matrix));
    weights.biases.emplace_back(layers[l + 1], 0.0f);
  }
  return weights;
}

void check(const Weights& weights) {
  const std::vector<std::uint32_t>& layers = weights.layers;
  if (layers.size() < 2 || layers.back() != 1 || std::count(layers.begin(), layers.end(), 0U) > 0) {
    throw Error("neural::check", "layers " + shape_text(layers) + ": at least two, none empty, the last of width 1");
  }
  if (weights.weights.size() != layers.size() - 1 || weights.biases.size() != layers.size() - 1) {
    throw Error("neural::check", "layers " + shape_text(layers) + " need " + std::to_string(layers.size() - 1) +
                                     " weights and biases, found " + std::to_string(weights.weights.size()) + " and " +
                                     std::to_string(weights.biases.size()));
  }
  for (std::size_t l = 0; l + 1 < layers.size(); ++l) {
    const std::string name = "layer " + std::to_string(l);
    if (weights.weights[l].size() != std::size_t{layers[l]} * layers[l + 1]) {
      throw Error("neural::check", name + " has " + std::to_string(weights.weights[l].size()) + " weights, not " +
                                       std::to_string(layers[l + 1]) + "x" + std::to_string(layers[l]));
    }
    if (weights.biases[l].size() != layers[l + 1]) {
      throw Error("neural::check", name + " has " + std::to_string(weights.biases[l].size()) + " biases, not " +
                                       std::to_string(layers[l + 1]));
    }
    for (const std::vector<float>* values : {&weights.weights[l], &weights.biases[l]}) {
      for (float value : *values) {
        if (!std::isfinite(value)) throw Error("neural::check", name + " has a value that is not finite");
      }
    }
  }
}

struct Network::Packed {
  std::vector<std::uint32_t> layers;
  hwy::AlignedFreeUniquePtr<float[]> memory;
  memory::Charge charge;
  std::vector<PackedLayer> hidden;      // all but the last
  const float* last_weights = nullptr;  // a dot product
  float last_bias = 0;
  std::size_t widest = 0;  // padded outputs

  // Takes `rows` rows of first-layer activations (stride hidden[0].padded) to the outputs; `next` has as much room.
  void finish(float* now, float* next, std::size_t rows, float* out) const {
    std::size_t stride = hidden[0].padded;
    for (std::size_t l = 1; l < hidden.size(); ++l) {
      dense(hidden[l], now, stride, 0, hidden[l].inputs, rows, true, true, next, hidden[l].padded);
      stride = hidden[l].padded;
      std::swap(now, next);
    }
    for (std::size_t r = 0; r < rows; ++r) {
      out[r] = sigmoid(last_bias + dot(last_weights, now + r * stride, layers[layers.size() - 2]));
    }
  }
};

Network::Network(const Weights& weights) : packed_(std::make_unique<Packed>()) {
  check(weights);
  Packed& packed = *packed_;
  packed.layers = weights.layers;
  if (packed.layers.size() < 3) throw Error("neural::Network", "at least one hidden layer is needed");
  const std::size_t panel = panel_width();
  const std::size_t hidden = packed.layers.size() - 2;
  const std::size_t inputs_last = packed.layers[hidden];
  std::size_t floats = 0;
  for (std::size_t l = 0; l < hidden; ++l) {
    const std::size_t padded = (packed.layers[l + 1] + panel - 1) / panel * panel;
    floats += padded * (packed.layers[l] + std::size_t{1});
    packed.widest = std::max(packed.widest, padded);
  }
  packed.charge = memory::Charge(memory::zones().neural, (floats + inputs_last) * sizeof(float));
  packed.memory = hwy::AllocateAligned<float>(floats + inputs_last);
  std::fill_n(packed.memory.get(), floats + inputs_last, 0.0f);
  float* at = packed.memory.get();
  for (std::size_t l = 0; l < hidden; ++l) {
    PackedLayer layer;
    layer.inputs = packed.layers[l];
    layer.outputs = packed.layers[l + 1];
    layer.padded = (layer.outputs + panel - 1) / panel * panel;
    for (std::size_t o = 0; o < layer.outputs; ++o) {
      float* column = at + o / panel * panel * layer.inputs + o % panel;
      for (std::size_t i = 0; i < layer.inputs; ++i) column[i * panel] = weights.weights[l][o * layer.inputs + i];
    }
    layer.weights = at;
    at += layer.padded * layer.inputs;
    std::copy(weights.biases[l].begin(), weights.biases[l].end(), at);
    layer.bias = at;
    at += layer.padded;
    packed.hidden.push_back(layer);
  }
  std::copy(weights.weights[hidden].begin(), weights.weights[hidden].end(), at);
  packed.last_weights = at;
  packed.last_bias = weights.biases[hidden][0];
}

Network::~Network() = default;
Network::Network(Network&&) noexcept = default;
Network& Network::operator=(Network&&) noexcept = default;

std::span<const std::uint32_t> Network::layers() const {
  return packed_->layers;
}

std::uint32_t Network::hidden() const {
  return packed_->layers[1];
}

std::string Network::target() {
  return kernel_target();
}

void Network::forward(const float* inputs, std::size_t batch, float* out) const {
  const Packed& packed = *packed_;
  float* now = scratch(2 * kBlockRows * packed.widest);
  float* next = now + kBlockRows * packed.widest;
  const PackedLayer& first = packed.hidden[0];
  for (std::size_t b = 0; b < batch; b += kBlockRows) {
    const std::size_t rows = std::min(kBlockRows, batch - b);
    dense(first, inputs + b * first.inputs, first.inputs, 0, first.inputs, rows, true, true, now, first.padded);
    packed.finish(now, next, rows, out + b);
  }
}

void Network::first_part(std::span<const float> x, std::size_t first, float* out) const {
  const PackedLayer& layer = packed_->hidden[0];
  if (first + x.size() > layer.inputs) {
    throw Error("neural::first_part", std::to_string(x.size()) + " inputs from " + std::to_string(first) +
                                          " on; the network has " + std::to_string(layer.inputs));
  }
  float* sums = scratch(layer.padded);
  dense(layer, x.data(), x.size(), first, x.size(), 1, false, false, sums, layer.padded);
  std::copy_n(sums, layer.outputs, out);
}

void Network::forward_parts(const float* common, std::span<const float* const> parts, float* out) const {
  const Packed& packed = *packed_;
  float* now = scratch(2 * kBlockRows * packed.widest);
  float* next = now + kBlockRows * packed.widest;
  const PackedLayer& first = packed.hidden[0];
  for (std::size_t b = 0; b < parts.size(); b += kBlockRows) {
    const std::size_t rows = std::min(kBlockRows, parts.size() - b);
    for (std::size_t r = 0; r < rows; ++r) {
      add_relu(first.bias, common, parts[b + r], first.outputs, now + r * first.padded);
    }
    packed.finish(now, next, rows, out + b);
  }
}

float log_speedup(float value) {
  return 2 * kLogFour * (value - 0.5f);
}

float from_log_speedup(float value) {
  return std::clamp(0.5f + value / (2 * kLogFour), 1e-6f, 1 - 1e-6f);
}

}  // namespace jarvis2::neural
