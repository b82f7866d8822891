// jarvis2 model info|train|export|predict: the networks that guide the search.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>

#include "app/app.h"
#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/log.h"
#include "engine/improve.h"
#include "learn/learner.h"
#include "learn/table_learner.h"
#include "neural/coreml.h"
#include "neural/networks.h"
#include "neural/onnx.h"

namespace jarvis2::app {
namespace {

struct ModelOptions {
  std::string models;  // folder; empty: the usual ones
  std::string store;   // experience; empty: the user's
  std::string output;
  std::string format = "onnx";
  std::string features;
  learn::LearnOptions learn;
  bool no_leave_one_out = false;
  std::uint32_t table_members = 3;
  double policy_trust = 1;
  double value_trust = 1;
  std::string tables;  // folder of outcome tables; empty: the store
  engine::ImproveOptions record;
};

std::vector<fs::path> folders(const ModelOptions& options) {
  return options.models.empty() ? neural::model_folders() : std::vector<fs::path>{options.models};
}

fs::path store_path(const ModelOptions& options) {
  const fs::path path = options.store.empty() ? learn::default_store_path() : fs::path(options.store);
  if (!fs::exists(path)) {
    throw Error("app::model", path.string() + " does not exist: `jarvis2 improve` writes it as it verifies");
  }
  return path;
}

std::string shape_text(const Json& layers) {
  std::string text;
  for (const Json& width : layers) text += (text.empty() ? "" : "-") + width.dump();
  return text;
}

void print_network(const char* name, const Json& json) {
  if (json.contains("absent")) {
    fmt::print("{}: none ({}){}\n", name, json["absent"].get<std::string>(),
               json.contains("instead") ? "; instead " + json["instead"].get<std::string>() : "");
    return;
  }
  fmt::print("{}: {}, {} parameters, {} member{}, trained on {} outcomes of {} programs ({})\n", name,
             shape_text(json["layers"]), json["parameters"].get<std::size_t>(), json["members"].get<std::size_t>(),
             json["members"] == 1 ? "" : "s", json["examples"].get<std::size_t>(), json["trained_on"].size(),
             fmt::join(json["trained_on"].get<std::vector<std::string>>(), ", "));
}

int info(const ModelOptions& options, const Common& common) {
  Json json = neural::open_networks(folders(options))->info();
  json["target"] = neural::Network::target();
  if (common.json) {
    fmt::print("{}\n", json.dump(2));
    return kDone;
  }
  print_network("policy", json["policy"]);
  print_network("value", json["value"]);
  fmt::print("vectors: {}\n", json["target"].get<std::string>());
  return kDone;
}

int train(const ModelOptions& options, const Common& common) {
  const fs::path output = options.output.empty() ? user_cache_dir() / "models" : fs::path(options.output);
  const auto tell = [&](const std::string& text) {
    if (!common.quiet) log::info("{}", text);
  };
  learn::Learned learned;
  if (options.tables.empty()) {
    learn::LearnOptions settings = options.learn;
    settings.leave_one_out = !options.no_leave_one_out;
    learned = learn::learn(learn::ExperienceStore(store_path(options)).all(), settings, interrupt_token(), tell);
  } else {
    learn::TableLearnOptions settings;
    settings.seed = options.learn.seed;
    settings.members = options.table_members;
    settings.shuffle_labels = options.learn.shuffle_labels;
    settings.policy_trust = options.policy_trust;
    settings.value_trust = options.value_trust;
    learned = learn::learn_tables(learn::load_tables(options.tables), settings, interrupt_token(), tell);
  }
  check_interrupt();
  learn::save(learned, output, !options.tables.empty());
  Json json = learn::learned_json(learned);
  json["folder"] = output.string();
  if (common.json) {
    fmt::print("{}\n", json.dump(2));
    return kDone;
  }
  print_network("policy", json["policy"]);
  print_network("value", json["value"]);
  for (const learn::LeftOut& left : learned.left_out) {
    fmt::print("  without {}: policy {:.3f} (untrained {:.3f}), value {:.3g} (additive baseline {:.3g})\n",
               left.program, left.policy_loss, left.policy_untrained, left.value_loss, left.value_baseline);
  }
  fmt::print("written to {}\n", output.string());
  return kDone;
}

// Each member of each network as a file of its own.
int export_models(const ModelOptions& options, const Common& common) {
  const fs::path output = options.output.empty() ? fs::path(".") : fs::path(options.output);
  Json files = Json::array();
  if (options.format == "csv") {
    const fs::path path = options.output.empty() ? fs::path("experience.csv") : output;
    learn::ExperienceStore(store_path(options)).export_csv(path);
    files.push_back(path.string());
  } else {
    for (const fs::path& folder : folders(options)) {
      for (const char* role : {"policy", "value"}) {
        const fs::path path = folder / (std::string(role) + ".safetensors");
        if (!fs::exists(path)) continue;
        const neural::Model model = neural::load_model(path);
        fs::create_directories(output);
        for (std::size_t m = 0; m < model.members.size(); ++m) {
          const std::string name = model.members.size() == 1 ? role : fmt::format("{}-{}", role, m);
          const std::string card = neural::card_json(model.card).dump();
          const fs::path file = output / (name + (options.format == "coreml" ? ".mlpackage" : ".onnx"));
          if (options.format == "coreml") {
            neural::write_coreml(file, model.members[m], role, card);
          } else {
            write_file_atomic(file, neural::to_onnx(model.members[m], role, card));
          }
          files.push_back(file.string());
        }
      }
      if (!files.empty()) break;
    }
    if (files.empty()) throw Error("app::model", "there are no trained weights to export: `jarvis2 model train` first");
  }
  if (common.json) {
    fmt::print("{}\n", Json{{"files", files}}.dump(2));
  } else {
    for (const Json& file : files) fmt::print("{}\n", file.get<std::string>());
  }
  return kDone;
}

int record(const ModelOptions& options, const Common& common) {
  engine::ImproveOptions job = options.record;
  if (job.recording.empty()) job.recording = "recording.json";
  const engine::ImproveResult result = engine::improve(
      job,
      [&](const engine::ImproveStatus& status) {
        if (!status.message.empty() && !common.quiet) log::info("{}: {}", status.phase, status.message);
      },
      interrupt_token());
  if (common.json) {
    fmt::print("{}\n", result.json);
  } else {
    fmt::print("{}: {} actions; bench/learn/label.py records what comes of them\n", job.recording.string(),
               Json::parse(result.json)["actions"].get<std::size_t>());
  }
  return result.status;
}

std::string read_input(const std::string& path) {
  if (path != "-") return read_file(path);
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

int predict(const ModelOptions& options, const Common& common) {
  const Json rows = Json::parse(read_input(options.features), nullptr, false);
  if (!rows.is_array() || rows.empty()) {
    throw Error("app::model", options.features + " is not a JSON array of rows of 512 numbers");
  }
  std::vector<float> inputs;
  for (const Json& row : rows) {
    const bool numbers =
        row.is_array() && std::all_of(row.begin(), row.end(), [](const Json& x) { return x.is_number(); });
    if (!numbers || row.size() != neural::kInputs) {
      throw Error("app::model", fmt::format("row {} of {} is not an array of {} numbers",
                                            inputs.size() / neural::kInputs, options.features, neural::kInputs));
    }
    for (const Json& value : row) inputs.push_back(value.get<float>());
  }
  const std::shared_ptr<const neural::Networks> networks = neural::open_networks(folders(options));
  if (networks->policy() == nullptr && networks->value().empty()) {
    throw Error("app::model", "there are no trained weights: `jarvis2 model train` makes them");
  }
  Json json = Json::object();
  std::vector<float> out(rows.size());
  if (networks->policy() != nullptr) {
    networks->policy()->forward(inputs.data(), rows.size(), out.data());
    json["policy"] = out;
  }
  if (!networks->value().empty()) {
    std::vector<double> sum(rows.size());
    std::vector<double> squares(rows.size());
    const double members = static_cast<double>(networks->value().size());
    for (const neural::Network& member : networks->value()) {
      member.forward(inputs.data(), rows.size(), out.data());
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const double residual = neural::log_speedup(out[i]);
        sum[i] += residual / members;
        squares[i] += residual * residual / members;
      }
    }
    Json values = Json::array();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      values.push_back({{"residual", sum[i]}, {"deviation", std::sqrt(std::max(0.0, squares[i] - sum[i] * sum[i]))}});
    }
    json["value"] = std::move(values);
  }
  if (common.json) {
    fmt::print("{}\n", json.dump(2));
    return kDone;
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    fmt::print("{}", i);
    if (json.contains("policy")) fmt::print("  policy {:.4f}", json["policy"][i].get<double>());
    if (json.contains("value")) {
      fmt::print("  log speed-up beyond the baseline {:+.4f} ± {:.4f}", json["value"][i]["residual"].get<double>(),
                 json["value"][i]["deviation"].get<double>());
    }
    fmt::print("\n");
  }
  return kDone;
}

}  // namespace

