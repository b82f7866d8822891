#include "base/executable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.h"
#include "base/files.h"

namespace jarvis2 {
namespace {

TEST(Executable, KnowsItself) {
  EXPECT_EQ(executable_path().filename(), "base_test");
}

TEST(Executable, DataComesFromTheEnvironmentOrTheSourceTree) {
  const TempDir dir;
  ::setenv("JARVIS2_DATA", dir.path().c_str(), 1);
  EXPECT_EQ(data_dir(), dir.path());
  ::unsetenv("JARVIS2_DATA");
  EXPECT_EQ(data_dir(), fs::path(JARVIS2_SOURCE_DIR));
}

}  // namespace
}  // namespace jarvis2
