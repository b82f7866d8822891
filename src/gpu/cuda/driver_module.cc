#include <dlfcn.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "gpu/cuda/driver.h"

namespace jarvis2::gpu::cuda {
namespace {

// CUdevice_attribute
constexpr int kMultiprocessors = 16;
constexpr int kMajor = 75;
constexpr int kMinor = 76;
constexpr unsigned kPortableMapped = 3;  // CU_MEMHOSTALLOC_PORTABLE | DEVICEMAP

template <typename Pointer>
void load(void* library, Pointer& function, const char* name) {
  function = reinterpret_cast<Pointer>(::dlsym(library, name));
  if (function == nullptr) throw std::runtime_error(std::string("the NVIDIA driver has no ") + name);
}

std::filesystem::path g_cache;

// FNV-1a: the name tells sources apart, the file holds the source itself too.
std::string name_of(const std::string& text) {
  std::uint64_t hash = 1469598103934665603U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return std::to_string(hash);
}

// A file: the source, a zero byte, the code, and the code's own name as its check.
std::vector<char> cached_code(const std::filesystem::path& file, const std::string& source) {
  std::ifstream in(file, std::ios::binary);
  const std::string all((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  constexpr std::size_t kCheck = 20;
  if (all.size() < source.size() + 1 + kCheck || all.compare(0, source.size(), source) != 0) return {};
  const std::string code = all.substr(source.size() + 1, all.size() - source.size() - 1 - kCheck);
  std::string check = name_of(code);
  check.resize(kCheck, ' ');
  if (all.compare(all.size() - kCheck, kCheck, check) != 0) return {};
  return {code.begin(), code.end()};
}

void keep_code(const std::filesystem::path& file, const std::string& source, const std::vector<char>& code) {
  std::error_code ignored;
  std::filesystem::create_directories(file.parent_path(), ignored);
  const std::filesystem::path fresh = file.string() + "." + std::to_string(::getpid());
  std::string check = name_of(std::string(code.begin(), code.end()));
  check.resize(20, ' ');
  {
    std::ofstream out(fresh, std::ios::binary);
    out.write(source.c_str(), static_cast<std::streamsize>(source.size() + 1));
    out.write(code.data(), static_cast<std::streamsize>(code.size()));
    out.write(check.data(), static_cast<std::streamsize>(check.size()));
  }
  std::filesystem::rename(fresh, file, ignored);
}

Driver open_driver() {
  void* const library = ::dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) throw std::runtime_error("no NVIDIA driver (libcuda.so.1)");
  Driver made{};
  load(library, made.init, "cuInit");
  load(library, made.device_get, "cuDeviceGet");
  load(library, made.device_name, "cuDeviceGetName");
  load(library, made.device_attribute, "cuDeviceGetAttribute");
  load(library, made.device_memory, "cuDeviceTotalMem_v2");
  load(library, made.context_retain, "cuDevicePrimaryCtxRetain");
  load(library, made.context_set, "cuCtxSetCurrent");
  load(library, made.error_string, "cuGetErrorString");
  load(library, made.alloc, "cuMemAlloc_v2");
  load(library, made.free, "cuMemFree_v2");
  load(library, made.host_alloc, "cuMemHostAlloc");
  load(library, made.host_free, "cuMemFreeHost");
  load(library, made.copy_in, "cuMemcpyHtoD_v2");
  load(library, made.copy_in_async, "cuMemcpyHtoDAsync_v2");
  load(library, made.copy_out, "cuMemcpyDtoH_v2");
  load(library, made.stream_create, "cuStreamCreate");
  load(library, made.stream_destroy, "cuStreamDestroy_v2");
  load(library, made.stream_synchronize, "cuStreamSynchronize");
  load(library, made.stream_wait, "cuStreamWaitEvent");
  load(library, made.event_create, "cuEventCreate");
  load(library, made.event_destroy, "cuEventDestroy_v2");
  load(library, made.event_record, "cuEventRecord");
  load(library, made.module_load, "cuModuleLoadData");
  load(library, made.module_unload, "cuModuleUnload");
  load(library, made.module_function, "cuModuleGetFunction");
  load(library, made.launch, "cuLaunchKernel");
  const auto must = [&](int status, const char* what) {
    const char* text = nullptr;
    if (status == 0) return;
    made.error_string(status, &text);
    throw std::runtime_error(std::string(what) + ": " + (text != nullptr ? text : "unknown error"));
  };
  must(made.init(0), "cuInit");
  must(made.device_get(&made.device, 0), "no CUDA device");
  must(made.device_attribute(&made.multiprocessors, kMultiprocessors, made.device), "cuDeviceGetAttribute");
  must(made.device_attribute(&made.major, kMajor, made.device), "cuDeviceGetAttribute");
  must(made.device_attribute(&made.minor, kMinor, made.device), "cuDeviceGetAttribute");
  must(made.context_retain(&made.context, made.device), "cuDevicePrimaryCtxRetain");
  return made;
}

}  // namespace

const Driver& driver() {
  static Driver* const kDriver = new Driver(open_driver());  // lives as long as the driver's threads
  return *kDriver;
}

void check(int status, const char* what) {
  if (status == 0) return;
  const char* text = nullptr;
  driver().error_string(status, &text);
  throw std::runtime_error(std::string(what) + ": " + (text != nullptr ? text : "unknown error"));
}

void enter() {
  check(driver().context_set(driver().context), "cuCtxSetCurrent");
}

void keep_compiled_in(const char* folder) {
  g_cache = folder;
}

std::vector<char> compile(const std::string& source) {
  const std::string target = "sm_" + std::to_string(driver().major) + std::to_string(driver().minor);
  const std::filesystem::path file = g_cache / (target + "-" + name_of(source));
  if (!g_cache.empty()) {
    std::vector<char> known = cached_code(file, source);
    if (!known.empty()) return known;
  }
  using Program = struct _nvrtcProgram*;
  void* library = ::dlopen("libnvrtc.so.13", RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) library = ::dlopen("libnvrtc.so", RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) throw std::runtime_error("no CUDA run-time compiler (libnvrtc.so.13)");
  int (*create)(Program*, const char*, const char*, int, const char* const*, const char* const*) = nullptr;
  int (*build)(Program, int, const char* const*) = nullptr;
  int (*log_size)(Program, std::size_t*) = nullptr;
  int (*get_log)(Program, char*) = nullptr;
  int (*size)(Program, std::size_t*) = nullptr;
  int (*get)(Program, char*) = nullptr;
  int (*destroy)(Program*) = nullptr;
  load(library, create, "nvrtcCreateProgram");
  load(library, build, "nvrtcCompileProgram");
  load(library, log_size, "nvrtcGetProgramLogSize");
  load(library, get_log, "nvrtcGetProgramLog");
  load(library, size, "nvrtcGetCUBINSize");
  load(library, get, "nvrtcGetCUBIN");
  load(library, destroy, "nvrtcDestroyProgram");
  Program program = nullptr;
  if (create(&program, source.c_str(), "jarvis2.cu", 0, nullptr, nullptr) != 0) {
    throw std::runtime_error("nvrtcCreateProgram failed");
  }
  const std::string architecture = "--gpu-architecture=" + target;
  const char* const options[] = {architecture.c_str(), "--std=c++17", "--extra-device-vectorization"};
  const int status = build(program, 3, options);
  if (status != 0) {
    std::size_t length = 0;
    log_size(program, &length);
    std::string text(length, '\0');
    if (length > 0) get_log(program, text.data());
    destroy(&program);
    throw std::runtime_error("a kernel does not compile: " + text.substr(0, 1500));
  }
  std::size_t bytes = 0;
  size(program, &bytes);
  std::vector<char> code(bytes);
  get(program, code.data());
  destroy(&program);
  if (!g_cache.empty()) keep_code(file, source, code);
  return code;
}

Memory::Memory(std::size_t bytes) : bytes_(bytes) {
  check(driver().alloc(&pointer_, bytes), "device memory");
}

Memory::~Memory() {
  if (pointer_ != 0) driver().free(pointer_);
}

Memory::Memory(Memory&& other) noexcept
    : pointer_(std::exchange(other.pointer_, 0)), bytes_(std::exchange(other.bytes_, 0)) {}

Memory& Memory::operator=(Memory&& other) noexcept {
  std::swap(pointer_, other.pointer_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

void Memory::reserve(std::size_t bytes) {
  if (bytes <= bytes_) return;
  *this = Memory();
  *this = Memory(bytes);
}

Pinned::~Pinned() {
  if (pointer_ != nullptr) driver().host_free(pointer_);
}

void Pinned::reserve(std::size_t bytes) {
  if (bytes <= bytes_) return;
  if (pointer_ != nullptr) driver().host_free(pointer_);
  pointer_ = nullptr;
  bytes_ = 0;
  check(driver().host_alloc(&pointer_, bytes, kPortableMapped), "pinned memory");
  bytes_ = bytes;
}

}  // namespace jarvis2::gpu::cuda
