#include "learn/table.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "base/safetensors.h"
#include "neural/network.h"

namespace jarvis2::learn {
namespace {

std::string set_text(std::span<const std::uint32_t> set) {
  return {reinterpret_cast<const char*>(set.data()), set.size_bytes()};
}

Stage stage_of(const std::string& name) {
  if (name == "applies") return Stage::kApplies;
  if (name == "builds") return Stage::kBuilds;
  if (name == "passes") return Stage::kPasses;
  if (name == "equal") return Stage::kEqual;
  if (name == "instructions") return Stage::kInstructions;
  throw Error("learn::load_table", "no stage is called " + name);
}

}  // namespace

Json facts_json(const ActionFacts& facts) {
  return {{"rule", facts.rule},
          {"kind", facts.kind},
          {"language", facts.language},
          {"always_safe", facts.always_safe},
          {"in_group", facts.in_group},
          {"share", facts.share},
          {"line_share", facts.line_share},
          {"log_prior_ratio", facts.log_prior_ratio},
          {"loop_depth", facts.loop_depth},
          {"site_lines", facts.site_lines},
          {"calls", facts.calls},
          {"branches", facts.branches},
          {"loops", facts.loops},
          {"subscripts", facts.subscripts},
          {"attributes", facts.attributes},
          {"arithmetic", facts.arithmetic},
          {"allocations", facts.allocations},
          {"conflicts", facts.conflicts},
          {"requirements", facts.requirements},
          {"supersedes", facts.supersedes},
          {"replacements", facts.replacements},
          {"bytes_delta", facts.bytes_delta},
          {"function", facts.function}};
}

ActionFacts facts_of(const Json& json) {
  ActionFacts facts;
  facts.rule = json.at("rule").get<std::string>();
  facts.kind = json.at("kind").get<std::uint32_t>();
  facts.language = json.at("language").get<std::uint32_t>();
  facts.always_safe = json.at("always_safe").get<bool>();
  facts.in_group = json.at("in_group").get<bool>();
  facts.share = json.at("share").get<float>();
  facts.line_share = json.at("line_share").get<float>();
  facts.log_prior_ratio = json.at("log_prior_ratio").get<float>();
  facts.loop_depth = json.at("loop_depth").get<float>();
  facts.site_lines = json.at("site_lines").get<float>();
  facts.calls = json.at("calls").get<float>();
  facts.branches = json.at("branches").get<float>();
  facts.loops = json.at("loops").get<float>();
  facts.subscripts = json.at("subscripts").get<float>();
  facts.attributes = json.at("attributes").get<float>();
  facts.arithmetic = json.at("arithmetic").get<float>();
  facts.allocations = json.at("allocations").get<float>();
  facts.conflicts = json.at("conflicts").get<float>();
  facts.requirements = json.at("requirements").get<float>();
  facts.supersedes = json.at("supersedes").get<float>();
  facts.replacements = json.at("replacements").get<float>();
  facts.bytes_delta = json.at("bytes_delta").get<float>();
  facts.function = json.at("function").get<std::uint64_t>();
  return facts;
}

std::span<const float> Table::site(std::uint32_t action) const {
  return {sites.data() + std::size_t{actions[action].site} * neural::kSiteInputs, neural::kSiteInputs};
}

bool Table::legal(std::span<const std::uint32_t> set, std::uint32_t action) const {
  if (std::binary_search(set.begin(), set.end(), action)) return false;
  const TableAction& one = actions[action];
  for (const std::uint32_t need : one.requires_actions) {
    if (!std::binary_search(set.begin(), set.end(), need)) return false;
  }
  return std::none_of(set.begin(), set.end(), [&](std::uint32_t chosen) {
    return std::binary_search(one.conflicts.begin(), one.conflicts.end(), chosen);
  });
}

std::size_t Table::find(std::span<const std::uint32_t> set) const {
  const auto found = by_set.find(set_text(set));
  return found == by_set.end() ? outcomes.size() : found->second;
}

double Table::best() const {
  double best = 0;
  for (const TableOutcome& outcome : outcomes) {
    if (outcome.ok) best = std::max(best, outcome.log_ratio);
  }
  return best;
}

void index_sets(Table& table) {
  table.by_set.clear();
  for (std::size_t i = 0; i < table.outcomes.size(); ++i) table.by_set.emplace(set_text(table.outcomes[i].set), i);
}

Table load_table(const fs::path& path) {
  const Safetensors file(path);
  const auto broken = [&](const std::string& what) { return Error("learn::load_table", path.string() + ": " + what); };
  const auto text = file.metadata().find("table");
  if (text == file.metadata().end()) throw broken("not an outcome table");
  const Json json = Json::parse(text->second, nullptr, false);
  if (json.is_discarded()) throw broken("its description is not JSON");
  Table table;
  try {
    table.program = json.at("program").get<std::string>();
    table.language = json.at("language").get<std::string>();
    table.embedder = json.at("embedder").get<std::string>();
    table.recorded = json.at("recorded").dump();
    for (const Json& one : json.at("actions")) {
      TableAction action;
      action.title = one.at("title").get<std::string>();
      action.facts = facts_of(one.at("facts"));
      action.site = one.at("site").get<std::uint32_t>();
      action.requires_actions = one.at("requires").get<std::vector<std::uint32_t>>();
      action.conflicts = one.at("conflicts").get<std::vector<std::uint32_t>>();
      table.actions.push_back(std::move(action));
    }
    for (const Json& one : json.at("outcomes")) {
      TableOutcome outcome;
      outcome.set = one.at("set").get<std::vector<std::uint32_t>>();
      outcome.stage = stage_of(one.at("stage").get<std::string>());
      outcome.ok = one.at("ok").get<bool>();
      outcome.log_ratio = one.value("log_ratio", 0.0);
      table.outcomes.push_back(std::move(outcome));
    }
  } catch (const Json::exception& error) {
    throw broken(error.what());
  }
  const auto sites = file.tensors().find("sites");
  if (sites == file.tensors().end() || sites->second.shape.size() != 2) throw broken("no matrix of sites");
  const std::span<const float> values = file.floats("sites", {sites->second.shape[0], neural::kSiteInputs});
  table.sites.assign(values.begin(), values.end());
  const std::size_t count = table.actions.size();
  for (const TableAction& action : table.actions) {
    if (action.site >= sites->second.shape[0]) throw broken("an action's site is not in the matrix");
  }
  for (std::size_t i = 0; i < table.outcomes.size(); ++i) {
    const TableOutcome& outcome = table.outcomes[i];
    if (!std::is_sorted(outcome.set.begin(), outcome.set.end()) || outcome.set.empty() || outcome.set.back() >= count ||
        !std::isfinite(outcome.log_ratio)) {
      throw broken("outcome " + std::to_string(i) + " is not a sorted set of its actions with a finite ratio");
    }
  }
  index_sets(table);
  return table;
}

std::vector<Table> load_tables(const fs::path& folder) {
  if (!fs::is_directory(folder)) throw Error("learn::load_tables", folder.string() + " is not a folder of tables");
  std::vector<fs::path> paths;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".safetensors") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Table> tables;
  for (const fs::path& path : paths) tables.push_back(load_table(path));
  return tables;
}

}  // namespace jarvis2::learn
