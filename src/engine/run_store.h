// The runs of a repository: .jarvis2/runs/ID/ holds result.json, report.html, champion.patch and what replays them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/json_fwd.h"

namespace jarvis2::engine {

// "20261122-143055-3fa2": sorts by time, is unique in the store.
std::string new_run_id(const fs::path& state_dir);

class RunStore {
 public:
  explicit RunStore(fs::path state_dir) : state_dir_(std::move(state_dir)) {}
  // Makes the run's folder.
  fs::path create(const std::string& id) const;
  fs::path folder(const std::string& id) const { return state_dir_ / "runs" / id; }
  void write(const std::string& id, const std::string& name, std::string_view bytes) const;
  // Ids, oldest first. Folders without a result (killed runs) are left out.
  std::vector<std::string> list() const;
  // The id that `text` means: an id, a unique prefix, or "last". Throws Error.
  std::string resolve(const std::string& text) const;
  // result.json of a run. Throws Error when it is missing or damaged.
  Json result(const std::string& id) const;
  // Removes the folders of runs that ended without a result (hold the repository's lock); returns how many.
  int clean() const;

 private:
  fs::path state_dir_;
};

}  // namespace jarvis2::engine
