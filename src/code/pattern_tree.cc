#include "code/pattern_tree.h"

#include <algorithm>
#include <list>
#include <mutex>

namespace jarvis2::code {
namespace {

constexpr std::size_t kCachedTrees = 64;

bool is_comment(std::string_view kind) {
  return kind == "comment" || kind == "line_comment" || kind == "block_comment";
}

struct Cache {
  std::mutex mutex;
  std::list<std::shared_ptr<const FlatTree>> recent;  // most recent first
};

Cache& cache() {
  static Cache instance;
  return instance;
}

}  // namespace

FlatTree::FlatTree(std::shared_ptr<const Tree> tree) : tree_(std::move(tree)) {
  const TSNode root = tree_->root().raw();
  nodes_.reserve(ts_node_descendant_count(root));
  by_symbol_.resize(ts_language_symbol_count(grammar(tree_->language())));
  TSTreeCursor cursor = ts_tree_cursor_new(root);
  std::vector<Index> open;
  bool down = true;
  while (true) {
    if (down) {
      FlatNode node;
      node.raw = ts_tree_cursor_current_node(&cursor);
      node.parent = open.empty() ? kNoIndex : open.back();
      node.begin_byte = ts_node_start_byte(node.raw);
      node.end_byte = ts_node_end_byte(node.raw);
      node.symbol = ts_node_symbol(node.raw);
      node.field = ts_tree_cursor_current_field_id(&cursor);
      node.named = ts_node_is_named(node.raw);
      node.comment = node.named && is_comment(ts_node_type(node.raw));
      node.missing = ts_node_is_missing(node.raw);
      const Index index = size();
      if (node.symbol < by_symbol_.size()) by_symbol_[node.symbol].push_back(index);
      nodes_.push_back(node);
      if (ts_tree_cursor_goto_first_child(&cursor)) {
        open.push_back(index);
        continue;
      }
      nodes_[index].end = size();
    }
    if (ts_tree_cursor_goto_next_sibling(&cursor)) {
      down = true;
      continue;
    }
    if (open.empty() || !ts_tree_cursor_goto_parent(&cursor)) break;
    nodes_[open.back()].end = size();
    open.pop_back();
    down = false;
  }
  ts_tree_cursor_delete(&cursor);
}

std::string_view FlatTree::kind(Index index) const {
  return index < size() ? std::string_view(ts_node_type(nodes_[index].raw)) : std::string_view();
}

std::string_view FlatTree::text(Index index) const {
  if (index >= size()) return {};
  const FlatNode& node = nodes_[index];
  return std::string_view(tree_->text()).substr(node.begin_byte, node.end_byte - node.begin_byte);
}

Index FlatTree::find(const Node& node) const {
  if (!node) return kNoIndex;
  const std::uint32_t begin = node.range().begin;
  std::vector<FlatNode>::const_iterator at =
      std::lower_bound(nodes_.begin(), nodes_.end(), begin,
                       [](const FlatNode& other, std::uint32_t byte) { return other.begin_byte < byte; });
  for (; at != nodes_.end() && at->begin_byte == begin; ++at) {
    if (at->raw.id == node.raw().id) return static_cast<Index>(at - nodes_.begin());
  }
  return kNoIndex;
}

Index FlatTree::child(Index index, std::string_view field) const {
  if (index >= size()) return kNoIndex;
  const TSFieldId wanted = field_of(language(), field);
  if (wanted == 0) return kNoIndex;
  for (Index at = index + 1; at < nodes_[index].end; at = nodes_[at].end) {
    if (nodes_[at].field == wanted) return at;
  }
  return kNoIndex;
}

std::vector<Index> FlatTree::children(Index index) const {
  std::vector<Index> result;
  if (index >= size()) return result;
  for (Index at = index + 1; at < nodes_[index].end; at = nodes_[at].end) {
    if (nodes_[at].named && !nodes_[at].comment) result.push_back(at);
  }
  return result;
}

const std::vector<Index>& FlatTree::with_symbol(TSSymbol symbol) const {
  static const std::vector<Index> kNone;
  return symbol < by_symbol_.size() ? by_symbol_[symbol] : kNone;
}

TSSymbol FlatTree::symbol_of(Language language, std::string_view kind) {
  return ts_language_symbol_for_name(grammar(language), kind.data(), static_cast<std::uint32_t>(kind.size()), true);
}

TSFieldId FlatTree::field_of(Language language, std::string_view name) {
  return ts_language_field_id_for_name(grammar(language), name.data(), static_cast<std::uint32_t>(name.size()));
}

std::shared_ptr<const FlatTree> flatten(const std::shared_ptr<const Tree>& tree) {
  Cache& shared = cache();
  {
    const std::lock_guard<std::mutex> lock(shared.mutex);
    for (auto at = shared.recent.begin(); at != shared.recent.end(); ++at) {
      if (&(*at)->tree() != tree.get()) continue;
      shared.recent.splice(shared.recent.begin(), shared.recent, at);
      return shared.recent.front();
    }
  }
  std::shared_ptr<const FlatTree> flat = std::make_shared<const FlatTree>(tree);
  const std::lock_guard<std::mutex> lock(shared.mutex);
  shared.recent.push_front(flat);
  if (shared.recent.size() > kCachedTrees) shared.recent.pop_back();
  return flat;
}

}  // namespace jarvis2::code
