#include "meta/watcher.h"

#include <gmock/gmock.h>

#include <fstream>
#include <thread>

#include "base/process.h"
#include "meta/git.h"

namespace jarvis2::meta {
namespace {

using std::chrono::milliseconds;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

constexpr milliseconds kPatience{20000};

void put(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

void git(const fs::path& at, std::vector<std::string> args) {
  SpawnOptions spawn;
  spawn.argv = {"git", "-c", "user.name=T", "-c", "user.email=t@example.invalid"};
  spawn.argv.insert(spawn.argv.end(), args.begin(), args.end());
  spawn.cwd = at;
  const ProcessResult result = run_process(spawn);
  ASSERT_TRUE(result.ok()) << result.err;
}

class WatcherTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::canonical(folder_.path()) / "repository";
    put(root_ / "a.py", "a = 1\n");
    put(root_ / "sub/b.py", "b = 1\n");
    put(root_ / ".gitignore", "build/\n*.log\n");
    git(root_, {"init", "-q", "-b", "main"});
    git(root_, {"add", "-A"});
    git(root_, {"commit", "-q", "-m", "first"});
  }
  Burst next(Watcher& watcher) {
    const std::optional<Burst> burst = watcher.next({}, kPatience);
    EXPECT_TRUE(burst.has_value());
    return burst.value_or(Burst());
  }
  TempDir folder_;
  fs::path root_;
};

TEST_F(WatcherTest, SavesOfEditorsAreOneChange) {
  Watcher watcher(root_);
  put(root_ / "a.py", "");  // truncated, then written
  put(root_ / "a.py", "a = 2\n");
  EXPECT_THAT(next(watcher).paths, ElementsAre("a.py"));
  put(root_ / "sub/b.py.tmp", "b = 2\n");
  fs::rename(root_ / "sub/b.py.tmp", root_ / "sub/b.py");
  EXPECT_THAT(next(watcher).paths, Contains("sub/b.py"));
}

TEST_F(WatcherTest, WhatGitIgnoresIsQuiet) {
  Watcher watcher(root_);
  put(root_ / "build/out.py", "x");
  put(root_ / "trace.log", "x");
  put(root_ / ".jarvis2/state", "x");
  put(root_ / "c.py", "c = 1\n");
  const Burst burst = next(watcher);
  EXPECT_THAT(burst.paths, ElementsAre("c.py"));
  EXPECT_FALSE(burst.rescan);
  put(root_ / "build/deep/more.py", "x");
  EXPECT_FALSE(watcher.next({}, milliseconds(500)));
}

TEST_F(WatcherTest, NewFoldersAreSeenWithWhatIsInThem) {
  Watcher watcher(root_);
  put(root_ / "x/y/z.py", "z = 1\n");
  EXPECT_THAT(next(watcher).paths, Contains("x/y/z.py"));
  put(root_ / "x/y/z.py", "z = 2\n");
  EXPECT_THAT(next(watcher).paths, ElementsAre("x/y/z.py"));
  fs::rename(root_ / "x", root_ / "w");
  const Burst moved = next(watcher);
  EXPECT_TRUE(moved.rescan);
  put(root_ / "w/y/z.py", "z = 3\n");
  EXPECT_THAT(next(watcher).paths, ElementsAre("w/y/z.py"));
}

TEST_F(WatcherTest, ABranchSwitchIsOneBurst) {
  git(root_, {"checkout", "-q", "-b", "other"});
  for (int i = 0; i < 3000; ++i)
    put(root_ / ("many/d" + std::to_string(i % 30)) / (std::to_string(i) + ".py"), "x=1\n");
  git(root_, {"add", "-A"});
  git(root_, {"commit", "-q", "-m", "many"});
  git(root_, {"checkout", "-q", "main"});
  Watcher watcher(root_);
  git(root_, {"checkout", "-q", "other"});
  const Burst burst = next(watcher);
  EXPECT_TRUE(burst.rescan);
  EXPECT_TRUE(burst.git);
  EXPECT_THAT(burst.paths, IsEmpty());
  EXPECT_FALSE(watcher.next({}, milliseconds(700)));
}

TEST_F(WatcherTest, ACommitIsSeenInAWorktreeToo) {
  const fs::path tree = root_.parent_path() / "tree";
  git(root_, {"worktree", "add", "-q", "-b", "side", tree.string()});
  Watcher watcher(tree);
  git(tree, {"commit", "-q", "--allow-empty", "-m", "nothing"});
  const Burst burst = next(watcher);
  EXPECT_TRUE(burst.git);
  put(tree / "a.py", "a = 3\n");
  EXPECT_THAT(next(watcher).paths, ElementsAre("a.py"));
}

TEST_F(WatcherTest, ADeletedRootIsTheEnd) {
  Watcher watcher(root_);
  fs::remove_all(root_);
  for (int i = 0; i < 20; ++i) {
    if (next(watcher).root_gone) return;
  }
  FAIL() << "not noticed";
}

TEST_F(WatcherTest, StopsAtOnce) {
  Watcher watcher(root_);
  std::stop_source stop;
  std::jthread later([&] { stop.request_stop(); });
  EXPECT_FALSE(watcher.next(stop.get_token()));
}

TEST_F(WatcherTest, GitWritesCommitsAndBranchesWithoutTheTree) {
  const Git repository(root_);
  const std::string head = repository.head();
  const std::string made = repository.commit(head, {{"a.py", "a = 9\n"}, {"sub/b.py", std::nullopt}}, "changed\n");
  repository.create_branch("jarvis2/x", made);
  repository.create_branch("jarvis2/x", made);
  EXPECT_TRUE(repository.has_branch("jarvis2/x"));
  EXPECT_EQ(repository.head(), head);
  EXPECT_EQ(read_file(root_ / "a.py"), "a = 1\n");
  EXPECT_TRUE(repository.contains(made, head));
  EXPECT_FALSE(repository.contains(head, made));
  const project::Repository plain = project::Repository::open(root_);
  EXPECT_EQ(plain.read(made, "a.py"), "a = 9\n");
  EXPECT_EQ(plain.read(made, "sub/b.py"), std::nullopt);
}

TEST(MergeTexts, AChangeIsTakenOutOfALaterText) {
  const std::string before = "a\nb\nc\nd\ne\nf\n", after = "a\nB\nc\nd\ne\nf\n", now = "a\nB\nc\nd\ne\nF\n";
  EXPECT_EQ(merge_texts(after, now, before), "a\nb\nc\nd\ne\nF\n");
  EXPECT_EQ(merge_texts(after, "a\nX\nc\nd\ne\nf\n", before), std::nullopt);
}

}  // namespace
}  // namespace jarvis2::meta
