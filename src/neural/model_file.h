// Networks on disk: safetensors with a card in `__metadata__`.
#pragma once

#include <string>
#include <vector>

#include "base/files.h"
#include "base/json_fwd.h"
#include "neural/network.h"

namespace jarvis2::neural {

// What a model file says of itself.
struct Card {
  std::string role;  // "policy" or "value"
  std::vector<std::uint32_t> layers;
  std::size_t parameters = 0;           // of one member
  std::size_t members = 0;              // of the ensemble
  std::vector<std::string> trained_on;  // programs
  std::size_t examples = 0;
  std::vector<std::uint64_t> seeds;  // one a member
  std::vector<double> train_losses;  // at the kept epoch, one a member
  std::vector<double> holdout_losses;
  std::string embedder;  // digest of the embedding model the features were made with
  std::string created;   // UTC, ISO 8601
  std::string note;
  double trust = 1;  // in [0, 1]: how much of what it says counts, by the replays with programs left out
};
Json card_json(const Card& card);

struct Model {
  Card card;
  std::vector<Weights> members;
};

// Atomic. Tensors "<member>.<layer>.weight" [out, in] and "<member>.<layer>.bias" [out], F32; with `half` F16, which
// gives back exactly what round_to_half() left.
void save_model(const fs::path& path, const Model& model, bool half = false);
void round_to_half(Weights& weights);
// Checks every offset, type and shape before it reads; throws Error naming the tensor and its shape.
Model load_model(const fs::path& path);
Model parse_model(std::string_view bytes, std::string_view name);
// The card alone (reads only the header).
Card load_card(const fs::path& path);

}  // namespace jarvis2::neural
