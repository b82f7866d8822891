#include "meta/daemon.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/executable.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/log.h"
#include "base/process.h"
#include "engine/start_up.h"
#include "hardware/lanes.h"
#include "meta/cycle.h"
#include "meta/server.h"
#include "project/lock.h"
#include "project/repository.h"

namespace jarvis2::meta {
namespace {

constexpr std::size_t kLogBytes = 2 << 20;
constexpr std::size_t kLogs = 3;
constexpr std::size_t kMostWaiting = 4000;  // paths between watcher and auditor; more become a rescan

// Bursts on their way to the auditor: one at most, grown by those that come while it works.
class Mailbox {
 public:
  void put(Burst burst) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!waiting_) {
        waiting_ = std::move(burst);
      } else {
        std::set<std::string> paths(waiting_->paths.begin(), waiting_->paths.end());
        paths.insert(burst.paths.begin(), burst.paths.end());
        waiting_->rescan = waiting_->rescan || burst.rescan || paths.size() > kMostWaiting;
        waiting_->git = waiting_->git || burst.git;
        waiting_->events += burst.events;
        waiting_->paths.clear();
        if (!waiting_->rescan) waiting_->paths.assign(paths.begin(), paths.end());
      }
    }
    changed_.notify_all();
  }
  std::optional<Burst> take(std::stop_token stop) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!changed_.wait(lock, stop, [this] { return waiting_.has_value(); })) return std::nullopt;
    std::optional<Burst> burst = std::move(waiting_);
    waiting_.reset();
    return burst;
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Burst> waiting_;
};

// Wakes the coordinator.
class Bell {
 public:
  void ring() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      rung_ = true;
    }
    changed_.notify_all();
  }
  void wait(std::chrono::seconds at_most, std::stop_token stop) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait_for(lock, stop, at_most, [this] { return rung_; });
    rung_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool rung_ = false;
};

Json store_status(MetaStore& store) {
  Json json;
  json["observations"] = store.observation_count();
  json["files"] = store.file_count();
  json["findings"] = store.finding_count();
  json["head"] = store.value("head");
  json["plans"] = Json::array();
  for (const Plan& plan : store.plans(100)) {
    json["plans"].push_back({{"id", plan.id},
                             {"kind", plan.kind},
                             {"state", plan_state_name(plan.state)},
                             {"title", plan.title},
                             {"paths", plan.paths},
                             {"actions", plan.actions},
                             {"budget_s", plan.budget_s},
                             {"expected_gain", plan.gain},
                             {"risk", plan.risk},
                             {"value", plan.value},
                             {"commit", plan.commit},
                             {"run", plan.run},
                             {"branch", plan.branch},
                             {"speedup", plan.speedup > 0 ? Json(plan.speedup) : Json()},
                             {"reason", plan.reason},
                             {"created", plan.created_s},
                             {"updated", plan.updated_s}});
  }
  json["contributions"] = Json::array();
  for (const Contribution& one : store.contributions()) {
    json["contributions"].push_back({{"run", one.run},
                                     {"state", one.state},
                                     {"speedup", one.speedup},
                                     {"commit", one.commit},
                                     {"verified", one.verified_s},
                                     {"doubt", one.doubt},
                                     {"why", one.why},
                                     {"paths", one.paths},
                                     {"rules", one.rules}});
  }
  json["recent"] = Json::array();
  for (const Observation& one : store.observations(10)) {
    json["recent"].push_back({{"id", one.id},
                              {"time", one.time_s},
                              {"cause", one.cause},
                              {"files", one.files},
                              {"symbols", one.symbols},
                              {"lines", one.lines}});
  }
  return json;
}

class Daemon {
 public:
  Daemon(const DaemonOptions& options, std::stop_token stop) : options_(options), outer_(std::move(stop)) {}

