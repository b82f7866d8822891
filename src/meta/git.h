// What the meta system asks of git beyond project::Repository: ignore rules, branches that no one has checked out,
// three-way merges. Index, HEAD and the working tree stay as they are.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/files.h"
#include "project/repository.h"

namespace jarvis2::meta {

// One object a thread.
class Git {
 public:
  // The repository whose working tree is `root`. Throws Error.
  explicit Git(const fs::path& root);
  ~Git();
  Git(const Git&) = delete;
  Git& operator=(const Git&) = delete;

  // The folder of this working tree's HEAD and index: .git, or .git/worktrees/NAME.
  fs::path git_dir() const;
  // Git would not add `path` (folders end in '/'), or it belongs to git or to us.
  bool ignored(const std::string& path) const;
  // HEAD's commit; empty where there is none.
  std::string head() const;
  // The commit that differs from `parent` by `texts`; unreachable until a branch names it. The same input gives the
  // same commit.
  std::string commit(const std::string& parent, const project::Texts& texts, const std::string& message) const;
  // Makes the branch, or leaves it where it is when it exists.
  void create_branch(const std::string& name, const std::string& commit) const;
  bool has_branch(const std::string& name) const;
  // `descendant` is `ancestor` or came after it. False for commits that are not here.
  bool contains(const std::string& descendant, const std::string& ancestor) const;
  std::size_t commits_between(const std::string& from, const std::string& to) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// `ours` with the change from `base` to `theirs`; no value: the two touch the same lines.
std::optional<std::string> merge_texts(const std::string& base, const std::string& ours, const std::string& theirs);

}  // namespace jarvis2::meta
