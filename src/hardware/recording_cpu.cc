// CPUs of a recorded Linux machine: lscpu, /proc/cpuinfo, numactl, /sys.
#include <algorithm>
#include <array>
#include <set>

#include "base/json.h"
#include "hardware/recording_parts.h"
#include "hardware/text.h"

namespace jarvis2::hardware {
namespace {

int to_int(std::string_view text) {
  return static_cast<int>(leading_number(text));
}

void set_nodes(CpuRecord& record, int id, const std::vector<int>& cpus) {
  NumaNode& node = record.nodes[id];
  node.id = id;
  node.cpus = cpus;
  for (const int cpu : cpus) record.cpus[cpu].node = id;
}

// A table of `lscpu -e` or `lscpu -p`, whose header names the columns.
bool read_table(const std::vector<std::string>& rows, std::size_t header, bool commas, CpuRecord& record) {
  std::string names = lower(rows[header]);
  std::erase(names, '#');
  const auto cells = [commas](std::string_view row) { return commas ? split(row, ',') : words(row); };
  const std::vector<std::string> columns = cells(trim(names));
  const auto column = [&](const char* name) {
    return static_cast<std::size_t>(std::find(columns.begin(), columns.end(), name) - columns.begin());
  };
  const std::size_t cpu = column("cpu");
  const std::size_t core = column("core");
  const std::size_t socket = column("socket");
  const std::size_t node = column("node");
  const std::size_t model = column("modelname");
  bool found = false;
  for (std::size_t i = header + 1; i < rows.size(); ++i) {
    const std::vector<std::string> row = cells(trim(rows[i]));
    if (row.size() <= cpu || !number(row[cpu])) continue;
    found = true;
    LogicalCpu& logical = record.cpus[to_int(row[cpu])];
    if (core < row.size() && number(row[core])) logical.core = to_int(row[core]);
    if (socket < row.size() && number(row[socket])) logical.package = to_int(row[socket]);
    if (node < row.size() && number(row[node])) logical.node = to_int(row[node]);
    if (commas && model < row.size()) logical.type = row[model];
  }
  for (const std::pair<const int, LogicalCpu>& entry : record.cpus) {
    if (entry.second.node < 0) continue;
    NumaNode& numa = record.nodes[entry.second.node];
    numa.id = entry.second.node;
    if (std::find(numa.cpus.begin(), numa.cpus.end(), entry.first) == numa.cpus.end()) numa.cpus.push_back(entry.first);
  }
  return found;
}

// Newer lscpu nests; the fields are the same.
void flatten(const Json& items, std::string& text) {
  if (!items.is_array()) return;
  for (const Json& item : items) {
    if (!item.is_object()) continue;
    if (item.contains("field")) {
      const Json data = item.value("data", Json());
      text +=
          item.at("field").get<std::string>() + " " + (data.is_string() ? data.get<std::string>() : data.dump()) + "\n";
    }
    flatten(item.value("children", Json()), text);
  }
}

bool little_name(std::string_view type) {
  // Arm's small cores by the part number of MIDR and by lscpu's names.
  constexpr std::array<std::string_view, 18> kLittle = {
      "0xc07",     "0xd03",      "0xd04",      "0xd05",      "0xd46",       "0xd80",
      "cortex-a7", "cortex-a35", "cortex-a53", "cortex-a55", "cortex-a510", "cortex-a520",
      "icestorm",  "blizzard",   "sawtooth",   "intelatom",  "0x022",       "0x024"};
  return std::find(kLittle.begin(), kLittle.end(), lower(type)) != kLittle.end();
}

Tier make_tier(const CpuRecord& record, const std::vector<int>& cpus, const std::string& name,
               const std::string& kind) {
  Tier tier{name, kind, 0, cpus, {}};
  std::set<std::pair<int, int>> cores;
  int lone = 0;
  for (const int cpu : cpus) {
    const LogicalCpu& logical = record.cpus.at(cpu);
    if (logical.core >= 0) {
      cores.insert({logical.package, logical.core});
    } else {
      ++lone;
    }
  }
  tier.cores = static_cast<int>(cores.size()) + lone;
  return tier;
}

}  // namespace

bool read_lscpu(std::string_view text, CpuRecord& record) {
  std::string flat;
  if (trim(text).starts_with('{')) {
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object() || !json.contains("lscpu")) return false;
    flatten(json.at("lscpu"), flat);
    text = flat;
  }
  const std::vector<std::string> rows = lines(text);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string row = lower(trim(rows[i]));
    if (row.starts_with("# cpu,") || row.starts_with("#cpu,")) return read_table(rows, i, true, record);
    if (row.starts_with("cpu ") && row.find(" core") != std::string::npos) {
      return read_table(rows, i, false, record);
    }
  }
  Tier group;
  int threads = 1;
  int sockets = 1;
  const auto close = [&] {
    if (group.cores > 0) {
      group.cores *= sockets;
      // Numbers come when the groups are made tiers.
      group.cpus.assign(static_cast<std::size_t>(group.cores * threads), 0);
      record.groups.push_back(group);
      record.packages = std::max(record.packages, sockets);
    }
    group = Tier();
    threads = sockets = 1;
  };
  bool found = false;
  for (const std::string& row : rows) {
    const std::optional<std::pair<std::string, std::string>> pair = key_value(row, ":");
    if (!pair) continue;
    const auto& [key, value] = *pair;
    if (key == "CPU(s)") {
      record.logical = to_int(value);
      found = true;
    } else if (key == "Model name") {
      close();
      group.name = value;
      if (record.name.empty()) record.name = value;
    } else if (key == "Thread(s) per core") {
      threads = std::max(1, to_int(value));
    } else if (key == "Core(s) per socket" || key == "Core(s) per cluster") {
      group.cores = to_int(value);
    } else if (key == "Socket(s)" || key == "Cluster(s)") {
      if (number(value)) sockets = std::max(1, to_int(value));
    } else if (key.starts_with("NUMA node") && key.ends_with("CPU(s)")) {
      const std::optional<std::vector<int>> cpus = cpu_list(value);
      if (cpus && key != "NUMA node(s)") set_nodes(record, to_int(key.substr(9)), *cpus);
    }
  }
  close();
  return found;
}

