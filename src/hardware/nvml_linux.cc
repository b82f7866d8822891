#include "hardware/nvml_linux.h"

#include <dlfcn.h>

#include <array>
#include <memory>

namespace jarvis2::hardware {
namespace {

// Of nvml.h, whose ABI is stable; 0 is success everywhere.
using Device = struct nvmlDevice_st*;
struct Memory {
  unsigned long long total = 0;
  unsigned long long free = 0;
  unsigned long long used = 0;
};
using Init = int (*)();
using GetCount = int (*)(unsigned*);
using GetHandle = int (*)(unsigned, Device*);
using GetName = int (*)(Device, char*, unsigned);
using GetMemory = int (*)(Device, Memory*);
using GetCores = int (*)(Device, unsigned*);
using GetCapability = int (*)(Device, int*, int*);

template <typename Function>
Function load(void* library, const char* name) {
  return reinterpret_cast<Function>(::dlsym(library, name));
}

// CUDA Programming Guide, arithmetic throughput: fp32 lanes of a multiprocessor.
int lanes(int major, int minor) {
  return major == 7 || (minor == 0 && (major == 6 || major == 8)) ? 64 : 128;
}

}  // namespace

std::vector<Gpu> nvml_gpus() {
  std::vector<Gpu> gpus;
  const std::unique_ptr<void, int (*)(void*)> library(::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL), ::dlclose);
  if (!library) return gpus;
  const Init init = load<Init>(library.get(), "nvmlInit_v2");
  const Init shutdown = load<Init>(library.get(), "nvmlShutdown");
  const GetCount get_count = load<GetCount>(library.get(), "nvmlDeviceGetCount_v2");
  const GetHandle get_handle = load<GetHandle>(library.get(), "nvmlDeviceGetHandleByIndex_v2");
  const GetName get_name = load<GetName>(library.get(), "nvmlDeviceGetName");
  const GetMemory get_memory = load<GetMemory>(library.get(), "nvmlDeviceGetMemoryInfo");
  const GetCores get_cores = load<GetCores>(library.get(), "nvmlDeviceGetNumGpuCores");
  const GetCapability get_capability = load<GetCapability>(library.get(), "nvmlDeviceGetCudaComputeCapability");
  if (!init || !shutdown || !get_count || !get_handle || !get_name || !get_memory || init() != 0) return gpus;
  unsigned count = 0;
  if (get_count(&count) != 0) count = 0;
  for (unsigned i = 0; i < count; ++i) {
    Device device = nullptr;
    if (get_handle(i, &device) != 0) continue;
    Gpu gpu;
    gpu.backend = "cuda";
    std::array<char, 96> name{};
    gpu.name = get_name(device, name.data(), static_cast<unsigned>(name.size())) == 0 ? name.data() : "NVIDIA GPU";
    Memory memory;
    if (get_memory(device, &memory) == 0) gpu.memory_bytes = memory.total;
    unsigned cores = 0;
    int major = 0;
    int minor = 0;
    if (get_cores && get_capability && get_cores(device, &cores) == 0 && get_capability(device, &major, &minor) == 0) {
      gpu.cores = static_cast<int>(cores) / lanes(major, minor);
    }
    gpus.push_back(gpu);
  }
  shutdown();
  return gpus;
}

}  // namespace jarvis2::hardware
