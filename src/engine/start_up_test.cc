#include "engine/start_up.h"

#include <gmock/gmock.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "base/error.h"

namespace jarvis2::engine {
namespace {

TEST(StartUp, StepsWaitForWhatTheyNeed) {
  std::mutex mutex;
  std::vector<std::string> order;
  const auto step = [&](std::string name, std::vector<std::string> needs) {
    return StartStep{name, std::move(needs), [&, name] {
                       const std::lock_guard<std::mutex> lock(mutex);
                       order.push_back(name);
                     }};
  };
  const std::vector<StartTiming> timings =
      start_up({step("last", {"a", "b"}), step("a", {"first"}), step("b", {"first"}), step("first", {})});
  ASSERT_EQ(order.size(), 4u);
  EXPECT_EQ(order.front(), "first");
  EXPECT_EQ(order.back(), "last");
  EXPECT_EQ(timings[0].name, "last");
}

TEST(StartUp, IndependentStepsRunSideBySide) {
  std::atomic<int> here{0};
  const auto meet = [&] {
    ++here;
    while (here < 2) std::this_thread::yield();
  };
  start_up({{"a", {}, meet}, {"b", {}, meet}});
  EXPECT_EQ(here, 2);
}

TEST(StartUp, AFailureEndsIt) {
  bool ran = false;
  EXPECT_THROW(start_up({{"bad", {}, [] { throw Error("test", "no"); }}, {"after", {"bad"}, [&] { ran = true; }}}),
               Error);
  EXPECT_FALSE(ran);
  EXPECT_THROW(start_up({{"a", {"b"}, [] {}}, {"b", {"a"}, [] {}}}), Error);
  EXPECT_THROW(start_up({{"a", {"nobody"}, [] {}}}), Error);
}

}  // namespace
}  // namespace jarvis2::engine
