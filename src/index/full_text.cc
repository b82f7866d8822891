#include "index/full_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace jarvis2::index {
namespace {

constexpr double kFieldWeights[kFields] = {6.0, 2.0, 2.5, 1.0};
constexpr double kSaturation = 1.6;
constexpr std::int64_t kPostings = 12000;  // read for one query, beyond its two rarest terms

struct Collector {
  const std::vector<Term>* terms = nullptr;
  std::vector<TextHit> hits;
  double total = 0;
};

void collect(const Fts5ExtensionApi* api, Fts5Context* context, sqlite3_context* result, int, sqlite3_value** values) {
  Collector* collector = static_cast<Collector*>(sqlite3_value_pointer(values[0], "jarvis2.collector"));
  if (collector == nullptr) return;
  TextHit hit;
  hit.chunk = api->xRowid(context);
  const int phrases = api->xPhraseCount(context);
  for (int phrase = 0; phrase < phrases; ++phrase) {
    Fts5PhraseIter at;
    int column = 0, offset = 0;
    double frequency = 0;
    int counts[kFields] = {};
    if (api->xPhraseFirst(context, phrase, &at, &column, &offset) != SQLITE_OK) return;
    for (; column >= 0; api->xPhraseNext(context, &at, &column, &offset)) {
      if (column < static_cast<int>(kFields)) ++counts[column];
    }
    for (std::size_t f = 0; f < kFields; ++f) {
      // A field says a thing once: repetition counts for less and less.
      if (counts[f] > 0) frequency += kFieldWeights[f] * (counts[f] == 1 ? 1.0 : 1.0 + std::log2(counts[f]) * 0.7);
    }
    if (frequency == 0) continue;
    const Term& term = (*collector->terms)[static_cast<std::size_t>(phrase)];
    hit.score += term.weight * term.idf * frequency / (kSaturation + frequency);
    if (phrase < 32) hit.found |= 1u << phrase;
  }
  hit.score /= collector->total;
  collector->hits.push_back(hit);
  sqlite3_result_null(result);
}

fts5_api* api_of(Database& db) {
  fts5_api* api = nullptr;
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(db.get(), "SELECT fts5(?1)", -1, &statement, nullptr) == SQLITE_OK) {
    sqlite3_bind_pointer(statement, 1, static_cast<void*>(&api), "fts5_api_ptr", nullptr);
    sqlite3_step(statement);
  }
  sqlite3_finalize(statement);
  return api;
}

}  // namespace

void register_collector(Database& db) {
  fts5_api* api = api_of(db);
  if (api == nullptr) throw Error("index::register_collector", "this SQLite was built without FTS5");
  const int code = api->xCreateFunction(api, "collect", nullptr, collect, nullptr);
  if (code != SQLITE_OK) db.fail(code);
  db.execute("CREATE VIRTUAL TABLE IF NOT EXISTS temp.word USING fts5vocab(main, text, row)");
}

std::vector<TextHit> match_text(Database& db, std::vector<Term>& terms, std::size_t limit, std::size_t all) {
  {
    Statement count(db, "SELECT doc FROM temp.word WHERE term = ?");
    for (Term& term : terms) {
      count.text(term.word);
      term.chunks = count.step() ? count.get_integer(0) : 0;
      count.reset();
      const double n = static_cast<double>(std::max<std::int64_t>(static_cast<std::int64_t>(all), term.chunks));
      const double df = static_cast<double>(term.chunks);
      term.idf = std::log(1.0 + (n - df + 0.5) / (df + 0.5));
    }
  }
  std::stable_sort(terms.begin(), terms.end(), [](const Term& a, const Term& b) { return a.chunks < b.chunks; });
  double total = 0;
  for (const Term& term : terms) total += term.weight * term.idf;
  std::vector<Term> asked;
  std::int64_t postings = 0;
  std::size_t present = 0;
  for (const Term& term : terms) {
    if (term.chunks > 0 && present >= 2 && postings + term.chunks > kPostings) break;
    asked.push_back(term);
    postings += term.chunks;
    present += term.chunks > 0 ? 1 : 0;
  }
  if (present == 0) return {};
  std::string expression;
  for (const Term& term : asked) expression += (expression.empty() ? "\"" : " OR \"") + term.word + "\"";
  Collector collector;
  collector.terms = &asked;
  collector.total = std::max(1e-9, total);
  sqlite3_stmt* rows = nullptr;
  int code = sqlite3_prepare_v2(db.get(), "SELECT collect(text, ?2) FROM text WHERE text MATCH ?1", -1, &rows, nullptr);
  if (code != SQLITE_OK) db.fail(code);
  sqlite3_bind_text(rows, 1, expression.data(), static_cast<int>(expression.size()), SQLITE_STATIC);
  sqlite3_bind_pointer(rows, 2, &collector, "jarvis2.collector", nullptr);
  while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
  }
  sqlite3_finalize(rows);
  if (code != SQLITE_DONE) db.fail(code);
  std::vector<TextHit>& hits = collector.hits;
  const std::size_t kept = std::min(limit, hits.size());
  std::partial_sort(
      hits.begin(), hits.begin() + static_cast<std::ptrdiff_t>(kept), hits.end(),
      [](const TextHit& a, const TextHit& b) { return a.score != b.score ? a.score > b.score : a.chunk < b.chunk; });
  hits.resize(kept);
  return std::move(hits);
}

}  // namespace jarvis2::index
