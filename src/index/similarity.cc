#include "index/similarity.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"

// 8-bit products on x86 need this target, which Highway leaves out unless asked.
#define HWY_WANT_AVX3_DL
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "index/similarity.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef JARVIS2_SIMILARITY_TYPES
#define JARVIS2_SIMILARITY_TYPES
namespace jarvis2::index {

// Queries in the forms that the screens read.
struct Screen {
  std::size_t dimensions = 0, queries = 0;
  std::vector<std::int8_t> rows;    // queries × dimensions
  std::vector<std::int16_t> wide;   // the same, for targets without 8-bit products
  std::vector<std::int8_t> panels;  // 16 queries × 4 dimensions, dimension groups in order
  std::vector<std::int32_t> bias;   // -128 · Σ of the codes of a query, padded to whole panels
  std::vector<float> limits;        // a row passes when dot · scale of the row ≥ this; padded with infinity
};

// Called with a query and a row (within the block) that may be among the best; may raise limits.
using Take = void (*)(void* context, std::size_t query, std::size_t row);

}  // namespace jarvis2::index
#endif

HWY_BEFORE_NAMESPACE();
namespace jarvis2::index::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

float Dot(const float* a, const float* b, std::size_t count) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<decltype(d)> s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  std::size_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    s0 = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), s0);
    s1 = hn::MulAdd(hn::LoadU(d, a + i + lanes), hn::LoadU(d, b + i + lanes), s1);
    s2 = hn::MulAdd(hn::LoadU(d, a + i + 2 * lanes), hn::LoadU(d, b + i + 2 * lanes), s2);
    s3 = hn::MulAdd(hn::LoadU(d, a + i + 3 * lanes), hn::LoadU(d, b + i + 3 * lanes), s3);
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
  for (; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

#if HWY_TARGET == HWY_AVX3_DL

#define JARVIS2_VNNI __attribute__((target("avx512vnni")))

// One query: the codes are read once, in order; memory sets the pace.
JARVIS2_VNNI void ScreenOne(const Screen& screen, std::size_t query, const VectorBlock& block, void* context,
                            Take take) {
  const std::size_t dimensions = screen.dimensions;
  const std::int8_t* q = screen.rows.data() + query * dimensions;
  for (std::size_t row = 0; row < block.count; ++row) {
    const std::uint8_t* x = block.codes + row * dimensions;
    __m512i s0 = _mm512_setzero_si512(), s1 = s0;
    std::size_t i = 0;
    for (; i + 128 <= dimensions; i += 128) {
      s0 = _mm512_dpbusd_epi32(s0, _mm512_loadu_si512(x + i), _mm512_loadu_si512(q + i));
      s1 = _mm512_dpbusd_epi32(s1, _mm512_loadu_si512(x + i + 64), _mm512_loadu_si512(q + i + 64));
    }
    if (i < dimensions) s0 = _mm512_dpbusd_epi32(s0, _mm512_loadu_si512(x + i), _mm512_loadu_si512(q + i));
    const std::int32_t sum = _mm512_reduce_add_epi32(_mm512_add_epi32(s0, s1)) + screen.bias[query];
    if (static_cast<float>(sum) * block.scales[row] >= screen.limits[query]) take(context, query, row);
  }
}

// kRows rows times 32 queries.
template <int kRows>
JARVIS2_VNNI void Tile(const Screen& screen, std::size_t panel, const VectorBlock& block, std::size_t first,
                       void* context, Take take) {
  const std::size_t groups = screen.dimensions / 4;
  const std::int8_t* low = screen.panels.data() + panel * groups * 64;
  const std::int8_t* high = low + groups * 64;
  __m512i sums[kRows][2];
  const __m512i bias0 = _mm512_loadu_si512(screen.bias.data() + panel * 16);
  const __m512i bias1 = _mm512_loadu_si512(screen.bias.data() + panel * 16 + 16);
  for (int r = 0; r < kRows; ++r) {
    sums[r][0] = bias0;
    sums[r][1] = bias1;
  }
  const std::uint8_t* x = block.codes + first * screen.dimensions;
  for (std::size_t g = 0; g < groups; ++g) {
    const __m512i q0 = _mm512_loadu_si512(low + g * 64);
    const __m512i q1 = _mm512_loadu_si512(high + g * 64);
    for (int r = 0; r < kRows; ++r) {
      std::int32_t four;
      __builtin_memcpy(&four, x + static_cast<std::size_t>(r) * screen.dimensions + g * 4, 4);
      const __m512i v = _mm512_set1_epi32(four);
      sums[r][0] = _mm512_dpbusd_epi32(sums[r][0], v, q0);
      sums[r][1] = _mm512_dpbusd_epi32(sums[r][1], v, q1);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    const __m512 scale = _mm512_set1_ps(block.scales[first + static_cast<std::size_t>(r)]);
    for (int half = 0; half < 2; ++half) {
      const std::size_t query = panel * 16 + static_cast<std::size_t>(half) * 16;
      const __m512 score = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[r][half]), scale);
      unsigned passed = _mm512_cmp_ps_mask(score, _mm512_loadu_ps(screen.limits.data() + query), _CMP_GE_OQ);
      for (; passed != 0; passed &= passed - 1) {
        take(context, query + static_cast<std::size_t>(__builtin_ctz(passed)), first + static_cast<std::size_t>(r));
      }
    }
  }
}

