// Multi-layer perceptrons with ReLU and a final sigmoid: weights, and a packed form for inference.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace jarvis2::neural {

inline constexpr std::uint32_t kInputs = 512;
inline constexpr std::uint32_t kSiteInputs = 384;  // embedding
inline constexpr std::uint32_t kFactInputs = 64;   // of the action, then as many of the state

// The shape of the design: 512, 256, 128, 64, 1.
std::vector<std::uint32_t> default_layers();
std::size_t parameter_count(std::span<const std::uint32_t> layers);

// Trainable parameters. weights[l] is layers[l+1] rows of layers[l] columns.
struct Weights {
  std::vector<std::uint32_t> layers;
  std::vector<std::vector<float>> weights;
  std::vector<std::vector<float>> biases;
};

// He initialisation [He 2015] from `seed`; the last layer is zero, so that the sigmoid gives exactly ½.
Weights initial_weights(std::span<const std::uint32_t> layers, std::uint64_t seed);
// Throws Error naming the tensor when sizes don't fit or a value is not finite.
void check(const Weights& weights);

// Immutable, packed for the vectors of this CPU. Thread-safe; every call runs on the calling thread only.
// The last layer must have one output.
class Network {
 public:
  explicit Network(const Weights& weights);
  ~Network();
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;

  std::span<const std::uint32_t> layers() const;
  std::uint32_t hidden() const;  // width of the first hidden layer: floats of a part

  // out[i] = sigmoid(f(row i)); `inputs` holds `batch` rows of layers()[0] floats.
  void forward(const float* inputs, std::size_t batch, float* out) const;

  // Partial sums of the first layer: out = W[:, first : first+x.size()] · x, without bias; `out` has hidden() floats.
  void first_part(std::span<const float> x, std::size_t first, float* out) const;
  // Row i of the first layer = relu(bias + common + parts[i]); the rest as in forward(). `common` may be null.
  void forward_parts(const float* common, std::span<const float* const> parts, float* out) const;
  // The name of the instruction set in use ("AVX3", "NEON", ...).
  static std::string target();

 private:
  struct Packed;
  std::unique_ptr<Packed> packed_;
};

// 2·ln 4·(σ − ½): the value network's sigmoid as log speed-up, within ±ln 4.
float log_speedup(float sigmoid);
// Its inverse, clamped to (0, 1): a training target.
float from_log_speedup(float value);

}  // namespace jarvis2::neural
