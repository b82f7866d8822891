// Full text: BM25F over the words of chunks [Robertson & Zaragoza 2009], read through FTS5.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "index/sqlite.h"

namespace jarvis2::index {

enum class Field { kName, kPath, kDoc, kBody };
inline constexpr std::size_t kFields = 4;

struct Term {
  std::string word;  // as index/words.h gives it
  double weight = 1;
  // Found in this many chunks; filled by match().
  std::int64_t chunks = 0;
  double idf = 0;
};

struct TextHit {
  std::int64_t chunk = 0;
  double score = 0;         // of 1: every term saturated
  std::uint32_t found = 0;  // bit i: term i is in the chunk (the first 32)
};

// Chunks that hold a term, best `limit` first. Terms so common that they would cost more than they tell are only looked
// for when there is nothing else. `all`: how many chunks there are.
std::vector<TextHit> match_text(Database& db, std::vector<Term>& terms, std::size_t limit, std::size_t all);

// Makes the auxiliary function that match_text reads rows with known to this connection.
void register_collector(Database& db);

}  // namespace jarvis2::index
