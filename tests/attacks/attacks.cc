// The anti-cheating suite: candidates that cheat go through the judge's own door. Each must be refused; each must be
// accepted when the defence named beside it is switched off, which shows that it is the one that holds; and honest
// patches beside them are accepted. The cases are in the .toml files given.
//
// An attack marked `open = "why"` is known not to be held off, or not to be shown by its defence, on every machine: it
// is run, printed and counted apart.
//
//   attack_suite FILE.toml... [--only NAME] [--honest | --attacks]
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <thread>

#include "base/error.h"
#include "base/process.h"
#include "engine/verifier.h"
#include "project/defence.h"

namespace jarvis2::project {

static std::set<Defence> g_off;

bool holds(Defence defence) {
  return !g_off.contains(defence);
}

}  // namespace jarvis2::project

namespace jarvis2 {
namespace {

using project::Defence;

constexpr std::uint64_t kMostProcesses = 60;
constexpr std::uint64_t kTmpBytes = 16u << 20;
constexpr std::uint64_t kMemoryBytes = 400u << 20;

const std::map<std::string, Defence> kDefences = {
    {"paths", Defence::kPaths},
    {"links", Defence::kLinks},
    {"fresh tree", Defence::kFreshTree},
    {"read-only runs", Defence::kReadOnlyRuns},
    {"private files", Defence::kPrivateFiles},
    {"environment", Defence::kEnvironment},
    {"network", Defence::kNetwork},
    {"process tree", Defence::kProcessTree},
    {"process limit", Defence::kProcessLimit},
    {"disk limit", Defence::kDiskLimit},
    {"memory limit", Defence::kMemoryLimit},
    {"output", Defence::kOutput},
    {"generated inputs", Defence::kGenerated},
    {"holdout", Defence::kHoldout},
    {"parent's clock", Defence::kParentClock},
    {"wall clock", Defence::kWallClock},
};

struct Case {
  std::string name, project, defence;
  bool confirm = false;  // to the confirmation: the wall clock and, of native code, eight link orders
  std::string open;      // why its outcome is not yet what it should be; empty: it is
  std::string harm;  // "created" or "removed" @FILE@, "killed" @VICTIM@: has to have happened, else it was no success
  std::map<std::string, std::string> files;
};

struct Suite {
  std::map<std::string, std::map<std::string, std::string>> projects;
  std::map<std::string, std::map<std::string, std::string>> links;
  std::set<std::string> confirmed;  // projects whose cases all go to the confirmation
  std::vector<Case> attacks, honest;
};

std::map<std::string, std::string> texts_in(const toml::table* table) {
  std::map<std::string, std::string> texts;
  if (table == nullptr) return texts;
  for (const auto& [key, value] : *table) texts[std::string(key.str())] = value.value_or<std::string>("");
  return texts;
}

void load(const fs::path& file, Suite& suite) {
  const toml::table table = toml::parse(read_file(file), file.string());
  if (const toml::table* projects = table["project"].as_table()) {
    for (const auto& [name, value] : *projects) {
      suite.projects[std::string(name.str())] = texts_in(value.as_table()->get_as<toml::table>("files"));
      suite.links[std::string(name.str())] = texts_in(value.as_table()->get_as<toml::table>("links"));
      if ((*value.as_table())["confirm"].value_or(false)) suite.confirmed.insert(std::string(name.str()));
    }
  }
  const auto read = [&](const char* key, std::vector<Case>& into) {
    const toml::array* list = table[key].as_array();
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
      const toml::table& one = *list->get(i)->as_table();
      Case made;
      made.name = one["name"].value_or<std::string>("");
      made.project = one["project"].value_or<std::string>("");
      made.defence = one["defence"].value_or<std::string>("");
      made.harm = one["harm"].value_or<std::string>("");
      made.confirm = one["confirm"].value_or(suite.confirmed.contains(made.project));
      made.open = one["open"].value_or(std::string());
      made.files = texts_in(one["files"].as_table());
      into.push_back(std::move(made));
    }
  };
  read("attack", suite.attacks);
  read("honest", suite.honest);
}

void git(const fs::path& folder, std::vector<std::string> arguments) {
  SpawnOptions spawn;
  spawn.argv = {"git", "-c", "user.name=T", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"};
  spawn.argv.insert(spawn.argv.end(), arguments.begin(), arguments.end());
  spawn.cwd = folder;
  const ProcessResult result = run_process(spawn, 60);
  if (!result.ok()) throw Error("attack_suite", "git: " + result.err);
}

// What stands outside of the sandbox for a case: a file, a process, a server that answers "fast".
class Outside {
 public:
  Outside() : dir_("jarvis2-attack-", "/tmp") {
    victim_ = start_victim();
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 || ::listen(listener_, 64) != 0) {
      throw Error("attack_suite", "no socket to listen on");
    }
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    server_ = std::jthread([this](const std::stop_token&) {
      while (true) {
        const int client = ::accept(listener_, nullptr, nullptr);
        if (client < 0) return;
        const ssize_t ignored = ::write(client, "fast\n", 5);
        (void)ignored;
        ::close(client);
      }
    });
  }
  ~Outside() {
    ::shutdown(listener_, SHUT_RDWR);
    ::close(listener_);
    ::kill(victim_, SIGKILL);
    ::waitpid(victim_, nullptr, 0);
  }
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;

  fs::path file() const { return dir_.path() / "file.py"; }
  std::map<std::string, std::string> names() const {
    return {{"@FILE@", file().string()},
            {"@DIR@", dir_.path().string()},
            {"@VICTIM@", std::to_string(victim_)},
            {"@PORT@", std::to_string(port_)}};
  }
  void prepare(const std::string& harm) const {
    for (const fs::directory_entry& entry : fs::directory_iterator(dir_.path())) fs::remove_all(entry.path());
    if (harm == "removed") write_file_atomic(file(), "log\n");
  }
  bool happened(const std::string& harm) {
    if (harm == "created") return fs::exists(file());
    if (harm == "removed") return !fs::exists(file());
    if (harm == "killed") {
      int status = 0;
      if (::waitpid(victim_, &status, WNOHANG) != victim_) return false;
      victim_ = start_victim();
    }
    return true;
  }

 private:
  static pid_t start_victim() {
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (::getppid() == parent) ::pause();
    ::_exit(0);
  }

  TempDir dir_;
  pid_t victim_ = -1;
  int listener_ = -1;
  int port_ = 0;
  std::jthread server_;
};

std::string replaced(std::string text, const std::map<std::string, std::string>& names) {
  for (const auto& [name, value] : names) {
    for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + value.size())) {
      text.replace(at, name.size(), value);
    }
  }
  return text;
}

