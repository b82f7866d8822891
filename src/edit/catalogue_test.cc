#include "edit/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "base/hash.h"

namespace jarvis2::edit {
namespace {

const std::string kBase = "alpha beta gamma delta epsilon zeta";

std::optional<std::string> base_reader(const std::string& path) {
  return path == "f" ? std::optional(kBase) : std::nullopt;
}

Action edit_word(const std::string& word, const std::string& text, const std::string& rule = "r") {
  const std::uint32_t at = static_cast<std::uint32_t>(kBase.find(word));
  Action action;
  action.rule = rule;
  action.replacements = {{"f", sha256_hex(kBase), {at, at + static_cast<std::uint32_t>(word.size())}, text}};
  return action;
}

std::string text_of(const Catalogue& catalogue, const ActionSet& set) {
  return materialise(catalogue, set, base_reader).at("f").text;
}

TEST(Catalogue, DisjointEditsCompose) {
  Catalogue catalogue;
  const ActionId a = catalogue.add(edit_word("beta", "B"));
  const ActionId b = catalogue.add(edit_word("delta", "DELTA!"));
  EXPECT_TRUE(catalogue.legal({a}, b));
  EXPECT_EQ(text_of(catalogue, {a, b}), "alpha B gamma DELTA! epsilon zeta");
  EXPECT_EQ(catalogue.key({a, b}), catalogue.at(a).key ^ catalogue.at(b).key);
}

TEST(Catalogue, OverlapAndGroupConflict) {
  Catalogue catalogue;
  const ActionId a = catalogue.add(edit_word("beta gamma", "x"));
  const ActionId b = catalogue.add(edit_word("gamma", "y"));
  EXPECT_TRUE(catalogue.conflict(a, b));
  EXPECT_FALSE(catalogue.legal({a}, b));
  Action o2, o3;
  o2.kind = o3.kind = Kind::kOption;
  o2.group = o3.group = "opt-level";
  o2.rule = "o2";
  o3.rule = "o3";
  EXPECT_TRUE(catalogue.conflict(catalogue.add(o2), catalogue.add(o3)));
}

TEST(Catalogue, SameEditTwiceIsOneAction) {
  Catalogue catalogue;
  EXPECT_EQ(catalogue.add(edit_word("beta", "B", "one")), catalogue.add(edit_word("beta", "B", "two")));
  EXPECT_EQ(catalogue.size(), 1u);
}

TEST(Catalogue, SharedImportIsWrittenOnce) {
  Catalogue catalogue;
  Action a = edit_word("beta", "B");
  Action b = edit_word("delta", "D");
  const Replacement import{"f", sha256_hex(kBase), {0, 0}, "import x; "};
  a.replacements.push_back(import);
  b.replacements.push_back(import);
  const ActionSet set = {catalogue.add(a), catalogue.add(b)};
  EXPECT_TRUE(catalogue.consistent(set));
  EXPECT_EQ(text_of(catalogue, set), "import x; alpha B gamma D epsilon zeta");
}

TEST(Catalogue, StaleBaseIsRefused) {
  Catalogue catalogue;
  Action action = edit_word("beta", "B");
  action.replacements[0].base_sha256 = sha256_hex("other");
  const ActionId id = catalogue.add(action);
  EXPECT_THROW(text_of(catalogue, {id}), Error);
}

TEST(Catalogue, NewFileAndRequirements) {
  Catalogue catalogue;
  const ActionId a = catalogue.add(edit_word("beta", "B"));
  Action b;
  b.replacements = {{"new.txt", "", {0, 0}, "hello"}};
  b.requires_actions = {a};
  const ActionId id = catalogue.add(b);
  EXPECT_FALSE(catalogue.legal({}, id));
  EXPECT_EQ(catalogue.closure({id}), (ActionSet{a, id}));
  EXPECT_EQ(materialise(catalogue, {a, id}, base_reader).at("new.txt").text, "hello");
  EXPECT_EQ(catalogue.without({a, id}, a), ActionSet{});
}

// A rewrite that only another rewrite makes possible: the later one contains the earlier.
TEST(Rebase, ChainContainsWhatItRewrites) {
  Catalogue catalogue;
  const ActionId a = catalogue.add(edit_word("beta", "call(one, two)"));
  const ActionId c = catalogue.add(edit_word("zeta", "Z"));
  const auto now = materialise(catalogue, {a, c}, base_reader);
  const std::string& text = now.at("f").text;
  const std::uint32_t at = static_cast<std::uint32_t>(text.find("one, two) gamma"));
  const auto rebased = rebase(catalogue, {a, c}, now, base_reader, {{"f", {at, at + 15}, "three) GAMMA"}});
  ASSERT_TRUE(rebased);
  EXPECT_EQ(rebased->supersedes, ActionSet{a});
  Action chained;
  chained.replacements = rebased->replacements;
  chained.requires_actions = rebased->supersedes;
  chained.supersedes = rebased->supersedes;
  const ActionId b = catalogue.add(chained);
  EXPECT_TRUE(catalogue.consistent({a, c, b}));
  EXPECT_EQ(text_of(catalogue, {a, b}), "alpha call(three) GAMMA delta epsilon zeta");
  EXPECT_EQ(text_of(catalogue, {a, c, b}), "alpha call(three) GAMMA delta epsilon Z");
  const ActionId d = catalogue.add(edit_word("gamma", "g"));
  EXPECT_TRUE(catalogue.conflict(b, d));
}

TEST(Rebase, UntouchedTextMapsToBase) {
  Catalogue catalogue;
  const ActionId a = catalogue.add(edit_word("beta", "longer than before"));
  const auto now = materialise(catalogue, {a}, base_reader);
  const std::uint32_t at = static_cast<std::uint32_t>(now.at("f").text.find("delta"));
  const auto rebased = rebase(catalogue, {a}, now, base_reader, {{"f", {at, at + 5}, "D"}});
  ASSERT_TRUE(rebased);
  EXPECT_TRUE(rebased->supersedes.empty());
  EXPECT_EQ(rebased->replacements[0].range.begin, kBase.find("delta"));
}

// Random edits of edits: applying the rebased action gives the text that editing the text gives.
TEST(Rebase, RandomChainsEqualDirectEditing) {
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    Catalogue catalogue;
    ActionSet set;
    std::uint32_t from = 0;
    while (from + 2 < kBase.size()) {
      const std::uint32_t begin = from + random() % 6;
      const std::uint32_t end = begin + random() % 5;
      if (end > kBase.size()) break;
      Action action;
      action.rule = std::to_string(begin);
      action.replacements = {{"f", sha256_hex(kBase), {begin, end}, std::string(random() % 4, 'A')}};
      if (action.replacements[0].range.size() + action.replacements[0].text.size() > 0)
        set.push_back(catalogue.add(action));
      from = end + 1;
    }
    std::sort(set.begin(), set.end());
    set.erase(std::unique(set.begin(), set.end()), set.end());
    if (set.empty()) continue;
    const auto now = materialise(catalogue, set, base_reader);
    std::string expected = now.at("f").text;
    const std::uint32_t begin = random() % expected.size();
    const std::uint32_t end = std::min<std::uint32_t>(expected.size(), begin + 1 + random() % 6);
    const auto rebased = rebase(catalogue, set, now, base_reader, {{"f", {begin, end}, "<new>"}});
    ASSERT_TRUE(rebased);
    expected.replace(begin, end - begin, "<new>");
    Action chained;
    chained.rule = "z";
    chained.replacements = rebased->replacements;
    chained.requires_actions = rebased->supersedes;
    chained.supersedes = rebased->supersedes;
    const ActionId id = catalogue.add(chained);
    ActionSet all = set;
    all.push_back(id);
    ASSERT_TRUE(catalogue.consistent(all));
    ASSERT_EQ(text_of(catalogue, all), expected) << "round " << round;
  }
}

}  // namespace
}  // namespace jarvis2::edit
