#include "learn/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>

#include "base/error.h"
#include "base/json.h"
#include "learn/learner.h"
#include "learn/sum_tree.h"

namespace jarvis2::learn {
namespace {

Experience experience_of(const std::string& program, int number) {
  Experience e;
  e.run = "run";
  e.project = "project-" + program;
  e.program = program;
  e.commit = "c0ffee";
  e.machine = "m";
  e.actions = {"a" + std::to_string(number)};
  e.rules = {"python/rule, \"quoted\""};
  e.embedder = "digest";
  e.stage = Stage::kVerified;
  e.ok = true;
  e.log_speedup = 0.01 * number;
  e.variance = 1e-5;
  return e;
}

TEST(Store, KeepsWhatItWasGivenOnce) {
  const TempDir folder;
  Experience e = experience_of("nbody", 3);
  e.policy_features.assign(512, 0.25f);
  {
    ExperienceStore store(folder.path() / "sub" / "e.sqlite");
    const std::int64_t id = store.add(e);
    EXPECT_EQ(store.add(e), id);
    e.log_speedup = 0.5;
    EXPECT_NE(store.add(e), id);
  }
  const ExperienceStore store(folder.path() / "sub" / "e.sqlite");
  const std::vector<StoredExperience> rows = store.all();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].experience.actions, e.actions);
  EXPECT_EQ(rows[0].experience.rules, e.rules);
  EXPECT_EQ(rows[0].experience.policy_features, e.policy_features);
  EXPECT_TRUE(rows[0].experience.value_features.empty());
  EXPECT_EQ(rows[0].experience.stage, Stage::kVerified);
  EXPECT_FALSE(rows[0].experience.instructions.has_value());
  EXPECT_DOUBLE_EQ(*rows[1].experience.log_speedup, 0.5);
  store.export_csv(folder.path() / "e.csv");
  EXPECT_THAT(read_file(folder.path() / "e.csv"), testing::HasSubstr("\"python/rule, \"\"quoted\"\"\""));
}

TEST(Store, RefusesOtherFiles) {
  const TempDir folder;
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open((folder.path() / "other").c_str(), &db), SQLITE_OK);
  sqlite3_exec(db, "CREATE TABLE t(x)", nullptr, nullptr, nullptr);
  sqlite3_close(db);
  const std::string before = read_file(folder.path() / "other");
  EXPECT_THROW(ExperienceStore(folder.path() / "other"), Error);
  EXPECT_EQ(read_file(folder.path() / "other"), before);
  write_file_atomic(folder.path() / "text", std::string(5000, 'x'));
  EXPECT_THROW(ExperienceStore(folder.path() / "text"), Error);
  {
    ExperienceStore store(folder.path() / "new");
    store.add(experience_of("p", 1));
  }
  ASSERT_EQ(sqlite3_open((folder.path() / "new").c_str(), &db), SQLITE_OK);
  sqlite3_exec(db, "PRAGMA user_version=99", nullptr, nullptr, nullptr);
  sqlite3_close(db);
  try {
    ExperienceStore store(folder.path() / "new");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("version 99"));
  }
}

TEST(Store, TakesOverVersionOne) {
  const TempDir folder;
  const fs::path path = folder.path() / "e";
  {
    ExperienceStore store(path);
    store.add(experience_of("p", 1));
  }
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  ASSERT_EQ(
      sqlite3_exec(db, "ALTER TABLE experience DROP COLUMN priority; PRAGMA user_version=1", nullptr, nullptr, nullptr),
      SQLITE_OK);
  sqlite3_close(db);
  ExperienceStore store(path);
  ASSERT_EQ(store.size(), 1U);
  EXPECT_EQ(store.all()[0].priority, 1);
  EXPECT_EQ(store.all()[0].experience.program, "p");
}

TEST(Store, TrimsTheMostCommonFirst) {
  const TempDir folder;
  ExperienceStore store(folder.path() / "e");
  std::vector<Experience> many;
  for (int i = 0; i < 50; ++i) many.push_back(experience_of("common", i));
  for (int i = 0; i < 5; ++i) many.push_back(experience_of("rare", i));
  store.add(many);
  EXPECT_EQ(store.trim(100), 0U);
  EXPECT_EQ(store.trim(20), 35U);
  std::map<std::string, int> left;
  for (const StoredExperience& row : store.all()) ++left[row.experience.program];
  EXPECT_EQ(left["rare"], 5);
  EXPECT_EQ(left["common"], 15);
  EXPECT_EQ(store.all().front().experience.actions[0], "a35");  // the oldest went
}

TEST(Store, ReplaysByPriority) {
  const TempDir folder;
  ExperienceStore store(folder.path() / "e");
  std::vector<std::int64_t> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(store.add(experience_of("p", i)));
  std::vector<double> priorities(10, 1.0);
  priorities[7] = 8;
  store.set_priorities(ids, priorities);
  std::mt19937_64 random(1);
  int often = 0;
  const int draws = 2000;
  for (const StoredExperience& row : store.sample(draws, random, 1.0, 1.0)) {
    if (row.id == ids[7]) ++often;
    EXPECT_NEAR(row.weight, row.id == ids[7] ? 0.125 : 1.0, 1e-9);
  }
  EXPECT_NEAR(often, draws * 8 / 17, 5);
  EXPECT_THROW(store.set_priorities(ids, std::vector<double>(10, -1)), Error);
}

