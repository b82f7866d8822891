#include "engine/scope.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <memory>

#include "base/files.h"

namespace jarvis2::engine {
namespace {

std::vector<std::string> lower_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : std::string(text) + " ") {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  return words;
}

}  // namespace

bool Scope::file(const std::string& candidate) const {
  if (!path.empty() && candidate != path) return false;
  if (changed && !changed->contains(candidate)) return false;
  return globs.empty() || std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
           return glob_match(glob, candidate) || candidate.starts_with(glob.ends_with('/') ? glob : glob + "/");
         });
}

bool Scope::symbol(const code::Function* at) const {
  if (function.empty()) return true;
  return at != nullptr && (at->qualified == function || at->name == function ||
                           at->qualified.ends_with("." + function) || at->qualified.starts_with(function + "."));
}

Scope scope_of(const ImproveOptions& options, const project::Repository& repository, const std::string& commit) {
  Scope scope;
  scope.globs = options.paths;
  if (!options.since.empty()) {
    const std::vector<std::string> changed = repository.changed(repository.resolve(options.since), commit);
    scope.changed = std::set<std::string>(changed.begin(), changed.end());
  }
  const std::size_t colons = options.target.find("::");
  scope.path = options.target.substr(0, colons);
  if (colons != std::string::npos) scope.function = options.target.substr(colons + 2);
  if (scope.path.starts_with("./")) scope.path = scope.path.substr(2);
  return scope;
}

std::function<float(const edit::Action&)> focus_of(const std::string& focus, index::Embedder* embedder,
                                                   const code::Workspace& workspace) {
  if (focus.empty()) return [](const edit::Action&) { return 1.0f; };
  const std::vector<std::string> words = lower_words(focus);
  std::shared_ptr<std::vector<float>> query;
  if (embedder != nullptr) query = std::make_shared<std::vector<float>>(embedder->embed({focus}));
  // Site texts repeat; their similarity is computed once a function.
  std::shared_ptr<std::map<std::string, float>> known = std::make_shared<std::map<std::string, float>>();
  return [=, &workspace](const edit::Action& action) {
    if (action.path == focus || action.symbol == focus || action.symbol.ends_with("." + focus)) return 4.0f;
    if (fs::path(action.path).filename() == focus || action.path.starts_with(focus + "/")) return 4.0f;
    const std::vector<std::string> here = lower_words(action.path + " " + action.symbol + " " + action.title);
    float hits = 0;
    for (const std::string& word : words) hits += std::find(here.begin(), here.end(), word) != here.end() ? 1.0f : 0.0f;
    float nearness = 1 + 2 * hits / static_cast<float>(std::max<std::size_t>(1, words.size()));
    if (query) {
      const std::string place = action.path + "\n" + action.symbol;
      const auto found = known->find(place);
      float cosine = 0;
      if (found != known->end()) {
        cosine = found->second;
      } else {
        const code::SourceFile* file = workspace.find(action.path);
        const std::string text =
            file == nullptr ? action.title : std::string(file->tree->text().substr(action.site.begin, 2000));
        const std::vector<float> vector = embedder->embed({text});
        for (std::size_t i = 0; i < vector.size(); ++i) cosine += vector[i] * (*query)[i];
        known->emplace(place, cosine);
      }
      nearness += std::max(0.0f, cosine);
    }
    return std::min(4.0f, nearness);
  };
}

}  // namespace jarvis2::engine
