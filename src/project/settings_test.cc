#include "project/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace jarvis2::project {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string message_of(std::string_view text) {
  try {
    parse_settings(text, "jarvis2.toml");
  } catch (const Error& error) {
    return error.message();
  }
  return "";
}

TEST(Settings, EverythingIsRead) {
  const Settings settings = parse_settings(R"toml([project]
setup = "pip install -r requirements.txt"
build = 'make "all"'
test  = "make test"
bench = ["./a x", "./a y"]
holdout = "./a z"
edit = ["src/**", "lib/*.c"]
[tune]
"src/config.py:BLOCK" = [16, 0x20, 1_000, 1e-3]
"ü.c:MODE" = ["fast", 'é', true]
[objective]
metric = { pattern = "ops/s: ([0-9.]+)", better = "higher" }
min_effect = 0.05
[verify]
ignore_output = true
timeout = "30s"
)toml",
                                           "jarvis2.toml");
  EXPECT_EQ(settings.build, "make \"all\"");
  EXPECT_THAT(settings.bench, ElementsAre("./a x", "./a y"));
  EXPECT_THAT(settings.holdout, ElementsAre("./a z"));
  ASSERT_EQ(settings.tune.size(), 2u);
  EXPECT_EQ(settings.tune[0].path, "src/config.py");
  EXPECT_EQ(settings.tune[0].name, "BLOCK");
  EXPECT_THAT(settings.tune[0].values, ElementsAre("16", "0x20", "1_000", "1e-3"));
  EXPECT_THAT(settings.tune[1].values, ElementsAre("\"fast\"", "'é'", "true"));
  EXPECT_EQ(settings.metric.kind, MetricKind::kPattern);
  EXPECT_TRUE(settings.metric.higher_is_better);
  EXPECT_DOUBLE_EQ(settings.min_effect, 0.05);
  EXPECT_TRUE(settings.ignore_output);
  EXPECT_DOUBLE_EQ(settings.timeout.limit_s(0.1), 30);
}

TEST(Settings, WhatIsWrittenIsReadBack) {
  Settings settings;
  settings.build = "printf 'a\\n' | sh -c \"cat\"";
  settings.test = "make\ttest";
  settings.bench = {"./a 'x y'", "./b"};
  settings.holdout = {"./c"};
  settings.edit = {"src/**"};
  settings.tune = {{"a b.py", "N", {"1", "\"two\""}}};
  settings.metric = {MetricKind::kPattern, "t=(\\d+)", false};
  settings.min_effect = 0.015;
  settings.ignore_output = true;
  settings.timeout = {3, 0};
  const Settings again = parse_settings(to_toml(settings, {{"project.bench", "a candidate\nimprove it"}}), "x");
  EXPECT_EQ(again.build, settings.build);
  EXPECT_EQ(again.test, settings.test);
  EXPECT_EQ(again.bench, settings.bench);
  EXPECT_EQ(again.holdout, settings.holdout);
  EXPECT_EQ(again.tune[0].values, settings.tune[0].values);
  EXPECT_EQ(again.metric.pattern, settings.metric.pattern);
  EXPECT_DOUBLE_EQ(again.min_effect, settings.min_effect);
  EXPECT_DOUBLE_EQ(again.timeout.factor, 3);
  EXPECT_THAT(to_toml(settings, {{"project.bench", "a candidate\nimprove it"}}),
              HasSubstr("# a candidate\n# improve it\n"));
}

TEST(Settings, ErrorsNameFileAndLine) {
  const std::string project = "[project]\ntest = \"t\"\nbench = \"b\"\n";
  EXPECT_THAT(message_of("[project]\ntest = \n"), HasSubstr("jarvis2.toml:2:"));
  EXPECT_THAT(message_of(project + "tset = \"x\"\n"), HasSubstr("jarvis2.toml:4: unknown key project.tset"));
  EXPECT_THAT(message_of(project + "[projekt]\n"), HasSubstr("jarvis2.toml:4: unknown key projekt"));
  EXPECT_THAT(message_of("[project]\ntest = 3\n"), HasSubstr("jarvis2.toml:2: test must be a string"));
  EXPECT_THAT(message_of("[project]\ntest = \"t\"\n"), HasSubstr("project.bench is missing"));
  EXPECT_THAT(message_of("[project]\nbench = \"t\"\n"), HasSubstr("project.test is missing"));
  EXPECT_THAT(message_of(""), HasSubstr("no [project] table"));
  EXPECT_THAT(message_of(project + "holdout = [\"b\"]\n"), HasSubstr("listed twice"));
  EXPECT_THAT(message_of(project + "[tune]\nBLOCK = [1]\n"), HasSubstr("jarvis2.toml:5: tune key"));
  EXPECT_THAT(message_of(project + "[tune]\n\"a:B\" = []\n"), HasSubstr("must be a list"));
  EXPECT_THAT(message_of(project + "[objective]\nmetric = \"speed\"\n"), HasSubstr("jarvis2.toml:5: metric \"speed\""));
  EXPECT_THAT(message_of(project + "[objective]\nmetric = {pattern=\"x\", better=\"higher\"}\n"),
              HasSubstr("exactly one group"));
  EXPECT_THAT(message_of(project + "[objective]\nmetric = {pattern=\"(\", better=\"higher\"}\n"),
              HasSubstr("not a valid expression"));
  EXPECT_THAT(message_of(project + "[objective]\nmin_effect = \"200%\"\n"), HasSubstr("jarvis2.toml:5:"));
  EXPECT_THAT(message_of(project + "[verify]\ntimeout = \"fast\"\n"), HasSubstr("jarvis2.toml:5: verify.timeout"));
  EXPECT_THAT(message_of(project + "[verify]\ntimeout = 10\n"), HasSubstr("jarvis2.toml:5: verify.timeout"));
}

TEST(Settings, EditableByDefault) {
  const Settings settings;
  EXPECT_TRUE(editable(settings, "src/main.cc"));
  EXPECT_TRUE(editable(settings, "pkg/latest.py"));  // "test" inside a word
  EXPECT_TRUE(editable(settings, "lib/contest/run.py"));
  EXPECT_FALSE(editable(settings, "tests/helper.py"));
  EXPECT_FALSE(editable(settings, "src/parse_test.cc"));
  EXPECT_FALSE(editable(settings, "Tests/a.py"));
  EXPECT_FALSE(editable(settings, "bench/run.py"));
  EXPECT_FALSE(editable(settings, "bench_sort.py"));
  EXPECT_FALSE(editable(settings, "CMakeLists.txt"));
  EXPECT_FALSE(editable(settings, "setup.py"));
  EXPECT_FALSE(editable(settings, "conftest.py"));
  EXPECT_FALSE(editable(settings, "README.md"));
  EXPECT_FALSE(editable(settings, "jarvis2.toml"));
}

TEST(Settings, EditGlobsRuleButNeverOverTheSettings) {
  Settings settings;
  settings.edit = {"**"};
  EXPECT_TRUE(editable(settings, "tests/helper.py"));
  EXPECT_FALSE(editable(settings, "jarvis2.toml"));
  EXPECT_FALSE(editable(settings, ".git/config"));
  EXPECT_FALSE(editable(settings, "../outside.py"));
  settings.edit = {"src/*.c"};
  EXPECT_TRUE(editable(settings, "src/a.c"));
  EXPECT_FALSE(editable(settings, "src/sub/a.c"));
}

}  // namespace
}  // namespace jarvis2::project
