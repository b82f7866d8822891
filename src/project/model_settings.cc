#include "project/model_settings.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include "base/error.h"
#include "base/number.h"
#include "project/settings.h"

namespace jarvis2::project {

ModelSettings parse_model_settings(std::string_view text, const std::string& name) {
  ModelSettings settings;
  toml::table file;
  try {
    file = toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    throw Error("project::load_model_settings",
                fmt::format("{}:{}: {}", name, error.source().begin.line, error.description()));
  }
  const auto fail = [&](std::uint32_t line, const std::string& what) {
    throw Error("project::load_model_settings", fmt::format("{}:{}: {}", name, line, what));
  };
  const toml::node* section = file.get("model");
  if (section == nullptr) return settings;
  if (!section->is_table()) fail(section->source().begin.line, "model must be a table: [model]");
  for (const auto& [key, value] : *section->as_table()) {
    const std::uint32_t line = value.source().begin.line;
    if (key == "endpoint" || key == "name") {
      const std::optional<std::string> given = value.is_string() ? value.value<std::string>() : std::nullopt;
      if (!given || given->find('\0') != std::string::npos)
        fail(line, fmt::format("model.{} must be a string", key.str()));
      (key == "endpoint" ? settings.endpoint : settings.name) = *given;
    } else if (key == "questions") {
      const std::int64_t given = value.is_integer() ? *value.value<std::int64_t>() : -1;
      if (given < 0 || given > 1000) fail(line, "model.questions must be a number from 0 to 1000");
      settings.questions = static_cast<unsigned>(given);
    } else if (key == "timeout") {
      const std::string given = value.is_string() ? *value.value<std::string>() : " ";
      const double unit = given.ends_with('m') ? 60 : given.ends_with('s') ? 1 : 0;
      const double number =
          parse_double(std::string_view(given).substr(0, given.size() - (given.empty() ? 0 : 1))).value_or(0);
      if (unit == 0 || !(number > 0 && number * unit <= 86400)) {
        fail(line, "model.timeout must be like \"120s\" or \"5m\"");
      }
      settings.timeout_s = number * unit;
    } else {
      fail(line, fmt::format("unknown key model.{}; known are endpoint, name, questions, timeout", key.str()));
    }
  }
  return settings;
}

ModelSettings load_model_settings(const fs::path& dir) {
  const fs::path file = dir / kSettingsFile;
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return {};
  return parse_model_settings(read_file(file), std::string(kSettingsFile));
}

}  // namespace jarvis2::project
