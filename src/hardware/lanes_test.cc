#include "hardware/lanes.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>

namespace jarvis2::hardware {
namespace {

using std::chrono::milliseconds;

Machine plain(int cpus) {
  Machine machine;
  machine.tiers = {{"performance", "performance", cpus, {}, {}}};
  for (int cpu = 0; cpu < cpus; ++cpu) machine.tiers[0].cpus.push_back(cpu);
  machine.memory_total_bytes = machine.memory_limit_bytes = 1000;
  return machine;
}

LaneSizes sizes(int performance, int efficiency, int cores, std::uint64_t budget = 0) {
  return {performance, efficiency, 1, 2, cores, budget};
}

template <typename T>
Task<T> task(std::function<T(const TaskContext&)> work, TaskTraits traits = {}) {
  return {std::move(work), traits};
}

TEST(Lanes, EveryMachineHasEveryLane) {
  Machine machine = plain(4);
  machine.cpu_quota = 0.5;
  const LaneSizes small = lane_sizes(machine);
  EXPECT_EQ(small.cores, 1);
  EXPECT_EQ(small.performance, 1);
  EXPECT_EQ(small.efficiency, 1);
  EXPECT_GE(small.io, 1);
  EXPECT_EQ(small.memory_budget_bytes, 850U);
  machine = plain(8);
  machine.tiers.push_back({"little", "efficiency", 4, {8, 9, 10, 11}, {}});
  const LaneSizes hybrid = lane_sizes(machine);
  EXPECT_EQ(hybrid.performance, 8);
  EXPECT_EQ(hybrid.efficiency, 4);
  EXPECT_EQ(hybrid.cores, 12);
}

TEST(Lanes, TasksGoWhereTheyBelong) {
  EXPECT_EQ(classify({.requires_gpu = true, .io_operations = true}), Lane::kGpu);
  EXPECT_EQ(classify({.io_operations = true}), Lane::kIo);
  EXPECT_EQ(classify({.background = true}), Lane::kEfficiency);
  EXPECT_EQ(classify({.memory_intensive = true}), Lane::kPerformance);
  // All GPU work of all batches is one thread's.
  Lanes lanes(plain(2), sizes(2, 2, 2));
  std::vector<Task<std::thread::id>> tasks(
      20, task<std::thread::id>([](const TaskContext&) { return std::this_thread::get_id(); }, {.requires_gpu = true}));
  const std::vector<Outcome<std::thread::id>> first = batch_execute(lanes, tasks);
  const std::vector<Outcome<std::thread::id>> second = batch_execute(lanes, tasks);
  for (const Outcome<std::thread::id>& outcome : second) EXPECT_EQ(outcome.value, first[0].value);
  EXPECT_NE(first[0].value, std::this_thread::get_id());
}

TEST(Lanes, ResultsInOrderAndExceptionsKept) {
  Lanes lanes(plain(3), sizes(2, 1, 3));
  std::mt19937 random(7);
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 500; ++i) {
    TaskTraits traits;
    traits.requires_gpu = random() % 5 == 0;
    traits.io_operations = random() % 5 == 0;
    traits.background = random() % 2 == 0;
    traits.priority = static_cast<int>(random() % 7) - 3;
    tasks.push_back(task<int>(
        [i](const TaskContext&) {
          if (i % 11 == 3) throw std::runtime_error("task " + std::to_string(i));
          return i * i;
        },
        traits));
  }
  const std::vector<Outcome<int>> outcomes = batch_execute(lanes, tasks);
  ASSERT_EQ(outcomes.size(), tasks.size());
  for (int i = 0; i < 500; ++i) {
    const Outcome<int>& outcome = outcomes[static_cast<std::size_t>(i)];
    if (i % 11 == 3) {
      EXPECT_EQ(outcome.state, TaskState::kFailed);
      EXPECT_FALSE(outcome.value);
      try {
        std::rethrow_exception(outcome.error);
      } catch (const std::runtime_error& error) {
        EXPECT_EQ(error.what(), "task " + std::to_string(i));
      }
    } else {
      EXPECT_EQ(outcome.state, TaskState::kDone);
      EXPECT_EQ(outcome.value, i * i);
    }
  }
}

TEST(Lanes, AMillionTasks) {
  Lanes lanes(plain(4), sizes(4, 2, 4));
  std::vector<std::atomic<std::uint8_t>> seen(1'000'000);
  EXPECT_TRUE(lanes.for_each(seen.size(), {}, [&](std::size_t i) { seen[i].fetch_add(1, std::memory_order_relaxed); }));
  for (const std::atomic<std::uint8_t>& count : seen) ASSERT_EQ(count.load(), 1);
  EXPECT_EQ(lanes.counters().tasks, 1'000'000U);
  EXPECT_LE(lanes.counters().most_running, 4);
}

// Every lane waits for every other, deeper than there are threads.
TEST(Lanes, NestedSubmissionDoesNotDeadlock) {
  for (const int cores : {1, 2, 3}) {
    Lanes lanes(plain(cores), sizes(cores, 1, cores));
    std::atomic<int> leaves{0};
    std::function<void(int, unsigned)> grow = [&](int depth, unsigned seed) {
      if (depth == 0) {
        leaves.fetch_add(1);
        return;
      }
      std::vector<Task<int>> tasks;
      for (unsigned i = 0; i < 3; ++i) {
        const unsigned kind = (seed + i * 7) % 4;
        TaskTraits traits;
        traits.requires_gpu = kind == 0;
        traits.io_operations = kind == 1;
        traits.background = kind == 2;
        traits.memory_bytes = kind == 3 ? 900 : 0;
        tasks.push_back(task<int>(
            [&, depth, seed, i](const TaskContext&) {
              grow(depth - 1, seed * 31 + i + 1);
              return 0;
            },
            traits));
      }
      for (const Outcome<int>& outcome : batch_execute(lanes, tasks)) ASSERT_EQ(outcome.state, TaskState::kDone);
    };
    std::vector<std::thread> callers;
    for (unsigned caller = 0; caller < 3; ++caller) callers.emplace_back([&, caller] { grow(5, caller); });
    for (std::thread& caller : callers) caller.join();
    EXPECT_EQ(leaves.load(), 3 * 243);
    EXPECT_LE(lanes.counters().most_running, cores);
  }
}

TEST(Lanes, CpuLanesShareTheCores) {
  Lanes lanes(plain(4), sizes(4, 4, 2));
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 200; ++i) {
    tasks.push_back(task<int>(
        [&](const TaskContext&) {
          const int now = running.fetch_add(1) + 1;
          int before = most.load();
          while (before < now && !most.compare_exchange_weak(before, now)) {
          }
          std::this_thread::yield();
          running.fetch_sub(1);
          return 0;
        },
        {.background = i % 2 == 0}));
  }
  batch_execute(lanes, tasks);
  EXPECT_LE(most.load(), 2);
}

