// bench_patterns [--mb N] [--rounds N] [--threads N] [PATH...]: 100 patterns over the code that lies on this machine,
// ours beside Vectorscan alone, RE2 and ripgrep. CPU time, best of the rounds, interleaved; matches are compared first.
#include <fmt/format.h>
#include <hs/hs.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/process.h"
#include "code/multi_pattern.h"
#include "code/pattern_gpu.h"
#ifdef JARVIS2_HAVE_RE2
#include <re2/set.h>
#endif

namespace jarvis2::bench {
namespace {

using code::MultiPattern;
using code::PatternEngine;
using code::TextEnd;
using code::TextPattern;

// What an auditor may look for: names, calls, markers, numbers, paths. None can match a line's end.
std::vector<TextPattern> patterns() {
  std::vector<TextPattern> all;
  for (const char* literal : {"malloc(",
                              "strcpy(",
                              "sprintf(",
                              "pthread_mutex_lock",
                              "NotImplementedError",
                              "subprocess.Popen",
                              "os.path.join",
                              "memcpy(",
                              "reinterpret_cast<",
                              "const_cast<",
                              "goto ",
                              "setjmp",
                              "alloca(",
                              "volatile ",
                              "register ",
                              "0xdeadbeef",
                              "printf(\"",
                              "std::endl",
                              "std::shared_ptr",
                              "using namespace std",
                              "__attribute__",
                              "#pragma once",
                              "extern \"C\"",
                              "typedef struct",
                              "static inline",
                              "assert(",
                              "abort()",
                              "exit(1)",
                              "unsafe ",
                              "unwrap()",
                              "panic!(",
                              "console.log",
                              "eval(",
                              "exec(",
                              "pickle.load",
                              "yaml.load",
                              "shell=True",
                              "verify=False",
                              "strncpy(",
                              "realloc("}) {
    all.push_back({literal, true});
  }
  for (const char* regex : {"\\b(TODO|FIXME|XXX|HACK)\\b",
                            "\\bstub(bed)?\\b",
                            "\\bnot (yet )?implemented\\b",
                            "\\bdeprecated\\b",
                            "except[ \\t]*:[ \\t]*pass",
                            "\\bdef [a-z_]+_test\\b",
                            "\\bclass [A-Z][A-Za-z0-9]+Error\\b",
                            "0x[0-9a-fA-F]{8,16}\\b",
                            "\\b[0-9]{1,3}(\\.[0-9]{1,3}){3}\\b",
                            "https?://[a-z0-9.-]+/",
                            "/home/[a-z]+/",
                            "/(usr|opt)/(local/)?lib/[a-z]+",
                            "/proc/[a-z]+",
                            "/sys/class/[a-z]+",
                            "\\b[A-Z][A-Z0-9_]{20,}\\b",
                            "#[ \\t]*include[ \\t]*<linux/[a-z_/]+\\.h>",
                            "#[ \\t]*ifdef[ \\t]+__[a-zA-Z]+__",
                            "\\bfor[ \\t]*\\([^;\\n]*;[^;\\n]*;[^)\\n]*\\)",
                            "\\bwhile[ \\t]*\\([ \\t]*1[ \\t]*\\)",
                            "if[ \\t]*\\([a-z]+ = [a-z]+\\)",
                            "return[ \\t]+-1;",
                            "\\bcatch[ \\t]*\\(\\.\\.\\.\\)",
                            "throw [A-Z][a-z]+[A-Z]",
                            "\\bimport [a-z_]+ as [a-z]+\\b",
                            "from [a-z_.]+ import \\*",
                            "\\blambda [a-z, ]+:",
                            "\\bself\\._[a-z]+\\b",
                            "%[0-9]*l?[dux]",
                            "\\b1e-?[0-9]+\\b",
                            "\\bNULL[ \\t]*[!=]=",
                            "[!=]=[ \\t]*None\\b",
                            "\\bis not None\\b",
                            "\\bopen\\([a-z_]+\\)",
                            "\\bstr(cat|tok|chr)\\(",
                            "\\bu?int(8|16|32|64)_t\\b",
                            "\\bunsigned (int|char|long)\\b",
                            "\\bstd::(map|set|list)<",
                            "->[a-z_]+->[a-z_]+->",
                            "\\bsizeof[ \\t]*\\([a-z_]+ \\*\\)",
                            "\\bfree\\([a-z_]+\\);",
                            "\\$\\([a-zA-Z_]+\\)",
                            "@[a-z_]+\\.[a-z_]+",
                            "[A-Za-z0-9+/]{60,}={0,2}",
                            "\\b[a-f0-9]{40}\\b",
                            "(api|access|secret)[_-]?key",
                            "passw(or)?d",
                            "BEGIN [A-Z ]*PRIVATE KEY",
                            "v[0-9]+\\.[0-9]+\\.[0-9]+",
                            "\\(c\\) (19|20)[0-9]{2}",
                            "Copyright [^\\n]{0,40}[0-9]{4}",
                            "\\btimeout[ \\t]*=[ \\t]*[0-9]+",
                            "sleep\\([0-9.]+\\)",
                            "[a-z]+\\.(com|org|net)\\b",
                            "\\b[a-z]+_[a-z]+_[a-z]+_[a-z]+\\(",
                            "\\[[0-9]+\\]\\[[0-9]+\\]",
                            "<<[ \\t]*[0-9]+\\b",
                            "&[ \\t]*0x[0-9a-f]+",
                            "\\\\n\"[,;)]",
                            "\\?[^:?\\n]{1,40}:",
                            "\\b(x86_64|aarch64|arm64)\\b"}) {
    all.push_back({regex});
  }
  return all;
}

struct Corpus {
  std::vector<fs::path> paths;
  std::vector<std::string> texts;
  std::uint64_t bytes = 0;
};

Corpus collect(const std::vector<std::string>& roots, std::uint64_t most) {
  static const std::set<std::string> kEndings = {".h",  ".hpp", ".c",  ".cc", ".cpp", ".py", ".rs",   ".go", ".js",
                                                 ".ts", ".inl", ".sh", ".pl", ".pm",  ".rb", ".java", ".S",  ".tcc"};
  Corpus corpus;
  std::error_code error;
  for (const std::string& root : roots) {
    for (fs::recursive_directory_iterator at(root, fs::directory_options::skip_permission_denied, error), end;
         at != end; at.increment(error)) {
      if (error || corpus.bytes >= most) break;
      if (at->is_symlink(error) || !at->is_regular_file(error) || !kEndings.contains(at->path().extension().string()))
        continue;
      const std::uint64_t size = at->file_size(error);
      if (error || size == 0 || size > (16u << 20) || corpus.bytes + size > most) continue;
      corpus.paths.push_back(fs::absolute(at->path()));
      corpus.texts.push_back(read_file(at->path()));
      corpus.bytes += corpus.texts.back().size();
    }
  }
  return corpus;
}

double cpu_s() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

std::uint64_t matching_lines(const std::string& text, const std::vector<TextEnd>& ends) {
  std::uint64_t lines = 0;
  std::size_t line_end = 0;  // of the last line counted
  for (const TextEnd& one : ends) {
    if (one.end <= line_end) continue;
    ++lines;
    const std::size_t at = text.find('\n', one.end - 1);
    line_end = at == std::string::npos ? text.size() : at;
  }
  return lines;
}

// Vectorscan by itself, as its manual has it.
struct Alone {
  hs_database_t* database = nullptr;
  hs_scratch_t* scratch = nullptr;
  std::uint64_t found = 0;
  explicit Alone(const std::vector<TextPattern>& patterns) {
    std::vector<std::string> texts;
    std::vector<const char*> expressions;
    std::vector<unsigned> ids;
    for (const TextPattern& one : patterns)
      texts.push_back(one.literal ? code::escaped_regex(one.expression) : one.expression);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      expressions.push_back(texts[i].c_str());
      ids.push_back(static_cast<unsigned>(i));
    }
    const std::vector<unsigned> flags(texts.size(), HS_FLAG_MULTILINE);
    hs_compile_error_t* error = nullptr;
    if (hs_compile_multi(expressions.data(), flags.data(), ids.data(), static_cast<unsigned>(ids.size()), HS_MODE_BLOCK,
                         nullptr, &database, &error) != HS_SUCCESS ||
        hs_alloc_scratch(database, &scratch) != HS_SUCCESS) {
      throw Error("bench::patterns", "Vectorscan does not take the patterns");
    }
  }
  void run(const Corpus& corpus) {
    found = 0;
    for (const std::string& text : corpus.texts) {
      hs_scan(
          database, text.data(), static_cast<unsigned>(text.size()), 0, scratch,
          [](unsigned, unsigned long long, unsigned long long, unsigned, void* context) {
            ++*static_cast<std::uint64_t*>(context);
            return 0;
          },
          &found);
    }
  }
};

int run(std::uint64_t megabytes, int rounds, unsigned threads, std::vector<std::string> roots) {
  if (roots.empty())
    roots = {"/usr/include", "/usr/lib/python3", "/usr/lib/python3.11",   "/usr/local/lib", "/usr/share/perl",
             "/usr/lib/gcc", "/usr/share",       "/opt/homebrew/include", "/usr/src"};
  const Corpus corpus = collect(roots, megabytes << 20);
  if (corpus.bytes < (1u << 20)) throw Error("bench::patterns", "less than 1 MB of code found; name folders");
  const std::vector<TextPattern> all = patterns();
  const std::uint64_t begin_ns = monotonic_ns();
  const MultiPattern ours(all);
  const double compile_s = static_cast<double>(monotonic_ns() - begin_ns) * 1e-9;
  const std::vector<std::string_view> texts(corpus.texts.begin(), corpus.texts.end());
  const double gigabytes = static_cast<double>(corpus.bytes) * 1e-9;
  fmt::print(stderr, "{} patterns, {:.1f} MB in {} files; compiled in {:.2f} s; {} automata, {} patterns left out\n",
             all.size(), gigabytes * 1e3, texts.size(), compile_s, ours.automata().groups.size(),
             ours.automata().left_out.size());

  // Equal matches first.
  const std::vector<std::vector<TextEnd>> ends = ours.ends(texts, threads, PatternEngine::kVectorscan);
  std::uint64_t count = 0, lines = 0;
  std::set<std::pair<std::size_t, std::uint32_t>> pairs;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    count += ends[i].size();
    lines += matching_lines(corpus.texts[i], ends[i]);
    for (const TextEnd& one : ends[i]) pairs.insert({i, one.pattern});
  }
  Json equal = Json::object();
  equal["automaton"] = ours.ends(texts, threads, PatternEngine::kAutomaton) == ends;
  const bool device = code::offer_gpu_for_patterns();
  if (device) equal["device"] = ours.ends(texts, threads, PatternEngine::kDevice) == ends;

