// Which files of a folder are worth indexing, and how they come apart into chunks that follow syntax.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "code/outline.h"

namespace jarvis2::index {

struct SourcePath {
  std::string path;  // relative to the root, '/' separated
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
};

// The root of the repository around `dir`, or `dir` itself outside of git.
fs::path index_root(const fs::path& dir);
// Regular files that git tracks or would track (ignore files respected); outside of git all but hidden folders.
// Vendored folders, symbolic links and names that are not UTF-8 are left out. Sorted.
std::vector<SourcePath> source_paths(const fs::path& root, std::stop_token stop = {});
// One path below the root, by the same rules but ignore files; empty when it isn't there or is left out.
std::vector<SourcePath> source_path(const fs::path& root, const std::string& path);

// "python", "markdown", ...; empty: nothing we index by this name. Languages without a grammar are known by suffix.
std::string_view source_language(std::string_view path);
bool is_test_path(std::string_view path);
// Documentation and data: found, but after code.
bool is_text_language(std::string_view language);

// Why a text is not indexed ("binary", "minified", "generated", "too large"); empty: it is.
std::string_view skip_reason(std::string_view path, std::string_view text);

struct Chunk {
  std::uint32_t symbol = code::kNoSymbol;  // index into the outline; kNoSymbol: between symbols
  code::Range range;                       // bytes
  code::Range doc;                         // inside the range; empty when none
  std::uint32_t line = 0, end_line = 0;
  std::string name;  // qualified; empty between symbols
  std::string kind;  // of the symbol; "code" between symbols, "text" for documents
};

// Functions whole (long ones in pieces), classes by their heads, what is between in groups. Every byte that is not
// blank is in exactly one chunk of at most about 80 lines.
std::vector<Chunk> chunks_of(const code::Tree& tree, const code::Outline& outline);
// The same for a text without a grammar: by blank lines, definitions guessed from keywords at the start of a line.
std::vector<Chunk> chunks_of_text(std::string_view text, std::string_view language);

}  // namespace jarvis2::index
