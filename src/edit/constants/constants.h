// Constants as actions: those the user has put up under [tune], and sizes of buffers that are proved to be nothing
// else.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "code/workspace.h"
#include "edit/action.h"

namespace jarvis2::edit {

struct TuneEntry {
  std::string path;
  std::string name;
  std::vector<std::string> values;  // literals as they would stand in the file
};

// One action for each value that differs from the present one; those of a constant exclude each other. Understood:
// `NAME = value` at module or class level (Python), `#define NAME value`, initialised variables and enumerators at
// file, namespace or class level (C, C++). Throws Error naming what is not found or not unique.
std::vector<Action> constant_actions(const std::vector<TuneEntry>& entries,
                                     const std::function<std::optional<std::string>(const std::string& path)>& read);

// Local char arrays that are only filled by fread() or read() with `sizeof` and handed on with the count these return:
// larger ones change no result. Never limits, iteration counts or tolerances.
std::vector<Action> buffer_actions(const code::Workspace& workspace);

}  // namespace jarvis2::edit
