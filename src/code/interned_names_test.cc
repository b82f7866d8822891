#include "code/interned_names.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace jarvis2::code {
namespace {

TEST(InternedNames, IsASet) {
  InternedNames a{"b", "a", "b"};
  const InternedNames b{"c", "a"};
  EXPECT_EQ(a.size(), 2u);
  EXPECT_TRUE(a.contains("a"));
  EXPECT_FALSE(a.contains("never seen before"));
  a.insert(b);
  EXPECT_EQ(a, (InternedNames{"a", "b", "c"}));
  EXPECT_EQ(std::set<std::string>(a.begin(), a.end()), (std::set<std::string>{"a", "b", "c"}));
  EXPECT_NE(a, b);
  EXPECT_TRUE(InternedNames().empty());
}

TEST(InternedNames, OneNumberANameOnManyThreads) {
  std::vector<std::vector<std::uint32_t>> seen(4);
  {
    std::vector<std::jthread> threads;
    for (std::vector<std::uint32_t>& mine : seen) {
      threads.emplace_back([&mine] {
        for (int i = 0; i < 500; ++i) mine.push_back(intern("name " + std::to_string(i)));
      });
    }
  }
  for (const std::vector<std::uint32_t>& mine : seen) EXPECT_EQ(mine, seen[0]);
  EXPECT_EQ(interned(seen[0][7]), "name 7");
}

}  // namespace
}  // namespace jarvis2::code
