#include "index/wordpiece.h"

#include <utf8proc.h>

#include "base/error.h"

namespace jarvis2::index {
namespace {

constexpr std::size_t kLongestWord = 100;  // in code points; longer ones are unknown, as in BERT

bool is_cjk(std::int32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B81F) || (c >= 0x2B820 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x2F800 && c <= 0x2FA1F);
}

bool is_punctuation(std::int32_t c) {
  if ((c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126)) return true;
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
      return true;
    default:
      return false;
  }
}

bool is_space(std::int32_t c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || utf8proc_category(c) == UTF8PROC_CATEGORY_ZS;
}

bool is_dropped(std::int32_t c) {
  if (c == 0 || c == 0xFFFD) return true;
  const utf8proc_category_t category = utf8proc_category(c);
  return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_CN ||
         category == UTF8PROC_CATEGORY_CO || category == UTF8PROC_CATEGORY_CS;
}

void append(std::string& word, std::int32_t c) {
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t size = utf8proc_encode_char(c, bytes);
  word.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

}  // namespace

WordPiece::WordPiece(const fs::path& vocabulary) {
  const std::string text = read_file(vocabulary);
  std::uint32_t id = 0;
  for (std::size_t at = 0; at < text.size(); ++id) {
    std::size_t end = std::min(text.find('\n', at), text.size());
    const std::size_t next = end + 1;
    if (end > at && text[end - 1] == '\r') --end;
    ids_.emplace(text.substr(at, end - at), id);
    at = next;
  }
  charge_ = memory::Charge(memory::zones().vector_index, memory::table_bytes(ids_));
  for (const auto& [name, slot] :
       {std::pair("[CLS]", &cls_), std::pair("[SEP]", &sep_), std::pair("[UNK]", &unknown_)}) {
    const auto found = ids_.find(name);
    if (found == ids_.end()) throw Error("index::WordPiece", vocabulary.string() + ": no token " + name);
    *slot = found->second;
  }
}

void WordPiece::pieces(const std::string& word, std::vector<std::uint32_t>& ids) const {
  std::size_t points = 0;
  for (const char c : word) points += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  if (points > kLongestWord) {
    ids.push_back(unknown_);
    return;
  }
  const std::size_t before = ids.size();
  for (std::size_t begin = 0; begin < word.size();) {
    std::size_t end = word.size();
    std::unordered_map<std::string, std::uint32_t>::const_iterator found = ids_.end();
    for (; end > begin; --end) {
      if (end < word.size() && (static_cast<unsigned char>(word[end]) & 0xC0) == 0x80) continue;
      found = ids_.find((begin > 0 ? "##" : "") + word.substr(begin, end - begin));
      if (found != ids_.end()) break;
    }
    if (found == ids_.end()) {
      ids.resize(before);
      ids.push_back(unknown_);
      return;
    }
    ids.push_back(found->second);
    begin = end;
  }
}

std::vector<std::uint32_t> WordPiece::encode(std::string_view text, std::size_t limit) const {
  std::vector<std::uint32_t> ids = {cls_};
  std::string word;
  const auto flush = [&] {
    if (!word.empty()) pieces(word, ids);
    word.clear();
  };
  const utf8proc_uint8_t* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  utf8proc_ssize_t left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0 && ids.size() < limit) {
    utf8proc_int32_t c = 0;
    const utf8proc_ssize_t used = utf8proc_iterate(at, left, &c);
    if (used <= 0) {
      ++at;
      --left;
      continue;
    }
    at += used;
    left -= used;
    if (is_space(c)) {
      flush();
      continue;
    }
    if (is_dropped(c)) continue;
    // Lower case, then canonical decomposition without the marks.
    utf8proc_int32_t parts[16];
    int boundary = 0;
    const utf8proc_int32_t lower = utf8proc_tolower(c);
    const utf8proc_ssize_t count = utf8proc_decompose_char(lower, parts, 16, UTF8PROC_DECOMPOSE, &boundary);
    for (utf8proc_ssize_t i = 0; i < count && i < 16; ++i) {
      if (utf8proc_category(parts[i]) == UTF8PROC_CATEGORY_MN) continue;
      if (is_punctuation(parts[i]) || is_cjk(parts[i])) {
        flush();
        append(word, parts[i]);
        flush();
      } else {
        append(word, parts[i]);
      }
    }
  }
  flush();
  if (ids.size() > limit - 1) ids.resize(limit - 1);
  ids.push_back(sep_);
  return ids;
}

}  // namespace jarvis2::index
