#include "hardware/registry_macos.h"

#include <CoreFoundation/CoreFoundation.h>
#include <IOKit/IOKitLib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>

namespace jarvis2::hardware {
namespace {

struct Releaser {
  void operator()(const void* reference) const { ::CFRelease(reference); }
};
using Value = std::unique_ptr<const void, Releaser>;

std::string text(CFStringRef string) {
  std::array<char, 256> buffer{};
  return ::CFStringGetCString(string, buffer.data(), buffer.size(), kCFStringEncodingUTF8) ? buffer.data() : "";
}

std::optional<std::int64_t> number(const void* value) {
  if (value == nullptr || ::CFGetTypeID(value) != ::CFNumberGetTypeID()) return std::nullopt;
  std::int64_t result = 0;
  if (!::CFNumberGetValue(static_cast<CFNumberRef>(value), kCFNumberSInt64Type, &result)) return std::nullopt;
  return result;
}

Value property(io_service_t service, CFStringRef key) {
  return Value(::IORegistryEntryCreateCFProperty(service, key, kCFAllocatorDefault, 0));
}

Accelerator read(io_service_t service) {
  Accelerator gpu;
  const Value model = property(service, CFSTR("model"));
  if (model && ::CFGetTypeID(model.get()) == ::CFStringGetTypeID())
    gpu.name = text(static_cast<CFStringRef>(model.get()));
  const Value cores = property(service, CFSTR("gpu-core-count"));
  gpu.cores = static_cast<int>(number(cores.get()).value_or(0));
  const Value statistics = property(service, CFSTR("PerformanceStatistics"));
  if (statistics && ::CFGetTypeID(statistics.get()) == ::CFDictionaryGetTypeID()) {
    const CFDictionaryRef dictionary = static_cast<CFDictionaryRef>(statistics.get());
    const std::optional<std::int64_t> busy = number(::CFDictionaryGetValue(dictionary, CFSTR("Device Utilization %")));
    if (busy) gpu.utilization = std::clamp(static_cast<double>(*busy) / 100, 0.0, 1.0);
    const std::optional<std::int64_t> used = number(::CFDictionaryGetValue(dictionary, CFSTR("In use system memory")));
    if (used && *used >= 0) gpu.used_bytes = static_cast<std::uint64_t>(*used);
  }
  return gpu;
}

}  // namespace

std::vector<Accelerator> registry_accelerators() {
  std::vector<Accelerator> gpus;
  io_iterator_t iterator = IO_OBJECT_NULL;
  if (::IOServiceGetMatchingServices(MACH_PORT_NULL, ::IOServiceMatching("AGXAccelerator"), &iterator) !=
      KERN_SUCCESS) {
    return gpus;
  }
  for (io_service_t service = ::IOIteratorNext(iterator); service != IO_OBJECT_NULL;
       service = ::IOIteratorNext(iterator)) {
    gpus.push_back(read(service));
    ::IOObjectRelease(service);
  }
  ::IOObjectRelease(iterator);
  return gpus;
}

}  // namespace jarvis2::hardware
