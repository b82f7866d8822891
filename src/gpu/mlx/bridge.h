// What the back ends of a module give to the part that is the same for both: operands of MLX over memory that is filled
// without MLX, and the results.
#pragma once

#include <mlx/mlx.h>

#include <cstddef>
#include <memory>

#include "gpu/abi.h"

namespace jarvis2::gpu {

// Room for floats that both the caller and MLX see.
class Operand {
 public:
  virtual ~Operand() = default;
  virtual void write(const float* from, std::size_t floats) = 0;
  // An array over the first floats; must not outlive this.
  virtual mlx::core::array array(mlx::core::Shape shape) = 0;
};

std::unique_ptr<Operand> make_operand(std::size_t floats);
// The values of an evaluated array of floats.
void read_array(mlx::core::array& from, float* to, std::size_t floats);

// Fills what a back end does itself; `cache` as in jarvis2_gpu_open. Throws std::exception with the reason where there
// is no such GPU.
void open_backend(Jarvis2GpuApi& api, const char* cache);

// Runs `work`; 0, or 1 with its exception's text in last_error().
const char* last_error();
void set_last_error(const char* text);
template <typename Work>
int guarded(const Work& work) {
  try {
    work();
    return 0;
  } catch (const std::exception& error) {
    set_last_error(error.what());
    return 1;
  }
}

}  // namespace jarvis2::gpu
