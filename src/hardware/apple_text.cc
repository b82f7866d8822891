// IORegistry and system_profiler as text.
#include <algorithm>
#include <utility>

#include "base/json.h"
#include "hardware/apple.h"
#include "hardware/text.h"

namespace jarvis2::hardware {
namespace {

// 20, or data in the order of the machine's bytes: <14000000>.
std::uint64_t registry_number(std::string_view text) {
  text = trim(text);
  if (!text.starts_with('<')) return leading_number(text);
  std::uint64_t value = 0;
  int shift = 0;
  for (std::size_t i = 1; i + 1 < text.size() && text[i] != '>' && shift < 64; i += 2, shift += 8) {
    value |= number("0x" + std::string(text.substr(i, 2))).value_or(0) << shift;
  }
  return value;
}

// "Apple M4 Pro", <"E">, <"apple,icestorm","ARM,v8">: the first text.
std::string registry_text(std::string_view text) {
  const std::size_t first = text.find('"');
  const std::size_t last = first == std::string_view::npos ? first : text.find('"', first + 1);
  return last == std::string_view::npos ? std::string() : std::string(text.substr(first + 1, last - first - 1));
}

struct Node {
  std::string type;
  std::vector<std::pair<std::string, std::string>> properties;
};

std::string find(const Node& node, const std::string& key) {
  for (const std::pair<std::string, std::string>& property : node.properties) {
    if (property.first == key) return property.second;
  }
  return {};
}

void take_gpu(const Node& node, Registry& registry, std::vector<bool>& by_class) {
  const std::string cores = find(node, "gpu-core-count");
  const bool driver = node.type.find("Accelerator") != std::string::npos;
  if (cores.empty() && !driver) return;
  Accelerator gpu;
  gpu.cores = static_cast<int>(registry_number(cores));
  for (const std::pair<std::string, std::string>& property : node.properties) {
    if (property.first == "model" && (gpu.name.empty() || registry_text(property.second).starts_with("Apple "))) {
      gpu.name = registry_text(property.second);
    }
    if (property.first == "PerformanceStatistics") read_performance_statistics(property.second, gpu);
  }
  if (gpu.cores == 0 && gpu.name.empty()) return;
  registry.gpus.push_back(gpu);
  by_class.push_back(driver);
}

void take_cpu(const Node& node, Registry& registry) {
  for (const auto& [key, value] : node.properties) {
    if (key.size() == 12 && key.ends_with("-core-count") && key != "gpu-core-count") {
      registry.clusters_of[std::string(1, static_cast<char>(key[0] - 'a' + 'A'))] = registry_number(value);
    }
  }
  // Some lines of a tree hold many CPUs, each a number and a type in either order.
  std::string type;
  std::string id;
  std::string unused_cpu_id;
  for (const auto& [key, value] : node.properties) {
    if (key == "cluster-type") type = registry_text(value);
    if (key == "logical-cpu-id") id = value;
    if (key == "cpu-id" && find(node, "logical-cpu-id").empty()) id = value;
    if (!type.empty() && !id.empty()) {
      registry.clusters[static_cast<int>(registry_number(id))] = type;
      type.clear();
      id.clear();
    }
  }
}

// <key>gpu-core-count</key><integer>20</integer> as "gpu-core-count" = 20, so that one reader does for both.
std::string xml_to_lines(std::string_view xml) {
  std::string text;
  std::size_t at = 0;
  while ((at = xml.find("<key>", at)) != std::string_view::npos) {
    const std::size_t end = xml.find("</key>", at);
    if (end == std::string_view::npos) break;
    const std::string key(xml.substr(at + 5, end - at - 5));
    at = end + 6;
    const std::size_t open = xml.find('<', at);
    const std::size_t close = open == std::string_view::npos ? open : xml.find('>', open);
    if (close == std::string_view::npos) break;
    const std::string_view tag = xml.substr(open + 1, close - open - 1);
    const std::string value(xml.substr(close + 1, xml.find('<', close) - close - 1));
    if (key == "IOObjectClass") text += "+-o x  <class " + value + ", id>\n";
    if (tag.starts_with("integer")) text += "\"" + key + "\" = " + value + "\n";
    if (tag == "string") text += "\"" + key + "\" = \"" + value + "\"\n";
  }
  return text;
}

// Registry in a plist closes a node's properties before its class is told; cores and model are what matter.
Registry parse_plist(std::string_view xml) {
  Node all;
  Accelerator gpu;
  Registry registry;
  for (const std::string& line : lines(xml_to_lines(xml))) {
    const std::optional<std::pair<std::string, std::string>> pair = key_value(line, "=");
    if (!pair) continue;
    const std::string key = registry_text(pair->first);
    if (key == "gpu-core-count") gpu.cores = static_cast<int>(leading_number(pair->second));
    if (key == "model" && registry_text(pair->second).starts_with("Apple ")) gpu.name = registry_text(pair->second);
    if (key == "Device Utilization %") gpu.utilization = static_cast<double>(leading_number(pair->second)) / 100;
    if (key == "In use system memory") gpu.used_bytes = leading_number(pair->second);
  }
  if (gpu.cores > 0 || !gpu.name.empty()) registry.gpus.push_back(gpu);
  return registry;
}

std::vector<Tier> tiers_of_phrase(std::string_view text) {
  // "12 (8 performance and 4 efficiency)", "18 (6 super and 12 performance)"
  std::vector<Tier> tiers;
  const std::size_t open = text.find('(');
  if (open == std::string_view::npos) return tiers;
  std::string inside(text.substr(open + 1, text.find(')') - open - 1));
  std::replace(inside.begin(), inside.end(), ',', ' ');
  const std::vector<std::string> all = words(inside);
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    const std::optional<std::uint64_t> count = number(all[i]);
    if (!count || *count == 0) continue;
    Tier tier;
    tier.name = all[i + 1];
    tier.name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(tier.name[0])));
    const std::string name = lower(tier.name);
    tier.kind = name.starts_with("effic") ? "efficiency" : name.starts_with("super") ? "super" : "performance";
    tier.cores = static_cast<int>(*count);
    tiers.push_back(tier);
  }
  const auto rank = [](const Tier& tier) { return tier.kind == "super" ? 0 : tier.kind == "performance" ? 1 : 2; };
  std::stable_sort(tiers.begin(), tiers.end(), [&](const Tier& a, const Tier& b) { return rank(a) < rank(b); });
  return tiers;
}

