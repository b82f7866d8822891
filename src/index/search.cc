#include "index/search.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "index/full_text.h"
#include "index/words.h"

namespace jarvis2::index {
namespace {

constexpr std::size_t kTextCandidates = 300;
constexpr std::size_t kNameCandidates = 60;
constexpr std::size_t kVectorCandidates = 150;

double since_ms(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

double thread_cpu_ms() {
  timespec at{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return static_cast<double>(at.tv_sec) * 1e3 + static_cast<double>(at.tv_nsec) * 1e-6;
}

std::string joined_key(std::string_view text) {
  std::string key;
  for (const char c : text) {
    if (c >= 'A' && c <= 'Z') {
      key += static_cast<char>(c - 'A' + 'a');
    } else if (c != '_') {
      key += c;
    }
  }
  return key;
}

std::string_view last_part(std::string_view qualified) {
  const std::size_t dot = qualified.rfind('.');
  return dot == std::string_view::npos ? qualified : qualified.substr(dot + 1);
}

bool fits(const StoredChunk& chunk, const Query& query) {
  const auto any = [](const std::vector<std::string>& wanted, const std::string& value) {
    return wanted.empty() || std::find(wanted.begin(), wanted.end(), value) != wanted.end();
  };
  if (!any(query.languages, chunk.language) || !any(query.kinds, chunk.kind)) return false;
  if (query.paths.empty()) return true;
  return std::any_of(query.paths.begin(), query.paths.end(), [&](std::string wanted) {
    while (wanted.ends_with('/')) wanted.pop_back();
    return chunk.path == wanted || chunk.path.starts_with(wanted + "/") || glob_match(wanted, chunk.path);
  });
}

}  // namespace

struct Searcher::Candidate {
  StoredChunk chunk;
  double text = 0, vector = 0, name = 0, path = 0, score = 0;
  bool exact = false;
};

struct Searcher::Plan {
  std::vector<Term> terms;  // with idf
  double total_idf = 0;
  std::set<std::string> keys;  // symbols the query names, lower case without '_'
  bool symbol = false;
  bool wants_tests = false, wants_prose = false;
};

bool is_symbol_query(const std::string& text) {
  if (text.empty() || text.find_first_of(" \t\n") != std::string::npos) return false;
  if (text.find_first_of("_.:()") != std::string::npos) return true;
  bool lower = false, upper = false;
  for (const char c : text) {
    lower = lower || (c >= 'a' && c <= 'z');
    upper = upper || (c >= 'A' && c <= 'Z');
  }
  return upper || lower;
}

Searcher::Searcher(Store& store) : store_(store) {
  register_collector(store_.db());
  meaning_ = Meaning::open(store_);
}

Searcher::~Searcher() = default;

Answer Searcher::search(const Query& query) {
  const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  const double cpu = thread_cpu_ms();
  Plan plan;
  plan.symbol = is_symbol_query(query.text);
  std::map<std::string, std::pair<double, std::size_t>> words;  // weight, order
  std::vector<std::pair<std::string, double>> content, filler;
  for_each_word(query.text, [&](const Word& word) {
    if (word.text == "test") plan.wants_tests = true;
    if (word.text == "readm" || word.text == "document" || word.text == "changelog") plan.wants_prose = true;
    (is_question_word(word.text) && !word.whole ? filler : content).emplace_back(word.text, word.whole ? 1.5 : 1.0);
  });
  if (content.empty()) content = filler;
  std::set<std::string> seen;
  for (const auto& [word, weight] : content) {
    if (seen.insert(word).second && plan.terms.size() < 32) plan.terms.push_back({word, weight, 0, 0});
  }
  // Names in the query, whole words of it: "TokenBucket.take()" names take, and TokenBucket less so.
  std::string token;
  std::size_t tokens = 0;
  for (const char c : query.text + " ") {
    const bool inside = std::isalnum(static_cast<unsigned char>(c)) || c == '_' || (c & 0x80) != 0;
    if (inside) {
      token += c;
      continue;
    }
    if (token.size() > 1) {
      ++tokens;
      if (!is_question_word(stem(joined_key(token)))) plan.keys.insert(joined_key(token));
    }
    token.clear();
  }

  const std::size_t all = store_.chunk_count();
  const bool filtered = !query.languages.empty() || !query.paths.empty() || !query.kinds.empty();
  std::vector<TextHit> hits = match_text(store_.db(), plan.terms, filtered ? 5000 : kTextCandidates, all);
  for (const Term& term : plan.terms) plan.total_idf += term.weight * term.idf;

  std::vector<Candidate> candidates;
  std::unordered_map<std::int64_t, std::size_t> index;
  const auto add = [&](std::int64_t id) -> Candidate* {
    if (const auto found = index.find(id); found != index.end()) return &candidates[found->second];
    std::optional<StoredChunk> chunk = store_.chunk(id);
    if (!chunk || !fits(*chunk, query)) return nullptr;
    index.emplace(id, candidates.size());
    candidates.push_back({});
    candidates.back().chunk = std::move(*chunk);
    return &candidates.back();
  };
  for (const TextHit& hit : hits) {
    if (candidates.size() >= kTextCandidates) break;
    if (Candidate* one = add(hit.chunk)) one->text = hit.score;
  }
  // Symbols of exactly this name are candidates whatever the text says.
  if (!plan.keys.empty() && tokens <= 6) {
    Statement named(store_.db(),
                    "SELECT c.id FROM symbol s JOIN chunk c ON c.file = s.file AND c.begin IS NOT NULL AND c.symbol = "
                    "s.ordinal WHERE s.key = ? LIMIT ?");
    for (const std::string& key : plan.keys) {
      named.text(key).integer(static_cast<std::int64_t>(kNameCandidates));
      std::vector<std::int64_t> ids;
      while (named.step()) ids.push_back(named.get_integer(0));
      named.reset();
      for (const std::int64_t id : ids) add(id);
    }
  }
  Answer answer;
  answer.chunks = all;
  const std::vector<float> vector = embed(query, answer);
  if (!vector.empty()) {
    for (const LikeChunk& like : meaning_->nearest(vector, filtered ? 4 * kVectorCandidates : kVectorCandidates)) {
      if (Candidate* one = add(like.chunk)) one->vector = std::max(0.0f, like.score);
    }
    // What the words found has its likeness too, near or not.
    for (Candidate& one : candidates) {
      if (one.vector > 0) continue;
      const std::optional<std::vector<float>> known = meaning_->vector_of(one.chunk);
      if (known) one.vector = std::max(0.0f, dot(known->data(), vector.data(), vector.size()));
    }
    // A chunk whose vector is still to come is neither near nor far.
    double sum = 0, have = 0;
    for (const Candidate& one : candidates) {
      sum += one.vector;
      have += one.vector > 0 ? 1 : 0;
    }
    for (Candidate& one : candidates) {
      if (one.vector == 0 && have > 0 && answer.vectors < all) one.vector = sum / have;
    }
  }
  rank(plan, candidates);
  finish(candidates, query, answer);
  answer.latency_ms = since_ms(start);
  answer.cpu_ms = thread_cpu_ms() - cpu;
  return answer;
}

std::vector<float> Searcher::embed(const Query& query, Answer& answer) {
  answer.vectors = meaning_ == nullptr ? 0 : vectors_have(store_);
  if (!query.vectors) {
    answer.note = "text and structure only, as asked";
    return {};
  }
  if (meaning_ == nullptr) {
    answer.note = "text and structure only: no vectors yet (`jarvis2 index` makes them)";
    return {};
  }
  const auto used = [&] {
    answer.used_vectors = true;
    if (answer.vectors >= answer.chunks) return;
    answer.note = "vectors are incomplete: " + std::to_string(answer.vectors) + " of " + std::to_string(answer.chunks) +
                  " chunks (`jarvis2 index` goes on)";
  };
  if (!query.vector.empty()) {
    used();
    return query.vector;
  }
  std::string reason = "no embedder";
  Embedder* embedder = embedder_ ? embedder_(meaning_->model(), reason) : nullptr;
  if (embedder == nullptr) {
    answer.note = "text and structure only: " + reason;
    return {};
  }
  const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  std::vector<float> vector = embedder->embed({query.text});
  answer.embedding_ms = since_ms(start);
  used();
  return vector;
}

void Searcher::rank(const Plan& plan, std::vector<Candidate>& candidates) {
  std::unordered_map<std::string, double> idf;
  for (const Term& term : plan.terms) idf[term.word] = term.weight * term.idf;
  const auto matched = [&](const std::string& text, double& words_in_text) {
    std::unordered_set<std::string> seen;
    double sum = 0, all = 0;
    for_each_word(text, [&](const Word& word) {
      if (!seen.insert(word.text).second) return;
      if (!word.whole) all += 1;
      const auto found = idf.find(word.text);
      if (found != idf.end()) {
        sum += found->second;
        words_in_text += word.whole ? 0 : 1;
      }
    });
    words_in_text = all > 0 ? words_in_text / all : 0;
    return plan.total_idf > 0 ? std::min(1.0, sum / plan.total_idf) : 0.0;
  };
  std::unordered_map<std::int64_t, std::vector<double>> by_file;
  for (Candidate& one : candidates) {
    const std::string name(last_part(one.chunk.name));
    double precise = 0, ignored = 0;
    const double covered = matched(one.chunk.name, ignored);
    matched(name, precise);
    one.name = covered * (0.5 + 0.5 * precise);
    one.exact = !name.empty() && plan.keys.contains(joined_key(name));
    const std::size_t slash = one.chunk.path.rfind('/');
    const std::string file = slash == std::string::npos ? one.chunk.path : one.chunk.path.substr(slash + 1);
    double file_precise = 0;
    one.path = matched(file, file_precise) * 0.7 + matched(one.chunk.path, ignored) * 0.3;
    one.score =
        weights.text * one.text + weights.vector * one.vector + weights.name * one.name + weights.path * one.path;
    if (one.exact) one.score += weights.exact * (plan.symbol ? 1.0 : 0.25 * covered);
    if (!one.chunk.name.empty() && one.chunk.kind != "text") one.score += weights.definition;
    by_file[one.chunk.file].push_back(one.score);
  }
  for (auto& [file, scores] : by_file) std::sort(scores.rbegin(), scores.rend());
  for (Candidate& one : candidates) {
    const std::vector<double>& scores = by_file[one.chunk.file];
    double others = 0;
    std::size_t taken = 0;
    bool self = false;
    for (const double score : scores) {
      if (!self && score == one.score) {
        self = true;
        continue;
      }
      if (taken++ == 3) break;
      others += score / static_cast<double>(taken + 1);
    }
    one.score += weights.coherence * others;
    if (one.chunk.test && !plan.wants_tests) one.score *= weights.test;
    if ((one.chunk.kind == "text" || is_text_language(one.chunk.language)) && !plan.wants_prose)
      one.score *= weights.prose;
    if (one.chunk.kind == "code") one.score *= weights.loose;
  }
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return a.score != b.score ? a.score > b.score : a.chunk.id < b.chunk.id;
  });
  // Graph proximity among the best: a chunk whose name another of them calls.
  const std::size_t best = std::min<std::size_t>(candidates.size(), 30);
  std::unordered_map<std::string, std::vector<std::size_t>> named;
  for (std::size_t i = 0; i < best; ++i) {
    if (!candidates[i].chunk.name.empty()) named[std::string(last_part(candidates[i].chunk.name))].push_back(i);
  }
  if (weights.graph > 0 && best > 1) {
    Statement calls(store_.db(),
                    "SELECT DISTINCT r.name FROM chunk c JOIN reference r ON r.file = c.file AND r.symbol = c.symbol "
                    "WHERE c.id = ?");
    std::vector<double> bonus(best);
    for (std::size_t i = 0; i < best; ++i) {
      calls.integer(candidates[i].chunk.id);
      while (calls.step()) {
        const auto found = named.find(calls.get_text(0));
        if (found == named.end() || found->second.size() > 3) continue;
        for (const std::size_t j : found->second) {
          if (j == i) continue;
          bonus[j] += weights.graph * candidates[i].score;
          bonus[i] += weights.graph * 0.5 * candidates[j].score;
        }
      }
      calls.reset();
    }
    for (std::size_t i = 0; i < best; ++i) candidates[i].score += std::min(bonus[i], 0.3 * candidates[i].score);
    std::sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(best),
              [](const Candidate& a, const Candidate& b) {
                return a.score != b.score ? a.score > b.score : a.chunk.id < b.chunk.id;
              });
  }
}

