#include "code/syntax.h"

#include <algorithm>

#include "base/error.h"
#include "code/c_macros.h"
#include "code/tree_memory.h"
#include "memory/charge.h"

extern "C" {
const TSLanguage* tree_sitter_python(void);
const TSLanguage* tree_sitter_c(void);
const TSLanguage* tree_sitter_cpp(void);
const TSLanguage* tree_sitter_rust(void);
const TSLanguage* tree_sitter_go(void);
const TSLanguage* tree_sitter_java(void);
const TSLanguage* tree_sitter_javascript(void);
const TSLanguage* tree_sitter_typescript(void);
const TSLanguage* tree_sitter_tsx(void);
}

namespace jarvis2::code {
namespace {

struct LanguageEntry {
  Language language;
  std::string_view name;
  const TSLanguage* (*grammar)();
  std::string_view suffixes;  // separated by spaces, with a space at both ends
};

constexpr LanguageEntry kLanguages[] = {
    {Language::kPython, "python", tree_sitter_python, " .py .pyi "},
    {Language::kC, "c", tree_sitter_c, " .c .h "},
    {Language::kCpp, "cpp", tree_sitter_cpp, " .cc .cpp .cxx .c++ .hh .hpp .hxx .h++ .ipp .inl .tpp "},
    {Language::kRust, "rust", tree_sitter_rust, " .rs "},
    {Language::kGo, "go", tree_sitter_go, " .go "},
    {Language::kJava, "java", tree_sitter_java, " .java "},
    {Language::kJavaScript, "javascript", tree_sitter_javascript, " .js .mjs .cjs .jsx "},
    {Language::kTypeScript, "typescript", tree_sitter_typescript, " .ts .mts .cts "},
    {Language::kTsx, "tsx", tree_sitter_tsx, " .tsx "},
};

}  // namespace

Language language_of(std::string_view path, bool cpp_headers) {
  const std::size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return Language::kNone;
  if (cpp_headers && name.substr(dot) == ".h") return Language::kCpp;
  const std::string padded = " " + std::string(name.substr(dot)) + " ";
  for (const LanguageEntry& entry : kLanguages) {
    if (entry.suffixes.find(padded) != std::string_view::npos) return entry.language;
  }
  return Language::kNone;
}

std::string_view language_name(Language language) {
  for (const LanguageEntry& entry : kLanguages) {
    if (entry.language == language) return entry.name;
  }
  return "none";
}

Language language_from_name(std::string_view name) {
  for (const LanguageEntry& entry : kLanguages) {
    if (entry.name == name) return entry.language;
  }
  return Language::kNone;
}

const TSLanguage* grammar(Language language) {
  for (const LanguageEntry& entry : kLanguages) {
    if (entry.language == language) return entry.grammar();
  }
  return nullptr;
}

std::string_view Node::kind() const {
  return *this ? ts_node_type(node_) : "";
}
bool Node::is_named() const {
  return *this && ts_node_is_named(node_);
}
bool Node::has_error() const {
  return *this && ts_node_has_error(node_);
}
Range Node::range() const {
  return *this ? Range{ts_node_start_byte(node_), ts_node_end_byte(node_)} : Range{};
}
std::uint32_t Node::line() const {
  return *this ? ts_node_start_point(node_).row + 1 : 0;
}
std::uint32_t Node::column() const {
  return *this ? ts_node_start_point(node_).column + 1 : 0;
}
std::uint32_t Node::end_line() const {
  return *this ? ts_node_end_point(node_).row + 1 : 0;
}
std::string_view Node::text() const {
  const Range bytes = range();
  return *this ? std::string_view(tree_->text()).substr(bytes.begin, bytes.size()) : std::string_view();
}
Node Node::parent() const {
  return *this ? Node(ts_node_parent(node_), tree_) : Node();
}
Node Node::next_sibling() const {
  return *this ? Node(ts_node_next_named_sibling(node_), tree_) : Node();
}
Node Node::previous_sibling() const {
  return *this ? Node(ts_node_prev_named_sibling(node_), tree_) : Node();
}
std::uint32_t Node::child_count() const {
  return *this ? ts_node_child_count(node_) : 0;
}
Node Node::child(std::uint32_t index) const {
  return *this ? Node(ts_node_child(node_, index), tree_) : Node();
}
std::uint32_t Node::named_count() const {
  return *this ? ts_node_named_child_count(node_) : 0;
}
Node Node::named(std::uint32_t index) const {
  return *this ? Node(ts_node_named_child(node_, index), tree_) : Node();
}

std::vector<Node> Node::children() const {
  std::vector<Node> result;
  result.reserve(named_count());
  each_named(*this, [&](Node child) {
    if (!child.is("comment") && !child.is("line_comment") && !child.is("block_comment")) result.push_back(child);
  });
  return result;
}

Node Node::field(std::string_view name) const {
  if (!*this) return {};
  return Node(ts_node_child_by_field_name(node_, name.data(), static_cast<std::uint32_t>(name.size())), tree_);
}

std::string_view Node::field_of_child(std::uint32_t index) const {
  const char* name = *this ? ts_node_field_name_for_child(node_, index) : nullptr;
  return name != nullptr ? name : "";
}

Node Node::ancestor(std::initializer_list<std::string_view> kinds) const {
  for (Node up = parent(); up; up = up.parent()) {
    if (std::find(kinds.begin(), kinds.end(), up.kind()) != kinds.end()) return up;
  }
  return {};
}

Tree::Tree(Language language, std::string text) : language_(language), text_(std::move(text)) {
  line_starts_.push_back(0);
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') line_starts_.push_back(static_cast<std::uint32_t>(i + 1));
  }
}