Command add_model(CLI::App& root, Common& common) {
  CLI::App* app = root.add_subcommand("model", "The networks that guide the search");
  app->require_subcommand(1);
  const auto options = std::make_shared<ModelOptions>();
  app->add_option("--models", options->models, "Folder of policy.safetensors and value.safetensors");

  CLI::App* info_app = app->add_subcommand("info", "What they are and what they were trained on");

  CLI::App* train_app = app->add_subcommand("train", "Train them from what was verified so far");
  train_app->add_option("--store", options->store, "The experience store (default: the user's)");
  train_app->add_option("--tables", options->tables,
                        "Train on the outcome tables of this folder instead (bench/learn)");
  train_app
      ->add_option("--policy-trust", options->policy_trust, "With --tables: what the policy counts beside the rules")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  train_app
      ->add_option("--value-trust", options->value_trust, "With --tables: what the value counts beside the baseline")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  train_app->add_option("--output", options->output, "Folder to write to (default: the user's cache)");
  train_app->add_option("--seed", options->learn.seed, "Seed")->capture_default_str();
  train_app->add_option("--members", options->learn.members, "Value networks, each on its own resample")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  train_app->add_option("--epochs", options->learn.epochs, "At most")->capture_default_str();
  train_app->add_flag("--no-leave-one-out", options->no_leave_one_out, "Skip the test on programs left out");
  train_app->add_flag("--shuffle-labels", options->learn.shuffle_labels,
                      "Control: what is learned must be worth nothing");

  CLI::App* export_app = app->add_subcommand("export", "Write them as ONNX or Core ML, or the experience as CSV");
  export_app->add_option("--format", options->format, "onnx, coreml or csv")
      ->check(CLI::IsMember({"onnx", "coreml", "csv"}))
      ->capture_default_str();
  export_app->add_option("--store", options->store, "The experience store (default: the user's)");
  export_app->add_option("--output", options->output, "Folder, or the CSV file");

  CLI::App* predict_app = app->add_subcommand("predict", "Run them on rows of features");
  predict_app->add_option("FEATURES", options->features, "JSON array of rows of 512 numbers; - for stdin")->required();

  CLI::App* record_app = app->add_subcommand("record", "Write a project's actions, for an outcome table");
  record_app->add_option("DIR", options->record.dir, "The project (default: the current folder)");
  record_app->add_option("--output", options->record.recording, "The file (default: recording.json)");
  record_app->add_option("--command", options->record.recording_command,
                         "What is counted instead of the benchmark: a shorter input");
  record_app->add_option("--nothing", options->record.recording_nothing,
                         "What of that is start-up, as a command (python3 -c pass)");
  record_app->add_option("--kinds", options->record.kinds, "As for improve")->delimiter(',');

  return {app, [=, &common] {
            if (record_app->parsed()) return record(*options, common);
            if (info_app->parsed()) return info(*options, common);
            if (train_app->parsed()) return train(*options, common);
            if (export_app->parsed()) return export_models(*options, common);
            return predict(*options, common);
          }};
}

}  // namespace jarvis2::app
