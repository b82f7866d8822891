// Dense layers of the embedder: packed single-precision matrix products in portable SIMD, chosen for the processor at
// run time. One thread; parallelism is outside.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "memory/charge.h"

namespace jarvis2::index {

// y = x · Wᵀ + b for W [outputs × inputs] in row order, packed into panels of 32 outputs.
class Dense {
 public:
  Dense() = default;
  Dense(std::span<const float> weights, std::span<const float> bias, std::size_t inputs, std::size_t outputs);
  // x: rows × inputs; y: rows × outputs, written whole.
  void apply(const float* x, std::size_t rows, float* y) const;
  std::size_t inputs() const { return inputs_; }
  std::size_t outputs() const { return outputs_; }

 private:
  std::size_t inputs_ = 0, outputs_ = 0;
  std::vector<float> panels_;
  std::vector<float> bias_;
  memory::Charge charge_;
};

// Attention of one head: out = softmax(q·kᵀ·scale)·v over `count` rows; rows of q, k, v and out are `stride` apart and
// `width` (a multiple of 16) long. `scratch` is resized as needed.
void attend(const float* q, const float* k, const float* v, float* out, std::size_t count, std::size_t stride,
            std::size_t width, float scale, std::vector<float>& scratch);
// x · Φ(x) with the exact error function to 2e-7 [Abramowitz & Stegun 7.1.26], in place.
void gelu(float* x, std::size_t count);
// Rows to mean 0 and variance 1, then scale and shift, in place [Ba et al. 2016].
void layer_norm(float* x, std::size_t rows, std::size_t width, const float* scale, const float* shift, float epsilon);

}  // namespace jarvis2::index