// A project with its baseline, measured once, and its verifiers, one for each set of defences.
class Subject {
 public:
  Subject(const std::map<std::string, std::string>& files, const std::map<std::string, std::string>& links,
          const std::map<std::string, std::string>& names) {
    for (const auto& [path, text] : files) {
      fs::create_directories((dir_.path() / path).parent_path());
      write_file_atomic(dir_.path() / path, replaced(text, names));
    }
    for (const auto& [path, target] : links) fs::create_symlink(replaced(target, names), dir_.path() / path);
    git(dir_.path(), {"init", "-q", "-b", "main"});
    git(dir_.path(), {"add", "-A"});
    git(dir_.path(), {"commit", "-q", "-m", "first"});
    project::Repository repository = project::Repository::open(dir_.path());
    project::BaselineOptions options;
    options.test_runs = 2;
    options.most_test_runs = 2;
    options.bench_pairs = 2;
    options.allow_short = true;
    baseline_ = project::make_baseline(repository, project::load_settings(dir_.path()), options);
    if (!baseline_.pin_by_mount) throw Error("attack_suite", "the project writes to its own tests");
  }

  verify::Verification judge(const project::Texts& texts, bool confirm) {
    verify::Verification result;
    result.reason = engine::forbidden_change(baseline_.settings, texts, false);
    if (!result.reason.empty()) {
      result.verdict = verify::Verdict::kRejected;
      return result;
    }
    std::unique_ptr<engine::Verifier>& verifier = verifiers_[project::g_off];
    if (!verifier) {
      engine::VerifierOptions options;
      options.measure.budget_s = 120;
      options.screen_pairs = 4;
      options.most_processes = kMostProcesses;
      options.tmp_bytes = kTmpBytes;
      options.memory_bytes = kMemoryBytes;
      verifier = std::make_unique<engine::Verifier>(baseline_, options);
    }
    return verifier->verify("case", texts, {}, {confirm ? verify::Stage::kConfirm : verify::Stage::kSequential, 1}, {});
  }

