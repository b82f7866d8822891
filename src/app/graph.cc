// jarvis2 graph: who calls and imports whom, what a change affects, cycles, what much depends on.
#include "code/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>

#include "app/app.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/log.h"
#include "index/stored_graph.h"

namespace jarvis2::app {
namespace {

using code::Graph;

struct GraphOptions {
  std::string dir = ".";
  std::string format = "json";
  std::string impact, reach;
  std::uint32_t depth = 0;
  bool files = false;
  bool cycles = false;
  std::size_t central = 0;
};

std::string id_of(const Graph& graph, std::uint32_t node) {
  return graph.path(node) + ":" + graph.symbol(node).qualified;
}

Json node_json(const Graph& graph, std::uint32_t node) {
  const code::Symbol& symbol = graph.symbol(node);
  return {{"id", id_of(graph, node)},       {"symbol", symbol.qualified}, {"kind", code::symbol_kind_name(symbol.kind)},
          {"path", graph.path(node)},       {"line", symbol.line},        {"end_line", symbol.end_line},
          {"complexity", symbol.complexity}};
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + "\"";
}

std::string_view evidence_name(code::Evidence evidence) {
  switch (evidence) {
    case code::Evidence::kScope:
      return "scope";
    case code::Evidence::kImport:
      return "import";
    case code::Evidence::kClass:
      return "class";
    default:
      return "unique-name";
  }
}

struct View {
  std::vector<std::uint32_t> nodes;                // shown
  std::vector<std::optional<std::uint32_t>> from;  // distance by node of the graph, of a reach
};

View view_of(const Graph& graph, const GraphOptions& options) {
  View view;
  const std::string& wanted = options.impact.empty() ? options.reach : options.impact;
  if (wanted.empty()) {
    std::vector<bool> joined(graph.nodes().size());
    for (const code::GraphEdge& edge : graph.edges()) joined[edge.from] = joined[edge.to] = true;
    for (std::uint32_t i = 0; i < joined.size(); ++i) {
      if (joined[i]) view.nodes.push_back(i);
    }
    return view;
  }
  const std::vector<std::uint32_t> start = graph.find(wanted);
  if (start.empty()) return view;
  view.from.resize(graph.nodes().size());
  for (const std::uint32_t node : start) view.from[node] = 0;
  view.nodes = start;
  for (const auto& [node, distance] : graph.reach(start, !options.impact.empty(), options.depth)) {
    view.from[node] = distance;
    view.nodes.push_back(node);
  }
  return view;
}

void print_files(const Graph& graph, const GraphOptions& options) {
  if (options.format == "dot") {
    fmt::print("digraph files {{\n");
    for (const code::FileEdge& edge : graph.file_edges()) {
      fmt::print("  {} -> {};\n", quoted(graph.files()[edge.from].path), quoted(graph.files()[edge.to].path));
    }
    fmt::print("}}\n");
    return;
  }
  Json nodes = Json::array(), edges = Json::array(), cycles = Json::array();
  for (const code::GraphFile& file : graph.files()) {
    nodes.push_back({{"path", file.path}, {"language", code::language_name(file.language)}});
  }
  for (const code::FileEdge& edge : graph.file_edges()) {
    edges.push_back(
        {{"from", graph.files()[edge.from].path}, {"to", graph.files()[edge.to].path}, {"line", edge.line}});
  }
  for (const std::vector<std::uint32_t>& cycle : graph.file_cycles()) {
    Json members = Json::array();
    for (const std::uint32_t file : cycle) members.push_back(graph.files()[file].path);
    cycles.push_back(std::move(members));
  }
  fmt::print("{}\n", Json({{"files", nodes}, {"edges", edges}, {"cycles", cycles}})
                         .dump(2, ' ', false, Json::error_handler_t::replace));
}

void print_symbols(const Graph& graph, const View& view, const GraphOptions& options) {
  std::vector<bool> shown(graph.nodes().size());
  for (const std::uint32_t node : view.nodes) shown[node] = true;
  if (options.format == "dot") {
    fmt::print("digraph calls {{\n");
    for (const std::uint32_t node : view.nodes) {
      fmt::print("  {} [label={}];\n", quoted(id_of(graph, node)), quoted(graph.symbol(node).qualified));
    }
    for (const code::GraphEdge& edge : graph.edges()) {
      if (!shown[edge.from] || !shown[edge.to]) continue;
      fmt::print("  {} -> {}{};\n", quoted(id_of(graph, edge.from)), quoted(id_of(graph, edge.to)),
                 edge.kind == code::EdgeKind::kInherit ? " [style=dashed]" : "");
    }
    fmt::print("}}\n");
    return;
  }
  Json json = {{"nodes", Json::array()}, {"edges", Json::array()}};
  for (const std::uint32_t node : view.nodes) {
    Json one = node_json(graph, node);
    if (!view.from.empty()) one["distance"] = *view.from[node];
    json["nodes"].push_back(std::move(one));
  }
  for (const code::GraphEdge& edge : graph.edges()) {
    if (!shown[edge.from] || !shown[edge.to]) continue;
    json["edges"].push_back({{"from", id_of(graph, edge.from)},
                             {"to", id_of(graph, edge.to)},
                             {"kind", edge.kind == code::EdgeKind::kCall ? "call" : "inherit"},
                             {"evidence", evidence_name(edge.evidence)},
                             {"line", edge.line},
                             {"count", edge.count}});
  }
  if (options.cycles) {
    json["cycles"] = Json::array();
    for (const std::vector<std::uint32_t>& cycle : graph.cycles()) {
      Json members = Json::array();
      for (const std::uint32_t node : cycle) members.push_back(id_of(graph, node));
      json["cycles"].push_back(std::move(members));
    }
  }
  if (options.central > 0) {
    const std::vector<double> rank = graph.centrality();
    std::vector<std::uint32_t> order(rank.size());
    std::iota(order.begin(), order.end(), 0);
    const std::size_t kept = std::min(options.central, order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(),
                      [&](std::uint32_t a, std::uint32_t b) { return rank[a] != rank[b] ? rank[a] > rank[b] : a < b; });
    json["central"] = Json::array();
    for (std::size_t i = 0; i < kept; ++i) {
      Json one = node_json(graph, order[i]);
      one["rank"] = rank[order[i]];
      json["central"].push_back(std::move(one));
    }
  }
  fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

int graph_command(const GraphOptions& options, const Common&) {
  index::Store store(index::index_root(options.dir));
  store.update({}, interrupt_token());
  const Graph graph = index::load_graph(store);
  if (options.files) {
    print_files(graph, options);
    return graph.file_edges().empty() ? kNotFound : kDone;
  }
  const View view = view_of(graph, options);
  print_symbols(graph, view, options);
  const bool asked = !options.impact.empty() || !options.reach.empty();
  if (asked && view.nodes.empty()) log::info("no symbol is called {}", options.impact + options.reach);
  return view.nodes.empty() ? kNotFound : kDone;
}

}  // namespace

Command add_graph(CLI::App& root, Common& common) {
  CLI::App* app = root.add_subcommand("graph", "Show calls, inheritance and imports, and what a change affects");
  const std::shared_ptr<GraphOptions> options = std::make_shared<GraphOptions>();
  app->add_option("dir", options->dir, "The repository, or a folder")->check(CLI::ExistingDirectory);
  app->add_option("--format", options->format, "dot or json")->check(CLI::IsMember({"dot", "json"}));
  app->add_option("--impact", options->impact,
                  "Only what is affected by a change of this function (NAME or PATH:NAME)");
  app->add_option("--reach", options->reach, "Only what this function can reach")->excludes("--impact");
  app->add_option("--depth", options->depth, "So many steps at most; 0: all");
  app->add_flag("--files", options->files, "Files and imports instead of functions and calls");
  app->add_flag("--cycles", options->cycles, "With the cycles");
  app->add_option("--central", options->central, "With the N symbols that most depends on");
  return {app, [options, &common] { return graph_command(*options, common); }};
}

}  // namespace jarvis2::app