JARVIS2_VNNI void ScreenMany(const Screen& screen, const VectorBlock& block, void* context, Take take) {
  const std::size_t panels = (screen.queries + 31) / 32 * 2;
  constexpr std::size_t kStripe = 240;  // rows that stay in the second cache while all queries pass over them
  for (std::size_t begin = 0; begin < block.count; begin += kStripe) {
    const std::size_t end = std::min(block.count, begin + kStripe);
    for (std::size_t panel = 0; panel < panels; panel += 2) {
      std::size_t row = begin;
      for (; row + 12 <= end; row += 12) Tile<12>(screen, panel, block, row, context, take);
      for (; row + 4 <= end; row += 4) Tile<4>(screen, panel, block, row, context, take);
      for (; row < end; ++row) Tile<1>(screen, panel, block, row, context, take);
    }
  }
}

#else

// kQueries queries against one row at a time, in 16-bit products.
template <std::size_t kQueries>
void Some(const Screen& screen, std::size_t query, const VectorBlock& block, std::size_t begin, std::size_t end,
          void* context, Take take) {
  const hn::ScalableTag<std::int16_t> d16;
  const hn::Rebind<std::uint8_t, decltype(d16)> d8;
  const hn::RepartitionToWide<decltype(d16)> d32;
  const std::size_t lanes = hn::Lanes(d16), dimensions = screen.dimensions;
  const std::int16_t* q = screen.wide.data() + query * dimensions;
  for (std::size_t row = begin; row < end; ++row) {
    const std::uint8_t* x = block.codes + row * dimensions;
    hn::Vec<decltype(d32)> low[kQueries], high[kQueries];
    for (std::size_t j = 0; j < kQueries; ++j) low[j] = high[j] = hn::Zero(d32);
    for (std::size_t i = 0; i < dimensions; i += lanes) {
      const hn::Vec<decltype(d16)> v = hn::PromoteTo(d16, hn::LoadU(d8, x + i));
      for (std::size_t j = 0; j < kQueries; ++j) {
        low[j] = hn::ReorderWidenMulAccumulate(d32, v, hn::LoadU(d16, q + j * dimensions + i), low[j], high[j]);
      }
    }
    for (std::size_t j = 0; j < kQueries; ++j) {
      const std::int32_t sum = hn::GetLane(hn::SumOfLanes(d32, hn::Add(low[j], high[j]))) + screen.bias[query + j];
      if (static_cast<float>(sum) * block.scales[row] >= screen.limits[query + j]) take(context, query + j, row);
    }
  }
}

void ScreenOne(const Screen& screen, std::size_t query, const VectorBlock& block, void* context, Take take) {
  Some<1>(screen, query, block, 0, block.count, context, take);
}

void ScreenMany(const Screen& screen, const VectorBlock& block, void* context, Take take) {
  constexpr std::size_t kStripe = 240;
  for (std::size_t begin = 0; begin < block.count; begin += kStripe) {
    const std::size_t end = std::min(block.count, begin + kStripe);
    std::size_t query = 0;
    for (; query + 4 <= screen.queries; query += 4) Some<4>(screen, query, block, begin, end, context, take);
    for (; query < screen.queries; ++query) Some<1>(screen, query, block, begin, end, context, take);
  }
}

#endif

}  // namespace jarvis2::index::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace jarvis2::index {
HWY_EXPORT(Dot);
HWY_EXPORT(ScreenOne);
HWY_EXPORT(ScreenMany);

namespace {

bool better(const VectorHit& a, const VectorHit& b) {
  return a.score != b.score ? a.score > b.score : a.row < b.row;
}

// The best so far of each query, in single precision.
struct Best {
  const VectorView* view = nullptr;
  const float* queries = nullptr;
  std::size_t k = 0;
  Screen screen;
  std::vector<std::vector<VectorHit>> heaps;  // worst on top
  std::vector<float> query_scales, margins;
  std::size_t block = 0, first_row = 0;

