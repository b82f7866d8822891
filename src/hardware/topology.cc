#include "hardware/topology.h"

#include <fmt/format.h>
#include <hwloc.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace jarvis2::hardware {

namespace fs = std::filesystem;

namespace {

using Infos = std::map<std::string, std::string>;

struct TopologyDeleter {
  void operator()(hwloc_topology* topology) const { hwloc_topology_destroy(topology); }
};
struct BitmapDeleter {
  void operator()(hwloc_bitmap_s* bitmap) const { hwloc_bitmap_free(bitmap); }
};
using Topology = std::unique_ptr<hwloc_topology, TopologyDeleter>;
using Bitmap = std::unique_ptr<hwloc_bitmap_s, BitmapDeleter>;

struct Kind {
  Infos infos;
  int rank = -1;  // higher is faster; -1: hwloc doesn't know
  Bitmap cpus;
};

std::uint64_t to_number(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string get(const Infos& infos, const std::string& key) {
  const Infos::const_iterator found = infos.find(key);
  return found == infos.end() ? std::string() : found->second;
}

Infos object_infos(hwloc_obj_t object) {
  Infos infos;
  for (unsigned i = 0; i < object->infos_count; ++i) infos[object->infos[i].name] = object->infos[i].value;
  return infos;
}

void refuse(const fs::path& path, std::string_view why) {
  throw Error("hardware::machine_from_hwloc_xml",
              fmt::format("{} is not a hwloc XML file ({}): record one with `lstopo FILE.xml`", path.string(), why));
}

// hwloc would say nothing but "invalid argument".
void check_xml(const fs::path& path) {
  if (!fs::exists(path)) {
    throw Error("hardware::machine_from_hwloc_xml",
                fmt::format("{} does not exist: give a hwloc XML file", path.string()));
  }
  if (!fs::is_regular_file(path)) refuse(path, "it is a folder or a device");
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw Error("hardware::machine_from_hwloc_xml", fmt::format("cannot read {}: check its rights", path.string()));
  std::string head(4096, '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(file.gcount()));
  if (head.find("<topology") == std::string::npos) refuse(path, "it has no topology element");
}

Topology load(const fs::path& xml) {
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) throw Error("hardware::read_topology", "hwloc does not start: out of memory?");
  Topology topology(raw);
  if (xml.empty()) {
    if (hwloc_topology_load(raw) != 0) {
      throw Error("hardware::read_topology", fmt::format("hwloc cannot read this machine: {}", std::strerror(errno)));
    }
    return topology;
  }
  check_xml(xml);
  hwloc_topology_set_type_filter(raw, HWLOC_OBJ_OS_DEVICE, HWLOC_TYPE_FILTER_KEEP_ALL);
  hwloc_topology_set_type_filter(raw, HWLOC_OBJ_PCI_DEVICE, HWLOC_TYPE_FILTER_KEEP_ALL);
  hwloc_topology_set_type_filter(raw, HWLOC_OBJ_BRIDGE, HWLOC_TYPE_FILTER_KEEP_ALL);
  if (hwloc_topology_set_xml(raw, xml.c_str()) != 0 || hwloc_topology_load(raw) != 0) refuse(xml, "hwloc rejects it");
  return topology;
}

std::vector<Kind> read_kinds(hwloc_topology_t topology) {
  std::vector<Kind> kinds;
  const int count = hwloc_cpukinds_get_nr(topology, 0);
  for (int i = 0; i < count; ++i) {
    Kind kind;
    kind.cpus.reset(hwloc_bitmap_alloc());
    unsigned info_count = 0;
    hwloc_info_s* infos = nullptr;
    if (hwloc_cpukinds_get_info(topology, static_cast<unsigned>(i), kind.cpus.get(), &kind.rank, &info_count, &infos,
                                0)) {
      continue;
    }
    hwloc_bitmap_and(kind.cpus.get(), kind.cpus.get(), hwloc_topology_get_topology_cpuset(topology));
    if (hwloc_bitmap_iszero(kind.cpus.get())) continue;
    for (unsigned k = 0; k < info_count; ++k) kind.infos[infos[k].name] = infos[k].value;
    kinds.push_back(std::move(kind));
  }
  return kinds;
}

// "apple,icestorm;ARM,v8" is icestorm.
std::string own_name(const Infos& infos) {
  const std::string core_type = get(infos, "CoreType");
  if (!core_type.empty()) return core_type;
  const std::string darwin = get(infos, "DarwinCompatible");
  const std::size_t comma = darwin.find(',');
  if (comma == std::string::npos) return darwin;
  return darwin.substr(comma + 1, darwin.find(';') - comma - 1);
}

bool is_known_small(std::string_view name) {
  constexpr std::array<std::string_view, 4> kNames = {"IntelAtom", "icestorm", "blizzard", "sawtooth"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// A difference of frequency alone makes no tier: boost bins differ among equal cores (Grace, Zen before 5).
bool same_tier(const Kind& a, const Kind& b) {
  if (own_name(a.infos) != own_name(b.infos)) return false;
  const double low = static_cast<double>(to_number(get(a.infos, "LinuxCapacity")));
  const double high = static_cast<double>(to_number(get(b.infos, "LinuxCapacity")));
  if (low > 0 && high > 0) return std::min(low, high) >= 0.75 * std::max(low, high);
  const bool by_frequency = a.infos.contains("FrequencyMaxMHz") || a.infos.contains("FrequencyBaseMHz");
  return !own_name(a.infos).empty() || by_frequency;
}

int count_cores(hwloc_topology_t topology, hwloc_const_bitmap_t cpus) {
  int cores = 0;
  for (hwloc_obj_t core = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_CORE, nullptr); core != nullptr;
       core = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_CORE, core)) {
    cores += hwloc_bitmap_intersects(core->cpuset, cpus) ? 1 : 0;
  }
  return cores > 0 ? cores : hwloc_bitmap_weight(cpus);
}

std::vector<Cache> read_caches(hwloc_topology_t topology, int cpu) {
  std::vector<Cache> caches;
  for (hwloc_obj_t object = hwloc_get_pu_obj_by_os_index(topology, static_cast<unsigned>(cpu)); object != nullptr;
       object = object->parent) {
    if (hwloc_obj_type_is_cache(object->type) == 0 || object->attr == nullptr) continue;
    const hwloc_obj_attr_u::hwloc_cache_attr_s& cache = object->attr->cache;
    const char* kind = cache.type == HWLOC_OBJ_CACHE_DATA          ? "data"
                       : cache.type == HWLOC_OBJ_CACHE_INSTRUCTION ? "instruction"
                                                                   : "unified";
    if (cache.size > 0) {
      caches.push_back({static_cast<int>(cache.depth), kind, cache.size, hwloc_bitmap_weight(object->cpuset)});
    }
  }
  return caches;
}

std::vector<NumaNode> read_numa(hwloc_topology_t topology) {
  std::vector<NumaNode> nodes;
  for (hwloc_obj_t object = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, nullptr); object != nullptr;
       object = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, object)) {
    NumaNode node{
        static_cast<int>(object->os_index), {}, object->attr == nullptr ? 0 : object->attr->numanode.local_memory};
    for (int cpu = hwloc_bitmap_first(object->cpuset); cpu >= 0; cpu = hwloc_bitmap_next(object->cpuset, cpu)) {
      node.cpus.push_back(cpu);
    }
    nodes.push_back(std::move(node));
  }
  if (nodes.size() < 2) nodes.clear();
  return nodes;
}

