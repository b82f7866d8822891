#include "meta/coordinator.h"

#include <gmock/gmock.h>

#include <atomic>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/json.h"
#include "base/process.h"
#include "meta/server.h"
#include "project/repository.h"

namespace jarvis2::meta {
namespace {

using testing::Contains;
using testing::HasSubstr;

StoredFinding finding(const std::string& path, const std::string& rule, double ratio, std::uint32_t line = 3) {
  StoredFinding one;
  one.fingerprint = path + rule + std::to_string(line);
  one.path = path;
  one.rule = rule;
  one.severity = "performance";
  one.line = one.end_line = line;
  one.prior_ratio = ratio;
  one.fixable = true;
  return one;
}

Knowledge knowledge_of(std::vector<StoredFinding> findings) {
  Knowledge knowledge;
  knowledge.findings = std::move(findings);
  for (const StoredFinding& one : knowledge.findings) knowledge.contents[one.path] = 1;
  knowledge.commit = "c";
  return knowledge;
}

const auto kKnowsNothing = [](const std::string&) { return false; };

TEST(Planner, HotPlacesComeFirstAndColdOnesNotAtAll) {
  Knowledge knowledge = knowledge_of({finding("hot.py", "r", 1.5), finding("cold.py", "r", 1.5)});
  knowledge.hot_spots = {{"hot.py", "f", 1, 9, 0.8}};
  PlanOptions options;
  options.most_files = 1;
  const std::vector<Plan> plans = make_plans(knowledge, options, kKnowsNothing);
  ASSERT_EQ(plans.size(), 1u);
  EXPECT_EQ(plans[0].paths, std::vector<std::string>{"hot.py"});
  EXPECT_GT(plans[0].gain, 0.1);
  EXPECT_GT(plans[0].value, 0);
}

TEST(Planner, WhatFailedOrWasRefutedIsNotPlannedAgain) {
  Knowledge knowledge = knowledge_of({finding("a.py", "r", 2)});
  EXPECT_EQ(make_plans(knowledge, {}, kKnowsNothing).size(), 1u);
  EXPECT_TRUE(make_plans(knowledge, {}, [](const std::string&) { return true; }).empty());
  knowledge.closed = {"a.py"};
  EXPECT_TRUE(make_plans(knowledge, {}, kKnowsNothing).empty());
  knowledge.closed.clear();
  knowledge.refuted = {knowledge.findings[0].fingerprint};
  EXPECT_TRUE(make_plans(knowledge, {}, kKnowsNothing).empty());
}

TEST(Planner, HistoryOutweighsWhatARulePromises) {
  const StoredFinding one = finding("a.py", "r", 2);
  const MetaStore::HotSpot spot{"a.py", "f", 1, 9, 0.5};
  const RuleHistory bad{.tried = 20, .valid = 2, .gain = 0.001, .champions = 20};
  const Promise fresh = promise_of(one, &spot, true, {});
  const Promise burnt = promise_of(one, &spot, true, bad);
  EXPECT_LT(burnt.mean, 0.3 * fresh.mean);
  EXPECT_LT(burnt.valid, 0.3);
  EXPECT_GT(expected_excess(0, 1, 1), 0);
  EXPECT_NEAR(expected_excess(3, 1e-9, 1), 2, 1e-6);
}

TEST(Conditions, SaysWhyOneShouldWait) {
  EXPECT_EQ(pause_reason({}, {}), "");
  EXPECT_THAT(pause_reason({.on_battery = true}, {}), HasSubstr("battery"));
  EXPECT_EQ(pause_reason({.on_battery = true}, {.battery = true}), "");
  EXPECT_THAT(pause_reason({.build = "cc1plus"}, {}), HasSubstr("cc1plus"));
  EXPECT_THAT(pause_reason({.others_load = 0.9}, {}), HasSubstr("busy"));
  EXPECT_THAT(pause_reason({.memory_pressure = 0.9}, {}), HasSubstr("memory"));
  EXPECT_TRUE(is_build_tool("x86_64-linux-gnu-gcc-12") || is_build_tool("gcc-12"));
  EXPECT_FALSE(is_build_tool("python3"));
}

TEST(Supervisor, StartsAgainWhatFailed) {
  Supervisor supervisor({.first = std::chrono::milliseconds(1)});
  std::atomic<int> calls{0};
  supervisor.start("part", [&](std::stop_token stop, Beat& beat) {
    if (++calls < 4) throw Error("test", "not yet");
    beat.working("at last");
    std::mutex mutex;
    std::condition_variable_any changed;
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, stop, [] { return false; });
  });
  while (supervisor.status()[0].state != "working") std::this_thread::yield();
  EXPECT_EQ(supervisor.status()[0].failures, 3u);
  EXPECT_EQ(supervisor.status()[0].doing, "at last");
  supervisor.stop();
  EXPECT_EQ(supervisor.status()[0].state, "stopped");
}

TEST(Server, AnswersAndStops) {
  const TempDir folder;
  const fs::path path = folder.path() / "s";
  Server server(path);
  std::jthread thread([&](std::stop_token stop) {
    server.serve(
        [](const Json& request) -> Json {
          if (request.value("do", "") != "ping") throw Error("test", "unknown");
          return {{"pid", 7}};
        },
        stop);
  });
  EXPECT_EQ(ask(path, {{"do", "ping"}})["pid"], 7);
  EXPECT_THROW(ask(path, {{"do", "dance"}}), Error);
  EXPECT_THROW(ask(path, Json::array()), Error);
  EXPECT_EQ(ask(path, {{"do", "ping"}})["pid"], 7);
  thread.request_stop();
  thread.join();
  EXPECT_THROW(ask(folder.path() / "nobody", {{"do", "ping"}}), Error);
}

TEST(Execute, EndsWhatIsToldToStop) {
  std::stop_source stop;
  std::jthread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    stop.request_stop();
  });
  const ExecutorResult result = execute("/bin/sh", {"-c", "trap '' TERM; sleep 60"}, {}, stop.get_token());
  EXPECT_EQ(result.status, -1);
  EXPECT_EQ(result.interrupted, "stopped");
  const ExecutorResult fine = execute("/bin/sh", {"-c", "echo '{}'; exit 3"}, {}, {});
  EXPECT_EQ(fine.status, 3);
  EXPECT_EQ(fine.out, "{}\n");
}

