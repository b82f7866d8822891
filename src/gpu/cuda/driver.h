// The CUDA driver and its run-time compiler, loaded when they are there; declarations after cuda.h and nvrtc.h, whose
// ABI is stable. Nothing is linked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace jarvis2::gpu::cuda {

using DevicePointer = unsigned long long;
using Stream = struct CUstream_st*;
using Event = struct CUevent_st*;
using Function = struct CUfunc_st*;
using Module = struct CUmod_st*;
using Context = struct CUctx_st*;

struct Driver {
  Context context = nullptr;
  int device = 0;
  int multiprocessors = 0;
  int major = 0, minor = 0;

  int (*init)(unsigned);
  int (*device_get)(int*, int);
  int (*device_name)(char*, int, int);
  int (*device_attribute)(int*, int, int);
  int (*device_memory)(std::size_t*, int);
  int (*context_retain)(Context*, int);
  int (*context_set)(Context);
  int (*error_string)(int, const char**);
  int (*alloc)(DevicePointer*, std::size_t);
  int (*free)(DevicePointer);
  int (*host_alloc)(void**, std::size_t, unsigned);
  int (*host_free)(void*);
  int (*copy_in)(DevicePointer, const void*, std::size_t);
  int (*copy_in_async)(DevicePointer, const void*, std::size_t, Stream);
  int (*copy_out)(void*, DevicePointer, std::size_t);
  int (*stream_create)(Stream*, unsigned);
  int (*stream_destroy)(Stream);
  int (*stream_synchronize)(Stream);
  int (*stream_wait)(Stream, Event, unsigned);
  int (*event_create)(Event*, unsigned);
  int (*event_destroy)(Event);
  int (*event_record)(Event, Stream);
  int (*module_load)(Module*, const void*);
  int (*module_unload)(Module);
  int (*module_function)(Function*, Module, const char*);
  int (*launch)(Function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Stream, void**, void**);
};

// Loaded and set up once. Throws std::runtime_error with the reason where there is no usable GPU.
const Driver& driver();
// Throws std::runtime_error with the driver's words when `status` isn't 0.
void check(int status, const char* what);
// Makes the device's context that of this thread. Cheap.
void enter();

// CUDA C++ compiled for this device, from the folder of keep_compiled_in() where it is known. Throws with the
// compiler's words.
std::vector<char> compile(const std::string& source);
void keep_compiled_in(const char* folder);

// Device memory.
class Memory {
 public:
  Memory() = default;
  explicit Memory(std::size_t bytes);
  ~Memory();
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;
  DevicePointer get() const { return pointer_; }
  std::size_t bytes() const { return bytes_; }
  // Makes room; what it held is lost when it grows.
  void reserve(std::size_t bytes);

 private:
  DevicePointer pointer_ = 0;
  std::size_t bytes_ = 0;
};

// Pinned host memory that the device reads and writes at the same address.
class Pinned {
 public:
  Pinned() = default;
  ~Pinned();
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;
  void* get() const { return pointer_; }
  void reserve(std::size_t bytes);

 private:
  void* pointer_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace jarvis2::gpu::cuda
