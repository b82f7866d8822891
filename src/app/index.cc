// jarvis2 index: brings a repository's index up to date.
#include <fmt/format.h>

#include <memory>

#include "app/app.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/log.h"
#include "index/meaning.h"
#include "index/store.h"

namespace jarvis2::app {
namespace {

struct IndexOptions {
  std::string dir = ".";
  std::vector<std::string> paths;
  bool rebuild = false;
  bool no_vectors = false;
  double seconds = 30;
};

// Given from where the user stands, or relative to the root.
std::string relative_to(const fs::path& root, const std::string& path) {
  const fs::path full = fs::weakly_canonical(path);
  const fs::path below = full.lexically_relative(root);
  if (fs::exists(full) && !below.empty() && *below.begin() != "..") return below.generic_string();
  return fs::path(path).lexically_normal().generic_string();
}

int index_command(const IndexOptions& options, const Common& common) {
  index::Store store(index::index_root(options.dir));
  if (options.rebuild) store.rebuild();
  index::UpdateOptions update;
  for (const std::string& path : options.paths) update.paths.push_back(relative_to(store.root(), path));
  const index::UpdateReport report = store.update(update, interrupt_token());
  // Text and structure can be searched from here on.
  index::FillReport vectors;
  std::string note;
  if (options.no_vectors) {
    note = "not asked for";
  } else if (const std::unique_ptr<index::Embedder> embedder = index::open_embedder(note)) {
    index::FillOptions fill;
    fill.seconds = options.seconds;
    vectors = index::fill_vectors(store, *embedder, fill, interrupt_token());
    check_interrupt();
  }
  if (common.json) {
    Json skipped = Json::object();
    for (const auto& [reason, count] : report.skipped) skipped[reason] = count;
    const Json json = {{"root", store.root().string()},
                       {"files", report.files},
                       {"added", report.added},
                       {"changed", report.changed},
                       {"removed", report.removed},
                       {"unchanged", report.unchanged},
                       {"skipped", skipped},
                       {"bytes", report.bytes},
                       {"chunks", report.chunks},
                       {"symbols", report.symbols},
                       {"rebuilt", report.rebuilt},
                       {"seconds", report.seconds},
                       {"vectors",
                        {{"have", vectors.have},
                         {"of", report.chunks},
                         {"embedded", vectors.embedded},
                         {"damaged", vectors.damaged},
                         {"seconds", vectors.seconds},
                         {"note", note}}}};
    fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
    return kDone;
  }
  fmt::print("{} files, {} chunks, {} symbols ({} added, {} changed, {} removed) in {:.2f} s\n", report.files,
             report.chunks, report.symbols, report.added, report.changed, report.removed, report.seconds);
  for (const auto& [reason, count] : report.skipped) fmt::print("  left out: {} {}\n", count, reason);
  if (vectors.of > 0) {
    fmt::print("vectors: {} of {} chunks ({} made in {:.1f} s){}\n", vectors.have, vectors.of, vectors.embedded,
               vectors.seconds, vectors.have < vectors.of ? "; run it again to go on" : "");
  } else if (!options.no_vectors) {
    fmt::print("no vectors: {}; search works on text and structure\n", note);
  }
  return kDone;
}

}  // namespace

Command add_index(CLI::App& root, Common& common) {
  CLI::App* app = root.add_subcommand("index", "Build or refresh the index of a repository's code");
  const std::shared_ptr<IndexOptions> options = std::make_shared<IndexOptions>();
  app->add_option("dir", options->dir, "The repository, or a folder")->check(CLI::ExistingDirectory);
  app->add_option("--path", options->paths, "Only these files (changed, new or deleted)");
  app->add_flag("--no-vectors", options->no_vectors, "Text and structure only");
  app->add_option("--vector-seconds", options->seconds,
                  "Time for vectors; the next run goes on; 0: until all are there")
      ->capture_default_str();
  app->add_flag("--rebuild", options->rebuild, "Throw the old index away first");
  return {app, [options, &common] { return index_command(*options, common); }};
}

}  // namespace jarvis2::app
