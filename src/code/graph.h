// The dependency and call graph of a code base: symbols joined by calls and inheritance, files joined by imports.
// Resolved by scopes, imports and names; where several definitions can be meant and nothing tells them apart, there is
// no edge. How precise that is has been tested on small projects only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "code/outline.h"

namespace jarvis2::code {

struct GraphFile {
  std::string path;
  Language language = Language::kNone;
  Outline outline;
};

struct GraphNode {
  std::uint32_t file = 0;
  std::uint32_t symbol = 0;  // in the file's outline
};

enum class EdgeKind : std::uint8_t { kCall, kInherit };
// How the callee was found, the surest first.
enum class Evidence : std::uint8_t { kScope, kImport, kClass, kUniqueName };

struct GraphEdge {
  std::uint32_t from = 0, to = 0;  // nodes
  EdgeKind kind = EdgeKind::kCall;
  Evidence evidence = Evidence::kScope;
  std::uint32_t line = 0;  // of the first such reference, in the file of `from`
  std::uint32_t count = 1;
};

struct FileEdge {
  std::uint32_t from = 0, to = 0;  // files
  std::uint32_t line = 0;
};

// Immutable after building, so readable from many threads.
class Graph {
 public:
  static Graph build(std::vector<GraphFile> files);

  const std::vector<GraphFile>& files() const { return files_; }
  const std::vector<GraphNode>& nodes() const { return nodes_; }
  const std::vector<GraphEdge>& edges() const { return edges_; }           // by from, then to
  const std::vector<FileEdge>& file_edges() const { return file_edges_; }  // likewise; no file twice, none to itself
  const Symbol& symbol(std::uint32_t node) const {
    return files_[nodes_[node].file].outline.symbols[nodes_[node].symbol];
  }
  const std::string& path(std::uint32_t node) const { return files_[nodes_[node].file].path; }
  // Nodes of this plain or qualified name (suffixes of the qualified name count), or "path:name".
  std::vector<std::uint32_t> find(std::string_view name) const;
  // What can be reached from `start` over edges (callees), or backwards (callers: what is affected by a change of
  // it); with the distance, nearest first, without `start`. `depth` 0: no limit.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> reach(const std::vector<std::uint32_t>& start, bool backwards,
                                                             std::uint32_t depth = 0) const;
  // Strongly connected components of more than one node, or one that calls itself [Tarjan 1972, without recursion].
  std::vector<std::vector<std::uint32_t>> cycles() const;
  std::vector<std::vector<std::uint32_t>> file_cycles() const;
  // PageRank over the edges [Brin & Page 1998]: what much depends on ranks high. Sums to 1.
  std::vector<double> centrality() const;

 private:
  std::vector<GraphFile> files_;
  std::vector<GraphNode> nodes_;
  std::vector<std::uint32_t> first_node_;  // of a file
  std::vector<GraphEdge> edges_;
  std::vector<FileEdge> file_edges_;
};

}  // namespace jarvis2::code
