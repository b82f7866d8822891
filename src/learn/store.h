// The experience store: an append-only SQLite file (WAL) of what was tried and what came of it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"
#include "learn/features.h"

namespace jarvis2::learn {

// How far a candidate came; also what the outcome columns mean.
enum class Stage : std::uint8_t { kApplies, kBuilds, kPasses, kEqual, kInstructions, kScreened, kVerified };

// One action or one set with its outcome. What was not measured is absent.
struct Experience {
  std::string run;      // id of the run it came from
  std::string project;  // root commit or remote: what "the same project" means
  std::string program;  // name for people and for leave-one-program-out
  std::string commit;
  std::string machine;
  std::vector<std::string> actions;    // content keys, sorted; one: a single action
  std::vector<std::string> rules;      // of the actions, same order
  std::string embedder;                // digest
  std::vector<float> policy_features;  // 512 when it is a single action tried in a state, else empty
  std::vector<float> value_features;   // 512
  float baseline = 0;                  // additive baseline's mean before the outcome was known
  Stage stage = Stage::kApplies;       // reached
  bool ok = false;                     // passed the stage reached
  std::optional<double> instructions;  // ln(baseline instructions / candidate's)
  std::optional<double> log_speedup;
  std::optional<double> variance;
};

struct StoredExperience {
  std::int64_t id = 0;
  double priority = 1;
  double weight = 1;  // importance weight of a prioritised sample
  Experience experience;
};

// One process may hold several; writes are durable when add() returns. Thread-safe.
class ExperienceStore {
 public:
  // Creates or migrates; throws Error when the file is from a newer version or not a store.
  explicit ExperienceStore(const fs::path& path);
  ~ExperienceStore();
  ExperienceStore(const ExperienceStore&) = delete;
  ExperienceStore& operator=(const ExperienceStore&) = delete;

  // Appends; the same actions on the same commit and machine with the same stage and outcome are kept once. Returns the
  // id, of the earlier row if it is a duplicate.
  std::int64_t add(const Experience& experience);
  std::vector<std::int64_t> add(std::span<const Experience> experiences);  // one transaction
  std::size_t size() const;
  std::vector<StoredExperience> all() const;
  std::vector<std::string> programs() const;
  // Prioritised replay [Schaul 2016]: P(i) ∝ priority^alpha, weights (N·P)^-beta scaled to at most 1.
  std::vector<StoredExperience> sample(std::size_t count, std::mt19937_64& random, double alpha = 0.6,
                                       double beta = 0.4);
  void set_priorities(std::span<const std::int64_t> ids, std::span<const double> priorities);
  // Deletes the oldest rows of the most common programs until at most `rows` are left.
  std::size_t trim(std::size_t rows);
  // One line a row, features left out.
  void export_csv(const fs::path& path) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// $JARVIS2_EXPERIENCE or experience.sqlite in the user's cache.
fs::path default_store_path();

}  // namespace jarvis2::learn
