#include "engine/model_proposals.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

#include "base/json.h"

namespace jarvis2::engine {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string first_of(const std::string& a, const std::string& b, const std::string& c) {
  return !a.empty() ? a : !b.empty() ? b : c;
}

}  // namespace

std::optional<edit::ModelEndpoint> model_endpoint(const ImproveOptions& options,
                                                  const project::ModelSettings& settings) {
  edit::ModelEndpoint endpoint;
  endpoint.url = first_of(options.model_endpoint, variable("JARVIS2_MODEL_ENDPOINT"), settings.endpoint);
  if (endpoint.url.empty()) return std::nullopt;
  endpoint.name = first_of(options.model_name, variable("JARVIS2_MODEL_NAME"), settings.name);
  endpoint.key = variable("JARVIS2_MODEL_KEY");
  endpoint.timeout_s = settings.timeout_s;
  endpoint.allow_remote = options.model_remote;
  return endpoint;
}

std::string outcome_text(const Trial& trial) {
  if (!trial.correct()) {
    return fmt::format("rejected at {}: {}", verify::stage_name(trial.verification.stage), trial.verification.reason);
  }
  return trial.measured ? fmt::format("correct and {:.3f} times as fast as the original", std::exp(trial.log_ratio))
                        : "correct";
}

void tell(edit::ModelProvider& provider, const edit::Catalogue& catalogue, const Trial& trial) {
  if (trial.set.size() != 1) return;
  const edit::Action& action = catalogue.at(trial.set[0]);
  if (action.kind == edit::Kind::kModel) provider.tell(action, outcome_text(trial));
}

Json model_json(const edit::ModelLog& log, const edit::Catalogue& catalogue, const std::vector<Trial>& trials) {
  Json json = {{"endpoint", log.endpoint},     {"name", log.model},          {"note", log.note},
               {"questions", log.questions},   {"answers", log.answers},     {"seconds", log.seconds},
               {"duplicates", log.duplicates}, {"proposals", Json::array()}, {"refused", Json::array()}};
  for (edit::ActionId id = 0; id < catalogue.size(); ++id) {
    const edit::Action& action = catalogue.at(id);
    if (action.kind != edit::Kind::kModel) continue;
    Json one = {{"id", id},
                {"symbol", action.symbol},
                {"path", action.path},
                {"line", action.line},
                {"text", action.replacements[0].text},
                {"outcome", "not tried"}};
    for (const Trial& trial : trials) {
      if (trial.set.size() != 1 || trial.set[0] != id) continue;
      one["outcome"] = outcome_text(trial);
      one["correct"] = trial.correct();
      if (trial.measured) one["ratio"] = std::exp(trial.log_ratio);
    }
    json["proposals"].push_back(std::move(one));
  }
  for (const edit::ModelLog::Refused& one : log.refused) {
    json["refused"].push_back({{"symbol", one.symbol}, {"path", one.path}, {"reason", one.reason}});
  }
  return json;
}

}  // namespace jarvis2::engine
