#include "hardware/monitor.h"

#include "base/json.h"

namespace jarvis2::hardware {
namespace {

template <typename T>
Json maybe(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

}  // namespace

void fill_utilization(const Machine& machine, const std::vector<double>& busy, Sample& sample) {
  double all = 0;
  std::size_t counted = 0;
  for (const Tier& tier : machine.tiers) {
    TierLoad load{tier.name, tier.kind, 0, {}};
    std::size_t known = 0;
    for (const int cpu : tier.cpus) {
      const bool has = cpu >= 0 && static_cast<std::size_t>(cpu) < busy.size();
      const double share = has ? busy[static_cast<std::size_t>(cpu)] : 0;
      sample.cpus.push_back(share);
      load.utilization += share;
      known += has ? 1 : 0;
    }
    all += load.utilization;
    counted += known;
    if (known > 0) load.utilization /= static_cast<double>(known);
    sample.tiers.push_back(load);
  }
  sample.utilization = counted > 0 ? all / static_cast<double>(counted) : 0;
}

Json to_json(const Sample& sample) {
  Json tiers = Json::array();
  for (const TierLoad& tier : sample.tiers) {
    tiers.push_back({{"name", tier.name},
                     {"kind", tier.kind},
                     {"utilization", tier.utilization},
                     {"frequency_mhz", maybe(tier.frequency_mhz)}});
  }
  Json gpus = Json::array();
  for (const GpuLoad& gpu : sample.gpus) {
    Json processes = Json::array();
    for (const GpuProcess& process : gpu.processes) {
      processes.push_back(
          {{"pid", process.pid}, {"name", process.name}, {"memory_bytes", maybe(process.memory_bytes)}});
    }
    gpus.push_back({{"name", gpu.name},
                    {"backend", gpu.backend},
                    {"utilization", maybe(gpu.utilization)},
                    {"source", gpu.source},
                    {"memory_bytes", maybe(gpu.memory_bytes)},
                    {"memory_total_bytes", gpu.memory_total_bytes},
                    {"temperature_c", maybe(gpu.temperature_c)},
                    {"power_w", maybe(gpu.power_w)},
                    {"processes", processes}});
  }
  return {{"cpu",
           {{"utilization", sample.utilization},
            {"tiers", tiers},
            {"cpus", sample.cpus},
            {"temperature_c", maybe(sample.temperature_c)},
            {"temperature_source", sample.temperature_source},
            {"load_average", sample.load_average}}},
          {"gpus", gpus},
          {"memory",
           {{"used_bytes", sample.memory.used_bytes},
            {"total_bytes", sample.memory.total_bytes},
            {"limit_bytes", sample.memory.limit_bytes},
            {"swap_used_bytes", sample.memory.swap_used_bytes},
            {"pressure", sample.memory.pressure},
            {"pressure_source", sample.memory.pressure_source}}}};
}

}  // namespace jarvis2::hardware
