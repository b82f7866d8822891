// Our side of bench/search-quality and bench/index: opens an index once, embeds the queries of a JSON file once, then
// answers lines of "name=value ..." (weights; "vectors=0": without vectors; "limit=N") on stdin with one line of JSON:
// the results and the latencies of all queries.
#include <fmt/format.h>

#include <iostream>
#include <map>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "index/search.h"

namespace {

using namespace jarvis2;

std::map<std::string, double index::Weights::*> weights() {
  using W = index::Weights;
  return {{"text", &W::text}, {"vector", &W::vector},       {"name", &W::name},   {"exact", &W::exact},
          {"path", &W::path}, {"coherence", &W::coherence}, {"graph", &W::graph}, {"definition", &W::definition},
          {"test", &W::test}, {"prose", &W::prose},         {"loose", &W::loose}};
}

int run(int argc, char** argv) {
  if (argc < 3) throw Error("bench_search_quality", "usage: bench_search_quality ROOT QUERIES.json");
  index::Store store(argv[1]);
  std::vector<std::string> texts;
  for (const Json& one : Json::parse(read_file(argv[2]))) texts.push_back(one.get<std::string>());
  index::Searcher searcher(store);
  std::vector<float> vectors;
  std::string reason;
  if (const std::unique_ptr<index::Embedder> embedder = index::open_embedder(reason)) vectors = embedder->embed(texts);
  const std::size_t dimensions = texts.empty() ? 0 : vectors.size() / texts.size();
  const index::Weights defaults;
  for (std::string line; std::getline(std::cin, line);) {
    searcher.weights = defaults;
    bool use_vectors = !vectors.empty();
    std::size_t limit = 10;
    std::istringstream words(line);
    for (std::string word; words >> word;) {
      const std::size_t equal = word.find('=');
      const std::string name = word.substr(0, equal);
      const double value = std::stod(word.substr(equal + 1));
      if (name == "vectors") {
        use_vectors = use_vectors && value != 0;
      } else if (name == "limit") {
        limit = static_cast<std::size_t>(value);
      } else {
        searcher.weights.*weights().at(name) = value;
      }
    }
    Json answers = Json::array();
    for (std::size_t i = 0; i < texts.size(); ++i) {
      index::Query query;
      query.text = texts[i];
      query.limit = limit;
      query.vectors = use_vectors;
      if (use_vectors) query.vector.assign(&vectors[i * dimensions], &vectors[i * dimensions] + dimensions);
      const index::Answer answer = searcher.search(query);
      Json results = Json::array();
      for (const index::Found& found : answer.results) {
        results.push_back({found.chunk.path, found.chunk.line, found.chunk.end_line, found.chunk.name});
      }
      answers.push_back({{"results", results}, {"ms", answer.latency_ms}, {"cpu_ms", answer.cpu_ms}});
    }
    std::cout << answers.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 2;
  }
}
