#include "meta/changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>
#include <unordered_map>

#include "base/hash.h"

namespace jarvis2::meta {
namespace {

constexpr std::size_t kMostLines = 200000;

std::string_view without_tail(std::string_view line) {
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r')) line.remove_suffix(1);
  return line;
}

using Lines = std::vector<std::uint32_t>;

// Lines of one side that the other lacks, as multisets.
std::pair<std::uint32_t, std::uint32_t> added_removed(const std::uint32_t* before, std::size_t before_count,
                                                      const std::uint32_t* after, std::size_t after_count) {
  std::unordered_map<std::uint32_t, int> count;
  for (std::size_t i = 0; i < after_count; ++i) ++count[after[i]];
  for (std::size_t i = 0; i < before_count; ++i) --count[before[i]];
  std::uint32_t added = 0;
  std::uint32_t removed = 0;
  for (const auto& [hash, surplus] : count) {
    if (surplus > 0) added += static_cast<std::uint32_t>(surplus);
    if (surplus < 0) removed += static_cast<std::uint32_t>(-surplus);
  }
  return {added, removed};
}

std::pair<const std::uint32_t*, std::size_t> slice(const FileMark& mark, const SymbolMark& symbol) {
  const std::size_t first = std::min<std::size_t>(symbol.line > 0 ? symbol.line - 1 : 0, mark.lines.size());
  const std::size_t last = std::min<std::size_t>(std::max(symbol.end_line, symbol.line), mark.lines.size());
  return {mark.lines.data() + first, last > first ? last - first : 0};
}

void count_lines(SymbolChange& change, const FileMark* before, const SymbolMark* old_symbol, const FileMark* after,
                 const SymbolMark* new_symbol) {
  const auto [old_lines, old_count] =
      old_symbol != nullptr ? slice(*before, *old_symbol) : std::pair<const std::uint32_t*, std::size_t>{nullptr, 0};
  const auto [new_lines, new_count] =
      new_symbol != nullptr ? slice(*after, *new_symbol) : std::pair<const std::uint32_t*, std::size_t>{nullptr, 0};
  std::tie(change.lines_added, change.lines_removed) = added_removed(old_lines, old_count, new_lines, new_count);
  change.complexity = static_cast<int>(new_symbol != nullptr ? new_symbol->complexity : 0) -
                      static_cast<int>(old_symbol != nullptr ? old_symbol->complexity : 0);
}

// Overloads share a name: told apart by their order.
std::map<std::pair<std::string, int>, const SymbolMark*> by_name(const FileMark* mark) {
  std::map<std::pair<std::string, int>, const SymbolMark*> found;
  if (mark == nullptr) return found;
  for (const SymbolMark& symbol : mark->symbols) {
    int number = 0;
    while (!found.emplace(std::pair(symbol.name, number), &symbol).second) ++number;
  }
  return found;
}

}  // namespace

std::string_view symbol_event_name(SymbolEvent event) {
  constexpr std::string_view kNames[] = {"added", "removed", "renamed", "signature", "body"};
  return kNames[static_cast<std::size_t>(event)];
}
std::string_view file_event_name(FileEvent event) {
  constexpr std::string_view kNames[] = {"added", "removed", "changed"};
  return kNames[static_cast<std::size_t>(event)];
}

FileMark mark_of(std::string_view language, std::string_view text, const code::Tree* tree) {
  FileMark mark;
  mark.language = language;
  mark.hash = hash64(text);
  for (std::size_t at = 0; at < text.size() && mark.lines.size() < kMostLines;) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    mark.lines.push_back(static_cast<std::uint32_t>(hash64(without_tail(text.substr(at, end - at)))));
    at = end + 1;
  }
  if (tree == nullptr) return mark;
  const code::Outline outline = code::outline_of(*tree);
  for (const code::Symbol& symbol : outline.symbols) {
    if (symbol.declaration || symbol.kind == code::SymbolKind::kVariable) continue;
    SymbolMark one;
    one.name = symbol.qualified;
    one.kind = code::symbol_kind_name(symbol.kind);
    one.line = symbol.line;
    one.end_line = symbol.end_line;
    one.complexity = symbol.complexity;
    one.head = hash64(symbol.signature);
    std::uint64_t body = 1469598103934665603ULL;
    const auto [lines, count] = slice(mark, one);
    for (std::size_t i = 0; i < count; ++i) body = (body ^ lines[i]) * 1099511628211ULL;  // FNV-1a over line hashes
    one.body = body;
    mark.symbols.push_back(std::move(one));
  }
  return mark;
}