  struct Arm {
    std::string name;
    std::function<double()> run;  // seconds of CPU time (wall time for a device)
    double best = 1e18;
  };
  std::vector<Arm> arms;
  const auto timed = [](const std::function<void()>& work) {
    const double begin = cpu_s();
    work();
    return cpu_s() - begin;
  };
  arms.push_back({"ours", [&] { return timed([&] { ours.ends(texts, 1, PatternEngine::kAuto); }); }});
  arms.push_back(
      {"ours, automata on one core", [&] { return timed([&] { ours.ends(texts, 1, PatternEngine::kAutomaton); }); }});
  if (device) {
    arms.push_back({"ours, device (wall time, copies counted)", [&] {
                      const std::uint64_t from = monotonic_ns();
                      ours.ends(texts, 1, PatternEngine::kDevice);
                      return static_cast<double>(monotonic_ns() - from) * 1e-9;
                    }});
  }
  Alone alone(all);
  arms.push_back({"Vectorscan alone", [&] { return timed([&] { alone.run(corpus); }); }});
#ifdef JARVIS2_HAVE_RE2
  RE2::Options options;
  options.set_encoding(RE2::Options::EncodingLatin1);
  options.set_max_mem(256 << 20);
  options.set_log_errors(true);
  RE2::Set set(options, RE2::UNANCHORED);
  for (const TextPattern& one : all) {
    std::string error;
    if (set.Add(one.literal ? RE2::QuoteMeta(one.expression) : one.expression, &error) < 0)
      throw Error("bench::patterns", error);
  }
  if (!set.Compile()) throw Error("bench::patterns", "RE2 has not the memory for the patterns");
  std::uint64_t re2_pairs = 0;
  const auto by_re2 = [&] {
    re2_pairs = 0;
    std::vector<int> hits;
    for (const std::string& text : corpus.texts) {
      set.Match(text, &hits);
      re2_pairs += hits.size();
    }
  };
  arms.push_back({"RE2::Set (which patterns a file holds)", [&] { return timed(by_re2); }});
#endif
  // ripgrep reads the files itself: from the page cache, through links.
  const TempDir folder("jarvis2-bench-patterns-");
  const bool ripgrep = !find_program("rg").empty();
  std::uint64_t rg_lines = 0;
  if (ripgrep) {
    std::string list;
    for (const TextPattern& one : all)
      list += (one.literal ? code::escaped_regex(one.expression) : one.expression) + "\n";
    write_file_atomic(folder.path() / "patterns", list);
    fs::create_directories(folder.path() / "code");
    for (std::size_t i = 0; i < corpus.paths.size(); ++i) {
      fs::create_symlink(corpus.paths[i], folder.path() / "code" / std::to_string(i));
    }
    arms.push_back({"ripgrep -c (lines that match; reads the files)", [&] {
                      SpawnOptions spawn;
                      spawn.argv = {"rg",
                                    "--no-config",
                                    "--no-unicode",
                                    "--no-ignore",
                                    "--hidden",
                                    "-L",
                                    "-a",
                                    "-E",
                                    "none",
                                    "-j1",
                                    "-c",
                                    "--no-filename",
                                    "-f",
                                    (folder.path() / "patterns").string(),
                                    (folder.path() / "code").string()};
                      const ProcessResult result = run_process(spawn);
                      if (result.exit_code > 1) throw Error("bench::patterns", "ripgrep: " + result.err.substr(0, 200));
                      rg_lines = 0;
                      for (std::size_t at = 0; at < result.out.size(); at = result.out.find('\n', at) + 1) {
                        rg_lines += std::strtoull(result.out.c_str() + at, nullptr, 10);
                      }
                      return static_cast<double>(result.cpu_ns) * 1e-9;
                    }});
  }
  for (int round = 0; round < rounds; ++round) {
    for (Arm& arm : arms) {
      arm.best = std::min(arm.best, arm.run());
      fmt::print(stderr, "round {}: {} {:.3f} GB/s\n", round + 1, arm.name, gigabytes / arm.best);
    }
  }
  equal["vectorscan_ends"] = {{"ours", count}, {"alone", alone.found}};
#ifdef JARVIS2_HAVE_RE2
  equal["re2_pairs_of_file_and_pattern"] = {{"ours", pairs.size()}, {"re2", re2_pairs}};
#endif
  if (ripgrep) equal["ripgrep_lines"] = {{"ours", lines}, {"ripgrep", rg_lines}};