TEST(Lanes, MemoryBudgetHolds) {
  Lanes lanes(plain(4), sizes(4, 2, 4, 1000));
  std::atomic<int> used{0};
  std::atomic<int> most{0};
  std::atomic<int> alone{0};
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 300; ++i) {
    const int bytes = i % 50 == 0 ? 5000 : 100 + i % 400;  // some never fit beside others
    tasks.push_back(task<int>(
        [&, bytes](const TaskContext&) {
          const int now = used.fetch_add(bytes) + bytes;
          int before = most.load();
          if (bytes == 5000 && now == 5000) alone.fetch_add(1);
          if (bytes < 5000) {
            while (before < now && !most.compare_exchange_weak(before, now)) {
            }
          }
          std::this_thread::yield();
          used.fetch_sub(bytes);
          return 0;
        },
        {.memory_intensive = true, .background = i % 3 == 0, .memory_bytes = static_cast<std::uint64_t>(bytes)}));
  }
  for (const Outcome<int>& outcome : batch_execute(lanes, tasks)) EXPECT_EQ(outcome.state, TaskState::kDone);
  EXPECT_LE(most.load(), 1000);
  EXPECT_EQ(alone.load(), 6);
}

TEST(Lanes, UrgentTasksGoFirst) {
  Lanes lanes(plain(1), sizes(1, 1, 1));
  std::vector<int> order;
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 30; ++i) {
    tasks.push_back(task<int>([&, i](const TaskContext&) { return order.push_back(i), 0; }, {.priority = i % 3}));
  }
  batch_execute(lanes, tasks);
  ASSERT_EQ(order.size(), 30U);
  for (std::size_t i = 0; i < 30; ++i) EXPECT_EQ(order[i] % 3, 2 - static_cast<int>(i) / 10) << i;
  EXPECT_EQ(order[0], 2);
  EXPECT_EQ(order[1], 5);
}

TEST(Lanes, AnUrgentBatchOvertakesOneThatRuns) {
  Lanes lanes(plain(1), sizes(1, 1, 1));
  std::atomic<int> slow{0};
  std::atomic<int> slow_when_urgent_ran{-1};
  std::atomic<bool> submitted{false};
  std::thread urgent;
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 50; ++i) {
    tasks.push_back(task<int>([&, i](const TaskContext&) {
      if (i == 0) {
        urgent = std::thread([&] {
          std::vector<Task<int>> one = {task<int>(
              [&](const TaskContext&) {
                slow_when_urgent_ran = slow.load();
                return 0;
              },
              {.priority = 9})};
          submitted = true;
          batch_execute(lanes, one);
        });
      }
      if (i == 0) {
        while (!submitted) std::this_thread::yield();
      }
      std::this_thread::sleep_for(milliseconds(2));
      slow.fetch_add(1);
      return 0;
    }));
  }
  batch_execute(lanes, tasks);
  urgent.join();
  EXPECT_GE(slow_when_urgent_ran.load(), 1);
  EXPECT_LT(slow_when_urgent_ran.load(), 50);
}

