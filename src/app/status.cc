// jarvis2 status, stop: what the daemon of a repository does; end it.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <memory>

#include "app/watch.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "meta/daemon.h"

namespace jarvis2::app {
namespace {

std::string time_text(const Json& seconds) {
  if (!seconds.is_number() || seconds.get<std::int64_t>() == 0) return "never";
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(static_cast<std::time_t>(seconds.get<std::int64_t>())));
}

void print(const Json& status) {
  const bool running = status.at("running");
  fmt::print("{}: {}\n", status.at("root").get<std::string>(),
             running ? fmt::format("watched by process {} since {}", status.at("pid").get<int>(),
                                   time_text(status.at("since")))
                     : "not watched (jarvis2 watch --detach starts it)");
  if (running) {
    for (const Json& one : status.at("components")) {
      const std::string doing = one.value("doing", "");
      fmt::print("  {:<12} {:<9} last run {}{}\n", one.at("name").get<std::string>(),
                 one.at("state").get<std::string>(), time_text(one.at("last_run")), doing.empty() ? "" : ": " + doing);
    }
  }
  fmt::print("{} observations, {} files, {} findings\n", status.at("observations").get<std::int64_t>(),
             status.value("files", 0), status.value("findings", 0));
  for (const Json& plan : status.at("plans")) {
    const std::string reason = plan.at("reason");
    fmt::print("  plan {:<3} {:<10} {}{}\n", plan.at("id").get<std::int64_t>(), plan.at("state").get<std::string>(),
               plan.at("title").get<std::string>(), reason.empty() ? "" : " (" + reason + ")");
  }
  for (const Json& one : status.at("contributions")) {
    fmt::print("  run {} {} {:.3f}x, verified {}\n", one.at("run").get<std::string>(),
               one.at("state").get<std::string>(), one.at("speedup").get<double>(), time_text(one.at("verified")));
  }
}

int status(const std::string& dir, const Common& common) {
  const Json json = meta::daemon_status(dir);
  if (common.json) {
    fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    print(json);
  }
  return kDone;
}

int stop(const std::string& dir, const Common& common) {
  const bool stopped = meta::stop_daemon(dir);
  if (common.json) {
    fmt::print("{}\n", Json{{"stopped", stopped}}.dump(2));
  } else if (!stopped) {
    log::info("nobody watches this repository");
  }
  return stopped ? kDone : kNotFound;
}

}  // namespace

Command add_status(CLI::App& root, Common& common) {
  CLI::App* app = root.add_subcommand("status", "What the daemon of a repository does and has found");
  const std::shared_ptr<std::string> dir = std::make_shared<std::string>(".");
  app->add_option("dir", *dir, "The repository")->capture_default_str();
  return {app, [dir, &common] { return status(*dir, common); }};
}

Command add_stop(CLI::App& root, Common& common) {
  CLI::App* app = root.add_subcommand("stop", "End the daemon of a repository");
  const std::shared_ptr<std::string> dir = std::make_shared<std::string>(".");
  app->add_option("dir", *dir, "The repository")->capture_default_str();
  return {app, [dir, &common] { return stop(*dir, common); }};
}

}  // namespace jarvis2::app
