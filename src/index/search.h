// Finding code: full text, names, structure and vectors, fused into one order.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "index/meaning.h"
#include "index/store.h"

namespace jarvis2::index {

struct Query {
  std::string text;  // natural language, code or a symbol
  std::size_t limit = 10;
  std::vector<std::string> languages;  // any of these; empty: all
  std::vector<std::string> paths;      // globs or folders; any of these
  std::vector<std::string> kinds;      // "function", "class", ..., "text"; any of these
  bool vectors = true;                 // false: text and structure only
  std::vector<float> vector;           // the text's embedding where it is known already
};

struct Found {
  StoredChunk chunk;
  double score = 0;                                         // of about 1; comparable within one answer
  std::string text;                                         // of the chunk; empty when stale
  bool stale = false;                                       // the file is no longer as it was indexed
  double text_score = 0, name_score = 0, vector_score = 0;  // what it is made of
};

struct Answer {
  std::vector<Found> results;  // best first, at most one a place
  bool used_vectors = false;
  std::size_t chunks = 0, vectors = 0;  // in the index; fewer vectors than chunks: incomplete
  std::string note;                     // why vectors were not used; empty when they were
  double latency_ms = 0;                // all of it
  double cpu_ms = 0;                    // of this thread
  double embedding_ms = 0;              // of that, to embed the query
};

// What the order is made of; the defaults are tuned by bench/search-quality.
struct Weights {
  double text = 1.0;
  double vector = 2.5;
  double name = 0.45;
  double exact = 1.2;  // the query names this symbol
  double path = 0.25;
  double coherence = 0.12;  // other good chunks in the same file
  double graph = 0.06;      // called by, or calling, other good chunks
  double definition = 0.02;
  double test = 0.55;  // factors
  double prose = 0.55;
  double loose = 0.6;  // between symbols
};

// Reads one store; not thread-safe.
class Searcher {
 public:
  explicit Searcher(Store& store);
  // Embeds queries from now on; asked only when the store holds vectors of this model.
  void use(std::function<Embedder*(const std::string& model, std::string& reason)> embedder) {
    embedder_ = std::move(embedder);
  }
  ~Searcher();
  Answer search(const Query& query);
  // Chunks like the one that holds the line, without it. Throws Error when nothing is indexed there.
  Answer similar(const std::string& path, std::uint32_t line, const Query& filters);
  Weights weights;

 private:
  struct Candidate;
  struct Plan;
  void rank(const Plan& plan, std::vector<Candidate>& candidates);
  void finish(std::vector<Candidate>& candidates, const Query& query, Answer& answer);
  // The vector of a query, and why there is none.
  std::vector<float> embed(const Query& query, Answer& answer);
  Store& store_;
  std::unique_ptr<Meaning> meaning_;
  std::function<Embedder*(const std::string&, std::string&)> embedder_;
};

// The query names one symbol: one word with capitals, '_', "::", '.' or "()" in it.
bool is_symbol_query(const std::string& text);

}  // namespace jarvis2::index
