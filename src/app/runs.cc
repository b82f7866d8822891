// jarvis2 log, show, apply, undo: the runs of a repository and what became of them.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>

#include "app/app.h"
#include "app/progress.h"
#include "app/result_text.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "edit/catalogue.h"
#include "edit/journal.h"
#include "engine/run_store.h"
#include "project/lock.h"
#include "project/repository.h"

namespace jarvis2::app {
namespace {

struct RunsOptions {
  std::string dir = ".";
  std::string id = "last";
  std::string only;
  bool patch = false;
};

// The repository's runs and applied journals; mends what a killed apply left.
struct Place {
  project::Repository repository;
  fs::path state;
  engine::RunStore store;
  edit::ApplyLog applied;
  explicit Place(const std::string& dir)
      : repository(project::Repository::open(dir)),
        state(repository.state_dir()),
        store(state),
        applied(repository.root(), state) {}
  void recover() {
    for (const std::string& line : applied.recover()) log::warning("{}", line);
  }
  // "applied", "undone" or "proposed".
  std::string state_of(const std::string& id) const {
    std::string name = "proposed";
    for (const edit::Journal& journal : applied.journals()) {
      if (journal.id == id && journal.state != edit::ApplyState::kRolledBack) name = edit::state_name(journal.state);
    }
    return name;
  }
};

std::vector<int> parse_numbers(const std::string& text) {
  std::vector<int> numbers;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    int number = 0;
    const std::from_chars_result parsed = std::from_chars(text.data() + at, text.data() + end, number);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + end || number < 1) {
      throw Error("app::apply", "--only " + text + ": write the numbers of actions, as 2,5 (jarvis2 show lists them)");
    }
    numbers.push_back(number);
    at = end + 1;
  }
  return numbers;
}

// The texts that the chosen actions of a run make, from its bundle.
project::Texts bundle_texts(const Place& place, const std::string& id, const std::string& only) {
  const Json bundle = Json::parse(read_file(place.store.folder(id) / "bundle.json"));
  const std::string base = bundle.at("base");
  edit::Catalogue catalogue;
  std::map<edit::ActionId, edit::ActionId> ids;  // of the run → here
  std::vector<edit::ActionId> in_order;
  for (const Json& one : bundle.at("actions")) {
    edit::Action action;
    action.rule = one.at("rule");
    action.title = one.at("title");
    const std::string kind = one.at("kind");
    for (const edit::Kind each :
         {edit::Kind::kRewrite, edit::Kind::kOption, edit::Kind::kConstant, edit::Kind::kCompile, edit::Kind::kModel}) {
      if (edit::kind_name(each) == kind) action.kind = each;
    }
    for (const Json& part : one.at("replacements")) {
      action.replacements.push_back(
          {part.at("path"), part.at("base_sha256"), {part.at("begin"), part.at("end")}, part.at("text")});
    }
    for (const Json& need : one.at("requires")) action.requires_actions.push_back(ids.at(need.get<edit::ActionId>()));
    for (const Json& need : one.at("supersedes")) action.supersedes.push_back(ids.at(need.get<edit::ActionId>()));
    const edit::ActionId here = catalogue.add(std::move(action));
    ids[one.at("id").get<edit::ActionId>()] = here;
    in_order.push_back(here);
  }
  edit::ActionSet set = in_order;
  if (!only.empty()) {
    set.clear();
    for (const int number : parse_numbers(only)) {
      if (static_cast<std::size_t>(number) > in_order.size()) {
        throw Error("app::apply", fmt::format("--only {}: the run has {} actions", only, in_order.size()));
      }
      set.push_back(in_order[static_cast<std::size_t>(number) - 1]);
    }
  }
  set = catalogue.closure(set);
  project::Texts texts;
  const edit::BaseReader reader = [&](const std::string& path) { return place.repository.read(base, path); };
  for (auto& [path, file] : edit::materialise(catalogue, set, reader)) texts[path] = file.text;
  return texts;
}

