// Training on the CPU: Adam [Kingma 2015], mini-batches, early stopping. Deterministic for a seed.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <vector>

#include "neural/network.h"

namespace jarvis2::neural {

enum class Loss {
  kCrossEntropy,  // policy: targets in [0, 1]
  kLogSpeedup,    // value: squared error of log_speedup(output); targets in ±ln 4
};

// Rows of layers[0] floats with a target and a weight each.
struct Dataset {
  std::uint32_t width = kInputs;
  std::vector<float> inputs;
  std::vector<float> targets;
  std::vector<float> weights;         // empty: all 1
  std::vector<std::uint32_t> groups;  // rows of a group stay on one side of the split (a program); empty: each its own
  std::size_t rows() const { return targets.size(); }
};

struct TrainOptions {
  std::vector<std::uint32_t> layers = default_layers();
  Loss loss = Loss::kCrossEntropy;
  std::uint64_t seed = 1;
  std::uint32_t batch = 64;
  std::uint32_t epochs = 200;   // at most
  std::uint32_t patience = 15;  // epochs without a better held-out loss before it stops
  float learning_rate = 1e-3f;
  float weight_decay = 1e-4f;  // decoupled (AdamW)
  float holdout = 0.2f;        // share of the groups
  bool bootstrap = false;      // resample the training rows with replacement (one member of an ensemble)
};

struct TrainResult {
  Weights weights;  // of the epoch with the lowest held-out loss; epoch 0 is the untrained network
  std::uint32_t epochs = 0;
  std::uint32_t best_epoch = 0;
  double train_loss = 0;
  double holdout_loss = 0;
  double untrained_loss = 0;  // held-out, before the first step
};

TrainResult train(const Dataset& data, const TrainOptions& options, std::stop_token stop = {},
                  const std::function<void(std::uint32_t epoch, double train, double holdout)>& progress = {});
// Mean weighted loss of `weights` on all rows.
double mean_loss(const Weights& weights, const Dataset& data, Loss loss);
// Loss and gradient (same shapes as the weights) over `rows`; what train() steps along.
double gradient(const Weights& weights, const Dataset& data, Loss loss, std::span<const std::uint32_t> rows,
                Weights& out);

}  // namespace jarvis2::neural