// The programs are scripted; git, store and proposals are real.
class CoordinatorTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::canonical(folder_.path()) / "r";
    put("a.py", kSlow);
    put("jarvis2.toml", "[project]\ntest = \"true\"\nbench = \"python3 run.py\"\n");
    put("run.py", "import a\n");
    git({"init", "-q", "-b", "main"});
    git({"config", "user.name", "T"});
    git({"config", "user.email", "t@example.invalid"});
    commit();
    project::Repository::open(root_).state_dir();
    store_.emplace(root_ / ".jarvis2/meta.sqlite");
    StoredFinding one = finding("a.py", "python/x", 2, 1);
    store_->observe({}, [&](MetaStore::Writer& writer) {
      writer.put_file("a.py", {});
      edit::AuditFinding audit;
      audit.fingerprint = one.fingerprint;
      audit.rule = one.rule;
      audit.path = one.path;
      audit.severity = one.severity;
      audit.line = audit.end_line = 1;
      audit.prior_ratio = 2;
      audit.fixable = true;
      writer.put_findings("a.py", {audit});
    });
    options_.limits = {.load = 2, .memory_pressure = 2, .battery = true};
  }
  void put(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  std::string git(std::vector<std::string> args) {
    SpawnOptions spawn;
    spawn.argv = {"git"};
    spawn.argv.insert(spawn.argv.end(), args.begin(), args.end());
    spawn.cwd = root_;
    const ProcessResult result = run_process(spawn);
    EXPECT_TRUE(result.ok()) << result.err;
    return result.out;
  }
  void commit() {
    git({"add", "-A"});
    git({"commit", "-q", "--allow-empty", "-m", "change"});
  }
  // What `improve` leaves.
  ExecutorResult improve(const std::string& id) {
    const project::Repository repository = project::Repository::open(root_);
    Json result = {{"id", id},
                   {"verdict", "faster"},
                   {"speedup", {{"estimate", 1.5}, {"low", 1.4}, {"high", 1.6}, {"confidence", 0.9}}},
                   {"baseline", {{"commit", repository.head()}}},
                   {"profile", {{"functions", Json::array()}}},
                   {"catalogue", Json::array()},
                   {"candidates", Json::array()}};
    result["actions"] = Json::array(
        {{{"rule", "python/x"}, {"path", "a.py"}, {"title", "faster"}, {"contribution", {{"ratio", 1.5}}}}});
    put(".jarvis2/runs/" + id + "/champion.patch", repository.diff(repository.head(), {{"a.py", kFast}}));
    put(".jarvis2/runs/" + id + "/result.json", result.dump());
    return {0, result.dump(), "", ""};
  }
  void turn(Coordinator& coordinator, int times = 3) {
    for (int i = 0; i < times; ++i) coordinator.step({}, nullptr);
  }
  static constexpr const char* kSlow = "slow = 1\nrest = 1\nmore = 1\nend = 1\n";
  static constexpr const char* kFast = "fast = 1\nrest = 1\nmore = 1\nend = 1\n";
  TempDir folder_;
  fs::path root_;
  std::optional<MetaStore> store_;
  CoordinatorOptions options_;
  std::vector<std::string> called_;
};

