#include "gpu/none/host_kernels.h"

#include <algorithm>

#include "base/error.h"
#include "gpu/kernels/forward_kernel.h"
#include "gpu/kernels/top_k_kernel.h"
#include "gpu/tiles.h"

namespace jarvis2::gpu {
namespace {

constexpr unsigned kRows = 8;
constexpr unsigned kQueries = 4;

template <unsigned... kWidths>
void forward_shape(const float* weights, const float* inputs, std::size_t batch, float* out, std::size_t widest) {
  std::vector<j2_float4> even(kRows * widest / 4), odd(kRows * widest / 4);
  const unsigned groups = static_cast<unsigned>((batch + kRows - 1) / kRows);
  for (unsigned group = 0; group < groups; ++group) {
    j2::forward<kRows, 256, kWidths...>(weights, inputs, out, static_cast<unsigned>(batch), even.data(), odd.data(),
                                        group, 0, 1);
  }
}

}  // namespace

void host_forward(std::span<const std::uint32_t> layers, const float* weights, const float* inputs, std::size_t batch,
                  float* out) {
  const std::vector<std::uint32_t> shape(layers.begin(), layers.end());
  const std::size_t widest = *std::max_element(shape.begin(), shape.end());
  if (shape == std::vector<std::uint32_t>{512, 256, 128, 64, 1}) {
    forward_shape<512, 256, 128, 64, 1>(weights, inputs, batch, out, widest);
  } else if (shape == std::vector<std::uint32_t>{24, 12, 8, 1}) {
    forward_shape<24, 12, 8, 1>(weights, inputs, batch, out, widest);
  } else {
    throw Error("gpu::host_forward", "no host build of this shape");
  }
}

std::vector<std::vector<RowScore>> host_top_k(const float* tiles, std::size_t rows, std::size_t dimensions,
                                              std::span<const float> queries, std::size_t k) {
  const unsigned count = static_cast<unsigned>(queries.size() / dimensions);
  const unsigned tile_count = static_cast<unsigned>((rows + kTileRows - 1) / kTileRows);
  const unsigned take = static_cast<unsigned>(std::min(k, rows));
  std::vector<std::vector<RowScore>> found(count);
  if (take == 0) return found;
  std::vector<j2_float4> vectors(tile_count * kTileRows * dimensions / 4);
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    vectors[i] = {tiles[4 * i], tiles[4 * i + 1], tiles[4 * i + 2], tiles[4 * i + 3]};
  }
  std::vector<float> scores(count * tile_count * kTileRows), best(count * tile_count), shared_best(kQueries);
  std::vector<j2_float4> shared_queries(kQueries * dimensions / 4), aligned(queries.size() / 4);
  for (std::size_t i = 0; i < aligned.size(); ++i) {
    aligned[i] = {queries[4 * i], queries[4 * i + 1], queries[4 * i + 2], queries[4 * i + 3]};
  }
  for (unsigned first = 0; first < count; first += kQueries) {
    for (unsigned tile = 0; tile < tile_count; ++tile) {
      j2::score_tile<kQueries, 2>(vectors.data(), &aligned.data()->x, scores.data(), best.data(),
                                  static_cast<unsigned>(dimensions), static_cast<unsigned>(rows), tile_count, count,
                                  first, shared_queries.data(), shared_best.data(), tile, 0, 1);
    }
  }
  std::vector<unsigned> rows_out(count * take), chosen(take);
  std::vector<float> scores_out(count * take);
  j2_u64 scratch = 0;
  for (unsigned query = 0; query < count; ++query) {
    j2::select_top(scores.data(), best.data(), tile_count, take, rows_out.data(), scores_out.data(), &scratch,
                   chosen.data(), query, 0, 1);
    for (unsigned i = 0; i < take; ++i)
      found[query].push_back({rows_out[query * take + i], scores_out[query * take + i]});
  }
  return found;
}

}  // namespace jarvis2::gpu