  void run(const std::function<void()>& ready) {
    project::Repository repository = project::Repository::open(options_.dir);
    root_ = repository.root();
    state_ = repository.state_dir();
    fs::create_directories(state_ / "meta");
    std::optional<project::RunLock> lock;
    try {
      lock.emplace(state_ / "meta", "watch");
    } catch (const Error& error) {
      throw Error("meta::run_daemon",
                  fmt::format("{} is watched already ({}); jarvis2 stop ends that", root_.string(), error.message()));
    }
    log::set_file((state_ / "meta" / "meta.log").string(), kLogBytes, kLogs);
    const std::vector<engine::StartTiming> timings = engine::start_up({
        {"machine", {}, [] { hardware::this_machine(); }},
        {"store", {}, [this] { store_.emplace(state_ / "meta.sqlite"); }},
        {"watcher", {}, [this] { watcher_.emplace(root_, options_.watch); }},
        {"socket", {}, [this] { server_.emplace(socket_path(state_)); }},
        {"auditor", {"store"}, [this] { analyst_ = make_analyst(); }},
        {"coordinator", {"store"}, [this] { coordinator_ = make_coordinator(); }},
    });
    log::info("watching {} (pid {}); started: {}", root_.string(), ::getpid(), engine::timings_text(timings));
    supervisor_.start("server", [this](std::stop_token stop, Beat& beat) {
      beat.idle();
      server_->serve([this](const Json& request) { return answer(request); }, stop);
    });
    supervisor_.start("watcher", [this](std::stop_token stop, Beat& beat) { watch(stop, beat); });
    supervisor_.start("auditor", [this](std::stop_token stop, Beat& beat) { audit(stop, beat); });
    if (options_.plan) {
      supervisor_.start("coordinator", [this](std::stop_token stop, Beat& beat) { coordinate(stop, beat); });
    }
    if (ready) ready();
    wait();
    const std::uint64_t asked = monotonic_ns();
    supervisor_.stop();
    server_.reset();
    watcher_.reset();
    log::info("stopped after {:.0f} ms: {}", static_cast<double>(monotonic_ns() - asked) * 1e-6, why_);
    log::set_file("", 0, 0);
  }

 private:
  std::unique_ptr<Analyst> make_analyst() {
    CycleOptions options;
    options.lanes = &hardware::lanes();
    return std::make_unique<Analyst>(root_, *store_, options);
  }

  std::unique_ptr<Coordinator> make_coordinator() {
    const fs::path program = executable_path();
    return std::make_unique<Coordinator>(
        root_, *store_, options_.coordinator,
        [program](const std::vector<std::string>& args, const ExecutorOptions& options, std::stop_token stop) {
          return execute(program, args, options, stop);
        });
  }

  void end(const std::string& why) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (why_.empty()) why_ = why;
      ending_ = true;
    }
    changed_.notify_all();
  }

  void wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!ending_ && !outer_.stop_requested()) {
      // Health: someone who says he works must give a sign now and then.
      changed_.wait_for(lock, outer_, std::chrono::seconds(60), [this] { return ending_; });
      lock.unlock();
      for (const std::string& name : supervisor_.silent(std::chrono::hours(4))) {
        log::warning("{} has given no sign for four hours", name);
      }
      lock.lock();
    }
    if (why_.empty()) why_ = "interrupted";
  }

  void watch(std::stop_token stop, Beat& beat) {
    if (!watcher_) watcher_.emplace(root_, options_.watch);
    // What happened before, or while nobody watched.
    mailbox_.put({.paths = {}, .rescan = true, .git = true});
    while (!stop.stop_requested()) {
      beat.idle();
      const std::chrono::milliseconds by_turns =
          watcher_->partial() ? std::chrono::minutes(1) : std::chrono::minutes(0);
      std::optional<Burst> burst;
      try {
        burst = watcher_->next(stop, by_turns);
      } catch (...) {
        watcher_.reset();
        throw;
      }
      if (stop.stop_requested()) return;
      if (!burst) burst = Burst{.paths = {}, .rescan = true};
      beat.working("");
      std::error_code ignored;
      if (burst->root_gone || !fs::exists(root_ / ".git", ignored)) {
        log::warning("{} is gone", root_.string());
        end("the repository is gone");
        return;
      }
      log::debug("burst: {} events, {} files{}", burst->events, burst->paths.size(), burst->rescan ? ", rescan" : "");
      mailbox_.put(std::move(*burst));
    }
  }

  void audit(std::stop_token stop, Beat& beat) {
    // After a failure nobody knows what was missed.
    mailbox_.put({.paths = {}, .rescan = true, .git = true});
    std::uint64_t looks = 0;
    while (true) {
      beat.idle();
      const std::optional<Burst> burst = mailbox_.take(stop);
      if (!burst) return;
      beat.working(burst->rescan ? "looking at everything" : fmt::format("{} files", burst->paths.size()));
      const CycleReport report = analyst_->look(*burst, stop);
      if (report.observation) {
        const Observation& seen = *report.observation;
        log::info("observation {} ({}): {} files, {} symbols, {} lines; {} findings, {} candidates; {:.2f} s", seen.id,
                  seen.cause, seen.files, seen.symbols, seen.lines, report.findings, report.candidates, report.seconds);
        if (++looks % 50 == 0) store_->trim();
      }
      if (report.observation || looks == 0) bell_.ring();
    }
  }

  void coordinate(std::stop_token stop, Beat& beat) {
    beat.idle();
    coordinator_->recover();
    // Plans are made from what is known; at first that is nothing.
    while (!stop.stop_requested() && store_->value("looked").empty()) bell_.wait(std::chrono::seconds(1), stop);
    while (!stop.stop_requested()) bell_.wait(coordinator_->step(stop, &beat), stop);
  }

  Json answer(const Json& request) {
    const std::string what = request.value("do", "");
    if (what == "ping") return {{"pid", ::getpid()}};
    if (what == "stop") {
      end("asked to");
      return {{"pid", ::getpid()}};
    }
    if (what == "rescan") {
      mailbox_.put({.paths = {}, .rescan = true, .git = true});
      return {{"pid", ::getpid()}};
    }
    if (what != "status")
      throw Error("meta::Daemon", fmt::format("\"{}\": there are ping, status, rescan, stop", what));
    Json json = {{"running", true}, {"pid", ::getpid()}, {"since", since_}, {"root", root_.string()}};
    json["components"] = Json::array();
    for (const ComponentStatus& one : supervisor_.status()) {
      json["components"].push_back({{"name", one.name},
                                    {"state", one.state},
                                    {"doing", one.doing},
                                    {"last_run", one.last_run_s > 0 ? Json(one.last_run_s) : Json()},
                                    {"runs", one.runs},
                                    {"failures", one.failures}});
    }
    json.update(store_status(*store_));
    return json;
  }

  const DaemonOptions& options_;
  std::stop_token outer_;
  fs::path root_, state_;
  std::optional<MetaStore> store_;
  std::optional<Watcher> watcher_;
  std::optional<Server> server_;
  std::unique_ptr<Analyst> analyst_;
  std::unique_ptr<Coordinator> coordinator_;
  Mailbox mailbox_;
  Bell bell_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool ending_ = false;
  std::string why_;
  std::int64_t since_ = now_s();
  Supervisor supervisor_;  // last: its threads use the rest
};

