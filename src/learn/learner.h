// Trains the networks from the store.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json_fwd.h"
#include "learn/store.h"
#include "neural/model_file.h"
#include "neural/train.h"

namespace jarvis2::learn {

struct LearnOptions {
  std::uint64_t seed = 1;
  std::uint32_t members = 4;  // of the value ensemble
  std::uint32_t epochs = 200;
  std::vector<std::uint32_t> layers = neural::default_layers();
  std::string embedder;         // empty: the one most rows have
  bool leave_one_out = true;    // also evaluate with each program left out
  bool shuffle_labels = false;  // control: must not help
};

// One program left out: losses on it, trained on the others.
struct LeftOut {
  std::string program;
  std::size_t policy_rows = 0;
  std::size_t value_rows = 0;
  double policy_loss = 0;       // cross entropy
  double policy_untrained = 0;  // of σ = ½
  double value_loss = 0;        // squared error of the log speed-up
  double value_baseline = 0;    // of the additive baseline alone
};

struct Learned {
  neural::Model policy;  // no members: no data
  neural::Model value;
  std::vector<LeftOut> left_out;
};

// Policy target: 0 for what failed, else 1 − exp(−gain / 5 %) for gains above 0.
float policy_target(const Experience& experience);
neural::Dataset policy_data(const std::vector<StoredExperience>& rows);
neural::Dataset value_data(const std::vector<StoredExperience>& rows);
// Throws Error when the store holds too little (fewer than 20 rows or 2 programs).
Learned learn(const std::vector<StoredExperience>& rows, const LearnOptions& options, std::stop_token stop = {},
              const std::function<void(const std::string&)>& progress = {});
// policy.safetensors and value.safetensors, each atomically; `half`: see save_model().
void save(const Learned& learned, const fs::path& folder, bool half = false);
Json learned_json(const Learned& learned);

}  // namespace jarvis2::learn
