#include <algorithm>
#include <cctype>

#include "index/sources.h"

namespace jarvis2::index {
namespace {

using code::kNoSymbol;
using code::Outline;
using code::Range;
using code::Symbol;

constexpr std::size_t kLines = 80;       // of a chunk, at most
constexpr std::size_t kBytes = 8000;     // likewise
constexpr std::size_t kTextLines = 40;   // of a chunk of documentation
constexpr std::size_t kGroupLines = 50;  // of what is between symbols

bool word_in(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || (c & 0x80) != 0; });
}

class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {
    starts_.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') starts_.push_back(static_cast<std::uint32_t>(i + 1));
    }
    if (starts_.size() > 1 && starts_.back() == text.size()) starts_.pop_back();
  }
  std::uint32_t count() const { return static_cast<std::uint32_t>(starts_.size()); }
  std::uint32_t start(std::uint32_t index) const {
    return index < count() ? starts_[index] : static_cast<std::uint32_t>(text_.size());
  }
  std::string_view line(std::uint32_t index) const {
    std::string_view text = text_.substr(start(index), start(index + 1) - start(index));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
    return text;
  }
  // Index of the line that holds `byte`.
  std::uint32_t at(std::uint32_t byte) const {
    return static_cast<std::uint32_t>(std::upper_bound(starts_.begin(), starts_.end(), byte) - starts_.begin()) - 1;
  }
  std::size_t indent(std::uint32_t index) const {
    const std::string_view text = line(index);
    const std::size_t first = text.find_first_not_of(" \t");
    return first == std::string_view::npos ? 0 : first;
  }
  bool blank(std::uint32_t index) const { return line(index).find_first_not_of(" \t") == std::string_view::npos; }

 private:
  std::string_view text_;
  std::vector<std::uint32_t> starts_;
};

// Cuts `chunk` into pieces of at most `lines` lines and kBytes bytes, at blank or little indented lines.
void add_pieces(std::string_view text, const Lines& lines, Chunk chunk, std::size_t most, std::vector<Chunk>& out) {
  std::uint32_t begin = chunk.range.begin;
  const std::uint32_t end = chunk.range.end;
  while (begin < end) {
    const std::uint32_t first = lines.at(begin);
    const std::uint32_t last = lines.at(end - 1);
    std::uint32_t cut = end;
    if (last - first + 1 > most || end - begin > kBytes) {
      const std::uint32_t reach = std::min<std::uint32_t>(last, first + static_cast<std::uint32_t>(most));
      std::size_t best = SIZE_MAX;
      for (std::uint32_t i = first + static_cast<std::uint32_t>(most / 2); i <= reach; ++i) {
        if (lines.start(i) - begin > kBytes) break;
        const std::size_t cost = (lines.blank(i) ? 0 : 4) + 2 * lines.indent(i);
        if (cost <= best) {
          best = cost;
          cut = lines.start(i);
        }
      }
      if (best == SIZE_MAX) {  // long lines
        cut = begin + static_cast<std::uint32_t>(std::min<std::size_t>(kBytes, end - begin));
        while (cut < end && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) ++cut;
      }
    }
    Chunk piece = chunk;
    piece.range = {begin, cut};
    const bool holds_doc = chunk.doc.size() > 0 && piece.range.begin <= chunk.doc.begin && chunk.doc.end <= cut;
    if (!holds_doc) piece.doc = {};
    // White space around does not count.
    while (piece.range.begin < piece.range.end && std::isspace(static_cast<unsigned char>(text[piece.range.begin])))
      ++piece.range.begin;
    while (piece.range.end > piece.range.begin && std::isspace(static_cast<unsigned char>(text[piece.range.end - 1])))
      --piece.range.end;
    if (word_in(text.substr(piece.range.begin, piece.range.size()))) {
      piece.line = lines.at(piece.range.begin) + 1;
      piece.end_line = lines.at(piece.range.end - 1) + 1;
      out.push_back(std::move(piece));
    }
    begin = cut;
  }
}

constexpr std::string_view kModifiers[] = {
    "public",   "private",  "protected", "internal", "static",      "final",    "abstract", "override",
    "async",    "export",   "default",   "open",     "sealed",      "data",     "suspend",  "inline",
    "virtual",  "extern",   "pub",       "unsafe",   "partial",     "readonly", "local",    "fileprivate",
    "mutating", "implicit", "lazy",      "case",     "native",      "operator", "infix",    "tailrec",
    "const",    "global",   "external",  "required", "convenience", "indirect", "comptime"};
