// Folders that hold a commit's files for building and measuring, apart from the user's tree.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "project/repository.h"

namespace jarvis2::project {

// Detached checkout with a life of its own, in the user's cache; the destructor removes it. The user's repository never
// hears of it. What a killed process leaves behind goes at the next clean_worktrees(). One thread at a time.
class Worktree {
 public:
  static Worktree create(const Repository& repository, const std::string& commit);
  // A copy with everything in it (build products, times of change), sharing blocks where the file system can. reset()
  // brings the copy back to this folder's state, so leave this one alone afterwards, and alive.
  Worktree copy() const;
  ~Worktree();
  Worktree(Worktree&& other) noexcept;
  Worktree& operator=(Worktree&& other) noexcept;

  const fs::path& path() const { return path_; }
  // HOME for commands that prepare or use dependencies; copied and reset with the rest.
  const fs::path& home() const { return home_; }
  const std::string& commit() const { return commit_; }
  const std::vector<std::string>& missing_submodules() const { return missing_submodules_; }
  // Only for copies: every file, link, mode and time as in the original again. A file whose inode, size and time of
  // status change are as this object left them counts as unchanged.
  void reset();
  // Only for copies: which of `paths` (in path()) are not as this object left them.
  std::vector<std::string> touched(const std::vector<std::string>& paths) const;
  // Writes whole texts (deletes those without value). Paths must stay inside; symbolic links are not followed.
  void write(const Texts& texts);
  // Makes this copy's content that of another copy of the same origin, times included.
  void mirror(const Worktree& other);
  // reset() and write() in one.
  void reset_to(const Texts& texts) {
    reset();
    write(texts);
  }

 private:
  struct Manifest;
  Worktree();
  void make_folder(const fs::path& parent);
  void remove() noexcept;
  fs::path folder_;  // holds src and home
  fs::path path_;
  fs::path home_;
  std::string commit_;
  std::vector<std::string> missing_submodules_;
  int lock_fd_ = -1;  // held as long as we live
  fs::path origin_;   // copies: folder_ of where reset() copies from
  std::unique_ptr<Manifest> manifest_;
};

// Removes worktrees of this repository whose process is gone; returns how many.
int clean_worktrees(const Repository& repository);
// Where the worktrees of a repository live.
fs::path worktrees_dir(const Repository& repository);
// Removes a folder with read-only folders in it. Throws Error.
void remove_tree(const fs::path& folder);
// Makes a build by timestamps compile everything again where a change would escape it: a makefile seldom names itself,
// or every header, among what its objects depend on. `changed`: paths that were written. CMake, Meson and the like
// know.
void outdate_objects(const fs::path& tree, const std::vector<std::string>& changed, const std::string& build);

}  // namespace jarvis2::project
