// The search graph: nodes in an arena with 32-bit indices, found by key; edges sorted by prior, of which the visited
// ones are a prefix with statistics. Knows nothing of the environment.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "mcts/options.h"

namespace jarvis2::mcts {

using NodeIndex = std::uint32_t;
inline constexpr NodeIndex kNoNode = 0;
inline constexpr NodeIndex kStopChild = 0xFFFFFFFF;
inline constexpr std::size_t kMaxActions = 10000;  // of one node; the least likely beyond are left out

enum class Phase : std::uint8_t {
  kNew,      // never evaluated
  kPending,  // a thread is evaluating it
  kReady,    // has its edges
  kBare,     // evaluated; its edges were pruned or had no room
};

// Fields are guarded by `lock`, but for the atomics, which others read at any time, and `next` (the table's).
struct alignas(64) Node {
  std::uint64_t key = 0;
  std::atomic<float> mean{0};
  std::atomic<float> best{0};
  float own = 0;  // its evaluation
  float deviation = 0;
  std::atomic<std::uint32_t> visits{0};  // 1 + those of its edges; 0: not evaluated yet
  std::uint32_t in_flight = 0;
  std::uint32_t next = 0;
  std::uint32_t stubs = 0;  // block of `legal` actions, then as many priors
  std::uint32_t links = 0;  // block of `room` links; `open` of them belong to the first stubs
  std::uint16_t legal = 0;
  std::uint16_t open = 0;
  std::uint16_t room = 0;
  std::atomic<Phase> phase{Phase::kNew};
  std::atomic<std::uint8_t> flags{0};
  std::atomic<std::uint8_t> lock{0};
  std::uint8_t shard = 0;
  std::uint32_t mark = 0;
};
static_assert(sizeof(Node) == 64);

inline constexpr std::uint8_t kExactFlag = 1;     // own is the truth
inline constexpr std::uint8_t kClosedFlag = 2;    // all below has been seen
inline constexpr std::uint8_t kTerminalFlag = 4;  // no legal action
inline constexpr std::uint8_t kKeepBestFlag = 8;  // part of what `best` came from was pruned

struct Link {
  NodeIndex child = kNoNode;
  std::uint32_t visits = 0;
  std::uint32_t in_flight = 0;
};
static_assert(sizeof(Link) == 12);

// Unsigned 16-bit float: 5 bits of exponent, 11 of mantissa, for (0, 1].
std::uint16_t quantise_prior(float prior);
float prior_of(std::uint16_t quantised);

// Blocks of memory under a byte limit, in units of 8 bytes, with free lists by size class. Thread-safe.
class BlockArena {
 public:
  static constexpr std::size_t kChunkBytes = 128 << 10;
  // 0 when there is no room.
  std::uint32_t allocate(std::size_t bytes);
  void release(std::uint32_t block, std::size_t bytes);
  void* at(std::uint32_t block) const {
    return chunks_[block / kUnitsPerChunk] + std::size_t{block % kUnitsPerChunk} * 8;
  }

 private:
  friend class Tree;
  static constexpr std::uint32_t kUnitsPerChunk = kChunkBytes / 8;
  class Tree* tree_ = nullptr;
  std::mutex mutex_;
  std::vector<std::byte*> chunks_;
  std::uint32_t used_chunks_ = 0;
  std::uint32_t next_unit_ = 1;  // unit 0 stands for "none"
  std::uint32_t end_unit_ = 0;
  std::vector<std::vector<std::uint32_t>> free_;
};

struct PathStep {
  NodeIndex node;
  std::uint32_t edge;
};

struct Pick {
  enum Kind : std::uint8_t { kEdge, kStop, kClosed, kFull } kind = kEdge;
  std::uint32_t edge = 0;
  ActionId action = 0;
  NodeIndex child = kNoNode;  // kNoNode: not looked up yet
};

// Functions marked (exclusive) need that no other thread uses the tree; the others are thread-safe.
class Tree {
 public:
  Tree(const Options& options, int players, bool stop);
  ~Tree();
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  Node& at(NodeIndex index) const { return node_chunks_[index / kNodesPerChunk][index % kNodesPerChunk]; }
  // The node of this key, made if new; kNoNode when there is no room.
  NodeIndex find_or_create(std::uint64_t key, bool* created = nullptr);
  // PUCT; counts the visit as in flight.
  Pick select(NodeIndex index);
  // This edge, whatever PUCT would say; it must be open.
  Pick force(NodeIndex index, std::uint32_t edge);
  void set_child(NodeIndex parent, std::uint32_t edge, NodeIndex child);
  // Stores an evaluation: edges by falling prior. Keeps the links of actions that stay. False: no room for the edges
  // (the node is then bare).
  bool expand(NodeIndex index, std::span<const ActionId> actions, const Evaluation& evaluation);
  // Ends a walk: the visits in flight become visits and each node of the path is computed from its children.
  void back_up(std::span<const PathStep> path);
  // Ends a walk that came to nothing.
  void take_back(std::span<const PathStep> path);