constexpr std::string_view kDefiners[] = {
    "class", "interface", "struct",   "enum",      "trait",   "object",    "module", "def",
    "fun",   "func",      "fn",       "function",  "sub",     "proc",      "defp",   "defmodule",
    "type",  "record",    "protocol", "extension", "impl",    "namespace", "mixin",  "defmacro",
    "defn",  "actor",     "init",     "message",   "service", "typedef",   "macro"};

// The name a line of unknown grammar defines; empty: none.
std::string guessed_definition(std::string_view line) {
  std::size_t at = line.find_first_not_of(" \t");
  if (at == std::string_view::npos) return {};
  bool modified = false;
  while (at < line.size()) {
    std::size_t end = at;
    while (end < line.size() && (std::isalnum(static_cast<unsigned char>(line[end])) || line[end] == '_')) ++end;
    const std::string_view word = line.substr(at, end - at);
    if (word.empty()) return {};
    const auto next = [&] {
      std::size_t begin = line.find_first_not_of(" \t", end);
      return begin == std::string_view::npos ? line.size() : begin;
    };
    if (std::find(std::begin(kDefiners), std::end(kDefiners), word) != std::end(kDefiners)) {
      at = next();
      if (at == end && at < line.size()) return word == "init" ? "init" : "";
      if (line.substr(at).starts_with("self.")) at += 5;
      end = at;
      while (end < line.size() && (std::isalnum(static_cast<unsigned char>(line[end])) || line[end] == '_' ||
                                   line[end] == '.' || line[end] == ':' || line[end] == '?' || line[end] == '!'))
        ++end;
      std::string name(line.substr(at, end - at));
      while (!name.empty() && (name.back() == ':' || name.back() == '.')) name.pop_back();
      return name;
    }
    if (std::find(std::begin(kModifiers), std::end(kModifiers), word) != std::end(kModifiers)) {
      modified = true;
      at = next();
      continue;
    }
    // `public int Size(...)`: the name before the first bracket.
    const std::size_t bracket = line.find('(');
    if (!modified || bracket == std::string_view::npos || bracket == 0 || line.find('=') < bracket) {
      // `name() {` in shells.
      if (end + 1 < line.size() && line.substr(end).starts_with("() {")) return std::string(word);
      return {};
    }
    std::size_t begin = bracket;
    while (begin > 0 && (std::isalnum(static_cast<unsigned char>(line[begin - 1])) || line[begin - 1] == '_')) --begin;
    return std::string(line.substr(begin, bracket - begin));
  }
  return {};
}

}  // namespace

