// The module's entry, and matrix products through MLX: MPS and MLX's own kernels on Metal, cuBLAS on CUDA.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>

#include "gpu/mlx/bridge.h"

// The C ABI knows it by this name only.
struct Jarvis2GpuMatrix {
  std::size_t rows = 0, columns = 0;
  std::mutex mutex;
  std::unique_ptr<jarvis2::gpu::Operand> values, x;
  std::size_t room = 0;  // floats in x
  mlx::core::array transposed = mlx::core::array(0.0f);
};

namespace jarvis2::gpu {
namespace {

constexpr std::size_t kCacheBytes = std::size_t{256} << 20;  // that MLX may keep of freed buffers

thread_local std::string t_error;

mlx::core::Shape shape_of(std::size_t rows, std::size_t columns) {
  return {static_cast<int>(rows), static_cast<int>(columns)};
}

int matrix_make(const float* values, std::size_t rows, std::size_t columns, Jarvis2GpuMatrix** out) {
  return guarded([&] {
    std::unique_ptr<Jarvis2GpuMatrix> matrix = std::make_unique<Jarvis2GpuMatrix>();
    matrix->rows = rows;
    matrix->columns = columns;
    matrix->values = make_operand(rows * columns);
    matrix->values->write(values, rows * columns);
    matrix->transposed = mlx::core::transpose(matrix->values->array(shape_of(rows, columns)));
    mlx::core::eval(matrix->transposed);
    *out = matrix.release();
  });
}

void matrix_free(Jarvis2GpuMatrix* matrix) {
  delete matrix;
}

int matrix_multiply(Jarvis2GpuMatrix* matrix, const float* x, std::size_t count, float* out) {
  return guarded([&] {
    const std::lock_guard lock(matrix->mutex);
    const std::size_t floats = count * matrix->columns;
    if (floats > matrix->room) {
      matrix->x = make_operand(floats);
      matrix->room = floats;
    }
    matrix->x->write(x, floats);
    mlx::core::array product =
        mlx::core::matmul(matrix->x->array(shape_of(count, matrix->columns)), matrix->transposed);
    mlx::core::eval(product);
    read_array(product, out, count * matrix->rows);
  });
}

}  // namespace

const char* last_error() {
  return t_error.c_str();
}

void set_last_error(const char* text) {
  t_error = text;
}

}  // namespace jarvis2::gpu

extern "C" __attribute__((visibility("default"))) int jarvis2_gpu_open(Jarvis2GpuApi* api, const char* cache, char* why,
                                                                       std::size_t why_size) {
  using namespace jarvis2::gpu;
  const int status = guarded([&] {
    ::setenv("MLX_ENABLE_TF32", "0", 0);  // results agree with the CPU's
    *api = {};
    api->version = JARVIS2_GPU_ABI;
    api->last_error = last_error;
    api->matrix_make = matrix_make;
    api->matrix_free = matrix_free;
    api->matrix_multiply = matrix_multiply;
    open_backend(*api, cache);
    mlx::core::set_cache_limit(kCacheBytes);
  });
  if (status != 0 && why_size > 0) {
    std::strncpy(why, last_error(), why_size - 1);
    why[why_size - 1] = '\0';
  }
  return status;
}
