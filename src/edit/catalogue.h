// The action catalogue: what may be combined with what, and which texts a set of actions makes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "edit/action.h"

namespace jarvis2::edit {

// Append-only. Reads are thread-safe as long as nobody adds; addresses of actions stay valid.
class Catalogue {
 public:
  // Gives the action its id and key and finds its conflicts with those before it. An action whose replacements, group
  // and requirements are already known is not added twice: the known id is returned.
  ActionId add(Action action);
  std::size_t size() const { return actions_.size(); }
  const Action& at(ActionId id) const { return *actions_.at(id); }
  // Facts that are learnt after an action was added (shares, embeddings' ids); not for what its key covers.
  Action& facts(ActionId id) { return *actions_.at(id); }
  std::optional<ActionId> find(std::uint64_t key) const;

  bool conflict(ActionId a, ActionId b) const;
  // `action` may join `set` (sorted): not in it, requirements met, no conflict, its group free.
  bool legal(const ActionSet& set, ActionId action) const;
  // Requirements met and no conflict within.
  bool consistent(const ActionSet& set) const;
  // Every requirement of `set`, and the set, sorted.
  ActionSet closure(ActionSet set) const;
  // Those of `set` that remain when `action` and all that require it are taken out.
  ActionSet without(const ActionSet& set, ActionId action) const;
  std::uint64_t key(const ActionSet& set) const;  // XOR of the actions' keys

 private:
  std::vector<std::unique_ptr<Action>> actions_;
  std::vector<std::vector<ActionId>> conflicts_;  // sorted, both directions
  std::unordered_map<std::uint64_t, ActionId> by_key_;
};

// A file of the base commit; nullopt when it does not exist there.
using BaseReader = std::function<std::optional<std::string>(const std::string& path)>;

// One stretch of a materialised text that an action wrote.
struct Piece {
  ActionId owner = 0;
  code::Range base;  // in the base text
  code::Range now;   // in the materialised text
};

struct MaterialisedFile {
  std::string text;
  std::vector<Piece> pieces;  // in order
};

// The texts of the files that `set` changes. Throws Error where a base file's hash is not the one an edit was made for.
std::map<std::string, MaterialisedFile> materialise(const Catalogue& catalogue, const ActionSet& set,
                                                    const BaseReader& base);

// `changes` to the texts that `set` makes, as replacements against the base commit: those that overlap what an action
// of `set` wrote contain it (the action is superseded, all of its replacements are carried over).
struct Rebased {
  std::vector<Replacement> replacements;
  std::vector<ActionId> supersedes;
};
struct TextChange {
  std::string path;
  code::Range range;  // in the materialised (or untouched base) text
  std::string text;
};
std::optional<Rebased> rebase(const Catalogue& catalogue, const ActionSet& set,
                              const std::map<std::string, MaterialisedFile>& materialised, const BaseReader& base,
                              const std::vector<TextChange>& changes);

}  // namespace jarvis2::edit
