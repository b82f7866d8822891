#include "index/stored_graph.h"

#include <unordered_map>

namespace jarvis2::index {

code::Graph load_graph(Store& store) {
  std::vector<code::GraphFile> files;
  std::unordered_map<std::int64_t, std::size_t> position;
  Statement rows(store.db(), "SELECT id, path, language FROM file WHERE skipped IS NULL ORDER BY path");
  while (rows.step()) {
    code::Language language = code::language_from_name(rows.get_text(2));
    const std::string path = rows.get_text(1);
    if (path.ends_with(".tsx")) language = code::Language::kTsx;
    if (language == code::Language::kNone) continue;
    position.emplace(rows.get_integer(0), files.size());
    files.push_back({path, language, {}});
  }
  const auto outline = [&](std::int64_t id) -> code::Outline* {
    const auto found = position.find(id);
    return found == position.end() ? nullptr : &files[found->second].outline;
  };
  const auto optional = [](const Statement& row, int column, std::size_t limit) {
    if (row.is_null(column)) return code::kNoSymbol;
    const std::int64_t value = row.get_integer(column);
    if (value < 0 || static_cast<std::size_t>(value) >= limit) throw Corrupt("a symbol that is not there");
    return static_cast<std::uint32_t>(value);
  };
  Statement symbols(store.db(),
                    "SELECT file, name, qualified, kind, declaration, line, end_line, parent, complexity, signature "
                    "FROM symbol ORDER BY file, ordinal");
  while (symbols.step()) {
    code::Outline* at = outline(symbols.get_integer(0));
    if (at == nullptr) continue;
    code::Symbol one;
    one.name = symbols.get_text(1);
    one.qualified = symbols.get_text(2);
    one.kind = static_cast<code::SymbolKind>(symbols.get_integer(3));
    if (one.kind > code::SymbolKind::kVariable) throw Corrupt("a symbol of no kind");
    one.declaration = symbols.get_integer(4) != 0;
    one.line = static_cast<std::uint32_t>(symbols.get_integer(5));
    one.end_line = static_cast<std::uint32_t>(symbols.get_integer(6));
    one.parent = optional(symbols, 7, at->symbols.size());
    one.complexity = static_cast<std::uint32_t>(symbols.get_integer(8));
    one.signature = symbols.get_text(9);
    at->symbols.push_back(std::move(one));
  }
  Statement references(store.db(),
                       "SELECT file, symbol, name, qualifier, kind, line FROM reference ORDER BY file, ordinal");
  while (references.step()) {
    code::Outline* at = outline(references.get_integer(0));
    if (at == nullptr) continue;
    at->references.push_back(
        {references.get_text(2), references.get_text(3),
         references.get_integer(4) == 0 ? code::ReferenceKind::kCall : code::ReferenceKind::kInherit,
         optional(references, 1, at->symbols.size()), static_cast<std::uint32_t>(references.get_integer(5))});
  }
  Statement imports(store.db(), "SELECT file, module, name, alias, line FROM import ORDER BY file, ordinal");
  while (imports.step()) {
    code::Outline* at = outline(imports.get_integer(0));
    if (at == nullptr) continue;
    at->imports.push_back({imports.get_text(1), imports.get_text(2), imports.get_text(3),
                           static_cast<std::uint32_t>(imports.get_integer(4))});
  }
  return code::Graph::build(std::move(files));
}

}  // namespace jarvis2::index
