// The parsed sources of a project at one moment: base texts, or texts after some actions were applied.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "code/syntax.h"

namespace jarvis2::code {

struct SourceFile {
  std::string path;  // in the repository, '/' separated
  std::string sha256;
  bool editable = true;  // a candidate may touch it
  std::shared_ptr<const Tree> tree;
};

// Immutable after building, so readable from many threads; copies share trees.
class Workspace {
 public:
  Workspace() = default;
  void add(SourceFile file);
  // The same workspace with one file's text replaced (parsed anew).
  Workspace with(const std::string& path, std::string text) const;
  const SourceFile* find(const std::string& path) const;
  const std::vector<SourceFile>& files() const { return files_; }  // sorted by path

 private:
  std::vector<SourceFile> files_;
};

}  // namespace jarvis2::code
