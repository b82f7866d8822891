#include "engine/experience.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "engine/report.h"

namespace jarvis2::engine {
namespace {

learn::Stage stage_of(const verify::Verification& result, bool measured) {
  if (measured) return learn::Stage::kScreened;
  switch (result.stage) {
    case verify::Stage::kApply:
      return learn::Stage::kApplies;
    case verify::Stage::kBuild:
      return learn::Stage::kBuilds;
    case verify::Stage::kTest:
      return learn::Stage::kPasses;
    case verify::Stage::kInstructions:
      return learn::Stage::kInstructions;
    default:
      return learn::Stage::kEqual;
  }
}

}  // namespace

ExperienceRecorder::ExperienceRecorder(const project::Repository& repository, std::string commit,
                                       std::string embedder) {
  common_.program = repository.root().filename().string();
  common_.project = common_.program;
  common_.commit = std::move(commit);
  common_.run = fmt::format("{}-{}", common_.commit.substr(0, 12), monotonic_ns());
  common_.machine = machine_json().value("cpu", "");
  common_.embedder = std::move(embedder);
  try {
    store_ = std::make_unique<learn::ExperienceStore>(learn::default_store_path());
  } catch (const Error& error) {
    log::warning("outcomes of this run are not kept: {}", error.message());
  }
}

void ExperienceRecorder::record(const SearchSpace& space, const Trial& trial) {
  if (!store_) return;
  learn::Experience row = common_;
  for (const edit::ActionId id : trial.set) {
    row.actions.push_back(fmt::format("{:016x}", space.catalogue.at(id).key));
    row.rules.push_back(space.catalogue.at(id).rule);
  }
  const learn::SetQuery query{trial.set, {}};
  row.value_features = space.guide.value_features(query);
  if (trial.set.size() == 1) {
    // As the search sees the choice: among all that can be chosen at the start.
    edit::ActionSet legal;
    for (edit::ActionId id = 0; id < space.guide.size(); ++id) {
      if (!space.catalogue.at(id).recommendation_only && space.catalogue.legal({}, id)) legal.push_back(id);
    }
    row.policy_features = space.guide.policy_features({{}, legal}, trial.set[0]);
  }
  row.baseline = static_cast<float>(space.guide.baseline().predict(trial.set).mean);
  row.stage = stage_of(trial.verification, trial.measured);
  row.ok = trial.correct();
  if (trial.verification.instruction_ratio) row.instructions = std::log(*trial.verification.instruction_ratio);
  if (trial.measured) {
    row.log_speedup = trial.log_ratio;
    row.variance = trial.se * trial.se;
  }
  try {
    store_->add(row);
  } catch (const Error& error) {
    log::warning("outcomes of this run are no longer kept: {}", error.message());
    store_.reset();
  }
}

}  // namespace jarvis2::engine
