#include "verify/layouts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>

#include "base/error.h"
#include "base/process.h"
#include "verify/pairs.h"

namespace jarvis2::verify {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// A program of three objects, built by make in plain folders.
class LayoutsTest : public testing::Test {
 protected:
  LayoutsTest() {
    if (find_program("make").empty() || find_program("cc").empty()) return;
    write("a.c",
          "#include <stdio.h>\nint b(void), c(void);\nint main(void) { printf(\"%d\\n\", b() + c()); return 0; }\n");
    write("b.c", "int b(void) { return 40; }\n");
    write("c.c", "int c(void) { return 2; }\n");
    write("Makefile",
          "build/prog: a.o b.o c.o\n\tmkdir -p build && cc -o $@ a.o b.o c.o\n%.o: %.c\n\tcc -O1 -c -o $@ $<\n");
    plan_.build = "make -s";
    plan_.bench = {"build/prog"};
    plan_.build_timeout_s = 120;
    plan_.layout_budget_s = 300;
    baseline_.tree = dir_.path() / "tree";
    workspace_.acquire = [this] { return workspace_.copy(baseline_.tree); };
    workspace_.copy = [this](const fs::path& from) {
      const fs::path to = dir_.path() / fmt_number(++taken_);
      fs::copy(from, to, fs::copy_options::recursive);
      for (const fs::directory_entry& entry : fs::recursive_directory_iterator(to)) {
        if (entry.is_regular_file())
          fs::last_write_time(entry, fs::last_write_time(from / entry.path().lexically_relative(to)));
      }
      return to;
    };
    workspace_.release = [this](const fs::path&) { ++released_; };
    workspace_.sandboxed = [](const std::string& command, const fs::path& tree, bool) {
      SpawnOptions options;
      options.argv = {"/bin/sh", "-c", command};
      options.cwd = tree;
      return options;
    };
  }
  static std::string fmt_number(int n) { return "copy" + std::to_string(n); }
  void write(const std::string& path, const std::string& text) {
    fs::create_directories(dir_.path() / "tree");
    write_file_atomic(dir_.path() / "tree" / path, text);
  }
  std::string build() {
    const ProcessResult done = run_process(workspace_.sandboxed(plan_.build, baseline_.tree, true), 120);
    return done.ok() ? "" : done.err;
  }