void Searcher::finish(std::vector<Candidate>& candidates, const Query& query, Answer& answer) {
  store_.forget_texts();
  std::set<std::pair<std::int64_t, std::string>> pieces;  // pieces of one long definition count once
  for (Candidate& one : candidates) {
    if (answer.results.size() >= query.limit) break;
    if (one.score <= 0) continue;
    if (!one.chunk.name.empty() && !pieces.emplace(one.chunk.file, one.chunk.name).second) continue;
    Found found;
    std::optional<std::string> text = store_.text(one.chunk);
    found.stale = !text;
    if (text) found.text = std::move(*text);
    found.chunk = std::move(one.chunk);
    found.score = one.score;
    found.text_score = one.text;
    found.name_score = one.name;
    found.vector_score = one.vector;
    answer.results.push_back(std::move(found));
  }
}

Answer Searcher::similar(const std::string& path, std::uint32_t line, const Query& filters) {
  const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  std::optional<StoredChunk> here;
  for (StoredChunk& chunk : store_.chunks_of_file(path)) {
    if (chunk.line <= line && line <= chunk.end_line) here = std::move(chunk);
  }
  if (!here) {
    throw Error("index::similar", path + ":" + std::to_string(line) +
                                      ": nothing is indexed there (run `jarvis2 index`, and give a line with code)");
  }
  const std::optional<std::string> text = store_.text(*here);
  if (!text) throw Error("index::similar", path + ": changed since it was indexed; run `jarvis2 index`");
  // The words that tell this chunk apart: the rarest, weighed by how often it uses them.
  std::map<std::string, double> counts;
  for_each_word(*text, [&](const Word& word) { counts[word.text] += 1; });
  Plan plan;
  for (const auto& [word, count] : counts) plan.terms.push_back({word, 1 + std::log2(count), 0, 0});
  const std::size_t all = store_.chunk_count();
  {
    Statement count(store_.db(), "SELECT doc FROM temp.word WHERE term = ?");
    for (Term& term : plan.terms) {
      count.text(term.word);
      term.chunks = count.step() ? count.get_integer(0) : 0;
      count.reset();
      term.idf = term.weight * std::log(1.0 + static_cast<double>(all) / (1.0 + static_cast<double>(term.chunks)));
    }
  }
  std::sort(plan.terms.begin(), plan.terms.end(), [](const Term& a, const Term& b) { return a.idf > b.idf; });
  if (plan.terms.size() > 24) plan.terms.resize(24);
  std::vector<Candidate> candidates;
  for (const TextHit& hit : match_text(store_.db(), plan.terms, kTextCandidates, all)) {
    std::optional<StoredChunk> chunk = store_.chunk(hit.chunk);
    if (!chunk || chunk->id == here->id || !fits(*chunk, filters)) continue;
    if (!here->name.empty() && chunk->file == here->file && chunk->name == here->name) continue;
    candidates.push_back({});
    candidates.back().text = candidates.back().score = hit.score;
    candidates.back().chunk = std::move(*chunk);
  }
  Answer answer;
  answer.chunks = all;
  answer.vectors = meaning_ == nullptr ? 0 : vectors_have(store_);
  const std::optional<std::vector<float>> vector =
      meaning_ != nullptr && filters.vectors ? meaning_->vector_of(*here) : std::nullopt;
  if (vector) {
    answer.used_vectors = true;
    std::unordered_map<std::int64_t, std::size_t> index;
    for (std::size_t i = 0; i < candidates.size(); ++i) index.emplace(candidates[i].chunk.id, i);
    for (const LikeChunk& like : meaning_->nearest(*vector, kVectorCandidates)) {
      if (like.chunk == here->id || index.contains(like.chunk)) continue;
      std::optional<StoredChunk> chunk = store_.chunk(like.chunk);
      if (!chunk || !fits(*chunk, filters)) continue;
      candidates.push_back({});
      candidates.back().chunk = std::move(*chunk);
    }
    for (Candidate& one : candidates) {
      const std::optional<std::vector<float>> known = meaning_->vector_of(one.chunk);
      if (known) one.vector = std::max(0.0f, dot(known->data(), vector->data(), vector->size()));
      one.score = 0.5 * one.text + 0.5 * one.vector;
    }
  } else {
    answer.note = "by words alone: no vector of this place yet (`jarvis2 index` makes them)";
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  finish(candidates, filters, answer);
  answer.latency_ms = since_ms(start);
  return answer;
}

}  // namespace jarvis2::index
