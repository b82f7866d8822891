#include "meta/store.h"

#include <gmock/gmock.h>

#include <fstream>

#include "base/process.h"
#include "meta/cycle.h"

namespace jarvis2::meta {
namespace {

using testing::ElementsAre;
using testing::Field;

FileMark marked(const std::string& text) {
  const std::shared_ptr<const code::Tree> tree = code::Tree::parse(code::Language::kPython, text);
  return mark_of("python", text, tree.get());
}

constexpr const char* kBefore =
    "class A:\n    def f(self):\n        x = 1\n        y = 2\n        return x\n\n    def g(self):\n        return "
    "2\n\n"
    "def old(a):\n    b = a\n    c = b\n    return c\n";

TEST(Changes, SaysWhichSymbolsChangedHowAndByHowMuch) {
  const FileMark before = marked(kBefore);
  const FileMark after = marked(
      "class A:\n    def f(self):\n        x = 1\n        y = 3\n        return x\n\n    def g(self, n):\n        "
      "return "
      "2\n\ndef new(a):\n    b = a\n    c = b\n    return c\n\ndef more():\n    pass\n");
  const FileChange change = difference("a.py", &before, &after);
  std::vector<std::string> seen;
  for (const SymbolChange& one : change.symbols)
    seen.push_back(one.name + " " + std::string(symbol_event_name(one.event)));
  EXPECT_THAT(seen, ElementsAre("A.f body", "A.g signature", "new renamed", "more added"));
  EXPECT_EQ(change.symbols[0].lines_added, 1u);
  EXPECT_EQ(change.symbols[0].lines_removed, 1u);
  EXPECT_TRUE(difference("a.py", &before, &before).symbols.empty());
  const FileChange gone = difference("a.py", &before, nullptr);
  EXPECT_EQ(gone.event, FileEvent::kRemoved);
  EXPECT_EQ(gone.lines_removed, before.lines.size());
}

TEST(Changes, MarksSurviveTheStore) {
  const FileMark before = marked(kBefore);
  FileMark after;
  decode(encode_lines(before), encode_symbols(before), after);
  after.hash = before.hash;
  after.language = before.language;
  EXPECT_TRUE(difference("a.py", &before, &after).symbols.empty());
  EXPECT_EQ(after.lines, before.lines);
  decode("abc", "damaged\tline\n", after);
  EXPECT_TRUE(after.symbols.empty());
}

TEST(MetaStore, KeepsPlansAndTheirOrder) {
  const TempDir folder;
  MetaStore store(folder.path() / "meta.sqlite");
  Plan plan;
  plan.kind = "improve";
  plan.key = "one";
  plan.paths = {"a.py", "b c.py"};
  plan.value = 1;
  plan.id = store.add(plan);
  EXPECT_EQ(plan.id, 1);
  EXPECT_EQ(store.add(plan), 0) << "the same key twice";
  plan.key = "two";
  plan.value = 2;
  store.add(plan);
  EXPECT_THAT(store.plans_in(PlanState::kWaiting), ElementsAre(Field(&Plan::key, "two"), Field(&Plan::key, "one")));
  plan = *store.plan(1);
  EXPECT_THAT(plan.paths, ElementsAre("a.py", "b c.py"));
  plan.state = PlanState::kTakenBack;
  plan.reason = "gone";
  store.update(plan);
  EXPECT_EQ(store.plan(1)->state, PlanState::kTakenBack);
  EXPECT_TRUE(store.knows("one"));
  EXPECT_FALSE(store.knows("three"));
}

TEST(MetaStore, ADamagedFileIsSetAside) {
  const TempDir folder;
  const fs::path file = folder.path() / "meta.sqlite";
  std::ofstream(file) << std::string(5000, 'x');
  MetaStore store(file);
  EXPECT_EQ(store.observation_count(), 0);
  EXPECT_TRUE(fs::exists(folder.path() / "meta.sqlite.damaged"));
}

TEST(MetaStore, RulesAreCounted) {
  const TempDir folder;
  MetaStore store(folder.path() / "meta.sqlite");
  store.count("r", false, std::nullopt);
  store.count("r", true, 0.2);
  store.count("r", true, 0.4);
  const RuleHistory history = store.rule_history().at("r");
  EXPECT_EQ(history.tried, 3);
  EXPECT_EQ(history.valid, 2);
  EXPECT_NEAR(history.gain, 0.3, 1e-12);
}

class LookTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    root_ = fs::canonical(folder_.path()) / "r";
    put("a.py", "def f(xs):\n    return sorted(xs)[0]\n");
    put("sub/b.py", "def g():\n    return 1\n");
    git({"init", "-q", "-b", "main"});
    git({"add", "-A"});
    git({"commit", "-q", "-m", "first"});
    store_.emplace(root_ / ".jarvis2/meta.sqlite");
    CycleOptions options;
    if (GetParam()) options.lanes = &hardware::lanes();
    analyst_.emplace(root_, *store_, options);
  }
  void put(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void git(std::vector<std::string> args) {
    SpawnOptions spawn;
    spawn.argv = {"git", "-c", "user.name=T", "-c", "user.email=t@example.invalid"};
    spawn.argv.insert(spawn.argv.end(), args.begin(), args.end());
    spawn.cwd = root_;
    ASSERT_TRUE(run_process(spawn).ok());
  }
  TempDir folder_;
  fs::path root_;
  std::optional<MetaStore> store_;
  std::optional<Analyst> analyst_;
};

TEST_P(LookTest, ObservesWhatChangedAndNothingTwice) {
  const CycleReport first = analyst_->look({.paths = {}, .rescan = true});
  ASSERT_TRUE(first.observation);
  EXPECT_EQ(first.observation->cause, "first look");
  EXPECT_EQ(first.observation->files, 2u);
  EXPECT_GE(first.findings, 1u);
  EXPECT_GE(first.candidates, 1u);
  EXPECT_GE(store_->finding_count(), 1u);
  EXPECT_FALSE(analyst_->look({.paths = {}, .rescan = true}).observation);

  put("sub/b.py", "def g():\n    return 2\n");
  put("sub/c.py", "def h():\n    pass\n");
  const CycleReport edit = analyst_->look({.paths = {"sub/b.py", "sub/c.py", "a.py"}});
  ASSERT_TRUE(edit.observation);
  EXPECT_EQ(edit.observation->cause, "edit");
  EXPECT_EQ(edit.observation->files, 2u);
  EXPECT_EQ(edit.observation->symbols, 2u);

  git({"add", "-A"});
  git({"commit", "-q", "-m", "second"});
  const CycleReport commit = analyst_->look({.paths = {}, .git = true});
  ASSERT_TRUE(commit.observation);
  EXPECT_EQ(commit.observation->cause, "commit");
  EXPECT_FALSE(analyst_->look({.paths = {}, .git = true}).observation);

  fs::remove(root_ / "a.py");
  fs::remove(root_ / "sub/c.py");
  const CycleReport gone = analyst_->look({.paths = {}, .rescan = true});
  ASSERT_TRUE(gone.observation);
  EXPECT_EQ(gone.observation->files, 2u);
  EXPECT_EQ(store_->finding_count(), 0u) << "findings go with their file";
  EXPECT_EQ(store_->observation_count(), 4);
  store_->check();
}

TEST_P(LookTest, NothingIsMissedAfterAnInterruptedFirstLook) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_ANY_THROW(analyst_->look({.paths = {}, .rescan = true}, stop.get_token()));
  const CycleReport again = analyst_->look({.paths = {}, .rescan = true});
  EXPECT_EQ(store_->file_count(), 2u);
  EXPECT_TRUE(again.observation);
}

INSTANTIATE_TEST_SUITE_P(Lanes, LookTest, testing::Bool());

}  // namespace
}  // namespace jarvis2::meta