namespace {

[[maybe_unused]] const bool kTreesInZone = [] {
  use_zone_for_trees();
  return true;
}();

}  // namespace

std::shared_ptr<const Tree> Tree::parse(Language language, std::string text) {
  const TSLanguage* rules = grammar(language);
  if (rules == nullptr) throw Error("code::parse", "no grammar for this language");
  if (text.size() >= UINT32_MAX) throw Error("code::parse", "files of 4 GiB and more are not parsed");
  std::unique_ptr<Tree> made(new Tree(language, std::move(text)));
  memory::Zone& zone = memory::zones().code_cache;
  memory::Charge charge(zone,
                        sizeof(Tree) + memory::vector_bytes(made->text_) + memory::vector_bytes(made->line_starts_));
  const std::shared_ptr<Tree> tree(
      made.release(), [held = std::make_shared<memory::Charge>(std::move(charge))](Tree* gone) { delete gone; });
  zone_was_full();
  const std::unique_ptr<TSParser, decltype(&ts_parser_delete)> parser(ts_parser_new(), ts_parser_delete);
  if (!ts_parser_set_language(parser.get(), rules)) throw Error("code::parse", "grammar and runtime differ in version");
  const bool macros = language == Language::kC || language == Language::kCpp;
  const std::string masked = macros ? mask_macros(tree->text_) : std::string();
  const std::string& seen = macros ? masked : tree->text_;
  tree->tree_ = ts_parser_parse_string(parser.get(), nullptr, seen.data(), static_cast<std::uint32_t>(seen.size()));
  if (tree->tree_ == nullptr) throw Error("code::parse", "the parser gave up");
  if (zone_was_full()) throw memory::ZoneFull(zone.name(), tree->text_.size(), zone.used_bytes(), zone.limit_bytes());
  return tree;
}

Tree::~Tree() {
  if (tree_ != nullptr) ts_tree_delete(tree_);
}

Node Tree::root() const {
  return Node(ts_tree_root_node(tree_), this);
}

Node Tree::at(Range range) const {
  return Node(ts_node_named_descendant_for_byte_range(ts_tree_root_node(tree_), range.begin, range.end), this);
}

std::uint32_t Tree::line_of(std::uint32_t byte) const {
  const auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), byte);
  return static_cast<std::uint32_t>(after - line_starts_.begin());
}

Range Tree::line_range(std::uint32_t line) const {
  if (line == 0 || line > line_starts_.size()) return {};
  const std::uint32_t begin = line_starts_[line - 1];
  std::uint32_t end = line < line_starts_.size() ? line_starts_[line] - 1 : static_cast<std::uint32_t>(text_.size());
  if (end > begin && text_[end - 1] == '\r') --end;
  return {begin, end};
}

}  // namespace jarvis2::code
