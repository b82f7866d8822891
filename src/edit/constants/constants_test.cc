#include "edit/constants/constants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace jarvis2::edit {
namespace {

using testing::HasSubstr;

std::string changed(const std::string& path, const std::string& text, const std::string& name,
                    const std::string& value) {
  const std::vector<Action> actions =
      constant_actions({{path, name, {value}}}, [&](const std::string&) { return std::optional<std::string>(text); });
  if (actions.size() != 1) return "actions: " + std::to_string(actions.size());
  std::string result = text;
  const Replacement& replacement = actions[0].replacements.at(0);
  result.replace(replacement.range.begin, replacement.range.size(), replacement.text);
  return result;
}

TEST(Constants, AreFoundInEachLanguage) {
  EXPECT_EQ(changed("c.py", "BLOCK = 16  # bytes\n", "BLOCK", "32"), "BLOCK = 32  # bytes\n");
  EXPECT_EQ(changed("c.py", "class A:\n    LIMIT: int = 3\n", "LIMIT", "4"), "class A:\n    LIMIT: int = 4\n");
  EXPECT_EQ(changed("a.c", "#define BLOCK 16 /* bytes */\n", "BLOCK", "32"), "#define BLOCK 32 /* bytes */\n");
  EXPECT_EQ(changed("a.c", "enum { A, BLOCK = 16 };\n", "BLOCK", "32"), "enum { A, BLOCK = 32 };\n");
  EXPECT_EQ(changed("a.cc", "namespace n { constexpr int kBlock = 1 << 4; }\n", "kBlock", "32"),
            "namespace n { constexpr int kBlock = 32; }\n");
  EXPECT_EQ(changed("a.h", "struct S { static constexpr int kBlock = 16; };\n", "kBlock", "8"),
            "struct S { static constexpr int kBlock = 8; };\n");
}

TEST(Constants, ThePresentValueIsNoAction) {
  EXPECT_EQ(changed("c.py", "BLOCK = 16\n", "BLOCK", "16"), "actions: 0");
}

TEST(Constants, ValuesExcludeEachOther) {
  const std::vector<Action> actions = constant_actions(
      {{"c.py", "B", {"1", "2", "3"}}}, [](const std::string&) { return std::optional<std::string>("B = 2\n"); });
  ASSERT_EQ(actions.size(), 2u);
  EXPECT_EQ(actions[0].group, actions[1].group);
  EXPECT_NE(actions[0].group, "");
}

TEST(Constants, WhatIsMissingIsNamed) {
  const auto message = [](const std::string& text, const std::string& path) {
    try {
      constant_actions({{path, "NOPE", {"1"}}}, [&](const std::string&) {
        return text.empty() ? std::nullopt : std::optional<std::string>(text);
      });
    } catch (const Error& error) {
      return error.message();
    }
    return std::string("no error");
  };
  EXPECT_THAT(message("A = 1\n", "c.py"), HasSubstr("c.py:NOPE"));
  EXPECT_THAT(message("", "gone.py"), HasSubstr("no file gone.py"));
  EXPECT_THAT(message("NOPE = 1\nNOPE = 2\n", "c.py"), HasSubstr("set 2 times"));
  EXPECT_THAT(message("def f():\n    NOPE = 1\n", "c.py"), HasSubstr("assigns no constant"));
}

std::size_t buffers(const std::string& text) {
  code::Workspace workspace;
  code::SourceFile file;
  file.path = "a.c";
  file.tree = code::Tree::parse(code::Language::kC, text);
  workspace.add(file);
  return buffer_actions(workspace).size();
}

TEST(Constants, OnlyProvedBuffersGrow) {
  EXPECT_EQ(buffers("void f(FILE *in) { char b[4096]; size_t n; while ((n = fread(b, 1, sizeof b, in)) > 0) fwrite(b, "
                    "1, n, stdout); }"),
            2u);
  EXPECT_EQ(buffers("void f(FILE *in) { char b[4096]; while (fgets(b, sizeof b, in)) puts(b); }"), 0u);
  EXPECT_EQ(buffers("void f(FILE *in) { char b[4096]; size_t n = fread(b, 1, 4096, in); fwrite(b, 1, n, stdout); }"),
            0u);
  EXPECT_EQ(
      buffers("void f(FILE *in) { char b[4096]; size_t n = fread(b, 1, sizeof b, in); if (n == sizeof b) fail(); }"),
      0u);
  EXPECT_EQ(buffers("void f() { char b[4096]; fill(b, sizeof b); }"), 0u);
  EXPECT_EQ(buffers("void f() { int limit = 4096; for (int i = 0; i < limit; i++) g(i); }"), 0u);
}

}  // namespace
}  // namespace jarvis2::edit