bool read_cpuinfo(std::string_view text, CpuRecord& record) {
  int cpu = -1;
  bool found = false;
  for (const std::string& line : lines(text)) {
    const std::optional<std::pair<std::string, std::string>> pair = key_value(line, ":");
    if (!pair) continue;
    const auto& [key, value] = *pair;
    if (key == "processor" && number(value)) {
      cpu = to_int(value);
      record.cpus[cpu];
      found = true;
    } else if ((key == "model name" || key == "Model") && record.name.empty()) {
      record.name = value;
    } else if (cpu >= 0 && key == "physical id") {
      record.cpus[cpu].package = to_int(value);
    } else if (cpu >= 0 && key == "core id") {
      record.cpus[cpu].core = to_int(value);
    } else if (cpu >= 0 && key == "CPU part" && record.cpus[cpu].type.empty()) {
      record.cpus[cpu].type = value;
    }
  }
  return found;
}

bool read_numactl(std::string_view text, CpuRecord& record) {
  bool found = false;
  for (const std::string& line : lines(text)) {
    // node 0 cpus: 0 1 2 3; node 0 size: 64211 MB
    const std::vector<std::string> parts = words(line);
    if (parts.size() < 3 || parts[0] != "node" || !number(parts[1])) continue;
    const int id = to_int(parts[1]);
    if (parts[2] == "cpus:") {
      std::vector<int> cpus;
      for (std::size_t i = 3; i < parts.size(); ++i) cpus.push_back(to_int(parts[i]));
      set_nodes(record, id, cpus);
      found = true;
    } else if (parts[2] == "size:" && parts.size() >= 5) {
      record.nodes[id].id = id;
      record.nodes[id].memory_bytes = size_bytes(parts[3] + parts[4]).value_or(0);
    }
  }
  return found;
}

bool read_sysfs(const std::string& path, std::string_view text, CpuRecord& record) {
  const std::vector<std::string> parts = split(path, '/');
  const std::size_t count = parts.size();
  if (count < 2) return false;
  const std::string& file = parts[count - 1];
  const std::string& folder = parts[count - 2];
  const std::string_view value = trim(text);
  // devices/cpu_core/cpus and devices/cpu_atom/cpus: Intel's kinds of cores.
  if (file == "cpus" && (folder == "cpu_core" || folder == "cpu_atom")) {
    for (const int cpu : cpu_list(value).value_or(std::vector<int>())) {
      record.cpus[cpu].type = folder == "cpu_core" ? "IntelCore" : "IntelAtom";
    }
    return true;
  }
  const auto numbered = [](const std::string& name, std::string_view prefix) -> std::optional<int> {
    if (!name.starts_with(prefix)) return std::nullopt;
    const std::optional<std::uint64_t> id = number(name.substr(prefix.size()));
    return id ? std::optional(static_cast<int>(*id)) : std::nullopt;
  };
  if (const std::optional<int> node = numbered(folder, "node")) {
    if (file == "cpulist" && cpu_list(value)) {
      set_nodes(record, *node, *cpu_list(value));
      return true;
    }
    if (file == "meminfo") {
      for (const std::string& line : lines(text)) {
        const std::vector<std::string> all = words(line);  // Node 0 MemTotal: 65842928 kB
        if (all.size() >= 4 && all[2] == "MemTotal:") {
          record.nodes[*node].id = *node;
          record.nodes[*node].memory_bytes = leading_number(all[3]) * 1024;
          return true;
        }
      }
    }
    return false;
  }
  if (file == "cpu_capacity") {
    const std::optional<int> cpu = numbered(folder, "cpu");
    if (cpu) record.cpus[*cpu].capacity = leading_number(value);
    return cpu.has_value();
  }
  if (folder == "topology" && count >= 3) {
    const std::optional<int> cpu = numbered(parts[count - 3], "cpu");
    if (!cpu) return false;
    if (file == "core_id") record.cpus[*cpu].core = to_int(value);
    if (file == "physical_package_id" && number(value)) record.cpus[*cpu].package = to_int(value);
    return true;
  }
  if (file == "online" && folder == "cpu") {
    for (const int cpu : cpu_list(value).value_or(std::vector<int>())) record.cpus[cpu];
    return true;
  }
  return false;
}

