#include "project/baseline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <thread>

#include "base/error.h"
#include "project/optimisation.h"

namespace jarvis2::project {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

void put(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

void shell(const fs::path& dir, const std::string& command) {
  SpawnOptions options{.argv = {"sh", "-c", command}};
  options.cwd = dir;
  options.env = {{"GIT_CONFIG_GLOBAL", "/dev/null"},
                 {"GIT_AUTHOR_NAME", "a"},
                 {"GIT_AUTHOR_EMAIL", "a@b"},
                 {"GIT_COMMITTER_NAME", "a"},
                 {"GIT_COMMITTER_EMAIL", "a@b"}};
  const ProcessResult result = run_process(options, 60);
  ASSERT_EQ(result.exit_code, 0) << command << "\n" << result.out << result.err;
}

constexpr const char* kWork = "i=0; while [ $i -lt 150000 ]; do i=$((i+1)); done; echo $i";

class BaselineTest : public testing::Test {
 protected:
  void SetUp() override {
    if (sandbox_support().level == SandboxLevel::kNone) GTEST_SKIP() << sandbox_support().missing;
    ::setenv("XDG_CACHE_HOME", cache_.path().c_str(), 1);
    put(dir_.path() / "work.sh", kWork);
    put(dir_.path() / "tests" / "check.sh", "test \"$(sh work.sh)\" = 150000");
    settings_.test = "sh tests/check.sh";
    settings_.bench = {"sh work.sh"};
    settings_.edit = {"work.sh", "src/**"};
    options_.test_runs = 2;
    options_.most_test_runs = 2;
    options_.bench_pairs = 2;
  }
  void commit() { shell(dir_.path(), "git init -q . ; git add -A && git commit -q --allow-empty -m x"); }
  Baseline make() {
    Repository repository = Repository::open(dir_.path());
    return make_baseline(repository, settings_, options_);
  }
  std::string refusal() {
    commit();
    try {
      make();
    } catch (const Error& error) {
      Repository repository = Repository::open(dir_.path());
      EXPECT_TRUE(fs::is_empty(worktrees_dir(repository))) << "a worktree was left behind";
      return error.message();
    }
    return "";
  }
  TempDir dir_;
  TempDir cache_;
  Settings settings_;
  BaselineOptions options_;
};

TEST_F(BaselineTest, MeasuresTheUntouchedCommit) {
  commit();
  std::vector<std::string> stages;
  Repository repository = Repository::open(dir_.path());
  settings_.holdout = {"sleep 0.4; echo waited"};
  const Baseline baseline = make_baseline(repository, settings_, options_, [&](std::string_view stage, double) {
    if (stages.empty() || stages.back() != stage) stages.emplace_back(stage);
  });
  EXPECT_EQ(baseline.commit, repository.head());
  ASSERT_EQ(baseline.bench.size(), 2u);
  EXPECT_EQ(baseline.bench[0].output, "150000\n");
  EXPECT_TRUE(baseline.bench[1].holdout);
  EXPECT_GT(baseline.bench[0].cpu_s, 0.01);
  EXPECT_FALSE(baseline.bench[1].cpu_bound);
  EXPECT_GT(baseline.bench[0].peak_memory_bytes, 100'000u);
  EXPECT_THAT(stages, ElementsAre("checkout", "test", "bench"));
  EXPECT_THAT(baseline.pinned, testing::Contains("tests/check.sh"));
  EXPECT_THAT(baseline.corrections, IsEmpty());
  EXPECT_TRUE(fs::exists(baseline.prepared->path() / "work.sh"));
}

TEST_F(BaselineTest, ADirtyTreeIsRefusedOrTakenAsSnapshot) {
  commit();
  put(dir_.path() / "work.sh", std::string(kWork) + " # changed\n");
  EXPECT_THAT(
      [&] {
        try {
          make();
        } catch (const Error& error) {
          return error.message();
        }
        return std::string();
      }(),
      AllOf(HasSubstr("uncommitted changes (work.sh)"), HasSubstr("--include-uncommitted")));
  options_.include_uncommitted = true;
  const Baseline baseline = make();
  EXPECT_TRUE(baseline.uncommitted);
  EXPECT_THAT(read_file(baseline.prepared->path() / "work.sh"), HasSubstr("# changed"));
}

TEST_F(BaselineTest, FailuresSayWhatWhereAndShowTheEnd) {
  settings_.build = "echo compiling; echo 'a.c:3: error' >&2; exit 2";
  const std::string build = refusal();
  EXPECT_THAT(build, AllOf(HasSubstr("build fails with exit status 2: `echo compiling"), HasSubstr("log: "),
                           HasSubstr("\n  a.c:3: error")));
  EXPECT_THAT(read_file(dir_.path() / ".jarvis2/logs/build.log"), HasSubstr("compiling"));
  settings_.build = "no-such-tool-here";
  EXPECT_THAT(refusal(), AllOf(HasSubstr("build fails"), HasSubstr("not installed"), HasSubstr("no-such-tool-here")));
  settings_.build = "";
  settings_.setup = "exit 3";
  EXPECT_THAT(refusal(), HasSubstr("setup fails with exit status 3"));
  settings_.setup = "";
  settings_.test = "echo 1 of 3 failed; exit 1";
  EXPECT_THAT(refusal(), AllOf(HasSubstr("test fails"), HasSubstr("\n  1 of 3 failed")));
  settings_.test = "true";
  settings_.bench = {"sh -c 'kill -SEGV $$'"};
  EXPECT_THAT(refusal(), HasSubstr("bench ends by signal 11"));
}

TEST_F(BaselineTest, AFlakyTestIsRefused) {
  // Fails in about one run of five: 25 runs let it pass in 0.4 %.
  settings_.test = "test $(($(od -An -N2 -tu2 /dev/urandom) % 5)) -ne 0";
  options_.test_runs = 5;
  options_.most_test_runs = 60;
  const std::string message = refusal();
  EXPECT_THAT(message, testing::AnyOf(HasSubstr("test is flaky: run "), HasSubstr("test fails")));
}

TEST_F(BaselineTest, OutputThatChangesIsRefused) {
  settings_.bench = {"sh work.sh; echo same; od -An -N8 -tx8 /dev/urandom"};
  EXPECT_THAT(refusal(), AllOf(HasSubstr("differs from run to run, line 3: `"), HasSubstr("ignore_output")));
  settings_.ignore_output = true;
  EXPECT_EQ(refusal(), "");
}

TEST_F(BaselineTest, TooShortOrTooNoisyIsRefused) {
  settings_.bench = {"echo fast"};
  EXPECT_THAT(refusal(), AllOf(HasSubstr("too short to judge"), HasSubstr("at least 50 ms")));
  options_.allow_short = true;
  EXPECT_EQ(refusal(), "");
  options_.allow_short = false;
  options_.bench_pairs = 7;
  settings_.bench = {"sleep $(awk \"BEGIN { print 0.06 * 1.5 ^ $(($(od -An -N4 -tu4 /dev/urandom) % 10)) }\")"};
  EXPECT_THAT(refusal(), AllOf(HasSubstr("too noisy to judge"), HasSubstr("would have to run about")));
}

TEST_F(BaselineTest, SetupSeesGitAndKeepsItsHome) {
  settings_.setup = "git rev-parse HEAD > commit && git log --oneline | wc -l >> commit && echo cached > $HOME/cache";
  settings_.test = "test -s commit && test \"$(cat $HOME/cache)\" = cached && sh tests/check.sh";
  settings_.bench = {"cat $HOME/cache; sh work.sh"};
  EXPECT_EQ(refusal(), "");
}

TEST_F(BaselineTest, TestsAreKeptReadOnlyUnlessTheProjectWritesThem) {
  commit();
  {
    const Baseline baseline = make();
    EXPECT_TRUE(baseline.pin_by_mount);
    const Sandbox sandbox(baseline.sandbox(baseline.prepared->path()));
    EXPECT_NE(sandbox.run("echo true > tests/check.sh", 30).exit_code, 0);
    EXPECT_EQ(sandbox.run("echo true > work.sh", 30).exit_code, 0);
  }
  put(dir_.path() / "tests" / "counter", "0");
  settings_.test = "echo 1 > tests/counter && sh tests/check.sh";
  commit();
  const Baseline baseline = make();
  EXPECT_FALSE(baseline.pin_by_mount);
  EXPECT_THAT(baseline.warnings, ElementsAre(HasSubstr("checked by digest")));
}

TEST_F(BaselineTest, UnoptimisedBuildsAreCorrected) {
  const std::string source =
      "#include <stdio.h>\nint main(void) { unsigned x = 1; for (long i = 0; i < 60000000; i++) x = x * 1664525u + i;"
      " printf(\"%u\\n\", x); return 0; }\n";
  put(dir_.path() / "src" / "main.c", source);
  settings_.bench = {"./program"};
  for (const std::string& makefile :
       {std::string("CC = gcc\nCFLAGS = -Wall\nprogram: src/main.c\n\t$(CC) $(CFLAGS) -o $@ src/main.c\n"),
        std::string("program: src/main.c\n\tcc -o $@ src/main.c\n")}) {
    put(dir_.path() / "Makefile", makefile);
    settings_.build = "make";
    commit();
    if (makefile.find("$(CC)") == std::string::npos) {
      EXPECT_THAT(refusal(), HasSubstr("compiles without optimisation (`cc -o program src/main.c`)"));
      continue;
    }
    const Baseline baseline = make();
    EXPECT_THAT(baseline.corrections, ElementsAre(HasSubstr("built with -O2")));
  }
  if (find_program("cmake").empty()) GTEST_SKIP();
  fs::remove(dir_.path() / "Makefile");
  put(dir_.path() / "CMakeLists.txt",
      "cmake_minimum_required(VERSION 3.10)\nproject(p C)\nadd_executable(program src/main.c)\n");
  settings_.build = "cmake -B build && cmake --build build";
  settings_.bench = {"build/program"};
  commit();
  {
    const Baseline baseline = make();
    EXPECT_THAT(baseline.corrections, ElementsAre(HasSubstr("built as Release")));
    EXPECT_TRUE(check_build(baseline.prepared->path(), "").optimised);
  }
  settings_.build = "cmake -B build -DCMAKE_BUILD_TYPE=Debug && cmake --build build";
  EXPECT_THAT(refusal(), HasSubstr("compiles without optimisation"));
}

TEST_F(BaselineTest, InterruptedLeavesNothing) {
  settings_.test = "sleep 60";
  commit();
  Repository repository = Repository::open(dir_.path());
  std::stop_source source;
  std::jthread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    source.request_stop();
  });
  EXPECT_THROW(make_baseline(repository, settings_, options_, {}, source.get_token()), Interrupted);
  EXPECT_TRUE(fs::is_empty(worktrees_dir(repository)));
}

TEST(BuildCheck, ReadsPrintedCompileCommands) {
  const TempDir dir;
  EXPECT_TRUE(check_build(dir.path(), "gcc -O2 -c a.c\ng++ -O3 -o b b.cc\n").optimised);
  EXPECT_TRUE(check_build(dir.path(), "linking with gcc\ngcc -o x a.o\nhello cc a.c.\n").optimised);
  EXPECT_FALSE(check_build(dir.path(), "  /usr/bin/x86_64-linux-gnu-gcc-12 -Wall -c a.c\n").optimised);
  EXPECT_FALSE(check_build(dir.path(), "ccache g++ -O2 -O0 -c a.cc\n").optimised);
  const BuildCheck check = check_build(dir.path(), "clang -c a.c\nclang++ -c b.cc\n");
  EXPECT_THAT(check.correction, ElementsAre(testing::Pair("MAKEFLAGS", "CC=clang\\ -O2 CXX=clang++\\ -O2")));
}

}  // namespace
}  // namespace jarvis2::project
