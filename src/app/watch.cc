// jarvis2 watch: the meta system of a repository, in the foreground, detached or as a service.
#include "app/watch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "app/judge_options.h"
#include "base/error.h"
#include "base/executable.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/log.h"
#include "meta/daemon.h"
#include "meta/service.h"
#include "project/repository.h"
#include "project/settings.h"

namespace jarvis2::app {
namespace {

struct WatchOptions {
  std::string dir = ".";
  std::string budget = "5m";
  std::string check_budget = "2m";
  std::string min_effect = "2%";
  double auto_apply = 0;
  double max_load = 0.4;
  std::size_t verifications = 0;
  std::uint64_t seed = 1;
  bool battery = false;
  bool observe_only = false;
  bool detach = false;
  bool install_service = false;
  int ready_fd = -1;
};

// The options again, as another process is to be given them.
std::vector<std::string> arguments(const WatchOptions& options, const fs::path& root) {
  std::vector<std::string> args = {root.string(),
                                   "--budget",
                                   options.budget,
                                   "--check-budget",
                                   options.check_budget,
                                   "--min-effect",
                                   options.min_effect,
                                   "--max-load",
                                   fmt::format("{}", options.max_load),
                                   "--seed",
                                   fmt::format("{}", options.seed)};
  if (options.auto_apply > 0) args.insert(args.end(), {"--auto-apply", fmt::format("{}", options.auto_apply)});
  if (options.verifications > 0) {
    args.insert(args.end(), {"--verifications", fmt::format("{}", options.verifications)});
  }
  if (options.battery) args.emplace_back("--on-battery");
  if (options.observe_only) args.emplace_back("--observe-only");
  return args;
}

int install(const WatchOptions& options, const fs::path& root, const Common& common) {
  const meta::Service service = meta::service_for(root, executable_path(), arguments(options, root));
  fs::create_directories(service.file.parent_path());
  write_file_atomic(service.file, service.text);
  if (common.json) {
    fmt::print("{}\n", Json{{"file", service.file.string()}, {"enable", service.enable}}.dump(2));
  } else {
    fmt::print("wrote {}\nNext: {}\n", service.file.string(), service.enable);
  }
  return kDone;
}

int run_detached(const WatchOptions& options, const fs::path& root, const Common& common) {
  std::vector<std::string> args = arguments(options, root);
  args.insert(args.begin(), "watch");
  const int pid = meta::detach(std::move(args));
  if (common.json) {
    fmt::print("{}\n", Json{{"pid", pid}, {"root", root.string()}}.dump(2));
  } else {
    fmt::print("watching {} (pid {}); jarvis2 status shows it, jarvis2 stop ends it\n", root.string(), pid);
  }
  return kDone;
}

int watch(const WatchOptions& options, const Common& common) {
  meta::DaemonOptions daemon;
  meta::CoordinatorOptions& coordinator = daemon.coordinator;
  coordinator.plan.budget_s = parse_duration(options.budget, "--budget");
  coordinator.plan.min_effect = project::parse_effect(options.min_effect, "--min-effect");
  coordinator.check_budget_s = parse_duration(options.check_budget, "--check-budget");
  coordinator.limits.load = options.max_load;
  coordinator.limits.battery = options.battery;
  coordinator.auto_apply = options.auto_apply;
  coordinator.verifications = options.verifications;
  coordinator.seed = options.seed;
  daemon.plan = !options.observe_only;
  daemon.dir = project::Repository::open(options.dir).root();
  if (options.install_service) return install(options, daemon.dir, common);
  if (options.detach) return run_detached(options, daemon.dir, common);
  meta::run_daemon(daemon, interrupt_token(), [&] {
    if (options.ready_fd < 0) return;
    // From here on messages go to the log alone.
    const ssize_t ignored = ::write(options.ready_fd, "\0", 1);
    (void)ignored;
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(null, STDERR_FILENO);
    ::close(null);
    ::close(options.ready_fd);
  });
  if (interrupted()) throw Interrupted();
  return kDone;
}

}  // namespace

Command add_watch(CLI::App& root, Common& common) {
  CLI::App* app = root.add_subcommand("watch", "Watch a repository and keep it getting better");
  const std::shared_ptr<WatchOptions> options = std::make_shared<WatchOptions>();
  app->add_option("dir", options->dir, "The repository")->capture_default_str();
  app->add_flag("--detach", options->detach, "In the background");
  app->add_flag("--install-service", options->install_service,
                "Write a service for the user's session (systemd, launchd) and print how to start it");
  app->add_option("--budget", options->budget, "Time for one improvement")->capture_default_str();
  app->add_option("--check-budget", options->check_budget, "Time for verifying an applied change again")
      ->capture_default_str();
  app->add_option("--min-effect", options->min_effect, "The smallest speed-up worth claiming")->capture_default_str();
  app->add_option("--auto-apply", options->auto_apply,
                  "Apply proposals claimed at this confidence (0.99), and take them back when the gain is gone; "
                  "otherwise they stay branches")
      ->check(CLI::Range(0.5, 0.999999));
  app->add_option("--max-load", options->max_load, "Wait while others use more of the machine than this share")
      ->capture_default_str();
  app->add_option("--verifications", options->verifications, "At most so many candidates an improvement");
  app->add_option("--seed", options->seed, "Seed of searches and measurement order")->capture_default_str();
  app->add_flag("--on-battery", options->battery, "Work on battery too");
  app->add_flag("--observe-only", options->observe_only, "Look and remember; run nothing");
  app->add_option("--ready-fd", options->ready_fd)->group("");
  return {app, [options, &common] { return watch(*options, common); }};
}

}  // namespace jarvis2::app
