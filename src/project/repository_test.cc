#include "project/repository.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "base/error.h"
#include "base/process.h"
#include "project/lock.h"
#include "project/worktree.h"

namespace jarvis2::project {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

void put(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

std::string shell(const fs::path& dir, const std::string& command) {
  SpawnOptions options{.argv = {"sh", "-c", command}};
  options.cwd = dir;
  options.env = {{"GIT_CONFIG_GLOBAL", "/dev/null"},
                 {"GIT_AUTHOR_NAME", "a"},
                 {"GIT_AUTHOR_EMAIL", "a@b"},
                 {"GIT_COMMITTER_NAME", "a"},
                 {"GIT_COMMITTER_EMAIL", "a@b"}};
  const ProcessResult result = run_process(options, 60);
  EXPECT_EQ(result.exit_code, 0) << command << "\n" << result.out << result.err;
  return result.out;
}

// A repository with one commit; worktrees go to a cache of the test's own.
class RepositoryTest : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("XDG_CACHE_HOME", cache_.path().c_str(), 1);
    put(root() / "a.txt", "one\ntwo\nthree\n");
    put(root() / "src" / "run.sh", "#!/bin/sh\necho hi\n");
    ::chmod((root() / "src" / "run.sh").c_str(), 0755);
    fs::create_symlink("a.txt", root() / "link");
    shell(root(), "git init -q . && git add -A && git commit -qm first");
  }
  fs::path root() const { return fs::canonical(dir_.path()); }
  std::string tree_state() const {
    return shell(root(),
                 "git status --porcelain=v2 --branch; git rev-parse HEAD; git for-each-ref; sha256sum .git/index;"
                 "find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 sha256sum");
  }
  TempDir dir_;
  TempDir cache_;
};

std::string open_message(const fs::path& dir) {
  try {
    Repository::open(dir);
  } catch (const Error& error) {
    return error.message();
  }
  return "";
}

TEST_F(RepositoryTest, RefusalsSayWhatToDo) {
  const TempDir empty;
  EXPECT_THAT(open_message(empty.path()), HasSubstr("not in a git repository"));
  shell(empty.path(), "git init -q .");
  EXPECT_THAT(open_message(empty.path()), HasSubstr("no commit yet"));
  const TempDir bare;
  shell(bare.path(), "git init -q --bare .");
  EXPECT_THAT(open_message(bare.path()), HasSubstr("bare"));
  const TempDir sha256;
  shell(sha256.path(), "git init -q --object-format=sha256 . && git commit -q --allow-empty -m x");
  EXPECT_THAT(open_message(sha256.path()), HasSubstr("SHA-256"));
  EXPECT_THAT(open_message("/no/such"), HasSubstr("/no/such"));
}

TEST_F(RepositoryTest, OpensFromBelowAndReads) {
  const Repository repository = Repository::open(root() / "src");
  EXPECT_EQ(repository.root(), root());
  EXPECT_EQ(repository.head() + "\n", shell(root(), "git rev-parse HEAD"));
  EXPECT_THAT(repository.files(repository.head()), ElementsAre("a.txt", "src/run.sh"));
  EXPECT_EQ(repository.read(repository.head(), "a.txt"), "one\ntwo\nthree\n");
  EXPECT_EQ(repository.read(repository.head(), "link"), std::nullopt);
  EXPECT_EQ(repository.read(repository.head(), "missing"), std::nullopt);
  EXPECT_THROW(repository.resolve("no-such-branch"), Error);
}

TEST_F(RepositoryTest, DirtyListsWhatDiffersAndIgnoresItsOwn) {
  Repository repository = Repository::open(root());
  EXPECT_THAT(repository.dirty(), IsEmpty());
  EXPECT_EQ(repository.state_dir(), root() / ".jarvis2");
  put(root() / ".jarvis2" / "runs" / "x", "x");
  put(root() / "jarvis2.toml", "");
  EXPECT_THAT(repository.dirty(), IsEmpty());
  EXPECT_EQ(shell(root(), "git status --porcelain"), "?? jarvis2.toml\n");
  repository.state_dir();
  EXPECT_EQ(shell(root(), "grep -c jarvis2 .git/info/exclude"), "1\n");
  put(root() / "a.txt", "changed");
  put(root() / "new" / "file", "x");
  EXPECT_THAT(repository.dirty(), UnorderedElementsAre("a.txt", "new/file"));
}

