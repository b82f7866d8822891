#include "edit/mine.h"

#include <gtest/gtest.h>

#include "base/process.h"
#include "edit/rule.h"

namespace jarvis2::edit {
namespace {

using code::Language;
using Pair = std::pair<std::string, std::string>;

TEST(Mine, SharedPartsBecomeVariables) {
  EXPECT_EQ(generalised(Language::kPython, "    if len(self.items) == 0:\n", "    if not self.items:\n"),
            Pair("len($A) == 0", "not $A"));
  EXPECT_EQ(generalised(Language::kPython, "x = sorted(ys, key=f)[0]\n", "x = min(ys, key=f)\n"),
            Pair("sorted($A, key=$B)[0]", "min($A, key=$B)"));
  EXPECT_EQ(generalised(Language::kC, "  memset(p, 0, n);\n", "  zero(p, n);\n"),
            Pair("memset($A, 0, $B)", "zero($A, $B)"));
}

TEST(Mine, WhatSaysNothingIsLeftOut) {
  EXPECT_EQ(generalised(Language::kPython, "x = 1\n", "x = 2\n"), Pair());
  EXPECT_EQ(generalised(Language::kPython, "x = a\ny = b\n", "z()\nreturn_(1)\nfor_()\n"), Pair());
  EXPECT_EQ(generalised(Language::kPython, "    return (\n", "    return [\n"), Pair());
  EXPECT_EQ(generalised(Language::kPython, "x = 1  # a\n", "x = 1  # b\n"), Pair());
}

TEST(Mine, RulesComeFromSeveralCommitsAndDoWhatTheyDid) {
  const auto edit = [](const char* commit, const char* before, const char* after) {
    return HistoryEdit{commit, "a.py", before, after};
  };
  const std::vector<HistoryEdit> edits = {
      edit("c1", "if len(xs) == 0:\n", "if not xs:\n"), edit("c1", "  return len(a.b) == 0\n", "  return not a.b\n"),
      edit("c2", "while len(q) == 0:\n", "while not q:\n"), edit("c3", "x = f(a)\n", "x = g(a)\n")};
  const std::vector<MinedRule> rules = mine(edits, {});
  ASSERT_EQ(rules.size(), 1u);
  EXPECT_EQ(rules[0].edits.size(), 3u);
  EXPECT_EQ(rules[0].commits, (std::set<std::string>{"c1", "c2"}));
  const TempDir folder;
  write_file_atomic(folder.path() / (rules[0].id + ".yaml"), rules[0].yaml);
  const std::shared_ptr<const Rule> rule = load_rule((folder.path() / (rules[0].id + ".yaml")).string());
  EXPECT_EQ(rule->category, "learned");
  EXPECT_NE(rule->note.find("c1 c2"), std::string::npos);
}

}  // namespace
}  // namespace jarvis2::edit
