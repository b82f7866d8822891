#include "code/graph.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "code/graph_resolve.h"

namespace jarvis2::code {
namespace {

// Components of more than one node, or of one with an edge to itself. `next` lists the successors of each node.
std::vector<std::vector<std::uint32_t>> components(const std::vector<std::vector<std::uint32_t>>& next) {
  const std::uint32_t count = static_cast<std::uint32_t>(next.size());
  std::vector<std::uint32_t> order(count, 0), low(count, 0), stack;
  std::vector<bool> on_stack(count);
  std::vector<std::vector<std::uint32_t>> found;
  std::uint32_t clock = 0;
  struct Frame {
    std::uint32_t node;
    std::size_t edge;
  };
  std::vector<Frame> frames;
  const auto enter = [&](std::uint32_t node) {
    order[node] = low[node] = ++clock;
    stack.push_back(node);
    on_stack[node] = true;
    frames.push_back({node, 0});
  };
  for (std::uint32_t start = 0; start < count; ++start) {
    if (order[start] != 0) continue;
    enter(start);
    while (!frames.empty()) {
      Frame& frame = frames.back();
      const std::uint32_t node = frame.node;
      if (frame.edge < next[node].size()) {
        const std::uint32_t to = next[node][frame.edge++];
        if (order[to] == 0) {
          enter(to);
        } else if (on_stack[to]) {
          low[node] = std::min(low[node], order[to]);
        }
        continue;
      }
      frames.pop_back();
      if (!frames.empty()) low[frames.back().node] = std::min(low[frames.back().node], low[node]);
      if (low[node] != order[node]) continue;
      std::vector<std::uint32_t> component;
      std::uint32_t member = 0;
      do {
        member = stack.back();
        stack.pop_back();
        on_stack[member] = false;
        component.push_back(member);
      } while (member != node);
      const bool self = std::find(next[node].begin(), next[node].end(), node) != next[node].end();
      if (component.size() > 1 || self) {
        std::sort(component.begin(), component.end());
        found.push_back(std::move(component));
      }
    }
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.size() != b.size() ? a.size() > b.size() : a < b; });
  return found;
}

}  // namespace

Graph Graph::build(std::vector<GraphFile> files) {
  Graph graph;
  graph.files_ = std::move(files);
  for (std::uint32_t f = 0; f < graph.files_.size(); ++f) {
    graph.first_node_.push_back(static_cast<std::uint32_t>(graph.nodes_.size()));
    for (std::uint32_t s = 0; s < graph.files_[f].outline.symbols.size(); ++s) graph.nodes_.push_back({f, s});
  }
  Resolver resolver(graph.files_, graph.first_node_);
  std::map<std::tuple<std::uint32_t, std::uint32_t, EdgeKind>, GraphEdge> edges;
  for (std::uint32_t f = 0; f < graph.files_.size(); ++f) {
    for (const std::uint32_t to : resolver.imported_files(f)) {
      if (to != f) graph.file_edges_.push_back({f, to, resolver.import_line(f, to)});
    }
    for (const Reference& reference : graph.files_[f].outline.references) {
      if (reference.symbol == kNoSymbol) continue;
      const Resolver::Target target = resolver.resolve(f, reference);
      if (target.node == kNoSymbol) continue;
      const std::uint32_t from = graph.first_node_[f] + reference.symbol;
      const EdgeKind kind = reference.kind == ReferenceKind::kCall ? EdgeKind::kCall : EdgeKind::kInherit;
      const auto [at, fresh] = edges.try_emplace(
          {from, target.node, kind}, GraphEdge{from, target.node, kind, target.evidence, reference.line, 1});
      if (!fresh) ++at->second.count;
    }
  }
  for (const auto& [key, edge] : edges) graph.edges_.push_back(edge);
  return graph;
}

std::vector<std::uint32_t> Graph::find(std::string_view name) const {
  std::string path;
  if (const std::size_t colon = name.rfind(':');
      colon != std::string_view::npos && colon > 0 && name[colon - 1] != ':') {
    path = std::string(name.substr(0, colon));
    name = name.substr(colon + 1);
  }
  std::string dotted;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name.substr(i, 2) == "::") {
      dotted += '.';
      ++i;
    } else {
      dotted += name[i];
    }
  }
  std::vector<std::uint32_t> found;
  bool defined = false;
  for (std::uint32_t node = 0; node < nodes_.size(); ++node) {
    if (!path.empty() && this->path(node) != path) continue;
    const Symbol& one = symbol(node);
    const bool suffix = one.qualified.size() > dotted.size() && one.qualified.ends_with(dotted) &&
                        one.qualified[one.qualified.size() - dotted.size() - 1] == '.';
    if (one.qualified != dotted && !suffix) continue;
    found.push_back(node);
    defined = defined || !one.declaration;
  }
  if (defined) std::erase_if(found, [&](std::uint32_t node) { return symbol(node).declaration; });
  return found;
}

std::vector<std::pair<std::uint32_t, std::uint32_t>> Graph::reach(const std::vector<std::uint32_t>& start,
                                                                  bool backwards, std::uint32_t depth) const {
  std::vector<std::vector<std::uint32_t>> next(nodes_.size());
  for (const GraphEdge& edge : edges_) {
    if (backwards) {
      next[edge.to].push_back(edge.from);
    } else {
      next[edge.from].push_back(edge.to);
    }
  }
  std::vector<bool> seen(nodes_.size());
  for (const std::uint32_t node : start) seen[node] = true;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> found;
  std::vector<std::uint32_t> front = start;
  for (std::uint32_t distance = 1; !front.empty() && (depth == 0 || distance <= depth); ++distance) {
    std::vector<std::uint32_t> further;
    for (const std::uint32_t node : front) {
      for (const std::uint32_t to : next[node]) {
        if (seen[to]) continue;
        seen[to] = true;
        found.emplace_back(to, distance);
        further.push_back(to);
      }
    }
    front = std::move(further);
  }
  return found;
}

std::vector<std::vector<std::uint32_t>> Graph::cycles() const {
  std::vector<std::vector<std::uint32_t>> next(nodes_.size());
  for (const GraphEdge& edge : edges_) {
    if (edge.kind == EdgeKind::kCall) next[edge.from].push_back(edge.to);
  }
  return components(next);
}

std::vector<std::vector<std::uint32_t>> Graph::file_cycles() const {
  std::vector<std::vector<std::uint32_t>> next(files_.size());
  for (const FileEdge& edge : file_edges_) next[edge.from].push_back(edge.to);
  return components(next);
}

std::vector<double> Graph::centrality() const {
  constexpr double kDamping = 0.85;
  const std::size_t count = nodes_.size();
  if (count == 0) return {};
  std::vector<double> out(count, 0), rank(count, 1.0 / static_cast<double>(count)), next(count);
  for (const GraphEdge& edge : edges_) out[edge.from] += 1;
  for (int round = 0; round < 60; ++round) {
    double loose = 0;
    for (std::size_t i = 0; i < count; ++i) loose += out[i] == 0 ? rank[i] : 0;
    const double base = (1 - kDamping + kDamping * loose) / static_cast<double>(count);
    std::fill(next.begin(), next.end(), base);
    for (const GraphEdge& edge : edges_) next[edge.to] += kDamping * rank[edge.from] / out[edge.from];
    double change = 0;
    for (std::size_t i = 0; i < count; ++i) change += std::abs(next[i] - rank[i]);
    rank.swap(next);
    if (change < 1e-9) break;
  }
  return rank;
}

}  // namespace jarvis2::code
