#include "verify/equivalence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace jarvis2::verify {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

TEST(Equivalence, FloatsHaveAScaledToleranceAndNothingElse) {
  EXPECT_TRUE(same_outcome(Json{{"f", 1e6}}, Json{{"f", 1e6 + 1e-4}}));
  EXPECT_FALSE(same_outcome(Json{{"f", 1e6}}, Json{{"f", 1e6 + 1e-2}}));
  EXPECT_FALSE(same_outcome(Json{{"i", "7"}}, Json{{"f", 7.0}}));
  EXPECT_FALSE(same_outcome(Json{{"list", {1.0, 2.0}}}, Json{{"list", {1.0}}}));
  EXPECT_FALSE(same_outcome(Json{{"returned", 1.0}}, Json{{"raised", "ValueError: x"}}));
}

// Two C files in plain folders, called without a sandbox.
class GeneratedC : public testing::Test {
 protected:
  std::string check(const std::string& before, const std::string& after) {
    write_file_atomic(base_.path() / "series.c", before);
    write_file_atomic(tree_.path() / "series.c", after);
    Candidate candidate;
    candidate.files["series.c"] = after;
    Plan plan;
    plan.generated_inputs = 40;
    Workspace workspace;
    workspace.sandboxed = [](const std::string& command, const fs::path& tree, bool) {
      SpawnOptions options;
      options.argv = {"/bin/sh", "-c", command};
      options.cwd = tree;
      return options;
    };
    found_ = {};
    return check_generated_c(candidate, base_.path(), tree_.path(), plan, workspace, found_, {});
  }
  TempDir base_, tree_;
  GeneratedCheck found_;
};

TEST_F(GeneratedC, FindsWhatDiffersOnFreshInputs) {
  const std::string before =
      "int top(const int *values, int count) {\n  int best = 0;\n"
      "  for (int i = 0; i < count; ++i) if (values[i] > best) best = values[i];\n  return best;\n}\n"
      "static double half(double x) { return x / 2; }\nvoid add(int *values, int n) {\n"
      "  for (int i = 0; i < n; ++i) values[i] += 1;\n}\nint opaque(struct s *p);\n";
  const std::string same = before.substr(0, before.find("x / 2")) + "x * 0.5" + before.substr(before.find("x / 2") + 5);
  EXPECT_EQ(check(before, same), "");
  EXPECT_THAT(found_.functions, SizeIs(3));
  EXPECT_GT(found_.inputs, 60u);
  // An array that is changed one place too far is seen although nothing is returned.
  std::string beyond = before;
  beyond.replace(beyond.find("i < n; ++i) values"), 5, "i <=n");
  EXPECT_THAT(check(before, beyond), HasSubstr("series.c::add"));
  std::string positive = before;
  positive.replace(positive.find("best = 0"), 8, "best =-9");
  EXPECT_THAT(check(before, positive), HasSubstr("series.c::top"));
}

TEST_F(GeneratedC, UndefinedBehaviourOfTheBaselineIsNoDifference) {
  const std::string before = "int square(int x) { return x * x * x * x * x * x; }\n";
  const std::string after =
      "int square(int x) { long long y = x; y = y * y * y; return x > 1290 || x < -1290 ? 7 : (int)(y * y); }\n";
  const std::string difference = check(before, after);
  EXPECT_TRUE(!found_.notes.empty() || difference.empty()) << difference;
}

TEST(Drivable, TypesThatSayTooLittleAreLeftOut) {
  std::vector<std::string> notes;
  const std::vector<DrivenFunction> found = drivable_functions(
      "a.c",
      "int f(void *p) { return 0; }\nint g(int *values) { return 0; }\nchar *h(int n) { return 0; }\n"
      "int ok(const char *text, unsigned flags) { return 0; }\nint none(void) { return 0; }\n",
      notes);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].name, "ok");
  EXPECT_THAT(notes, SizeIs(4));
}

}  // namespace
}  // namespace jarvis2::verify
