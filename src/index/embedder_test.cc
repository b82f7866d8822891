#include "index/embedder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/files.h"
#include "index/dense.h"
#include "index/wordpiece.h"

namespace jarvis2::index {
namespace {

TEST(Dense, EqualsTheDefinition) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  const std::size_t inputs = 40, outputs = 64, rows = 9;
  std::vector<float> weights(inputs * outputs), bias(outputs), x(rows * inputs), y(rows * outputs);
  for (std::vector<float>* part : {&weights, &bias, &x}) {
    for (float& value : *part) value = normal(random);
  }
  Dense(weights, bias, inputs, outputs).apply(x.data(), rows, y.data());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t o = 0; o < outputs; ++o) {
      double sum = bias[o];
      for (std::size_t k = 0; k < inputs; ++k) sum += static_cast<double>(weights[o * inputs + k]) * x[r * inputs + k];
      ASSERT_NEAR(y[r * outputs + o], sum, 1e-4) << r << "," << o;
    }
  }
}

TEST(Attend, EqualsTheDefinition) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  const std::size_t width = 32, stride = 96;
  for (const std::size_t count : {1u, 2u, 15u, 64u, 77u}) {
    std::vector<float> q(count * stride), k = q, v = q, out(count * stride), scratch;
    for (std::vector<float>* part : {&q, &k, &v}) {
      for (float& value : *part) value = normal(random);
    }
    attend(q.data(), k.data(), v.data(), out.data(), count, stride, width, 0.3f, scratch);
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<double> weights(count);
      double total = 0;
      for (std::size_t j = 0; j < count; ++j) {
        double sum = 0;
        for (std::size_t d = 0; d < width; ++d) sum += static_cast<double>(q[i * stride + d]) * k[j * stride + d];
        total += weights[j] = std::exp(sum * 0.3);
      }
      for (std::size_t d = 0; d < width; ++d) {
        double sum = 0;
        for (std::size_t j = 0; j < count; ++j) sum += weights[j] / total * v[j * stride + d];
        ASSERT_NEAR(out[i * stride + d], sum, 1e-5) << count << " " << i;
      }
    }
  }
}

TEST(Gelu, ExactErrorFunction) {
  std::vector<float> x;
  for (float value = -6; value <= 6; value += 0.05f) x.push_back(value);
  std::vector<float> y = x;
  gelu(y.data(), y.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    ASSERT_NEAR(y[i], 0.5 * x[i] * (1 + std::erf(x[i] / std::sqrt(2.0))), 2e-6) << x[i];
  }
}

TEST(WordPiece, SplitsLowersAndStripsMarks) {
  const TempDir dir;
  write_file_atomic(dir.path() / "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nun\n##able\ncafe\n_\nx\n");
  const WordPiece tokens(dir.path() / "vocab.txt");
  EXPECT_THAT(tokens.encode("UNable Caf\xc3\xa9_x zzz \xff", 64), testing::ElementsAre(2, 4, 5, 6, 7, 8, 1, 3));
  EXPECT_EQ(tokens.encode("x x x x x x x x", 5).size(), 5u);
}

float cosine(const std::vector<float>& all, std::size_t a, std::size_t b) {
  float sum = 0;
  for (std::size_t i = 0; i < kEmbedding; ++i) sum += all[a * kEmbedding + i] * all[b * kEmbedding + i];
  return sum;
}

// Needs the weights that set-up fetches.
TEST(Embedder, KnownSimilarities) {
  std::string reason;
  const std::unique_ptr<Embedder> embedder = open_embedder(reason);
  if (!embedder) GTEST_SKIP() << reason;
  const std::vector<float> all = embedder->embed(
      {"That is a happy person", "That is a very happy person", "Today is a sunny day", "That is a happy person"});
  float norm = 0;
  for (std::size_t i = 0; i < kEmbedding; ++i) norm += all[i] * all[i];
  EXPECT_NEAR(norm, 1, 1e-4);
  EXPECT_GT(cosine(all, 0, 1), 0.9f);
  EXPECT_LT(cosine(all, 0, 2), 0.5f);
  EXPECT_NEAR(cosine(all, 0, 3), 1, 1e-5);
}

}  // namespace
}  // namespace jarvis2::index
