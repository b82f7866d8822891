#include "verify/calibration.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/json.h"

namespace jarvis2::verify {
namespace {

TEST(Calibration, ClopperPearson) {
  const auto [low, high] = clopper_pearson(2, 20, 0.95);
  EXPECT_NEAR(low, 0.0123, 0.0001);  // Clopper & Pearson (1934)
  EXPECT_NEAR(high, 0.3170, 0.0001);
  EXPECT_EQ(clopper_pearson(0, 10, 0.95).first, 0);
  EXPECT_NEAR(clopper_pearson(0, 10, 0.95).second, 0.3085, 0.0001);
  EXPECT_EQ(clopper_pearson(10, 10, 0.95).second, 1);
}

TEST(Calibration, IsUsed) {
  MeasureOptions options;
  const MeasureOptions before = options;
  apply_calibration(std::nullopt, options);
  EXPECT_DOUBLE_EQ(options.duet_scale, before.duet_scale);
  apply_calibration(KnownNoise{0.03, 0.2, 0.25}, options);
  EXPECT_DOUBLE_EQ(options.duet_scale, 0.03);
  EXPECT_DOUBLE_EQ(options.sequential_scale, 0.2);
  EXPECT_DOUBLE_EQ(options.min_run_s, 0.25);  // shorter runs are repeated up to this
}

TEST(Calibration, IsKeptForThisMachineOnly) {
  const TempDir cache;
  const char* before = std::getenv("XDG_CACHE_HOME");
  const std::string kept = before != nullptr ? before : "";
  ::setenv("XDG_CACHE_HOME", cache.path().c_str(), 1);
  EXPECT_FALSE(load_calibration().has_value());
  Calibration calibration;
  calibration.duet.deviation = 0.01;
  calibration.sequential.deviation = 0.1;
  const fs::path file = save_calibration(calibration);
  EXPECT_FALSE(load_calibration().has_value());  // no machine named
  Json json = Json::parse(read_file(file));
  EXPECT_TRUE(json["power"].is_object());
  EXPECT_TRUE(json["false_accept"].is_null());
  write_file_atomic(file, "{ damaged");
  EXPECT_FALSE(load_calibration().has_value());
  if (before != nullptr) {
    ::setenv("XDG_CACHE_HOME", kept.c_str(), 1);
  } else {
    ::unsetenv("XDG_CACHE_HOME");
  }
}

}  // namespace
}  // namespace jarvis2::verify