Tier make_tier(hwloc_topology_t topology, hwloc_const_bitmap_t cpus) {
  Tier tier{
      "performance", "performance", count_cores(topology, cpus), {}, read_caches(topology, hwloc_bitmap_first(cpus))};
  for (int cpu = hwloc_bitmap_first(cpus); cpu >= 0; cpu = hwloc_bitmap_next(cpus, cpu)) tier.cpus.push_back(cpu);
  return tier;
}

std::vector<Tier> read_tiers(hwloc_topology_t topology) {
  std::vector<Kind> kinds = read_kinds(topology);
  std::stable_sort(kinds.begin(), kinds.end(), [](const Kind& a, const Kind& b) {
    if (a.rank != b.rank) return a.rank > b.rank;
    return is_known_small(own_name(a.infos)) < is_known_small(own_name(b.infos));
  });
  std::vector<Kind> merged;
  for (Kind& kind : kinds) {
    if (!merged.empty() && same_tier(merged.back(), kind)) {
      hwloc_bitmap_or(merged.back().cpus.get(), merged.back().cpus.get(), kind.cpus.get());
    } else {
      merged.push_back(std::move(kind));
    }
  }
  const bool small_known =
      std::any_of(merged.begin(), merged.end(), [](const Kind& kind) { return is_known_small(own_name(kind.infos)); });
  const bool ranked = std::all_of(merged.begin(), merged.end(), [](const Kind& kind) { return kind.rank >= 0; });
  std::vector<Tier> tiers;
  if (merged.size() >= 2 && (small_known || ranked)) {
    for (const Kind& kind : merged) {
      Tier tier = make_tier(topology, kind.cpus.get());
      const std::string name = own_name(kind.infos);
      const bool last = &kind == &merged.back();
      tier.kind = is_known_small(name) || (!small_known && last) ? "efficiency" : "performance";
      tier.name = name.empty() ? tier.kind : name;
      tiers.push_back(tier);
    }
  }
  // Kinds may leave CPUs out.
  std::size_t listed = 0;
  for (const Tier& tier : tiers) listed += tier.cpus.size();
  const hwloc_const_bitmap_t all = hwloc_topology_get_topology_cpuset(topology);
  if (tiers.empty() || listed != static_cast<std::size_t>(hwloc_bitmap_weight(all))) return {make_tier(topology, all)};
  return tiers;
}

