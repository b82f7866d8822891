#include "neural/train.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "base/error.h"
#include "neural/kernels.h"

namespace jarvis2::neural {
namespace {

constexpr double kLogFour = 1.3862943611198906;
constexpr float kBeta1 = 0.9f;
constexpr float kBeta2 = 0.999f;
constexpr float kEpsilon = 1e-8f;

// [0, bound) from a generator; the same on every platform, unlike the standard's distributions.
std::size_t below(std::mt19937_64& random, std::size_t bound) {
  return static_cast<std::size_t>(random() % bound);
}

template <typename T>
void shuffle(std::vector<T>& items, std::mt19937_64& random) {
  for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(random, i)]);
}

// Loss of one row and its slope along the last layer's sum.
double row_loss(Loss loss, double sum, double target, double* slope) {
  const double sigmoid = 1 / (1 + std::exp(-sum));
  if (loss == Loss::kCrossEntropy) {
    // log(1 + e^|x|) form: no overflow.
    *slope = sigmoid - target;
    return std::max(sum, 0.0) - sum * target + std::log1p(std::exp(-std::abs(sum)));
  }
  const double value = 2 * kLogFour * (sigmoid - 0.5);
  *slope = 2 * (value - target) * 2 * kLogFour * sigmoid * (1 - sigmoid);
  return (value - target) * (value - target);
}

// All parameters in one array: layer after layer, weights by input (the transpose of Weights), then biases.
class Trainer {
 public:
  explicit Trainer(const Weights& weights) : layers_(weights.layers) {
    check(weights);
    for (std::size_t l = 0; l + 1 < layers_.size(); ++l) {
      const std::size_t inputs = layers_[l];
      const std::size_t outputs = layers_[l + 1];
      weight_at_.push_back(parameters_.size());
      parameters_.resize(parameters_.size() + inputs * outputs);
      for (std::size_t o = 0; o < outputs; ++o) {
        for (std::size_t i = 0; i < inputs; ++i) weight(l)[i * outputs + o] = weights.weights[l][o * inputs + i];
      }
      bias_at_.push_back(parameters_.size());
      parameters_.insert(parameters_.end(), weights.biases[l].begin(), weights.biases[l].end());
    }
    gradient_.resize(parameters_.size());
    activations_.resize(layers_.size());
    slopes_.resize(layers_.size());
  }

  Weights to_weights(const std::vector<float>& values) const {
    Weights weights;
    weights.layers = layers_;
    for (std::size_t l = 0; l + 1 < layers_.size(); ++l) {
      const std::size_t inputs = layers_[l];
      const std::size_t outputs = layers_[l + 1];
      std::vector<float> matrix(inputs * outputs);
      for (std::size_t i = 0; i < inputs; ++i) {
        for (std::size_t o = 0; o < outputs; ++o) matrix[o * inputs + i] = values[weight_at_[l] + i * outputs + o];
      }
      weights.weights.push_back(std::move(matrix));
      weights.biases.emplace_back(values.begin() + static_cast<std::ptrdiff_t>(bias_at_[l]),
                                  values.begin() + static_cast<std::ptrdiff_t>(bias_at_[l] + outputs));
    }
    return weights;
  }

  const std::vector<float>& parameters() const { return parameters_; }
  const std::vector<float>& gradient() const { return gradient_; }

  // Weighted sum of losses over `rows`, and of the weights.
  std::pair<double, double> loss(const Dataset& data, Loss kind, std::span<const std::uint32_t> rows) {
    std::pair<double, double> total{0, 0};
    for (std::size_t first = 0; first < rows.size(); first += 64) {
      const std::span<const std::uint32_t> batch = rows.subspan(first, std::min<std::size_t>(64, rows.size() - first));
      forward(data, batch);
      for (std::size_t r = 0; r < batch.size(); ++r) {
        double slope = 0;
        const double weight = weight_of(data, batch[r]);
        total.first += weight * row_loss(kind, activations_.back()[r], data.targets[batch[r]], &slope);
        total.second += weight;
      }
    }
    return total;
  }

