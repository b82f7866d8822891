// The chain for one function: which lines it claims, and which rules close it.
#include <gtest/gtest.h>

#include "base/hash.h"
#include "edit/python/rewriting.h"
#include "edit/transformation.h"

namespace jarvis2::edit::python {
namespace {

std::vector<Proposal> optimised(const std::string& text) {
  code::Workspace workspace;
  workspace.add({"m.py", sha256_hex(text), true, code::Tree::parse(code::Language::kPython, text)});
  for (const std::unique_ptr<Transformation>& transformation : python_transformations()) {
    if (transformation->composite()) return transformation->propose(workspace, *workspace.find("m.py"), {});
  }
  return {};
}

// What is rewritten in the middle leaves lines at the end that look as before: they are claimed all the same, so that
// no other action rewrites them too.
TEST(OptimiseFunction, ClaimsTheWholeBody) {
  const std::string text =
      "class Line:\n"
      "    def __init__(self, a, b):\n"
      "        self.a = a\n"
      "        self.b = b\n"
      "    def length(self):\n"
      "        return self.b - self.a\n"
      "\n"
      "def total(count):\n"
      "    line = Line(1, 5)\n"
      "    t = 0\n"
      "    for i in range(count):\n"
      "        t += line.length() * i + line.length()\n"
      "    return t\n";
  const std::vector<Proposal> found = optimised(text);
  ASSERT_FALSE(found.empty());
  bool seen = false;
  for (const Proposal& proposal : found) {
    if (proposal.title.find("total") == std::string::npos) continue;
    seen = true;
    ASSERT_EQ(proposal.changes.size(), 1u);
    EXPECT_EQ(proposal.changes[0].range.begin, text.find("    line = Line"));
    EXPECT_EQ(proposal.changes[0].range.end, text.size());
  }
  EXPECT_TRUE(seen);
}

TEST(OptimiseFunction, RulesCloseItAndRoundingOnesApart) {
  const std::vector<Proposal> found = optimised(
      "def spread(xs):\n"
      "    t = 0.0\n"
      "    for i in range(len(xs)):\n"
      "        t += max(xs[i], 0.5) + max(xs[i], 1.5)\n"
      "        t += (xs[i] + t) ** 2 + t ** 2\n"
      "    return t\n");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_NE(found[0].changes[0].text.find("** 2"), std::string::npos) << found[0].changes[0].text;
  EXPECT_NE(found[1].changes[0].text.find("t * t"), std::string::npos) << found[1].changes[0].text;
  EXPECT_NE(found[1].note.find("square-to-multiply"), std::string::npos) << found[1].note;
}

}  // namespace
}  // namespace jarvis2::edit::python
