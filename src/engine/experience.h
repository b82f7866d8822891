// Writes what every verification taught into the user's experience store.
#pragma once

#include <memory>
#include <string>

#include "engine/search_loop.h"
#include "learn/store.h"

namespace jarvis2::engine {

// A store that can't be opened is a warning, not the end of the run. Not thread-safe.
class ExperienceRecorder {
 public:
  ExperienceRecorder(const project::Repository& repository, std::string commit, std::string embedder);
  void record(const SearchSpace& space, const Trial& trial);

 private:
  std::unique_ptr<learn::ExperienceStore> store_;
  learn::Experience common_;
};

}  // namespace jarvis2::engine