TEST(Lanes, CancelledTasksDoNotBegin) {
  Lanes lanes(plain(2), sizes(2, 1, 2));
  std::stop_source stop;
  std::atomic<int> begun{0};
  std::vector<Task<int>> tasks(1000, task<int>([&](const TaskContext& context) {
                                 if (begun.fetch_add(1) == 10) stop.request_stop();
                                 return context.should_stop() ? 1 : 0;
                               }));
  int done = 0;
  int cancelled = 0;
  for (const Outcome<int>& outcome : batch_execute(lanes, tasks, {stop.get_token(), {}})) {
    done += outcome.state == TaskState::kDone ? 1 : 0;
    cancelled += outcome.state == TaskState::kCancelled ? 1 : 0;
  }
  EXPECT_EQ(done, begun.load());
  EXPECT_EQ(done + cancelled, 1000);
  EXPECT_GT(cancelled, 900);
}

TEST(Lanes, LateTasksDoNotBegin) {
  Lanes lanes(plain(1), sizes(1, 1, 1));
  const BatchOptions options{{}, std::chrono::steady_clock::now() - milliseconds(1)};
  const std::vector<Outcome<int>> late =
      batch_execute(lanes, std::vector<Task<int>>{task<int>([](const TaskContext&) { return 1; })}, options);
  EXPECT_EQ(late[0].state, TaskState::kLate);
  EXPECT_FALSE(late[0].value);
}

TEST(Lanes, ForEachRethrowsTheFirstFailureAndStops) {
  Lanes lanes(plain(2), sizes(2, 1, 2));
  std::atomic<int> begun{0};
  try {
    lanes.for_each(100'000, {}, [&](std::size_t i) {
      begun.fetch_add(1);
      if (i >= 5) throw std::runtime_error(std::to_string(i));
    });
    ADD_FAILURE() << "no exception";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "5");
  }
  EXPECT_LT(begun.load(), 100'000);
  EXPECT_TRUE(lanes.for_each(0, {}, [](std::size_t) { throw std::runtime_error("none"); }));
}

TEST(Lanes, OverlapKeepsTheOrderAndPassesEveryItemOn) {
  Lanes lanes(plain(2), sizes(2, 1, 2));
  std::vector<std::string> seen;
  overlap<std::string>(
      lanes, 50, [](std::size_t i) { return "batch " + std::to_string(i); },
      [&](std::size_t i, std::string& item) {
        EXPECT_EQ(item, "batch " + std::to_string(i));
        seen.push_back(item);
      });
  EXPECT_EQ(seen.size(), 50U);
  EXPECT_THROW(overlap<int>(
                   lanes, 5, [](std::size_t i) -> int { return i == 3 ? throw std::runtime_error("no") : 0; },
                   [](std::size_t, int&) {}),
               std::runtime_error);
}

// Random trees of tasks that fail, are cancelled and nest, from several callers at once.
TEST(Lanes, RandomWork) {
  Lanes lanes(plain(3), sizes(3, 2, 3, 500));
  std::vector<std::thread> callers;
  for (unsigned caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&, caller] {
      std::mt19937 random(caller + 1);
      for (int round = 0; round < 40; ++round) {
        std::vector<Task<unsigned>> tasks;
        for (unsigned i = 0; i < 1 + random() % 40; ++i) {
          const unsigned draw = random();
          TaskTraits traits;
          traits.requires_gpu = draw % 13 == 0;
          traits.io_operations = draw % 7 == 0;
          traits.background = draw % 3 == 0;
          traits.memory_bytes = draw % 5 == 0 ? draw % 600 : 0;
          traits.priority = static_cast<int>(draw % 4);
          tasks.push_back(task<unsigned>(
              [&lanes, draw](const TaskContext&) -> unsigned {
                if (draw % 17 == 0) throw std::runtime_error("random");
                if (draw % 11 != 0) return draw;
                std::atomic<unsigned> sum{0};
                lanes.for_each(draw % 20, {.background = draw % 2 == 0},
                               [&](std::size_t k) { sum += static_cast<unsigned>(k); });
                return sum.load();
              },
              traits));
        }
        const std::vector<Outcome<unsigned>> outcomes = batch_execute(lanes, tasks);
        for (const Outcome<unsigned>& outcome : outcomes) {
          ASSERT_TRUE((outcome.state == TaskState::kDone && outcome.value) ||
                      (outcome.state == TaskState::kFailed && outcome.error));
        }
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

}  // namespace
}  // namespace jarvis2::hardware
