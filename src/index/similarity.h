// Exact cosine top-k on the CPU: a screen over 8-bit codes with a proven error bound, then single precision for what
// may still be among the best. One thread; parallelism is outside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace jarvis2::index {

// Vectors in row order. A code is round(x / scale) + 128. Rows of codes and floats are `dimensions` long, a multiple of
// 64.
struct VectorBlock {
  const std::uint8_t* codes = nullptr;
  const float* scales = nullptr;
  const float* floats = nullptr;
  std::size_t count = 0;
};

struct VectorView {
  std::size_t dimensions = 0;
  std::vector<VectorBlock> blocks;
  std::size_t size() const;
};

struct VectorHit {
  std::uint32_t row = 0;  // over all blocks
  float score = 0;        // dot product in single precision: the cosine of normalised vectors
};

// Codes and scale of one vector of at most norm 1; returns the Euclidean length of what the codes lose.
float quantise(std::span<const float> vector, std::uint8_t* codes, float& scale);

// The `k` rows with the largest dot products for each query (`queries`: whole rows of `dimensions`), best first, ties
// by row. `loss`: the most that any row's codes lose, as quantise() gave it. Exact: the same rows as a full product, up
// to rounding in single precision.
std::vector<std::vector<VectorHit>> top_k(const VectorView& view, std::span<const float> queries, std::size_t k,
                                          float loss);

float dot(const float* a, const float* b, std::size_t count);

}  // namespace jarvis2::index
