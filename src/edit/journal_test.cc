#include "edit/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <map>

#include "base/error.h"

namespace jarvis2::edit {
namespace {

// A process that dies: not an Error, so nothing in the code under test cleans up.
struct Killed {};

class Tree {
 public:
  Tree() {
    write("a.py", "one\r\ntwo");
    write("sub/b.py", "\xef\xbb\xbfthree\n");
    write("gone.py", "to be deleted\n");
    ::chmod((root() / "sub/b.py").c_str(), 0755);
  }
  fs::path root() const { return dir_.path() / "tree"; }
  fs::path state() const { return dir_.path() / "state"; }
  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root() / path).parent_path());
    write_file_atomic(root() / path, text);
  }
  // Path → bytes and mode; leftovers such as temporary files would show.
  std::map<std::string, std::string> image() const {
    std::map<std::string, std::string> all;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root())) {
      struct stat info {};
      ::lstat(entry.path().c_str(), &info);
      all[entry.path().string()] =
          std::to_string(info.st_mode) + (entry.is_regular_file() ? read_file(entry.path()) : "");
    }
    return all;
  }
  project::Texts before() const {
    return {{"a.py", "one\r\ntwo"}, {"sub/b.py", "\xef\xbb\xbfthree\n"}, {"gone.py", "to be deleted\n"}};
  }
  project::Texts after() const {
    return {{"a.py", "ONE\r\ntwo"},
            {"sub/b.py",
             "\xef\xbb\xbf"
             "3\n"},
            {"gone.py", std::nullopt},
            {"new/c.py", "new\n"}};
  }

 private:
  TempDir dir_;
};

TEST(ApplyLog, ApplyAndUndoAreByteExact) {
  Tree tree;
  const std::map<std::string, std::string> original = tree.image();
  ApplyLog log(tree.root(), tree.state());
  log.apply("run", tree.before(), tree.after());
  EXPECT_EQ(read_file(tree.root() / "a.py"), "ONE\r\ntwo");
  EXPECT_FALSE(fs::exists(tree.root() / "gone.py"));
  EXPECT_TRUE(fs::exists(tree.root() / "new/c.py"));
  EXPECT_EQ(log.undo().state, ApplyState::kUndone);
  EXPECT_EQ(tree.image(), original);
  EXPECT_THROW(log.undo(), Error);
}

TEST(ApplyLog, RefusesWhatChangedSince) {
  Tree tree;
  tree.write("a.py", "edited by hand");
  const std::map<std::string, std::string> original = tree.image();
  ApplyLog log(tree.root(), tree.state());
  EXPECT_THROW(log.apply("run", tree.before(), tree.after()), Error);
  EXPECT_EQ(tree.image(), original);
  tree.write("a.py", "one\r\ntwo");
  log.apply("run", tree.before(), tree.after());
  tree.write("sub/b.py", "more work");
  EXPECT_THROW(log.undo(), Error);
  EXPECT_EQ(read_file(tree.root() / "sub/b.py"), "more work");
}

TEST(ApplyLog, RefusesSymbolicLinks) {
  Tree tree;
  fs::remove(tree.root() / "a.py");
  fs::create_symlink("/etc/hostname", tree.root() / "a.py");
  EXPECT_THROW(ApplyLog(tree.root(), tree.state()).apply("run", tree.before(), tree.after()), Error);
}

// Killed before every single step: recovery leads to the tree before, or the change was complete.
TEST(ApplyLog, KilledAtEveryStep) {
  int cases = 0;
  for (const bool undoing : {false, true}) {
    for (int at = 0;; ++at) {
      Tree tree;
      const std::map<std::string, std::string> original = tree.image();
      if (undoing) ApplyLog(tree.root(), tree.state()).apply("run", tree.before(), tree.after());
      const std::map<std::string, std::string> start = tree.image();
      int steps = 0;
      bool killed = false;
      try {
        ApplyLog log(tree.root(), tree.state(), [&](const std::string&) {
          if (steps++ == at) throw Killed();
        });
        if (undoing) {
          log.undo();
        } else {
          log.apply("run", tree.before(), tree.after());
        }
      } catch (const Killed&) {
        killed = true;
      }
      if (!killed) break;
      ++cases;
      ApplyLog again(tree.root(), tree.state());
      again.recover();
      const bool as_before = tree.image() == start;
      EXPECT_TRUE(as_before || tree.image() == original) << (undoing ? "undo" : "apply") << " killed at step " << at;
      EXPECT_TRUE(undoing || as_before);
      EXPECT_TRUE(again.recover().empty());
    }
  }
  EXPECT_GT(cases, 12);
}

}  // namespace
}  // namespace jarvis2::edit
