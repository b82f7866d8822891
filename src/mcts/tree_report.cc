// What the graph says: candidates, the champion, edges, JSON and Graphviz.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "base/json.h"
#include "mcts/tree.h"

namespace jarvis2::mcts {
namespace {

// JSON has no infinity.
Json number(float value) {
  return std::isfinite(value) ? Json(static_cast<double>(value)) : Json();
}

std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Candidate Tree::candidate_of(NodeIndex index, std::span<const NodeIndex> parents, std::span<const ActionId> via,
                             NodeIndex root) const {
  const Node& node = at(index);
  Candidate candidate;
  candidate.key = node.key;
  for (NodeIndex step = index; step != root && step != kNoNode; step = parents[step]) {
    candidate.actions.push_back(via[step]);
  }
  std::reverse(candidate.actions.begin(), candidate.actions.end());
  candidate.value = node.own;
  candidate.deviation = node.deviation;
  candidate.exact = (node.flags.load(std::memory_order_relaxed) & kExactFlag) != 0;
  candidate.visits = node.visits.load(std::memory_order_relaxed);
  return candidate;
}

std::vector<Candidate> Tree::candidates(NodeIndex root, std::size_t count, const CandidateOrder& order) const {
  std::vector<NodeIndex> nodes;
  std::vector<NodeIndex> parents;
  std::vector<ActionId> via;
  tree_of(root, nodes, parents, via);
  struct Scored {
    float score;
    NodeIndex index;
  };
  std::vector<Scored> scored;
  const float all = nodes.empty() ? 1.0f : static_cast<float>(1 + at(root).visits.load(std::memory_order_relaxed));
  for (NodeIndex index : nodes) {
    const Node& node = at(index);
    const std::uint32_t visits = node.visits.load(std::memory_order_relaxed);
    if (visits == 0) continue;
    const std::uint8_t flags = node.flags.load(std::memory_order_relaxed);
    if (order.skip_exact && (flags & kExactFlag) != 0) continue;
    if (!stop_ && (flags & kTerminalFlag) == 0) continue;
    const float seen = all > 1 ? std::log1p(static_cast<float>(visits)) / std::log(all + 1) : 0;
    scored.push_back({node.own + order.deviation_weight * node.deviation + order.visit_weight * seen, index});
  }
  count = std::min(count, scored.size());
  std::partial_sort(
      scored.begin(), scored.begin() + static_cast<std::ptrdiff_t>(count), scored.end(),
      [](const Scored& a, const Scored& b) { return a.score != b.score ? a.score > b.score : a.index < b.index; });
  std::vector<Candidate> result;
  for (std::size_t i = 0; i < count; ++i) {
    result.push_back(candidate_of(scored[i].index, parents, via, root));
    result.back().score = scored[i].score;
  }
  return result;
}

Candidate Tree::champion(NodeIndex root) const {
  CandidateOrder order;
  order.deviation_weight = 0;
  order.skip_exact = false;
  std::vector<Candidate> best = candidates(root, 1, order);
  return best.empty() ? Candidate{} : std::move(best.front());
}

EdgeReport Tree::edge(NodeIndex index, std::uint32_t i) const {
  const Node& node = at(index);
  EdgeReport edge;
  edge.action = actions(node)[i];
  edge.prior = prior_of(priors(node)[i]);
  edge.mean = edge.best = node.own;
  if (i >= node.open) return edge;
  const Link& link = links(node)[i];
  edge.visits = link.visits;
  if (link.child == kStopChild) {
    edge.closed = link.visits > 0;
  } else if (link.child != kNoNode) {
    const Node& child = at(link.child);
    const float sign = players_ == 2 ? -1.0f : 1.0f;
    edge.mean = sign * child.mean.load(std::memory_order_relaxed);
    const float best = child.best.load(std::memory_order_relaxed);
    edge.best = std::isfinite(best) ? sign * best : edge.mean;  // nothing proven below it yet
    edge.closed = (child.flags.load(std::memory_order_relaxed) & kClosedFlag) != 0;
  }
  return edge;
}

std::vector<ActionId> Tree::actions_of(NodeIndex index) const {
  const Node& node = at(index);
  return {actions(node), actions(node) + node.legal};
}

std::vector<EdgeReport> Tree::edges(NodeIndex index) const {
  std::vector<EdgeReport> result;
  if (index == kNoNode) return result;
  for (std::uint32_t i = 0; i < at(index).legal; ++i) result.push_back(edge(index, i));
  std::stable_sort(result.begin(), result.end(), [](const EdgeReport& a, const EdgeReport& b) {
    return a.visits != b.visits ? a.visits > b.visits : a.prior > b.prior;
  });
  return result;
}

Json Tree::node_json(NodeIndex index, std::size_t top, std::size_t depth, const ActionName& name) const {
  const Node& node = at(index);
  const std::uint8_t flags = node.flags.load(std::memory_order_relaxed);
  Json json = {{"key", fmt::format("{:016x}", node.key)},
               {"visits", node.visits.load(std::memory_order_relaxed)},
               {"value", number(node.own)},
               {"deviation", number(node.deviation)},
               {"mean", number(node.mean.load(std::memory_order_relaxed))},
               {"best", number(node.best.load(std::memory_order_relaxed))},
               {"exact", (flags & kExactFlag) != 0},
               {"closed", (flags & kClosedFlag) != 0},
               {"legal", node.legal}};
  if (depth == 0) return json;
  std::vector<std::uint32_t> order(node.open);
  for (std::uint32_t i = 0; i < node.open; ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return links(node)[a].visits > links(node)[b].visits; });
  Json edges = Json::array();
  for (std::size_t i = 0; i < std::min(top, order.size()); ++i) {
    const Link& link = links(node)[order[i]];
    const ActionId action = actions(node)[order[i]];
    Json edge;
    edge["action"] = action == kStopAction ? "stop" : name(action);
    edge["visits"] = link.visits;
    edge["prior"] = number(prior_of(priors(node)[order[i]]));
    if (link.child != kNoNode && link.child != kStopChild) edge["node"] = node_json(link.child, top, depth - 1, name);
    edges.push_back(std::move(edge));
  }
  json["edges"] = std::move(edges);
  return json;
}

void Tree::to_json(Json& out, NodeIndex root, std::size_t top, std::size_t depth, const ActionName& name) const {
  out = root == kNoNode ? Json() : node_json(root, top, depth, name);
}

std::string Tree::to_graphviz(NodeIndex root, std::size_t top, std::size_t depth, const ActionName& name) const {
  std::string text = "digraph search {\n  node [shape=box];\n";
  struct Item {
    NodeIndex index;
    std::size_t depth;
  };
  std::vector<Item> queue;
  std::unordered_set<NodeIndex> seen;
  if (root != kNoNode) {
    queue.push_back({root, 0});
    seen.insert(root);
  }
  for (std::size_t at_queue = 0; at_queue < queue.size(); ++at_queue) {
    const Item item = queue[at_queue];
    const Node& node = at(item.index);
    const std::uint8_t flags = node.flags.load(std::memory_order_relaxed);
    text +=
        fmt::format("  n{} [label=\"N {}\\nvalue {:.3f}\\nmean {:.3f}\\nbest {:.3f}\"{}];\n", item.index,
                    node.visits.load(std::memory_order_relaxed), node.own, node.mean.load(std::memory_order_relaxed),
                    node.best.load(std::memory_order_relaxed), (flags & kExactFlag) != 0 ? ", peripheries=2" : "");
    if (item.depth == depth) continue;
    std::vector<std::uint32_t> order(node.open);
    for (std::uint32_t i = 0; i < node.open; ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return links(node)[a].visits > links(node)[b].visits; });
    for (std::size_t i = 0; i < std::min(top, order.size()); ++i) {
      const Link& link = links(node)[order[i]];
      if (link.child == kNoNode) continue;
      if (link.child == kStopChild) {
        text += fmt::format("  s{0} [label=\"stop\", shape=plaintext];\n  n{0} -> s{0} [label=\"{1}\"];\n", item.index,
                            link.visits);
        continue;
      }
      const std::string label = name(actions(node)[order[i]]) + " · " + std::to_string(link.visits);
      text += fmt::format("  n{} -> n{} [label={}];\n", item.index, link.child, quoted(label));
      if (seen.insert(link.child).second) queue.push_back({link.child, item.depth + 1});
    }
  }
  return text + "}\n";
}

}  // namespace jarvis2::mcts
