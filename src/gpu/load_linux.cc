#include <dlfcn.h>

#include "gpu/load.h"

namespace jarvis2::gpu {

const char* const kModuleName = "jarvis2_gpu_mlx.so";
const char* const kMlxLibrary = "mlx-cuda/mlx/lib/libmlx.so";

std::string missing_driver() {
  return ::dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL) != nullptr ? "" : "no NVIDIA driver (libcuda.so.1)";
}

}  // namespace jarvis2::gpu
