#include "learn/learner.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <random>

#include "base/error.h"
#include "base/json.h"

namespace jarvis2::learn {
namespace {

constexpr double kMostLogSpeedup = 1.386;
constexpr std::size_t kFewestRows = 20;

std::optional<double> outcome_of(const Experience& experience) {
  return experience.log_speedup ? experience.log_speedup : experience.instructions;
}

bool failed(const Experience& experience) {
  return experience.stage <= Stage::kEqual && !experience.ok;
}

std::uint32_t group_of(std::map<std::string, std::uint32_t>& groups, const std::string& program) {
  return groups.emplace(program, static_cast<std::uint32_t>(groups.size())).first->second;
}

void add_row(neural::Dataset& data, const std::vector<float>& features, float target, float weight,
             std::uint32_t group) {
  data.inputs.insert(data.inputs.end(), features.begin(), features.end());
  data.targets.push_back(target);
  data.weights.push_back(weight);
  data.groups.push_back(group);
}

std::vector<StoredExperience> without(const std::vector<StoredExperience>& rows, const std::string& program,
                                      bool only) {
  std::vector<StoredExperience> kept;
  for (const StoredExperience& row : rows) {
    if ((row.experience.program == program) == only) kept.push_back(row);
  }
  return kept;
}

neural::TrainOptions train_options(const LearnOptions& options, neural::Loss loss, std::uint64_t seed) {
  neural::TrainOptions train;
  train.layers = options.layers;
  train.layers.front() = neural::kInputs;
  train.loss = loss;
  train.seed = seed;
  train.epochs = options.epochs;
  return train;
}

void shuffle_targets(neural::Dataset& data, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::shuffle(data.targets.begin(), data.targets.end(), random);
}

// Weighted mean of the loss where the network says ½: cross entropy ln 2, or the residual itself.
double untrained_loss(const neural::Dataset& data, neural::Loss loss) {
  return neural::mean_loss(neural::initial_weights(std::vector<std::uint32_t>{data.width, 1, 1}, 1), data, loss);
}

neural::Card card_for(const char* role, const LearnOptions& options, const neural::Dataset& data,
                      const std::vector<std::string>& programs) {
  neural::Card card;
  card.role = role;
  card.layers = options.layers;
  card.layers.front() = neural::kInputs;
  card.parameters = neural::parameter_count(card.layers);
  card.trained_on = programs;
  card.examples = data.rows();
  card.embedder = options.embedder;
  card.created = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                             fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
  if (options.shuffle_labels) card.note = "control: labels shuffled";
  return card;
}

void train_member(neural::Model& model, const neural::Dataset& data, const neural::TrainOptions& options,
                  std::stop_token stop) {
  neural::TrainResult result = neural::train(data, options, stop);
  model.card.seeds.push_back(options.seed);
  model.card.train_losses.push_back(result.train_loss);
  model.card.holdout_losses.push_back(result.holdout_loss);
  model.members.push_back(std::move(result.weights));
  model.card.members = model.members.size();
}

}  // namespace

float policy_target(const Experience& experience) {
  if (failed(experience)) return 0;
  const std::optional<double> gain = outcome_of(experience);
  if (!gain || *gain <= 0) return 0;
  return static_cast<float>(1 - std::exp(-*gain / 0.05));
}

neural::Dataset policy_data(const std::vector<StoredExperience>& rows) {
  neural::Dataset data;
  std::map<std::string, std::uint32_t> groups;
  for (const StoredExperience& row : rows) {
    const Experience& e = row.experience;
    const std::uint32_t group = group_of(groups, e.program);
    if (e.policy_features.empty() || (!failed(e) && !outcome_of(e))) continue;
    add_row(data, e.policy_features, policy_target(e), static_cast<float>(row.weight), group);
  }
  return data;
}

neural::Dataset value_data(const std::vector<StoredExperience>& rows) {
  neural::Dataset data;
  std::map<std::string, std::uint32_t> groups;
  for (const StoredExperience& row : rows) {
    const Experience& e = row.experience;
    const std::uint32_t group = group_of(groups, e.program);
    const std::optional<double> outcome = outcome_of(e);
    if (e.value_features.empty() || failed(e) || !outcome) continue;
    const double residual = std::clamp(*outcome - e.baseline, -kMostLogSpeedup, kMostLogSpeedup);
    // A noisy measurement counts less: half at a deviation of 2 %.
    const double weight = row.weight * 4e-4 / (4e-4 + e.variance.value_or(0));
    add_row(data, e.value_features, static_cast<float>(residual), static_cast<float>(weight), group);
  }
  return data;
}

Learned learn(const std::vector<StoredExperience>& given, const LearnOptions& given_options, std::stop_token stop,
              const std::function<void(const std::string&)>& progress) {
  LearnOptions options = given_options;
  const auto say = [&](const std::string& text) {
    if (progress) progress(text);
  };
  if (options.embedder.empty()) {
    std::map<std::string, std::size_t> counts;
    for (const StoredExperience& row : given) ++counts[row.experience.embedder];
    std::size_t most = 0;
    for (const auto& [embedder, count] : counts) {
      if (count > most) {
        most = count;
        options.embedder = embedder;
      }
    }
  }
  std::vector<StoredExperience> rows;
  std::vector<std::string> programs;
  for (const StoredExperience& row : given) {
    if (row.experience.embedder != options.embedder) continue;
    rows.push_back(row);
    programs.push_back(row.experience.program);
  }
  std::sort(programs.begin(), programs.end());
  programs.erase(std::unique(programs.begin(), programs.end()), programs.end());
  if (rows.size() < kFewestRows || programs.size() < 2) {
    throw Error("learn::learn", fmt::format("{} outcomes of {} programs: at least {} of 2 are needed; run `jarvis2 "
                                            "improve` on more projects first",
                                            rows.size(), programs.size(), kFewestRows));
  }

  Learned learned;
  neural::Dataset policy = policy_data(rows);
  neural::Dataset value = value_data(rows);
  if (options.shuffle_labels) {
    shuffle_targets(policy, options.seed);
    shuffle_targets(value, options.seed);
  }
  learned.policy.card = card_for("policy", options, policy, programs);
  learned.value.card = card_for("value", options, value, programs);
  if (policy.rows() >= kFewestRows) {
    say(fmt::format("policy network on {} outcomes of {} programs", policy.rows(), programs.size()));
    train_member(learned.policy, policy, train_options(options, neural::Loss::kCrossEntropy, options.seed), stop);
  }
  if (value.rows() >= kFewestRows) {
    for (std::uint32_t member = 0; member < std::max(1U, options.members); ++member) {
      say(fmt::format("value network {} of {} on {} outcomes", member + 1, options.members, value.rows()));
      neural::TrainOptions train = train_options(options, neural::Loss::kLogSpeedup, options.seed + member);
      train.bootstrap = options.members > 1;
      train_member(learned.value, value, train, stop);
    }
  }
  if (!options.leave_one_out) return learned;
  for (const std::string& program : programs) {
    if (stop.stop_requested()) break;
    say(fmt::format("without {}", program));
    const std::vector<StoredExperience> rest = without(rows, program, false);
    const std::vector<StoredExperience> out = without(rows, program, true);
    LeftOut left;
    left.program = program;
    const auto measure = [&](neural::Dataset training, const neural::Dataset& testing, neural::Loss loss,
                             std::size_t& count, double& trained, double& untrained) {
      count = testing.rows();
      if (count == 0) return;
      if (options.shuffle_labels) shuffle_targets(training, options.seed);
      untrained = untrained_loss(testing, loss);
      trained = untrained;
      if (training.rows() < kFewestRows) return;
      const neural::TrainResult result = neural::train(training, train_options(options, loss, options.seed), stop);
      trained = neural::mean_loss(result.weights, testing, loss);
    };
    measure(policy_data(rest), policy_data(out), neural::Loss::kCrossEntropy, left.policy_rows, left.policy_loss,
            left.policy_untrained);
    measure(value_data(rest), value_data(out), neural::Loss::kLogSpeedup, left.value_rows, left.value_loss,
            left.value_baseline);
    learned.left_out.push_back(left);
  }
  return learned;
}

void save(const Learned& learned, const fs::path& folder, bool half) {
  fs::create_directories(folder);
  if (!learned.policy.members.empty()) neural::save_model(folder / "policy.safetensors", learned.policy, half);
  if (!learned.value.members.empty()) neural::save_model(folder / "value.safetensors", learned.value, half);
}

Json learned_json(const Learned& learned) {
  Json left_out = Json::array();
  for (const LeftOut& left : learned.left_out) {
    left_out.push_back(
        {{"program", left.program},
         {"policy",
          {{"rows", left.policy_rows}, {"cross_entropy", left.policy_loss}, {"untrained", left.policy_untrained}}},
         {"value",
          {{"rows", left.value_rows},
           {"squared_error", left.value_loss},
           {"additive_baseline", left.value_baseline}}}});
  }
  Json json;
  const auto put = [&](const char* key, const neural::Model& model) {
    if (model.members.empty()) {
      json[key] = {{"absent", fmt::format("{} usable outcomes, {} are needed", model.card.examples, kFewestRows)}};
    } else {
      json[key] = neural::card_json(model.card);
    }
  };
  put("policy", learned.policy);
  put("value", learned.value);
  json["left_out"] = std::move(left_out);
  return json;
}

}  // namespace jarvis2::learn
