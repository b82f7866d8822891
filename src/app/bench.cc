// jarvis2 bench NAME: our figures beside the peers', from the programs of bench/.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "app/app.h"
#include "base/error.h"
#include "base/executable.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/log.h"
#include "base/process.h"

namespace jarvis2::app {
namespace {

constexpr std::array<const char*, 13> kNames = {"mcts",  "neural",         "memory", "lanes", "similarity", "index",
                                                "embed", "search-quality", "parse",  "judge", "patterns",   "meta",
                                                "real"};

struct BenchOptions {
  std::string name;
  std::vector<std::string> arguments;
};

bool is_program(const fs::path& file) {
  std::error_code ignored;
  return fs::is_regular_file(file, ignored) && ::access(file.c_str(), X_OK) == 0;
}

// bench/NAME/run of what was shipped with this program, else the built bench_NAME beside it.
fs::path find_benchmark(const std::string& name, const fs::path& program) {
  const fs::path script = data_dir() / "bench" / name / "run";
  if (is_program(script)) return script;
  std::string built = "bench_" + name;
  std::replace(built.begin(), built.end(), '-', '_');
  return is_program(program.parent_path() / built) ? program.parent_path() / built : fs::path();
}

std::string cell(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_number() ? fmt::format("{:.4g}", value.get<double>()) : "-";
}

void print(const Json& results) {
  for (const Json& result : results) {
    fmt::print("{}: {} {}\n", result.value("name", "?"), cell(result.value("ours", Json())), result.value("unit", ""));
    for (const Json& peer : result.value("peers", Json::array())) {
      const Json ratio = peer.value("ratio", Json());
      fmt::print("    {}: {}{}\n", peer.value("name", "?"), cell(peer.value("value", Json())),
                 ratio.is_number() ? fmt::format(" (ratio {:.3g})", ratio.get<double>()) : "");
    }
  }
}

int run(const BenchOptions& options, const Common& common) {
  if (std::find(kNames.begin(), kNames.end(), options.name) == kNames.end()) {
    throw Error("app::bench",
                fmt::format("no benchmark is called \"{}\"; there are {}", options.name, fmt::join(kNames, ", ")));
  }
  const fs::path program = executable_path();
  const fs::path benchmark = find_benchmark(options.name, program);
  if (benchmark.empty()) {
    throw Error("app::bench", fmt::format("the benchmark \"{}\" is not here: neither bench/{}/run nor bench_{} beside "
                                          "the program; `make build-all` builds them",
                                          options.name, options.name, options.name));
  }
  SpawnOptions spawn;
  spawn.argv = {benchmark.string()};
  spawn.argv.insert(spawn.argv.end(), options.arguments.begin(), options.arguments.end());
  spawn.argv.emplace_back("--json");
  spawn.env = {{"JARVIS2_BIN", program.string()}};
  // Its messages are ours, as they come.
  const int messages = common.quiet ? -1 : ::dup(STDERR_FILENO);
  if (messages >= 0) {
    spawn.inherit_fds = {messages};
    spawn.in_child = [messages] { return ::dup2(messages, STDERR_FILENO) < 0 ? errno : 0; };
  }
  const ProcessResult result = run_process(spawn, 0, interrupt_token());
  if (messages >= 0) ::close(messages);
  if (result.cancelled) throw Interrupted();
  Json json;
  try {
    json = Json::parse(result.out);
  } catch (const Json::exception&) {
    json = nullptr;
  }
  if (!json.is_object() || !json.contains("results")) {
    std::string tail = result.err.substr(result.err.size() - std::min<std::size_t>(result.err.size(), 400));
    while (tail.ends_with('\n')) tail.pop_back();
    throw Error("app::bench", fmt::format("{} ended with status {} and no results{}{}", benchmark.string(),
                                          result.exit_code, tail.empty() ? "" : ": ", tail));
  }
  if (common.json) {
    fmt::print("{}\n", json.dump(2));
  } else {
    print(json["results"]);
  }
  return result.exit_code < 0 ? kError : result.exit_code;
}

}  // namespace

Command add_bench(CLI::App& root, Common& common) {
  CLI::App* app = root.add_subcommand("bench", "Our figures beside the peers', one run");
  const std::shared_ptr<BenchOptions> options = std::make_shared<BenchOptions>();
  app->add_option("NAME", options->name, fmt::format("{}", fmt::join(kNames, ", ")))->required();
  app->add_option("arguments", options->arguments, "For the benchmark itself, after --");
  return {app, [options, &common] { return run(*options, common); }};
}

}  // namespace jarvis2::app
