// Dense layers in portable SIMD (Highway), dispatched at run time to the best instruction set of this CPU.
#pragma once

#include <cstddef>

namespace jarvis2::neural {

// A layer's weights as panels of `panel` outputs: panel p holds, input after input, the weights of outputs
// p·panel … p·panel+panel-1 (zero beyond the last output).
struct PackedLayer {
  const float* weights = nullptr;
  const float* bias = nullptr;  // `padded` floats
  std::size_t inputs = 0;
  std::size_t outputs = 0;
  std::size_t padded = 0;  // outputs rounded up to whole panels: the row length of what it computes
};

// Outputs of a panel for the instruction set in use.
std::size_t panel_width();
const char* kernel_target();

// out[b][0..padded) = relu?(bias + W·x[b]), for inputs [first, first+count) only; `x` points at the first of them.
// `x_stride` and `out_stride` in floats. `with_bias` false starts from zero.
void dense(const PackedLayer& layer, const float* x, std::size_t x_stride, std::size_t first, std::size_t count,
           std::size_t batch, bool with_bias, bool relu, float* out, std::size_t out_stride);
// out[i] = relu(a[i] + b[i] + c[i]); `b` may be null.
void add_relu(const float* a, const float* b, const float* c, std::size_t count, float* out);
float dot(const float* a, const float* b, std::size_t count);
// out[i] += scale · x[i]
void add_scaled(const float* x, float scale, std::size_t count, float* out);

// out[r][c] = (accumulate ? out[r][c] : 0) + Σ_j a[r·a_row + j·a_column] · b[j·b_row + c], for training.
void multiply(std::size_t rows, std::size_t columns, std::size_t inner, const float* a, std::size_t a_row,
              std::size_t a_column, const float* b, std::size_t b_row, float* out, std::size_t out_row,
              bool accumulate);
// One step of AdamW over `count` parameters; `rate` holds the bias correction.
void adam_step(float* parameters, const float* gradient, float* first, float* second, std::size_t count, float rate,
               float decay, float beta1, float beta2, float epsilon);

}  // namespace jarvis2::neural
