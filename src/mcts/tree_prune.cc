// Making room: the least visited nodes lose their edges, and what nothing leads to any more is freed.
#include <algorithm>
#include <limits>

#include "mcts/tree.h"

namespace jarvis2::mcts {

void Tree::tree_of(NodeIndex root, std::vector<NodeIndex>& order, std::vector<NodeIndex>& parents,
                   std::vector<ActionId>& via) const {
  // Breadth first, so that the recorded path to a node is a shortest one.
  std::vector<bool> seen(next_node_, false);
  order.clear();
  parents.assign(next_node_, kNoNode);
  via.assign(next_node_, kStopAction);
  if (root == kNoNode) return;
  order.push_back(root);
  seen[root] = true;
  for (std::size_t at_order = 0; at_order < order.size(); ++at_order) {
    const NodeIndex index = order[at_order];
    const Node& node = at(index);
    const Link* link = links(node);
    for (std::uint32_t i = 0; i < node.open; ++i) {
      const NodeIndex child = link[i].child;
      if (child == kNoNode || child == kStopChild || seen[child]) continue;
      seen[child] = true;
      parents[child] = index;
      via[child] = actions(node)[i];
      order.push_back(child);
    }
  }
}

std::vector<NodeIndex> Tree::post_order(NodeIndex root) const {
  struct Frame {
    NodeIndex index;
    std::uint32_t edge;
  };
  std::vector<bool> seen(next_node_, false);
  std::vector<NodeIndex> order;
  std::vector<Frame> stack;
  if (root == kNoNode) return order;
  stack.push_back({root, 0});
  seen[root] = true;
  while (!stack.empty()) {
    Frame& frame = stack.back();
    const Node& node = at(frame.index);
    if (frame.edge == node.open) {
      order.push_back(frame.index);
      stack.pop_back();
      continue;
    }
    const NodeIndex child = links(node)[frame.edge++].child;
    if (child == kNoNode || child == kStopChild || seen[child]) continue;
    seen[child] = true;
    stack.push_back({child, 0});
  }
  return order;
}

// Takes the edges of the `share` least visited nodes that have some.
std::size_t Tree::strip(NodeIndex root, double share) {
  std::vector<std::uint32_t> visits;
  const std::vector<NodeIndex> order = post_order(root);
  for (NodeIndex index : order) {
    if (index != root && at(index).legal > 0) visits.push_back(at(index).visits.load(std::memory_order_relaxed));
  }
  if (visits.empty()) return 0;
  const std::size_t last =
      std::min(visits.size() - 1, static_cast<std::size_t>(share * static_cast<double>(visits.size())));
  std::nth_element(visits.begin(), visits.begin() + static_cast<std::ptrdiff_t>(last), visits.end());
  const std::uint32_t threshold = visits[last];
  std::size_t freed_bytes = 0;
  for (NodeIndex index : order) {
    Node& node = at(index);
    if (index == root || node.legal == 0 || node.visits.load(std::memory_order_relaxed) > threshold) continue;
    freed_bytes += stub_bytes(node.legal) + link_bytes(node.room);
    free_edges(node);
    const std::uint8_t flags = node.flags.load(std::memory_order_relaxed);
    node.flags.store(flags | kKeepBestFlag, std::memory_order_relaxed);
    if ((flags & kClosedFlag) != 0) continue;  // nobody will ask for its edges again
    node.phase.store(Phase::kBare, std::memory_order_relaxed);
  }
  return freed_bytes;
}

// Frees what can't be reached any more.
std::uint32_t Tree::sweep(NodeIndex root) {
  std::vector<bool> reachable(next_node_, false);
  for (NodeIndex index : post_order(root)) reachable[index] = true;
  std::uint32_t freed = 0;
  for (std::size_t s = 0; s < kShards; ++s) {
    Shard& shard = shards_[s];
    for (NodeIndex& bucket : shard.buckets) {
      NodeIndex* link = &bucket;
      while (*link != kNoNode) {
        const NodeIndex index = *link;
        Node& node = at(index);
        if (reachable[index]) {
          link = &node.next;
          continue;
        }
        *link = node.next;
        free_edges(node);
        free_nodes_.push_back(index);
        --shard.count;
        ++freed;
      }
    }
  }
  live_nodes_.fetch_sub(freed, std::memory_order_relaxed);
  return freed;
}

bool Tree::prune(NodeIndex root) {
  const std::uint32_t before = nodes();
  std::uint32_t freed = sweep(root);  // advance() leaves some
  std::size_t freed_bytes = 0;
  for (double share : {0.5, 0.8, 0.95}) {
    if (freed * 5 >= before || freed_bytes * 5 >= edges_.used_chunks_ * BlockArena::kChunkBytes) break;
    freed_bytes += strip(root, share);
    freed += sweep(root);
  }
  return freed * 10 >= before || freed_bytes * 10 >= edges_.used_chunks_ * BlockArena::kChunkBytes;
}

void Tree::clear() {
  for (std::uint32_t i = 0; i < used_node_chunks_; ++i) {
    memory_->deallocate(node_chunks_[i], kNodesPerChunk * sizeof(Node), alignof(Node));
  }
  for (std::uint32_t i = 0; i < edges_.used_chunks_; ++i) {
    memory_->deallocate(edges_.chunks_[i], BlockArena::kChunkBytes, alignof(Node));
  }
  used_node_chunks_ = 0;
  next_node_ = 1;
  free_nodes_.clear();
  live_nodes_ = 0;
  edges_.used_chunks_ = 0;
  edges_.next_unit_ = 1;
  edges_.end_unit_ = 0;
  edges_.free_.clear();
  for (std::size_t s = 0; s < kShards; ++s) {
    shards_[s].buckets.clear();
    shards_[s].count = 0;
  }
  bytes_ = 0;
  low_ = std::numeric_limits<float>::infinity();
  high_ = -std::numeric_limits<float>::infinity();
}

}  // namespace jarvis2::mcts