TEST_F(RepositoryTest, SnapshotHoldsTheTreeAndTouchesNothing) {
  put(root() / ".gitignore", "*.o\n");
  shell(root(), "git add .gitignore && git commit -qm ignore");
  put(root() / "a.txt", "changed");
  put(root() / "staged.txt", "staged");
  shell(root(), "git add staged.txt");
  put(root() / "staged.txt", "staged, then changed");
  put(root() / "new" / "file", "x");
  put(root() / "ignored.o", "x");
  fs::remove(root() / "link");
  fs::remove_all(root() / "src");
  put(root() / "src", "a file now");
  const std::string before = tree_state();
  Repository repository = Repository::open(root());
  const std::string commit = repository.snapshot_uncommitted();
  EXPECT_EQ(tree_state(), before);
  EXPECT_EQ(repository.snapshot_uncommitted(), commit);
  EXPECT_THAT(repository.files(commit), ElementsAre(".gitignore", "a.txt", "new/file", "src", "staged.txt"));
  EXPECT_EQ(repository.read(commit, "staged.txt"), "staged, then changed");
  EXPECT_EQ(repository.read(commit, "src"), "a file now");
  EXPECT_THAT(repository.changed(repository.head(), commit), testing::Contains("a.txt"));
}

TEST_F(RepositoryTest, DiffIsWhatGitApplies) {
  put(root() / "crlf.txt", "a\r\nb\r\nc\r\n");
  put(root() / "no-newline.txt", "a\nb");
  put(root() / "binary", std::string("\0\1\2\3", 4));
  put(root() / "gone.txt", "gone\n");
  put(root() / "sp ace \xc3\xbc.txt", "x\n");
  put(root() / "empty", "");
  shell(root(), "git add -A && git commit -qm more");
  const Repository repository = Repository::open(root());
  const Texts texts = {{"a.txt", "one\n2\nthree\n"},
                       {"crlf.txt", "a\r\nB\r\nc\r\n"},
                       {"no-newline.txt", "a\nb\nc"},
                       {"binary", std::string("\0\1\2\4\5", 5)},
                       {"gone.txt", std::nullopt},
                       {"sp ace \xc3\xbc.txt", "y\n"},
                       {"empty", "no more"},
                       {"deep/new.txt", "new\n"},
                       {"src/run.sh", "#!/bin/sh\necho ho\n"},
                       {"new-empty", ""}};
  const std::string patch = repository.diff(repository.head(), texts);
  EXPECT_EQ(repository.apply_patch(repository.head(), patch), texts);
  const TempDir out;
  put(out.path() / "p.patch", patch);
  shell(root(), "git apply --check " + (out.path() / "p.patch").string() + " && git apply " +
                    (out.path() / "p.patch").string());
  for (const auto& [path, text] : texts) {
    if (text) {
      EXPECT_EQ(read_file(root() / path), *text) << path;
    } else {
      EXPECT_FALSE(fs::exists(root() / path)) << path;
    }
  }
  EXPECT_EQ(::access((root() / "src/run.sh").c_str(), X_OK), 0);
  EXPECT_EQ(repository.diff(repository.head(), {{"a.txt", "one\ntwo\nthree\n"}}), "");
}

TEST_F(RepositoryTest, APlainUnifiedDiffIsAPatch) {
  put(root() / "plain.txt", "one\n-- two\nthree\n");
  shell(root(), "git add -A && git commit -qm plain");
  const Repository repository = Repository::open(root());
  const Texts texts = repository.apply_patch(
      repository.head(),
      "--- plain.txt\t2024-01-01\n+++ plain.txt\t2024-01-02\n@@ -1,3 +1,2 @@\n one\n--- two\n three\n"
      "--- /dev/null\n+++ b/new/file.txt\n@@ -0,0 +1 @@\n+new\n");
  EXPECT_EQ(texts, (Texts{{"plain.txt", "one\nthree\n"}, {"new/file.txt", "new\n"}}));
}

