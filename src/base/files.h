// Files: whole reads, atomic writes, temporary folders.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace jarvis2 {

namespace fs = std::filesystem;

// The bytes of a regular file; throws Error with the path and the system's reason.
std::string read_file(const fs::path& path);
// Temporary file in the same folder, fsync, rename, fsync of the folder: readers see the old or the new bytes, never a
// mix. Keeps the mode of an existing file.
void write_file_atomic(const fs::path& path, std::string_view bytes);
bool is_valid_utf8(std::string_view bytes);
// `path` matches a glob of `*` (within a component), `**` (any depth), `?` and `[...]`; both use '/'.
bool glob_match(std::string_view pattern, std::string_view path);
// $XDG_CACHE_HOME/jarvis2, ~/.cache/jarvis2 or ~/Library/Caches/jarvis2; created on first use.
fs::path user_cache_dir();
// Where set-up put pinned models and tools: $JARVIS2_DEPS or user_cache_dir()/deps.
fs::path deps_dir();

// A private folder that is removed, with all in it, at the end of its life.
class TempDir {
 public:
  // Made under `parent` (default: the system's temporary folder).
  explicit TempDir(std::string_view prefix = "jarvis2-", const fs::path& parent = {});
  ~TempDir();
  TempDir(TempDir&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  TempDir& operator=(TempDir&&) = delete;
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const fs::path& path() const { return path_; }
  // Keep the folder; returns its path.
  fs::path release();

 private:
  fs::path path_;
};

}  // namespace jarvis2
