#include "index/meaning.h"

#include <algorithm>
#include <chrono>
#include <unordered_map>

#include "base/error.h"
#include "base/log.h"
#include "index/gpu_similarity.h"

namespace jarvis2::index {
namespace {

constexpr std::size_t kBatch = 64;       // texts embedded together
constexpr double kCommitSeconds = 3;     // between commits
constexpr std::size_t kMostText = 3000;  // bytes of a chunk that a model is given

std::string meta(Store& store, const std::string& key) {
  Statement row(store.db(), "SELECT value FROM meta WHERE key=?");
  row.text(key);
  return row.step() ? row.get_text(0) : "";
}

void set_meta(Store& store, const std::string& key, const std::string& value) {
  Statement(store.db(), "INSERT INTO meta VALUES(?,?) ON CONFLICT(key) DO UPDATE SET value=excluded.value")
      .text(key)
      .text(value)
      .run();
}

std::size_t number(const std::string& text) {
  std::size_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9' || value > (std::size_t{1} << 40)) return 0;
    value = value * 10 + static_cast<std::size_t>(c - '0');
  }
  return value;
}

fs::path vector_path(Store& store) {
  return store.state_dir() / "vectors";
}

// Chunks without a vector, those of the files that others call into most first.
std::vector<std::int64_t> missing(Store& store) {
  std::vector<std::int64_t> ids;
  Statement rows(
      store.db(),
      "WITH used AS (SELECT s.file AS file, count(*) AS times FROM (SELECT name, file FROM reference GROUP BY "
      "name, file) r JOIN symbol s ON s.key = lower(replace(r.name, '_', '')) AND s.file <> r.file GROUP BY "
      "s.file) SELECT c.id FROM chunk c LEFT JOIN used u ON u.file = c.file JOIN file f ON f.id = c.file "
      "WHERE NOT EXISTS (SELECT 1 FROM vector v WHERE v.hash = c.hash) "
      "ORDER BY f.test, ifnull(u.times, 0) DESC, c.file, c.begin");
  while (rows.step()) ids.push_back(rows.get_integer(0));
  return ids;
}

// Rows whose checksum does not fit lose their place: their chunks are embedded again.
std::size_t drop_damaged(Store& store, VectorFile& file, std::size_t count) {
  std::vector<std::int64_t> bad;
  Statement rows(store.db(), "SELECT slot FROM vector");
  while (rows.step()) {
    const std::int64_t slot = rows.get_integer(0);
    if (slot < 0 || static_cast<std::size_t>(slot) >= count || !file.intact(static_cast<std::size_t>(slot)))
      bad.push_back(slot);
  }
  if (bad.empty()) return 0;
  Transaction transaction(store.db());
  Statement drop(store.db(), "DELETE FROM vector WHERE slot=?");
  for (const std::int64_t slot : bad) drop.integer(slot).run();
  transaction.commit();
  return bad.size();
}

void count_have(Store& store) {
  const std::int64_t have = store.db().integer("SELECT count(*) FROM chunk c JOIN vector v ON v.hash = c.hash");
  set_meta(store, "vectors.have", std::to_string(have));
}

}  // namespace

std::string embedded_text(const StoredChunk& chunk, const std::string& text) {
  std::string all = chunk.name.empty() ? chunk.path : chunk.name;
  all += '\n';
  all += text.substr(0, kMostText);
  return all;
}

std::size_t vectors_have(Store& store) {
  return number(meta(store, "vectors.have"));
}

