#include "index/similarity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>

#include "base/files.h"
#include "hardware/machine.h"
#include "index/gpu_similarity.h"
#include "index/vectors.h"

namespace jarvis2::index {
namespace {

std::vector<float> random_vectors(std::size_t count, std::size_t dimensions, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> all(count * dimensions);
  for (std::size_t i = 0; i < count; ++i) {
    float* at = &all[i * dimensions];
    for (std::size_t d = 0; d < dimensions; ++d) at[d] = normal(random) * (d % 7 == 0 ? 3.0f : 1.0f);
    const float norm = std::sqrt(dot(at, at, dimensions));
    for (std::size_t d = 0; d < dimensions; ++d) at[d] /= norm;
  }
  return all;
}

// The definition, in double precision.
std::vector<double> best_scores(const std::vector<float>& all, const float* query, std::size_t dimensions,
                                std::size_t k) {
  std::vector<double> scores;
  for (std::size_t i = 0; i < all.size() / dimensions; ++i) {
    double sum = 0;
    for (std::size_t d = 0; d < dimensions; ++d) sum += static_cast<double>(all[i * dimensions + d]) * query[d];
    scores.push_back(sum);
  }
  std::sort(scores.rbegin(), scores.rend());
  scores.resize(std::min(k, scores.size()));
  return scores;
}

TEST(Similarity, EqualsTheFullProduct) {
  for (const std::size_t dimensions : {64u, 192u, 256u, 384u}) {
    const std::vector<float> all = random_vectors(2500, dimensions, 1);
    const TempDir dir;
    VectorFile file(dir.path() / "v", "model", dimensions);
    file.write(0, all);
    for (const std::size_t queries : {1u, 3u, 8u, 37u, 64u}) {
      std::vector<float> asked = random_vectors(queries, dimensions, 2);
      std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(5 * dimensions), dimensions, asked.begin());  // one of ours
      const std::vector<std::vector<VectorHit>> found = top_k(file.view(2500), asked, 10, file.loss(2500));
      ASSERT_EQ(found.size(), queries);
      EXPECT_EQ(found[0][0].row, 5u);
      for (std::size_t q = 0; q < queries; ++q) {
        const std::vector<double> expected = best_scores(all, &asked[q * dimensions], dimensions, 10);
        ASSERT_EQ(found[q].size(), 10u);
        for (std::size_t i = 0; i < 10; ++i)
          EXPECT_NEAR(found[q][i].score, expected[i], 1e-6) << dimensions << " " << q;
      }
    }
  }
}

TEST(Similarity, FewRowsZerosAndTies) {
  std::vector<float> all = random_vectors(3, 64, 3);
  std::fill_n(all.begin(), 64, 0.0f);
  all.insert(all.end(), all.begin() + 64, all.begin() + 128);  // row 3 equals row 1
  const TempDir dir;
  VectorFile file(dir.path() / "v", "model", 64);
  file.write(0, all);
  const std::vector<float> query(all.begin() + 64, all.begin() + 128);
  const std::vector<VectorHit> found = top_k(file.view(4), query, 10, file.loss(4))[0];
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0].row, 1u);
  EXPECT_EQ(found[1].row, 3u);
  EXPECT_TRUE(top_k(file.view(0), query, 10, 0)[0].empty());
}

TEST(VectorFile, StaysAndIsNotBelievedWhenDamaged) {
  const TempDir dir;
  const fs::path path = dir.path() / "v";
  const std::vector<float> all = random_vectors(1500, 64, 4);
  {
    VectorFile file(path, "model-a", 64);
    EXPECT_TRUE(file.fresh());
    file.write(0, std::span(all).first(64 * 700));
    file.write(700, std::span(all).subspan(64 * 700));
    file.sync();
  }
  {
    VectorFile file(path, "model-a", 64);
    EXPECT_FALSE(file.fresh());
    EXPECT_EQ(file.view(1500).size(), 1500u);
    for (std::size_t row : {0u, 699u, 700u, 1023u, 1024u, 1499u}) EXPECT_TRUE(file.intact(row));
    EXPECT_FALSE(file.intact(1500));
    EXPECT_FALSE(file.intact(1u << 30));
  }
  std::string bytes = read_file(path);
  bytes[4096 + 5 * 64] ^= 1;  // a code of row 5
  std::ofstream(path, std::ios::binary) << bytes;
  {
    VectorFile file(path, "model-a", 64);
    EXPECT_FALSE(file.intact(5));
    EXPECT_TRUE(file.intact(4));
  }
  EXPECT_TRUE(VectorFile(path, "model-b", 64).fresh());
  for (const std::string& bad : {std::string(), std::string("J2VEC001"), std::string(9000, 'x')}) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bad;
    EXPECT_TRUE(VectorFile(path, "model-a", 64).fresh());
  }
}

TEST(Similarity, LanesFindWhatOneThreadFinds) {
  constexpr std::size_t kRows = 17'000, kDimensions = 64;
  const std::vector<float> all = random_vectors(kRows, kDimensions, 3);
  const TempDir dir;
  VectorFile file(dir.path() / "v", "model", kDimensions);
  file.write(0, all);
  hardware::Lanes lanes(hardware::this_machine(), {.performance = 3, .cores = 3});
  for (const std::size_t queries : {1u, 5u, 60u}) {
    const std::vector<float> asked = random_vectors(queries, kDimensions, 4);
    const VectorView view = file.view(kRows);
    const std::vector<std::vector<VectorHit>> one = top_k(view, asked, 12, file.loss(kRows));
    const std::vector<std::vector<VectorHit>> many = top_k_on_lanes(lanes, view, asked, 12, file.loss(kRows));
    ASSERT_EQ(many.size(), queries);
    for (std::size_t q = 0; q < queries; ++q) {
      ASSERT_EQ(many[q].size(), 12u);
      for (std::size_t i = 0; i < 12; ++i) {
        EXPECT_EQ(many[q][i].row, one[q][i].row);
        EXPECT_FLOAT_EQ(many[q][i].score, one[q][i].score);
      }
    }
  }
}

TEST(Similarity, TheGpuFindsWhatOneThreadFinds) {
  if (gpu::device() == nullptr) GTEST_SKIP() << gpu::no_device_reason();
  constexpr std::size_t kRows = 20'000, kDimensions = 384;
  const std::vector<float> all = random_vectors(kRows, kDimensions, 3);
  const TempDir dir;
  VectorFile file(dir.path() / "v", "model", kDimensions);
  file.write(0, all);
  const VectorView view = file.view(kRows);
  const std::vector<float> asked = random_vectors(30, kDimensions, 4);
  const std::vector<std::vector<VectorHit>> one = top_k(view, asked, 10, file.loss(kRows));
  const std::vector<std::vector<VectorHit>> found = GpuVectors(*gpu::device(), view).top_k(asked, 10);
  for (std::size_t q = 0; q < 30; ++q) {
    for (std::size_t i = 0; i < 10; ++i) EXPECT_NEAR(found[q][i].score, one[q][i].score, 1e-5);
  }
}

TEST(Similarity, OneQueryIsNeverWorthACopy) {
  EXPECT_FALSE(worth_copying(10'000'000, 384, 1));
  EXPECT_TRUE(worth_copying(1'000'000, 384, 1000));
}

}  // namespace
}  // namespace jarvis2::index
