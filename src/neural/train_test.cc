#include "neural/train.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/error.h"

namespace jarvis2::neural {
namespace {

Dataset toy(std::size_t rows, std::uint32_t width, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal(0, 1);
  Dataset data;
  data.width = width;
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::uint32_t i = 0; i < width; ++i) data.inputs.push_back(normal(random));
    const float* row = data.inputs.data() + r * width;
    // Neither linear nor monotonic in any input.
    data.targets.push_back(row[0] * row[1] > 0 ? 0.9f : 0.1f);
    data.weights.push_back(0.5f + 0.5f * static_cast<float>(r % 3));
  }
  return data;
}

TEST(Train, GradientEqualsDifferences) {
  for (Loss loss : {Loss::kCrossEntropy, Loss::kLogSpeedup}) {
    const Dataset data = toy(9, 20, 3);
    const std::vector<std::uint32_t> rows = {0, 2, 3, 5, 8};
    Weights weights = initial_weights(std::vector<std::uint32_t>{20, 17, 5, 1}, 2);
    std::mt19937_64 random(4);
    std::normal_distribution<float> normal(0, 0.5f);
    for (std::vector<float>& values : weights.weights) {
      for (float& value : values) value += normal(random);
    }
    for (std::vector<float>& values : weights.biases) {
      for (float& value : values) value += normal(random);
    }
    Weights slope;
    Weights unused;
    gradient(weights, data, loss, rows, slope);
    std::size_t compared = 0;
    for (std::size_t l = 0; l < 3; ++l) {
      for (int part = 0; part < 2; ++part) {
        std::vector<float>& values = part == 0 ? weights.weights[l] : weights.biases[l];
        const std::vector<float>& slopes = part == 0 ? slope.weights[l] : slope.biases[l];
        for (std::size_t i = 0; i < values.size(); i += 3) {
          const float kept = values[i];
          const float step = 1e-2f;
          values[i] = kept + step;
          const double above = gradient(weights, data, loss, rows, unused);
          values[i] = kept - step;
          const double below = gradient(weights, data, loss, rows, unused);
          values[i] = kept;
          const double difference = (above - below) / (2 * static_cast<double>(step));
          EXPECT_NEAR(slopes[i], difference, 2e-3 + 0.03 * std::abs(difference)) << l << "." << part << "[" << i << "]";
          ++compared;
        }
      }
    }
    EXPECT_GT(compared, 100U);
  }
}

TEST(Train, LearnsWhatIsThereAndStopsWhenItIsNot) {
  TrainOptions options;
  options.layers = {6, 32, 16, 1};
  options.batch = 32;
  options.learning_rate = 5e-3f;
  Dataset data = toy(1500, 6, 1);
  const TrainResult good = train(data, options);
  EXPECT_NEAR(good.untrained_loss, std::log(2.0), 1e-6);
  EXPECT_LT(good.holdout_loss, 0.45);  // the targets' own entropy is 0.325
  EXPECT_LE(good.best_epoch + options.patience, std::max(good.epochs, options.epochs));
  // Shuffled labels teach nothing: what is kept must not be worse than the untrained network.
  std::mt19937_64 random(5);
  std::shuffle(data.targets.begin(), data.targets.end(), random);
  const TrainResult nothing = train(data, options);
  EXPECT_LE(nothing.holdout_loss, nothing.untrained_loss);
  EXPECT_GT(nothing.holdout_loss, 0.66);
}

TEST(Train, SameSeedSameWeights) {
  TrainOptions options;
  options.layers = {6, 16, 1};
  options.epochs = 5;
  options.loss = Loss::kLogSpeedup;
  options.bootstrap = true;
  const Dataset data = toy(200, 6, 1);
  const TrainResult a = train(data, options);
  const TrainResult b = train(data, options);
  EXPECT_EQ(a.weights.weights, b.weights.weights);
  options.seed = 2;
  EXPECT_NE(train(data, options).weights.weights, a.weights.weights);
}

TEST(Train, KeepsGroupsTogether) {
  // Rows of a group are identical: with leakage the held-out loss would fall far below chance.
  std::mt19937_64 random(8);
  std::normal_distribution<float> normal(0, 1);
  Dataset data;
  data.width = 4;
  for (std::uint32_t group = 0; group < 12; ++group) {
    const std::vector<float> row = {normal(random), normal(random), normal(random), normal(random)};
    for (int copies = 0; copies < 20; ++copies) {
      data.inputs.insert(data.inputs.end(), row.begin(), row.end());
      data.targets.push_back(group % 2 == 0 ? 1.0f : 0.0f);
      data.groups.push_back(group);
    }
  }
  TrainOptions options;
  options.layers = {4, 32, 1};
  options.learning_rate = 1e-2f;
  options.seed = 3;
  EXPECT_GT(train(data, options).holdout_loss, 0.3);
  data.groups.clear();
  EXPECT_LT(train(data, options).holdout_loss, 0.1);
}

TEST(Train, RefusesWhatDoesNotFit) {
  Dataset data = toy(10, 6, 1);
  TrainOptions options;
  options.layers = {7, 16, 1};
  EXPECT_THROW(train(data, options), Error);
  options.layers = {6, 16, 1};
  data.targets.resize(3);
  EXPECT_THROW(train(data, options), Error);
}

}  // namespace
}  // namespace jarvis2::neural
