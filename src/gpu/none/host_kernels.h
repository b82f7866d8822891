// The kernels built for the host: what tests compare with the CPU's own paths, so that a kernel is known to be right
// where there is no GPU. Slow: a group is one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gpu/gpu.h"

namespace jarvis2::gpu {

// 512-256-128-64-1 and, so that shapes are tried that fill no group, 24-12-8-1. Throws Error for others. `weights` as
// forward_weights() packs them.
void host_forward(std::span<const std::uint32_t> layers, const float* weights, const float* inputs, std::size_t batch,
                  float* out);
// `tiles` as tile_rows() lays them out.
std::vector<std::vector<RowScore>> host_top_k(const float* tiles, std::size_t rows, std::size_t dimensions,
                                              std::span<const float> queries, std::size_t k);

}  // namespace jarvis2::gpu
