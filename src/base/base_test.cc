#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <stop_token>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/process.h"

namespace jarvis2 {
namespace {

TEST(Hash, KnownDigest) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_NE(hash64("a"), hash64("b"));
}

TEST(Files, WriteKeepsModeAndReplacesWhole) {
  const TempDir dir;
  const fs::path file = dir.path() / "script.sh";
  write_file_atomic(file, "one");
  ::chmod(file.c_str(), 0755);
  write_file_atomic(file, "two");
  EXPECT_EQ(read_file(file), "two");
  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0755u);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), fs::directory_iterator()), 1);
}

TEST(Files, MissingFileNamesThePath) {
  try {
    read_file("/no/such/file");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), testing::HasSubstr("/no/such/file"));
  }
}

TEST(Files, Utf8) {
  EXPECT_TRUE(is_valid_utf8("gr\xc3\xbc\xc3\x9f"));
  EXPECT_FALSE(is_valid_utf8("\xff"));
  EXPECT_FALSE(is_valid_utf8("\xc0\x80"));      // overlong
  EXPECT_FALSE(is_valid_utf8("\xed\xa0\x80"));  // surrogate
  EXPECT_FALSE(is_valid_utf8("\xe2\x82"));
}

TEST(Files, Glob) {
  EXPECT_TRUE(glob_match("src/**", "src/a/b.py"));
  EXPECT_TRUE(glob_match("**/*.py", "b.py"));
  EXPECT_TRUE(glob_match("**/*.py", "a/b/c.py"));
  EXPECT_FALSE(glob_match("*.py", "a/b.py"));
  EXPECT_TRUE(glob_match("test_?.[ch]", "test_1.c"));
  EXPECT_FALSE(glob_match("test_?.[!ch]", "test_1.c"));
}

TEST(Process, OutputStatusAndInput) {
  SpawnOptions options{.argv = {"sh", "-c", "cat; echo oops >&2; exit 3"}};
  options.stdin_bytes = "hello";
  const ProcessResult result = run_process(options);
  EXPECT_EQ(result.out, "hello");
  EXPECT_EQ(result.err, "oops\n");
  EXPECT_EQ(result.exit_code, 3);
}

TEST(Process, LargeInputAndOutputDoNotDeadlock) {
  SpawnOptions options{.argv = {"cat"}};
  options.stdin_bytes = std::string(3 << 20, 'x');
  options.max_output_bytes = 1 << 20;
  const ProcessResult result = run_process(options);
  EXPECT_EQ(result.out.size(), 1u << 20);
  EXPECT_TRUE(result.truncated);
  options.stdin_bytes.back() = 'y';
  EXPECT_NE(run_process(options).out_hash, result.out_hash);
}

TEST(Process, TimeoutKillsGrandchildren) {
  const TempDir dir;
  SpawnOptions options{.argv = {"sh", "-c", "(sleep 1; touch late) & sleep 60"}};
  options.cwd = dir.path();
  const ProcessResult result = run_process(options, 0.1);
  EXPECT_TRUE(result.timed_out);
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  EXPECT_FALSE(fs::exists(dir.path() / "late"));
}

TEST(Process, StopTokenCancels) {
  std::stop_source source;
  std::jthread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    source.request_stop();
  });
  EXPECT_TRUE(run_process({.argv = {"sleep", "60"}}, 0, source.get_token()).cancelled);
}

TEST(Process, MissingProgramIsAnError) {
  EXPECT_THROW(run_process({.argv = {"no-such-program-here"}}), Error);
  SpawnOptions options{.argv = {"true"}};
  options.cwd = "/no/such/folder";
  EXPECT_THROW(run_process(options), Error);
}

TEST(Process, CpuTimeIncludesChildren) {
  const ProcessResult result =
      run_process({.argv = {"sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done & wait"}});
  EXPECT_GT(result.cpu_ns, 1'000'000u);
}

}  // namespace
}  // namespace jarvis2
