#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string_view>
#include <system_error>

#include "hardware/drm_linux.h"
#include "hardware/limits.h"
#include "hardware/monitor.h"
#include "hardware/nvml_linux.h"
#include "hardware/text.h"

namespace jarvis2::hardware {

namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;

std::string read_text(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

double since(Clock::time_point& last) {
  const Clock::time_point now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - last).count();
  last = now;
  return seconds;
}

struct Ticks {
  std::uint64_t busy = 0;
  std::uint64_t all = 0;
};

// cpuN user nice system idle iowait irq softirq steal ...; guest time is in user already.
std::map<int, Ticks> read_ticks(const fs::path& root) {
  std::map<int, Ticks> ticks;
  for (const std::string& line : lines(read_text(root / "proc/stat"))) {
    if (!line.starts_with("cpu") || line.size() < 4 || line[3] == ' ') continue;
    std::istringstream words(line.substr(3));
    int cpu = 0;
    words >> cpu;
    Ticks& entry = ticks[cpu];
    std::uint64_t value = 0;
    for (int field = 0; field < 8 && words >> value; ++field) {
      entry.all += value;
      if (field != 3 && field != 4) entry.busy += value;
    }
  }
  return ticks;
}

std::map<std::string, std::uint64_t> read_fields(const fs::path& path) {
  std::map<std::string, std::uint64_t> fields;
  for (const std::string& line : lines(read_text(path))) {
    const std::size_t end = line.find_first_of(": ");
    if (end != std::string::npos) fields[line.substr(0, end)] = leading_number(std::string_view(line).substr(end + 1));
  }
  return fields;
}

std::optional<double> some_avg10(const std::string& text) {
  const std::size_t at = text.find("avg10=");
  if (at == std::string::npos) return std::nullopt;
  return std::clamp(std::strtod(text.c_str() + at + 6, nullptr) / 100, 0.0, 1.0);
}

// The sensor of the package, whatever its driver is called.
fs::path find_temperature(const fs::path& root, std::string& source) {
  std::error_code error;
  fs::directory_iterator entry(root / "sys/class/hwmon", error);
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
    const std::string name(trim(read_text(entry->path() / "name")));
    if (name == "coretemp" || name == "k10temp" || name == "zenpower" || name == "cpu_thermal" ||
        name == "scpi_sensors") {
      source = name;
      return entry->path() / "temp1_input";
    }
  }
  return {};
}

}  // namespace

struct Sampler::State {
  explicit State(const Machine& of, const fs::path& at) : machine(of), root(at), drm(at) {}
  Machine machine;
  fs::path root;
  Nvml nvml;
  std::vector<Gpu> nvml_gpus;
  DrmSampler drm;
  std::map<int, Ticks> ticks;
  Clock::time_point last = Clock::now();
  fs::path temperature;
  std::string temperature_source = "n/a";

  void read_memory(MemoryLoad& memory) const {
    const std::map<std::string, std::uint64_t> info = read_fields(root / "proc/meminfo");
    const auto bytes = [&](const char* key) { return info.contains(key) ? info.at(key) * 1024 : 0; };
    memory.total_bytes = bytes("MemTotal");
    memory.limit_bytes = std::min(memory.total_bytes, machine.memory_limit_bytes);
    memory.used_bytes = memory.total_bytes - std::min(memory.total_bytes, bytes("MemAvailable"));
    memory.swap_used_bytes = bytes("SwapTotal") - std::min(bytes("SwapTotal"), bytes("SwapFree"));
    if (memory.limit_bytes < memory.total_bytes) {
      // What the kernel would drop first isn't in use.
      const fs::path group = root / "sys/fs/cgroup";
      std::optional<std::uint64_t> used = number(read_text(group / "memory.current"));
      std::map<std::string, std::uint64_t> statistics;
      if (used) {
        statistics = read_fields(group / "memory.stat");
      } else {
        used = number(read_text(group / "memory/memory.usage_in_bytes"));
        statistics = read_fields(group / "memory/memory.stat");
      }
      if (used) memory.used_bytes = *used - std::min(*used, statistics["inactive_file"]);
    }
    const std::optional<double> pressure = some_avg10(read_text(root / "proc/pressure/memory"));
    memory.pressure_source = pressure ? "psi" : "estimated";
    // Without the kernel's word: none up to 85 % in use, then rising to 1.
    const double full =
        memory.limit_bytes == 0 ? 0 : static_cast<double>(memory.used_bytes) / static_cast<double>(memory.limit_bytes);
    memory.pressure = pressure.value_or(std::clamp((full - 0.85) / 0.15, 0.0, 1.0));
  }

  std::vector<double> read_busy() {
    std::map<int, Ticks> now = read_ticks(root);
    std::vector<double> busy(now.empty() ? 0 : static_cast<std::size_t>(now.rbegin()->first) + 1, 0.0);
    for (const auto& [cpu, tick] : now) {
      const Ticks before = ticks[cpu];
      const std::uint64_t all = tick.all - std::min(tick.all, before.all);
      const std::uint64_t used = tick.busy - std::min(tick.busy, before.busy);
      if (all > 0)
        busy[static_cast<std::size_t>(cpu)] = std::min(1.0, static_cast<double>(used) / static_cast<double>(all));
    }
    ticks = std::move(now);
    return busy;
  }

