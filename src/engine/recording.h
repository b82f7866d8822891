// What an outcome table is recorded from (bench/learn/label.py): the actions of a project with their edits, facts and
// site vectors. Labelling needs nothing of ours, so it can run on any machine with many cores.
#pragma once

#include <string>

#include "engine/search_loop.h"
#include "project/settings.h"

namespace jarvis2::engine {

struct RecordingInfo {
  std::string program;
  std::string commit;
  std::string embedder;  // digest
  std::string command;   // counted; empty: the first benchmark
  std::string nothing;   // what `command` costs before it starts to work, e.g. "python3 -c pass"; may be empty
};

// Actions that can be part of a patch, renumbered from 0.
Json recording(const SearchSpace& space, const project::Settings& settings, const RecordingInfo& info);

}  // namespace jarvis2::engine
