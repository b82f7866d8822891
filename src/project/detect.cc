#include "project/detect.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <regex>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/json.h"
#include "base/process.h"
#include "project/project_files.h"

namespace jarvis2::project {
namespace {

// A word that names a benchmark: bench, benchmark, perf, alone or with a separator.
const std::regex kBenchWord(R"((^|[_\-./])(bench(mark)?s?|perf)($|[_\-./0-9]))", std::regex::icase);

bool names_bench(const std::string& text) {
  return std::regex_search(text, kBenchWord);
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

std::string shell_quoted(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("._-/+:=,@%").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::vector<std::string> matches(const std::string& text, const std::string& pattern) {
  std::vector<std::string> found;
  const std::regex expression(pattern, std::regex::icase);
  for (std::sregex_iterator at(text.begin(), text.end(), expression), end; at != end; ++at) found.push_back((*at)[1]);
  return found;
}

class Detector {
 public:
  explicit Detector(const fs::path& dir) : files_(dir) {}

  Detection detect() {
    found_.settings.origin = "detected";
    const bool has_native = !files_.named({"*.c", "*.cc", "*.cpp", "*.cxx"}).empty();
    const bool is_python_package = files_.has("pyproject.toml") || files_.has("setup.py") || files_.has("setup.cfg");
    const std::vector<std::string> makefiles = {"GNUmakefile", "makefile", "Makefile"};
    for (const std::string& name : makefiles) {
      if (makefile_.empty() && files_.has(name)) makefile_ = name;
    }
    if (files_.has("CMakeLists.txt")) found_.systems.emplace_back("cmake");
    if (files_.has("meson.build")) found_.systems.emplace_back("meson");
    if (files_.has("Cargo.toml")) found_.systems.emplace_back("cargo");
    if (files_.has("go.mod")) found_.systems.emplace_back("go");
    if (!makefile_.empty() && has_native) found_.systems.emplace_back("make");
    if (is_python_package || !files_.named({"*.py"}).empty()) found_.systems.emplace_back("python");
    if (files_.has("package.json")) found_.systems.emplace_back("npm");
    if (!makefile_.empty() && !has_native) found_.systems.emplace_back("make");
    // Native sources beside a Python package are usually its extension.
    const auto native = std::find(found_.systems.begin(), found_.systems.end(), "make");
    if (is_python_package && !found_.systems.empty() && found_.systems.front() == "make") {
      found_.systems.erase(native);
      found_.systems.emplace_back("make");
    }
    if (found_.systems.empty()) {
      found_.notes.emplace_back("no build system was recognised: fill in build, test and bench by hand");
      return std::move(found_);
    }
    const std::string& system = found_.systems.front();
    if (system == "cmake") cmake();
    if (system == "meson") meson();
    if (system == "cargo") cargo();
    if (system == "go") go();
    if (system == "make") make();
    if (system == "python") python();
    if (system == "npm") npm();
    if (found_.settings.bench.empty()) any_script();
    if (found_.systems.size() > 1) {
      found_.notes.push_back(fmt::format("{} was taken; {} is there too", system,
                                         fmt::join(found_.systems.begin() + 1, found_.systems.end(), ", ")));
    }
    check_programs();
    return std::move(found_);
  }

 private:
  void comment(const std::string& key, const std::string& text) { found_.comments.push_back({key, text}); }

  // The first of `candidates` becomes the benchmark, the others a note.
  void take_bench(std::vector<std::string> candidates, const std::string& hint = "") {
    if (candidates.empty()) return;
    found_.settings.bench = {candidates.front()};
    if (!hint.empty()) comment("project.bench", hint);
    candidates.erase(candidates.begin());
    if (candidates.size() > 4) candidates.resize(4);
    if (!candidates.empty()) {
      const std::string others = fmt::format("Also found: {}", fmt::join(candidates, "; "));
      comment("project.bench", others);
    }
  }

  void adapts_itself(const std::string& what, const std::string& advice) {
    found_.bench_is_candidate = true;
    found_.settings.ignore_output = true;
    comment("project.bench",
            fmt::format("CANDIDATE, not fit to judge by yet: {} chooses its own number of repetitions,\n"
                        "so the time of the whole process says little. {}",
                        what, advice));
    found_.notes.push_back(fmt::format("the benchmark uses {}: {}", what, advice));
  }

  void cmake() {
    Settings& settings = found_.settings;
    std::string options;
    bool has_tests = false;
    bool uses_google_benchmark = false;
    std::vector<std::string> benches;
    for (const std::string& path : files_.named({"CMakeLists.txt"})) {
      const std::string text = files_.lines(path);
      has_tests =
          has_tests || std::regex_search(text, std::regex(R"(add_test\s*\(|gtest_discover_tests|include\s*\(\s*CTest)",
                                                          std::regex::icase));
      for (const std::string& name : matches(text, R"(option *\( *(\w*(?:BENCH|TEST)\w*)[^)\n]*\bOFF\s*\))")) {
        options += fmt::format(" -D{}=ON", name);
      }
      for (const std::string& name : matches(text, R"(add_executable\s*\(\s*([\w.\-]+))")) {
        if (!names_bench(name)) continue;
        benches.push_back("build/" + folder_of(path) + name);
        uses_google_benchmark = uses_google_benchmark || text.find("benchmark::benchmark") != std::string::npos;
      }
      if (text.find("CMAKE_RUNTIME_OUTPUT_DIRECTORY") != std::string::npos) {
        found_.notes.push_back(path + " sets CMAKE_RUNTIME_OUTPUT_DIRECTORY: check the path of the benchmark");
      }
    }
    settings.build =
        fmt::format("cmake -S . -B build -DCMAKE_BUILD_TYPE=Release{} && cmake --build build -j2", options);
    if (has_tests) settings.test = "ctest --test-dir build --output-on-failure";
    take_bench(benches, "Give it the arguments of a typical run.");
    if (!benches.empty() && uses_google_benchmark) {
      adapts_itself("Google Benchmark", "Fix it with --benchmark_filter=NAME --benchmark_min_time=200x.");
    }
  }

  void meson() {
    found_.settings.build = "meson setup build --buildtype=release && meson compile -C build";
    std::vector<std::string> benches;
    for (const std::string& path : files_.named({"meson.build"})) {
      const std::string text = files_.lines(path);
      if (std::regex_search(text, std::regex(R"((^|\n)\s*test\s*\()"))) {
        found_.settings.test = "meson test -C build --print-errorlogs";
      }
      for (const std::string& name : matches(text, R"(executable\s*\(\s*'([^']+)')")) {
        if (names_bench(name)) benches.push_back("build/" + folder_of(path) + name);
      }
    }
    take_bench(benches, "Give it the arguments of a typical run.");
  }

  void cargo() {
    Settings& settings = found_.settings;
    std::vector<std::string> benches;
    bool has_dependencies = false;
    bool uses_criterion = false;
    try {
      const toml::table table = toml::parse(files_.text("Cargo.toml").value_or(""));
      for (const char* key : {"dependencies", "dev-dependencies", "build-dependencies"}) {
        const toml::table* list = table[key].as_table();
        has_dependencies = has_dependencies || (list != nullptr && !list->empty());
        uses_criterion =
            uses_criterion || (list != nullptr && (list->contains("criterion") || list->contains("divan")));
      }
      has_dependencies = has_dependencies || table.contains("workspace");
    } catch (const toml::parse_error&) {
      found_.notes.emplace_back("Cargo.toml cannot be read");
    }
    if (has_dependencies) settings.setup = "cargo fetch";
    settings.build = "cargo build --release --all-targets";
    settings.test = "cargo test --release";
    for (const std::string& path : files_.named({"*.rs"})) {
      const std::string stem = fs::path(path).stem();
      if (path.starts_with("src/bin/") && names_bench(stem)) benches.push_back("target/release/" + stem);
      if (path.starts_with("examples/") && names_bench(stem)) benches.push_back("target/release/examples/" + stem);
    }
    if (!benches.empty()) {
      take_bench(benches, "Give it the arguments of a typical run.");
      return;
    }
    std::vector<std::string> targets;
    for (const std::string& path : files_.paths()) {
      if (path.starts_with("benches/") && path.ends_with(".rs")) targets.push_back(fs::path(path).stem());
    }
    if (targets.empty()) return;
    take_bench({"cargo bench --bench " + targets.front()});
    adapts_itself(uses_criterion ? "criterion" : "cargo bench",
                  "Write a small program under src/bin/ or examples/ that does a fixed amount of the same work.");
  }

  void go() {
    Settings& settings = found_.settings;
    const std::string module = files_.lines("go.mod");
    if (std::regex_search(module, std::regex(R"((^|\n)\s*require\b)"))) settings.setup = "go mod download";
    settings.build = "go build ./...";
    settings.test = "go test ./...";
    std::vector<std::string> packages;
    for (const std::string& path : files_.named({"*_test.go"})) {
      const std::string text = files_.lines(path);
      if (text.find("func Benchmark") == std::string::npos) continue;
      const std::string package = "./" + folder_of(path);
      if (std::find(packages.begin(), packages.end(), package) == packages.end()) packages.push_back(package);
    }
    if (packages.empty()) return;
    settings.build += fmt::format(" && go test -c -o build/bench.test {}", shell_quoted(packages.front()));
    take_bench({"build/bench.test -test.run '^$' -test.bench . -test.benchtime 200x"},
               "A fixed number of repetitions (200x): raise it until a run takes about half a second.");
    settings.ignore_output = true;
    comment("verify.ignore_output", "go's benchmarks print timings.");
    if (packages.size() > 1)
      found_.notes.push_back(fmt::format("benchmarks were found in {}", fmt::join(packages, ", ")));
  }

  void make() {
    Settings& settings = found_.settings;
    const std::string text = files_.lines(makefile_);
    std::vector<std::string> targets;
    for (const std::string& names : matches(text, R"((?:^|\n)([A-Za-z0-9_./\- ]+?)\s*::?(?!=))")) {
      std::istringstream words(names);
      for (std::string word; words >> word;) targets.push_back(word);
    }
    const auto has = [&](const std::string& name) {
      return std::find(targets.begin(), targets.end(), name) != targets.end();
    };
    const bool has_native = !files_.named({"*.c", "*.cc", "*.cpp", "*.cxx"}).empty();
    if (has_native || has("all") || has("build")) settings.build = !has_native && has("build") ? "make build" : "make";
    for (const char* name : {"test", "check", "tests", "unittest", "unit-test"}) {
      if (settings.test.empty() && has(name)) settings.test = fmt::format("make {}", name);
    }
    std::vector<std::string> benches;
    for (const char* name : {"bench", "benchmark", "benchmarks", "perf"}) {
      if (has(name)) benches.push_back(fmt::format("make -s {}", name));
    }
    for (const std::string& target : targets) {
      if (target.find('.') == std::string::npos && names_bench(target) && target.find('/') != std::string::npos) {
        benches.push_back(target);
      }
    }
    take_bench(benches, "Call the program itself, with the arguments of a typical run, rather than make.");
  }

  static bool has_python_dependencies(const std::string& pyproject) {
    try {
      const toml::table table = toml::parse(pyproject);
      const toml::array* list = table["project"]["dependencies"].as_array();
      const toml::table* poetry = table["tool"]["poetry"]["dependencies"].as_table();
      return (list != nullptr && !list->empty()) || (poetry != nullptr && poetry->size() > 1);
    } catch (const toml::parse_error&) {
      return false;
    }
  }

  static bool has_requirements(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      const std::size_t start = line.find_first_not_of(" \t");
      if (start != std::string::npos && line[start] != '#') return true;
    }
    return false;
  }

  void python() {
    Settings& settings = found_.settings;
    const std::string pyproject = files_.text("pyproject.toml").value_or("");
    const std::string setup_py = files_.text("setup.py").value_or("");
    const std::vector<std::string> tests = files_.named({"test_*.py", "*_test.py"});
    bool uses_pytest = files_.has("pytest.ini") || files_.has("conftest.py") || files_.has("tests/conftest.py") ||
                       pyproject.find("[tool.pytest") != std::string::npos;
    bool uses_unittest = false;
    for (const std::string& path : tests) {
      const std::string text = files_.lines(path);
      uses_pytest = uses_pytest || text.find("import pytest") != std::string::npos ||
                    std::regex_search(text, std::regex(R"((^|\n)(async )?def test_)"));
      uses_unittest = uses_unittest || text.find("unittest") != std::string::npos;
    }
    std::string python = "python3";
    std::string install;
    for (const char* name : {"requirements.txt", "requirements-dev.txt", "requirements_dev.txt"}) {
      if (has_requirements(files_.text(name).value_or(""))) install += fmt::format(" -r {}", name);
    }
    const bool is_package = pyproject.find("[project]") != std::string::npos ||
                            pyproject.find("[tool.poetry]") != std::string::npos || !setup_py.empty();
    const bool has_extension = setup_py.find("ext_modules") != std::string::npos;
    if (is_package && (has_python_dependencies(pyproject) || setup_py.find("install_requires") != std::string::npos ||
                       has_extension)) {
      install += " -e .";
    }
    if (!install.empty()) {
      settings.setup =
          fmt::format("python3 -m venv .venv && .venv/bin/pip install -q{}{}", uses_pytest ? " pytest" : "", install);
      python = ".venv/bin/python";
    } else if (is_package && files_.named({"*.py"}).size() > 0) {
      const bool is_src_layout = std::any_of(files_.paths().begin(), files_.paths().end(), [](const std::string& path) {
        return path.starts_with("src/") && path.ends_with("/__init__.py");
      });
      if (is_src_layout) python = "PYTHONPATH=src python3";
    }
    if (has_extension) settings.build = python + " setup.py build_ext --inplace";
    if (uses_pytest) {
      settings.test = python + " -m pytest -q -p no:cacheprovider";
      if (install.empty() && !has_module("pytest")) found_.missing.emplace_back("pytest");
    } else if (uses_unittest) {
      std::string where = "-s .";
      for (const std::string& path : tests) {
        const std::string folder = folder_of(path);
        if (!folder.empty()) where = "-s " + shell_quoted(folder.substr(0, folder.size() - 1));
        break;
      }
      const bool usual = std::any_of(tests.begin(), tests.end(), [](const std::string& path) {
        return fs::path(path).filename().string().starts_with("test_");
      });
      settings.test = fmt::format("{} -m unittest discover {}{}", python, where, usual ? "" : " -p '*_test.py'");
      // Test modules that are packages import from the root.
      if (files_.has("tests/__init__.py") && where == "-s tests") settings.test += " -t .";
    }
    std::vector<std::string> benches;
    bool adapts = false;
    std::string adapting;
    for (const std::string& path : files_.named({"*.py"})) {
      if (!is_benchmark_path(path) || is_test_path(path)) continue;
      const std::string text = files_.lines(path);
      if (std::regex_search(text, std::regex(R"(def test_\w+\([^)\n]*\bbenchmark\b)"))) {
        adapting = path;
        continue;
      }
      const bool runs = text.find("__main__") != std::string::npos;
      const bool only_library = !runs && std::regex_search(text, std::regex(R"((^|\n)(def|class) )")) &&
                                !std::regex_search(text, std::regex(R"((^|\n)(\w+\(|for |print\())"));
      if (only_library || fs::path(path).filename() == "__init__.py" || fs::path(path).filename() == "conftest.py")
        continue;
      const std::string command = fmt::format("{} {}", python, shell_quoted(path));
      if (runs) {
        benches.insert(benches.begin() + first_weaker_, command);
        ++first_weaker_;
      } else {
        benches.push_back(command);
      }
      if (benches.front() == command) adapts = text.find("pyperf") != std::string::npos;
    }
    take_bench(benches, "Give it the arguments of a typical run; a run should take about half a second.");
    if (!benches.empty() && adapts) {
      adapts_itself("pyperf", "Call the measured function a fixed number of times in a small script instead.");
    }
    if (benches.empty() && !adapting.empty()) {
      take_bench({fmt::format("{} -m pytest -q -p no:cacheprovider {} > /dev/null", python, shell_quoted(adapting))});
      adapts_itself("pytest-benchmark",
                    "Call the measured function a fixed number of times in a small script instead.");
    }
  }

  static bool has_module(const std::string& name) {
    try {
      return run_process({.argv = {"python3", "-c", "import " + name}}, 30).ok();
    } catch (const Error&) {
      return false;
    }
  }

  void npm() {
    Settings& settings = found_.settings;
    const Json package = Json::parse(files_.text("package.json").value_or(""), nullptr, false);
    if (!package.is_object()) {
      found_.notes.emplace_back("package.json cannot be read");
      return;
    }
    const auto filled = [&](const char* key) {
      return package.contains(key) && package[key].is_object() && !package[key].empty();
    };
    if (filled("dependencies") || filled("devDependencies")) {
      settings.setup = files_.has("package-lock.json") ? "npm ci" : "npm install";
    }
    if (!filled("scripts")) return;
    const Json& scripts = package["scripts"];
    // The script itself where it is a plain call of node: npm's own start would be timed too.
    const auto command = [&](const std::string& name) -> std::string {
      if (!scripts.contains(name) || !scripts[name].is_string()) return "";
      const std::string text = scripts[name].get<std::string>();
      return text.starts_with("node ") ? text : fmt::format("npm run --silent {}", name);
    };
    settings.build = command("build");
    if (command("test").find("no test specified") == std::string::npos &&
        scripts.value("test", "").find("no test specified") == std::string::npos) {
      settings.test = command("test");
    }
    std::vector<std::string> benches;
    for (const char* name : {"bench", "benchmark", "benchmarks", "perf"}) {
      if (const std::string text = command(name); !text.empty()) benches.push_back(text);
    }
    for (const std::string& path : files_.named({"bench*.js", "bench*.mjs", "perf*.js"})) {
      benches.push_back("node " + shell_quoted(path));
    }
    take_bench(benches, "Give it the arguments of a typical run; its output must not hold timings.");
  }

  void any_script() {
    std::vector<std::string> benches;
    for (const std::string& path : files_.named({"bench*.sh", "run_bench*.sh", "run-bench*.sh", "perf*.sh"})) {
      benches.push_back("sh " + shell_quoted(path));
    }
    take_bench(benches, "A script was found by its name: check that it does what you want to be faster.");
  }

  void check_programs() {
    std::set<std::string> programs;
    std::vector<std::string> commands = {found_.settings.setup, found_.settings.build, found_.settings.test};
    commands.insert(commands.end(), found_.settings.bench.begin(), found_.settings.bench.end());
    for (const std::string& command : commands) {
      std::istringstream parts(std::regex_replace(command, std::regex("&&"), "\n"));
      for (std::string part; std::getline(parts, part);) {
        std::istringstream words(part);
        std::string word;
        while (words >> word && word.find('=') != std::string::npos) continue;
        if (!word.empty() && word.find('/') == std::string::npos) programs.insert(word);
      }
    }
    if (found_.systems.front() == "cmake" || found_.systems.front() == "meson" || found_.systems.front() == "make") {
      if (find_program("c++").empty() && find_program("cc").empty()) found_.missing.emplace_back("a C or C++ compiler");
    }
    for (const std::string& program : programs) {
      if (find_program(program).empty()) found_.missing.push_back(program);
    }
  }

  ProjectFiles files_;
  Detection found_;
  std::string makefile_;
  std::ptrdiff_t first_weaker_ = 0;  // benches before this one have a main of their own
};

}  // namespace

bool Detection::complete() const {
  return !settings.test.empty() && !settings.bench.empty() && missing.empty() && !bench_is_candidate;
}

std::string Detection::incomplete_reason() const {
  if (complete()) return "";
  if (!missing.empty()) {
    return fmt::format("{} {} not installed; install {} or write the commands by hand (`jarvis2 init`)",
                       fmt::join(missing, ", "), missing.size() == 1 ? "is" : "are",
                       missing.size() == 1 ? "it" : "them");
  }
  std::string lacking;
  if (settings.test.empty()) lacking = "no test command";
  if (settings.bench.empty()) lacking += lacking.empty() ? "no benchmark" : " and no benchmark";
  if (lacking.empty()) lacking = "no benchmark of fixed length";
  return fmt::format("there is no jarvis2.toml, and {} was found; run `jarvis2 init` and complete the file", lacking);
}

Detection detect(const fs::path& dir) {
  std::error_code reason;
  if (!fs::is_directory(dir, reason)) throw Error("project::detect", fmt::format("{}: is not a folder", dir.string()));
  return Detector(dir).detect();
}

Settings settings_or_detected(const fs::path& dir) {
  std::error_code ignored;
  if (fs::exists(dir / kSettingsFile, ignored)) return load_settings(dir);
  const Detection detection = detect(dir);
  if (!detection.complete()) throw Error("project::settings_or_detected", detection.incomplete_reason());
  return detection.settings;
}

}  // namespace jarvis2::project
