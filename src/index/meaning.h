// Vectors of a repository's chunks: filled by and by, found by likeness.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "index/embedder.h"
#include "index/store.h"
#include "index/vectors.h"

namespace jarvis2::index {

struct FillOptions {
  double seconds = 0;  // stop after about so long; 0: when all are done
  std::function<void(std::size_t have, std::size_t of)> progress;
};

struct FillReport {
  std::size_t have = 0, of = 0;  // chunks with a vector, chunks
  std::size_t embedded = 0;      // in this run
  std::size_t damaged = 0;       // found damaged and made again
  double seconds = 0;
};

// Embeds the chunks that have no vector by this model, files that others use most first, in batches that stay after a
// kill. Equal chunks are embedded once. One writer at a time, as for Store::update.
FillReport fill_vectors(Store& store, Embedder& embedder, const FillOptions& options, std::stop_token stop = {});

struct LikeChunk {
  std::int64_t chunk = 0;
  float score = 0;  // cosine
};

// The vectors of a store as a reader sees them.
class Meaning {
 public:
  // Null when the store has no vectors.
  static std::unique_ptr<Meaning> open(Store& store);
  const std::string& model() const { return model_; }  // Embedder::digest of what filled it
  const std::string& model_name() const { return name_; }
  // The chunks nearest to a normalised vector, best first. Damaged rows are left out.
  std::vector<LikeChunk> nearest(std::span<const float> vector, std::size_t count);
  // The vector of a chunk; nothing where it has none yet.
  std::optional<std::vector<float>> vector_of(const StoredChunk& chunk);

 private:
  Meaning(Store& store, std::string model, std::string name, std::size_t dimensions, std::size_t count);
  Store& store_;
  std::string model_, name_;
  VectorFile file_;
  Statement slot_;
  std::size_t count_;
  VectorView view_;
  float loss_;
};

// Chunks with a vector, from the last update or fill.
std::size_t vectors_have(Store& store);
// What a model reads of a chunk.
std::string embedded_text(const StoredChunk& chunk, const std::string& text);

}  // namespace jarvis2::index