std::string read_cpu_name(hwloc_topology_t topology) {
  for (hwloc_obj_t object : {hwloc_get_obj_by_type(topology, HWLOC_OBJ_PACKAGE, 0), hwloc_get_root_obj(topology)}) {
    if (object == nullptr) continue;
    const char* name = hwloc_obj_get_info_by_name(object, "CPUModel");
    if (name != nullptr) return name;
  }
  return {};
}

std::vector<Gpu> read_gpus(hwloc_topology_t topology) {
  std::vector<Gpu> gpus;
  bool cuda = false;
  for (hwloc_obj_t device = hwloc_get_next_osdev(topology, nullptr); device != nullptr;
       device = hwloc_get_next_osdev(topology, device)) {
    const Infos infos = object_infos(device);
    const std::string subtype = device->subtype == nullptr ? get(infos, "Backend") : device->subtype;
    Gpu gpu;
    gpu.name = get(infos, "GPUModel");
    if (subtype == "CUDA") {
      cuda = true;
      gpu.backend = "cuda";
      gpu.cores = static_cast<int>(to_number(get(infos, "CUDAMultiProcessors")));
      gpu.memory_bytes = to_number(get(infos, "CUDAGlobalMemorySize")) * 1024;
    } else if (subtype == "OpenCL" && get(infos, "OpenCLDeviceType") == "GPU") {
      gpu.unified = get(infos, "GPUVendor") == "Apple";
      gpu.backend = gpu.unified ? "metal" : "opencl";
      gpu.cores = static_cast<int>(to_number(get(infos, "OpenCLComputeUnits")));
      gpu.memory_bytes = to_number(get(infos, "OpenCLGlobalMemorySize")) * 1024;
    } else {
      continue;
    }
    gpus.push_back(gpu);
  }
  // The same device through OpenCL.
  if (cuda) {
    std::erase_if(gpus, [](const Gpu& gpu) { return gpu.backend == "opencl" && gpu.name.starts_with("NVIDIA"); });
  }
  return gpus;
}

}  // namespace

Machine read_topology(const fs::path& xml) {
  const Topology topology = load(xml);
  Machine machine;
  machine.cpu_name = read_cpu_name(topology.get());
  machine.tiers = read_tiers(topology.get());
  machine.numa = read_numa(topology.get());
  machine.packages = std::max(1, hwloc_get_nbobjs_by_type(topology.get(), HWLOC_OBJ_PACKAGE));
  if (!xml.empty()) {
    machine.memory_total_bytes = hwloc_get_root_obj(topology.get())->total_memory;
    machine.memory_limit_bytes = machine.memory_total_bytes;
    machine.gpus = read_gpus(topology.get());
    machine.unified = machine.cpu_name.starts_with("Apple M");
    for (const Gpu& gpu : machine.gpus) machine.unified = machine.unified || gpu.unified;
  }
  return machine;
}

Machine machine_from_hwloc_xml(const fs::path& path) {
  if (path.empty()) throw Error("hardware::machine_from_hwloc_xml", "an empty path: give a hwloc XML file");
  return read_topology(path);
}

}  // namespace jarvis2::hardware
