// Trains the networks from outcome tables, with controls: programs left out, shuffled labels, blocks of features
// zeroed.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "learn/learner.h"
#include "learn/replay.h"
#include "neural/networks.h"

namespace jarvis2::learn {

enum class Block : std::uint8_t { kNone, kSite, kAction, kState };

struct TableLearnOptions {
  std::uint64_t seed = 1;
  std::uint32_t members = 3;  // of the value ensemble
  std::uint32_t epochs = 40;
  std::uint32_t patience = 6;
  float learning_rate = 5e-4f;
  float weight_decay = 1e-2f;
  double blind = 0.5;  // share of the examples that don't see the site: few programs, and each looks like itself
  ExampleOptions examples;
  double policy_trust = 1;  // written to the cards
  double value_trust = 1;
  bool shuffle_labels = false;       // control
  Block zeroed = Block::kNone;       // ablation: never seen, in training or in use
  std::vector<std::string> without;  // programs left out
};

struct TableLosses {
  double policy = 0;            // cross entropy
  double policy_untrained = 0;  // of σ = ½
  double value = 0;             // squared error of the log speed-up, of the ensemble's mean
  double value_baseline = 0;    // of the additive baseline alone
  std::size_t policy_rows = 0;
  std::size_t value_rows = 0;
};

// Weights are rounded to half precision, as they are shipped. Deterministic for a seed. Throws Error for fewer than two
// programs or tables made with different embedders.
Learned learn_tables(const std::vector<Table>& tables, const TableLearnOptions& options, std::stop_token stop = {},
                     const std::function<void(const std::string&)>& progress = {});
// On the tables of these programs alone.
TableLosses table_losses(const std::vector<Table>& tables, const std::vector<std::string>& programs,
                         const Learned& learned, const TableLearnOptions& options);
std::shared_ptr<const neural::Networks> networks_of(const Learned& learned);

}  // namespace jarvis2::learn
