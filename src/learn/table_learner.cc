#include "learn/table_learner.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <random>

#include "base/error.h"
#include "base/json.h"
#include "neural/router.h"

namespace jarvis2::learn {
namespace {

struct Examples {
  neural::Dataset policy;
  neural::Dataset value;
  std::vector<std::string> programs;
};

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::pair<std::size_t, std::size_t> range_of(Block block) {
  switch (block) {
    case Block::kSite:
      return {0, neural::kSiteInputs};
    case Block::kAction:
      return {neural::kSiteInputs, neural::kSiteInputs + kFacts};
    case Block::kState:
      return {neural::kSiteInputs + kFacts, neural::kInputs};
    case Block::kNone:
      break;
  }
  return {0, 0};
}

void zero(neural::Dataset& data, std::size_t row, std::pair<std::size_t, std::size_t> range) {
  const auto begin = data.inputs.begin() + static_cast<std::ptrdiff_t>(row * data.width);
  std::fill(begin + static_cast<std::ptrdiff_t>(range.first), begin + static_cast<std::ptrdiff_t>(range.second), 0.0f);
}

// Every program counts the same, however many examples it has.
void balance(neural::Dataset& data) {
  std::vector<double> sums;
  for (std::size_t i = 0; i < data.rows(); ++i) {
    if (data.groups[i] >= sums.size()) sums.resize(data.groups[i] + 1);
    sums[data.groups[i]] += data.weights[i];
  }
  const double groups =
      static_cast<double>(std::count_if(sums.begin(), sums.end(), [](double sum) { return sum > 0; }));
  for (std::size_t i = 0; i < data.rows(); ++i) {
    const double share = static_cast<double>(data.rows()) / groups / sums[data.groups[i]];
    data.weights[i] = static_cast<float>(data.weights[i] * share);
  }
}

Examples examples_of(const std::vector<Table>& tables, const TableLearnOptions& options,
                     const std::vector<std::string>* only) {
  Examples examples;
  for (std::uint32_t group = 0; group < tables.size(); ++group) {
    const Table& table = tables[group];
    if (only != nullptr ? !contains(*only, table.program) : contains(options.without, table.program)) continue;
    add_examples(table, options.examples, group, examples.policy, examples.value);
    examples.programs.push_back(table.program);
  }
  for (neural::Dataset* data : {&examples.policy, &examples.value}) {
    for (std::size_t row = 0; row < data->rows(); ++row) zero(*data, row, range_of(options.zeroed));
    if (data->rows() > 0) balance(*data);
  }
  return examples;
}

// What was never seen must not speak.
void silence(neural::Weights& weights, std::pair<std::size_t, std::size_t> range) {
  const std::size_t inputs = weights.layers[0];
  for (std::size_t out = 0; out < weights.layers[1]; ++out) {
    for (std::size_t i = range.first; i < range.second; ++i) weights.weights[0][out * inputs + i] = 0;
  }
}

class HeldNetworks final : public neural::Networks {
 public:
  explicit HeldNetworks(const Learned& learned)
      : info_(learned_json(learned)),
        policy_trust_(static_cast<float>(learned.policy.card.trust)),
        value_trust_(static_cast<float>(learned.value.card.trust)) {
    if (!learned.policy.members.empty()) policy_.emplace(learned.policy.members.front());
    for (const neural::Weights& weights : learned.value.members) value_.emplace_back(weights);
  }
  const neural::Network* policy() const override { return policy_ ? &*policy_ : nullptr; }
  const std::vector<neural::Network>& value() const override { return value_; }
  float policy_trust() const override { return policy_trust_; }
  float value_trust() const override { return value_trust_; }
  Json info() const override { return info_; }

