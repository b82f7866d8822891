// bench_meta: full turns of evolution (observe, analyse, assess, validate, score, persist) over a repository of 5,000
// files: on the lanes, and the same work one stage after the other; then from 1 to N threads. Files are read past the
// system's cache, every transaction is synced, nothing sleeps.
#include <fmt/format.h>
#include <git2.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/executable.h"
#include "base/files.h"
#include "base/json.h"
#include "base/process.h"
#include "code/syntax.h"
#include "meta/cycle.h"

namespace jarvis2::bench {
namespace {

struct Options {
  std::size_t files = 5000;
  int rounds = 1;
  int threads = 0;  // 0: as many as the machine has
  fs::path place;   // where the repository is made; empty: the system's temporary folder
};

// Python and C++ as people write it, every file different: functions with loops, containers, string building, calls.
std::string python_source(std::mt19937_64& random, std::size_t number) {
  std::string text = fmt::format("\"\"\"Module {}.\"\"\"\nimport math\n\n\n", number);
  const std::size_t functions = 6 + random() % 10;
  for (std::size_t f = 0; f < functions; ++f) {
    const unsigned a = static_cast<unsigned>(random() % 97 + 1);
    const unsigned b = static_cast<unsigned>(random() % 13 + 2);
    switch (random() % 5) {
      case 0:
        text += fmt::format(
            "def smallest_{0}_{1}(values):\n    kept = []\n    for value in values:\n        if value % {2} != 0:\n"
            "            kept.append(value * {3})\n    return sorted(kept)[0] if kept else {2}\n\n\n",
            number, f, b, a);
        break;
      case 1:
        text += fmt::format(
            "class Table{0}_{1}:\n    def __init__(self, size):\n        self.size = size\n        self.rows = "
            "[[0] * size for _ in range(size)]\n\n    def fill(self, start):\n        for i in range(self.size):\n"
            "            for j in range(self.size):\n                self.rows[i][j] = (i * {2} + j * {3} + start) % "
            "1009\n        return self\n\n    def total(self):\n        total = 0\n        for row in self.rows:\n"
            "            for cell in row:\n                total += cell\n        return total\n\n\n",
            number, f, a, b);
        break;
      case 2:
        text += fmt::format(
            "def describe_{0}_{1}(items):\n    text = \"\"\n    for name, count in items:\n        if name in [\"a\", "
            "\"b\", \"c{2}\"]:\n            text += name + \": \" + str(count) + \"\\n\"\n    return text\n\n\n",
            number, f, a);
        break;
      case 3:
        text += fmt::format(
            "def distance_{0}_{1}(points, x, y):\n    best = None\n    for px, py in points:\n        d = "
            "math.sqrt((px - "
            "x) ** 2 + (py - y) ** 2) * {2}\n        if best is None or d < best:\n            best = d\n    return "
            "best\n\n\n",
            number, f, b);
        break;
      default:
        text += fmt::format(
            "def count_{0}_{1}(words):\n    seen = {{}}\n    for word in words:\n        key = word.strip().lower()\n"
            "        if key in seen:\n            seen[key] += {2}\n        else:\n            seen[key] = {2}\n"
            "    return sum(seen.values()) // {3}\n\n\n",
            number, f, a, b);
    }
  }
  return text;
}

std::string cpp_source(std::mt19937_64& random, std::size_t number) {
  std::string text = "#include <cmath>\n#include <map>\n#include <string>\n#include <vector>\n\n";
  const std::size_t functions = 5 + random() % 8;
  for (std::size_t f = 0; f < functions; ++f) {
    const unsigned a = static_cast<unsigned>(random() % 97 + 1);
    switch (random() % 3) {
      case 0:
        text += fmt::format(
            "int sum_{0}_{1}(std::vector<int> values) {{\n  int total = 0;\n  for (int i = 0; i < (int)values.size(); "
            "i++) {{\n    if (values[i] % {2} == 0) total += values[i];\n  }}\n  return total;\n}}\n\n",
            number, f, a);
        break;
      case 1:
        text += fmt::format(
            "std::string join_{0}_{1}(const std::vector<std::string>& words) {{\n  std::string out;\n  for (auto word "
            ": "
            "words) {{\n    out = out + word + \"{2}\";\n  }}\n  return out;\n}}\n\n",
            number, f, a);
        break;
      default:
        text += fmt::format(
            "double norm_{0}_{1}(const std::map<int, double>& cells) {{\n  double sum = 0;\n  for (const auto& cell : "
            "cells) {{\n    sum += std::pow(cell.second, 2) * {2};\n  }}\n  return std::sqrt(sum);\n}}\n\n",
            number, f, a);
    }
  }
  return text;
}

fs::path make_repository(const fs::path& folder, std::size_t files) {
  const fs::path root = folder / "repository";
  std::mt19937_64 random(1);
  for (std::size_t i = 0; i < files; ++i) {
    const bool cpp = i % 4 == 3;
    const fs::path file = root / fmt::format("part{:02}/m{}.{}", i % 50, i, cpp ? "cc" : "py");
    fs::create_directories(file.parent_path());
    const std::string text = cpp ? cpp_source(random, i) : python_source(random, i);
    std::FILE* out = std::fopen(file.c_str(), "wb");
    if (out == nullptr || std::fwrite(text.data(), 1, text.size(), out) != text.size() || std::fclose(out) != 0) {
      throw Error("bench_meta", "cannot write " + file.string());
    }
  }
  // By the library: the machine may have no git program.
  git_libgit2_init();
  git_repository* made = nullptr;
  const int status = git_repository_init(&made, root.c_str(), 0);
  git_repository_free(made);
  git_libgit2_shutdown();
  if (status < 0) throw Error("bench_meta", root.string() + ": no repository can be made there");
  SpawnOptions sync;
  sync.argv = {"sync"};
  run_process(sync);  // nothing of this is to be paid for by whoever is measured first
  return root;
}

struct Turn {
  meta::CycleReport report;
  double cpu_s = 0;
};

// One whole turn on an empty store. `lanes` null: in sequence.
Turn turn(const fs::path& root, hardware::Lanes* lanes) {
  const TempDir state("jarvis2-meta-", root.parent_path());
  meta::MetaStore store(state.path() / "meta.sqlite");
  meta::CycleOptions options;
  options.lanes = lanes;
  options.background = false;
  options.cold = true;
  meta::Analyst analyst(root, store, options);
  analyst.prepare();
  Turn done;
  const std::clock_t before = std::clock();
  done.report = analyst.look({.paths = {}, .rescan = true});
  done.cpu_s = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  return done;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

hardware::LaneSizes sized(int threads) {
  hardware::LaneSizes sizes = hardware::lane_sizes(hardware::this_machine());
  sizes.performance = sizes.efficiency = sizes.cores = threads;
  sizes.io = std::max(2, std::min(sizes.io, 2 * threads));
  return sizes;
}

int run(const Options& options) {
  const TempDir folder("jarvis2-bench-meta-", options.place);
  fmt::print(stderr, "making a repository of {} files\n", options.files);
  const fs::path root = make_repository(folder.path(), options.files);
  const int most = options.threads > 0 ? options.threads : hardware::lane_sizes(hardware::this_machine()).cores;
  std::vector<int> counts;
  for (int n = 1; n < most; n *= 2) counts.push_back(n);
  counts.push_back(most);
  std::vector<double> sequence;
  std::vector<std::vector<double>> by_threads(counts.size());
  Turn last;
  for (int round = 0; round < options.rounds; ++round) {
    sequence.push_back(turn(root, nullptr).report.seconds);
    fmt::print(stderr, "round {}: in sequence {:.2f} s", round + 1, sequence.back());
    for (std::size_t i = 0; i < counts.size(); ++i) {
      hardware::Lanes lanes(hardware::this_machine(), sized(counts[i]));
      last = turn(root, &lanes);
      by_threads[i].push_back(last.report.seconds);
      fmt::print(stderr, ", {} threads {:.2f} s", counts[i], by_threads[i].back());
    }
    fmt::print(stderr, "\n");
  }
  const double one_after_the_other = median(sequence);
  Json results = Json::array();
  for (std::size_t i = counts.size(); i-- > 0;) {
    const double ours = median(by_threads[i]);
    results.push_back({{"name", fmt::format("a turn over {} files, {} threads", options.files, counts[i])},
                       {"unit", "s"},
                       {"ours", ours},
                       {"peers", Json::array({{{"name", "the same work in sequence"},
                                               {"value", one_after_the_other},
                                               {"ratio", one_after_the_other / ours}}})}});
  }
  const meta::CycleReport& report = last.report;
  const Json json = {{"results", results},
                     {"work",
                      {{"files", report.read},
                       {"bytes", report.bytes},
                       {"parsed", report.parsed},
                       {"findings", report.findings},
                       {"candidates", report.candidates},
                       {"scored", report.scored},
                       {"cpu_s", last.cpu_s}}},
                     {"rounds", options.rounds}};
  fmt::print("{}\n", json.dump(2));
  return 0;
}

}  // namespace
}  // namespace jarvis2::bench

int main(int argc, char** argv) {
  jarvis2::bench::Options options;
  try {
    for (int i = 1; i + 1 < argc; ++i) {
      const std::string name = argv[i];
      if (name == "--files") options.files = std::stoul(argv[i + 1]);
      if (name == "--rounds") options.rounds = std::stoi(argv[i + 1]);
      if (name == "--threads") options.threads = std::stoi(argv[i + 1]);
      if (name == "--in") options.place = argv[i + 1];
    }
    return jarvis2::bench::run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_meta: {}\n", error.what());
    return 2;
  }
}
