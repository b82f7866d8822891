#include "index/embedder.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <numeric>
#include <thread>

#include "base/error.h"
#include "base/hash.h"
#include "base/safetensors.h"
#include "index/dense.h"
#include "index/wordpiece.h"

namespace jarvis2::index {
namespace {

constexpr std::size_t kWidth = 384, kHeads = 12, kHead = kWidth / kHeads, kInner = 1536, kLayers = 6;
constexpr std::size_t kLimit = 128;  // tokens of a text; sites are short
constexpr float kEpsilon = 1e-12f;

struct Norm {
  std::vector<float> scale, shift;
};

struct Layer {
  Dense query, key, value, output, up, down;
  Norm attention, result;
};

// all-MiniLM-L6-v2: BERT with 6 layers, masked mean pooling, L2 norm [Reimers & Gurevych 2019; Wang et al. 2020].
class MiniLm final : public Embedder {
 public:
  explicit MiniLm(const fs::path& folder) : tokens_(folder / "vocab.txt"), file_(folder / "model.safetensors") {
    words_ = file_.floats("embeddings.word_embeddings.weight",
                          file_.tensors().at("embeddings.word_embeddings.weight").shape);
    vocabulary_ = words_.size() / kWidth;
    positions_ = file_.floats("embeddings.position_embeddings.weight", {512, kWidth});
    types_ = file_.floats("embeddings.token_type_embeddings.weight", {2, kWidth});
    first_ = norm("embeddings.LayerNorm");
    for (std::size_t i = 0; i < kLayers; ++i) {
      const std::string at = fmt::format("encoder.layer.{}.", i);
      layers_[i] = {dense(at + "attention.self.query", kWidth, kWidth),
                    dense(at + "attention.self.key", kWidth, kWidth),
                    dense(at + "attention.self.value", kWidth, kWidth),
                    dense(at + "attention.output.dense", kWidth, kWidth),
                    dense(at + "intermediate.dense", kWidth, kInner),
                    dense(at + "output.dense", kInner, kWidth),
                    norm(at + "attention.output.LayerNorm"),
                    norm(at + "output.LayerNorm")};
    }
    // The digest names the weights, not the file's layout: a sample of every tensor is enough to tell models apart.
    std::string sample;
    for (const auto& [name, info] : file_.tensors()) {
      if (info.dtype != "F32") continue;
      const std::span<const float> values = file_.floats(name, info.shape);
      sample += name;
      for (std::size_t i = 0; i < values.size(); i += 1 + values.size() / 64) {
        sample.append(reinterpret_cast<const char*>(&values[i]), sizeof(float));
      }
    }
    digest_ = sha256_hex(sample).substr(0, 16);
  }