  void take(std::size_t query, std::size_t row) {
    const VectorBlock& at = view->blocks[block];
    const VectorHit hit{static_cast<std::uint32_t>(first_row + row),
                        dot(queries + query * view->dimensions, at.floats + row * view->dimensions, view->dimensions)};
    std::vector<VectorHit>& heap = heaps[query];
    if (heap.size() < k) {
      heap.push_back(hit);
      std::push_heap(heap.begin(), heap.end(), better);
    } else if (better(hit, heap.front())) {
      std::pop_heap(heap.begin(), heap.end(), better);
      heap.back() = hit;
      std::push_heap(heap.begin(), heap.end(), better);
    }
    if (heap.size() == k) screen.limits[query] = (heap.front().score - margins[query]) / query_scales[query];
  }
};

}  // namespace

std::size_t VectorView::size() const {
  std::size_t sum = 0;
  for (const VectorBlock& block : blocks) sum += block.count;
  return sum;
}

float dot(const float* a, const float* b, std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(Dot)(a, b, count);
}

float quantise(std::span<const float> vector, std::uint8_t* codes, float& scale) {
  float top = 0;
  for (const float x : vector) top = std::max(top, std::abs(x));
  scale = top > 0 ? top / 127.0f : 1.0f;
  double lost = 0;
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const float code = std::nearbyint(vector[i] / scale);
    codes[i] = static_cast<std::uint8_t>(static_cast<int>(std::clamp(code, -127.0f, 127.0f)) + 128);
    const double rest = static_cast<double>(vector[i]) - static_cast<double>(code) * scale;
    lost += rest * rest;
  }
  return static_cast<float>(std::sqrt(lost));
}

std::vector<std::vector<VectorHit>> top_k(const VectorView& view, std::span<const float> queries, std::size_t k,
                                          float loss) {
  const std::size_t dimensions = view.dimensions;
  if (dimensions == 0 || dimensions % 64 != 0 || queries.size() % dimensions != 0)
    throw Error("index::top_k", "vectors must have a multiple of 64 dimensions, and queries as many");
  Best best;
  best.view = &view;
  best.queries = queries.data();
  best.k = std::min(k, view.size());
  const std::size_t count = queries.size() / dimensions;
  best.heaps.resize(count);
  if (best.k == 0) return best.heaps;
  Screen& screen = best.screen;
  screen.dimensions = dimensions;
  screen.queries = count;
  const std::size_t padded = (count + 31) / 32 * 32;
  screen.rows.assign(padded * dimensions, 0);
  screen.bias.assign(padded, 0);
  screen.limits.assign(padded, std::numeric_limits<float>::infinity());
  best.query_scales.resize(count);
  best.margins.resize(count);
  std::vector<std::uint8_t> codes(dimensions);
  for (std::size_t q = 0; q < count; ++q) {
    const std::span<const float> query = queries.subspan(q * dimensions, dimensions);
    float scale = 1;
    const float lost = quantise(query, codes.data(), scale);
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < dimensions; ++i) {
      const int code = static_cast<int>(codes[i]) - 128;
      screen.rows[q * dimensions + i] = static_cast<std::int8_t>(code);
      sum += code;
    }
    screen.bias[q] = -128 * sum;
    screen.limits[q] = -std::numeric_limits<float>::infinity();
    best.query_scales[q] = scale;
    // |x·q − x̂·q̂| ≤ |x − x̂||q| + |x̂||q − q̂|, for |x| ≤ 1; and what rounding adds in both products.
    const float norm = std::sqrt(dot(query.data(), query.data(), dimensions));
    best.margins[q] = (loss * norm + (1.0f + loss) * lost) * 1.0001f + 1e-6f * norm;
  }
#if HWY_ARCH_X86
  screen.panels.resize(padded * dimensions);
  for (std::size_t q = 0; q < padded; ++q) {
    std::int8_t* panel = screen.panels.data() + q / 16 * 16 * dimensions + q % 16 * 4;
    for (std::size_t i = 0; i < dimensions; ++i) panel[i / 4 * 64 + i % 4] = screen.rows[q * dimensions + i];
  }
#endif
  screen.wide.assign(screen.rows.begin(), screen.rows.end());
  const Take take = [](void* context, std::size_t query, std::size_t row) {
    static_cast<Best*>(context)->take(query, row);
  };
  for (; best.block < view.blocks.size(); ++best.block) {
    const VectorBlock& block = view.blocks[best.block];
    if (count < 8) {
      for (std::size_t q = 0; q < count; ++q) HWY_DYNAMIC_DISPATCH(ScreenOne)(screen, q, block, &best, take);
    } else {
      HWY_DYNAMIC_DISPATCH(ScreenMany)(screen, block, &best, take);
    }
    best.first_row += block.count;
  }
  for (std::vector<VectorHit>& heap : best.heaps) std::sort(heap.begin(), heap.end(), better);
  return best.heaps;
}

}  // namespace jarvis2::index
#endif
