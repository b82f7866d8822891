// Folders that hold a commit's files for building and measuring, apart from the user's tree.
#pragma once

#include <memory>
#include <string>

#include "base/files.h"
#include "project/repository.h"

namespace jarvis2::project {

// Detached checkout with a life of its own: removed (and pruned from git) by the destructor. What a killed process
// leaves behind goes at the next clean_worktrees(). Movable, one thread at a time.
class Worktree {
 public:
  // A detached, locked git worktree of `commit`, under the repository's folder in the user's cache.
  static Worktree create(Repository& repository, const std::string& commit);
  // A copy with everything in it (build products, times of change), sharing blocks where the file system can. reset()
  // brings the copy back to this folder's state, so leave this one alone afterwards.
  Worktree copy() const;
  ~Worktree();
  Worktree(Worktree&& other) noexcept;
  Worktree& operator=(Worktree&& other) noexcept;

  const fs::path& path() const { return path_; }
  const std::string& commit() const { return commit_; }
  // Only for copies: every file, link, mode and time as in the original again. Files whose inode, size and time of
  // status change are as the copy left them are taken as unchanged.
  void reset();
  // Writes whole texts (deletes those without value). Paths must stay inside; symbolic links are not followed.
  void write(const Texts& texts);
  // reset() and write() in one.
  void reset_to(const Texts& texts) {
    reset();
    write(texts);
  }

 private:
  struct Manifest;
  Worktree() = default;
  void remove() noexcept;
  fs::path path_;
  std::string commit_;
  fs::path git_dir_;  // of the repository; empty for copies
  std::string name_;  // of the git worktree; empty for copies
  fs::path origin_;   // copies: where reset() copies from
  std::shared_ptr<Manifest> manifest_;
};

// Removes worktrees of this repository whose process is gone; returns how many.
int clean_worktrees(Repository& repository);
// Where worktrees of a repository live.
fs::path worktrees_dir(const Repository& repository);

}  // namespace jarvis2::project