 private:
  Json info_;
  float policy_trust_;
  float value_trust_;
  std::optional<neural::Network> policy_;
  std::vector<neural::Network> value_;
};

}  // namespace

Learned learn_tables(const std::vector<Table>& tables, const TableLearnOptions& options, std::stop_token stop,
                     const std::function<void(const std::string&)>& progress) {
  Examples examples = examples_of(tables, options, nullptr);
  if (examples.programs.size() < 2) {
    throw Error("learn::learn_tables",
                fmt::format("tables of {} programs: at least 2 are needed", examples.programs.size()));
  }
  for (const Table& table : tables) {
    if (table.embedder != tables.front().embedder) {
      throw Error("learn::learn_tables", table.program + " and " + tables.front().program +
                                             " were recorded with different embedding models; record them again");
    }
  }
  std::mt19937_64 random(options.seed);
  for (neural::Dataset* data : {&examples.policy, &examples.value}) {
    for (std::size_t row = 0; row < data->rows(); ++row) {
      if (static_cast<double>(random() >> 11) * 0x1p-53 < options.blind) zero(*data, row, range_of(Block::kSite));
    }
    if (options.shuffle_labels) std::shuffle(data->targets.begin(), data->targets.end(), random);
  }
  Learned learned;
  const auto fill_card = [&](neural::Card& card, const char* role, const neural::Dataset& data) {
    card.role = role;
    card.layers = neural::default_layers();
    card.parameters = neural::parameter_count(card.layers);
    card.trained_on = examples.programs;
    card.examples = data.rows();
    card.embedder = tables.front().embedder;
    card.created = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                               fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
    card.note = "trained on replays of outcome tables; bench/learn";
  };
  fill_card(learned.policy.card, "policy", examples.policy);
  fill_card(learned.value.card, "value", examples.value);
  learned.policy.card.trust = options.policy_trust;
  learned.value.card.trust = options.value_trust;
  const auto add = [&](neural::Model& model, const neural::Dataset& data, neural::Loss loss, std::uint64_t seed,
                       bool bootstrap) {
    neural::TrainOptions train;
    train.loss = loss;
    train.seed = seed;
    train.epochs = options.epochs;
    train.patience = options.patience;
    train.learning_rate = options.learning_rate;
    train.weight_decay = options.weight_decay;
    train.bootstrap = bootstrap;
    neural::TrainResult result = neural::train(data, train, stop);
    if (progress) {
      progress(fmt::format("{}: {} examples, epoch {} of {}, loss {:.5f}, held out {:.5f} (untrained {:.5f})",
                           model.card.role, data.rows(), result.best_epoch, result.epochs, result.train_loss,
                           result.holdout_loss, result.untrained_loss));
    }
    silence(result.weights, range_of(options.zeroed));
    neural::round_to_half(result.weights);
    model.card.seeds.push_back(seed);
    model.card.train_losses.push_back(result.train_loss);
    model.card.holdout_losses.push_back(result.holdout_loss);
    model.members.push_back(std::move(result.weights));
    model.card.members = model.members.size();
  };
  add(learned.policy, examples.policy, neural::Loss::kCrossEntropy, options.seed, false);
  for (std::uint32_t member = 0; member < options.members; ++member) {
    add(learned.value, examples.value, neural::Loss::kLogSpeedup, options.seed + member, options.members > 1);
  }
  return learned;
}

TableLosses table_losses(const std::vector<Table>& tables, const std::vector<std::string>& programs,
                         const Learned& learned, const TableLearnOptions& options) {
  TableLearnOptions fresh = options;
  fresh.examples.seed += 1000;
  const Examples examples = examples_of(tables, fresh, &programs);
  TableLosses losses;
  losses.policy_rows = examples.policy.rows();
  losses.value_rows = examples.value.rows();
  const auto untrained = [](const neural::Dataset& data, neural::Loss loss) {
    return neural::mean_loss(neural::initial_weights(std::vector<std::uint32_t>{data.width, 1, 1}, 1), data, loss);
  };
  if (losses.policy_rows > 0) {
    losses.policy_untrained = untrained(examples.policy, neural::Loss::kCrossEntropy);
    losses.policy = neural::mean_loss(learned.policy.members.front(), examples.policy, neural::Loss::kCrossEntropy);
  }
  if (losses.value_rows == 0) return losses;
  losses.value_baseline = untrained(examples.value, neural::Loss::kLogSpeedup);
  const std::size_t rows = losses.value_rows;
  std::vector<float> out(rows);
  std::vector<double> mean(rows);
  for (const neural::Weights& weights : learned.value.members) {
    neural::Router(weights, hardware::lanes()).forward(examples.value.inputs.data(), rows, out.data());
    for (std::size_t i = 0; i < rows; ++i) {
      mean[i] += neural::log_speedup(out[i]) / static_cast<double>(learned.value.members.size());
    }
  }
  double sum = 0;
  double weight = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    const double error = mean[i] - examples.value.targets[i];
    sum += examples.value.weights[i] * error * error;
    weight += examples.value.weights[i];
  }
  losses.value = sum / weight;
  return losses;
}

std::shared_ptr<const neural::Networks> networks_of(const Learned& learned) {
  return std::make_shared<HeldNetworks>(learned);
}

}  // namespace jarvis2::learn