fs::path state_of(const fs::path& dir) {
  return project::Repository::open(dir).root() / ".jarvis2";
}

// The pid in the daemon's lock, when somebody holds it; 0: nobody does.
int holder(const fs::path& state) {
  std::error_code ignored;
  if (!fs::is_directory(state / "meta", ignored)) return 0;
  try {
    const project::RunLock lock(state / "meta", "status");
    return 0;
  } catch (const Error&) {
    // "pid 123: watch"
    std::string text;
    try {
      text = read_file(state / "meta" / "lock");
    } catch (const Error&) {
      return 0;
    }
    int pid = 0;
    if (text.starts_with("pid ")) std::from_chars(text.data() + 4, text.data() + text.size(), pid);
    return pid;
  }
}

}  // namespace

void run_daemon(const DaemonOptions& options, std::stop_token stop, const std::function<void()>& ready) {
  Daemon(options, std::move(stop)).run(ready);
}

Json daemon_status(const fs::path& dir) {
  const fs::path state = state_of(dir);
  if (holder(state) != 0) {
    try {
      return ask(socket_path(state), {{"do", "status"}});
    } catch (const Error& error) {
      log::debug("{}", error.message());
    }
  }
  Json json = {{"running", false}, {"pid", nullptr}, {"root", state.parent_path().string()}};
  json["components"] = Json::array();
  for (const char* name : {"server", "watcher", "auditor", "coordinator"}) {
    json["components"].push_back({{"name", name}, {"state", "stopped"}, {"last_run", nullptr}});
  }
  std::error_code ignored;
  if (fs::exists(state / "meta.sqlite", ignored)) {
    MetaStore store(state / "meta.sqlite");
    json.update(store_status(store));
  } else {
    json.update({{"observations", 0}, {"plans", Json::array()}, {"contributions", Json::array()}});
  }
  return json;
}

bool stop_daemon(const fs::path& dir, double timeout_s) {
  const fs::path state = state_of(dir);
  const int pid = holder(state);
  if (pid == 0) return false;
  try {
    ask(socket_path(state), {{"do", "stop"}}, 1.5);
  } catch (const Error&) {
    ::kill(pid, SIGTERM);  // it does not answer
  }
  const std::uint64_t deadline = monotonic_ns() + static_cast<std::uint64_t>(timeout_s * 1e9);
  while (holder(state) == pid) {
    if (monotonic_ns() > deadline) {
      throw Error("meta::stop_daemon", fmt::format("process {} does not end; kill -9 {} does it no harm", pid, pid));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace jarvis2::meta
