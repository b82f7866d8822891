// Exact top-k beyond one thread: over the lanes, and on the GPU.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "gpu/gpu.h"
#include "hardware/lanes.h"
#include "index/similarity.h"

namespace jarvis2::index {

// Vectors copied to the GPU in single precision. Thread-safe once made.
class GpuVectors {
 public:
  GpuVectors(const gpu::Device& device, const VectorView& view);
  // As index::top_k, for k up to gpu::kMostTop; scores differ by rounding in single precision.
  std::vector<std::vector<VectorHit>> top_k(std::span<const float> queries, std::size_t k) const;

 private:
  gpu::VectorSet set_;
};

// As top_k: queries, or where there are few of them rows, are shared out over the performance lane.
std::vector<std::vector<VectorHit>> top_k_on_lanes(hardware::Lanes& lanes, const VectorView& view,
                                                   std::span<const float> queries, std::size_t k, float loss);

// Whether so many queries pay for opening the GPU and copying the vectors to it first, which takes about as long as
// 2·10¹¹ multiply-adds on the CPU. A single query never does.
bool worth_copying(std::size_t rows, std::size_t dimensions, std::size_t queries);
// top_k wherever it is fastest on this machine.
std::vector<std::vector<VectorHit>> top_k_anywhere(const VectorView& view, std::span<const float> queries,
                                                   std::size_t k, float loss);

}  // namespace jarvis2::index
