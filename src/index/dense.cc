#include "index/dense.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "index/dense.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "hwy/contrib/math/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace jarvis2::index::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr std::size_t kPanel = 32;

// Rows of x times two vectors of columns of a panel.
template <std::size_t kRows>
void Block(const float* x, std::size_t inputs, const float* panel, const float* bias, float* y, std::size_t stride,
           std::size_t columns) {
  const hn::CappedTag<float, kPanel> d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t c = 0; c < kPanel && c < columns; c += 2 * lanes) {
    const bool two = lanes < kPanel;
    hn::Vec<decltype(d)> low[kRows], high[kRows];
    for (std::size_t r = 0; r < kRows; ++r) {
      low[r] = hn::LoadU(d, bias + c);
      high[r] = two ? hn::LoadU(d, bias + c + lanes) : low[r];
    }
    const float* column = panel + c;
    for (std::size_t k = 0; k < inputs; ++k, column += kPanel) {
      const hn::Vec<decltype(d)> b0 = hn::LoadU(d, column);
      const hn::Vec<decltype(d)> b1 = two ? hn::LoadU(d, column + lanes) : b0;
      for (std::size_t r = 0; r < kRows; ++r) {
        const hn::Vec<decltype(d)> a = hn::Set(d, x[r * inputs + k]);
        low[r] = hn::MulAdd(a, b0, low[r]);
        if (two) high[r] = hn::MulAdd(a, b1, high[r]);
      }
    }
    for (std::size_t r = 0; r < kRows; ++r) {
      hn::StoreU(low[r], d, y + r * stride + c);
      if (two) hn::StoreU(high[r], d, y + r * stride + c + lanes);
    }
  }
}

void Apply(const float* x, std::size_t rows, std::size_t inputs, std::size_t outputs, const float* panels,
           const float* bias, float* y) {
  // Columns in whole panels: outputs is a multiple of the panel (checked by the caller).
  for (std::size_t p = 0; p < outputs / kPanel; ++p) {
    const float* panel = panels + p * kPanel * inputs;
    std::size_t r = 0;
    for (; r + 6 <= rows; r += 6) {
      Block<6>(x + r * inputs, inputs, panel, bias + p * kPanel, y + r * outputs + p * kPanel, outputs, kPanel);
    }
    for (; r + 2 <= rows; r += 2) {
      Block<2>(x + r * inputs, inputs, panel, bias + p * kPanel, y + r * outputs + p * kPanel, outputs, kPanel);
    }
    for (; r < rows; ++r) {
      Block<1>(x + r * inputs, inputs, panel, bias + p * kPanel, y + r * outputs + p * kPanel, outputs, kPanel);
    }
  }
}

void Gelu(float* x, std::size_t count) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  using V = hn::Vec<decltype(d)>;
  const auto one = [&](V v) {
    const V z = hn::Mul(v, hn::Set(d, 0.70710678f));
    const V a = hn::Abs(z);
    const V t = hn::Div(hn::Set(d, 1.0f), hn::MulAdd(hn::Set(d, 0.3275911f), a, hn::Set(d, 1.0f)));
    V p = hn::Set(d, 1.061405429f);
    p = hn::MulAdd(p, t, hn::Set(d, -1.453152027f));
    p = hn::MulAdd(p, t, hn::Set(d, 1.421413741f));
    p = hn::MulAdd(p, t, hn::Set(d, -0.284496736f));
    p = hn::MulAdd(p, t, hn::Set(d, 0.254829592f));
    const V e = hn::Exp(d, hn::Neg(hn::Mul(a, a)));
    const V erf = hn::CopySign(hn::NegMulAdd(hn::Mul(p, t), e, hn::Set(d, 1.0f)), z);
    return hn::Mul(hn::Mul(v, hn::Set(d, 0.5f)), hn::Add(hn::Set(d, 1.0f), erf));
  };
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(one(hn::LoadU(d, x + i)), d, x + i);
  for (; i < count; ++i) x[i] = 0.5f * x[i] * (1.0f + std::erf(x[i] * 0.70710678f));
}

