#include "project/detect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "base/error.h"
#include "base/process.h"
#include "project/sandbox.h"

namespace jarvis2::project {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class DetectTest : public testing::Test {
 protected:
  Detection found(const std::map<std::string, std::string>& files) {
    for (const auto& [path, text] : files) {
      fs::create_directories((dir_.path() / path).parent_path());
      std::ofstream(dir_.path() / path) << text;
    }
    return detect(dir_.path());
  }
  TempDir dir_;
};

TEST_F(DetectTest, CMakeWithOptionsForTestsAndBenchmarks) {
  const Detection detection = found({{"CMakeLists.txt",
                                      "project(x CXX)\noption(X_BUILD_BENCHMARKS \"build them\" OFF)\n"
                                      "option(X_LTO \"lto\" OFF)\nenable_testing()\nadd_subdirectory(bench)\n"},
                                     {"bench/CMakeLists.txt", "add_executable(parse_bench parse.cc)\n"},
                                     {"tests/CMakeLists.txt", "add_test(NAME a COMMAND a)\n"},
                                     {"src/x.cc", ""}});
  EXPECT_THAT(detection.systems, ElementsAre("cmake"));
  EXPECT_THAT(detection.settings.build, HasSubstr("-DCMAKE_BUILD_TYPE=Release -DX_BUILD_BENCHMARKS=ON"));
  EXPECT_THAT(detection.settings.build, Not(HasSubstr("X_LTO")));
  EXPECT_EQ(detection.settings.test, "ctest --test-dir build --output-on-failure");
  EXPECT_THAT(detection.settings.bench, ElementsAre("build/bench/parse_bench"));
}

TEST_F(DetectTest, GoogleBenchmarkIsOnlyACandidate) {
  const Detection detection = found({{"CMakeLists.txt",
                                      "add_executable(x_bench b.cc)\ntarget_link_libraries(x_bench "
                                      "benchmark::benchmark)\nadd_test(NAME t COMMAND t)\n"}});
  EXPECT_TRUE(detection.bench_is_candidate);
  EXPECT_FALSE(detection.complete());
  EXPECT_THAT(detection.incomplete_reason(), HasSubstr("fixed length"));
  EXPECT_THAT(to_toml(detection.settings, detection.comments), HasSubstr("# CANDIDATE"));
}

TEST_F(DetectTest, MakeTargets) {
  const Detection detection = found({{"Makefile",
                                      "CFLAGS := -O2\nall: app\napp: a.c\n\tcc -o app a.c\ncheck: app\n\t./t\n"
                                      "bench: app\n\t./app 100\n.PHONY: all\n"},
                                     {"a.c", ""}});
  EXPECT_EQ(detection.settings.build, "make");
  EXPECT_EQ(detection.settings.test, "make check");
  EXPECT_THAT(detection.settings.bench, ElementsAre("make -s bench"));
}

TEST_F(DetectTest, Meson) {
  const Detection detection =
      found({{"meson.build", "project('x', 'c')\nexecutable('x_bench', 'b.c')\ntest('a', exe)\n"}});
  EXPECT_THAT(detection.settings.build, HasSubstr("--buildtype=release"));
  EXPECT_THAT(detection.settings.test, HasSubstr("meson test -C build"));
  EXPECT_THAT(detection.settings.bench, ElementsAre("build/x_bench"));
}

TEST_F(DetectTest, PythonWithUnittest) {
  const Detection detection =
      found({{"app.py", ""},
             {"tests/test_app.py", "import unittest\nclass T(unittest.TestCase):\n  def test_a(self): pass\n"},
             {"bench_app.py", "import app\nif __name__ == '__main__':\n  app.main()\n"},
             {"bench_util.py", "def helper():\n  pass\n"}});
  EXPECT_EQ(detection.settings.test, "python3 -m unittest discover -s tests");
  EXPECT_THAT(detection.settings.bench, ElementsAre("python3 bench_app.py"));
  EXPECT_TRUE(detection.settings.setup.empty());
}

TEST_F(DetectTest, PythonWithDependenciesGetsAnEnvironment) {
  const Detection detection =
      found({{"pyproject.toml", "[project]\nname = \"x\"\ndependencies = [\"attrs\"]\n[tool.pytest.ini_options]\n"},
             {"src/x/__init__.py", ""},
             {"tests/test_x.py", "def test_x():\n  pass\n"}});
  EXPECT_EQ(detection.settings.setup, "python3 -m venv .venv && .venv/bin/pip install -q pytest -e .");
  EXPECT_EQ(detection.settings.test, ".venv/bin/python -m pytest -q -p no:cacheprovider");
  EXPECT_THAT(detection.incomplete_reason(), HasSubstr("no benchmark"));
}

TEST_F(DetectTest, PytestBenchmarkIsOnlyACandidate) {
  const Detection detection = found({{"x.py", ""},
                                     {"tests/test_x.py", "import pytest\ndef test_x():\n  pass\n"},
                                     {"benchmarks/bench_x.py", "def test_speed(benchmark):\n  benchmark(f)\n"}});
  EXPECT_TRUE(detection.bench_is_candidate);
  EXPECT_THAT(detection.settings.bench, ElementsAre(HasSubstr("benchmarks/bench_x.py")));
}

TEST_F(DetectTest, CargoGoAndNpm) {
  const Detection cargo =
      found({{"Cargo.toml", "[package]\nname = \"x\"\n[dependencies]\nserde = \"1\"\n"}, {"src/bin/x-bench.rs", ""}});
  EXPECT_EQ(cargo.settings.setup, "cargo fetch");
  EXPECT_THAT(cargo.settings.bench, ElementsAre("target/release/x-bench"));
  const TempDir go_dir;
  std::ofstream(go_dir.path() / "go.mod") << "module x\n";
  std::ofstream(go_dir.path() / "x_test.go") << "func BenchmarkX(b *testing.B) {}\n";
  const Detection go = detect(go_dir.path());
  EXPECT_TRUE(go.settings.setup.empty());
  EXPECT_THAT(go.settings.bench, ElementsAre("build/bench.test -test.run '^$' -test.bench . -test.benchtime 200x"));
  EXPECT_TRUE(go.settings.ignore_output);
  const TempDir npm_dir;
  std::ofstream(npm_dir.path() / "package.json")
      << R"({"scripts": {"test": "jest", "bench": "node perf.js 10"}, "devDependencies": {"jest": "1"}})";
  const Detection npm = detect(npm_dir.path());
  EXPECT_EQ(npm.settings.setup, "npm install");
  EXPECT_EQ(npm.settings.test, "npm run --silent test");
  EXPECT_THAT(npm.settings.bench, ElementsAre("node perf.js 10"));
}

TEST_F(DetectTest, OddFilesDoNoHarm) {
  const Detection detection =
      found({{"Makefile", std::string(100000, 'a') + "\n" + std::string(300000, '\n') + "test: \n"},
             {"package.json", "[1, 2"},
             {"pyproject.toml", "= = ="},
             {"CMakeLists.txt", "option(TEST_X " + std::string(900000, 'x')},
             {"\xff\xfe.py", "x"}});
  EXPECT_EQ(detection.systems.front(), "cmake");
}

TEST_F(DetectTest, NothingFound) {
  const Detection detection = found({{"README", "hello"}});
  EXPECT_THAT(detection.systems, IsEmpty());
  EXPECT_THAT(detection.notes, ElementsAre(HasSubstr("no build system")));
  EXPECT_THROW(settings_or_detected(dir_.path()), Error);
}

}  // namespace
}  // namespace jarvis2::project