TEST_F(RepositoryTest, ABadPatchIsRefused) {
  const Repository repository = Repository::open(root());
  const std::string head = repository.head();
  EXPECT_THROW(repository.apply_patch(head, "hello"), Error);
  EXPECT_THROW(repository.apply_patch(head, ""), Error);
  EXPECT_THROW(repository.apply_patch(head, "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-nine\n+ten\n"), Error);
  EXPECT_THROW(repository.apply_patch(head,
                                      "diff --git a/x b/.git/config\nnew file mode 100644\n--- /dev/null\n"
                                      "+++ b/.git/config\n@@ -0,0 +1 @@\n+x\n"),
               Error);
}

TEST_F(RepositoryTest, WorktreeHoldsTheCommitAndGoesAway) {
  const Repository repository = Repository::open(root());
  put(root() / "untracked", "x");
  const std::string before = tree_state();
  fs::path path;
  {
    const Worktree worktree = Worktree::create(repository, repository.head());
    path = worktree.path();
    EXPECT_EQ(read_file(path / "a.txt"), "one\ntwo\nthree\n");
    EXPECT_EQ(fs::read_symlink(path / "link"), "a.txt");
    EXPECT_EQ(::access((path / "src/run.sh").c_str(), X_OK), 0);
    EXPECT_FALSE(fs::exists(path / "untracked"));
    EXPECT_EQ(shell(path, "git rev-parse HEAD"), repository.head() + "\n");
    EXPECT_EQ(shell(path, "git status --porcelain"), "");
    EXPECT_EQ(clean_worktrees(repository), 0);
  }
  EXPECT_FALSE(fs::exists(path));
  EXPECT_TRUE(fs::is_empty(worktrees_dir(repository)));
  EXPECT_EQ(tree_state(), before);
}

TEST_F(RepositoryTest, ResetBringsBackEveryByteModeAndTime) {
  const Repository repository = Repository::open(root());
  const Worktree base = Worktree::create(repository, repository.head());
  put(base.path() / "build" / "out.o", "object");
  put(base.home() / ".cache" / "x", "cache");
  const std::string listing =
      "find . -not -type d -printf '%P %m %T@ %s\\n' | sort; find . -type d -printf '%P %m\\n' | sort;"
      "find . -type f -print0 | sort -z | xargs -0 sha256sum";
  const std::string wanted = shell(base.path().parent_path(), listing);
  Worktree copy = base.copy();
  EXPECT_EQ(shell(copy.path().parent_path(), listing), wanted);
  EXPECT_THAT(copy.touched({"a.txt", "src/run.sh"}), IsEmpty());
  copy.write({{"a.txt", "other"}, {"new/deep/file", "x"}, {"src/run.sh", std::nullopt}});
  EXPECT_EQ(read_file(copy.path() / "a.txt"), "other");
  EXPECT_FALSE(fs::exists(copy.path() / "src/run.sh"));
  // The same size, the old time of change put back: still seen.
  shell(copy.path(),
        "touch -r build/out.o stamp; printf objecT > build/out.o; touch -r stamp build/out.o; rm link;"
        "mkdir link; touch link/x; chmod 0 link; rm -r ../home/.cache; mv src src2");
  EXPECT_THAT(copy.touched({"a.txt", "src/run.sh", "build/out.o"}), ElementsAre("a.txt", "src/run.sh", "build/out.o"));
  copy.reset();
  EXPECT_EQ(shell(copy.path().parent_path(), listing), wanted);
  EXPECT_EQ(shell(base.path().parent_path(), listing), wanted);
}

