#include "edit/catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/hash.h"

namespace jarvis2::edit {
namespace {

std::uint64_t content_key(const Action& action, const Catalogue& catalogue) {
  std::string content = fmt::format("{}\n{}\n", kind_name(action.kind), action.group);
  // Rewrites are what they change; anything else is also what it is called.
  if (action.kind != Kind::kRewrite || action.replacements.empty()) content += action.rule + "\n" + action.title + "\n";
  for (const Replacement& part : action.replacements) {
    content +=
        fmt::format("{}:{}:{}:{}\n{}\n", part.path, part.base_sha256, part.range.begin, part.range.end, part.text);
  }
  for (const auto& [name, value] : action.build_env) content += fmt::format("{}={}\n", name, value);
  // What it contains of others is in its text; what it merely needs makes it another action.
  for (const ActionId need : action.requires_actions) {
    if (std::find(action.supersedes.begin(), action.supersedes.end(), need) == action.supersedes.end()) {
      content += fmt::format("{:x}\n", catalogue.at(need).key);
    }
  }
  return hash64(content, 0x6a617276697332u);
}

bool overlap(const Replacement& a, const Replacement& b) {
  if (a.path != b.path) return false;
  if (a.range == b.range && a.text == b.text) return false;  // the same edit: applied once
  const bool a_inserts = a.range.size() == 0;
  const bool b_inserts = b.range.size() == 0;
  if (a_inserts && b_inserts) return false;  // ordered by rule
  if (a_inserts) return b.range.begin < a.range.begin && a.range.begin < b.range.end;
  if (b_inserts) return a.range.begin < b.range.begin && b.range.begin < a.range.end;
  return a.range.overlaps(b.range);
}

bool contains(const std::vector<ActionId>& ids, ActionId id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

bool collide(const Action& a, const Action& b) {
  if (!a.group.empty() && a.group == b.group) return true;
  if (contains(a.conflicts, b.id) || contains(b.conflicts, a.id)) return true;
  if (contains(a.supersedes, b.id) || contains(b.supersedes, a.id)) return false;
  for (const Replacement& part : a.replacements) {
    for (const Replacement& other : b.replacements) {
      if (overlap(part, other)) return true;
    }
  }
  return false;
}

// A replacement and who wrote it, in the order in which texts are put together.
struct Owned {
  const Replacement* part;
  const Action* owner;
};

}  // namespace

std::string kind_name(Kind kind) {
  switch (kind) {
    case Kind::kRewrite:
      return "rewrite";
    case Kind::kOption:
      return "option";
    case Kind::kConstant:
      return "constant";
    case Kind::kCompile:
      return "compile";
    case Kind::kModel:
      break;
  }
  return "model";
}

ActionId Catalogue::add(Action action) {
  std::sort(action.requires_actions.begin(), action.requires_actions.end());
  std::sort(action.supersedes.begin(), action.supersedes.end());
  const std::uint64_t key = content_key(action, *this);
  if (const std::optional<ActionId> known = find(key)) return *known;
  const ActionId id = static_cast<ActionId>(actions_.size());
  action.id = id;
  action.key = key;
  std::vector<ActionId> mine;
  for (ActionId other = 0; other < id; ++other) {
    if (collide(action, *actions_[other])) {
      mine.push_back(other);
      conflicts_[other].push_back(id);
    }
  }
  by_key_.emplace(key, id);
  conflicts_.push_back(std::move(mine));
  actions_.push_back(std::make_unique<Action>(std::move(action)));
  return id;
}

std::optional<ActionId> Catalogue::find(std::uint64_t key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? std::nullopt : std::optional(found->second);
}

bool Catalogue::conflict(ActionId a, ActionId b) const {
  return std::binary_search(conflicts_.at(a).begin(), conflicts_.at(a).end(), b);
}

bool Catalogue::legal(const ActionSet& set, ActionId action) const {
  if (std::binary_search(set.begin(), set.end(), action)) return false;
  for (const ActionId need : at(action).requires_actions) {
    if (!std::binary_search(set.begin(), set.end(), need)) return false;
  }
  const std::vector<ActionId>& foes = conflicts_[action];
  if (foes.empty()) return true;
  for (const ActionId chosen : set) {
    if (std::binary_search(foes.begin(), foes.end(), chosen)) return false;
  }
  return true;
}

bool Catalogue::consistent(const ActionSet& set) const {
  for (const ActionId id : set) {
    for (const ActionId need : at(id).requires_actions) {
      if (!std::binary_search(set.begin(), set.end(), need)) return false;
    }
    for (const ActionId other : set) {
      if (other > id && conflict(id, other)) return false;
    }
  }
  return true;
}

ActionSet Catalogue::closure(ActionSet set) const {
  for (std::size_t i = 0; i < set.size(); ++i) {
    for (const ActionId need : at(set[i]).requires_actions) {
      if (!contains(set, need)) set.push_back(need);
    }
  }
  std::sort(set.begin(), set.end());
  set.erase(std::unique(set.begin(), set.end()), set.end());
  return set;
}

ActionSet Catalogue::without(const ActionSet& set, ActionId action) const {
  ActionSet gone = {action};
  // Requirements point to earlier ids, so one pass in order finds all that fall.
  for (const ActionId id : set) {
    for (const ActionId need : at(id).requires_actions) {
      if (contains(gone, need)) {
        gone.push_back(id);
        break;
      }
    }
  }
  ActionSet rest;
  for (const ActionId id : set) {
    if (!contains(gone, id)) rest.push_back(id);
  }
  return rest;
}

std::uint64_t Catalogue::key(const ActionSet& set) const {
  std::uint64_t key = 0;
  for (const ActionId id : set) key ^= at(id).key;
  return key;
}

std::map<std::string, MaterialisedFile> materialise(const Catalogue& catalogue, const ActionSet& set,
                                                    const BaseReader& base) {
  std::set<ActionId> superseded;
  for (const ActionId id : set)
    superseded.insert(catalogue.at(id).supersedes.begin(), catalogue.at(id).supersedes.end());
  std::map<std::string, std::vector<Owned>> by_path;
  for (const ActionId id : set) {
    if (superseded.contains(id)) continue;
    const Action& action = catalogue.at(id);
    for (const Replacement& part : action.replacements) by_path[part.path].push_back({&part, &action});
  }
  std::map<std::string, MaterialisedFile> result;
  for (auto& [path, parts] : by_path) {
    std::sort(parts.begin(), parts.end(), [](const Owned& a, const Owned& b) {
      return std::tuple(a.part->range.begin, a.part->range.end, a.owner->rule, a.owner->key) <
             std::tuple(b.part->range.begin, b.part->range.end, b.owner->rule, b.owner->key);
    });
    const std::optional<std::string> old = base(path);
    const std::string text = old.value_or("");
    MaterialisedFile file;
    std::uint32_t at = 0;
    const Owned* before = nullptr;
    for (const Owned& owned : parts) {
      const Replacement& part = *owned.part;
      if (!part.base_sha256.empty() && (!old || sha256_hex(text) != part.base_sha256)) {
        throw Error("edit::materialise", path + ": the file is not the one this edit was made for");
      }
      if (before != nullptr && before->part->range == part.range && before->part->text == part.text) continue;
      if (part.range.begin < at || part.range.end > text.size()) {
        throw Error("edit::materialise", fmt::format("{}: edits of {} and {} overlap", path,
                                                     before != nullptr ? before->owner->rule : "?", owned.owner->rule));
      }
      file.text.append(text, at, part.range.begin - at);
      const std::uint32_t begin = static_cast<std::uint32_t>(file.text.size());
      file.text += part.text;
      file.pieces.push_back({owned.owner->id, part.range, {begin, static_cast<std::uint32_t>(file.text.size())}});
      at = part.range.end;
      before = &owned;
    }
    file.text.append(text, at, std::string::npos);
    result.emplace(path, std::move(file));
  }
  return result;
}

std::optional<Rebased> rebase(const Catalogue& catalogue, const ActionSet& set,
                              const std::map<std::string, MaterialisedFile>& materialised, const BaseReader& base,
                              const std::vector<TextChange>& changes) {
  std::map<std::string, std::vector<TextChange>> by_path;
  for (const TextChange& change : changes) by_path[change.path].push_back(change);
  Rebased result;
  std::set<ActionId> superseded;
  // Pieces that lie in a cluster with a change, by path and position: they are not carried over again.
  std::set<std::pair<std::string, std::uint32_t>> absorbed;
  for (auto& [path, list] : by_path) {
    std::stable_sort(list.begin(), list.end(), [](const TextChange& a, const TextChange& b) {
      return std::pair(a.range.begin, a.range.end) < std::pair(b.range.begin, b.range.end);
    });
    const std::optional<std::string> old = base(path);
    const auto found = materialised.find(path);
    static const std::vector<Piece> kNone;
    const std::vector<Piece>& pieces = found != materialised.end() ? found->second.pieces : kNone;
    const std::string& text = found != materialised.end() ? found->second.text : old.value_or("");
    const std::string digest = old ? sha256_hex(*old) : "";
    // Base position of a byte of the current text that no piece covers.
    const auto to_base = [&](std::uint32_t now, bool after_pieces) {
      std::int64_t shift = 0;
      for (const Piece& piece : pieces) {
        if (piece.now.end < now || (piece.now.end == now && (after_pieces || piece.now.begin < now))) {
          shift = static_cast<std::int64_t>(piece.base.end) - static_cast<std::int64_t>(piece.now.end);
        }
      }
      return static_cast<std::uint32_t>(static_cast<std::int64_t>(now) + shift);
    };
    for (std::size_t i = 0; i < list.size();) {
      code::Range cluster = list[i].range;
      std::size_t end = i + 1;
      // Grow until no further change and no piece touches the cluster.
      for (bool grown = true; grown;) {
        grown = false;
        for (const Piece& piece : pieces) {
          const bool touches = piece.now.begin < cluster.end && cluster.begin < piece.now.end;
          const bool inside = cluster.size() == 0 && piece.now.begin < cluster.begin && cluster.begin < piece.now.end;
          // A deletion (empty now) strictly inside the cluster belongs to it.
          const bool deletion =
              piece.now.size() == 0 && cluster.begin < piece.now.begin && piece.now.begin < cluster.end;
          if (!touches && !inside && !deletion) continue;
          const code::Range wider{std::min(cluster.begin, piece.now.begin), std::max(cluster.end, piece.now.end)};
          if (wider != cluster) grown = true;
          cluster = wider;
        }
        while (end < list.size() && list[end].range.begin < cluster.end) {
          if (list[end].range.begin < list[end - 1].range.end) return std::nullopt;  // its own changes overlap
          cluster.end = std::max(cluster.end, list[end].range.end);
          ++end;
          grown = true;
        }
      }
      std::string fresh;
      std::uint32_t at = cluster.begin;
      for (std::size_t k = i; k < end; ++k) {
        if (list[k].range.begin < at || list[k].range.end > text.size()) return std::nullopt;
        fresh.append(text, at, list[k].range.begin - at);
        fresh += list[k].text;
        at = list[k].range.end;
      }
      fresh.append(text, at, cluster.end - at);
      std::optional<code::Range> base_range;
      for (const Piece& piece : pieces) {
        const bool within =
            cluster.contains(piece.now) &&
            (piece.now.size() > 0 || (cluster.begin < piece.now.begin && piece.now.begin < cluster.end));
        if (!within) continue;
        superseded.insert(piece.owner);
        absorbed.emplace(path, piece.now.begin);
        // The cluster starts or ends either in untouched text or exactly at a piece's edge.
        if (!base_range) {
          base_range = code::Range{piece.base.begin - (piece.now.begin - cluster.begin), 0};
        }
        base_range->end = piece.base.end + (cluster.end - piece.now.end);
      }
      if (!base_range)
        base_range = code::Range{to_base(cluster.begin, true), to_base(cluster.end, cluster.size() == 0)};
      result.replacements.push_back({path, digest, *base_range, fresh});
      i = end;
    }
  }
  // What a superseded action wrote elsewhere comes along.
  for (const ActionId id : set) {
    if (!superseded.contains(id)) continue;
    for (const Replacement& part : catalogue.at(id).replacements) {
      const auto file = materialised.find(part.path);
      bool taken = false;
      if (file != materialised.end()) {
        for (const Piece& piece : file->second.pieces) {
          if (piece.owner == id && piece.base == part.range) taken = absorbed.contains({part.path, piece.now.begin});
        }
      }
      if (!taken) result.replacements.push_back(part);
    }
  }
  std::set<ActionId> all = superseded;
  for (const ActionId id : superseded)
    all.insert(catalogue.at(id).supersedes.begin(), catalogue.at(id).supersedes.end());
  result.supersedes.assign(all.begin(), all.end());
  std::sort(result.replacements.begin(), result.replacements.end(), [](const Replacement& a, const Replacement& b) {
    return std::tuple(a.path, a.range.begin, a.range.end) < std::tuple(b.path, b.range.begin, b.range.end);
  });
  return result;
}

}  // namespace jarvis2::edit
