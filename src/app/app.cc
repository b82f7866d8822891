#include "app/app.h"

#include <cstdio>
#include <exception>
#include <vector>

#include "app/watch.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "memory/zones.h"

namespace jarvis2::app {

int run(int argc, char** argv) {
  install_interrupt_handlers();
  CLI::App root("jarvis2 makes code faster and proves it.", "jarvis2");
  root.set_version_flag("--version", "jarvis2 0.1.0");
  root.require_subcommand(1);
  root.fallthrough();
  Common common;
  root.add_flag("--json", common.json, "Print the result as JSON on stdout");
  root.add_flag("-q,--quiet", common.quiet, "No progress");
  root.add_flag("-v,--verbose", common.verbose, "More messages");
  std::vector<Command> commands;
  commands.push_back(add_hw(root, common));
  commands.push_back(add_top(root, common));
  commands.push_back(add_improve(root, common));
  commands.push_back(add_verify(root, common));
  commands.push_back(add_show(root, common));
  commands.push_back(add_log(root, common));
  commands.push_back(add_apply(root, common));
  commands.push_back(add_undo(root, common));
  commands.push_back(add_init(root, common));
  commands.push_back(add_audit(root, common));
  commands.push_back(add_compare(root, common));
  commands.push_back(add_model(root, common));
  commands.push_back(add_calibrate(root, common));
  commands.push_back(add_bench(root, common));
  commands.push_back(add_index(root, common));
  commands.push_back(add_search(root, common));
  commands.push_back(add_graph(root, common));
  commands.push_back(add_watch(root, common));
  commands.push_back(add_status(root, common));
  commands.push_back(add_stop(root, common));
  try {
    root.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return root.exit(success);
  } catch (const CLI::ParseError& error) {
    log::error("{} (see jarvis2 --help)", error.what());
    return kError;
  }
  if (common.verbose) log::set_level(log::Level::kDebug);
  if (common.quiet) log::set_level(log::Level::kWarning);
  try {
    for (const Command& command : commands) {
      if (command.app->parsed()) return command.action();
    }
    return kError;
  } catch (const Interrupted&) {
    log::error("interrupted");
    return kInterrupted;
  } catch (const Error& error) {
    if (interrupted()) return kInterrupted;
    log::error("{}", error.message());
  } catch (const memory::ZoneFull& error) {
    log::error("{}", error.what());
  } catch (const std::bad_alloc&) {
    log::error("out of memory");
  } catch (const std::exception& error) {
    if (interrupted()) return kInterrupted;
    log::error("{}", error.what());
  }
  return kError;
}

}  // namespace jarvis2::app
