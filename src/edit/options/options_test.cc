#include "edit/options/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/files.h"
#include "base/hash.h"
#include "base/process.h"

namespace jarvis2::edit {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kCmake =
    "cmake_minimum_required(VERSION 3.16)\nproject(p C)\nset(CMAKE_C_FLAGS_RELEASE \"-O2\")\nadd_library(work work.c)\n"
    "add_executable(bench bench.c)\ntarget_link_libraries(bench work)\nadd_executable(check "
    "check.c)\ntarget_link_libraries(check work)\n"
    "enable_testing()\nadd_test(NAME check COMMAND check)\n";
constexpr const char* kMake =
    "CFLAGS ?= -O2\nbuild/bench: bench.c work.c\n\tmkdir -p build\n\t$(CC) $(CFLAGS) -o $@ bench.c work.c\n"
    "build/check: check.c work.c\n\tmkdir -p build\n\t$(CC) $(CFLAGS) -o $@ check.c work.c\ntest: "
    "build/check\n\tbuild/check\n";

OptionContext cmake_context() {
  OptionContext context;
  context.build_files["CMakeLists.txt"] = kCmake;
  context.build = "cmake -B build -DCMAKE_BUILD_TYPE=Release && cmake --build build";
  context.test = "ctest --test-dir build";
  context.has_c = true;
  return context;
}

OptionContext make_context() {
  OptionContext context;
  context.build_files["Makefile"] = kMake;
  context.build = "make build/bench build/check";
  context.test = "make test";
  context.has_c = true;
  return context;
}

const Action* find(const std::vector<Action>& actions, const std::string& rule) {
  for (const Action& action : actions) {
    if (action.rule == rule) return &action;
  }
  return nullptr;
}

std::string applied(const std::string& text, const Action& action) {
  std::string result;
  std::size_t at = 0;
  for (const Replacement& part : action.replacements) {
    EXPECT_EQ(part.base_sha256, sha256_hex(text));
    result += text.substr(at, part.range.begin - at) + part.text;
    at = part.range.end;
  }
  return result + text.substr(at);
}

std::set<std::string> rules(const OptionContext& context) {
  std::set<std::string> result;
  for (const Action& action : option_actions(context)) result.insert(action.rule);
  return result;
}

TEST(Options, AreWrittenAfterTheProjectLine) {
  const std::vector<Action> actions = option_actions(cmake_context());
  const Action* lto = find(actions, "option/lto");
  ASSERT_NE(lto, nullptr);
  EXPECT_EQ(lto->kind, Kind::kOption);
  EXPECT_EQ(lto->path, "CMakeLists.txt");
  EXPECT_THAT(applied(kCmake, *lto), HasSubstr("project(p C)\nif(POLICY CMP0069)\n"));
}

TEST(Options, TheMachinesArchitectureAndRelaxedArithmeticAreAskedFor) {
  OptionContext context = cmake_context();
  EXPECT_FALSE(rules(context).contains("option/march-native"));
  EXPECT_FALSE(rules(context).contains("option/associative-math"));
  context.allow_native = context.allow_fast_math = true;
  EXPECT_TRUE(rules(context).contains("option/march-native"));
  EXPECT_TRUE(rules(context).contains("option/associative-math"));
}

TEST(Options, QuietMathematicsOnlyWhereNothingListens) {
  OptionContext context = cmake_context();
  EXPECT_FALSE(rules(context).contains("option/quiet-math"));
  context.quiet_math = true;
  const std::vector<Action> actions = option_actions(context);
  ASSERT_NE(find(actions, "option/quiet-math"), nullptr);
  EXPECT_THAT(applied(kCmake, *find(actions, "option/quiet-math")), HasSubstr("(-fno-math-errno -fno-trapping-math)"));
  const std::string math = "#include <math.h>\ndouble f(double x) { return sqrt(x); }\n";
  EXPECT_TRUE(uses_math(math));
  EXPECT_FALSE(watches_math(math));
  EXPECT_TRUE(watches_math(math + "int g(void) { return errno == EDOM; }\n"));
  EXPECT_FALSE(watches_math("#include <stdio.h>\nint g(void) { return errno; }\n")) << "no mathematics beside it";
  EXPECT_TRUE(watches_math("#include <fenv.h>\n"));
  EXPECT_TRUE(watches_math("void f(void) { feenableexcept(FE_DIVBYZERO); }\n"));
  EXPECT_TRUE(watches_math("void f(void) { signal(SIGFPE, h); }\n"));
  EXPECT_FALSE(watches_math(math + "void offence(void);\n"));
}

// Configuring a second time must not train again: what is only linked again would cost another training.
TEST(Options, ConfiguringAgainKeepsTheProfile) {
  if (find_program("cmake").empty() || find_program("cc").empty()) GTEST_SKIP() << "no compiler";
  OptionContext context = cmake_context();
  context.test = "echo run >>\"$COUNT\" && build/check";
  const std::vector<Action> actions = option_actions(context);
  const Action* pgo = find(actions, "option/pgo");
  ASSERT_NE(pgo, nullptr);
  TempDir dir;
  write_file_atomic(dir.path() / "CMakeLists.txt", applied(kCmake, *pgo));
  write_file_atomic(dir.path() / "work.c", "int work(int n) { return n + 1; }\n");
  write_file_atomic(dir.path() / "bench.c", "int work(int);\nint main(void) { return work(-1); }\n");
  write_file_atomic(dir.path() / "check.c", "int work(int);\nint main(void) { return work(-1); }\n");
  SpawnOptions options;
  options.argv = {"sh", "-c", context.build + " && " + context.build};
  options.cwd = dir.path();
  options.env = {{"COUNT", (dir.path() / "count").string()}};
  const ProcessResult built = run_process(options, 240);
  ASSERT_TRUE(built.ok()) << built.out << built.err;
  EXPECT_EQ(read_file(dir.path() / "count"), "run\n");
}

TEST(Options, ThePresentLevelIsNotOffered) {
  EXPECT_TRUE(rules(make_context()).contains("option/o3"));
  EXPECT_FALSE(rules(make_context()).contains("option/o2"));
  OptionContext context = cmake_context();
  context.build_files["CMakeLists.txt"] = "project(p C)\nadd_executable(a a.c)\n";
  EXPECT_FALSE(rules(context).contains("option/o3")) << "Release is -O3";
  EXPECT_TRUE(rules(context).contains("option/o2"));
}

TEST(Options, LevelsAndAllocatorsExcludeEachOther) {
  const std::vector<Action> actions = option_actions(make_context());
  EXPECT_EQ(find(actions, "option/mimalloc")->group, find(actions, "option/jemalloc")->group);
  EXPECT_EQ(find(actions, "option/o3")->group, "opt-level");
}

TEST(Options, FlagsOfSharedLibrariesOnlyForThem) {
  EXPECT_FALSE(rules(cmake_context()).contains("option/visibility-hidden"));
  OptionContext context = cmake_context();
  context.build_files["CMakeLists.txt"] += "add_library(s SHARED s.c)\n";
  EXPECT_TRUE(rules(context).contains("option/visibility-hidden"));
}

TEST(Options, WithoutABuildFileTheyAreRecommended) {
  OptionContext context;
  context.build = "gcc -O2 a.c -o a";
  context.has_c = true;
  const std::vector<Action> actions = option_actions(context);
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_TRUE(actions[0].recommendation_only);
  OptionContext python;
  python.has_python = true;
  for (const Action& action : option_actions(python)) EXPECT_TRUE(action.recommendation_only) << action.rule;
}

TEST(Options, FlagsGoIntoCommandsWhereNoVariableIsUsed) {
  OptionContext context = make_context();
  const std::string text = "all:\n\tgcc -O2 -o a a.c\n";
  context.build_files["Makefile"] = text;
  const std::vector<Action> actions = option_actions(context);
  EXPECT_THAT(applied(text, *find(actions, "option/lto")),
              HasSubstr("gcc -O2 -flto=auto -ffat-lto-objects -flto=auto -o a a.c"));
}

TEST(Options, MesonTakesProjectArguments) {
  OptionContext context;
  const std::string text = "project('p', 'c',\n  version: '1')\nexecutable('a', 'a.c')\n";
  context.build_files["meson.build"] = text;
  context.build = "meson setup build && ninja -C build";
  context.has_c = true;
  const std::vector<Action> actions = option_actions(context);
  EXPECT_THAT(applied(text, *find(actions, "option/lto")),
              HasSubstr("version: '1')\nadd_project_arguments('-flto=auto', '-ffat-lto-objects', language: 'c')\n"));
}

std::vector<std::string> paths_of(const std::string& build, std::map<std::string, std::string> files) {
  OptionContext context;
  context.build = build;
  context.build_files = std::move(files);
  context.has_c = true;
  return build_files_of(context).paths;
}

TEST(BuildFiles, AreThoseThatTheCommandReads) {
  using testing::ElementsAre;
  const std::string make = "CFLAGS = -O2\na.o: a.c\n\t$(CC) $(CFLAGS) -c a.c\n";
  const std::string handing_on = "all:\n\tcd src && $(MAKE) all\n";
  EXPECT_THAT(paths_of("make -C src generic", {{"Makefile", handing_on}, {"src/Makefile", make}}),
              ElementsAre("src/Makefile"));
  EXPECT_THAT(paths_of("make -j4", {{"Makefile", handing_on}, {"src/Makefile", make}, {"doc/Makefile", make}}),
              ElementsAre("src/Makefile"));
  EXPECT_THAT(paths_of("make -f driver/gcc.mk", {{"Makefile", make}, {"driver/gcc.mk", make}}),
              ElementsAre("driver/gcc.mk"));
  EXPECT_THAT(paths_of("cd src && CC=gcc make", {{"Makefile", make}, {"src/Makefile", make}}),
              ElementsAre("src/Makefile"));
  EXPECT_THAT(paths_of("cmake -S driver -B build -G 'Unix Makefiles' && cmake --build build",
                       {{"CMakeLists.txt", kCmake}, {"driver/CMakeLists.txt", kCmake}}),
              ElementsAre("driver/CMakeLists.txt"));
  EXPECT_THAT(paths_of("mkdir -p build && cd build && cmake -DX=1 .. && make", {{"CMakeLists.txt", kCmake}}),
              ElementsAre("CMakeLists.txt"));
  EXPECT_THAT(paths_of("./configure CFLAGS='-O2 -g' && make", {{"Makefile.in", "CFLAGS = @CFLAGS@\n"},
                                                               {"lib/Makefile.in", "CFLAGS = @CFLAGS@\n"},
                                                               {"tests/Makefile.in", "CFLAGS = @CFLAGS@\n"}}),
              ElementsAre("Makefile.in", "lib/Makefile.in"));
  EXPECT_THAT(paths_of("sh tools/make.sh", {{"tools/make.sh", "gcc -O2 -o a a.c\n"}, {"Makefile", make}}),
              ElementsAre("tools/make.sh"));
  EXPECT_THAT(paths_of("gcc -O2 -o a a.c", {{"Makefile", make}}), testing::IsEmpty());
}

TEST(Options, ReachSeveralMakefilesAndComeAfterWhatTheyInclude) {
  OptionContext context;
  context.build = "make";
  context.has_c = true;
  const std::string sub = "include ../config.mk\nall: a\na: a.c\n\t$(CC) $(CFLAGS) -o a a.c\n";
  context.build_files = {
      {"Makefile", "all:\n\t$(MAKE) -C x\n\t$(MAKE) -C y\n"}, {"x/Makefile", sub}, {"y/Makefile", sub}};
  const std::vector<Action> actions = option_actions(context);
  const Action* o3 = find(actions, "option/o3");
  ASSERT_NE(o3, nullptr);
  ASSERT_EQ(o3->replacements.size(), 2u);
  EXPECT_EQ(o3->replacements[1].path, "y/Makefile");
  EXPECT_EQ(o3->replacements[0].range.begin, sub.find("all:"));
}

TEST(Options, ALevelThatAFileSetsIsRewrittenThere) {
  const std::vector<Action> actions = option_actions(cmake_context());
  const Action* o3 = find(actions, "option/o3");
  ASSERT_NE(o3, nullptr) << "Release is -O2 here";
  EXPECT_THAT(applied(kCmake, *o3), HasSubstr("set(CMAKE_C_FLAGS_RELEASE \"-O3\")"));
}

// A makefile below the root that keeps objects, trained by a script of the root: what the first build left is in the
// way.
TEST(Options, TrainingIgnoresWhatWasBuiltBefore) {
  if (find_program("make").empty() || find_program("cc").empty()) GTEST_SKIP() << "no compiler";
  OptionContext context;
  context.build = "make -C src";
  context.test = "sh check.sh";
  context.has_c = true;
  const std::string text =
      "CFLAGS= -O2\nprog: a.o\n\t$(CC) $(CFLAGS) -o prog a.o\na.o: a.c\n\t$(CC) $(CFLAGS) -c a.c\n";
  context.build_files["src/Makefile"] = text;
  const std::vector<Action> actions = option_actions(context);
  const Action* pgo = find(actions, "option/pgo");
  ASSERT_NE(pgo, nullptr);
  TempDir dir;
  write_file_atomic(dir.path() / "check.sh", "src/prog\n");
  fs::create_directory(dir.path() / "src");
  write_file_atomic(dir.path() / "src/a.c", "int main(void) { return 0; }\n");
  write_file_atomic(dir.path() / "src/Makefile", text);
  const auto build = [&] {
    SpawnOptions options;
    options.argv = {"sh", "-c", context.build};
    options.cwd = dir.path();
    return run_process(options, 120);
  };
  ASSERT_TRUE(build().ok());
  write_file_atomic(dir.path() / "src/Makefile", applied(text, *pgo));
  fs::remove(dir.path() / "src/a.o");
  const ProcessResult built = build();
  ASSERT_TRUE(built.ok()) << built.err;
  EXPECT_THAT(built.out, HasSubstr("-fprofile-use="));
  EXPECT_FALSE(fs::is_empty(dir.path() / ".pgo/profile"));
}

// Builds for real: every option of both build systems compiles, passes the test and prints the same.
class OptionBuild : public testing::TestWithParam<bool> {};

std::string build_and_run(const fs::path& dir, const OptionContext& context) {
  SpawnOptions options;
  options.argv = {"sh", "-c",
                  "(" + context.build + ") >build.log 2>&1 && (" + context.test + ") >test.log 2>&1 && build/bench"};
  options.cwd = dir;
  const ProcessResult result = run_process(options, 120);
  return result.ok() ? result.out : "failed: " + read_file(dir / "build.log");
}

TEST_P(OptionBuild, EveryOptionBuildsAndPrintsTheSame) {
  const OptionContext context = GetParam() ? cmake_context() : make_context();
  if (find_program(GetParam() ? "cmake" : "make").empty() || find_program("cc").empty()) GTEST_SKIP() << "no compiler";
  const std::string path = GetParam() ? "CMakeLists.txt" : "Makefile";
  const auto lay = [&](const fs::path& at, const std::string& text) {
    write_file_atomic(at / path, text);
    write_file_atomic(at / "work.c",
                      "unsigned work(unsigned n) { unsigned s = 1; for (unsigned i = 0; i < n; i++) s = s * 31 + i % "
                      "7; return s; }\n");
    write_file_atomic(
        at / "bench.c",
        "#include <stdio.h>\nunsigned work(unsigned);\nint main(void) { printf(\"%u\\n\", work(1000)); return 0; }\n");
    write_file_atomic(at / "check.c", "unsigned work(unsigned);\nint main(void) { return work(0) != 1; }\n");
  };
  TempDir base;
  lay(base.path(), context.build_files.at(path));
  const std::string expected = build_and_run(base.path(), context);
  ASSERT_THAT(expected, Not(HasSubstr("failed")));
  for (const Action& action : option_actions(context)) {
    TempDir dir;
    lay(dir.path(), applied(context.build_files.at(path), action));
    EXPECT_EQ(build_and_run(dir.path(), context), expected) << action.rule;
    if (action.rule != "option/pgo") continue;
    bool trained = false;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(dir.path())) {
      const std::string name = entry.path().filename().string();
      trained |= name.ends_with("work.c.gcda") || name.ends_with("bench-work.gcda");
    }
    EXPECT_TRUE(trained) << "the training run left no profile of work.c";
  }
}

INSTANTIATE_TEST_SUITE_P(BuildSystems, OptionBuild, testing::Bool(),
                         [](const auto& param) { return param.param ? "cmake" : "make"; });

}  // namespace
}  // namespace jarvis2::edit
