#include "project/sample_text.h"

#include <gtest/gtest.h>

namespace jarvis2::project {
namespace {

// Laid out as `sample` documents it; no recording of a Mac is at hand.
constexpr std::string_view kText = R"(Analysis of sampling bench (pid 4711) every 1 millisecond
Process:         bench [4711]

Call graph:
    100 Thread_81234   DispatchQueue_1: com.apple.main-thread  (serial)
      100 start  (in dyld) + 2544  [0x18b1a50e0]
        98 main  (in bench) + 120  [0x100003f00]  bench.c:42
        + 60 work  (in bench) + 44  [0x100003e2c]  work.c:12
        + ! 20 memmove  (in libsystem_platform.dylib) + 96  [0x18b5d1a60]
        + 30 work  (in bench) + 60  [0x100003e3c]  work.c:14
        2 main  (in bench) + 140  [0x100003f14]  bench.c:44

Total number in stack (recursive counted multiple, when >=5):

Sort by top of stack, same collapsed (when >= 5):
        work  (in bench)        70
)";

TEST(SampleText, LinesFunctionsAndWhatLiesOutside) {
  ProfileBuilder builder;
  read_sample(
      kText, [](const std::string& name) { return name == "work.c" ? "src/work.c" : "bench/" + name; }, builder);
  EXPECT_EQ(builder.total(), 100);
  const Profile profile = builder.finish("sample");
  double at_12 = 0;
  double at_14 = 0;
  double at_42 = 0;
  for (const LineShare& line : profile.lines) {
    if (line.path == "src/work.c" && line.line == 12) at_12 = line.share;
    if (line.path == "src/work.c" && line.line == 14) at_14 = line.share;
    if (line.path == "bench/bench.c" && line.line == 42) at_42 = line.share;
  }
  EXPECT_NEAR(at_12, 0.6, 1e-9);  // what it calls outside counts for the line
  EXPECT_NEAR(at_14, 0.3, 1e-9);
  EXPECT_NEAR(at_42, 0.08, 1e-9);
  ASSERT_FALSE(profile.functions.empty());
  EXPECT_EQ(profile.functions[0].name, "work");
  EXPECT_EQ(profile.functions[0].path, "src/work.c");
}

TEST(SampleText, OtherTextIsPassedOver) {
  ProfileBuilder builder;
  const auto nothing = [](const std::string&) { return std::string(); };
  for (const std::string_view text : {"", "Call graph:", "Call graph:\n", "Call graph:\n    x\n", "Call graph:\n    12",
                                      "Call graph:\n    7 main  (in a\n      9 b  (in ]:x\n"}) {
    read_sample(text, nothing, builder);
  }
  EXPECT_LE(builder.total(), 9);
}

}  // namespace
}  // namespace jarvis2::project
