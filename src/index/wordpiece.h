// WordPiece, as BERT's uncased models tokenise [Devlin et al. 2019; Wu et al. 2016].
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/files.h"
#include "memory/charge.h"

namespace jarvis2::index {

// Immutable after construction: thread-safe.
class WordPiece {
 public:
  // One token a line; throws Error when [CLS], [SEP] or [UNK] is missing.
  explicit WordPiece(const fs::path& vocabulary);
  // [CLS] pieces [SEP], at most `limit` ids. Invalid UTF-8 bytes are dropped.
  std::vector<std::uint32_t> encode(std::string_view text, std::size_t limit) const;

 private:
  void pieces(const std::string& word, std::vector<std::uint32_t>& ids) const;
  std::unordered_map<std::string, std::uint32_t> ids_;
  memory::Charge charge_;
  std::uint32_t cls_ = 0, sep_ = 0, unknown_ = 0;
};

}  // namespace jarvis2::index
