// The language model's part of the main job: where its endpoint comes from, what it is told, what the report says.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "edit/llm_provider.h"
#include "engine/improve.h"
#include "engine/search_loop.h"
#include "project/model_settings.h"

namespace jarvis2::engine {

// From the command line, else the environment, else the settings. nullopt: none is named.
std::optional<edit::ModelEndpoint> model_endpoint(const ImproveOptions& options,
                                                  const project::ModelSettings& settings);

// "rejected at test: exit status 1", "measured at 0.970x".
std::string outcome_text(const Trial& trial);
// Tells the provider what became of a proposal that was tried alone.
void tell(edit::ModelProvider& provider, const edit::Catalogue& catalogue, const Trial& trial);

// `proposals[]`: each with what verification said; `refused[]`: answers that were no candidates, with the reason.
Json model_json(const edit::ModelLog& log, const edit::Catalogue& catalogue, const std::vector<Trial>& trials);

}  // namespace jarvis2::engine
