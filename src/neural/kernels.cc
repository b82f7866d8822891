// Compiled once for each instruction set. Scalable vectors (SVE, RVV) are left out: the blocks need arrays of vectors.
#include "neural/kernels.h"

// The sums live in registers only if these loops disappear.
#undef JARVIS2_UNROLL
#if defined(__clang__)
#define JARVIS2_UNROLL _Pragma("clang loop unroll(full)")
#else
#define JARVIS2_UNROLL _Pragma("GCC unroll 16")
#endif

#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neural/kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace jarvis2::neural::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
constexpr std::size_t kLanes = hn::MaxLanes(D());
// Registers: kRows × kVectors sums, kVectors weights and a broadcast must fit in 32 (AVX-512, NEON) or 16.
constexpr std::size_t kVectors = (kLanes == 16 || HWY_ARCH_ARM) ? 4 : 2;
constexpr std::size_t kRows = 6;
constexpr std::size_t kPanel = kLanes * kVectors;

const char* Target() {
  return hwy::TargetName(HWY_TARGET);
}

std::size_t PanelWidth() {
  return kPanel;
}

template <std::size_t Rows>
HWY_INLINE void DenseBlock(const float* HWY_RESTRICT weights, const float* HWY_RESTRICT bias,
                           const float* HWY_RESTRICT x, std::size_t x_stride, std::size_t count, bool relu,
                           float* HWY_RESTRICT out, std::size_t out_stride) {
  const D d;
  V sum[Rows][kVectors];
  JARVIS2_UNROLL
  for (std::size_t v = 0; v < kVectors; ++v) {
    const V start = bias == nullptr ? hn::Zero(d) : hn::LoadU(d, bias + v * kLanes);
    JARVIS2_UNROLL
    for (std::size_t r = 0; r < Rows; ++r) sum[r][v] = start;
  }
  std::size_t i = 0;
  if constexpr (Rows == 1) {
    // A second and third set of sums hides the latency of the multiply-add.
    V more[2][kVectors];
    JARVIS2_UNROLL
    for (std::size_t v = 0; v < kVectors; ++v) more[0][v] = more[1][v] = hn::Zero(d);
    for (; i + 3 <= count; i += 3) {
      const V x0 = hn::Set(d, x[i]);
      const V x1 = hn::Set(d, x[i + 1]);
      const V x2 = hn::Set(d, x[i + 2]);
      JARVIS2_UNROLL
      for (std::size_t v = 0; v < kVectors; ++v) {
        sum[0][v] = hn::MulAdd(x0, hn::LoadU(d, weights + i * kPanel + v * kLanes), sum[0][v]);
        more[0][v] = hn::MulAdd(x1, hn::LoadU(d, weights + (i + 1) * kPanel + v * kLanes), more[0][v]);
        more[1][v] = hn::MulAdd(x2, hn::LoadU(d, weights + (i + 2) * kPanel + v * kLanes), more[1][v]);
      }
    }
    JARVIS2_UNROLL
    for (std::size_t v = 0; v < kVectors; ++v) sum[0][v] = hn::Add(sum[0][v], hn::Add(more[0][v], more[1][v]));
  }
  for (; i < count; ++i) {
    V weight[kVectors];
    JARVIS2_UNROLL
    for (std::size_t v = 0; v < kVectors; ++v) weight[v] = hn::LoadU(d, weights + i * kPanel + v * kLanes);
    JARVIS2_UNROLL
    for (std::size_t r = 0; r < Rows; ++r) {
      const V value = hn::Set(d, x[r * x_stride + i]);
      JARVIS2_UNROLL
      for (std::size_t v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(value, weight[v], sum[r][v]);
    }
  }
  JARVIS2_UNROLL
  for (std::size_t r = 0; r < Rows; ++r) {
    JARVIS2_UNROLL
    for (std::size_t v = 0; v < kVectors; ++v) {
      const V value = relu ? hn::Max(sum[r][v], hn::Zero(d)) : sum[r][v];
      hn::StoreU(value, d, out + r * out_stride + v * kLanes);
    }
  }
}

void Dense(const PackedLayer& layer, const float* x, std::size_t x_stride, std::size_t first, std::size_t count,
           std::size_t batch, bool with_bias, bool relu, float* out, std::size_t out_stride) {
  for (std::size_t p = 0; p < layer.padded; p += kPanel) {
    const float* weights = layer.weights + p * layer.inputs + first * kPanel;
    const float* bias = with_bias ? layer.bias + p : nullptr;
    std::size_t b = 0;
    for (; b + kRows <= batch; b += kRows) {
      DenseBlock<kRows>(weights, bias, x + b * x_stride, x_stride, count, relu, out + b * out_stride + p, out_stride);
    }
    const float* rest = x + b * x_stride;
    float* rest_out = out + b * out_stride + p;
    switch (batch - b) {
      case 5:
        DenseBlock<5>(weights, bias, rest, x_stride, count, relu, rest_out, out_stride);
        break;
      case 4:
        DenseBlock<4>(weights, bias, rest, x_stride, count, relu, rest_out, out_stride);
        break;
      case 3:
        DenseBlock<3>(weights, bias, rest, x_stride, count, relu, rest_out, out_stride);
        break;
      case 2:
        DenseBlock<2>(weights, bias, rest, x_stride, count, relu, rest_out, out_stride);
        break;
      case 1:
        DenseBlock<1>(weights, bias, rest, x_stride, count, relu, rest_out, out_stride);
        break;
      default:
        break;
    }
  }
}

void AddRelu(const float* a, const float* b, const float* c, std::size_t count, float* out) {
  const D d;
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    V value = hn::Add(hn::LoadU(d, a + i), hn::LoadU(d, c + i));
    if (b != nullptr) value = hn::Add(value, hn::LoadU(d, b + i));
    hn::StoreU(hn::Max(value, hn::Zero(d)), d, out + i);
  }
  for (; i < count; ++i) {
    const float value = a[i] + c[i] + (b != nullptr ? b[i] : 0);
    out[i] = value > 0 ? value : 0;
  }
}