TEST_F(RepositoryTest, ChangedBuildFilesOutdateObjectsOfMakefiles) {
  const TempDir temporary;
  const fs::path dir = temporary.path();
  write_file_atomic(dir / "a.c", "int a;\n");
  write_file_atomic(dir / "a.o", "object\n");
  fs::last_write_time(dir / "a.o", fs::last_write_time(dir / "a.c") - std::chrono::hours(1));
  const auto is_new = [&] { return fs::last_write_time(dir / "a.c") > fs::last_write_time(dir / "a.o"); };
  const auto age = [&] { fs::last_write_time(dir / "a.c", fs::last_write_time(dir / "a.o") - std::chrono::hours(1)); };
  for (const auto& [changed, build, outdated] :
       std::vector<std::tuple<std::string, std::string, bool>>{{"Makefile", "make", true},
                                                               {"a.h", "make -C .", true},
                                                               {"b.c", "make", false},
                                                               {"CMakeLists.txt", "cmake -B build", false}}) {
    age();
    outdate_objects(dir, {changed}, build);
    EXPECT_EQ(is_new(), outdated) << changed << " with " << build;
  }
}

TEST_F(RepositoryTest, WritesStayInside) {
  const Repository repository = Repository::open(root());
  Worktree worktree = Worktree::create(repository, repository.head());
  const TempDir outside;
  fs::create_directory_symlink(outside.path(), worktree.path() / "out");
  EXPECT_THROW(worktree.write({{"out/x", "x"}}), Error);
  EXPECT_THROW(worktree.write({{"../x", "x"}}), Error);
  EXPECT_THROW(worktree.write({{"/tmp/x", "x"}}), Error);
  EXPECT_THROW(worktree.write({{".git/config", "x"}}), Error);
  EXPECT_TRUE(fs::is_empty(outside.path()));
  worktree.write({{"link", "no link any more"}});
  EXPECT_EQ(read_file(worktree.path() / "a.txt"), "one\ntwo\nthree\n");
}

TEST_F(RepositoryTest, WhatAKilledProcessLeftIsCleaned) {
  const Repository repository = Repository::open(root());
  const pid_t child = ::fork();
  if (child == 0) {
    const Worktree worktree = Worktree::create(repository, repository.head());
    const Worktree copy = worktree.copy();
    fs::create_directories(copy.path() / "locked" / "in");
    ::chmod((copy.path() / "locked").c_str(), 0500);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_FALSE(fs::is_empty(worktrees_dir(repository)));
  const Worktree alive = Worktree::create(repository, repository.head());
  EXPECT_EQ(clean_worktrees(repository), 2);
  EXPECT_TRUE(fs::exists(alive.path() / "a.txt"));
}

TEST_F(RepositoryTest, SubmodulesComeAlongWhereCheckedOut) {
  const TempDir other;
  put(other.path() / "lib.c", "int x;\n");
  shell(other.path(), "git init -q . && git add -A && git commit -qm lib");
  shell(root(), "git -c protocol.file.allow=always submodule --quiet add " + other.path().string() +
                    " lib && git commit -qm submodule");
  const Repository repository = Repository::open(root());
  {
    const Worktree worktree = Worktree::create(repository, repository.head());
    EXPECT_EQ(read_file(worktree.path() / "lib" / "lib.c"), "int x;\n");
    EXPECT_THAT(worktree.missing_submodules(), IsEmpty());
  }
  shell(root(), "git submodule --quiet deinit -f lib");
  const Worktree worktree = Worktree::create(repository, repository.head());
  EXPECT_THAT(worktree.missing_submodules(), ElementsAre("lib"));
}

TEST_F(RepositoryTest, OneRunAtATime) {
  Repository repository = Repository::open(root());
  const fs::path state = repository.state_dir();
  {
    const RunLock lock(state, "improve");
    try {
      const RunLock second(state, "verify");
      FAIL();
    } catch (const Error& error) {
      EXPECT_THAT(error.message(), HasSubstr("pid " + std::to_string(::getpid()) + ": improve"));
    }
  }
  const RunLock again(state, "verify");
}

TEST_F(RepositoryTest, ReadOnlyRepositoryStillGivesAWorktree) {
  if (::getuid() == 0) GTEST_SKIP() << "root may write everywhere";
  shell(root(), "chmod -R a-w .");
  const Repository repository = Repository::open(root());
  EXPECT_EQ(read_file(Worktree::create(repository, repository.head()).path() / "a.txt"), "one\ntwo\nthree\n");
  shell(root(), "chmod -R u+w .");
}

}  // namespace
}  // namespace jarvis2::project
