// Search and verification in turn: what to try next, the truth about it, and back into the search.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "code/model.h"
#include "edit/propose.h"
#include "engine/code_environment.h"
#include "engine/verifier.h"
#include "learn/guide.h"
#include "mcts/options.h"

namespace jarvis2::edit {
class ModelProvider;
}

namespace jarvis2::engine {

// One set of actions and what came of it.
struct Trial {
  std::uint32_t number = 0;  // from 1, in the order of starting
  edit::ActionSet set;
  std::string purpose;  // "group", "search", "explore", "bisect", "prune", "confirm", "without"
  verify::Verification verification;
  bool measured = false;
  double log_ratio = 0;  // ln(baseline time / candidate time), of the screen
  double se = 0;
  double seconds = 0;    // of verification
  bool correct() const;  // built, passed, same output
};

struct SearchOptions {
  double budget_s = 600;             // for search and pruning together
  std::size_t max_trials = 0;        // 0: no limit
  std::uint64_t simulations = 2000;  // between verifications, at least
  unsigned workers = 1;              // verifications at a time
  unsigned search_threads = 1;
  std::uint64_t seed = 1;
  double min_effect = 0.02;
  bool profile_saw_bench = false;  // profile-guided builds are trained on what the screens measure
  std::size_t max_active = 400;    // actions that the search looks at
};

struct SearchStatus {
  std::string phase;
  std::size_t trials = 0;
  std::size_t running = 0;
  std::uint64_t simulations = 0;
  double best_ratio = 1;  // screened so far
  double elapsed_s = 0;
  double left_s = 0;
  std::string message;  // what was just learnt
};

// What the search leaves behind.
struct SearchOutcome {
  std::vector<Trial> trials;
  std::vector<std::size_t> ranking;  // indices into `trials` of correct, measured sets: best first
  std::uint64_t simulations = 0;
  double search_seconds = 0;      // in the tree
  double first_simulation_s = 0;  // from the start of the loop
  mcts::Report report;
  std::string graphviz;
  std::string tree_json;
  std::string ending;  // why it stopped
};

// Everything the loop works on; the caller owns all of it.
struct SearchSpace {
  edit::Catalogue& catalogue;
  learn::Guide& guide;
  Verifier& verifier;
  const code::Workspace& workspace;
  const code::Model& model;
  const edit::Heat& heat;
  const std::vector<std::unique_ptr<edit::Transformation>>& transformations;
  edit::ProposeOptions propose;
  edit::BaseReader base;
  // Embeds site texts; null: zeros.
  std::function<std::vector<float>(const std::vector<std::string>&)> embed;
  // 1 where there is no focus; larger near it.
  std::function<float(const edit::Action&)> focus;
  // Proposals that take their time (a language model's). Null: none.
  edit::ModelProvider* provider = nullptr;
};

// Tells the guide of every action of the catalogue that it does not know yet.
void introduce(SearchSpace& space);
// The texts a set makes, as a verifier takes them.
project::Texts texts_of(const SearchSpace& space, const edit::ActionSet& set);
std::map<std::string, std::string> environment_of(const SearchSpace& space, const edit::ActionSet& set);

SearchOutcome run_search(SearchSpace& space, const SearchOptions& options,
                         const std::function<void(const SearchStatus&)>& progress,
                         const std::function<void(const Trial&)>& learned, std::stop_token stop);

}  // namespace jarvis2::engine