  std::vector<float> embed(const std::vector<std::string>& texts) override {
    std::vector<float> result(texts.size() * kEmbedding);
    std::vector<std::vector<std::uint32_t>> ids(texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) ids[i] = tokens_.encode(texts[i], kLimit);
    // Equal texts are computed once; the longest go first so that threads end together.
    std::vector<std::size_t> order(texts.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return ids[a].size() != ids[b].size() ? ids[a].size() > ids[b].size() : ids[a] < ids[b];
    });
    std::vector<std::size_t> leader(texts.size());
    std::vector<std::size_t> work;
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i > 0 && ids[order[i]] == ids[order[i - 1]]) {
        leader[order[i]] = leader[order[i - 1]];
      } else {
        leader[order[i]] = order[i];
        work.push_back(order[i]);
      }
    }
    std::atomic<std::size_t> next{0};
    const auto run = [&] {
      Buffers buffers;
      for (std::size_t i; (i = next.fetch_add(1)) < work.size();)
        forward(ids[work[i]], &result[work[i] * kEmbedding], buffers);
    };
    {
      std::vector<std::jthread> pool;
      const unsigned threads = std::max(1u, std::thread::hardware_concurrency());
      for (unsigned i = 1; i < threads && i < work.size(); ++i) pool.emplace_back(run);
      run();
    }
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (leader[i] != i) std::copy_n(&result[leader[i] * kEmbedding], kEmbedding, &result[i * kEmbedding]);
    }
    return result;
  }

  std::string digest() const override { return digest_; }
  std::string name() const override { return "all-MiniLM-L6-v2"; }

 private:
  struct Buffers {
    std::vector<float> x, q, k, v, mixed, inner, out, scratch;
  };

  Dense dense(const std::string& name, std::size_t inputs, std::size_t outputs) {
    return Dense(file_.floats(name + ".weight", {outputs, inputs}), file_.floats(name + ".bias", {outputs}), inputs,
                 outputs);
  }
  Norm norm(const std::string& name) {
    const std::span<const float> scale = file_.floats(name + ".weight", {kWidth});
    const std::span<const float> shift = file_.floats(name + ".bias", {kWidth});
    return {{scale.begin(), scale.end()}, {shift.begin(), shift.end()}};
  }

  static void attend_all(std::size_t count, Buffers& b) {
    const float scale = 1.0f / std::sqrt(static_cast<float>(kHead));
    for (std::size_t at = 0; at < kWidth; at += kHead)
      attend(&b.q[at], &b.k[at], &b.v[at], &b.mixed[at], count, kWidth, kHead, scale, b.scratch);
  }

  void forward(const std::vector<std::uint32_t>& ids, float* result, Buffers& b) const {
    const std::size_t count = ids.size();
    for (std::vector<float>* part : {&b.x, &b.q, &b.k, &b.v, &b.mixed, &b.out}) part->resize(count * kWidth);
    b.inner.resize(count * kInner);
    for (std::size_t i = 0; i < count; ++i) {
      const float* word = &words_[std::min<std::size_t>(ids[i], vocabulary_ - 1) * kWidth];
      for (std::size_t d = 0; d < kWidth; ++d) b.x[i * kWidth + d] = word[d] + positions_[i * kWidth + d] + types_[d];
    }
    layer_norm(b.x.data(), count, kWidth, first_.scale.data(), first_.shift.data(), kEpsilon);
    for (const Layer& layer : layers_) {
      layer.query.apply(b.x.data(), count, b.q.data());
      layer.key.apply(b.x.data(), count, b.k.data());
      layer.value.apply(b.x.data(), count, b.v.data());
      attend_all(count, b);
      layer.output.apply(b.mixed.data(), count, b.out.data());
      for (std::size_t i = 0; i < b.x.size(); ++i) b.x[i] += b.out[i];
      layer_norm(b.x.data(), count, kWidth, layer.attention.scale.data(), layer.attention.shift.data(), kEpsilon);
      layer.up.apply(b.x.data(), count, b.inner.data());
      gelu(b.inner.data(), b.inner.size());
      layer.down.apply(b.inner.data(), count, b.out.data());
      for (std::size_t i = 0; i < b.x.size(); ++i) b.x[i] += b.out[i];
      layer_norm(b.x.data(), count, kWidth, layer.result.scale.data(), layer.result.shift.data(), kEpsilon);
    }
    std::fill_n(result, kWidth, 0.0f);
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t d = 0; d < kWidth; ++d) result[d] += b.x[i * kWidth + d];
    }
    float square = 0;
    for (std::size_t d = 0; d < kWidth; ++d) square += result[d] * result[d];
    const float inverse = 1.0f / std::max(1e-12f, std::sqrt(square));
    for (std::size_t d = 0; d < kWidth; ++d) result[d] *= inverse;
  }

  WordPiece tokens_;
  Safetensors file_;
  std::span<const float> words_, positions_, types_;
  std::size_t vocabulary_ = 0;
  Norm first_;
  Layer layers_[kLayers];
  std::string digest_;
};

}  // namespace

std::unique_ptr<Embedder> open_embedder(std::string& reason) {
  const fs::path folder = deps_dir() / "models/all-MiniLM-L6-v2";
  std::error_code ignored;
  if (!fs::exists(folder / "model.safetensors", ignored)) {
    reason = "no model under " + folder.string() + " (make setup fetches it)";
    return nullptr;
  }
  try {
    return std::make_unique<MiniLm>(folder);
  } catch (const std::exception& error) {
    reason = error.what();
    return nullptr;
  }
}

}  // namespace jarvis2::index