std::vector<Chunk> chunks_of(const code::Tree& tree, const Outline& outline) {
  const std::string_view text = tree.text();
  const Lines lines(text);
  // Units: definitions that are chunks of their own. Containers own what is between their units.
  struct Span {
    Range range;
    std::uint32_t symbol;
    bool unit;
  };
  std::vector<Span> spans;
  const auto begin_of = [&](const Symbol& symbol) {
    const bool before = symbol.doc.size() > 0 && symbol.doc.end <= symbol.range.begin;
    return before ? symbol.doc.begin : symbol.range.begin;
  };
  std::vector<bool> holds_code(outline.symbols.size());
  for (const Symbol& symbol : outline.symbols) {
    if (symbol.parent != kNoSymbol && code::is_callable(symbol.kind) && symbol.body.size() > 0)
      holds_code[symbol.parent] = true;
  }
  std::uint32_t unit_end = 0;
  for (std::uint32_t i = 0; i < outline.symbols.size(); ++i) {
    const Symbol& symbol = outline.symbols[i];
    if (symbol.range.begin < unit_end) continue;  // nested in a unit
    const std::uint32_t rows = symbol.end_line - symbol.line + 1;
    const bool container = code::is_container(symbol.kind);
    const bool callable = code::is_callable(symbol.kind) && (symbol.body.size() > 0 || rows > 3) && !symbol.declaration;
    const bool small_container = container && !holds_code[i] && symbol.kind != code::SymbolKind::kModule && rows <= 12;
    if (callable || small_container || (symbol.kind == code::SymbolKind::kType && rows > 3)) {
      spans.push_back({{begin_of(symbol), symbol.range.end}, i, true});
      unit_end = symbol.range.end;
    } else if (container) {
      spans.push_back({{begin_of(symbol), symbol.range.end}, i, false});
    }
  }
  std::vector<std::uint32_t> points = {0, static_cast<std::uint32_t>(text.size())};
  for (const Span& span : spans) {
    points.push_back(span.range.begin);
    points.push_back(span.range.end);
  }
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());

  std::vector<Chunk> out;
  std::vector<const Span*> open;
  std::size_t next = 0;
  for (std::size_t p = 0; p + 1 < points.size(); ++p) {
    const Range piece{points[p], points[p + 1]};
    while (!open.empty() && open.back()->range.end <= piece.begin) open.pop_back();
    for (; next < spans.size() && spans[next].range.begin <= piece.begin; ++next) {
      if (spans[next].range.end > piece.begin) open.push_back(&spans[next]);
    }
    Chunk chunk;
    chunk.range = piece;
    chunk.kind = "code";
    if (!open.empty()) {
      const Symbol& symbol = outline.symbols[open.back()->symbol];
      chunk.symbol = open.back()->symbol;
      chunk.name = symbol.qualified;
      chunk.kind = symbol_kind_name(symbol.kind);
      if (symbol.doc.size() > 0 && piece.begin <= symbol.doc.begin && symbol.doc.end <= piece.end)
        chunk.doc = symbol.doc;
    }
    add_pieces(text, lines, std::move(chunk), !open.empty() && open.back()->unit ? kLines : kGroupLines, out);
  }
  // Small leftovers between the units of one container ("public:", a field) join the chunk before them in it.
  std::vector<Chunk> joined;
  for (Chunk& chunk : out) {
    const bool small = chunk.end_line - chunk.line < 3 && !joined.empty() && joined.back().symbol == chunk.symbol &&
                       joined.back().end_line + 1 >= chunk.line && chunk.end_line - joined.back().line < kGroupLines;
    if (small) {
      joined.back().range.end = chunk.range.end;
      joined.back().end_line = chunk.end_line;
    } else {
      joined.push_back(std::move(chunk));
    }
  }
  return joined;
}

std::vector<Chunk> chunks_of_text(std::string_view text, std::string_view language) {
  const Lines lines(text);
  const bool prose = is_text_language(language);
  const std::size_t most = prose ? kTextLines : kLines;
  std::vector<Chunk> out;
  Chunk chunk;
  const auto start = [&](std::uint32_t line) {
    chunk = {};
    chunk.range.begin = lines.start(line);
    chunk.kind = prose ? "text" : "code";
  };
  const auto finish = [&](std::uint32_t line) {
    chunk.range.end = lines.start(line);
    if (chunk.range.size() > 0) add_pieces(text, lines, chunk, most, out);
    start(line);
  };
  start(0);
  std::uint32_t first = 0;
  std::size_t depth = 0;  // indentation of the definition that owns the chunk
  bool blank = true;
  for (std::uint32_t i = 0; i < lines.count(); ++i) {
    const std::string_view line = lines.line(i);
    if (prose) {
      const bool heading = line.starts_with('#') && (language == "markdown" || language == "asciidoc");
      if (i > first && ((heading && i - first > 2) || (blank && i - first >= kTextLines / 2))) {
        finish(i);
        first = i;
      }
      if (heading && chunk.name.empty()) {
        const std::size_t begin = line.find_first_not_of("# ");
        if (begin != std::string_view::npos) chunk.name = std::string(line.substr(begin, 80));
      }
    } else if (std::string name = guessed_definition(line); !name.empty()) {
      const std::size_t indent = lines.indent(i);
      if (chunk.name.empty() || indent <= depth + 4) {
        // Comments and attributes directly above belong to the definition.
        std::uint32_t top = i;
        while (top > first && !lines.blank(top - 1) && lines.indent(top - 1) == indent) {
          const std::string_view above = lines.line(top - 1).substr(indent);
          if (!above.starts_with('#') && !above.starts_with("//") && !above.starts_with("/*") &&
              !above.starts_with('*') && !above.starts_with("--") && !above.starts_with('@') && !above.starts_with('['))
            break;
          --top;
        }
        if (top > first) finish(top);
        first = top;
        depth = indent;
        chunk.name = std::move(name);
        chunk.kind = "definition";
      }
    }
    blank = lines.blank(i);
  }
  finish(lines.count());
  return out;
}

}  // namespace jarvis2::index
