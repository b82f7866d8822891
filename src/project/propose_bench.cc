// A candidate benchmark where a project has none: its slowest test.
#include <fmt/format.h>

#include <algorithm>
#include <regex>
#include <sstream>

#include "base/error.h"
#include "base/json.h"
#include "project/detect.h"
#include "project/repository.h"
#include "project/sandbox.h"
#include "project/worktree.h"

namespace jarvis2::project {
namespace {

struct Slowest {
  std::string command;
  std::string what;
  double seconds = 0;
};

std::string shell_word(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

class Proposer {
 public:
  Proposer(const Settings& settings, const Sandbox& sandbox, double limit_s, std::stop_token stop)
      : settings_(settings), sandbox_(sandbox), limit_s_(limit_s), stop_(std::move(stop)) {}

  Slowest find() const {
    const std::string& test = settings_.test;
    if (test.find("-m pytest") != std::string::npos) return pytest();
    if (test.starts_with("ctest ")) return ctest();
    if (test.find("-m unittest") != std::string::npos) return unittest();
    return {};
  }

 private:
  ProcessResult run(const std::string& command) const {
    ProcessResult result = sandbox_.run(command, limit_s_, stop_);
    if (result.cancelled) throw Interrupted();
    return result;
  }

  Slowest pytest() const {
    const ProcessResult result = run(settings_.test + " --durations=1 --durations-min=0");
    std::smatch match;
    if (!result.ok() || !std::regex_search(result.out, match, std::regex(R"(([0-9.]+)s call +(\S.*))"))) return {};
    const std::string name = match[2];
    return {fmt::format("{} {} > /dev/null", settings_.test, shell_word(name)), "the test " + name,
            std::stod(match[1])};
  }

  // One module after the other: unittest tells durations only since Python 3.12.
  Slowest unittest() const {
    const std::string python = settings_.test.substr(0, settings_.test.find(" -m unittest"));
    const ProcessResult listed = run(python +
                                     " -c \"import unittest, sys\n"
                                     "def names(s):\n"
                                     "  for t in s:\n"
                                     "    if isinstance(t, unittest.TestSuite): yield from names(t)\n"
                                     "    else: yield type(t).__module__ + '.' + type(t).__qualname__\n"
                                     "sys.path.insert(0, '.')\n"
                                     "print('\\n'.join(dict.fromkeys(names(unittest.defaultTestLoader.discover(" +
                                     start_folder() + ", top_level_dir='.')))))\"");
    Slowest slowest;
    std::istringstream lines(listed.out);
    for (std::string name; listed.ok() && std::getline(lines, name);) {
      const std::string command = fmt::format("{} -m unittest -q {}", python, name);
      const ProcessResult result = run(command);
      const double seconds = static_cast<double>(result.wall_ns) * 1e-9;
      if (!result.ok() || seconds <= slowest.seconds) continue;
      slowest = {command + " 2> /dev/null", "the tests of " + name, seconds};
    }
    return slowest;
  }

  std::string start_folder() const {
    std::smatch match;
    if (std::regex_search(settings_.test, match, std::regex(R"(discover -s (\S+))"))) return shell_word(match[1]);
    return "'.'";
  }

  Slowest ctest() const {
    const ProcessResult result = run("ctest --test-dir build");
    if (!result.ok()) return {};
    std::string name;
    double seconds = -1;
    const std::regex line(R"(Test +#\d+: (\S+) \.*\s+Passed\s+([0-9.]+) sec)");
    for (std::sregex_iterator at(result.out.begin(), result.out.end(), line), end; at != end; ++at) {
      if (std::stod((*at)[2]) <= seconds) continue;
      seconds = std::stod((*at)[2]);
      name = (*at)[1];
    }
    if (seconds < 0) return {};
    const Json json = Json::parse(run("ctest --test-dir build --show-only=json-v1").out, nullptr, false);
    if (!json.is_object() || !json.contains("tests")) return {};
    for (const Json& test : json["tests"]) {
      if (test.value("name", "") != name || !test.contains("command")) continue;
      std::string command;
      const std::string root = sandbox_.inner_path().string() + "/";
      for (const Json& word : test["command"]) {
        std::string text = word.get<std::string>();
        if (text.starts_with(root)) text.erase(0, root.size());
        const bool plain =
            text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/=") ==
            std::string::npos;
        command += (command.empty() ? "" : " ") + (plain ? text : shell_word(text));
      }
      return {command, "the test " + name, seconds};
    }
    return {};
  }

  const Settings& settings_;
  const Sandbox& sandbox_;
  double limit_s_;
  std::stop_token stop_;
};

// Builds a copy of the project and looks for its slowest test.
Slowest find_slowest(const fs::path& dir, const Settings& settings, double limit_s, std::stop_token stop) {
  Repository repository = Repository::open(dir);
  clean_worktrees(repository);
  const std::string commit = repository.dirty(1).empty() ? repository.head() : repository.snapshot_uncommitted();
  const Worktree worktree = Worktree::create(repository, commit);
  SandboxOptions policy;
  policy.worktree = worktree.path();
  policy.home = worktree.home();
  if (!settings.setup.empty()) {
    policy.network = true;
    for (const fs::path& objects : repository.object_dirs()) policy.readable.push_back(objects);
    const ProcessResult result = Sandbox(policy).run(settings.setup, limit_s, stop);
    if (result.cancelled) throw Interrupted();
    if (!result.ok()) return {};
    policy.network = false;
    policy.readable.clear();
  }
  const Sandbox sandbox(policy);
  if (!settings.build.empty()) {
    const ProcessResult result = sandbox.run(settings.build, limit_s, stop);
    if (result.cancelled) throw Interrupted();
    if (!result.ok()) return {};
  }
  return Proposer(settings, sandbox, limit_s, stop).find();
}

}  // namespace

void propose_bench(const fs::path& dir, Detection& detection, double limit_s, std::stop_token stop) {
  Settings& settings = detection.settings;
  if (!settings.bench.empty() || settings.test.empty() || !detection.missing.empty()) return;
  Slowest slowest;
  try {
    slowest = find_slowest(dir, settings, limit_s, std::move(stop));
  } catch (const Error& error) {
    detection.notes.push_back(fmt::format("the tests could not be run to find the slowest: {}", error.message()));
  }
  if (slowest.command.empty()) slowest = {settings.test + " > /dev/null", "the whole test run", 0};
  settings.bench = {slowest.command};
  detection.bench_is_candidate = true;
  std::string text = fmt::format("CANDIDATE: {}", slowest.what);
  if (slowest.seconds > 0) text += fmt::format(" ({:.2f} s)", slowest.seconds);
  text +=
      ", because no benchmark was found. Tests spend much of their time on\n"
      "checks and set-up; better is a small program that calls the hot code with typical input, takes half a second "
      "to\n"
      "a few seconds, prints a result that depends on all the work, and prints no timings.";
  detection.comments.push_back({"project.bench", text});
  detection.notes.push_back(
      fmt::format("no benchmark was found: {} stands in as a candidate; write a better one", slowest.what));
}

}  // namespace jarvis2::project
