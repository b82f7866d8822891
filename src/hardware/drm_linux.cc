#include "hardware/drm_linux.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>

#include "hardware/text.h"

namespace jarvis2::hardware {

namespace fs = std::filesystem;

namespace {

std::string read_text(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::optional<std::uint64_t> read_number(const fs::path& path) {
  return number(read_text(path));
}

bool is_number(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::vector<fs::path> children(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) paths.push_back(entry->path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

DrmSampler::DrmSampler(const fs::path& root) : root_(root) {
  for (const fs::path& path : children(root / "sys/class/drm")) {
    const std::string name = path.filename().string();
    if (!name.starts_with("card") || !is_number(name.substr(4))) continue;
    Card card;
    card.device = path / "device";
    std::string driver;
    for (const std::string& line : lines(read_text(card.device / "uevent"))) {
      if (line.starts_with("DRIVER=")) driver = line.substr(7);
      if (line.starts_with("PCI_SLOT_NAME=")) card.pci = line.substr(14);
    }
    constexpr std::string_view kDisplayOnly =
        "ast mgag200 bochs-drm bochs virtio-pci virtio_gpu simple-framebuffer vkms cirrus hyperv_drm";
    if (driver.empty() || driver == "nvidia" || kDisplayOnly.find(driver) != std::string_view::npos) continue;
    card.name = driver + (card.pci.empty() ? "" : " " + card.pci);
    card.total_bytes = read_number(card.device / "mem_info_vram_total").value_or(0);
    card.tells = fs::exists(card.device / "gpu_busy_percent");
    cards_.push_back(card);
  }
}

void DrmSampler::estimate(Card& card, double elapsed_s, GpuLoad& load) {
  std::map<std::string, std::uint64_t> now;
  std::map<std::string, std::uint64_t> used;
  bool any = false;
  for (const fs::path& process : children(root_ / "proc")) {
    const std::string pid = process.filename().string();
    if (!is_number(pid)) continue;
    std::uint64_t memory = 0;
    bool holds = false;
    for (const fs::path& info : children(process / "fdinfo")) {
      std::error_code error;
      const fs::path target = fs::read_symlink(process / "fd" / info.filename(), error);
      if (error || target.string().find("/dri/") == std::string::npos) continue;
      std::string client;
      std::string slot;
      std::vector<std::pair<std::string, std::uint64_t>> engines;
      for (const std::string& line : lines(read_text(info))) {
        const std::optional<std::pair<std::string, std::string>> pair = key_value(line, ":");
        if (!pair) continue;
        if (pair->first == "drm-client-id") client = pair->second;
        if (pair->first == "drm-pdev") slot = pair->second;
        if (pair->first.starts_with("drm-engine-") && !pair->first.starts_with("drm-engine-capacity-")) {
          engines.emplace_back(pair->first, leading_number(pair->second));
        }
        if (pair->first.starts_with("drm-memory-vram") || pair->first.starts_with("drm-resident-")) {
          memory += size_bytes(pair->second).value_or(0);
        }
      }
      if (engines.empty() || (!slot.empty() && slot != card.pci)) continue;
      holds = any = true;
      // One client may be open in several places.
      for (const std::pair<std::string, std::uint64_t>& engine : engines)
        now[client + " " + engine.first] = engine.second;
    }
    if (holds) {
      std::string name(trim(read_text(process / "comm")));
      load.processes.push_back(
          {static_cast<int>(leading_number(pid)), name, memory > 0 ? std::optional(memory) : std::nullopt});
    }
  }
  if (!any) return;
  for (const auto& [key, ns] : now) {
    const std::map<std::string, std::uint64_t>::const_iterator before = card.engine_ns.find(key);
    if (before != card.engine_ns.end() && ns >= before->second)
      used[key.substr(key.find(' ') + 1)] += ns - before->second;
  }
  // The busiest engine: they run side by side.
  double busiest = 0;
  for (const std::pair<const std::string, std::uint64_t>& engine : used) {
    busiest = std::max(busiest, static_cast<double>(engine.second) / 1e9 / std::max(1e-3, elapsed_s));
  }
  load.utilization = std::min(1.0, busiest);
  load.source = "estimated";
  card.engine_ns = std::move(now);
}

std::vector<GpuLoad> DrmSampler::sample(double elapsed_s) {
  std::vector<GpuLoad> loads;
  for (Card& card : cards_) {
    GpuLoad load;
    load.name = card.name;
    load.backend = "drm";
    load.memory_total_bytes = card.total_bytes;
    load.memory_bytes = read_number(card.device / "mem_info_vram_used");
    if (card.tells) {
      const std::optional<std::uint64_t> busy = read_number(card.device / "gpu_busy_percent");
      if (busy) {
        load.utilization = std::min(1.0, static_cast<double>(*busy) / 100);
        load.source = "sysfs";
      }
    } else {
      estimate(card, elapsed_s, load);
    }
    for (const fs::path& monitor : children(card.device / "hwmon")) {
      const std::optional<std::uint64_t> milli = read_number(monitor / "temp1_input");
      if (milli) load.temperature_c = static_cast<double>(*milli) / 1000;
      const std::optional<std::uint64_t> micro = read_number(monitor / "power1_average");
      if (micro) load.power_w = static_cast<double>(*micro) / 1e6;
    }
    loads.push_back(std::move(load));
  }
  return loads;
}

}  // namespace jarvis2::hardware
