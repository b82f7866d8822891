#include "code/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jarvis2::code {
namespace {

TEST(Model, PythonFunctionsAndCalls) {
  const Workspace workspace = parse_workspace({{"a.py", R"(import math
class Point:
    @property
    def norm(self):
        return math.sqrt(self.dot(self))
    def dot(self, other):
        return self.x * other.x
def main():
    def inner():
        return helper(1)
    return inner()
)"},
                                               {"b.py", "def helper(x):\n    return x\n"},
                                               {"notes.txt", "nothing"}},
                                              2, {});
  ASSERT_EQ(workspace.files().size(), 2u);
  const Model model = Model::build(workspace, 2);
  std::vector<std::string> names;
  for (const Function& function : model.functions()) names.push_back(function.qualified);
  EXPECT_THAT(names, testing::ElementsAre("Point.norm", "Point.dot", "main", "main.inner", "helper"));
  ASSERT_NE(model.function_at_line("a.py", 5), nullptr);
  EXPECT_EQ(model.function_at_line("a.py", 5)->qualified, "Point.norm");
  EXPECT_EQ(model.function_at_line("a.py", 10)->qualified, "main.inner");
  bool resolved = false;
  for (const Call& call : model.calls()) {
    if (call.name == "helper") {
      resolved = call.callee != Call::kNoFunction && model.functions()[call.callee].path == "b.py" &&
                 model.functions()[call.caller].qualified == "main.inner";
    }
  }
  EXPECT_TRUE(resolved);
}

TEST(Model, CppFunctions) {
  const Workspace workspace = parse_workspace({{"a.cc", R"(namespace n {
struct S { int get() const { return v; } int v; };
template <typename T> T twice(T x) { return x + x; }
int S2::run(int a) { return twice(a); }
}
static char* text(void) { return 0; }
)"}},
                                              1, {});
  const Model model = Model::build(workspace, 1);
  std::vector<std::string> names;
  for (const Function& function : model.functions()) names.push_back(function.qualified);
  EXPECT_THAT(names, testing::ElementsAre("n.S.get", "n.twice", "n.S2.run", "text"));
  EXPECT_EQ(model.find("a.cc", "S2.run").size(), 1u);
}

TEST(Model, InvalidUtf8AndBrokenCodeSurvive) {
  const Workspace workspace = parse_workspace({{"a.py", "def f(:\n \xff\xfe return (\n"}, {"e.c", ""}}, 2, {});
  EXPECT_EQ(Model::build(workspace, 2).find("", "nothing").size(), 0u);
}

}  // namespace
}  // namespace jarvis2::code
