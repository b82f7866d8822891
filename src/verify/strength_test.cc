#include "verify/strength.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jarvis2::verify {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST(ChangedLines, AreThoseThatTheOldTextLacks) {
  EXPECT_THAT(changed_lines("a\nb\nc\n", "a\nB\nc\nd\n"), ElementsAre(2, 4));
  EXPECT_THAT(changed_lines("a\nb\n", "b\n"), IsEmpty());
  EXPECT_THAT(changed_lines("", "x\ny\n"), ElementsAre(1, 2));
}

TEST(Mutants, AreSmallFaultsInChangedFunctionsOnly) {
  const std::string before = "def f(a):\n    return a + 1\n\n\ndef g(a):\n    return a < 2\n";
  const std::string after = "def f(a):\n    return a + 1\n\n\ndef g(a):\n    return not a >= 2 and \"a + b\"\n";
  const std::vector<Mutant> found = mutants_of("x.py", before, after, 10);
  std::vector<std::string> faults;
  for (const Mutant& mutant : found) {
    EXPECT_EQ(mutant.line, 6u);
    EXPECT_NE(mutant.text, after);
    faults.push_back(mutant.what);
  }
  EXPECT_THAT(faults, ElementsAre("`>` for `>=`", "`3` for `2`", "`or` for `and`"));
  EXPECT_THAT(mutants_of("x.py", before, before, 10), IsEmpty());
  EXPECT_THAT(mutants_of("x.py", before, after, 2), SizeIs(2));
}

TEST(Mutants, LeavePointersAlone) {
  const std::string before = "int f(int *p) { return *p; }\n", after = "int f(int *p) { return *p * 2; }\n";
  const std::vector<Mutant> found = mutants_of("x.c", before, after, 10);
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].text, "int f(int *p) { return *p + 2; }\n");
}

TEST(Strength, IsWeakWhenFaultsPassUnnoticed) {
  Strength strength;
  EXPECT_FALSE(strength.weakly_checked());  // nothing is known
  strength.mutants = 10;
  strength.noticed = 4;
  EXPECT_TRUE(strength.weakly_checked());
  strength.noticed = 6;
  EXPECT_FALSE(strength.weakly_checked());
  strength = {};
  strength.changed_lines = 5;
  EXPECT_TRUE(strength.weakly_checked());
  strength.inputs = 40;
  EXPECT_FALSE(strength.weakly_checked());
}

}  // namespace
}  // namespace jarvis2::verify