  // Fills gradient() of the mean loss over `rows`; returns that mean.
  double backward(const Dataset& data, Loss kind, std::span<const std::uint32_t> rows) {
    forward(data, rows);
    const std::size_t last = layers_.size() - 1;
    double sum = 0;
    double weights = 0;
    for (std::uint32_t row : rows) weights += weight_of(data, row);
    slopes_[last].resize(rows.size());
    for (std::size_t r = 0; r < rows.size(); ++r) {
      double slope = 0;
      const double weight = weights > 0 ? weight_of(data, rows[r]) / weights : 0;
      sum += weight * row_loss(kind, activations_[last][r], data.targets[rows[r]], &slope);
      slopes_[last][r] = static_cast<float>(weight * slope);
    }
    for (std::size_t l = last; l-- > 0;) {
      const std::size_t inputs = layers_[l];
      const std::size_t outputs = layers_[l + 1];
      const float* slope = slopes_[l + 1].data();
      multiply(inputs, outputs, rows.size(), activations_[l].data(), 1, inputs, slope, outputs,
               gradient_.data() + weight_at_[l], outputs, false);
      float* bias_gradient = gradient_.data() + bias_at_[l];
      std::fill_n(bias_gradient, outputs, 0.0f);
      for (std::size_t r = 0; r < rows.size(); ++r) add_scaled(slope + r * outputs, 1, outputs, bias_gradient);
      if (l == 0) break;
      transposed_.resize(inputs * outputs);
      for (std::size_t i = 0; i < inputs; ++i) {
        for (std::size_t o = 0; o < outputs; ++o) transposed_[o * inputs + i] = weight(l)[i * outputs + o];
      }
      slopes_[l].resize(rows.size() * inputs);
      multiply(rows.size(), inputs, outputs, slope, outputs, 1, transposed_.data(), inputs, slopes_[l].data(), inputs,
               false);
      for (std::size_t i = 0; i < slopes_[l].size(); ++i) {
        if (activations_[l][i] <= 0) slopes_[l][i] = 0;
      }
    }
    return sum;
  }

  void step(float learning_rate, float decay) {
    ++steps_;
    first_.resize(parameters_.size());
    second_.resize(parameters_.size());
    // Both corrections folded into the rate; epsilon is scaled with it, as in PyTorch's fused form.
    const double correction1 = 1 - std::pow(static_cast<double>(kBeta1), static_cast<double>(steps_));
    const double correction2 = std::sqrt(1 - std::pow(static_cast<double>(kBeta2), static_cast<double>(steps_)));
    adam_step(parameters_.data(), gradient_.data(), first_.data(), second_.data(), parameters_.size(),
              static_cast<float>(learning_rate * correction2 / correction1), learning_rate * decay, kBeta1, kBeta2,
              static_cast<float>(kEpsilon * correction2));
  }

 private:
  static double weight_of(const Dataset& data, std::uint32_t row) {
    return data.weights.empty() ? 1.0 : data.weights[row];
  }
  float* weight(std::size_t layer) { return parameters_.data() + weight_at_[layer]; }

  void forward(const Dataset& data, std::span<const std::uint32_t> rows) {
    const std::size_t width = layers_[0];
    activations_[0].resize(rows.size() * width);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      std::copy_n(data.inputs.begin() + static_cast<std::ptrdiff_t>(rows[r] * width), width,
                  activations_[0].begin() + static_cast<std::ptrdiff_t>(r * width));
    }
    for (std::size_t l = 0; l + 1 < layers_.size(); ++l) {
      const std::size_t outputs = layers_[l + 1];
      std::vector<float>& out = activations_[l + 1];
      out.resize(rows.size() * outputs);
      for (std::size_t r = 0; r < rows.size(); ++r) {
        std::copy_n(parameters_.begin() + static_cast<std::ptrdiff_t>(bias_at_[l]), outputs,
                    out.begin() + static_cast<std::ptrdiff_t>(r * outputs));
      }
      multiply(rows.size(), outputs, layers_[l], activations_[l].data(), layers_[l], 1, weight(l), outputs, out.data(),
               outputs, true);
      if (l + 2 < layers_.size()) {
        for (float& value : out) value = std::max(value, 0.0f);
      }
    }
  }

  std::vector<std::uint32_t> layers_;
  std::vector<float> parameters_;
  std::vector<float> gradient_;
  std::vector<float> first_;
  std::vector<float> second_;
  std::vector<std::size_t> weight_at_;
  std::vector<std::size_t> bias_at_;
  std::vector<std::vector<float>> activations_;  // by layer, rows
  std::vector<std::vector<float>> slopes_;
  std::vector<float> transposed_;
  std::uint64_t steps_ = 0;
};

void check_data(const Dataset& data, std::uint32_t width) {
  const std::size_t rows = data.rows();
  if (data.width != width || data.inputs.size() != rows * width ||
      (!data.weights.empty() && data.weights.size() != rows) || (!data.groups.empty() && data.groups.size() != rows)) {
    throw Error("neural::train", std::to_string(rows) + " targets, " + std::to_string(data.inputs.size()) +
                                     " inputs of width " + std::to_string(data.width) + ", " +
                                     std::to_string(data.weights.size()) + " weights, " +
                                     std::to_string(data.groups.size()) + " groups for a network of " +
                                     std::to_string(width) + " inputs");
  }
}

