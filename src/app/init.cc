// jarvis2 init: writes jarvis2.toml from what it finds.
#include <fmt/format.h>

#include <memory>

#include "app/app.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/log.h"
#include "project/detect.h"
#include "project/repository.h"

namespace jarvis2::app {
namespace {

struct InitOptions {
  std::string dir = ".";
  bool force = false;
};

// The root of the repository that holds `dir`, or `dir` itself outside of any.
fs::path project_root(const std::string& dir, bool& is_repository) {
  try {
    is_repository = true;
    return project::Repository::open(dir).root();
  } catch (const Error& error) {
    is_repository = false;
    std::error_code ignored;
    if (!fs::is_directory(dir, ignored)) throw;
    log::warning("{}", error.message());
    return fs::absolute(dir);
  }
}

std::string next_step(const project::Detection& found) {
  if (found.settings.test.empty()) return "write project.test into jarvis2.toml, then run `jarvis2 improve`";
  if (found.settings.bench.empty()) return "write project.bench into jarvis2.toml, then run `jarvis2 improve`";
  if (!found.missing.empty())
    return fmt::format("install {}, then run `jarvis2 improve`", fmt::join(found.missing, ", "));
  if (found.bench_is_candidate) return "improve the candidate benchmark in jarvis2.toml, then run `jarvis2 improve`";
  return "check jarvis2.toml, then run `jarvis2 improve`";
}

int init(const InitOptions& options, const Common& common) {
  bool is_repository = false;
  const fs::path root = project_root(options.dir, is_repository);
  const fs::path file = root / project::kSettingsFile;
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(file, ignored)) && !options.force) {
    throw Error("app::init", fmt::format("{} exists; edit it, or write a new one with --force", file.string()));
  }
  project::Detection found = project::detect(root);
  if (found.settings.bench.empty() && !found.settings.test.empty() && is_repository) {
    log::info("no benchmark found: running the tests to find the slowest");
    project::propose_bench(root, found, 300, interrupt_token());
  }
  check_interrupt();
  write_file_atomic(file, project::to_toml(found.settings, found.comments));
  for (const std::string& note : found.notes) log::warning("{}", note);
  if (!found.missing.empty()) log::warning("not installed: {}", fmt::join(found.missing, ", "));
  const std::string next = next_step(found);
  if (common.json) {
    const Json json = {{"path", file.string()},
                       {"systems", found.systems},
                       {"setup", found.settings.setup},
                       {"build", found.settings.build},
                       {"test", found.settings.test},
                       {"bench", found.settings.bench},
                       {"bench_is_candidate", found.bench_is_candidate},
                       {"ignore_output", found.settings.ignore_output},
                       {"complete", found.complete()},
                       {"missing", found.missing},
                       {"notes", found.notes},
                       {"next", next}};
    fmt::print("{}\n", json.dump(2));
  } else {
    fmt::print("{}\n", file.string());
    log::info("next: {}", next);
  }
  return found.systems.empty() ? kNotFound : kDone;
}

}  // namespace

Command add_init(CLI::App& root, Common& common) {
  CLI::App* app = root.add_subcommand("init", "Write jarvis2.toml from what is found");
  const std::shared_ptr<InitOptions> options = std::make_shared<InitOptions>();
  app->add_option("DIR", options->dir, "The project's folder")->capture_default_str();
  app->add_flag("--force", options->force, "Replace an existing jarvis2.toml");
  return {app, [options, &common] { return init(*options, common); }};
}

}  // namespace jarvis2::app
