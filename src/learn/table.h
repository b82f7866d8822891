// Outcome tables: what came of all single actions and many sets of one program, so that searches can be replayed and
// networks trained without running anything.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/files.h"
#include "base/json_fwd.h"
#include "learn/features.h"
#include "learn/store.h"

namespace jarvis2::learn {

struct TableAction {
  std::string title;
  ActionFacts facts;
  std::uint32_t site = 0;  // row of Table::sites
  std::vector<std::uint32_t> requires_actions;
  std::vector<std::uint32_t> conflicts;  // sorted
};

struct TableOutcome {
  std::vector<std::uint32_t> set;  // sorted ids
  Stage stage = Stage::kApplies;   // reached; kInstructions: counted
  bool ok = false;
  double log_ratio = 0;  // ln(baseline instructions / the set's), start-up taken off both
};

struct Table {
  std::string program;
  std::string language;
  std::string embedder;      // digest of the model that made `sites`
  std::string recorded;      // JSON: commands, machine, counts: for people
  std::vector<float> sites;  // 384 a row
  std::vector<TableAction> actions;
  std::vector<TableOutcome> outcomes;

  std::span<const float> site(std::uint32_t action) const;
  bool legal(std::span<const std::uint32_t> set, std::uint32_t action) const;
  // Index into outcomes of this set (sorted), or outcomes.size().
  std::size_t find(std::span<const std::uint32_t> set) const;
  double best() const;  // log ratio of the best correct set, at least 0

  std::unordered_map<std::string, std::size_t> by_set;  // filled by index_sets()
};

// For find(): after outcomes were put in; load_table() does it.
void index_sets(Table& table);

Json facts_json(const ActionFacts& facts);
ActionFacts facts_of(const Json& json);

// Throws Error naming the file and what does not add up.
Table load_table(const fs::path& path);
// All *.safetensors of a folder, by name.
std::vector<Table> load_tables(const fs::path& folder);

}  // namespace jarvis2::learn
