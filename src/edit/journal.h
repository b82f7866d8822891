// Changing the user's tree: all or nothing over many files, and back again byte for byte, also after a crash.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "project/repository.h"

namespace jarvis2::edit {

enum class ApplyState { kApplying, kApplied, kUndoing, kUndone, kRolledBack };
std::string state_name(ApplyState state);  // "applying", "applied", "undoing", "undone", "rolled back"

struct JournalFile {
  std::string path;
  std::string before_sha256;  // empty: did not exist
  std::string after_sha256;   // empty: is deleted
  unsigned mode = 0644;       // of the file before, for bringing it back
};

struct Journal {
  std::string id;            // of the run
  std::uint64_t number = 0;  // counts up; the newest is undone first
  ApplyState state = ApplyState::kApplying;
  std::vector<JournalFile> files;
  std::vector<std::string> folders;  // that the change makes, deepest first
};

// Called before each change of the disk; tests throw from it.
using StepHook = std::function<void(const std::string& what)>;

// The journals of one repository: <state_dir>/applied/<number>/ holds journal.json and every file before and after.
class ApplyLog {
 public:
  ApplyLog(fs::path root, fs::path state_dir, StepHook hook = {});
  // Brings what a killed or failed process left half done back to the state before (apply) or to the end (undo), its
  // temporary files and folders too. May be interrupted itself, and called again. Returns one line for each journal it
  // mended, also naming files that someone else changed since and that it left alone.
  std::vector<std::string> recover();
  // Writes `after` where the tree is exactly `before` (paths of both are the same). Throws Error, with the tree as it
  // was, when a file differs from `before`, is a symbolic link, or can't be written.
  Journal apply(const std::string& id, const project::Texts& before, const project::Texts& after);
  // Takes the newest applied journal (of run `id`, when given) back. Throws Error when there is none, or when a file is
  // no longer what apply left.
  Journal undo(const std::string& id = {});
  std::vector<Journal> journals() const;  // oldest first

 private:
  fs::path folder(std::uint64_t number) const;
  void save(const Journal& journal);
  void step(const std::string& what) const;
  std::string digest(const std::string& path) const;  // empty: not there
  void put(const Journal& journal, std::size_t index, bool after);
  void replace(const Journal& journal, std::size_t index, std::string_view bytes);
  fs::path temporary(const Journal& journal, std::size_t index) const;
  void remove_folders(const Journal& journal) const;
  fs::path root_;
  fs::path dir_;
  StepHook hook_;
};

}  // namespace jarvis2::edit
