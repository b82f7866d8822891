#include "gpu/gpu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>

#include "base/error.h"
#include "gpu/none/host_kernels.h"
#include "gpu/pipeline.h"
#include "gpu/tiles.h"

namespace jarvis2::gpu {
namespace {

std::vector<float> noise(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal(0, 1);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

struct Layers {
  std::vector<std::uint32_t> widths;
  std::vector<std::vector<float>> weights, biases;
};

Layers layers_of(std::vector<std::uint32_t> widths, std::uint64_t seed) {
  Layers layers{std::move(widths), {}, {}};
  for (std::size_t l = 0; l + 1 < layers.widths.size(); ++l) {
    layers.weights.push_back(noise(std::size_t{layers.widths[l]} * layers.widths[l + 1], seed + 2 * l));
    for (float& weight : layers.weights.back()) weight /= std::sqrt(static_cast<float>(layers.widths[l]));
    layers.biases.push_back(noise(layers.widths[l + 1], seed + 2 * l + 1));
  }
  return layers;
}

// In double precision, the obvious way.
std::vector<float> expected_forward(const Layers& layers, const std::vector<float>& inputs) {
  std::vector<float> out;
  for (std::size_t row = 0; row < inputs.size() / layers.widths[0]; ++row) {
    std::vector<double> now(inputs.begin() + static_cast<std::ptrdiff_t>(row * layers.widths[0]),
                            inputs.begin() + static_cast<std::ptrdiff_t>((row + 1) * layers.widths[0]));
    for (std::size_t l = 0; l + 1 < layers.widths.size(); ++l) {
      std::vector<double> next(layers.widths[l + 1]);
      for (std::size_t o = 0; o < next.size(); ++o) {
        next[o] = layers.biases[l][o];
        for (std::size_t i = 0; i < now.size(); ++i) {
          next[o] += static_cast<double>(layers.weights[l][o * now.size() + i]) * now[i];
        }
        if (l + 2 < layers.widths.size()) next[o] = std::max(next[o], 0.0);
      }
      now = next;
    }
    out.push_back(static_cast<float>(1 / (1 + std::exp(-now[0]))));
  }
  return out;
}

std::vector<std::vector<RowScore>> expected_top(const std::vector<float>& vectors, std::size_t dimensions,
                                                const std::vector<float>& queries, std::size_t k) {
  std::vector<std::vector<RowScore>> found;
  for (std::size_t q = 0; q < queries.size() / dimensions; ++q) {
    std::vector<RowScore> all;
    for (std::size_t row = 0; row < vectors.size() / dimensions; ++row) {
      double sum = 0;
      for (std::size_t i = 0; i < dimensions; ++i) {
        sum += static_cast<double>(vectors[row * dimensions + i]) * queries[q * dimensions + i];
      }
      all.push_back({static_cast<std::uint32_t>(row), static_cast<float>(sum)});
    }
    std::stable_sort(all.begin(), all.end(), [](const RowScore& a, const RowScore& b) { return a.score > b.score; });
    all.resize(std::min(k, all.size()));
    found.push_back(all);
  }
  return found;
}

void expect_same(const std::vector<std::vector<RowScore>>& found, const std::vector<std::vector<RowScore>>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t q = 0; q < found.size(); ++q) {
    ASSERT_EQ(found[q].size(), expected[q].size());
    for (std::size_t i = 0; i < found[q].size(); ++i) {
      EXPECT_NEAR(found[q][i].score, expected[q][i].score, 1e-4) << "query " << q << " place " << i;
    }
    EXPECT_EQ(found[q][0].row, expected[q][0].row);
  }
}

std::vector<float> tiled(const std::vector<float>& vectors, std::size_t dimensions) {
  const std::size_t rows = vectors.size() / dimensions;
  std::vector<float> tiles((rows + kTileRows - 1) / kTileRows * kTileRows * dimensions);
  for (std::size_t first = 0; first < rows; first += kTileRows) {
    tile_rows(vectors.data() + first * dimensions, std::min(kTileRows, rows - first), dimensions,
              tiles.data() + first * dimensions);
  }
  return tiles;
}

TEST(HostKernels, ForwardPassEqualsTheFormula) {
  for (const std::vector<std::uint32_t>& widths :
       {std::vector<std::uint32_t>{512, 256, 128, 64, 1}, std::vector<std::uint32_t>{24, 12, 8, 1}}) {
    const Layers layers = layers_of(widths, 3);
    const std::vector<float> packed = forward_weights(layers.widths, layers.weights, layers.biases);
    for (const std::size_t batch : {1, 7, 8, 21}) {
      const std::vector<float> inputs = noise(batch * widths[0], batch);
      std::vector<float> out(batch + 1, -1.0f);
      host_forward(widths, packed.data(), inputs.data(), batch, out.data());
      const std::vector<float> expected = expected_forward(layers, inputs);
      for (std::size_t row = 0; row < batch; ++row) EXPECT_NEAR(out[row], expected[row], 1e-4) << row;
      EXPECT_EQ(out[batch], -1.0f) << "wrote past the batch";
    }
  }
}

TEST(HostKernels, TopKFindsWhatAFullSortFinds) {
  for (const std::size_t rows : {1, 255, 256, 700, 3000}) {
    const std::vector<float> vectors = noise(rows * 64, rows);
    const std::vector<float> queries = noise(std::size_t{5} * 64, 9);
    expect_same(host_top_k(tiled(vectors, 64).data(), rows, 64, queries, 10), expected_top(vectors, 64, queries, 10));
  }
}

TEST(HostKernels, TiesGoToTheLowerRow) {
  const std::vector<float> vectors(std::size_t{1000} * 4, 0.5f);
  const std::vector<std::vector<RowScore>> found =
      host_top_k(tiled(vectors, 4).data(), 1000, 4, std::vector<float>{1, 1, 1, 1}, 12);
  for (std::uint32_t i = 0; i < 12; ++i) EXPECT_EQ(found[0][i].row, i);
}

TEST(HostKernels, NegativeScoresAreOrderedToo) {
  std::vector<float> vectors(std::size_t{600} * 4, 0.0f);
  for (std::size_t row = 0; row < 600; ++row) vectors[row * 4] = -1.0f - static_cast<float>((row * 7) % 600);
  const std::vector<float> query = {1, 0, 0, 0};
  expect_same(host_top_k(tiled(vectors, 4).data(), 600, 4, query, 20), expected_top(vectors, 4, query, 20));
}

TEST(ForwardPass, ShapesThatHaveNoKernelAreRefused) {
  EXPECT_TRUE(ForwardPass::fits(std::vector<std::uint32_t>{512, 256, 128, 64, 1}));
  EXPECT_FALSE(ForwardPass::fits(std::vector<std::uint32_t>{512, 255, 1}));
  EXPECT_FALSE(ForwardPass::fits(std::vector<std::uint32_t>{512, 1}));
  EXPECT_FALSE(ForwardPass::fits(std::vector<std::uint32_t>{512, 256, 2}));
}

TEST(Device, IsThereOrSaysWhyNot) {
  if (device() == nullptr) {
    EXPECT_FALSE(no_device_reason().empty());
  } else {
    EXPECT_TRUE(no_device_reason().empty());
    EXPECT_GT(device()->info().cores, 0);
  }
}

class OnDevice : public testing::Test {
 protected:
  void SetUp() override {
    if (device() == nullptr) GTEST_SKIP() << no_device_reason();
  }
};

TEST_F(OnDevice, ForwardPassEqualsTheFormula) {
  for (const std::vector<std::uint32_t>& widths :
       {std::vector<std::uint32_t>{512, 256, 128, 64, 1}, std::vector<std::uint32_t>{24, 12, 8, 1}}) {
    const Layers layers = layers_of(widths, 3);
    const ForwardPass pass(*device(), layers.widths, layers.weights, layers.biases);
    for (const std::size_t batch : {1, 7, 200, 530, 1500, 5000}) {
      const std::vector<float> inputs = noise(batch * widths[0], batch);
      const std::vector<float> expected = expected_forward(layers, inputs);
      std::vector<float> out(batch);
      pass.forward(inputs.data(), batch, out.data());
      Staged staged(*device(), inputs.size()), result(*device(), batch);
      std::copy(inputs.begin(), inputs.end(), staged.data());
      for (const Transfer transfer : {Transfer::kAuto, Transfer::kMapped, Transfer::kCopied}) {
        std::fill_n(result.data(), batch, -1.0f);
        pass.start(1, staged.data(), batch, result.data(), transfer);
        pass.wait(1);
        for (std::size_t row = 0; row < batch; ++row) ASSERT_NEAR(result.data()[row], expected[row], 1e-4) << row;
      }
      for (std::size_t row = 0; row < batch; ++row) ASSERT_NEAR(out[row], expected[row], 1e-4) << row;
    }
  }
}

TEST_F(OnDevice, PipelinesGiveEveryBatchItsOwnResults) {
  const Layers first = layers_of({24, 12, 8, 1}, 3), second = layers_of({24, 12, 8, 1}, 30);
  const ForwardPass one(*device(), first.widths, first.weights, first.biases);
  const ForwardPass two(*device(), second.widths, second.weights, second.biases);
  const std::vector<float> rows = noise(std::size_t{24} * 40, 8);
  const std::vector<std::vector<float>> expected = {expected_forward(first, rows), expected_forward(second, rows)};
  BatchPipeline pipeline(*device(), {&one, &two}, 16);
  for (const bool overlap : {true, false}) {
    std::size_t results = 0;
    pipeline.run(
        5,
        [&](std::size_t batch, float* inputs) {
          std::copy_n(rows.data() + batch * 8 * 24, std::size_t{8} * 24, inputs);
          return std::size_t{8};
        },
        [&](std::size_t batch, std::size_t network, std::span<const float> out) {
          ASSERT_EQ(out.size(), 8U);
          for (std::size_t i = 0; i < 8; ++i) EXPECT_NEAR(out[i], expected[network][batch * 8 + i], 1e-4);
          ++results;
        },
        overlap);
    EXPECT_EQ(results, 10U);
  }
}

TEST_F(OnDevice, TopKFindsWhatAFullSortFinds) {
  for (const std::size_t rows : {1, 300, 20'000}) {
    const std::vector<float> vectors = noise(rows * 384, rows);
    VectorSet set(*device(), rows, 384);
    for (std::size_t first = 0; first < rows; first += 1000) {
      set.append(vectors.data() + first * 384, std::min<std::size_t>(1000, rows - first));
    }
    for (const std::size_t count : {1, 3, 40}) {
      const std::vector<float> queries = noise(count * 384, 9);
      expect_same(set.top_k(queries, 10), expected_top(vectors, 384, queries, 10));
    }
  }
}

// "ab" anywhere: classes other, a, b; states start, after a, after ab (accepting in every context).
TEST_F(OnDevice, PatternsAreFoundWhereTheyEnd) {
  std::vector<std::uint8_t> class_of(256, 0), context_of(256, 2);
  class_of['a'] = 1;
  class_of['b'] = 2;
  const std::vector<std::uint16_t> next = {0, 1, 0, 0, 1, 2, 0, 1, 0};
  const std::vector<std::uint32_t> accept_at = {0, 0, 0}, accepts = {1, 7};
  const PatternTables tables = {class_of, context_of, next, accept_at, accepts, 3, 2};
  std::string text;
  std::vector<std::uint32_t> items, expected;
  for (std::uint32_t line = 0; line < 40'000; ++line) {
    const std::uint32_t begin = static_cast<std::uint32_t>(text.size());
    text += line % 3 == 0 ? "xab\n" : "ba-ab-ab\n";
    for (std::uint32_t at = begin; at + 1 < text.size(); ++at) {
      if (text[at] == 'a' && text[at + 1] == 'b') expected.push_back(at + 2);
    }
    const std::uint32_t end = static_cast<std::uint32_t>(text.size());
    items.insert(items.end(), {begin, begin, end, end});
  }
  std::vector<std::uint32_t> found;
  for (const PatternEnd& end : scan_patterns(*device(), tables, text, items)) {
    EXPECT_EQ(end.pattern, 7U);
    found.push_back(end.end);
  }
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, expected);
}

TEST_F(OnDevice, ProductsEqualTheFormula) {
  constexpr std::size_t kRows = 130, kColumns = 70;
  const std::vector<float> values = noise(kRows * kColumns, 1);
  const Matrix matrix(*device(), values, kRows, kColumns);
  for (const std::size_t count : {1, 9, 200}) {
    const std::vector<float> x = noise(count * kColumns, count);
    std::vector<float> out(count * kRows);
    matrix.multiply(x.data(), count, out.data());
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t r = 0; r < kRows; ++r) {
        double sum = 0;
        for (std::size_t c = 0; c < kColumns; ++c) {
          sum += static_cast<double>(values[r * kColumns + c]) * x[i * kColumns + c];
        }
        ASSERT_NEAR(out[i * kRows + r], sum, 1e-4);
      }
    }
  }
}

}  // namespace
}  // namespace jarvis2::gpu
