#include "engine/recording.h"

#include <fmt/format.h>

#include <map>
#include <vector>

#include "base/json.h"
#include "learn/table.h"

namespace jarvis2::engine {
namespace {

std::string hex(std::span<const float> values) {
  std::string text;
  text.reserve(values.size() * 8);
  const unsigned char* bytes = reinterpret_cast<const unsigned char*>(values.data());
  for (std::size_t i = 0; i < values.size_bytes(); ++i) text += fmt::format("{:02x}", bytes[i]);
  return text;
}

}  // namespace

Json recording(const SearchSpace& space, const project::Settings& settings, const RecordingInfo& info) {
  constexpr std::uint32_t kLeftOut = 0xFFFFFFFF;
  std::vector<std::uint32_t> number(space.catalogue.size(), kLeftOut);
  std::uint32_t count = 0;
  for (edit::ActionId id = 0; id < space.catalogue.size(); ++id) {
    const edit::Action& action = space.catalogue.at(id);
    bool usable = !action.recommendation_only;
    for (const edit::ActionId need : action.requires_actions) usable = usable && number[need] != kLeftOut;
    if (usable) number[id] = count++;
  }
  const auto renumbered = [&](const std::vector<edit::ActionId>& ids) {
    std::vector<std::uint32_t> result;
    for (const edit::ActionId id : ids) {
      if (number[id] != kLeftOut) result.push_back(number[id]);
    }
    return result;
  };
  Json json = {{"program", info.program},   {"commit", info.commit},
               {"embedder", info.embedder}, {"build", settings.build},
               {"test", settings.test},     {"command", info.command.empty() ? settings.bench.at(0) : info.command},
               {"nothing", info.nothing},   {"actions", Json::array()},
               {"sites", Json::array()}};
  std::map<std::string, std::size_t> sites;
  std::map<std::uint32_t, std::size_t> languages;
  for (edit::ActionId id = 0; id < space.catalogue.size(); ++id) {
    if (number[id] == kLeftOut) continue;
    const edit::Action& action = space.catalogue.at(id);
    std::string vector = hex(space.guide.embedding(id));
    const auto [site, fresh] = sites.emplace(vector, sites.size());
    if (fresh) json["sites"].push_back(std::move(vector));
    ++languages[space.guide.facts(id).language];
    std::vector<edit::ActionId> conflicts;
    for (edit::ActionId other = 0; other < space.catalogue.size(); ++other) {
      if (other != id && space.catalogue.conflict(id, other)) conflicts.push_back(other);
    }
    Json one = {{"title", action.title},
                {"path", action.path},
                {"line", action.line},
                {"facts", learn::facts_json(space.guide.facts(id))},
                {"site", site->second},
                {"requires", renumbered(action.requires_actions)},
                {"supersedes", renumbered(action.supersedes)},
                {"conflicts", renumbered(conflicts)},
                {"order", fmt::format("{} {:020}", action.rule, action.key)},
                {"env", action.build_env},
                {"edits", Json::array()}};
    for (const edit::Replacement& part : action.replacements) {
      one["edits"].push_back(
          {{"path", part.path}, {"begin", part.range.begin}, {"end", part.range.end}, {"text", part.text}});
    }
    json["actions"].push_back(std::move(one));
  }
  const std::size_t python = languages[1];
  json["language"] = python * 2 > count ? "python" : languages[3] > languages[2] ? "cpp" : "c";
  return json;
}

}  // namespace jarvis2::engine