// "proc 12:8:4" is all, performance, efficiency; "proc 18:6:0:12" adds the tier between them.
std::vector<Tier> tiers_of_processors(std::string_view text) {
  const std::size_t blank = text.find(' ');
  const std::vector<std::string> parts = split(blank == std::string_view::npos ? text : text.substr(blank + 1), ':');
  const auto part = [&](std::size_t i) { return parts.size() > i ? number(parts[i]).value_or(0) : 0; };
  std::vector<Tier> tiers;
  const auto add = [&](const char* name, const char* kind, std::uint64_t cores) {
    if (cores > 0) tiers.push_back({name, kind, static_cast<int>(cores), {}, {}});
  };
  if (parts.size() < 3) return tiers;
  const bool medium = part(3) > 0;
  add(medium ? "Super" : "Performance", medium ? "super" : "performance", part(1));
  add("Performance", "performance", part(3));
  add("Efficiency", "efficiency", part(2));
  return tiers;
}

std::string json_text(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key)) return {};
  const Json& value = object.at(key);
  return value.is_string() ? value.get<std::string>() : value.dump();
}

Profile profile_of_json(const Json& json) {
  Profile profile;
  if (json.contains("SPHardwareDataType")) {
    for (const Json& item : json.at("SPHardwareDataType")) {
      profile.chip = json_text(item, "chip_type");
      if (profile.chip.empty()) profile.chip = json_text(item, "cpu_type");
      const std::string processors = json_text(item, "number_processors");
      profile.tiers = tiers_of_processors(processors);
      const std::vector<std::string> parts = words(split(processors, ':').front());
      profile.cores = parts.empty() ? 0 : static_cast<int>(leading_number(parts.back()));
      profile.memory_bytes = size_bytes(json_text(item, "physical_memory")).value_or(0);
    }
  }
  if (json.contains("SPDisplaysDataType")) {
    for (const Json& item : json.at("SPDisplaysDataType")) {
      Gpu gpu;
      gpu.name = json_text(item, "sppci_model");
      if (gpu.name.empty()) gpu.name = json_text(item, "_name");
      gpu.backend = "metal";
      gpu.cores = static_cast<int>(leading_number(json_text(item, "sppci_cores")));
      gpu.memory_bytes = size_bytes(json_text(item, "spdisplays_vram")).value_or(0);
      if (!gpu.name.empty()) profile.gpus.push_back(gpu);
    }
  }
  return profile;
}

}  // namespace

