// The command line: one file a command, each registered here.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace jarvis2::app {

// Parses, runs the command, turns errors into one line on stderr and an exit status.
int run(int argc, char** argv);

// What every command shares.
struct Common {
  bool json = false;
  bool quiet = false;
  bool verbose = false;
};

// A command adds its options to its own subcommand and sets `action`, which returns the exit status.
struct Command {
  CLI::App* app = nullptr;
  std::function<int()> action;
};

// One function a command, in the file of its name: adds the subcommand to `root`.
Command add_hw(CLI::App& root, Common& common);
Command add_top(CLI::App& root, Common& common);
Command add_init(CLI::App& root, Common& common);
Command add_audit(CLI::App& root, Common& common);
Command add_compare(CLI::App& root, Common& common);
Command add_improve(CLI::App& root, Common& common);
Command add_show(CLI::App& root, Common& common);
Command add_log(CLI::App& root, Common& common);
Command add_apply(CLI::App& root, Common& common);
Command add_undo(CLI::App& root, Common& common);
Command add_verify(CLI::App& root, Common& common);
Command add_model(CLI::App& root, Common& common);
Command add_calibrate(CLI::App& root, Common& common);
Command add_bench(CLI::App& root, Common& common);
Command add_index(CLI::App& root, Common& common);
Command add_search(CLI::App& root, Common& common);
Command add_graph(CLI::App& root, Common& common);

}  // namespace jarvis2::app
