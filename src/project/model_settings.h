// [model] of jarvis2.toml: a language model behind an OpenAI-compatible endpoint on this machine.
#pragma once

#include <string>
#include <string_view>

#include "base/files.h"

namespace jarvis2::project {

struct ModelSettings {
  std::string endpoint;     // "http://127.0.0.1:8080/v1"; empty: none
  std::string name;         // empty: the first that is served there
  unsigned questions = 12;  // in one run
  double timeout_s = 120;   // for one answer
};

// Of dir/jarvis2.toml; the defaults where there is no such file or section. Throws Error naming file:line.
ModelSettings load_model_settings(const fs::path& dir);
ModelSettings parse_model_settings(std::string_view text, const std::string& name);

}  // namespace jarvis2::project
