// cpp/map-to-unordered, cpp/set-to-unordered: std::map/std::set → std::unordered_map/std::unordered_set where nothing
// uses the order.
// Preconditions: the key type has a std::hash (integers, strings, pointers, enums do); the default comparator; every
// use is a lookup, insertion, erasure, size test or a comparison of find() with end(); no iteration, no lower_bound, no
// ordered neighbour. Where the value is handed to functions of the workspace, their parameters change with it.
#include <algorithm>

#include "edit/cpp/container_change.h"

namespace jarvis2::edit::cpp {
namespace {

bool hashable(const Context& context, const std::string& key) {
  const CType type = context.facts.resolved(code::parse_c_type(key));
  if (CFacts::is_integer(type) || CFacts::is_floating(type) || type.pointers > 0) return true;
  const std::string name = type.name();
  return name == "string" || name == "string_view" || name == "shared_ptr" || name == "thread::id";
}

// begin() only as `m.begin() == m.end()` and the like is not worth knowing: iteration is refused.
void find_map_to_unordered(const Context& context, const std::string& from, const std::string& to,
                           std::size_t arguments) {
  ContainerChange change;
  change.from = from;
  change.to = to;
  change.header = to;
  change.max_arguments = arguments;
  change.methods = {"find", "end",   "count", "contains",    "insert",           "emplace", "erase", "clear",
                    "size", "empty", "at",    "try_emplace", "insert_or_assign", "swap",    "cend"};
  for (const CVariable& variable : containers(context, from)) {
    const std::vector<std::string> parts = variable.type.arguments();
    if (parts.size() != arguments || !hashable(context, parts[0])) continue;
    std::optional<Proposal> proposal = change_container(
        context, variable, change, nullptr, "make " + variable.name + " a hash table (std::" + to + ")",
        "no use of " + variable.name + " depends on the order of its keys");
    if (proposal) context.emit(std::move(*proposal));
  }
}

}  // namespace

Made map_to_unordered() {
  return make({"cpp/map-to-unordered", Language::kCpp, 1.13},
              [](const Context& context) { find_map_to_unordered(context, "map", "unordered_map", 2); });
}

Made set_to_unordered() {
  return make({"cpp/set-to-unordered", Language::kCpp, 1.10},
              [](const Context& context) { find_map_to_unordered(context, "set", "unordered_set", 1); });
}

}  // namespace jarvis2::edit::cpp