// Whole groups go to one side; with a single group its rows are split.
void split(const Dataset& data, float holdout, std::mt19937_64& random, std::vector<std::uint32_t>& training,
           std::vector<std::uint32_t>& held_out) {
  std::vector<std::uint32_t> groups(data.groups);
  if (!groups.empty()) {
    std::sort(groups.begin(), groups.end());
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  }
  const bool by_row = groups.size() < 2;
  if (by_row) {
    groups.resize(data.rows());
    std::iota(groups.begin(), groups.end(), 0U);
  }
  shuffle(groups, random);
  const std::size_t count = std::clamp<std::size_t>(
      static_cast<std::size_t>(std::lround(holdout * static_cast<float>(groups.size()))), 1, groups.size() - 1);
  std::vector<std::uint32_t> out_groups(groups.begin(), groups.begin() + static_cast<std::ptrdiff_t>(count));
  std::sort(out_groups.begin(), out_groups.end());
  for (std::uint32_t row = 0; row < data.rows(); ++row) {
    const std::uint32_t group = by_row ? row : data.groups[row];
    const bool out = std::binary_search(out_groups.begin(), out_groups.end(), group);
    (out ? held_out : training).push_back(row);
  }
}

double mean_of(const std::pair<double, double>& total) {
  return total.second > 0 ? total.first / total.second : 0;
}

}  // namespace

TrainResult train(const Dataset& data, const TrainOptions& options, std::stop_token stop,
                  const std::function<void(std::uint32_t, double, double)>& progress) {
  check_data(data, options.layers.front());
  if (data.rows() < 4) {
    throw Error("neural::train", std::to_string(data.rows()) + " examples: at least 4 are needed");
  }
  std::mt19937_64 random(options.seed);
  std::vector<std::uint32_t> training;
  std::vector<std::uint32_t> held_out;
  split(data, options.holdout, random, training, held_out);
  if (options.bootstrap) {
    std::vector<std::uint32_t> drawn(training.size());
    for (std::uint32_t& row : drawn) row = training[below(random, training.size())];
    training = std::move(drawn);
  }
  Trainer trainer(initial_weights(options.layers, random()));
  TrainResult result;
  result.untrained_loss = mean_of(trainer.loss(data, options.loss, held_out));
  result.holdout_loss = result.untrained_loss;
  result.train_loss = mean_of(trainer.loss(data, options.loss, training));
  std::vector<float> best = trainer.parameters();
  const std::size_t batch = std::max<std::uint32_t>(1, options.batch);
  for (std::uint32_t epoch = 1; epoch <= options.epochs && !stop.stop_requested(); ++epoch) {
    shuffle(training, random);
    double sum = 0;
    std::size_t steps = 0;
    for (std::size_t first = 0; first < training.size(); first += batch, ++steps) {
      const std::size_t count = std::min(batch, training.size() - first);
      sum += trainer.backward(data, options.loss, std::span<const std::uint32_t>(training).subspan(first, count));
      trainer.step(options.learning_rate, options.weight_decay);
    }
    const double holdout = mean_of(trainer.loss(data, options.loss, held_out));
    const double mean = sum / static_cast<double>(steps);
    result.epochs = epoch;
    if (progress) progress(epoch, mean, holdout);
    if (holdout < result.holdout_loss) {
      result.holdout_loss = holdout;
      result.train_loss = mean;
      result.best_epoch = epoch;
      best = trainer.parameters();
    } else if (epoch - result.best_epoch >= options.patience) {
      break;
    }
  }
  result.weights = trainer.to_weights(best);
  return result;
}

double mean_loss(const Weights& weights, const Dataset& data, Loss loss) {
  check_data(data, weights.layers.front());
  Trainer trainer(weights);
  std::vector<std::uint32_t> rows(data.rows());
  std::iota(rows.begin(), rows.end(), 0U);
  return mean_of(trainer.loss(data, loss, rows));
}

double gradient(const Weights& weights, const Dataset& data, Loss loss, std::span<const std::uint32_t> rows,
                Weights& out) {
  check_data(data, weights.layers.front());
  Trainer trainer(weights);
  const double mean = trainer.backward(data, loss, rows);
  out = trainer.to_weights(trainer.gradient());
  return mean;
}

}  // namespace jarvis2::neural