int show(const RunsOptions& options, const Common& common) {
  Place place(options.dir);
  place.recover();
  const std::string id = place.store.resolve(options.id);
  Json result = place.store.result(id);
  result["state"] = place.state_of(id);
  if (options.patch) {
    fmt::print("{}", result["patch"].get<std::string>());
  } else if (common.json) {
    fmt::print("{}\n", result.dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    fmt::print("{} ({})\n{}", id, result["state"].get<std::string>(), improve_text(result, stdout_colors()));
  }
  return kDone;
}

int list(const RunsOptions& options, const Common& common) {
  Place place(options.dir);
  place.recover();
  Json runs = Json::array();
  for (const std::string& id : place.store.list()) {
    const Json result = place.store.result(id);
    runs.push_back({{"id", id},
                    {"verdict", result["verdict"]},
                    {"speedup", result["speedup"]},
                    {"actions", result["actions"].size()},
                    {"commit", result["baseline"]["commit"]},
                    {"state", result["verdict"] == "faster" ? Json(place.state_of(id)) : Json()}});
  }
  if (common.json) {
    fmt::print("{}\n", Json{{"runs", runs}}.dump(2));
    return kDone;
  }
  if (runs.empty()) fmt::print("no runs yet; start one with jarvis2 improve\n");
  for (const Json& run : runs) {
    const std::string ratio =
        run["speedup"].is_object() ? fmt::format("{:.3f}x", run["speedup"]["estimate"].get<double>()) : "";
    fmt::print("{}  {:<11} {:>8}  {:>2} actions  {}  {}\n", run["id"].get<std::string>(),
               run["verdict"].get<std::string>(), ratio, run["actions"].get<std::size_t>(),
               run["commit"].get<std::string>().substr(0, 10),
               run["state"].is_string() ? run["state"].get<std::string>() : "");
  }
  return kDone;
}

void print_journal(const edit::Journal& journal, const char* verb, const std::string& next, const Common& common) {
  if (common.json) {
    Json json = {{"id", journal.id}, {"state", edit::state_name(journal.state)}, {"files", Json::array()}};
    for (const edit::JournalFile& file : journal.files) json["files"].push_back(file.path);
    fmt::print("{}\n", json.dump(2));
    return;
  }
  fmt::print("{} {}: {} file{}\n", verb, journal.id, journal.files.size(), journal.files.size() == 1 ? "" : "s");
  for (const edit::JournalFile& file : journal.files) fmt::print("  {}\n", file.path);
  fmt::print("Next: {}\n", next);
}

int apply(const RunsOptions& options, const Common& common) {
  Place place(options.dir);
  const project::RunLock lock(place.state, "apply");
  place.recover();
  const std::string id = place.store.resolve(options.id);
  const Json result = place.store.result(id);
  if (result["verdict"] != "faster")
    throw Error("app::apply", id + " found nothing faster; there is no patch to apply");
  if (place.state_of(id) == "applied")
    throw Error("app::apply", id + " is applied already; jarvis2 undo takes it back");
  const std::string base = result["baseline"]["commit"];
  const project::Texts after = bundle_texts(place, id, options.only);
  project::Texts before;
  for (const auto& [path, text] : after) before[path] = place.repository.read(base, path);
  const edit::Journal journal = place.applied.apply(id, before, after);
  if (!options.only.empty())
    log::warning("a part of the champion was applied: its speed-up was not measured by itself (jarvis2 verify can)");
  print_journal(journal, "applied", "git diff · jarvis2 undo takes it back", common);
  return kDone;
}

int undo(const RunsOptions& options, const Common& common) {
  Place place(options.dir);
  const project::RunLock lock(place.state, "undo");
  place.recover();
  const std::string id = options.id.empty() ? "" : place.store.resolve(options.id);
  print_journal(place.applied.undo(id), "undone", "jarvis2 log", common);
  return kDone;
}

Command add(CLI::App& root, Common& common, const char* name, const char* help, const char* id_help,
            int (*run)(const RunsOptions&, const Common&)) {
  CLI::App* app = root.add_subcommand(name, help);
  std::shared_ptr<RunsOptions> options = std::make_shared<RunsOptions>();
  if (id_help != nullptr) app->add_option("id", options->id, id_help);
  app->add_option("-C,--dir", options->dir, "Folder of the project");
  if (run == show) app->add_flag("--patch", options->patch, "Only the patch");
  if (run == apply) app->add_option("--only", options->only, "Only these actions and what they need, as 2,5");
  if (run == undo) options->id.clear();
  return {app, [options, &common, run] { return run(*options, common); }};
}

}  // namespace

Command add_show(CLI::App& root, Common& common) {
  return add(root, common, "show", "Show a run", "Id or its beginning (default: the last run)", show);
}
Command add_log(CLI::App& root, Common& common) {
  return add(root, common, "log", "List the runs", nullptr, list);
}
Command add_apply(CLI::App& root, Common& common) {
  return add(root, common, "apply", "Change the tree as a run found best",
             "Id or its beginning (default: the last run)", apply);
}
Command add_undo(CLI::App& root, Common& common) {
  return add(root, common, "undo", "Take the last applied run back", "Id of the run (default: the newest applied one)",
             undo);
}

}  // namespace jarvis2::app