float Dot(const float* a, const float* b, std::size_t count) {
  const D d;
  V sum[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  std::size_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    JARVIS2_UNROLL
    for (std::size_t v = 0; v < 4; ++v) {
      sum[v] = hn::MulAdd(hn::LoadU(d, a + i + v * kLanes), hn::LoadU(d, b + i + v * kLanes), sum[v]);
    }
  }
  for (; i + kLanes <= count; i += kLanes) sum[0] = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), sum[0]);
  float total = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum[0], sum[1]), hn::Add(sum[2], sum[3]))));
  for (; i < count; ++i) total += a[i] * b[i];
  return total;
}

void AddScaled(const float* x, float scale, std::size_t count, float* out) {
  const D d;
  const V factor = hn::Set(d, scale);
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    hn::StoreU(hn::MulAdd(factor, hn::LoadU(d, x + i), hn::LoadU(d, out + i)), d, out + i);
  }
  for (; i < count; ++i) out[i] += scale * x[i];
}

template <std::size_t Rows, std::size_t Vectors>
HWY_INLINE void MultiplyBlock(std::size_t inner, const float* HWY_RESTRICT a, std::size_t a_row, std::size_t a_column,
                              const float* HWY_RESTRICT b, std::size_t b_row, float* HWY_RESTRICT out,
                              std::size_t out_row, bool accumulate) {
  const D d;
  V sum[Rows][Vectors];
  JARVIS2_UNROLL
  for (std::size_t r = 0; r < Rows; ++r) {
    JARVIS2_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) {
      sum[r][v] = accumulate ? hn::LoadU(d, out + r * out_row + v * kLanes) : hn::Zero(d);
    }
  }
  for (std::size_t j = 0; j < inner; ++j) {
    V row[Vectors];
    JARVIS2_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) row[v] = hn::LoadU(d, b + j * b_row + v * kLanes);
    JARVIS2_UNROLL
    for (std::size_t r = 0; r < Rows; ++r) {
      const V value = hn::Set(d, a[r * a_row + j * a_column]);
      JARVIS2_UNROLL
      for (std::size_t v = 0; v < Vectors; ++v) sum[r][v] = hn::MulAdd(value, row[v], sum[r][v]);
    }
  }
  JARVIS2_UNROLL
  for (std::size_t r = 0; r < Rows; ++r) {
    JARVIS2_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) hn::StoreU(sum[r][v], d, out + r * out_row + v * kLanes);
  }
}

template <std::size_t Vectors>
void MultiplyColumns(std::size_t rows, std::size_t inner, const float* a, std::size_t a_row, std::size_t a_column,
                     const float* b, std::size_t b_row, float* out, std::size_t out_row, bool accumulate) {
  std::size_t r = 0;
  for (; r + kRows <= rows; r += kRows) {
    MultiplyBlock<kRows, Vectors>(inner, a + r * a_row, a_row, a_column, b, b_row, out + r * out_row, out_row,
                                  accumulate);
  }
  for (; r < rows; ++r) {
    MultiplyBlock<1, Vectors>(inner, a + r * a_row, a_row, a_column, b, b_row, out + r * out_row, out_row, accumulate);
  }
}