void Attend(const float* q, const float* k, const float* v, float* out, std::size_t count, std::size_t stride,
            std::size_t width, float scale, float* scratch) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t padded = (count + 63) / 64 * 64;  // a multiple of any vector's length
  float* keys = scratch;                              // width × padded: k transposed
  float* weights = keys + width * padded;
  for (std::size_t j = 0; j < padded; ++j) {
    for (std::size_t c = 0; c < width; ++c) keys[c * padded + j] = j < count ? k[j * stride + c] * scale : 0;
  }
  for (std::size_t i = 0; i < count; ++i) {
    V top = hn::Set(d, -1e30f);
    for (std::size_t j = 0; j < padded; j += lanes) {
      V sum0 = hn::Zero(d), sum1 = sum0;
      for (std::size_t c = 0; c < width; c += 2) {
        sum0 = hn::MulAdd(hn::Set(d, q[i * stride + c]), hn::LoadU(d, keys + c * padded + j), sum0);
        sum1 = hn::MulAdd(hn::Set(d, q[i * stride + c + 1]), hn::LoadU(d, keys + (c + 1) * padded + j), sum1);
      }
      const V sum = hn::Add(sum0, sum1);
      hn::StoreU(sum, d, weights + j);
      if (j + lanes <= count) top = hn::Max(top, sum);
    }
    float most = hn::GetLane(hn::MaxOfLanes(d, top));
    for (std::size_t j = count / lanes * lanes; j < count; ++j) most = std::max(most, weights[j]);
    float total = 0;
    {
      V all = hn::Zero(d);
      for (std::size_t j = 0; j < padded; j += lanes) {
        const V weight = hn::Exp(d, hn::Sub(hn::LoadU(d, weights + j), hn::Set(d, most)));
        hn::StoreU(weight, d, weights + j);
        if (j + lanes <= count) all = hn::Add(all, weight);
      }
      total = hn::GetLane(hn::SumOfLanes(d, all));
      for (std::size_t j = count / lanes * lanes; j < count; ++j) total += weights[j];
    }
    const hn::CappedTag<float, 16> d16;
    const std::size_t step = hn::Lanes(d16);
    for (std::size_t c = 0; c < width; c += step) {
      hn::Vec<decltype(d16)> sum0 = hn::Zero(d16), sum1 = sum0;
      std::size_t j = 0;
      for (; j + 2 <= count; j += 2) {
        sum0 = hn::MulAdd(hn::Set(d16, weights[j]), hn::LoadU(d16, v + j * stride + c), sum0);
        sum1 = hn::MulAdd(hn::Set(d16, weights[j + 1]), hn::LoadU(d16, v + (j + 1) * stride + c), sum1);
      }
      if (j < count) sum0 = hn::MulAdd(hn::Set(d16, weights[j]), hn::LoadU(d16, v + j * stride + c), sum0);
      hn::StoreU(hn::Mul(hn::Add(sum0, sum1), hn::Set(d16, 1.0f / total)), d16, out + i * stride + c);
    }
  }
}

}  // namespace jarvis2::index::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace jarvis2::index {
HWY_EXPORT(Apply);
HWY_EXPORT(Gelu);
HWY_EXPORT(Attend);

namespace {
constexpr std::size_t kPanelWidth = 32;
}

Dense::Dense(std::span<const float> weights, std::span<const float> bias, std::size_t inputs, std::size_t outputs)
    : inputs_(inputs),
      outputs_(outputs),
      panels_(weights.size()),
      bias_(bias.begin(), bias.end()),
      charge_(memory::zones().vector_index, memory::vector_bytes(panels_) + memory::vector_bytes(bias_)) {
  // Every layer of the models used here has a multiple of 32 outputs.
  for (std::size_t o = 0; o < outputs; ++o) {
    float* panel = panels_.data() + o / kPanelWidth * kPanelWidth * inputs + o % kPanelWidth;
    for (std::size_t k = 0; k < inputs; ++k) panel[k * kPanelWidth] = weights[o * inputs + k];
  }
}

void Dense::apply(const float* x, std::size_t rows, float* y) const {
  HWY_DYNAMIC_DISPATCH(Apply)(x, rows, inputs_, outputs_, panels_.data(), bias_.data(), y);
}

void attend(const float* q, const float* k, const float* v, float* out, std::size_t count, std::size_t stride,
            std::size_t width, float scale, std::vector<float>& scratch) {
  scratch.resize((count + 63) / 64 * 64 * (width + 1));
  HWY_DYNAMIC_DISPATCH(Attend)(q, k, v, out, count, stride, width, scale, scratch.data());
}

void gelu(float* x, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(Gelu)(x, count);
}

void layer_norm(float* x, std::size_t rows, std::size_t width, const float* scale, const float* shift, float epsilon) {
  for (std::size_t r = 0; r < rows; ++r, x += width) {
    float mean = 0;
    for (std::size_t i = 0; i < width; ++i) mean += x[i];
    mean /= static_cast<float>(width);
    float variance = 0;
    for (std::size_t i = 0; i < width; ++i) variance += (x[i] - mean) * (x[i] - mean);
    const float inverse = 1.0f / std::sqrt(variance / static_cast<float>(width) + epsilon);
    for (std::size_t i = 0; i < width; ++i) x[i] = (x[i] - mean) * inverse * scale[i] + shift[i];
  }
}

}  // namespace jarvis2::index
#endif