  // (exclusive)
  // Opens every edge of a node; false when there is no room.
  bool open_all(NodeIndex index);
  void recompute(NodeIndex index);
  // A new evaluation for a node without edges.
  void revalue(NodeIndex index, bool terminal, const Evaluation& evaluation);
  // Forgets the range of values and what was kept of pruned nodes: all is about to be evaluated again.
  void forget_values();
  bool prune(NodeIndex root);           // false when less than a tenth of the nodes or edges could be freed
  std::uint32_t sweep(NodeIndex root);  // frees what can't be reached; how many
  void clear();
  std::vector<NodeIndex> post_order(NodeIndex root) const;  // children before parents; what is reachable
  // Reachable nodes, breadth first, each with the parent and the action of a shortest path (by node index).
  void tree_of(NodeIndex root, std::vector<NodeIndex>& order, std::vector<NodeIndex>& parents,
               std::vector<ActionId>& via) const;
  // The child behind this action, kNoNode if it was never visited.
  NodeIndex child_of(NodeIndex index, ActionId action) const;
  std::vector<Candidate> candidates(NodeIndex root, std::size_t count, const CandidateOrder& order) const;
  Candidate champion(NodeIndex root) const;
  std::vector<EdgeReport> edges(NodeIndex index) const;  // most visited first
  EdgeReport edge(NodeIndex index, std::uint32_t edge) const;
  std::vector<ActionId> actions_of(NodeIndex index) const;  // by edge
  float prior(NodeIndex index, std::uint32_t edge) const { return prior_of(priors(at(index))[edge]); }
  void mix_noise(NodeIndex index, std::span<const float> noise, float fraction);
  std::size_t action_count(NodeIndex index) const { return at(index).legal; }
  void to_json(Json& out, NodeIndex root, std::size_t top, std::size_t depth, const ActionName& name) const;
  std::string to_graphviz(NodeIndex root, std::size_t top, std::size_t depth, const ActionName& name) const;

  std::uint32_t nodes() const { return live_nodes_.load(std::memory_order_relaxed); }
  std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  // What the parent sees in a child: the mean mixed with the best, or the solved value.
  float worth(const Node& child) const;

 private:
  friend class BlockArena;
  static constexpr std::size_t kNodesPerChunk = 512;
  static constexpr std::size_t kShards = 64;
  struct Shard {
    std::mutex mutex;
    std::vector<NodeIndex> buckets;
    std::uint32_t count = 0;
  };
  void* take(std::size_t bytes);  // null at the limit
  NodeIndex new_node();
  void free_edges(Node& node);
  bool make_links(Node& node, std::uint32_t room);
  std::size_t strip(NodeIndex root, double share);
  void recompute_locked(Node& node);
  void see_value(float value);
  Candidate candidate_of(NodeIndex index, std::span<const NodeIndex> parents, std::span<const ActionId> via,
                         NodeIndex root) const;
  Json node_json(NodeIndex index, std::size_t top, std::size_t depth, const ActionName& name) const;

  ActionId* actions(const Node& node) const { return static_cast<ActionId*>(edges_.at(node.stubs)); }
  std::uint16_t* priors(const Node& node) const { return reinterpret_cast<std::uint16_t*>(actions(node) + node.legal); }
  Link* links(const Node& node) const { return static_cast<Link*>(edges_.at(node.links)); }
  static std::size_t stub_bytes(std::size_t legal) { return legal * 6; }
  static std::size_t link_bytes(std::size_t room) { return room * sizeof(Link); }

  Options options_;
  int players_;
  bool stop_;
  std::pmr::memory_resource* memory_;
  std::atomic<std::size_t> bytes_{0};
  std::atomic<std::uint32_t> live_nodes_{0};
  std::mutex node_mutex_;
  std::vector<Node*> node_chunks_;  // its size is fixed: readers need no lock
  std::uint32_t used_node_chunks_ = 0;
  std::uint32_t next_node_ = 1;
  std::vector<NodeIndex> free_nodes_;
  BlockArena edges_;
  std::unique_ptr<Shard[]> shards_;
  std::atomic<float> low_;
  std::atomic<float> high_;
};

}  // namespace jarvis2::mcts
