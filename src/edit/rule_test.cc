#include "edit/rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"

namespace jarvis2::edit {
namespace {

using testing::HasSubstr;

constexpr const char* kHead =
    "language: python\nseverity: performance\nmessage: m\nsafety: always-safe\n"
    "prior: {ratio: 1.0, measured: none, call: f()}\n";
constexpr const char* kTail = "examples:\n  - before: a\n    after: b\nno_match:\n  - c\n";

class RuleText : public testing::Test {
 protected:
  std::shared_ptr<const Rule> load(const std::string& text, const std::string& name = "r") {
    const std::string file = (dir_.path() / (name + ".yaml")).string();
    write_file_atomic(file, "id: " + name + "\n" + text);
    return load_rule(file);
  }
  std::string error_of(const std::string& text) {
    try {
      load(text);
    } catch (const Error& error) {
      return error.message();
    }
    return "no error";
  }
  // The text after the rule's fixes.
  std::string fixed(const std::string& body, const std::string& text) {
    const std::shared_ptr<const Rule> rule = load(kHead + body + kTail);
    code::Workspace workspace;
    workspace.add({"a.py", sha256_hex(text), true, code::Tree::parse(code::Language::kPython, text)});
    return apply_findings(text, find(*rule, workspace, *workspace.find("a.py")));
  }
  TempDir dir_;
};

TEST_F(RuleText, UnknownKeysNameFileAndLine) {
  EXPECT_THAT(error_of(std::string(kHead) + "rule: {patern: f($X)}\nfix: $X\n" + kTail),
              HasSubstr("r.yaml:7: unknown key `patern`"));
  EXPECT_THAT(error_of(std::string(kHead) + "rule: {pattern: f($X)}\nfix: $X\nwhat: 1\n" + kTail),
              HasSubstr("r.yaml:9: unknown key `what`"));
}

TEST_F(RuleText, ExamplesAreRequired) {
  const std::string body = std::string(kHead) + "rule: {pattern: f($X)}\nfix: $X\n";
  EXPECT_THAT(error_of(body), HasSubstr("`examples` is missing"));
  EXPECT_THAT(error_of(body + "examples:\n  - before: a\n    after: b\n"), HasSubstr("`no_match` is missing"));
  EXPECT_THAT(error_of(body + "examples:\n  - before: a\nno_match:\n  - c\n"), HasSubstr("`after` must be text"));
}

TEST_F(RuleText, VariablesMustBeBound) {
  EXPECT_THAT(error_of(std::string(kHead) + "rule: {pattern: f($X)}\nfix: $Y\n" + kTail), HasSubstr("$Y"));
  EXPECT_THAT(error_of(std::string(kHead) + "rule: {pattern: f($X)}\nwhere:\n  - pure: $Z\nfix: $X\n" + kTail),
              HasSubstr("$Z"));
}

TEST_F(RuleText, UnknownConditionsAndBadPatternsAreErrors) {
  EXPECT_THAT(error_of(std::string(kHead) + "rule: {pattern: f($X)}\nwhere:\n  - purr: $X\nfix: $X\n" + kTail),
              HasSubstr("r.yaml:9: no condition `purr`"));
  EXPECT_THAT(error_of(std::string(kHead) + "rule: {pattern: 'for $X in'}\nfix: $X\n" + kTail),
              HasSubstr("does not parse"));
  EXPECT_THAT(error_of(std::string(kHead) + "rule: {kind: no_such_kind}\nfix: x\n" + kTail), HasSubstr("no kind"));
  EXPECT_THAT(error_of(std::string(kHead) + "rule: {pattern: f($X), regex: '('}\nfix: x\n" + kTail),
              HasSubstr("regular expression"));
}

TEST_F(RuleText, ParenthesesOnlyWhereNeeded) {
  const std::string rule = "rule: {pattern: \"mul($A, $B)\"}\nfix: $A * $B\n";
  EXPECT_EQ(fixed(rule, "x = mul(a + b, c)\n"), "x = (a + b) * c\n");
  EXPECT_EQ(fixed(rule, "x = mul(f(a), c[1]) + d\n"), "x = f(a) * c[1] + d\n");
  EXPECT_EQ(fixed(rule, "x = d / mul(a, b)\n"), "x = d / (a * b)\n");
  EXPECT_EQ(fixed(rule, "x = mul(a, b).real\n"), "x = (a * b).real\n");
  EXPECT_EQ(fixed(rule, "x = f(mul(a, b))\n"), "x = f(a * b)\n");
  EXPECT_EQ(fixed(rule, "x = mul((a if b else c), d)\n"), "x = (a if b else c) * d\n");
}

TEST_F(RuleText, BodiesKeepTheirIndentationCommentsAndStrings) {
  const std::string rule =
      "rule: {pattern: \"while True:\\n    $$$BODY\"}\nfix: |\n  for _ in forever():\n      $$$BODY\n";
  EXPECT_EQ(
      fixed(rule,
            "def f():\n  if a:\n    while True:\n      b()  # one\n\n      c('''\nx\n''')\n      if d:\n        e()\n"),
      "def f():\n  if a:\n    for _ in forever():\n      b()  # one\n\n      c('''\nx\n''')\n      if d:\n        "
      "e()\n");
}

TEST_F(RuleText, LineEndsAndTabsSurvive) {
  const std::string rule = "rule: {pattern: \"if $C: $$$B\"}\nfix: |\n  if not $C:\n      pass\n  else:\n      $$$B\n";
  EXPECT_EQ(fixed(rule, "def f():\r\n\tif a:\r\n\t\tb()\r\n\t\tc()\r\n"),
            "def f():\r\n\tif not a:\r\n\t\tpass\r\n\telse:\r\n\t\tb()\r\n\t\tc()\r\n");
}

TEST_F(RuleText, AFixThatWouldLoseACommentIsNotMade) {
  const std::string rule = "rule: {pattern: \"f($A, $B)\"}\nfix: g($A, $B)\n";
  EXPECT_EQ(fixed(rule, "f(a,  # first\n  b)\n"), "f(a,  # first\n  b)\n");
  EXPECT_EQ(fixed(rule, "f(a, h(  # first\n  b))\n"), "g(a, h(  # first\n  b))\n");
}

TEST_F(RuleText, EmptyListsTakeTheirCommaAlong) {
  const std::string rule = "rule: {pattern: \"f($A, $$$REST)\"}\nfix: g($A, $$$REST)\n";
  EXPECT_EQ(fixed(rule, "f(1)\nf(1, 2, k=3)\n"), "g(1)\ng(1, 2, k=3)\n");
}

TEST_F(RuleText, ImportsAreAddedOnceAndNeverShadow) {
  const std::string rule =
      "rule: {pattern: root($A)}\nfixes:\n  - replace: match\n    with: math.sqrt($A)\n  - insert: import\n    text: "
      "import math\n";
  EXPECT_EQ(fixed(rule, "\"\"\"Doc.\"\"\"\nimport os\n\nx = root(2) + root(3)\n"),
            "\"\"\"Doc.\"\"\"\nimport os\nimport math\n\nx = math.sqrt(2) + math.sqrt(3)\n");
  EXPECT_EQ(fixed(rule, "import math\nx = root(2)\n"), "import math\nx = math.sqrt(2)\n");
  EXPECT_EQ(fixed(rule, "import os, math\nx = root(2)\n"), "import os, math\nx = math.sqrt(2)\n");
  EXPECT_EQ(fixed(rule, "math = 1\nx = root(2)\n"), "math = 1\nx = root(2)\n");
}

TEST_F(RuleText, StatementsOnASharedLineAreLeftAlone) {
  const std::string rule =
      "rule: {pattern: f($A)}\nfixes:\n  - replace: match\n    with: t\n  - insert: before_statement\n    text: t = "
      "$A\n";
  EXPECT_EQ(fixed(rule, "if a: f(b)\n"), "if a: f(b)\n");
  EXPECT_EQ(fixed(rule, "if a:\n    x = f(b) + 1\n"), "if a:\n    t = b\n    x = t + 1\n");
}

TEST_F(RuleText, ConditionsOverTheCodeModel) {
  const std::string rule = "rule: {pattern: len($X)}\nwhere:\n  - builtin: len\n  - local: $X\nfix: size($X)\n";
  EXPECT_EQ(fixed(rule, "def f(a):\n    return len(a)\n"), "def f(a):\n    return size(a)\n");
  EXPECT_EQ(fixed(rule, "def f():\n    return len(a)\n"), "def f():\n    return len(a)\n");
  EXPECT_EQ(fixed(rule, "def f(a, len):\n    return len(a)\n"), "def f(a, len):\n    return len(a)\n");
}

TEST_F(RuleText, ConstraintsTransformsAndUtilities) {
  const std::string rule =
      "rule:\n  pattern: say($S)\n  not: {inside: {matches: quiet, stopBy: end}}\n"
      "utils:\n  quiet: {kind: with_statement}\n"
      "constraints:\n  S: {kind: string, regex: '^\"[a-z]+\"$'}\n"
      "transform:\n  T: {replace: {source: $S, replace: '^\"(.*)\"$', by: \"'$1!'\"}}\nfix: say($T)\n";
  EXPECT_EQ(fixed(rule, "say(\"hi\")\nsay(\"A\")\nwith a:\n    say(\"hi\")\n"),
            "say('hi!')\nsay(\"A\")\nwith a:\n    say(\"hi\")\n");
}

TEST_F(RuleText, FormatStringsGetNoQuotesInside) {
  const std::string rule = "rule: {pattern: f($A)}\nfix: g($A, 'k')\n";
  EXPECT_EQ(fixed(rule, "x = f'{f(a)}'\n"), "x = f'{f(a)}'\n");
}

}  // namespace
}  // namespace jarvis2::edit