  void read_frequencies(Sample& sample) const {
    for (std::size_t i = 0; i < machine.tiers.size(); ++i) {
      const Tier& tier = machine.tiers[i];
      if (tier.cpus.empty()) continue;
      const fs::path file =
          root / ("sys/devices/system/cpu/cpu" + std::to_string(tier.cpus.front())) / "cpufreq/scaling_cur_freq";
      const std::optional<std::uint64_t> khz = number(read_text(file));
      if (khz) sample.tiers[i].frequency_mhz = static_cast<double>(*khz) / 1000;
    }
  }

  void read_gpus(double elapsed, Sample& sample) {
    const std::vector<NvmlSample> samples = nvml.sample();
    for (std::size_t i = 0; i < samples.size() && i < nvml_gpus.size(); ++i) {
      GpuLoad load;
      load.name = nvml_gpus[i].name;
      load.backend = "cuda";
      load.memory_total_bytes = nvml_gpus[i].memory_bytes;
      load.utilization = samples[i].utilization;
      load.source = !load.utilization ? "n/a" : samples[i].estimated ? "estimated" : "nvml";
      load.memory_bytes = samples[i].used_bytes;
      load.temperature_c = samples[i].temperature_c;
      load.power_w = samples[i].power_w;
      for (const NvmlSample::Process& process : samples[i].processes) {
        const std::string name(trim(read_text(root / "proc" / std::to_string(process.pid) / "comm")));
        load.processes.push_back({static_cast<int>(process.pid), name, process.memory_bytes});
      }
      sample.gpus.push_back(std::move(load));
    }
    for (GpuLoad& load : drm.sample(elapsed)) sample.gpus.push_back(std::move(load));
  }
};

Sampler::Sampler(const Machine& machine, const fs::path& root) : state_(std::make_unique<State>(machine, root)) {
  state_->nvml_gpus = state_->nvml.gpus();
  state_->temperature = find_temperature(root, state_->temperature_source);
  state_->read_busy();
  state_->drm.sample(0);
}

Sampler::~Sampler() = default;

Sample Sampler::sample() {
  Sample sample;
  const double elapsed = since(state_->last);
  fill_utilization(state_->machine, state_->read_busy(), sample);
  state_->read_frequencies(sample);
  state_->read_memory(sample.memory);
  state_->read_gpus(elapsed, sample);
  sample.load_average = std::strtod(read_text(state_->root / "proc/loadavg").c_str(), nullptr);
  if (!state_->temperature.empty()) {
    const std::optional<std::uint64_t> milli = number(read_text(state_->temperature));
    if (milli) {
      sample.temperature_c = static_cast<double>(*milli) / 1000;
      sample.temperature_source = state_->temperature_source;
    }
  }
  return sample;
}

struct ProcessSampler::State {
  fs::path root;
  std::map<int, std::uint64_t> ticks;
  Clock::time_point last = Clock::now();
};

ProcessSampler::ProcessSampler(const fs::path& root) : state_(std::make_unique<State>()) {
  state_->root = root;
  sample();
}

ProcessSampler::~ProcessSampler() = default;

std::vector<ProcessLoad> ProcessSampler::sample() {
  std::vector<ProcessLoad> loads;
  std::map<int, std::uint64_t> now;
  const double elapsed = std::max(1e-3, since(state_->last));
  const double tick_s = 1.0 / static_cast<double>(::sysconf(_SC_CLK_TCK));
  const std::uint64_t page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::error_code error;
  fs::directory_iterator entry(state_->root / "proc", error);
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
    const std::optional<std::uint64_t> pid = number(entry->path().filename().string());
    if (!pid) continue;
    // pid (name) state ppid ... utime stime as fields 14 and 15, rss as 24; a name may hold anything.
    const std::string text = read_text(entry->path() / "stat");
    const std::size_t open = text.find('(');
    const std::size_t close = text.rfind(')');
    if (open == std::string::npos || close == std::string::npos) continue;
    const std::vector<std::string> fields = words(std::string_view(text).substr(close + 1));
    if (fields.size() < 22) continue;
    const int id = static_cast<int>(*pid);
    const std::uint64_t used = leading_number(fields[11]) + leading_number(fields[12]);
    now[id] = used;
    const std::map<int, std::uint64_t>::const_iterator before = state_->ticks.find(id);
    const std::uint64_t spent = before == state_->ticks.end() || used < before->second ? 0 : used - before->second;
    loads.push_back({id, text.substr(open + 1, close - open - 1), static_cast<double>(spent) * tick_s / elapsed,
                     leading_number(fields[21]) * page});
  }
  state_->ticks = std::move(now);
  std::sort(loads.begin(), loads.end(), [](const ProcessLoad& a, const ProcessLoad& b) {
    return a.cpus != b.cpus ? a.cpus > b.cpus : a.memory_bytes > b.memory_bytes;
  });
  return loads;
}

}  // namespace jarvis2::hardware
