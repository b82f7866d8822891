// The layouts that the kernels read, made on the host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace jarvis2::gpu {

inline constexpr std::size_t kTileRows = 256;

// Puts `count` rows (at most 256) into tile form, [dimensions / 4][256][4]; the rest of the tile is zero.
void tile_rows(const float* rows, std::size_t count, std::size_t dimensions, float* tile);
// Weights of all layers as forward_kernel.h reads them.
std::vector<float> forward_weights(std::span<const std::uint32_t> layers, std::span<const std::vector<float>> weights,
                                   std::span<const std::vector<float>> biases);

}  // namespace jarvis2::gpu