  const auto speed = [&](const Arm& arm) { return gigabytes / arm.best; };
  Json results = Json::array();
  const bool has_re2 =
#ifdef JARVIS2_HAVE_RE2
      true;
#else
      false;
#endif
  for (const Arm& mine : arms) {
    if (!mine.name.starts_with("ours")) continue;
    Json row = {{"name", fmt::format("{} patterns, {:.0f} MB of code: {}", all.size(), gigabytes * 1e3, mine.name)},
                {"unit", "GB/s"},
                {"ours", speed(mine)},
                {"peers", Json::array()}};
    for (const Arm& peer : arms) {
      if (peer.name.starts_with("ours")) continue;
      row["peers"].push_back({{"name", peer.name}, {"value", speed(peer)}, {"ratio", speed(mine) / speed(peer)}});
    }
    if (!has_re2) row["peers"].push_back({{"name", "RE2::Set"}, {"value", "absent"}, {"ratio", nullptr}});
    if (!ripgrep) row["peers"].push_back({{"name", "ripgrep"}, {"value", "absent"}, {"ratio", nullptr}});
    results.push_back(std::move(row));
  }
  Json json = {
      {"results", results}, {"equal", equal}, {"files", texts.size()}, {"bytes", corpus.bytes}, {"matches", count}};
  if (device) json["crossover_bytes"] = ours.crossover_bytes();
  fmt::print("{}\n", json.dump(2));
  const bool same = equal["automaton"].get<bool>() && (!device || equal["device"].get<bool>());
  if (!same) fmt::print(stderr, "the matches differ\n");
  return same ? kDone : kError;
}

}  // namespace
}  // namespace jarvis2::bench

int main(int argc, char** argv) {
  CLI::App app("100 patterns over the code of this machine.");
  std::uint64_t megabytes = 500;
  int rounds = 3;
  unsigned threads = 1;
  bool json = false;
  std::vector<std::string> roots;
  app.add_option("--mb", megabytes, "At most so much code")->capture_default_str();
  app.add_option("--rounds", rounds)->capture_default_str();
  app.add_option("--threads", threads, "For the comparison of matches")->capture_default_str();
  app.add_flag("--json", json, "As always");
  app.add_option("roots", roots, "Folders of code");
  CLI11_PARSE(app, argc, argv);
  try {
    return jarvis2::bench::run(megabytes, std::max(1, rounds), threads, roots);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_patterns: {}\n", error.what());
    return 2;
  }
}