TEST_F(CoordinatorTest, ProposesABranchAndTakesBackWhatNoLongerHelps) {
  std::string verify_verdict = "faster";
  std::string seen_base, seen_patch;
  Coordinator coordinator(
      root_, *store_, options_, [&](const std::vector<std::string>& args, const ExecutorOptions&, std::stop_token) {
        called_.push_back(args[0]);
        if (args[0] == "improve") return improve("20260101-000000-aaaa");
        seen_base = read_file(fs::path(args[1]) / "a.py");
        seen_patch = read_file(args[3]);
        return ExecutorResult{verify_verdict == "faster" ? 0 : 1,
                              Json{{"verdict", verify_verdict}, {"speedup", nullptr}, {"reason", ""}}.dump(), "", ""};
      });
  turn(coordinator);
  ASSERT_THAT(called_, testing::ElementsAre("improve"));
  ASSERT_EQ(store_->plans(9).size(), 1u);
  EXPECT_EQ(store_->plans(9)[0].state, PlanState::kProposed);
  EXPECT_EQ(git({"show", "jarvis2/20260101-000000-aaaa:a.py"}), kFast);
  EXPECT_EQ(read_file(root_ / "a.py"), kSlow) << "the working tree is the user's";

  git({"merge", "-q", "jarvis2/20260101-000000-aaaa"});
  turn(coordinator);
  ASSERT_EQ(store_->contributions().size(), 1u);
  EXPECT_EQ(store_->contributions()[0].state, "applied");
  EXPECT_EQ(store_->plans(9)[0].state, PlanState::kApplied);
  EXPECT_EQ(called_.size(), 1u) << "nothing changed: nothing to check";

  put("run.py", "import a, sys\n");
  commit();
  turn(coordinator);
  ASSERT_EQ(called_.size(), 2u);
  EXPECT_EQ(called_[1], "verify");
  EXPECT_EQ(seen_base, kSlow);
  EXPECT_THAT(seen_patch, HasSubstr("+fast"));
  EXPECT_EQ(store_->plans(1)[0].state, PlanState::kHolds);

  verify_verdict = "not faster";
  put("a.py", "fast = 1\nrest = 1\nmore = 1\nend = 2\n");
  put("run.py", "pass\n");
  commit();
  turn(coordinator);
  const Plan last = store_->plans(1)[0];
  EXPECT_EQ(last.state, PlanState::kProposed);
  EXPECT_EQ(git({"show", last.branch + ":a.py"}), "slow = 1\nrest = 1\nmore = 1\nend = 2\n");
  const std::size_t calls = called_.size();
  turn(coordinator);
  EXPECT_EQ(called_.size(), calls) << "proposed once";
}

TEST_F(CoordinatorTest, FailuresArePutOffAndGivenUp) {
  Coordinator coordinator(root_, *store_, options_,
                          [&](const std::vector<std::string>& args, const ExecutorOptions&, std::stop_token) {
                            called_.push_back(args[0]);
                            return ExecutorResult{2, "", "no compiler", ""};
                          });
  turn(coordinator);
  EXPECT_EQ(called_.size(), 1u);
  Plan plan = store_->plans(1)[0];
  EXPECT_EQ(plan.state, PlanState::kWaiting);
  EXPECT_EQ(plan.reason, "no compiler");
  for (int i = 0; i < 2; ++i) {
    plan.not_before_s = 0;
    store_->update(plan);
    turn(coordinator);
    plan = store_->plans(1)[0];
  }
  EXPECT_EQ(plan.state, PlanState::kFailed);
  EXPECT_EQ(called_.size(), 3u);
}

TEST_F(CoordinatorTest, AKilledRunIsTakenUpAgain) {
  Plan plan;
  plan.kind = "improve";
  plan.key = "k";
  plan.state = PlanState::kRunning;
  plan.commit = project::Repository::open(root_).head();
  plan.id = store_->add(plan);
  improve("20260101-000000-bbbb");
  Coordinator coordinator(root_, *store_, options_, {});
  coordinator.recover();
  EXPECT_EQ(store_->plan(plan.id)->state, PlanState::kProposed) << "the result was there already";
  plan.key = "l";
  plan.run = "20260101-000000-bbbb";
  plan.id = store_->add(plan);
  coordinator.recover();
  EXPECT_EQ(store_->plan(plan.id)->state, PlanState::kWaiting);
}

}  // namespace
}  // namespace jarvis2::meta