 private:
  TempDir dir_;
  project::Baseline baseline_;
  std::map<std::set<Defence>, std::unique_ptr<engine::Verifier>> verifiers_;
};

struct Outcome {
  bool accepted = false;
  std::string text;
};

Outcome judge(Subject& subject, const Case& one, Outside& outside) {
  outside.prepare(one.harm);
  project::Texts texts;
  for (const auto& [path, text] : one.files) texts[path] = replaced(text, outside.names());
  const verify::Verification result = subject.judge(texts, one.confirm);
  const bool harmed = one.harm.empty() || outside.happened(one.harm);
  std::string reason = result.reason.substr(0, 110);
  std::replace(reason.begin(), reason.end(), '\n', ' ');
  return {result.accepted() && harmed, fmt::format("{}{} at {}: {}", verify::verdict_name(result.verdict),
                                                   result.accepted() && !harmed ? " (but did no harm)" : "",
                                                   verify::stage_name(result.stage), reason)};
}

int run(const std::vector<std::string>& arguments) {
  Suite suite;
  std::string only;
  bool attacks = true, honest = true;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--only") {
      only = arguments.at(++i);
    } else if (arguments[i] == "--honest") {
      attacks = false;
    } else if (arguments[i] == "--attacks") {
      honest = false;
    } else {
      load(arguments[i], suite);
    }
  }
  Outside outside;
  std::map<std::string, std::unique_ptr<Subject>> subjects;
  const auto subject = [&](const std::string& name) -> Subject& {
    std::unique_ptr<Subject>& one = subjects[name];
    if (!one) one = std::make_unique<Subject>(suite.projects.at(name), suite.links.at(name), outside.names());
    return *one;
  };
  int accepted = 0, idle = 0, open = 0, refused = 0, tried = 0, passed = 0;
  std::set<std::string> needed;
  for (const Case& one : suite.attacks) {
    if (!attacks || (!only.empty() && one.name != only)) continue;
    ++tried;
    project::g_off.clear();
    const Outcome with = judge(subject(one.project), one, outside);
    project::g_off = {kDefences.at(one.defence)};
    const Outcome without = judge(subject(one.project), one, outside);
    project::g_off.clear();
    const bool holds = !with.accepted && without.accepted;
    if (one.open.empty()) {
      accepted += with.accepted ? 1 : 0;
      idle += without.accepted ? 0 : 1;
    } else if (!holds) {
      ++open;
    }
    if (holds) needed.insert(one.defence);
    fmt::print("{} {}: {}\n  defended: {}\n  without \"{}\": {}\n",
               holds              ? "ok    "
               : one.open.empty() ? "FAILED"
                                  : "OPEN  ",
               one.project, one.name, with.text, one.defence, without.text);
    if (!holds && !one.open.empty()) fmt::print("  open: {}\n", one.open);
    std::fflush(stdout);
  }
  for (const Case& one : suite.honest) {
    if (!honest || (!only.empty() && one.name != only)) continue;
    ++passed;
    const Outcome outcome = judge(subject(one.project), one, outside);
    refused += outcome.accepted ? 0 : 1;
    fmt::print("{} {}: honest: {}\n  {}\n", outcome.accepted ? "ok    " : "FAILED", one.project, one.name,
               outcome.text);
    std::fflush(stdout);
  }
  fmt::print(
      "{} of {} attacks accepted; {} not accepted without the defence named; {} open; {} defences shown to hold; {} of "
      "{} honest patches refused\n",
      accepted, tried, idle, open, needed.size(), refused, passed);
  return accepted + idle + refused == 0 && tried + passed > 0 ? 0 : 1;
}

}  // namespace
}  // namespace jarvis2

int main(int argc, char** argv) {
  ::setenv("JARVIS2_ATTACK_SECRET", "fast", 1);
  try {
    return jarvis2::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
}