FillReport fill_vectors(Store& store, Embedder& embedder, const FillOptions& options, std::stop_token stop) {
  const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  const Store::WriterLock lock = store.lock();
  store.forget_texts();
  FillReport report;
  VectorFile file(vector_path(store), embedder.digest(), embedder.dimensions());
  std::size_t count = number(meta(store, "vectors.count"));
  if (file.fresh() || meta(store, "vectors.model") != embedder.digest() || count > file.capacity()) {
    Transaction transaction(store.db());
    store.db().execute("DELETE FROM vector");
    set_meta(store, "vectors.model", embedder.digest());
    set_meta(store, "vectors.name", embedder.name());
    set_meta(store, "vectors.dimensions", std::to_string(embedder.dimensions()));
    set_meta(store, "vectors.count", "0");
    transaction.commit();
    count = 0;
  }
  report.damaged = drop_damaged(store, file, count);
  std::unordered_map<std::uint64_t, std::size_t> batch_row;  // by hash
  std::vector<std::string> texts;
  std::vector<std::uint64_t> hashes;
  std::vector<float> waiting;
  std::vector<std::uint64_t> waiting_hashes;
  double committed = seconds();
  const auto commit = [&] {
    if (waiting_hashes.empty()) return;
    file.write(count, waiting);
    file.sync();  // before the store says that they count
    Transaction transaction(store.db());
    Statement add(store.db(), "INSERT OR IGNORE INTO vector VALUES(?,?)");
    for (std::size_t i = 0; i < waiting_hashes.size(); ++i) {
      add.integer(static_cast<std::int64_t>(waiting_hashes[i])).integer(static_cast<std::int64_t>(count + i)).run();
    }
    count += waiting_hashes.size();
    set_meta(store, "vectors.count", std::to_string(count));
    count_have(store);
    transaction.commit();
    waiting.clear();
    waiting_hashes.clear();
    committed = seconds();
  };
  const auto embed = [&] {
    if (texts.empty()) return;
    const std::vector<float> vectors = embedder.embed(texts);
    waiting.insert(waiting.end(), vectors.begin(), vectors.end());
    waiting_hashes.insert(waiting_hashes.end(), hashes.begin(), hashes.end());
    report.embedded += texts.size();
    texts.clear();
    hashes.clear();
    if (seconds() - committed > kCommitSeconds) commit();
  };
  report.of = store.chunk_count();
  for (const std::int64_t id : missing(store)) {
    if (stop.stop_requested() || (options.seconds > 0 && seconds() > options.seconds)) break;
    const std::optional<StoredChunk> chunk = store.chunk(id);
    if (!chunk || !batch_row.emplace(chunk->hash, batch_row.size()).second) continue;
    const std::optional<std::string> text = store.text(*chunk);
    if (!text) continue;  // changed since: the next update sees to it
    texts.push_back(embedded_text(*chunk, *text));
    hashes.push_back(chunk->hash);
    if (texts.size() < kBatch) continue;
    embed();
    if (options.progress) options.progress(number(meta(store, "vectors.have")) + waiting_hashes.size(), report.of);
  }
  if (!stop.stop_requested()) embed();
  commit();
  count_have(store);
  report.have = vectors_have(store);
  report.seconds = seconds();
  return report;
}

std::unique_ptr<Meaning> Meaning::open(Store& store) {
  const std::size_t count = number(meta(store, "vectors.count"));
  const std::size_t dimensions = number(meta(store, "vectors.dimensions"));
  std::error_code ignored;
  if (count == 0 || dimensions == 0 || dimensions % 64 != 0 || dimensions > 4096) return nullptr;
  if (!VectorFile::usable(vector_path(store), meta(store, "vectors.model"), dimensions, count)) return nullptr;
  return std::unique_ptr<Meaning>(
      new Meaning(store, meta(store, "vectors.model"), meta(store, "vectors.name"), dimensions, count));
}

Meaning::Meaning(Store& store, std::string model, std::string name, std::size_t dimensions, std::size_t count)
    : store_(store),
      model_(std::move(model)),
      name_(std::move(name)),
      file_(vector_path(store), model_, dimensions),
      slot_(store.db(), "SELECT slot FROM vector WHERE hash = ?"),
      count_(count),
      view_(file_.view(count)),
      loss_(file_.loss(count)) {}

std::vector<LikeChunk> Meaning::nearest(std::span<const float> vector, std::size_t count) {
  std::vector<LikeChunk> out;
  if (vector.size() != view_.dimensions) return out;
  Statement chunks(store_.db(), "SELECT c.id FROM vector v JOIN chunk c ON c.hash = v.hash WHERE v.slot = ? LIMIT 4");
  // Some rows belong to chunks that are gone.
  const std::vector<std::vector<VectorHit>> hits = top_k_anywhere(view_, vector, count + count / 4, loss_);
  for (const VectorHit& hit : hits[0]) {
    if (out.size() >= count) break;
    if (!file_.intact(hit.row)) continue;
    chunks.integer(hit.row);
    while (chunks.step()) out.push_back({chunks.get_integer(0), hit.score});
    chunks.reset();
  }
  return out;
}

std::optional<std::vector<float>> Meaning::vector_of(const StoredChunk& chunk) {
  slot_.reset();
  slot_.integer(static_cast<std::int64_t>(chunk.hash));
  const bool known = slot_.step();
  const std::size_t row = known ? static_cast<std::size_t>(slot_.get_integer(0)) : 0;
  slot_.reset();
  if (!known) return std::nullopt;
  if (row >= count_ || !file_.intact(row)) return std::nullopt;
  std::size_t at = row;
  for (const VectorBlock& block : view_.blocks) {
    if (at < block.count) {
      const float* begin = block.floats + at * view_.dimensions;
      return std::vector<float>(begin, begin + view_.dimensions);
    }
    at -= block.count;
  }
  return std::nullopt;
}

}  // namespace jarvis2::index