FileChange difference(const std::string& path, const FileMark* before, const FileMark* after) {
  FileChange change;
  change.path = path;
  change.language = after != nullptr ? after->language : before != nullptr ? before->language : "";
  change.event = before == nullptr ? FileEvent::kAdded : after == nullptr ? FileEvent::kRemoved : FileEvent::kChanged;
  static const Lines kNone;
  const Lines& old_lines = before != nullptr ? before->lines : kNone;
  const Lines& new_lines = after != nullptr ? after->lines : kNone;
  std::tie(change.lines_added, change.lines_removed) =
      added_removed(old_lines.data(), old_lines.size(), new_lines.data(), new_lines.size());
  const auto old_symbols = by_name(before);
  const auto new_symbols = by_name(after);
  std::multimap<std::uint64_t, const SymbolMark*> gone;  // by body, for renames
  for (const auto& [key, symbol] : old_symbols) {
    if (!new_symbols.contains(key)) gone.emplace(symbol->body, symbol);
  }
  const auto add = [&](SymbolEvent event, const SymbolMark* old_symbol, const SymbolMark* new_symbol) {
    const SymbolMark& named = new_symbol != nullptr ? *new_symbol : *old_symbol;
    SymbolChange one{named.name, named.kind, event, named.line, 0, 0, 0};
    count_lines(one, before, old_symbol, after, new_symbol);
    change.symbols.push_back(std::move(one));
  };
  for (const auto& [key, symbol] : new_symbols) {
    const auto old_symbol = old_symbols.find(key);
    if (old_symbol == old_symbols.end()) {
      const auto renamed = std::find_if(gone.begin(), gone.end(), [&](const auto& one) {
        const auto [old_lines_of, old_count] = slice(*before, *one.second);
        const auto [new_lines_of, new_count] = slice(*after, *symbol);
        const auto [added, removed] = added_removed(old_lines_of, old_count, new_lines_of, new_count);
        return one.second->kind == symbol->kind && old_count > 1 && added <= 1 + new_count / 5 &&
               removed <= 1 + old_count / 5;
      });
      if (renamed != gone.end()) {
        add(SymbolEvent::kRenamed, renamed->second, symbol);
        gone.erase(renamed);
      } else {
        add(SymbolEvent::kAdded, nullptr, symbol);
      }
    } else if (old_symbol->second->body != symbol->body) {
      const bool head = old_symbol->second->head != symbol->head;
      add(head ? SymbolEvent::kSignature : SymbolEvent::kBody, old_symbol->second, symbol);
    }
  }
  for (const auto& [body, symbol] : gone) add(SymbolEvent::kRemoved, symbol, nullptr);
  // The innermost say it: a container whose member changed is left out.
  std::erase_if(change.symbols, [&](const SymbolChange& outer) {
    return outer.event == SymbolEvent::kBody &&
           std::any_of(change.symbols.begin(), change.symbols.end(),
                       [&](const SymbolChange& inner) { return inner.name.starts_with(outer.name + "."); });
  });
  std::sort(change.symbols.begin(), change.symbols.end(),
            [](const SymbolChange& a, const SymbolChange& b) { return a.line < b.line; });
  return change;
}

std::string encode_lines(const FileMark& mark) {
  std::string bytes(mark.lines.size() * 4, '\0');
  if (!bytes.empty()) std::memcpy(bytes.data(), mark.lines.data(), bytes.size());
  return bytes;
}

std::string encode_symbols(const FileMark& mark) {
  std::string text;
  for (const SymbolMark& symbol : mark.symbols) {
    std::string name = symbol.name;
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c == '\t' || c == '\n'; }, ' ');
    fmt::format_to(std::back_inserter(text), "{}\t{}\t{}\t{}\t{}\t{:x}\t{:x}\n", name, symbol.kind, symbol.line,
                   symbol.end_line, symbol.complexity, symbol.head, symbol.body);
  }
  return text;
}

void decode(const std::string& lines, const std::string& symbols, FileMark& mark) {
  mark.lines.resize(lines.size() / 4);
  if (!mark.lines.empty()) std::memcpy(mark.lines.data(), lines.data(), mark.lines.size() * 4);
  mark.symbols.clear();
  for (std::size_t at = 0; at < symbols.size();) {
    const std::size_t end = std::min(symbols.find('\n', at), symbols.size());
    std::vector<std::string_view> parts;
    std::string_view row = std::string_view(symbols).substr(at, end - at);
    at = end + 1;
    while (true) {
      const std::size_t tab = row.find('\t');
      parts.push_back(row.substr(0, tab));
      if (tab == std::string_view::npos) break;
      row.remove_prefix(tab + 1);
    }
    if (parts.size() != 7) continue;
    SymbolMark one;
    const auto number = [](std::string_view part, auto& value, int base) {
      std::from_chars(part.data(), part.data() + part.size(), value, base);
    };
    one.name = parts[0];
    one.kind = parts[1];
    number(parts[2], one.line, 10);
    number(parts[3], one.end_line, 10);
    number(parts[4], one.complexity, 10);
    number(parts[5], one.head, 16);
    number(parts[6], one.body, 16);
    mark.symbols.push_back(std::move(one));
  }
}

}  // namespace jarvis2::meta
