// Which definition a name means, as far as scopes, imports and names tell.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "code/graph.h"

namespace jarvis2::code {

class Resolver {
 public:
  struct Target {
    std::uint32_t node = kNoSymbol;
    Evidence evidence = Evidence::kScope;
  };
  Resolver(const std::vector<GraphFile>& files, const std::vector<std::uint32_t>& first_node);
  Target resolve(std::uint32_t file, const Reference& reference) const;
  const std::set<std::uint32_t>& imported_files(std::uint32_t file) const { return imported_[file]; }
  std::uint32_t import_line(std::uint32_t from, std::uint32_t to) const;

 private:
  using Nodes = std::vector<std::uint32_t>;
  const Symbol& symbol(std::uint32_t node) const;
  std::uint32_t file_of(std::uint32_t node) const;
  const Nodes& named(std::string_view name) const;
  std::uint32_t class_around(std::uint32_t file, std::uint32_t symbol) const;
  std::uint32_t parent(std::uint32_t node) const;
  Target only(const Nodes& nodes, Evidence evidence) const;
  // A member of the class or of what it derives from.
  Target member(std::uint32_t class_node, std::string_view name, int depth) const;
  Nodes types(std::uint32_t file, std::string_view name) const;
  std::vector<std::uint32_t> module_files(std::uint32_t file, const Import& import) const;
  Target imported(std::uint32_t file, const Reference& reference) const;
  bool visible(std::uint32_t from, std::uint32_t node) const;

  const std::vector<GraphFile>& files_;
  const std::vector<std::uint32_t>& first_;
  std::vector<std::uint32_t> file_of_;
  std::unordered_map<std::string, Nodes> by_name_;
  std::unordered_map<std::string, std::vector<std::uint32_t>> by_file_name_;  // last component without suffix → files
  std::vector<std::set<std::uint32_t>> imported_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> import_lines_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Nodes> bases_;  // (file, symbol) → class nodes, filled on build
};

}  // namespace jarvis2::code