  TempDir dir_;
  Plan plan_;
  Baseline baseline_;
  Workspace workspace_;
  std::atomic<int> taken_{0}, released_{0};
};

TEST_F(LayoutsTest, EachIsAnotherFileThatDoesTheSame) {
  ASSERT_EQ(build(), "");
  const ProcessResult out = run_process(workspace_.sandboxed("build/prog", baseline_.tree, false), 10);
  baseline_.output_hash["build/prog"] = out.out_hash;
  lay_out_baseline(baseline_, plan_, workspace_, {});
  EXPECT_TRUE(baseline_.native);
  EXPECT_THAT(baseline_.linked, ElementsAre("build/prog"));
  EXPECT_EQ(baseline_.layouts_missing, "");
  ASSERT_THAT(baseline_.layouts, SizeIs(kLayouts - 1));
  std::set<std::string> contents = {read_file(baseline_.tree / "build/prog")};
  for (const fs::path& tree : baseline_.layouts) {
    contents.insert(read_file(tree / "build/prog"));
    EXPECT_FALSE(fs::exists(tree / kLayoutFolder));
    EXPECT_EQ(run_process(workspace_.sandboxed("build/prog", tree, false), 10).out, "42\n");
  }
  EXPECT_THAT(contents, SizeIs(kLayouts));
  const Layouts again = lay_out_candidate(baseline_, baseline_.tree, plan_.build, plan_, workspace_, {});
  EXPECT_THAT(again.trees, SizeIs(kLayouts - 1)) << again.why;
}

// Objects are found in another order, so what depends on it is another program.
TEST_F(LayoutsTest, WhatBehavesOtherwiseIsNoLayout) {
  ASSERT_EQ(build(), "");
  baseline_.output_hash["build/prog"] = 1;
  lay_out_baseline(baseline_, plan_, workspace_, {});
  EXPECT_TRUE(baseline_.native);
  EXPECT_THAT(baseline_.layouts, IsEmpty());
  EXPECT_THAT(baseline_.layouts_missing, testing::HasSubstr("otherwise"));
  EXPECT_EQ(released_, taken_);
}

TEST_F(LayoutsTest, ALinkerThatIsNotSeen) {
  write("Makefile", "build/prog:\n\tmkdir -p build && cp /bin/true $@\n");
  ASSERT_EQ(build(), "");
  lay_out_baseline(baseline_, plan_, workspace_, {});
  EXPECT_TRUE(baseline_.native);
  EXPECT_THAT(baseline_.layouts, IsEmpty());
  EXPECT_NE(baseline_.layouts_missing, "");
  EXPECT_EQ(released_, taken_);
}

TEST_F(LayoutsTest, ABuildThatLinksNothing) {
  write("Makefile", "done:\n\ttouch done\n");
  ASSERT_EQ(build(), "");
  lay_out_baseline(baseline_, plan_, workspace_, {});
  EXPECT_FALSE(baseline_.native);
  EXPECT_EQ(taken_, 0);
}

TEST(LayoutOfAPair, EveryBlockTakesEachOnce) {
  Arm arm;
  arm.spawn.argv = {"/bin/true"};
  arm.variants.assign(3, arm.spawn);
  PairSetup setup;
  setup.parts = {{&arm, &arm, 1, std::nullopt}};
  setup.instrument = Instrument::kSequential;
  setup.run_timeout_s = 10;
  setup.seed = 5;
  std::multiset<int> base, candidate;
  for (std::uint64_t i = 0; i < 8; ++i) {
    const PairSample sample = run_pair(setup, i, -1, {});
    base.insert(sample.base_layout);
    candidate.insert(sample.candidate_layout);
  }
  EXPECT_THAT(base, ElementsAre(0, 0, 1, 1, 2, 2, 3, 3));
  EXPECT_THAT(candidate, ElementsAre(0, 0, 1, 1, 2, 2, 3, 3));
}

std::vector<PairSample> scripted_pairs(double layout_deviation, double noise, std::size_t pairs) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  std::vector<double> base(8), candidate(8);
  for (double& effect : base) effect = layout_deviation * normal(random);
  for (double& effect : candidate) effect = layout_deviation * normal(random);
  std::vector<PairSample> samples;
  for (std::size_t i = 0; i < pairs; ++i) {
    PairSample sample;
    sample.base_layout = static_cast<int>(i % 8);
    sample.candidate_layout = static_cast<int>((i / 8 + 3 * i) % 8);
    sample.log_ratio =
        0.05 + base[i % 8] - candidate[static_cast<std::size_t>(sample.candidate_layout)] + noise * normal(random);
    samples.push_back(sample);
  }
  return samples;
}

TEST(LayoutSpread, IsFoundAndWidensTheInterval) {
  const LayoutSpread spread = layout_spread(scripted_pairs(0.02, 0.004, 64));
  EXPECT_EQ(spread.base, 8u);
  EXPECT_GT(spread.base_deviation, 0.008);
  EXPECT_LT(spread.base_deviation, 0.05);
  EXPECT_GT(spread.standard_error, 0.004);
  Estimate narrow{1.05, 1.045, 1.055, 0.9, 0.004, 64};
  const Estimate wide = widened(narrow, spread);
  EXPECT_DOUBLE_EQ(wide.ratio, 1.05);
  EXPECT_LT(wide.low, 1.042);
  EXPECT_GT(wide.high, 1.058);
}

TEST(LayoutSpread, NoiseIsNoLayout) {
  const LayoutSpread spread = layout_spread(scripted_pairs(0, 0.05, 64));
  EXPECT_DOUBLE_EQ(spread.standard_error, 0);
  const Estimate estimate{1.05, 1.01, 1.09, 0.9, 0.05, 64};
  EXPECT_DOUBLE_EQ(widened(estimate, spread).low, 1.01);
}

}  // namespace
}  // namespace jarvis2::verify
