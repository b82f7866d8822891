#include "base/error.h"
#include "engine/action_facts.h"
#include "engine/search_loop.h"

namespace jarvis2::engine {

using edit::ActionId;
using edit::ActionSet;

void introduce(SearchSpace& space) {
  const ActionId first = static_cast<ActionId>(space.guide.size());
  if (first >= space.catalogue.size()) return;
  std::vector<std::string> texts;
  for (ActionId id = first; id < space.catalogue.size(); ++id)
    texts.push_back(site_text(space.catalogue.at(id), space.workspace));
  std::vector<float> vectors;
  if (space.embed) vectors = space.embed(texts);
  const std::size_t width = vectors.size() / texts.size();
  for (ActionId id = first; id < space.catalogue.size(); ++id) {
    const edit::Action& action = space.catalogue.at(id);
    const std::span<const float> vector(vectors.data() + (id - first) * width, width);
    space.guide.add(action_facts(action, space.workspace, space.catalogue), vector, space.focus(action));
  }
}

project::Texts texts_of(const SearchSpace& space, const edit::ActionSet& set) {
  project::Texts texts;
  for (auto& [path, file] : edit::materialise(space.catalogue, set, space.base)) texts[path] = file.text;
  return texts;
}

std::map<std::string, std::string> environment_of(const SearchSpace& space, const edit::ActionSet& set) {
  std::map<std::string, std::string> env;
  for (const ActionId id : set) {
    const std::map<std::string, std::string>& more = space.catalogue.at(id).build_env;
    env.insert(more.begin(), more.end());
  }
  return env;
}

}  // namespace jarvis2::engine
