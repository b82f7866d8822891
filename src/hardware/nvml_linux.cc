#include "hardware/nvml_linux.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>

namespace jarvis2::hardware {
namespace {

// Of nvml.h, whose ABI is stable; 0 is success everywhere.
using Device = struct nvmlDevice_st*;
constexpr int kInsufficientSize = 7;
struct Memory {
  unsigned long long total = 0;
  unsigned long long free = 0;
  unsigned long long used = 0;
};
struct Rates {
  unsigned gpu = 0;  // percent of the time in which a kernel ran
  unsigned memory = 0;
};
struct ProcessInfo {
  unsigned pid = 0;
  unsigned long long used_bytes = 0;
  unsigned gpu_instance = 0;
  unsigned compute_instance = 0;
};
struct ProcessRates {
  unsigned pid = 0;
  unsigned long long time_us = 0;
  unsigned sm = 0;
  unsigned memory = 0;
  unsigned encoder = 0;
  unsigned decoder = 0;
};

// CUDA Programming Guide, arithmetic throughput: fp32 lanes of a multiprocessor.
int lanes(int major, int minor) {
  return major == 7 || (minor == 0 && (major == 6 || major == 8)) ? 64 : 128;
}

}  // namespace

struct Nvml::Api {
  void* library = nullptr;
  bool started = false;
  std::vector<Device> devices;
  unsigned long long last_us = 0;

  template <typename Function>
  void load(Function& function, const char* name) {
    function = reinterpret_cast<Function>(::dlsym(library, name));
  }

  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  int (*get_count)(unsigned*) = nullptr;
  int (*get_handle)(unsigned, Device*) = nullptr;
  int (*get_name)(Device, char*, unsigned) = nullptr;
  int (*get_memory)(Device, Memory*) = nullptr;
  int (*get_cores)(Device, unsigned*) = nullptr;
  int (*get_capability)(Device, int*, int*) = nullptr;
  int (*get_rates)(Device, Rates*) = nullptr;
  int (*get_temperature)(Device, int, unsigned*) = nullptr;
  int (*get_power)(Device, unsigned*) = nullptr;
  int (*get_clock)(Device, int, unsigned*) = nullptr;
  int (*get_processes)(Device, unsigned*, ProcessInfo*) = nullptr;
  int (*get_process_rates)(Device, ProcessRates*, unsigned*, unsigned long long) = nullptr;
};

Nvml::Nvml(const char* library) : api_(std::make_unique<Api>()) {
  Api& api = *api_;
  api.library = ::dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (api.library == nullptr) return;
  api.load(api.init, "nvmlInit_v2");
  api.load(api.shutdown, "nvmlShutdown");
  api.load(api.get_count, "nvmlDeviceGetCount_v2");
  api.load(api.get_handle, "nvmlDeviceGetHandleByIndex_v2");
  api.load(api.get_name, "nvmlDeviceGetName");
  api.load(api.get_memory, "nvmlDeviceGetMemoryInfo");
  api.load(api.get_cores, "nvmlDeviceGetNumGpuCores");
  api.load(api.get_capability, "nvmlDeviceGetCudaComputeCapability");
  api.load(api.get_rates, "nvmlDeviceGetUtilizationRates");
  api.load(api.get_temperature, "nvmlDeviceGetTemperature");
  api.load(api.get_power, "nvmlDeviceGetPowerUsage");
  api.load(api.get_clock, "nvmlDeviceGetClockInfo");
  api.load(api.get_processes, "nvmlDeviceGetComputeRunningProcesses_v3");
  api.load(api.get_process_rates, "nvmlDeviceGetProcessUtilization");
  if (!api.init || !api.shutdown || !api.get_count || !api.get_handle || api.init() != 0) return;
  api.started = true;
  unsigned count = 0;
  if (api.get_count(&count) != 0) count = 0;
  for (unsigned i = 0; i < count; ++i) {
    Device device = nullptr;
    if (api.get_handle(i, &device) == 0) api.devices.push_back(device);
  }
}

Nvml::~Nvml() {
  if (api_->started) api_->shutdown();
  if (api_->library != nullptr) ::dlclose(api_->library);
}

std::vector<Gpu> Nvml::gpus() const {
  const Api& api = *api_;
  std::vector<Gpu> gpus;
  for (Device device : api.devices) {
    Gpu gpu;
    gpu.backend = "cuda";
    std::array<char, 96> name{};
    const bool named = api.get_name && api.get_name(device, name.data(), static_cast<unsigned>(name.size())) == 0;
    gpu.name = named ? name.data() : "NVIDIA GPU";
    Memory memory;
    if (api.get_memory && api.get_memory(device, &memory) == 0) gpu.memory_bytes = memory.total;
    unsigned cores = 0;
    int major = 0;
    int minor = 0;
    if (api.get_cores && api.get_capability && api.get_cores(device, &cores) == 0 &&
        api.get_capability(device, &major, &minor) == 0) {
      gpu.cores = static_cast<int>(cores) / lanes(major, minor);
    }
    gpus.push_back(gpu);
  }
  return gpus;
}

std::vector<NvmlSample> Nvml::sample() {
  Api& api = *api_;
  std::vector<NvmlSample> samples;
  const unsigned long long since = api.last_us;
  for (Device device : api.devices) {
    NvmlSample sample;
    Rates rates;
    if (api.get_rates && api.get_rates(device, &rates) == 0) {
      sample.utilization = std::min(1.0, rates.gpu / 100.0);
    } else if (api.get_process_rates) {
      std::array<ProcessRates, 256> shares{};
      unsigned count = static_cast<unsigned>(shares.size());
      if (api.get_process_rates(device, shares.data(), &count, since) == 0) {
        double sum = 0;
        for (unsigned i = 0; i < count; ++i) {
          sum += shares[i].sm / 100.0;
          api.last_us = std::max(api.last_us, shares[i].time_us);
        }
        sample.utilization = std::min(1.0, sum);
        sample.estimated = true;
      }
    }
    Memory memory;
    if (api.get_memory && api.get_memory(device, &memory) == 0) sample.used_bytes = memory.used;
    unsigned value = 0;
    if (api.get_temperature && api.get_temperature(device, 0, &value) == 0) sample.temperature_c = value;
    if (api.get_power && api.get_power(device, &value) == 0) sample.power_w = value / 1000.0;
    if (api.get_clock && api.get_clock(device, 0, &value) == 0) sample.clock_mhz = value;
    if (api.get_processes) {
      std::array<ProcessInfo, 128> processes{};
      unsigned count = static_cast<unsigned>(processes.size());
      const int status = api.get_processes(device, &count, processes.data());
      if (status == 0 || status == kInsufficientSize) {
        for (unsigned i = 0;
             i < std::min<unsigned>(count, static_cast<unsigned>(processes.size())) && processes[i].pid != 0; ++i) {
          NvmlSample::Process process{processes[i].pid, {}};
          // All ones: not available.
          if (processes[i].used_bytes != std::numeric_limits<unsigned long long>::max())
            process.memory_bytes = processes[i].used_bytes;
          sample.processes.push_back(process);
        }
      }
    }
    samples.push_back(sample);
  }
  return samples;
}

}  // namespace jarvis2::hardware