void read_performance_statistics(std::string_view text, Accelerator& gpu) {
  const auto read = [&](std::string_view key) -> std::optional<std::uint64_t> {
    const std::size_t at = text.find(key);  // quoted: "In use system memory (driver)" is another
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view rest = trim(text.substr(at + key.size()));
    return rest.starts_with('=') ? std::optional(leading_number(rest.substr(1))) : std::nullopt;
  };
  for (const std::string_view key : {"\"Device Utilization %\"", "\"GPU Activity(%)\"", "\"Renderer Utilization %\""}) {
    if (gpu.utilization) break;
    const std::optional<std::uint64_t> percent = read(key);
    if (percent) gpu.utilization = std::min(1.0, static_cast<double>(*percent) / 100);
  }
  const std::optional<std::uint64_t> used = read("\"In use system memory\"");
  if (used) gpu.used_bytes = used;
}

Registry parse_ioreg(std::string_view text) {
  if (text.find("<plist") != std::string_view::npos) return parse_plist(text);
  std::vector<Node> nodes(1);
  for (const std::string& raw : lines(text)) {
    std::string_view line = raw;
    const std::size_t start = line.find_first_not_of(" |\t{}");
    if (start == std::string_view::npos) continue;
    line.remove_prefix(start);
    if (line.starts_with("+-o ")) {
      Node node;
      const std::size_t at = line.find("<class ");
      const std::string_view rest = at == std::string_view::npos ? line.substr(4) : line.substr(at + 7);
      node.type = std::string(rest.substr(0, rest.find_first_of(",> ")));
      nodes.push_back(std::move(node));
    } else if (line.starts_with('"')) {
      const std::size_t equals = line.find('=');
      if (equals != std::string_view::npos) {
        nodes.back().properties.emplace_back(registry_text(line.substr(0, equals)), trim(line.substr(equals + 1)));
      }
    }
  }
  Registry registry;
  std::vector<bool> by_class;
  for (const Node& node : nodes) {
    take_gpu(node, registry, by_class);
    take_cpu(node, registry);
  }
  // The device tree repeats what the driver says.
  if (std::find(by_class.begin(), by_class.end(), true) != by_class.end()) {
    std::vector<Accelerator> drivers;
    for (std::size_t i = 0; i < by_class.size(); ++i) {
      if (by_class[i]) drivers.push_back(registry.gpus[i]);
    }
    registry.gpus = drivers;
  }
  return registry;
}

Profile parse_system_profiler(std::string_view text) {
  if (trim(text).starts_with('{')) {
    const Json json = Json::parse(text, nullptr, false);
    return json.is_object() ? profile_of_json(json) : Profile();
  }
  Profile profile;
  bool display = false;
  for (const std::string& line : lines(text)) {
    const std::optional<std::pair<std::string, std::string>> pair = key_value(line, ":");
    if (!pair) continue;
    const auto& [key, value] = *pair;
    if (key == "Chip" || key == "Processor Name") profile.chip = value;
    if (key == "Chipset Model") {
      profile.gpus.push_back({value, "metal", 0, 0, false});
      display = true;
    }
    if (key == "Hardware Overview" || key == "Hardware") display = false;
    if (key == "Total Number of Cores") {
      if (display) {
        profile.gpus.back().cores = static_cast<int>(leading_number(value));
      } else {
        profile.cores = static_cast<int>(leading_number(value));
        profile.tiers = tiers_of_phrase(value);
      }
    }
    if (key == "Memory" && !display) profile.memory_bytes = size_bytes(value).value_or(0);
    if (key.starts_with("VRAM") && display) profile.gpus.back().memory_bytes = size_bytes(value).value_or(0);
  }
  return profile;
}

}  // namespace jarvis2::hardware