TEST(SumTree, FindsByWeight) {
  SumTree tree(5);
  for (std::size_t i = 0; i < 5; ++i) tree.set(i, static_cast<double>(i));
  EXPECT_EQ(tree.total(), 10);
  EXPECT_EQ(tree.find(0), 1U);
  EXPECT_EQ(tree.find(0.999), 1U);
  EXPECT_EQ(tree.find(1), 2U);
  EXPECT_EQ(tree.find(9.999), 4U);
  tree.set(4, 0);
  EXPECT_EQ(tree.find(5.999), 3U);
}

// A writer killed at any moment loses nothing that add() has acknowledged.
TEST(Store, SurvivesKill) {
  const TempDir folder;
  const fs::path path = folder.path() / "e";
  int acknowledged = 0;
  for (int round = 0; round < 6; ++round) {
    int pipes[2];
    ASSERT_EQ(pipe(pipes), 0);
    const pid_t child = fork();
    if (child == 0) {
      close(pipes[0]);
      ExperienceStore store(path);
      for (int i = 0;; ++i) {
        store.add(experience_of("p" + std::to_string(round), i));
        if (write(pipes[1], "x", 1) != 1) _exit(1);
      }
    }
    close(pipes[1]);
    char byte = 0;
    for (int i = 0; i < 5 + 3 * round; ++i) ASSERT_EQ(read(pipes[0], &byte, 1), 1);
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    acknowledged += 5 + 3 * round;
    while (read(pipes[0], &byte, 1) == 1) ++acknowledged;
    close(pipes[0]);
    const ExperienceStore store(path);
    EXPECT_GE(store.size(), static_cast<std::size_t>(acknowledged));
    EXPECT_LE(store.size(), static_cast<std::size_t>(acknowledged + round + 1));  // written, not yet acknowledged
  }
}

// Programs where one feature decides the outcome: it must be found on a program never seen, and not if labels are
// shuffled.
TEST(Learner, TransfersToAProgramLeftOut) {
  std::mt19937_64 random(5);
  std::vector<StoredExperience> rows;
  for (int program = 0; program < 5; ++program) {
    for (int i = 0; i < 60; ++i) {
      StoredExperience row;
      Experience& e = row.experience;
      e = experience_of("p" + std::to_string(program), i);
      const bool good = random() % 2 == 0;
      e.policy_features.assign(512, 0.0f);
      for (int k = 0; k < 20; ++k) e.policy_features[static_cast<std::size_t>(random() % 512)] = 0.3f;
      e.policy_features[400] = good ? 1.0f : -1.0f;
      e.value_features = e.policy_features;
      e.log_speedup = good ? 0.15 : -0.02;
      e.baseline = 0.05f;
      rows.push_back(row);
    }
  }
  LearnOptions options;
  options.layers = {512, 32, 16, 1};
  options.members = 2;
  options.epochs = 40;
  const Learned learned = learn(rows, options);
  ASSERT_EQ(learned.left_out.size(), 5U);
  for (const LeftOut& left : learned.left_out) {
    EXPECT_EQ(left.policy_rows, 60U);
    EXPECT_LT(left.policy_loss, 0.6 * left.policy_untrained);
    EXPECT_LT(left.value_loss, 0.5 * left.value_baseline);
  }
  EXPECT_EQ(learned.policy.card.trained_on.size(), 5U);
  EXPECT_EQ(learned.policy.card.embedder, "digest");
  EXPECT_EQ(learned.value.members.size(), 2U);
  options.shuffle_labels = true;
  for (const LeftOut& left : learn(rows, options).left_out) EXPECT_GT(left.value_loss, 0.7 * left.value_baseline);

  const TempDir folder;
  save(learned, folder.path() / "models");
  EXPECT_EQ(neural::load_model(folder.path() / "models" / "value.safetensors").members.size(), 2U);
  EXPECT_GT(learned_json(learned).at("policy").at("parameters").get<int>(), 10000);
}

TEST(Learner, SaysWhenThereIsTooLittle) {
  std::vector<StoredExperience> rows(30);
  for (StoredExperience& row : rows) row.experience = experience_of("one", 1);
  try {
    learn(rows, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("30 outcomes of 1 programs"));
  }
}

TEST(Learner, FailuresAreTargetsToo) {
  Experience e = experience_of("p", 10);
  EXPECT_NEAR(policy_target(e), 1 - std::exp(-2.0), 1e-6);
  e.ok = false;
  e.stage = Stage::kPasses;
  EXPECT_EQ(policy_target(e), 0);
  e.ok = true;
  e.log_speedup = -0.1;
  EXPECT_EQ(policy_target(e), 0);
}

}  // namespace
}  // namespace jarvis2::learn
