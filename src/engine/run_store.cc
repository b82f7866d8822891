#include "engine/run_store.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "base/error.h"
#include "base/json.h"

namespace jarvis2::engine {

std::string new_run_id(const fs::path& state_dir) {
  std::random_device device;
  for (;;) {
    const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    std::string id = fmt::format("{:%Y%m%d-%H%M%S}-{:04x}", fmt::localtime(now), device() & 0xffffu);
    if (!fs::exists(state_dir / "runs" / id)) return id;
  }
}

fs::path RunStore::create(const std::string& id) const {
  std::error_code error;
  fs::create_directories(folder(id), error);
  if (error) throw Error("engine::RunStore", fmt::format("{}: {}", folder(id).string(), error.message()));
  return folder(id);
}

void RunStore::write(const std::string& id, const std::string& name, std::string_view bytes) const {
  write_file_atomic(folder(id) / name, bytes);
}

std::vector<std::string> RunStore::list() const {
  std::vector<std::string> ids;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(state_dir_ / "runs", error)) {
    if (fs::exists(entry.path() / "result.json")) ids.push_back(entry.path().filename().string());
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::string RunStore::resolve(const std::string& text) const {
  const std::vector<std::string> ids = list();
  if (ids.empty()) throw Error("engine::RunStore", "no runs here yet: start one with jarvis2 improve");
  if (text == "last") return ids.back();
  std::vector<std::string> matches;
  for (const std::string& id : ids) {
    if (id == text) return id;
    if (id.starts_with(text)) matches.push_back(id);
  }
  if (matches.size() == 1) return matches[0];
  throw Error("engine::RunStore", fmt::format("{} {}: jarvis2 log lists the runs", text,
                                              matches.empty() ? "is no run of this repository" : "fits several runs"));
}

Json RunStore::result(const std::string& id) const {
  const fs::path path = folder(id) / "result.json";
  try {
    return Json::parse(read_file(path));
  } catch (const Json::exception& error) {
    throw Error("engine::RunStore", fmt::format("{} is damaged: {}", path.string(), error.what()));
  }
}

int RunStore::clean() const {
  std::vector<fs::path> dead;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(state_dir_ / "runs", error)) {
    if (!fs::exists(entry.path() / "result.json")) dead.push_back(entry.path());
  }
  for (const fs::path& path : dead) fs::remove_all(path, error);
  return static_cast<int>(dead.size());
}

}  // namespace jarvis2::engine
