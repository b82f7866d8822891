#include "code/workspace.h"

#include <algorithm>

#include "base/error.h"
#include "base/hash.h"

namespace jarvis2::code {
namespace {

std::vector<SourceFile>::const_iterator position(const std::vector<SourceFile>& files, const std::string& path) {
  return std::lower_bound(files.begin(), files.end(), path,
                          [](const SourceFile& file, const std::string& wanted) { return file.path < wanted; });
}

}  // namespace

void Workspace::add(SourceFile file) {
  const std::vector<SourceFile>::const_iterator at = position(files_, file.path);
  if (at != files_.end() && at->path == file.path) {
    files_[static_cast<std::size_t>(at - files_.begin())] = std::move(file);
  } else {
    files_.insert(at, std::move(file));
  }
}

Workspace Workspace::with(const std::string& path, std::string text) const {
  const SourceFile* old = find(path);
  if (old == nullptr) throw Error("code::Workspace::with", path + ": not in the workspace");
  Workspace copy = *this;
  const std::string digest = sha256_hex(text);
  copy.add({path, digest, old->editable, Tree::parse(old->tree->language(), std::move(text))});
  return copy;
}

const SourceFile* Workspace::find(const std::string& path) const {
  const std::vector<SourceFile>::const_iterator at = position(files_, path);
  return at != files_.end() && at->path == path ? &*at : nullptr;
}

}  // namespace jarvis2::code
