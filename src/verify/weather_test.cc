#include "verify/weather.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "verify/measure.h"

namespace jarvis2::verify {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Readings of /proc/stat on four cores, ten a second, played back: a build of six processes begins before the first
// and ends after a second and a half; the hypervisor takes half a core now and then; the processor throttles once.
struct Recording {
  std::vector<double> others, stolen;  // cores, over each tenth of a second
  std::vector<std::uint64_t> throttles;
  std::size_t at = 0;
  MachineLoad now{0, 0, 0, 0};

  WeatherStation station() {
    WeatherStation station;
    station.load = [this] { return now; };
    station.own_s = [] { return 0.0; };
    station.pause = [this](double seconds) {
      const std::size_t i = std::min(at++, others.size() - 1);
      now.at_s += seconds;
      now.busy_s += others[i] * seconds;
      now.stolen_s += stolen[i] * seconds;
      now.throttles += throttles[i];
    };
    return station;
  }
};

Recording a_build() {
  Recording build;
  for (int i = 0; i < 40; ++i) {
    build.others.push_back(i < 15 ? 3.9 : 0.1);
    build.stolen.push_back(i % 7 == 0 ? 0.5 : 0.0);
    build.throttles.push_back(i == 20 ? 1 : 0);
  }
  return build;
}

TEST(Weather, WaitsUntilASecondLoadHasGone) {
  Recording build = a_build();
  const std::string note = wait_for_quiet(build.station(), 4, 10, {});
  EXPECT_NEAR(build.now.at_s, 1.6, 1e-9);
  EXPECT_THAT(note, HasSubstr("waited 1.6 s"));
  EXPECT_EQ(wait_for_quiet(build.station(), 4, 10, {}), "");
}

TEST(Weather, ButNotForEver) {
  Recording build = a_build();
  EXPECT_THAT(wait_for_quiet(build.station(), 4, 0.5, {}), HasSubstr("kept 3.9 cores busy; waited 0.6 s"));
}

TEST(Weather, WaitsWhileTheProcessorIsThrottled) {
  Recording build = a_build();
  build.at = 20;
  EXPECT_THAT(wait_for_quiet(build.station(), 4, 10, {}), HasSubstr("waited 0.2 s"));
}

TEST(Weather, WhatDisturbedIsSaid) {
  Recording build = a_build();
  const MachineLoad before = build.now;
  const WeatherStation station = build.station();
  for (int i = 0; i < 15; ++i) station.pause(0.1);
  const Weather busy = weather_between(before, build.now, 0, 4, {});
  EXPECT_TRUE(busy.disturbing);
  EXPECT_THAT(busy.notes, ElementsAre("other programs kept 3.9 cores busy", "the hypervisor took 0.10 cores away"));
  const MachineLoad later = build.now;
  for (int i = 0; i < 10; ++i) station.pause(0.1);
  const Weather throttled = weather_between(later, build.now, 0, 4, {});
  EXPECT_TRUE(throttled.disturbing);
  EXPECT_THAT(throttled.notes, ElementsAre("the processor was throttled"));
}

TEST(Weather, ALoadOnSpareCoresIsNamedButDoesNotDisturb) {
  const Weather weather = weather_between({10, 0, 0, 0}, {30, 0, 0, 10}, 5, 8, {});
  EXPECT_FALSE(weather.disturbing);
  EXPECT_THAT(weather.notes, ElementsAre("other programs kept 1.5 cores busy"));
}

TEST(Weather, DriftOfTheBaseline) {
  std::vector<double> steady, warming;
  for (int i = 0; i < 30; ++i) {
    steady.push_back(std::log(0.2 + 0.01 * (i % 3)));
    warming.push_back(std::log(0.2 * (1 + 0.01 * i)));
  }
  EXPECT_THAT(weather_between({}, {0, 0, 0, 1}, 0, 4, steady).notes, IsEmpty());
  const Weather weather = weather_between({}, {0, 0, 0, 1}, 0, 4, warming);
  EXPECT_TRUE(weather.disturbing);
  EXPECT_THAT(weather.notes, ElementsAre(HasSubstr("drift: the baseline's own time changed by +19 %")));
}

// Both arms get slower while they are measured: the claim has to be twice as sure, and says so.
TEST(Weather, DriftWidensTheInterval) {
  const TempDir dir;
  const std::string count = (dir.path() / "n").string();
  const auto arm = [&](int turns) {
    Arm one;
    one.spawn.argv = {"/bin/sh", "-c",
                      "echo x >> " + count + "; n=$(wc -l < " + count + "); i=0; while [ $i -lt $((" +
                          std::to_string(turns) + "*(20+n))) ]; do i=$((i+1)); done; echo done"};
    one.variants.assign(7, one.spawn);  // so that there are sixteen pairs
    return one;
  };
  MeasureOptions options;
  options.budget_s = 120;
  options.seed = 4;
  options.instrument = Instrument::kDuet;
  options.confirm = options.record_aa = false;
  options.min_run_s = 0;
  options.lanes = 1;
  const Judgement judgement = judge(arm(1500), arm(500), options);
  EXPECT_EQ(judgement.verdict, Verdict::kFaster) << judgement.reason;
  EXPECT_THAT(judgement.notes, testing::Contains(HasSubstr("drift")));
  EXPECT_THAT(judgement.notes, testing::Contains(HasSubstr("disturbed: decided at an error probability of 0.025")));
  EXPECT_GT(judgement.estimate.confidence, 0.94);
  EXPECT_GE(judgement.estimate.pairs, 16u);
}

}  // namespace
}  // namespace jarvis2::verify