void Multiply(std::size_t rows, std::size_t columns, std::size_t inner, const float* a, std::size_t a_row,
              std::size_t a_column, const float* b, std::size_t b_row, float* out, std::size_t out_row,
              bool accumulate) {
  std::size_t c = 0;
  for (; c + kPanel <= columns; c += kPanel) {
    MultiplyColumns<kVectors>(rows, inner, a, a_row, a_column, b + c, b_row, out + c, out_row, accumulate);
  }
  for (; c + kLanes <= columns; c += kLanes) {
    MultiplyColumns<1>(rows, inner, a, a_row, a_column, b + c, b_row, out + c, out_row, accumulate);
  }
  for (; c < columns; ++c) {
    for (std::size_t r = 0; r < rows; ++r) {
      float sum = accumulate ? out[r * out_row + c] : 0;
      for (std::size_t j = 0; j < inner; ++j) sum += a[r * a_row + j * a_column] * b[j * b_row + c];
      out[r * out_row + c] = sum;
    }
  }
}

void AdamStep(float* parameters, const float* gradient, float* first, float* second, std::size_t count, float rate,
              float decay, float beta1, float beta2, float epsilon) {
  const D d;
  const V v_beta1 = hn::Set(d, beta1);
  const V v_rest1 = hn::Set(d, 1 - beta1);
  const V v_beta2 = hn::Set(d, beta2);
  const V v_rest2 = hn::Set(d, 1 - beta2);
  const V v_rate = hn::Set(d, rate);
  const V v_epsilon = hn::Set(d, epsilon);
  const V v_keep = hn::Set(d, 1 - decay);
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const V slope = hn::LoadU(d, gradient + i);
    const V mean = hn::MulAdd(v_beta1, hn::LoadU(d, first + i), hn::Mul(v_rest1, slope));
    const V square = hn::MulAdd(v_beta2, hn::LoadU(d, second + i), hn::Mul(v_rest2, hn::Mul(slope, slope)));
    hn::StoreU(mean, d, first + i);
    hn::StoreU(square, d, second + i);
    const V step = hn::Div(hn::Mul(v_rate, mean), hn::Add(hn::Sqrt(square), v_epsilon));
    hn::StoreU(hn::Sub(hn::Mul(v_keep, hn::LoadU(d, parameters + i)), step), d, parameters + i);
  }
  for (; i < count; ++i) {
    first[i] = beta1 * first[i] + (1 - beta1) * gradient[i];
    second[i] = beta2 * second[i] + (1 - beta2) * gradient[i] * gradient[i];
    const float root = hn::GetLane(hn::Sqrt(hn::Set(d, second[i])));
    parameters[i] = (1 - decay) * parameters[i] - rate * first[i] / (root + epsilon);
  }
}

}  // namespace jarvis2::neural::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace jarvis2::neural {

HWY_EXPORT(Target);
HWY_EXPORT(PanelWidth);
HWY_EXPORT(Dense);
HWY_EXPORT(AddRelu);
HWY_EXPORT(Dot);
HWY_EXPORT(AddScaled);
HWY_EXPORT(Multiply);
HWY_EXPORT(AdamStep);

std::size_t panel_width() {
  return HWY_DYNAMIC_DISPATCH(PanelWidth)();
}

const char* kernel_target() {
  return HWY_DYNAMIC_DISPATCH(Target)();
}

void dense(const PackedLayer& layer, const float* x, std::size_t x_stride, std::size_t first, std::size_t count,
           std::size_t batch, bool with_bias, bool relu, float* out, std::size_t out_stride) {
  HWY_DYNAMIC_DISPATCH(Dense)(layer, x, x_stride, first, count, batch, with_bias, relu, out, out_stride);
}

void add_relu(const float* a, const float* b, const float* c, std::size_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(AddRelu)(a, b, c, count, out);
}

float dot(const float* a, const float* b, std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(Dot)(a, b, count);
}

void add_scaled(const float* x, float scale, std::size_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(AddScaled)(x, scale, count, out);
}

void multiply(std::size_t rows, std::size_t columns, std::size_t inner, const float* a, std::size_t a_row,
              std::size_t a_column, const float* b, std::size_t b_row, float* out, std::size_t out_row,
              bool accumulate) {
  HWY_DYNAMIC_DISPATCH(Multiply)
  (rows, columns, inner, a, a_row, a_column, b, b_row, out, out_row, accumulate);
}

void adam_step(float* parameters, const float* gradient, float* first, float* second, std::size_t count, float rate,
               float decay, float beta1, float beta2, float epsilon) {
  HWY_DYNAMIC_DISPATCH(AdamStep)
  (parameters, gradient, first, second, count, rate, decay, beta1, beta2, epsilon);
}

}  // namespace jarvis2::neural
#endif
