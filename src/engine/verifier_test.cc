#include "engine/verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/process.h"
#include "project/repository.h"
#include "project/sandbox.h"

namespace jarvis2::engine {
namespace {

// A makefile that an option writes is pinned to the text written: it may differ from the commit's, and the build that
// runs it may not change it further. Without read-only mounts, so that the digests alone must see it.
TEST(Verifier, BuildScriptsThatAnOptionWritesArePinnedToTheTextWritten) {
  if (project::sandbox_support().level == project::SandboxLevel::kNone) {
    GTEST_SKIP() << project::sandbox_support().missing;
  }
  TempDir cache, dir;
  ::setenv("XDG_CACHE_HOME", cache.path().c_str(), 1);
  fs::create_directories(dir.path() / "tests");
  write_file_atomic(dir.path() / "work.sh", "i=0; while [ $i -lt 150000 ]; do i=$((i+1)); done; echo $i\n");
  write_file_atomic(dir.path() / "tests/check.sh", "test \"$(sh prog.sh)\" = 150000\n");
  const std::string makefile = "LEVEL = 2\n.PHONY: prog.sh\nprog.sh:\n\tcp work.sh prog.sh\n";
  write_file_atomic(dir.path() / "Makefile", makefile);
  SpawnOptions git;
  git.argv = {"sh", "-c", "git init -q . && git add -A && git -c user.name=a -c user.email=a@b commit -q -m x"};
  git.cwd = dir.path();
  git.env = {{"GIT_CONFIG_GLOBAL", "/dev/null"}};
  ASSERT_TRUE(run_process(git, 60).ok());

  project::Settings settings;
  settings.build = "make";
  settings.test = "sh tests/check.sh";
  settings.bench = {"sh prog.sh"};
  settings.edit = {"work.sh"};
  project::BaselineOptions options;
  options.test_runs = options.most_test_runs = 1;
  options.bench_pairs = 1;
  options.allow_short = true;
  project::Repository repository = project::Repository::open(dir.path());
  project::Baseline baseline = project::make_baseline(repository, settings, options);
  baseline.pin_by_mount = false;
  Verifier verifier(std::move(baseline), {});
  const auto stage_of = [&](const std::string& path, const std::string& text) {
    const verify::Verification result =
        verifier.verify("t", {{path, text}}, {}, {verify::Stage::kOutput, 1}, std::stop_token());
    return result.verdict == verify::Verdict::kRejected ? result.reason : std::string("correct");
  };
  EXPECT_EQ(stage_of("Makefile", "LEVEL = 3\n.PHONY: prog.sh\nprog.sh:\n\tcp work.sh prog.sh\n"), "correct");
  EXPECT_THAT(stage_of("Makefile", "LEVEL = 3\n.PHONY: prog.sh\nprog.sh:\n\tcp work.sh prog.sh\n\techo >>Makefile\n"),
              testing::HasSubstr("Makefile was changed"));
  EXPECT_THAT(stage_of("Makefile", ".PHONY: prog.sh\nprog.sh:\n\tcp work.sh prog.sh\n\techo true >tests/check.sh\n"),
              testing::HasSubstr("tests/check.sh was changed"));
  EXPECT_THAT(stage_of("work.sh", "echo 150000\n"), "correct") << "the commit's own makefile is pinned again";
}

}  // namespace
}  // namespace jarvis2::engine
