// Sentence embeddings of code with real model weights, on the CPU path.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace jarvis2::index {

inline constexpr std::size_t kEmbedding = 384;

// Thread-safe. Nothing is loaded before open().
class Embedder {
 public:
  virtual ~Embedder() = default;
  // One L2-normalised vector of 384 a text, concatenated. Texts are cut at the model's length.
  virtual std::vector<float> embed(const std::vector<std::string>& texts) = 0;
  virtual std::string digest() const = 0;  // of the weights: names the model in stores and cards
  virtual std::string name() const = 0;
  virtual std::size_t dimensions() const { return kEmbedding; }
};

// all-MiniLM-L6-v2 from deps_dir()/models; null with `reason` set when its files are missing or damaged.
std::unique_ptr<Embedder> open_embedder(std::string& reason);

}  // namespace jarvis2::index
