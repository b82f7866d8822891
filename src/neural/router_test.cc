#include "neural/router.h"

#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "base/json.h"
#include "gpu/none/host_kernels.h"
#include "gpu/tiles.h"
#include "hardware/machine.h"

namespace jarvis2::neural {
namespace {

Weights trained(std::span<const std::uint32_t> layers) {
  Weights weights = initial_weights(layers, 5);
  std::mt19937_64 random(6);
  std::normal_distribution<float> normal(0, 0.3f);
  for (float& weight : weights.weights.back()) weight = normal(random);
  for (std::vector<float>& biases : weights.biases) {
    for (float& bias : biases) bias = normal(random);
  }
  return weights;
}

std::vector<float> noise(std::size_t count) {
  std::mt19937_64 random(7);
  std::normal_distribution<float> normal(0, 1);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

hardware::Lanes& two_lanes() {
  static hardware::Lanes lanes(hardware::this_machine(), {.performance = 2, .cores = 2});
  return lanes;
}

// The kernel that runs on GPUs, built for the host, against the packed kernels of the CPU.
TEST(Router, TheGpusKernelAgreesWithTheCpu) {
  const Weights weights = trained(default_layers());
  const Network network(weights);
  const std::vector<float> packed = gpu::forward_weights(weights.layers, weights.weights, weights.biases);
  for (const std::size_t batch : {1, 9, 64}) {
    const std::vector<float> inputs = noise(batch * kInputs);
    std::vector<float> cpu(batch), kernel(batch);
    network.forward(inputs.data(), batch, cpu.data());
    gpu::host_forward(weights.layers, packed.data(), inputs.data(), batch, kernel.data());
    for (std::size_t row = 0; row < batch; ++row) EXPECT_NEAR(cpu[row], kernel[row], 1e-4);
  }
}

TEST(Router, EveryPlaceGivesTheSameNumbers) {
  const TempDir folder;
  const Router router(trained(default_layers()), two_lanes(), folder.path());
  constexpr std::size_t kBatch = 700;
  const std::vector<float> inputs = noise(kBatch * kInputs);
  std::vector<float> expected(kBatch), out(kBatch);
  router.network().forward(inputs.data(), kBatch, expected.data());
  for (const Place place : {Place::kThread, Place::kLanes, Place::kGpu}) {
    if (place == Place::kGpu && gpu::device() == nullptr) {
      EXPECT_THROW(router.forward_at(place, inputs.data(), kBatch, out.data()), Error);
      continue;
    }
    std::fill(out.begin(), out.end(), -1.0f);
    router.forward_at(place, inputs.data(), kBatch, out.data());
    for (std::size_t row = 0; row < kBatch; ++row) ASSERT_NEAR(out[row], expected[row], 1e-4) << place_name(place);
  }
  std::fill(out.begin(), out.end(), -1.0f);
  router.forward(inputs.data(), kBatch, out.data());
  for (std::size_t row = 0; row < kBatch; ++row) ASSERT_NEAR(out[row], expected[row], 1e-4);
}

TEST(Router, MeasuresOnceAndKeepsIt) {
  const TempDir folder;
  const Weights weights = trained(default_layers());
  const RouteTimes first = Router(weights, two_lanes(), folder.path()).times();
  for (const std::array<double, 3>& row : first.us) EXPECT_GT(row[0], 0);
  if (hardware::machine_fingerprint().empty()) GTEST_SKIP() << "nothing is kept on this machine";
  EXPECT_EQ(Router(weights, two_lanes(), folder.path()).times(), first);
  write_file_atomic(folder.path() / "routes.json", "{\"key\": 1");
  EXPECT_GT(Router(weights, two_lanes(), folder.path()).times().us[0][0], 0);  // damaged: measured again
}

TEST(Router, TakesTheFastestPlaceOfTheNearestSize) {
  RouteTimes times;
  times.us = {{{10, 0, 50}, {80, 0, 50}, {600, 0, 55}, {2500, 1200, 90}, {9000, 4000, 200}, {40000, 9000, 9500}}};
  EXPECT_EQ(best_place(times, 1), Place::kThread);
  EXPECT_EQ(best_place(times, 7), Place::kThread);
  EXPECT_EQ(best_place(times, 8), Place::kGpu);
  EXPECT_EQ(best_place(times, 300), Place::kGpu);
  EXPECT_EQ(best_place(times, 100'000), Place::kLanes);
  EXPECT_EQ(route_times_of(to_json(times)), times);
}

}  // namespace
}  // namespace jarvis2::neural
