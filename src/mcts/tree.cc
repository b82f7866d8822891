#include "mcts/tree.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <new>
#include <numeric>
#include <thread>
#include <unordered_map>

#include "base/error.h"

namespace jarvis2::mcts {
namespace {

// A node's lock is held for tens of nanoseconds.
class NodeGuard {
 public:
  explicit NodeGuard(Node& node) : node_(node) {
    int spins = 0;
    while (node_.lock.exchange(1, std::memory_order_acquire) != 0) {
      while (node_.lock.load(std::memory_order_relaxed) != 0) {
        if (++spins > 64) std::this_thread::yield();
      }
    }
  }
  ~NodeGuard() { node_.lock.store(0, std::memory_order_release); }
  NodeGuard(const NodeGuard&) = delete;
  NodeGuard& operator=(const NodeGuard&) = delete;

 private:
  Node& node_;
};

// Size classes: four steps a power of two.
std::uint32_t class_of(std::uint32_t units, std::uint32_t* rounded) {
  if (units <= 4) {
    *rounded = units;
    return units;
  }
  const std::uint32_t bits = static_cast<std::uint32_t>(std::bit_width(units - 1));  // 2^(bits-1) < units <= 2^bits
  const std::uint32_t step = std::max<std::uint32_t>(1, (1U << bits) / 8);
  const std::uint32_t steps = (units + step - 1) / step;  // 5..8
  *rounded = steps * step;
  return bits * 4 + steps - 8 + 8;
}

constexpr std::uint32_t kFewestLinks = 4;

}  // namespace

std::uint16_t quantise_prior(float prior) {
  constexpr std::uint32_t kBias = 96U << 23;
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(std::min(prior, 1.0f));
  if (!(prior > 0) || bits <= kBias) return 0;
  return static_cast<std::uint16_t>((bits - kBias + 0x800) >> 12);
}

float prior_of(std::uint16_t quantised) {
  if (quantised == 0) return 0;
  return std::bit_cast<float>((std::uint32_t{quantised} << 12) + (96U << 23));
}

std::uint32_t BlockArena::allocate(std::size_t bytes) {
  std::uint32_t units = 0;
  const std::uint32_t size_class = class_of(static_cast<std::uint32_t>((bytes + 7) / 8), &units);
  const std::lock_guard<std::mutex> guard(mutex_);
  if (size_class < free_.size() && !free_[size_class].empty()) {
    const std::uint32_t block = free_[size_class].back();
    free_[size_class].pop_back();
    return block;
  }
  if (next_unit_ + units > end_unit_) {
    if (used_chunks_ == chunks_.size()) return 0;
    void* chunk = tree_->take(kChunkBytes);
    if (chunk == nullptr) return 0;
    chunks_[used_chunks_] = static_cast<std::byte*>(chunk);
    next_unit_ = std::max<std::uint32_t>(used_chunks_ * kUnitsPerChunk, 1);
    ++used_chunks_;
    end_unit_ = used_chunks_ * kUnitsPerChunk;
  }
  const std::uint32_t block = next_unit_;
  next_unit_ += units;
  return block;
}

void BlockArena::release(std::uint32_t block, std::size_t bytes) {
  std::uint32_t units = 0;
  const std::uint32_t size_class = class_of(static_cast<std::uint32_t>((bytes + 7) / 8), &units);
  const std::lock_guard<std::mutex> guard(mutex_);
  if (size_class >= free_.size()) free_.resize(size_class + 1);
  free_[size_class].push_back(block);
}

Tree::Tree(const Options& options, int players, bool stop)
    : options_(options),
      players_(players),
      stop_(stop),
      memory_(options.memory != nullptr ? options.memory : std::pmr::new_delete_resource()),
      shards_(std::make_unique<Shard[]>(kShards)),
      low_(std::numeric_limits<float>::infinity()),
      high_(-std::numeric_limits<float>::infinity()) {
  if (options_.limit_bytes < (1 << 20)) {
    throw Error("mcts::Tree", "limit of " + std::to_string(options_.limit_bytes) + " bytes: at least 1 MiB is needed");
  }
  if (players_ == 2) options_.max_mix = 0;
  // 32-bit indices: at most 2^32 nodes and 2^32 units of 8 bytes.
  constexpr std::size_t kNodeChunkBytes = kNodesPerChunk * sizeof(Node);
  node_chunks_.resize(
      std::min(options_.limit_bytes / kNodeChunkBytes + 1, (std::size_t{1} << 32) / kNodesPerChunk - 1));
  edges_.chunks_.resize(std::min(options_.limit_bytes / BlockArena::kChunkBytes + 1,
                                 (std::size_t{1} << 32) / BlockArena::kUnitsPerChunk - 1));
  edges_.tree_ = this;
}

Tree::~Tree() {
  for (std::uint32_t i = 0; i < used_node_chunks_; ++i) {
    memory_->deallocate(node_chunks_[i], kNodesPerChunk * sizeof(Node), alignof(Node));
  }
  for (std::uint32_t i = 0; i < edges_.used_chunks_; ++i) {
    memory_->deallocate(edges_.chunks_[i], BlockArena::kChunkBytes, alignof(Node));
  }
}

void* Tree::take(std::size_t bytes) {
  if (bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes > options_.limit_bytes) {
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return nullptr;
  }
  try {
    return memory_->allocate(bytes, alignof(Node));
  } catch (const std::bad_alloc&) {
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return nullptr;
  }
}

NodeIndex Tree::new_node() {
  const std::lock_guard<std::mutex> guard(node_mutex_);
  NodeIndex index = kNoNode;
  if (!free_nodes_.empty()) {
    index = free_nodes_.back();
    free_nodes_.pop_back();
  } else {
    if (next_node_ >= used_node_chunks_ * kNodesPerChunk) {
      if (used_node_chunks_ == node_chunks_.size()) return kNoNode;
      void* chunk = take(kNodesPerChunk * sizeof(Node));
      if (chunk == nullptr) return kNoNode;
      node_chunks_[used_node_chunks_++] = static_cast<Node*>(chunk);
    }
    index = next_node_++;
  }
  new (&at(index)) Node();
  live_nodes_.fetch_add(1, std::memory_order_relaxed);
  return index;
}

NodeIndex Tree::find_or_create(std::uint64_t key, bool* created) {
  const std::uint64_t mixed = key * 0x9E3779B97F4A7C15ULL;
  Shard& shard = shards_[mixed >> 58];
  const std::lock_guard<std::mutex> guard(shard.mutex);
  if (shard.count >= shard.buckets.size()) {
    const std::size_t size = std::max<std::size_t>(64, shard.buckets.size() * 2);
    const std::size_t growth = (size - shard.buckets.size()) * sizeof(NodeIndex);
    const bool fits = bytes_.fetch_add(growth, std::memory_order_relaxed) + growth <= options_.limit_bytes;
    if (!fits) bytes_.fetch_sub(growth, std::memory_order_relaxed);
    if (fits || shard.buckets.empty()) {
      std::vector<NodeIndex> buckets(size, kNoNode);
      for (NodeIndex head : shard.buckets) {
        while (head != kNoNode) {
          Node& node = at(head);
          const NodeIndex next = node.next;
          NodeIndex& bucket = buckets[(node.key * 0x9E3779B97F4A7C15ULL >> 20) & (size - 1)];
          node.next = bucket;
          bucket = head;
          head = next;
        }
      }
      shard.buckets.swap(buckets);
    }
  }
  NodeIndex& bucket = shard.buckets[(mixed >> 20) & (shard.buckets.size() - 1)];
  for (NodeIndex index = bucket; index != kNoNode; index = at(index).next) {
    if (at(index).key == key) {
      if (created != nullptr) *created = false;
      return index;
    }
  }
  const NodeIndex index = new_node();
  if (index == kNoNode) return kNoNode;
  Node& node = at(index);
  node.key = key;
  node.shard = static_cast<std::uint8_t>(mixed >> 58);
  node.next = bucket;
  bucket = index;
  ++shard.count;
  if (created != nullptr) *created = true;
  return index;
}

void Tree::see_value(float value) {
  float seen = low_.load(std::memory_order_relaxed);
  while (value < seen && !low_.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
  seen = high_.load(std::memory_order_relaxed);
  while (value > seen && !high_.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

float Tree::worth(const Node& child) const {
  const float best = child.best.load(std::memory_order_relaxed);
  if ((child.flags.load(std::memory_order_relaxed) & kClosedFlag) != 0) return players_ == 2 ? -best : best;
  const float mean = child.mean.load(std::memory_order_relaxed);
  if (players_ == 2) return -mean;
  if (best == -std::numeric_limits<float>::infinity()) return mean;
  return mean + options_.max_mix * (best - mean);
}

Pick Tree::select(NodeIndex index) {
  Node& node = at(index);
  const NodeGuard guard(node);
  // Proven: whatever is still open can't change it.
  if ((node.flags.load(std::memory_order_relaxed) & kClosedFlag) != 0) return {Pick::kClosed, 0, 0, kNoNode};
  const float low = low_.load(std::memory_order_relaxed);
  const float high = high_.load(std::memory_order_relaxed);
  const float scale = !options_.normalise ? 1 : (high > low ? 1 / (high - low) : 0);
  const float offset = options_.normalise ? low : 0;

  const std::uint32_t node_visits = node.visits.load(std::memory_order_relaxed);
  const float explore = options_.c_puct * std::sqrt(static_cast<float>(std::max(1U, node_visits - 1 + node.in_flight)));
  const ActionId* action = actions(node);
  const std::uint16_t* prior = priors(node);
  Link* link = links(node);

  float visited_mass = 0;
  for (std::uint32_t i = 0; i < node.open; ++i) visited_mass += prior_of(prior[i]);
  float first_play = node.mean.load(std::memory_order_relaxed);
  first_play = (first_play - offset) * scale - options_.fpu_reduction * std::sqrt(visited_mass);

  float best_score = -std::numeric_limits<float>::infinity();
  std::uint32_t best = node.open;
  bool found = false;
  for (std::uint32_t i = 0; i < node.open; ++i) {
    float worth_scaled = first_play;
    if (link[i].child == kStopChild) {
      // One visit tells all there is to know of stopping here.
      if (link[i].visits + link[i].in_flight > 0) continue;
      worth_scaled = (node.own - offset) * scale;
    } else if (link[i].child != kNoNode) {
      const Node& child = at(link[i].child);
      if ((child.flags.load(std::memory_order_relaxed) & kClosedFlag) != 0) continue;
      if (child.visits.load(std::memory_order_relaxed) > 0) worth_scaled = (worth(child) - offset) * scale;
    }
    const float visits = static_cast<float>(link[i].visits + link[i].in_flight);
    const float score = worth_scaled + explore * prior_of(prior[i]) / (1 + visits);
    if (score > best_score) {
      best_score = score;
      best = i;
      found = true;
    }
  }
  // Closed edges don't count against the width: they can't be visited any more.
  std::uint32_t width = node.legal;
  if (options_.widening > 0 && found) {
    const float wide = options_.widening * std::pow(static_cast<float>(node_visits), options_.widening_power);
    width = std::min<std::uint32_t>(width, static_cast<std::uint32_t>(std::ceil(std::max(1.0f, wide))));
  }
  if (node.open < width) {
    const float score = first_play + explore * prior_of(prior[node.open]);
    if (!found || score > best_score) {
      best = node.open;
      found = true;
    }
  }
  if (!found) {
    // Everything is closed, or the only way left is a stop in flight.
    recompute_locked(node);
    return {Pick::kClosed, 0, 0, kNoNode};
  }
  if (best == node.open) {
    if (node.open == node.room) {
      const std::uint32_t room =
          std::min<std::uint32_t>(node.legal, std::max<std::uint32_t>(kFewestLinks, node.room + node.room / 2 + 1));
      if (!make_links(node, room)) return {Pick::kFull, 0, 0, kNoNode};
      link = links(node);
    }
    new (&link[node.open]) Link();
    if (action[node.open] == kStopAction) link[node.open].child = kStopChild;
    ++node.open;
  }
  ++link[best].in_flight;
  ++node.in_flight;
  if (link[best].child == kStopChild) return {Pick::kStop, best, kStopAction, kStopChild};
  return {Pick::kEdge, best, action[best], link[best].child};
}

bool Tree::make_links(Node& node, std::uint32_t room) {
  const std::uint32_t block = edges_.allocate(link_bytes(room));
  if (block == 0) return false;
  Link* fresh = static_cast<Link*>(edges_.at(block));
  if (node.room > 0) {
    std::uninitialized_copy(links(node), links(node) + node.open, fresh);
    edges_.release(node.links, link_bytes(node.room));
  }
  node.links = block;
  node.room = static_cast<std::uint16_t>(room);
  return true;
}

bool Tree::open_all(NodeIndex index) {
  Node& node = at(index);
  const NodeGuard guard(node);
  if (node.room < node.legal && !make_links(node, node.legal)) return false;
  for (; node.open < node.legal; ++node.open) {
    Link* link = new (&links(node)[node.open]) Link();
    if (actions(node)[node.open] == kStopAction) link->child = kStopChild;
  }
  return true;
}

Pick Tree::force(NodeIndex index, std::uint32_t edge) {
  Node& node = at(index);
  const NodeGuard guard(node);
  if (edge >= node.open) return {Pick::kClosed, 0, 0, kNoNode};
  Link& link = links(node)[edge];
  ++link.in_flight;
  ++node.in_flight;
  if (link.child == kStopChild) return {Pick::kStop, edge, kStopAction, kStopChild};
  return {Pick::kEdge, edge, actions(node)[edge], link.child};
}

void Tree::set_child(NodeIndex parent, std::uint32_t edge, NodeIndex child) {
  Node& node = at(parent);
  const NodeGuard guard(node);
  links(node)[edge].child = child;
}

void Tree::free_edges(Node& node) {
  if (node.legal > 0) edges_.release(node.stubs, stub_bytes(node.legal));
  if (node.room > 0) edges_.release(node.links, link_bytes(node.room));
  node.legal = node.open = node.room = 0;
  node.stubs = node.links = 0;
}

bool Tree::expand(NodeIndex index, std::span<const ActionId> given, const Evaluation& evaluation) {
  if (!std::isfinite(evaluation.value) || !std::isfinite(evaluation.deviation)) {
    throw Error("mcts::expand", "the environment gave a value that is not finite");
  }
  if (!evaluation.priors.empty() && evaluation.priors.size() != given.size()) {
    throw Error("mcts::expand", "the environment gave " + std::to_string(evaluation.priors.size()) + " priors for " +
                                    std::to_string(given.size()) + " actions");
  }
  struct Edge {
    ActionId action;
    float prior;
    std::uint32_t link;  // index of its old link, or none
  };
  constexpr std::uint32_t kNone = 0xFFFFFFFF;
  // Reused: expansion is the hot path, and a thread expands one node at a time.
  thread_local std::vector<Edge> edges;
  thread_local std::vector<Link> kept;
  edges.clear();
  kept.clear();
  for (std::size_t i = 0; i < given.size(); ++i) {
    edges.push_back({given[i], evaluation.priors.empty() ? 1.0f : evaluation.priors[i], kNone});
  }
  const bool stop_here = stop_ && !given.empty();
  if (stop_here) edges.push_back({kStopAction, evaluation.stop_prior, kNone});
  double sum = 0;
  for (const Edge& edge : edges) {
    if (!(edge.prior >= 0) || !std::isfinite(edge.prior)) {
      throw Error("mcts::expand", "the environment gave a prior of " + std::to_string(edge.prior));
    }
    sum += edge.prior;
  }
  for (Edge& edge : edges) {
    edge.prior = sum > 0 ? static_cast<float>(edge.prior / sum) : 1.0f / static_cast<float>(edges.size());
  }

  Node& node = at(index);
  const NodeGuard guard(node);
  node.own = evaluation.value;
  node.deviation = evaluation.deviation;
  see_value(evaluation.value);
  if (players_ == 2) see_value(-evaluation.value);
  std::uint8_t flags = node.flags.load(std::memory_order_relaxed) & kKeepBestFlag;
  if (evaluation.exact) flags |= kExactFlag;
  if (given.empty()) flags |= kTerminalFlag;
  node.flags.store(flags, std::memory_order_relaxed);

  if (node.open > 0) {
    std::unordered_map<ActionId, std::uint32_t> old;
    for (std::uint32_t i = 0; i < node.open; ++i) old.emplace(actions(node)[i], i);
    for (Edge& edge : edges) {
      const std::unordered_map<ActionId, std::uint32_t>::const_iterator found = old.find(edge.action);
      if (found != old.end()) edge.link = found->second;
    }
  }
  std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) {
    const bool open_a = a.link != kNone;
    const bool open_b = b.link != kNone;
    if (open_a != open_b) return open_a;
    if (open_a) return a.link < b.link;
    if (a.prior != b.prior) return a.prior > b.prior;
    return a.action < b.action;
  });
  if (edges.size() > kMaxActions) edges.resize(kMaxActions);
  for (const Edge& edge : edges) {
    if (edge.link != kNone) kept.push_back(links(node)[edge.link]);
  }
  free_edges(node);
  bool fits = true;
  if (!edges.empty()) {
    node.stubs = edges_.allocate(stub_bytes(edges.size()));
    fits = node.stubs != 0;
    if (fits) node.legal = static_cast<std::uint16_t>(edges.size());
  }
  if (fits && !kept.empty()) {
    node.links = edges_.allocate(link_bytes(kept.size()));
    if (node.links == 0) {
      free_edges(node);
      fits = false;
    } else {
      node.open = node.room = static_cast<std::uint16_t>(kept.size());
      std::uninitialized_copy(kept.begin(), kept.end(), links(node));
    }
  }
  for (std::size_t i = 0; i < node.legal; ++i) {
    actions(node)[i] = edges[i].action;
    priors(node)[i] = quantise_prior(edges[i].prior);
  }
  if (node.visits.load(std::memory_order_relaxed) == 0) {
    node.mean.store(node.own, std::memory_order_relaxed);
    node.best.store(-std::numeric_limits<float>::infinity(), std::memory_order_relaxed);
  }
  node.phase.store(fits ? Phase::kReady : Phase::kBare, std::memory_order_release);
  recompute_locked(node);
  return fits;
}

void Tree::recompute_locked(Node& node) {
  const std::uint8_t flags = node.flags.load(std::memory_order_relaxed);
  const bool terminal = (flags & kTerminalFlag) != 0;
  const float lowest = -std::numeric_limits<float>::infinity();
  float best = players_ == 1 && (stop_ || terminal) ? node.own : lowest;
  if (players_ == 2 && terminal) best = node.own;
  if ((flags & kKeepBestFlag) != 0) best = std::max(best, node.best.load(std::memory_order_relaxed));
  if (node.phase.load(std::memory_order_relaxed) == Phase::kBare) {
    // Its children are gone: what is known stays.
    node.best.store(best, std::memory_order_relaxed);
    if (node.visits.load(std::memory_order_relaxed) == 0) node.visits.store(1, std::memory_order_relaxed);
    return;
  }
  double sum = node.own;
  std::uint64_t visits = 1;
  bool closed = node.open == node.legal;
  bool won = false;
  const Link* link = links(node);
  for (std::uint32_t i = 0; i < node.open; ++i) {
    if (link[i].child == kStopChild) {
      sum += static_cast<double>(link[i].visits) * node.own;
      visits += link[i].visits;
      if (link[i].visits == 0) closed = false;
      continue;
    }
    if (link[i].child == kNoNode) {
      closed = false;
      continue;
    }
    const Node& child = at(link[i].child);
    const bool child_closed = (child.flags.load(std::memory_order_acquire) & kClosedFlag) != 0;
    if (!child_closed) closed = false;
    if (child.visits.load(std::memory_order_relaxed) == 0) continue;
    const float child_best = child.best.load(std::memory_order_relaxed);
    const float child_mean = child.mean.load(std::memory_order_relaxed);
    if (players_ == 2) {
      sum += static_cast<double>(link[i].visits) * -(child_closed ? child_best : child_mean);
      if (child_closed) best = std::max(best, -child_best);
      // One way to win is enough.
      if (child_closed && child_best <= -1) won = true;
    } else {
      sum += static_cast<double>(link[i].visits) * (child_closed ? child_best : child_mean);
      best = std::max(best, child_best);
    }
    visits += link[i].visits;
  }
  node.visits.store(static_cast<std::uint32_t>(std::min<std::uint64_t>(visits, 0xFFFFFFFE)), std::memory_order_relaxed);
  node.mean.store(static_cast<float>(sum / static_cast<double>(visits)), std::memory_order_relaxed);
  node.best.store(best, std::memory_order_relaxed);
  if (closed || won || terminal) {
    node.flags.store(flags | kClosedFlag, std::memory_order_release);
  } else if ((flags & kClosedFlag) != 0) {
    node.flags.store(flags & ~kClosedFlag, std::memory_order_release);
  }
}

void Tree::revalue(NodeIndex index, bool terminal, const Evaluation& evaluation) {
  Node& node = at(index);
  node.own = evaluation.value;
  node.deviation = evaluation.deviation;
  see_value(evaluation.value);
  if (players_ == 2) see_value(-evaluation.value);
  std::uint8_t flags = node.flags.load(std::memory_order_relaxed) & kKeepBestFlag;
  if (evaluation.exact) flags |= kExactFlag;
  if (terminal) flags |= kTerminalFlag;
  node.flags.store(flags, std::memory_order_relaxed);
  node.mean.store(evaluation.value, std::memory_order_relaxed);
}

void Tree::forget_values() {
  low_ = std::numeric_limits<float>::infinity();
  high_ = -std::numeric_limits<float>::infinity();
  for (NodeIndex index = 1; index < next_node_; ++index) {
    Node& node = at(index);
    node.flags.fetch_and(static_cast<std::uint8_t>(~kKeepBestFlag), std::memory_order_relaxed);
  }
}

NodeIndex Tree::child_of(NodeIndex index, ActionId action) const {
  const Node& node = at(index);
  for (std::uint32_t i = 0; i < node.open; ++i) {
    if (actions(node)[i] == action) return links(node)[i].child;
  }
  return kNoNode;
}

void Tree::recompute(NodeIndex index) {
  Node& node = at(index);
  const NodeGuard guard(node);
  recompute_locked(node);
}

void Tree::back_up(std::span<const PathStep> path) {
  for (std::size_t i = path.size(); i-- > 0;) {
    Node& node = at(path[i].node);
    const NodeGuard guard(node);
    Link& link = links(node)[path[i].edge];
    --link.in_flight;
    --node.in_flight;
    ++link.visits;
    recompute_locked(node);
  }
}

void Tree::take_back(std::span<const PathStep> path) {
  for (std::size_t i = path.size(); i-- > 0;) {
    Node& node = at(path[i].node);
    const NodeGuard guard(node);
    --links(node)[path[i].edge].in_flight;
    --node.in_flight;
  }
}

void Tree::mix_noise(NodeIndex index, std::span<const float> noise, float fraction) {
  Node& node = at(index);
  const NodeGuard guard(node);
  if (noise.size() != node.legal) return;
  struct Stub {
    ActionId action;
    std::uint16_t prior;
  };
  std::vector<Stub> stubs(node.legal);
  for (std::uint32_t i = 0; i < node.legal; ++i) {
    const float mixed = (1 - fraction) * prior_of(priors(node)[i]) + fraction * noise[i];
    stubs[i] = {actions(node)[i], quantise_prior(mixed)};
  }
  std::stable_sort(stubs.begin() + node.open, stubs.end(),
                   [](const Stub& a, const Stub& b) { return a.prior > b.prior; });
  for (std::uint32_t i = 0; i < node.legal; ++i) {
    actions(node)[i] = stubs[i].action;
    priors(node)[i] = stubs[i].prior;
  }
}

}  // namespace jarvis2::mcts
