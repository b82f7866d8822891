// What a change of a file did: which symbols came, went or changed, how, and by how many lines.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "code/outline.h"

namespace jarvis2::meta {

// What is remembered of a file, small enough to keep for all of them.
struct SymbolMark {
  std::string name;  // qualified
  std::string kind;  // "function", ...
  std::uint32_t line = 0, end_line = 0;
  std::uint32_t complexity = 0;
  std::uint64_t head = 0;  // hash of the signature
  std::uint64_t body = 0;  // hash of the text, white space at line ends left out
};
struct FileMark {
  std::string language;
  std::uint64_t hash = 0;
  std::vector<std::uint32_t> lines;  // a hash each
  std::vector<SymbolMark> symbols;
};

enum class SymbolEvent { kAdded, kRemoved, kRenamed, kSignature, kBody };
std::string_view symbol_event_name(SymbolEvent event);

struct SymbolChange {
  std::string name;
  std::string kind;
  SymbolEvent event = SymbolEvent::kBody;
  std::uint32_t line = 0;  // now; of what was removed: before
  std::uint32_t lines_added = 0, lines_removed = 0;
  int complexity = 0;  // now less before
};

enum class FileEvent { kAdded, kRemoved, kChanged };
std::string_view file_event_name(FileEvent event);

struct FileChange {
  std::string path;
  std::string language;
  FileEvent event = FileEvent::kChanged;
  std::uint32_t lines_added = 0, lines_removed = 0;
  std::vector<SymbolChange> symbols;  // innermost ones; a class whose method changed is not named itself
};

// `tree` may be null: no grammar.
FileMark mark_of(std::string_view language, std::string_view text, const code::Tree* tree);
// `before` or `after` null: the file came, or went.
FileChange difference(const std::string& path, const FileMark* before, const FileMark* after);

// For the store; decoding damaged bytes gives an empty mark.
std::string encode_lines(const FileMark& mark);
std::string encode_symbols(const FileMark& mark);
void decode(const std::string& lines, const std::string& symbols, FileMark& mark);

}  // namespace jarvis2::meta
