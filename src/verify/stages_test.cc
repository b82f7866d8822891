#include "verify/stages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"

namespace jarvis2::verify {
namespace {

using testing::HasSubstr;

// A project of shell scripts in plain folders: `turns` says how much work the benchmark does.
class Stages : public testing::Test {
 protected:
  Stages() {
    write(base_, "turns", "40000");
    write(base_, "check.sh", "[ \"$(cat word)\" = hello ]\n");
    write(base_, "word", "hello");
    write(base_, "bench.sh", "n=$(cat turns); i=0; while [ $i -lt $n ]; do i=$((i+1)); done; cat answer\n");
    write(base_, "answer.in", "42\n");
    write(base_, "answer", "42\n");
    plan_.build = "cp answer.in answer";
    plan_.test = "sh check.sh";
    plan_.bench = {"sh bench.sh"};
    plan_.test_timeout_s = 5;
    plan_.pinned = {{"check.sh", sha256_hex(read_file(base_.path() / "check.sh"))},
                    {"bench.sh", sha256_hex(read_file(base_.path() / "bench.sh"))}};
    plan_.measure.budget_s = 200;  // a loaded machine takes its time
    plan_.measure.seed = 5;
    plan_.screen_pairs = 3;
    baseline_.tree = base_.path();
    workspace_.acquire = [this] {
      ++taken_;
      const fs::path tree = trees_.path() / std::to_string(taken_.load());
      fs::copy(base_.path(), tree, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
      return tree;
    };
    workspace_.release = [this](const fs::path&) { ++released_; };
    workspace_.sandboxed = [](const std::string& command, const fs::path& tree, bool) {
      SpawnOptions options;
      options.argv = {"/bin/sh", "-c", command};
      options.cwd = tree;
      return options;
    };
  }

  static void write(const TempDir& dir, const std::string& name, const std::string& text) {
    write_file_atomic(dir.path() / name, text);
  }

  Verification verify(const std::map<std::string, std::optional<std::string>>& files, Stage last = Stage::kSequential) {
    Candidate candidate;
    candidate.id = "c";
    candidate.files = files;
    return verify_candidate(candidate, baseline_, plan_, workspace_, {last, 1});
  }

  TempDir base_, trees_;
  Plan plan_;
  Baseline baseline_;
  Workspace workspace_;
  std::atomic<int> taken_{0}, released_{0};
};

TEST_F(Stages, HonestImprovementIsConfirmed) {
  const Verification result = verify({{"turns", "10000"}}, Stage::kConfirm);
  EXPECT_EQ(result.verdict, Verdict::kFaster) << result.reason;
  EXPECT_EQ(result.stage, Stage::kDone);
  ASSERT_TRUE(result.speedup.has_value());
  EXPECT_GT(result.speedup->low, 1.02);
  EXPECT_EQ(released_, taken_);
  const Json json = result;
  EXPECT_EQ(json["stage"], "done");
  EXPECT_TRUE(json["times"].contains("build"));
}

TEST_F(Stages, DepthEndsTheWork) {
  EXPECT_EQ(verify({{"turns", "10000"}}, Stage::kOutput).stage, Stage::kOutput);
  const Verification seen = verify({{"turns", "10000"}}, Stage::kPairs);
  EXPECT_EQ(seen.stage, Stage::kPairs);
  EXPECT_EQ(seen.verdict, Verdict::kUndecided);
  ASSERT_TRUE(seen.screen.has_value());
  EXPECT_GT(seen.screen->log_ratio, 0);
}

TEST_F(Stages, ClearlySlowerEndsAfterAFewPairs) {
  const Verification result = verify({{"turns", "200000"}});
  EXPECT_EQ(result.stage, Stage::kPairs);
  EXPECT_EQ(result.verdict, Verdict::kNotFaster);
}

TEST_F(Stages, EachStageRejects) {
  Verification result = verify({{"answer.in", std::nullopt}});
  EXPECT_EQ(result.stage, Stage::kBuild);
  EXPECT_EQ(result.verdict, Verdict::kRejected);
  EXPECT_THAT(result.log, HasSubstr("answer.in"));
  result = verify({{"word", "goodbye"}});
  EXPECT_EQ(result.stage, Stage::kTest);
  result = verify({{"answer.in", "43\n"}, {"turns", "10"}});
  EXPECT_EQ(result.stage, Stage::kOutput);
  EXPECT_FALSE(result.accepted());
}

TEST_F(Stages, WithheldInputsAreCheckedAndJudged) {
  plan_.bench = {"sh bench.sh"};
  plan_.holdout = {"sh bench.sh; cat other"};
  write(base_, "other", "7\n");
  const Verification wrong = verify({{"turns", "10000"}, {"other", "8\n"}});
  EXPECT_EQ(wrong.stage, Stage::kOutput) << wrong.reason;
  const Verification right = verify({{"turns", "10000"}});
  ASSERT_TRUE(right.judgement.has_value());
  ASSERT_EQ(right.judgement->parts.size(), 1u);
  EXPECT_EQ(right.judgement->parts[0].name, plan_.holdout[0]);
}

TEST_F(Stages, PathsOutOfReach) {
  for (const std::string path : {"../out", "/etc/motd", "a/../../out", ".git/hooks/x", ".jarvis2/x", "", "check.sh"}) {
    const Verification result = verify({{path, "x"}});
    EXPECT_EQ(result.stage, Stage::kApply) << path;
    EXPECT_EQ(result.verdict, Verdict::kRejected) << path;
  }
  fs::create_directory_symlink("/tmp", base_.path() / "link");
  EXPECT_EQ(verify({{"link/x", "x"}}).stage, Stage::kApply);
  plan_.editable = {"src/**"};
  EXPECT_EQ(verify({{"turns", "1"}}).stage, Stage::kApply);
}

// The candidate's own build edits the judge's files, or swaps them for links.
TEST_F(Stages, BuildThatTouchesTheTestsIsRejected) {
  plan_.build = "sh build.sh";
  write(base_, "build.sh", "true\n");
  EXPECT_THAT(verify({{"build.sh", "echo true > check.sh\n"}, {"turns", "10"}}).reason, HasSubstr("check.sh"));
  EXPECT_THAT(verify({{"build.sh", "mv bench.sh b; ln -s b bench.sh\n"}, {"turns", "10"}}).reason,
              HasSubstr("bench.sh"));
}

TEST_F(Stages, TimeoutNeverScores) {
  plan_.test_timeout_s = 0.3;
  plan_.test = "sh check.sh && sh slow.sh";
  write(base_, "slow.sh", "true\n");
  const Verification result = verify({{"slow.sh", "sleep 20\n"}, {"turns", "10"}});
  EXPECT_EQ(result.stage, Stage::kTest);
  EXPECT_THAT(result.reason, HasSubstr("longer than"));
}

TEST_F(Stages, InstructionScreenSpeaksOnlyWhenItCan) {
  plan_.instruction_screen = true;
  write(base_, "turns", "1000");
  const Verification result = verify({{"turns", "5000"}});
  EXPECT_NE(result.verdict, Verdict::kFaster);
  if (result.instruction_ratio) {
    EXPECT_EQ(result.stage, Stage::kInstructions);
    EXPECT_LT(*result.instruction_ratio, 1);
  }
}

TEST_F(Stages, KnownBaselineIsNotRunAgain) {
  profile_baseline(baseline_, plan_, workspace_);
  EXPECT_EQ(baseline_.profiles.size(), 1u);
  plan_.measure.run_timeout_s = 20;
  const Verification result = verify({{"turns", "10000"}});
  EXPECT_EQ(result.verdict, Verdict::kFaster) << result.reason;
}

TEST_F(Stages, StopIsHonoured) {
  std::stop_source source;
  source.request_stop();
  EXPECT_THROW(verify_candidate({}, baseline_, plan_, workspace_, {}, source.get_token()), Interrupted);
  EXPECT_EQ(released_, taken_);
}

}  // namespace
}  // namespace jarvis2::verify
