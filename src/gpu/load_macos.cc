#include "gpu/load.h"

namespace jarvis2::gpu {

const char* const kModuleName = "jarvis2_gpu_mlx.dylib";
const char* const kMlxLibrary = "mlx-metal/mlx/lib/libmlx.dylib";

// Every Mac that this runs on has a GPU that Metal drives.
std::string missing_driver() {
  return "";
}

}  // namespace jarvis2::gpu
