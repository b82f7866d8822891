// jarvis2 search: finds code by words, names, meaning, or likeness to a place.
#include "index/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "app/app.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/log.h"

namespace jarvis2::app {
namespace {

using index::Answer;
using index::Found;

struct SearchOptions {
  std::string query;
  std::string dir = ".";
  std::string similar;
  std::size_t lines = 6;
  bool no_vectors = false;
  index::Query filters;
};

std::string snippet(const std::string& text, std::size_t lines) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < lines && end != std::string::npos; ++i) end = text.find('\n', i == 0 ? 0 : end + 1);
  std::string cut = end == std::string::npos ? text : text.substr(0, end);
  if (cut.size() > 2000) cut.resize(2000);
  return cut;
}

Json as_json(const Answer& answer, std::size_t lines) {
  Json results = Json::array();
  for (const Found& found : answer.results) {
    results.push_back({{"path", found.chunk.path},
                       {"start_line", found.chunk.line},
                       {"end_line", found.chunk.end_line},
                       {"symbol", found.chunk.name.empty() ? Json(nullptr) : Json(found.chunk.name)},
                       {"kind", found.chunk.kind},
                       {"language", found.chunk.language},
                       {"score", found.score},
                       {"stale", found.stale},
                       {"snippet", snippet(found.text, lines)}});
  }
  return {{"results", results},
          {"latency_ms", answer.latency_ms},
          {"embedding_ms", answer.embedding_ms},
          {"vectors",
           {{"used", answer.used_vectors}, {"have", answer.vectors}, {"of", answer.chunks}, {"note", answer.note}}}};
}

void print_text(const Answer& answer, std::size_t lines) {
  for (const Found& found : answer.results) {
    fmt::print("{}:{}-{}  {}{}  {:.3f}\n", found.chunk.path, found.chunk.line, found.chunk.end_line,
               found.chunk.name.empty() ? found.chunk.kind : found.chunk.kind + " " + found.chunk.name,
               found.stale ? "  (changed since it was indexed)" : "", found.score);
    const std::string text = snippet(found.text, lines);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      fmt::print("    {}\n", text.substr(at, end - at));
      at = end + 1;
    }
  }
}

int search(const SearchOptions& options, const Common& common) {
  index::Store store(index::index_root(options.dir));
  if (store.empty()) {
    log::info("no index yet: building it");
    store.update({}, interrupt_token());
  }
  std::unique_ptr<index::Embedder> embedder;
  const auto ask = [&] {
    index::Searcher searcher(store);
    searcher.use([&](const std::string& model, std::string& reason) -> index::Embedder* {
      if (!embedder) embedder = index::open_embedder(reason);
      if (!embedder) return nullptr;
      if (embedder->digest() == model) return embedder.get();
      reason = "the vectors are of another model (`jarvis2 index` makes them anew)";
      return nullptr;
    });
    if (options.similar.empty()) {
      index::Query query = options.filters;
      query.text = options.query;
      query.vectors = !options.no_vectors;
      return searcher.search(query);
    }
    const std::size_t colon = options.similar.rfind(':');
    std::uint32_t line = 0;
    const char* end = options.similar.data() + options.similar.size();
    if (colon == std::string::npos || std::from_chars(options.similar.data() + colon + 1, end, line).ptr != end ||
        line == 0) {
      throw Error("app::search", options.similar + ": --similar takes FILE:LINE");
    }
    const std::string path = options.similar.substr(0, colon);
    const fs::path full = fs::weakly_canonical(path);
    const std::string below = full.lexically_relative(store.root()).generic_string();
    return searcher.similar(fs::exists(full) && !below.starts_with("..") ? below : path, line, options.filters);
  };
  Answer answer;
  try {
    answer = ask();
  } catch (const index::Corrupt& damage) {
    log::warning("the index was damaged ({}): rebuilding it", damage.what());
    store.rebuild();
    store.update({}, interrupt_token());
    answer = ask();
  }
  if (common.json) {
    fmt::print("{}\n", as_json(answer, options.lines).dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    print_text(answer, options.lines);
  }
  if (!common.quiet && !common.json) {
    if (answer.results.empty()) log::info("nothing found");
    if (!answer.note.empty()) log::info("{}", answer.note);
    const bool stale =
        std::any_of(answer.results.begin(), answer.results.end(), [](const Found& f) { return f.stale; });
    if (stale) log::info("some files changed since they were indexed: run `jarvis2 index`");
  }
  return answer.results.empty() ? kNotFound : kDone;
}

}  // namespace

Command add_search(CLI::App& root, Common& common) {
  CLI::App* app = root.add_subcommand("search", "Find code by words, names or meaning");
  const std::shared_ptr<SearchOptions> options = std::make_shared<SearchOptions>();
  app->add_option("query", options->query, "What to look for: words, a question, code or a symbol");
  app->add_option("--dir", options->dir, "The repository, or a folder")->check(CLI::ExistingDirectory);
  app->add_option("--similar", options->similar, "Code like that at FILE:LINE instead of a query");
  app->add_option("-n,--limit", options->filters.limit, "At most so many results")->check(CLI::Range(1, 1000));
  app->add_option("--language", options->filters.languages, "Only these languages")->delimiter(',');
  app->add_option("--path", options->filters.paths, "Only these folders, files or globs")->delimiter(',');
  app->add_option("--kind", options->filters.kinds, "Only these kinds: function, method, class, ..., code, text")
      ->delimiter(',');
  app->add_option("--lines", options->lines, "Lines of each result to show");
  app->add_flag("--no-vectors", options->no_vectors, "Search text and structure only");
  return {app, [options, &common] {
            if (options->query.empty() == options->similar.empty())
              throw Error("app::search", "give a query, or --similar FILE:LINE");
            return search(*options, common);
          }};
}

}  // namespace jarvis2::app