std::vector<Tier> tiers_of(const CpuRecord& record) {
  // lscpu's sums are all there is when nothing tells one CPU from another.
  std::size_t grouped = 0;
  for (const Tier& group : record.groups) grouped += group.cpus.size();
  const bool bare =
      std::all_of(record.cpus.begin(), record.cpus.end(), [](const std::pair<const int, LogicalCpu>& cpu) {
        return cpu.second.core < 0 && cpu.second.type.empty() && cpu.second.capacity == 0;
      });
  if (record.cpus.empty() || (bare && grouped == record.cpus.size())) {
    std::vector<Tier> tiers = record.groups;
    int next = 0;
    for (Tier& tier : tiers) {
      for (int& cpu : tier.cpus) cpu = next++;
      tier.kind = tiers.size() > 1 && little_name(tier.name) ? "efficiency" : "performance";
      if (tiers.size() == 1) tier.name = tier.kind;
    }
    std::stable_sort(tiers.begin(), tiers.end(),
                     [](const Tier& a, const Tier& b) { return (a.kind == "efficiency") < (b.kind == "efficiency"); });
    if (!tiers.empty() || record.logical == 0) return tiers;
    Tier tier{"performance", "performance", record.logical, {}, {}};
    for (int cpu = 0; cpu < record.logical; ++cpu) tier.cpus.push_back(cpu);
    return {tier};
  }
  // Kinds of cores: by type, else by capacity where it differs by more than a quarter.
  std::map<std::string, std::vector<int>> types;
  std::map<std::uint64_t, std::vector<int>, std::greater<>> capacities;
  std::vector<int> all;
  for (const std::pair<const int, LogicalCpu>& cpu : record.cpus) {
    all.push_back(cpu.first);
    types[cpu.second.type].push_back(cpu.first);
    std::uint64_t capacity = cpu.second.capacity;
    for (const std::pair<const std::uint64_t, std::vector<int>>& known : capacities) {
      if (std::min(capacity, known.first) * 4 >= std::max(capacity, known.first) * 3) capacity = known.first;
    }
    capacities[capacity].push_back(cpu.first);
  }
  std::vector<Tier> tiers;
  if (capacities.size() > 1 && !capacities.contains(0)) {
    for (const auto& [capacity, cpus] : capacities) {
      const bool last = capacity == capacities.rbegin()->first;
      const std::string& type = record.cpus.at(cpus.front()).type;
      const std::string kind = last ? "efficiency" : "performance";
      tiers.push_back(make_tier(record, cpus, type.empty() ? kind : type, kind));
    }
    return tiers;
  }
  const bool small =
      std::any_of(types.begin(), types.end(),
                  [](const std::pair<const std::string, std::vector<int>>& type) { return little_name(type.first); });
  if (types.size() > 1 && small && !types.contains("")) {
    for (const bool little : {false, true}) {
      for (const auto& [type, cpus] : types) {
        if (little_name(type) == little)
          tiers.push_back(make_tier(record, cpus, type, little ? "efficiency" : "performance"));
      }
    }
    return tiers;
  }
  return {make_tier(record, all, "performance", "performance")};
}

std::vector<NumaNode> numa_of(const CpuRecord& record) {
  std::vector<NumaNode> nodes;
  if (record.nodes.size() < 2) return nodes;
  for (const std::pair<const int, NumaNode>& node : record.nodes) nodes.push_back(node.second);
  return nodes;
}

}  // namespace jarvis2::hardware
