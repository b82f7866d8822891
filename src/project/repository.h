// A git repository, read and copied without ever touching the user's tree, index, HEAD or refs.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace jarvis2::project {

// Whole new texts by path; no value: the file is deleted.
using Texts = std::map<std::string, std::optional<std::string>>;

// Not thread-safe: one object a thread.
class Repository {
 public:
  // The repository that holds `dir`. Throws Error: not a repository, bare, no commit yet, unreadable.
  static Repository open(const fs::path& dir);
  ~Repository();
  Repository(Repository&&) noexcept;
  Repository& operator=(Repository&&) noexcept;

  const fs::path& root() const;     // of the working tree
  const fs::path& git_dir() const;  // shared by all worktrees of the repository
  std::string head() const;         // commit id, lower-case hexadecimal
  std::string resolve(const std::string& revision) const;
  // Paths that differ from HEAD (staged, unstaged, untracked and not ignored), at most `limit`; .jarvis2/ never counts,
  // nor does an untracked jarvis2.toml.
  std::vector<std::string> dirty(std::size_t limit = 100) const;
  // A commit object of the working tree with untracked, not ignored files; parent HEAD. Index and refs stay as they
  // are; the object is unreachable, so git collects it in time.
  std::string snapshot_uncommitted();
  // Regular files of a commit (no symbolic links, no submodules), sorted. Names that are not UTF-8 are left out.
  std::vector<std::string> files(const std::string& commit) const;
  // Paths that differ between two commits.
  std::vector<std::string> changed(const std::string& from, const std::string& to) const;
  // The blob of `path` at `commit`; no value: not there, or no regular file.
  std::optional<std::string> read(const std::string& commit, const std::string& path) const;
  // Unified diff, as `git apply` takes it, from the commit's files to `texts`. Files that are equal are left out.
  std::string diff(const std::string& commit, const Texts& texts) const;
  // The texts that `patch` (a unified diff) makes of the commit's files. Throws Error where it does not apply.
  Texts apply_patch(const std::string& commit, const std::string& patch) const;
  // <root>/.jarvis2, created and named in .git/info/exclude.
  fs::path state_dir();
  // The bytes of `commit` as stored (no filters), times of change set to the commit's, into an empty or missing folder
  // that becomes a detached repository of its own, sharing our objects. Submodules are included where the user has
  // checked them out; returns the paths of those left out.
  std::vector<std::string> checkout(const std::string& commit, const fs::path& folder) const;
  // Folders of objects that such a checkout refers to.
  std::vector<fs::path> object_dirs() const;

 private:
  struct State;
  explicit Repository(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Unified diff between two sets of texts; a path missing or without value on one side is new or deleted there.
// Binary contents, CRLF and a missing newline at the end come out as `git apply` expects.
std::string unified_diff(const Texts& before, const Texts& after);

}  // namespace jarvis2::project
