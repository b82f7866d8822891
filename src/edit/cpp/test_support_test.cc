#include "edit/cpp/test_support.h"

#include <algorithm>

namespace jarvis2::edit::cpp {

code::Workspace workspace_of(const Texts& texts) {
  code::Workspace workspace;
  const bool cpp = std::any_of(texts.begin(), texts.end(), [](const auto& entry) {
    return code::language_of(entry.first) == code::Language::kCpp;
  });
  for (const auto& [path, text] : texts) {
    code::SourceFile file;
    file.path = path;
    file.tree = code::Tree::parse(code::language_of(path, cpp), text);
    workspace.add(file);
  }
  return workspace;
}

std::vector<Proposal> proposals(const Texts& texts, const std::string& rule) {
  const code::Workspace workspace = workspace_of(texts);
  std::vector<Proposal> result;
  for (const std::unique_ptr<Transformation>& one : cpp_transformations()) {
    if (!rule.empty() && one->name() != rule) continue;
    for (const code::SourceFile& file : workspace.files()) {
      for (Proposal& proposal : one->propose(workspace, file, {})) result.push_back(std::move(proposal));
    }
  }
  return result;
}

Texts patched(const Texts& texts, const std::vector<Change>& changes) {
  Texts result = texts;
  for (auto& [path, text] : result) {
    std::vector<Change> own;
    for (const Change& change : changes) {
      if (change.path == path) own.push_back(change);
    }
    std::stable_sort(own.begin(), own.end(), [](const Change& a, const Change& b) {
      return std::tie(a.range.begin, a.range.end) < std::tie(b.range.begin, b.range.end);
    });
    std::string made;
    std::uint32_t at = 0;
    for (const Change& change : own) {
      made.append(text, at, change.range.begin - at);
      made += change.text;
      at = change.range.end;
    }
    made.append(text, at, std::string::npos);
    text = made;
  }
  return result;
}

Texts apply_all(const Texts& texts, const std::vector<Proposal>& list) {
  std::vector<Change> taken;
  for (const Proposal& proposal : list) {
    const auto same = [](const Change& a, const Change& b) {
      return a.path == b.path && a.range == b.range && a.text == b.text;
    };
    const bool free = std::all_of(proposal.changes.begin(), proposal.changes.end(), [&](const Change& change) {
      return std::all_of(taken.begin(), taken.end(), [&](const Change& other) {
        if (change.path != other.path || same(change, other)) return true;
        const bool inserts = change.range.size() == 0;
        const bool other_inserts = other.range.size() == 0;
        if (inserts && other_inserts) return true;
        if (inserts) return !(other.range.begin < change.range.begin && change.range.begin < other.range.end);
        if (other_inserts) return !(change.range.begin < other.range.begin && other.range.begin < change.range.end);
        return !change.range.overlaps(other.range);
      });
    });
    if (!free) continue;
    for (const Change& change : proposal.changes) {
      if (std::none_of(taken.begin(), taken.end(), [&](const Change& other) { return same(change, other); })) {
        taken.push_back(change);
      }
    }
  }
  return patched(texts, taken);
}

}  // namespace jarvis2::edit::cpp
