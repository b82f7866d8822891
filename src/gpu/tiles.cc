#include "gpu/tiles.h"

#include <algorithm>

namespace jarvis2::gpu {

void tile_rows(const float* rows, std::size_t count, std::size_t dimensions, float* tile) {
  if (count < kTileRows) std::fill_n(tile, kTileRows * dimensions, 0.0f);
  for (std::size_t group = 0; group < dimensions / 4; ++group) {
    float* to = tile + group * kTileRows * 4;
    for (std::size_t row = 0; row < count; ++row) {
      std::copy_n(rows + row * dimensions + group * 4, 4, to + row * 4);
    }
  }
}

std::vector<float> forward_weights(std::span<const std::uint32_t> layers, std::span<const std::vector<float>> weights,
                                   std::span<const std::vector<float>> biases) {
  std::vector<float> packed;
  for (std::size_t l = 0; l + 1 < layers.size(); ++l) {
    const std::size_t inputs = layers[l], outputs = layers[l + 1];
    for (std::size_t i = 0; i < inputs; ++i) {
      for (std::size_t o = 0; o < outputs; ++o) packed.push_back(weights[l][o * inputs + i]);
    }
    packed.insert(packed.end(), biases[l].begin(), biases[l].end());
  }
  return packed;
}

}  // namespace jarvis2::gpu
