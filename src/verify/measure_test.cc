#include "verify/measure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <thread>

#include "base/error.h"
#include "base/json.h"
#include "verify/pairs.h"
#include "verify/probe.h"
#include "verify/stages.h"
#include "verify/system.h"

namespace jarvis2::verify {
namespace {

Arm shell(const std::string& command) {
  Arm arm;
  arm.spawn.argv = {"/bin/sh", "-c", command};
  return arm;
}

// Work for the shell itself: `turns` turns of a loop.
std::string spin(int turns) {
  return "i=0; while [ $i -lt " + std::to_string(turns) + " ]; do i=$((i+1)); done; echo done";
}

MeasureOptions quick() {
  MeasureOptions options;
  options.budget_s = 200;  // a loaded machine takes its time
  options.seed = 7;
  options.record_aa = false;
  return options;
}

TEST(Judge, TellsFasterFromSlowerOnOneCore) {
  MeasureOptions options = quick();
  const Judgement faster = judge(shell(spin(150000)), shell(spin(50000)), options);
  EXPECT_EQ(faster.verdict, Verdict::kFaster) << faster.reason;
  EXPECT_EQ(faster.instrument, Instrument::kDuet) << faster.instrument_reason;
  EXPECT_GT(faster.estimate.low, 1.02);
  ASSERT_TRUE(faster.confirmation.has_value());
  EXPECT_GT(faster.confirmation->ratio, 1);
  const Judgement slower = judge(shell(spin(20000)), shell(spin(60000)), options);
  EXPECT_EQ(slower.verdict, Verdict::kSlower) << slower.reason;
}

TEST(Judge, EqualProgramsAreNotCalledFaster) {
  const Judgement equal = judge(shell(spin(30000)), shell(spin(30000)), quick());
  EXPECT_NE(equal.verdict, Verdict::kFaster) << equal.reason;
  EXPECT_GT(equal.estimate.pairs, 0u);
}

TEST(Judge, WaitingIsMeasuredByTheWallClock) {
  const Judgement judgement = judge(shell("sleep 0.06"), shell("sleep 0.02"), quick());
  EXPECT_EQ(judgement.instrument, Instrument::kSequential) << judgement.instrument_reason;
  EXPECT_EQ(judgement.verdict, Verdict::kFaster) << judgement.reason;
}

// A quarter less CPU time, hardly less wall time: the duet alone would call it a third faster.
TEST(Judge, NoticesThatTheInstrumentsDisagree) {
  MeasureOptions options = quick();
  options.instrument = Instrument::kDuet;
  const Judgement judgement = judge(shell(spin(20000) + "; sleep 0.1"), shell(spin(15000) + "; sleep 0.1"), options);
  ASSERT_TRUE(judgement.confirmation.has_value()) << judgement.reason;
  EXPECT_TRUE(judgement.verdict != Verdict::kFaster || !judgement.notes.empty());
}

// A child that is never waited for is in no account: CPU time would call this several times as fast.
TEST(Judge, WorkInAnUnaccountedChildIsNotHidden) {
  if (find_program("python3").empty()) GTEST_SKIP();
  const std::string work = "x = 0\nfor i in range(2000000): x += i\n";
  const std::string hidden =
      "import os, signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\na, b = os.pipe()\nif os.fork() == 0:\n"
      "  x = 0\n  for i in range(2000000): x += i\n  os.write(b, b'x')\n  os._exit(0)\nos.read(a, 1)\n";
  Arm open, closed;
  open.spawn.argv = {"python3", "-c", work};
  closed.spawn.argv = {"python3", "-c", hidden};
  MeasureOptions options = quick();
  options.budget_s = 10;
  const Judgement judgement = judge(open, closed, options);
  EXPECT_NE(judgement.verdict, Verdict::kFaster) << judgement.reason;
  EXPECT_EQ(judgement.instrument, Instrument::kSequential) << judgement.instrument_reason;
  // Nor when the duet is asked for and the wall clock has too little time to tell.
  options.instrument = Instrument::kDuet;
  const Judgement asked = judge(open, closed, options);
  EXPECT_NE(asked.verdict, Verdict::kFaster) << asked.reason;
}

// Hardly any CPU time in half a second: repeats up to a good CPU time would take minutes a pair.
TEST(Judge, RepeatsEndWithTheWallClock) {
  MeasureOptions options = quick();
  options.instrument = Instrument::kDuet;
  options.budget_s = 6;
  options.confirm = false;
  const Judgement judgement = judge(shell("sleep 0.4"), shell("sleep 0.4"), options);
  ASSERT_FALSE(judgement.samples.empty()) << judgement.reason;
  EXPECT_LE(judgement.samples.front().repeats, 2);
}

TEST(Judge, OtherOutputIsRejectedUnlessIgnored) {
  MeasureOptions options = quick();
  const Judgement rejected = judge(shell("echo one"), shell("echo two"), options);
  EXPECT_EQ(rejected.verdict, Verdict::kRejected);
  ASSERT_TRUE(rejected.failure.has_value());
  EXPECT_TRUE(rejected.failure->candidate);
  options.check_output = false;
  options.budget_s = 1;
  EXPECT_NE(judge(shell("echo one"), shell("echo two"), options).verdict, Verdict::kRejected);
}

TEST(Judge, FailingArms) {
  EXPECT_THROW(judge(shell("exit 3"), shell("true"), quick()), Error);
  const Judgement failing = judge(shell("true"), shell("echo broken >&2; exit 3"), quick());
  EXPECT_EQ(failing.verdict, Verdict::kRejected);
  EXPECT_THAT(failing.reason, testing::HasSubstr("broken"));
  EXPECT_THROW(judge(shell("date +%N"), shell("date +%N"), quick()), Error);  // output that does not hold still
}

TEST(Judge, TimeoutNeverScores) {
  MeasureOptions options = quick();
  options.run_timeout_s = 2;
  const Judgement judgement = judge(shell("true"), shell("sleep 60"), options);
  EXPECT_EQ(judgement.verdict, Verdict::kRejected);
  EXPECT_THAT(judgement.reason, testing::HasSubstr("longer than"));
}

// A candidate that fails only now and then is not measured on its good runs.
TEST(Judge, FailureInTheMiddleEndsIt) {
  const TempDir dir;
  const std::string counter = (dir.path() / "n").string();
  const std::string sometimes = "echo x >> " + counter + "; [ $(wc -l < " + counter + ") -lt 10 ] && echo ok";
  const Judgement judgement = judge(shell("echo ok"), shell(sometimes), quick());
  EXPECT_EQ(judgement.verdict, Verdict::kRejected) << judgement.reason;
}

TEST(Judge, StopsWhenAsked) {
  std::stop_source source;
  MeasureOptions options = quick();
  options.stop = source.get_token();
  options.progress = [&](const Progress& progress) {
    if (progress.phase == "measure") source.request_stop();
  };
  EXPECT_THROW(judge(shell("sleep 0.05"), shell("sleep 0.05"), options), Interrupted);
}

TEST(Judge, SeveralBenchmarksMakeOneClaim) {
  MeasureOptions options = quick();
  options.confirm = false;
  const std::vector<Work> works = {{"one", shell(spin(60000)), shell(spin(20000)), {}, {}, {}},
                                   {"two", shell(spin(20000)), shell(spin(50000)), {}, {}, {}}};
  const Judgement traded = judge(works, options);
  ASSERT_EQ(traded.parts.size(), 2u);
  EXPECT_NE(traded.verdict, Verdict::kFaster) << traded.reason;  // three times faster, but two and a half times slower
  EXPECT_GT(traded.parts[0].estimate.ratio, 2);
  EXPECT_LT(traded.parts[1].estimate.ratio, 0.6);
}

TEST(Judge, OtherObjectives) {
  const TempDir dir;
  write_file_atomic(dir.path() / "big", std::string(3000, 'x'));
  write_file_atomic(dir.path() / "small", std::string(1000, 'x'));
  MeasureOptions options = quick();
  options.objective.metric = Metric::kPattern;
  options.objective.pattern = "rate: ([0-9.]+)";
  options.objective.higher_is_better = true;
  const Judgement printed = judge(shell("echo rate: 100"), shell("echo rate: 140"), options);
  EXPECT_EQ(printed.verdict, Verdict::kFaster) << printed.reason;
  EXPECT_NEAR(printed.estimate.ratio, 1.4, 1e-6);
  EXPECT_EQ(judge(shell("echo rate: 1"), shell("echo none"), options).verdict, Verdict::kRejected);
  options.objective = {};
  options.objective.metric = Metric::kPeakMemory;
  const std::string rest = " count=1 if=/dev/zero of=/dev/null 2>/dev/null";
  const Judgement memory = judge(shell("dd bs=67108864" + rest), shell("dd bs=8388608" + rest), options);
  EXPECT_EQ(memory.verdict, Verdict::kFaster) << memory.reason;
  options.objective = {};
  options.objective.metric = Metric::kSize;
  options.objective.files = {"artefact"};
  Arm base = shell("true"), candidate = shell("true");
  base.spawn.cwd = dir.path() / "a";
  candidate.spawn.cwd = dir.path() / "b";
  fs::create_directories(base.spawn.cwd);
  fs::create_directories(candidate.spawn.cwd);
  write_file_atomic(base.spawn.cwd / "artefact", std::string(3000, 'x'));
  write_file_atomic(candidate.spawn.cwd / "artefact", std::string(1000, 'x'));
  const Judgement size = judge(base, candidate, options);
  EXPECT_EQ(size.verdict, Verdict::kFaster);
  EXPECT_DOUBLE_EQ(size.estimate.ratio, 3);
}

TEST(Screen, EstimatesWithAnError) {
  const std::vector<Work> works = {{"one", shell(spin(120000)), shell(spin(20000)), {}, {}, {}}};
  MeasureOptions options = quick();
  options.screen_error = 0;  // all pairs that were asked for
  const Screen seen = screen(works, 5, options);
  EXPECT_EQ(seen.pairs, 5u);
  EXPECT_GT(seen.se, 0);
  EXPECT_GT(seen.log_ratio, 0);
  options.screen_error = 10;
  EXPECT_EQ(screen(works, 5, options).pairs, 3u);
}

TEST(Confirm, SpendsTheSessionsBudget) {
  MeasureOptions options = quick();
  const std::vector<Work> works = {{"one", shell(spin(40000)), shell(spin(15000)), {}, {}, {}}};
  const Judgement judgement = confirm(works, 3, options);
  EXPECT_DOUBLE_EQ(judgement.alpha, options.alpha / 8);
  EXPECT_EQ(judgement.verdict, Verdict::kFaster) << judgement.reason;
  const Json json = judgement;
  EXPECT_EQ(json["verdict"], "faster");
  EXPECT_EQ(json["samples"].size(), judgement.estimate.pairs);
}

TEST(Pairs, CoinAndPaddingFollowTheSeed) {
  const Arm arm = shell("true");
  PairSetup setup;
  setup.parts = {{&arm, &arm, 1, std::nullopt}};
  setup.instrument = Instrument::kSequential;
  setup.seed = 11;
  int first = 0;
  for (std::uint64_t i = 0; i < 40; ++i) {
    const PairSample a = run_pair(setup, i, -1, {});
    EXPECT_EQ(a.base_first, run_pair(setup, i, -1, {}).base_first);
    first += a.base_first ? 1 : 0;
  }
  EXPECT_GT(first, 8);
  EXPECT_LT(first, 32);
}

// Without a core to share, the arms take turns; nobody is left stopped, short runs and failures included.
TEST(Pairs, SlicesTellTheWorkApart) {
  const Arm much = shell(spin(60000)), little = shell(spin(20000)), broken = shell("exit 1");
  PairSetup setup;
  setup.parts = {{&much, &little, 1, std::nullopt}};
  setup.run_timeout_s = 60;
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_GT(run_pair(setup, i, -1, {}).log_ratio, 0.3);
  setup.parts = {{&little, &little, 8, std::nullopt}};
  EXPECT_NEAR(run_pair(setup, 9, -1, {}).log_ratio, 0, 0.5);
  setup.parts = {{&much, &broken, 1, std::nullopt}};
  EXPECT_THROW(run_pair(setup, 1, -1, {}), RunFailed);
}

TEST(Lease, CoresAndTheMachineExcludeEachOther) {
  std::atomic<int> on_core{0}, on_machine{0}, broken{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        if (t == 0) {
          const Lease lease = Lease::machine();
          if (on_machine.fetch_add(1) != 0 || on_core.load() != 0) ++broken;
          --on_machine;
        } else {
          const Lease lease = Lease::core({0, 1});
          if (on_core.fetch_add(1) > 1 || on_machine.load() != 0) ++broken;
          --on_core;
        }
      }
    });
  }
  threads.clear();
  EXPECT_EQ(broken.load(), 0);
  std::stop_source stopped;
  stopped.request_stop();
  const Lease held = Lease::machine();
  EXPECT_THROW(Lease::core({0}, stopped.get_token()), Interrupted);
}

TEST(Instructions, CountedOrUnsupported) {
  const InstructionCount one = count_instructions(shell("true").spawn, 60);
  if (!one.ok()) GTEST_SKIP() << one.unsupported;
  EXPECT_EQ(count_instructions(shell("true").spawn, 60).instructions, one.instructions);
  EXPECT_GT(count_instructions(shell(spin(2000)).spawn, 60).instructions, one.instructions + 100'000);
  EXPECT_FALSE(count_instructions(shell("exit 3").spawn, 60).ok());
  SpawnOptions inner = shell(counting_command(spin(2000))).spawn;
  EXPECT_TRUE(read_instruction_count(run_process(inner, 60), 60).ok());
}

}  // namespace
}  // namespace jarvis2::verify
