#include "project/project_files.h"

#include <algorithm>
#include <array>
#include <sstream>

#include "base/error.h"

namespace jarvis2::project {
namespace {

constexpr std::size_t kMostFiles = 20000;
constexpr int kDepth = 6;

bool is_skipped(const std::string& folder) {
  static constexpr std::array<const char*, 12> kSkipped = {"node_modules",  "target", "__pycache__", "venv",
                                                           "env",           "dist",   "vendor",      "third_party",
                                                           "site-packages", "_deps",  "deps",        "external"};
  return folder.empty() || folder[0] == '.' || folder.starts_with("build") || folder.starts_with("cmake-build") ||
         folder.ends_with(".egg-info") || std::find(kSkipped.begin(), kSkipped.end(), folder) != kSkipped.end();
}

void walk(const fs::path& folder, const std::string& prefix, int depth, std::vector<std::string>& paths) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    if (paths.size() >= kMostFiles) return;
    const std::string name = entry.path().filename();
    const fs::file_type type = entry.symlink_status(ignored).type();
    if (type == fs::file_type::directory) {
      if (depth > 0 && !is_skipped(name)) walk(entry.path(), prefix + name + "/", depth - 1, paths);
    } else if (type == fs::file_type::regular && is_valid_utf8(name)) {
      paths.push_back(prefix + name);
    }
  }
}

}  // namespace

ProjectFiles::ProjectFiles(const fs::path& root) : root_(root) {
  walk(root, "", kDepth, paths_);
  std::sort(paths_.begin(), paths_.end());
}

bool ProjectFiles::has(const std::string& path) const {
  return std::binary_search(paths_.begin(), paths_.end(), path);
}

std::optional<std::string> ProjectFiles::text(const std::string& path) const {
  std::error_code reason;
  const fs::path file = root_ / path;
  if (fs::symlink_status(file, reason).type() != fs::file_type::regular || fs::file_size(file, reason) > (1u << 20)) {
    return std::nullopt;
  }
  try {
    return read_file(file);
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::string ProjectFiles::lines(const std::string& path) const {
  std::istringstream stream(text(path).value_or(""));
  std::string out;
  for (std::string line; std::getline(stream, line);) {
    if (line.size() <= 2000 && line.find_first_not_of(" \t\r") != std::string::npos) out += line + "\n";
  }
  return out;
}

std::vector<std::string> ProjectFiles::named(const std::vector<std::string>& globs) const {
  std::vector<std::string> found;
  for (const std::string& path : paths_) {
    const std::size_t slash = path.rfind('/');
    const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    if (std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) { return glob_match(glob, name); })) {
      found.push_back(path);
    }
  }
  // Near the root first.
  std::stable_sort(found.begin(), found.end(), [](const std::string& a, const std::string& b) {
    return std::count(a.begin(), a.end(), '/') < std::count(b.begin(), b.end(), '/');
  });
  return found;
}

}  // namespace jarvis2::project
