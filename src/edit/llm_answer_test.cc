#include "edit/llm_answer.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "edit/llm_prompt.h"

namespace jarvis2::edit {
namespace {

const char* const kPython = R"(import math


class Box:
    @property
    def items(self):
        return []

    def first(self, xs, key=None):
        """Text
  at an odd place."""
        # why
        out = []
        for x in xs:
            out = out + [x]
        return out


def user(box):
    return box.first([1])
)";

struct Sample {
  code::Workspace workspace;
  code::Model model;
  const code::SourceFile* file = nullptr;
  Sample(const std::string& path, const std::string& text) {
    workspace.add({path, sha256_hex(text), true, code::Tree::parse(code::language_of(path), text)});
    model = code::Model::build(workspace, 1);
    file = workspace.find(path);
  }
  const code::Function& function(const std::string& name) const { return *model.find("", name).at(0); }
  ModelAnswer read(const std::string& name, const std::string& answer) const {
    return read_answer(answer, *file, function(name));
  }
  std::string applied(const std::string& name, const std::string& answer) const {
    const ModelAnswer result = read(name, answer);
    EXPECT_EQ(result.problem, "");
    std::string text = file->tree->text();
    return text.replace(function(name).range.begin, function(name).range.size(), result.text);
  }
};

const std::string kGood = "def first(self, xs, key=None):\n    out = list(xs)\n    return out\n";

std::string fenced(const std::string& code) {
  return "Here it is:\n\n```python\n" + code + "```\nIt is faster.\n";
}

TEST(ModelAnswer, BecomesTheFunctionAtItsIndentation) {
  const Sample sample("a.py", kPython);
  const std::string text = sample.applied("first", fenced(kGood));
  EXPECT_NE(text.find("    def first(self, xs, key=None):\n        out = list(xs)\n        return out\n\n\ndef user"),
            std::string::npos)
      << text;
  // The same, indented as in the file, and after thinking aloud.
  const std::string indented_answer =
      "<think>\n```python\nx\n```\n</think>\n```py\n    def first(self, xs, key = None):\n        return list(xs)\n```";
  EXPECT_NE(
      sample.applied("first", indented_answer).find("    def first(self, xs, key = None):\n        return list(xs)\n"),
      std::string::npos);
}

TEST(ModelAnswer, StringsKeepTheirLines) {
  const Sample sample("a.py", kPython);
  const std::string text =
      sample.applied("first", fenced("def first(self, xs, key=None):\n    a = '''x\ny'''\n    return a\n"));
  EXPECT_NE(text.find("        a = '''x\ny'''\n        return a"), std::string::npos) << text;
}

TEST(ModelAnswer, IsReadStrictly) {
  const Sample sample("a.py", kPython);
  const auto problem = [&](const std::string& answer) { return sample.read("first", answer).problem; };
  EXPECT_EQ(problem("No."), "no code block");
  EXPECT_EQ(problem(fenced(kGood + "\n\n" + kGood)), "holds the function twice");
  EXPECT_EQ(problem("```python\n" + kGood), "the code block does not end");
  EXPECT_EQ(problem(fenced("\n\n")), "the code block is empty");
  EXPECT_EQ(problem(fenced("def first(self, xs:\n    return\n")), "does not parse");
  const std::string none = "holds no function of this name and signature";
  EXPECT_EQ(problem(fenced("x = 1\n")), none);
  EXPECT_EQ(problem(fenced("def second(self, xs, key=None):\n    return xs\n")), none);
  EXPECT_EQ(problem(fenced("def first(self, xs, key=0):\n    return xs\n")), none);
  EXPECT_EQ(problem(fenced("async def first(self, xs, key=None):\n    return xs\n")), none);
  EXPECT_EQ(problem(fenced("@cache\n" + kGood)), none);
  EXPECT_EQ(problem(fenced("def fast(x):\n    return x\n\n\ndef first(self, xs, key=None):\n    return fast(xs)\n")),
            "needs more than the function: fast");
  EXPECT_EQ(problem(fenced("LIMIT = 3\ndef first(self, xs, key=None):\n    return xs[:LIMIT]\n")),
            "needs more than the function: LIMIT");
  EXPECT_EQ(problem("```\n\xff\xfe\n```"), "not UTF-8");
  EXPECT_EQ(problem(fenced("def first(self, xs, key=None):\n    x = '" + std::string(70000, 'a') + "'\n")),
            "70042 bytes of code");
}

// Small models wrap, import and show how to use what they were asked for.
TEST(ModelAnswer, WhatStandsBesideTheFunctionIsLeftOut) {
  const Sample sample("a.py", kPython);
  const std::string plain = sample.applied("first", fenced(kGood));
  EXPECT_EQ(sample.applied("first", fenced(kGood + "\nprint(first(None, [1]))\n")), plain);
  EXPECT_EQ(sample.applied("first", fenced("import math\nimport os\n" + kGood)), plain);
  EXPECT_EQ(sample.applied("first", fenced(kGood) + "Use it so:\n" + fenced("print(1)\n")), plain);
  EXPECT_EQ(sample.applied("first", fenced("class Box:\n    def first(self, xs, key=None):\n        out = list(xs)\n"
                                           "        return out\n\n    def more(self):\n        pass\n")),
            plain);
  const std::string text = sample.applied(
      "first", fenced("from itertools import chain\n\n\ndef first(self, xs, key=None):\n    \"\"\"Doc.\"\"\"\n"
                      "    return list(chain(xs))\n"));
  EXPECT_NE(
      text.find("        \"\"\"Doc.\"\"\"\n        from itertools import chain\n        return list(chain(xs))\n"),
      std::string::npos)
      << text;
}

TEST(ModelAnswer, LayoutAndCommentsAreNoChange) {
  const Sample sample("a.py", kPython);
  EXPECT_EQ(sample
                .read("first", fenced("def first( self, xs, key=None ):\n  'Other words'\n  out = [ ]\n  for x in xs:\n"
                                      "     out = out + [x]  # new\n  return out\n"))
                .problem,
            "unchanged");
  EXPECT_EQ(normalised(code::Language::kPython, "def f():\n    return 1 # a\n"),
            normalised(code::Language::kPython, "def f():\n  # b\n  return 1\n"));
  EXPECT_NE(normalised(code::Language::kPython, "def f(a):\n  if a:\n    g()\n    h()\n"),
            normalised(code::Language::kPython, "def f(a):\n  if a:\n    g()\n  h()\n"));
}

TEST(ModelAnswer, CppMethodsInsideTheirClass) {
  const Sample sample("a.cc",
                      "#include <vector>\nstruct A {\n  int sum(const std::vector<int>& v) const {\n    int s = 0;\n"
                      "    for (int x : v) s += x;\n    return s;\n  }\n};\n");
  ASSERT_TRUE(can_be_asked_for(*sample.file, sample.function("sum")));
  const std::string text =
      sample.applied("sum", "```cpp\nint sum(const std::vector<int> &v) const\n{\n  return 1;\n}\n```");
  EXPECT_NE(text.find("  int sum(const std::vector<int> &v) const\n  {\n    return 1;\n  }\n};"), std::string::npos)
      << text;
  EXPECT_EQ(sample.read("sum", "```cpp\nint sum(std::vector<int> v) const { return 1; }\n```").problem,
            "holds no function of this name and signature");
  EXPECT_EQ(
      sample.applied("sum", "```cpp\n#include <vector>\nint sum(const std::vector<int>& v) const { return 1; }\n```"),
      sample.applied("sum", "```cpp\nint sum(const std::vector<int>& v) const { return 1; }\n```"));
  EXPECT_EQ(
      sample.read("sum", "```cpp\n#include <numeric>\nint sum(const std::vector<int>& v) const { return 1; }\n```")
          .problem,
      "needs more than the function: #include <numeric>");
}

TEST(ModelPrompt, HoldsCodeProfileCallersAndFailures) {
  const Sample sample("a.py", kPython);
  Heat heat;
  heat.lines["a.py"][15] = 0.75;
  const std::vector<ChatMessage> messages =
      model_prompt(sample.workspace, sample.model, heat, sample.function("first"),
                   {{"def first(): pass", "This one was rejected at test: AssertionError:"}});
  ASSERT_EQ(messages.size(), 2u);
  const std::string& text = messages[1].text;
  EXPECT_NE(text.find("75 % of the benchmark's time"), std::string::npos) << text;
  EXPECT_NE(text.find("- 75 %: out = out + [x]"), std::string::npos) << text;
  EXPECT_NE(text.find("- user (a.py): return box.first([1])"), std::string::npos) << text;
  EXPECT_NE(text.find("rejected at test: AssertionError"), std::string::npos) << text;
  EXPECT_NE(text.find("\ndef first(self, xs, key=None):\n    \"\"\"Text\n  at an odd place.\"\"\"\n    # why\n"),
            std::string::npos)
      << text;
}

}  // namespace
}  // namespace jarvis2::edit
