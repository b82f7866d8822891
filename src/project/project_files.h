// The files of a project as detection sees them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/files.h"

namespace jarvis2::project {

// Paths and texts below a folder, without build products, dependencies and hidden folders.
class ProjectFiles {
 public:
  explicit ProjectFiles(const fs::path& root);
  const std::vector<std::string>& paths() const { return paths_; }  // sorted, at most a few thousand
  bool has(const std::string& path) const;
  // Whole text, or nothing: missing, unreadable, over a megabyte.
  std::optional<std::string> text(const std::string& path) const;
  // The text without blank lines and without lines over 2000 bytes: what regular expressions may be run over.
  std::string lines(const std::string& path) const;
  // Paths whose file name matches one of the globs.
  std::vector<std::string> named(const std::vector<std::string>& globs) const;

 private:
  fs::path root_;
  std::vector<std::string> paths_;
};

}  // namespace jarvis2::project
