#include "neural/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cmath>
#include <random>

#include "base/error.h"

namespace jarvis2::neural {
namespace {

std::vector<float> noise(std::size_t count, std::uint64_t seed, float scale = 1) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

Weights random_weights(std::vector<std::uint32_t> layers, std::uint64_t seed) {
  Weights weights = initial_weights(layers, seed);
  weights.weights.back() = noise(weights.weights.back().size(), seed + 1, 0.3f);
  for (std::size_t l = 0; l < weights.biases.size(); ++l) weights.biases[l] = noise(weights.biases[l].size(), l, 0.1f);
  return weights;
}

// The plain definition, in double.
double reference(const Weights& weights, const float* input) {
  std::vector<double> now(input, input + weights.layers[0]);
  for (std::size_t l = 0; l + 1 < weights.layers.size(); ++l) {
    std::vector<double> next(weights.layers[l + 1]);
    for (std::size_t o = 0; o < next.size(); ++o) {
      double sum = weights.biases[l][o];
      for (std::size_t i = 0; i < now.size(); ++i) sum += now[i] * weights.weights[l][o * now.size() + i];
      next[o] = l + 2 < weights.layers.size() ? std::max(0.0, sum) : sum;
    }
    now = next;
  }
  return 1 / (1 + std::exp(-now[0]));
}

TEST(Network, EqualsItsDefinitionOnEveryInstructionSet) {
  const std::vector<std::vector<std::uint32_t>> shapes = {
      default_layers(), {7, 3, 1}, {33, 65, 17, 1}, {512, 100, 1}, {1, 1, 1}};
  for (std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    for (const std::vector<std::uint32_t>& layers : shapes) {
      const Weights weights = random_weights(layers, 5);
      const Network network(weights);
      for (std::size_t batch : {0, 1, 2, 5, 6, 7, 24, 31, 64}) {
        const std::vector<float> inputs = noise(batch * layers[0], batch);
        std::vector<float> out(batch);
        network.forward(inputs.data(), batch, out.data());
        for (std::size_t b = 0; b < batch; ++b) {
          ASSERT_NEAR(out[b], reference(weights, inputs.data() + b * layers[0]), 1e-5)
              << Network::target() << " batch " << batch << " row " << b << " of layers " << layers[0];
        }
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

TEST(Network, PartsGiveTheWhole) {
  const Weights weights = random_weights(default_layers(), 9);
  const Network network(weights);
  const std::size_t batch = 40;
  std::vector<float> inputs = noise(batch * kInputs, 3);
  // Every row shares the state's facts.
  for (std::size_t b = 1; b < batch; ++b) std::copy_n(inputs.begin() + 448, 64, inputs.begin() + b * kInputs + 448);
  std::vector<float> whole(batch);
  network.forward(inputs.data(), batch, whole.data());
  std::vector<float> common(network.hidden());
  network.first_part({inputs.data() + 448, 64}, 448, common.data());
  std::vector<std::vector<float>> parts(batch, std::vector<float>(network.hidden()));
  std::vector<const float*> pointers;
  for (std::size_t b = 0; b < batch; ++b) {
    network.first_part({inputs.data() + b * kInputs, 448}, 0, parts[b].data());
    pointers.push_back(parts[b].data());
  }
  std::vector<float> out(batch);
  network.forward_parts(common.data(), pointers, out.data());
  for (std::size_t b = 0; b < batch; ++b) EXPECT_NEAR(out[b], whole[b], 1e-5);
  EXPECT_THROW(network.first_part({inputs.data(), 100}, 500, common.data()), Error);
}

TEST(Network, UntrainedSaysNothing) {
  const Network network(initial_weights(default_layers(), 77));
  const std::vector<float> inputs = noise(8 * kInputs, 1, 3);
  std::vector<float> out(8);
  network.forward(inputs.data(), 8, out.data());
  for (float value : out) {
    EXPECT_EQ(value, 0.5f);
    EXPECT_EQ(log_speedup(value), 0);
  }
}

TEST(Network, BoundsTheLogSpeedup) {
  EXPECT_FLOAT_EQ(log_speedup(1), std::log(4.0f));
  EXPECT_FLOAT_EQ(log_speedup(0), -std::log(4.0f));
  EXPECT_NEAR(log_speedup(from_log_speedup(0.3f)), 0.3f, 1e-6);
  EXPECT_LT(from_log_speedup(9), 1);
}

TEST(Network, RefusesWeightsThatDontFit) {
  Weights weights = initial_weights(default_layers(), 1);
  EXPECT_EQ(parameter_count(weights.layers), 172545U);
  weights.weights[2].pop_back();
  try {
    const Network network(weights);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("layer 2 has 8191 weights, not 64x128"));
  }
  weights.weights[2].push_back(std::nanf(""));
  EXPECT_THROW(check(weights), Error);
}

}  // namespace
}  // namespace jarvis2::neural
