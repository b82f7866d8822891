#include "project/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jarvis2::project {
namespace {

TEST(ProfileBuilder, LibraryTimeCountsForTheCallingLine) {
  ProfileBuilder builder;
  builder.add({{"", 0, "memcpy"}, {"a.c", 7, "copy"}, {"a.c", 20, "main"}}, 3);
  builder.add({{"a.c", 20, "main"}}, 1);
  const Profile profile = builder.finish("perf");
  ASSERT_EQ(profile.lines.size(), 2u);
  EXPECT_EQ(profile.lines[0].line, 7u);
  EXPECT_DOUBLE_EQ(profile.lines[0].share, 0.75);
  ASSERT_EQ(profile.functions.size(), 2u);
  EXPECT_DOUBLE_EQ(profile.functions[1].total, 1.0);  // main
  ASSERT_EQ(profile.outside.size(), 1u);
  EXPECT_EQ(profile.outside[0].name, "memcpy");
}

TEST(ProfileBuilder, RecursionCountsOnce) {
  ProfileBuilder builder;
  builder.add({{"a.py", 2, "f"}, {"a.py", 3, "f"}, {"a.py", 3, "f"}}, 2);
  EXPECT_DOUBLE_EQ(builder.finish("py-spy").functions[0].total, 1.0);
}

TEST(Callgrind, RelativeLinesNamesAndInclusiveCosts) {
  ProfileBuilder builder;
  read_callgrind(
      "events: Ir\nfl=(1) /jarvis2/src/a.c\nfn=(1) work\n10 100\n+2 50\n* 50\ncfi=(2) /usr/lib/x.c\ncfn=(2) strlen\n"
      "calls=5 3\n-1 999\nfl=(2)\nfn=(2)\n3 300\nfl=(1)\nfn=(1)\n10 100\n",
      "/jarvis2/src", builder);
  EXPECT_DOUBLE_EQ(builder.total(), 600);
  const Profile profile = builder.finish("callgrind");
  ASSERT_EQ(profile.lines.size(), 2u);
  EXPECT_EQ(profile.lines[0].line, 10u);
  EXPECT_NEAR(profile.lines[0].share, 200.0 / 600, 1e-9);
  EXPECT_EQ(profile.lines[1].line, 12u);
  EXPECT_EQ(profile.outside[0].name, "strlen");
}

}  // namespace
}  // namespace jarvis2::project
