// What the program and a GPU module (jarvis2_gpu_mlx.so or .dylib) agree on: C types only. The module is loaded when it
// is first needed, so that one program runs with and without a driver.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

#define JARVIS2_GPU_ABI 1

struct Jarvis2GpuInfo {
  char name[128];
  char backend[16];  // cuda, metal
  std::int32_t cores;
  std::int32_t unified;  // CPU and GPU share the memory
  std::uint64_t memory_bytes;
};

struct Jarvis2GpuNetwork;
struct Jarvis2GpuMatrix;
struct Jarvis2GpuVectors;

struct Jarvis2GpuPatterns {
  const std::uint8_t* class_of;    // 256
  const std::uint8_t* context_of;  // 256
  const std::uint16_t* next;
  const std::uint32_t* accept_at;
  const std::uint32_t* accepts;
  std::size_t next_count, accept_at_count, accepts_count;
  std::uint32_t classes, first_accepting;
};

// How inputs reach the GPU. On unified memory all are the same.
enum Jarvis2GpuTransfer : std::int32_t {
  kJarvis2GpuAuto = 0,
  kJarvis2GpuMapped = 1,  // the kernel reads host memory
  kJarvis2GpuCopied = 2,  // copied ahead of the kernel, in pieces that overlap it
};

// Functions that can fail return 0, or 1 and leave a message in last_error() of the calling thread. "Staged" memory
// comes from stage(). Every function may be called from any thread; one slot of a network is used by one at a time.
struct Jarvis2GpuApi {
  std::uint32_t version;
  const char* (*last_error)();
  int (*info)(Jarvis2GpuInfo* out);

  // Host memory that the GPU reads and writes without a copy: unified, or pinned and mapped.
  int (*stage)(std::size_t bytes, void** out);
  void (*unstage)(void* memory);

  // A fused network: `weights` holds, layer after layer, inputs × outputs by input, then biases. ReLU between layers,
  // sigmoid behind the last, of width 1. Two slots, each with one batch in flight.
  int (*network_make)(const std::uint32_t* layers, std::uint32_t count, const float* weights, Jarvis2GpuNetwork** out);
  void (*network_free)(Jarvis2GpuNetwork* network);
  int (*network_start)(Jarvis2GpuNetwork* network, std::uint32_t slot, const float* staged_inputs, std::size_t batch,
                       float* staged_out, std::int32_t transfer);
  int (*network_wait)(Jarvis2GpuNetwork* network, std::uint32_t slot);

  // A matrix [rows × columns] that stays on the GPU: out [count × rows] = x [count × columns] · Mᵀ, through MLX.
  int (*matrix_make)(const float* values, std::size_t rows, std::size_t columns, Jarvis2GpuMatrix** out);
  void (*matrix_free)(Jarvis2GpuMatrix* matrix);
  int (*matrix_multiply)(Jarvis2GpuMatrix* matrix, const float* x, std::size_t count, float* out);

  // Vectors in tiles (kernels/top_k_kernel.h) that stay on the GPU; exact top-k of dot products.
  int (*vectors_make)(std::size_t rows, std::size_t dimensions, Jarvis2GpuVectors** out);
  void (*vectors_free)(Jarvis2GpuVectors* vectors);
  // Tiles first, first+1, ...; `tiles` as tile_rows() lays them out.
  int (*vectors_write)(Jarvis2GpuVectors* vectors, std::size_t first, std::size_t count, const float* tiles);
  int (*vectors_top_k)(Jarvis2GpuVectors* vectors, const float* queries, std::size_t count, std::uint32_t k,
                       std::uint32_t* rows, float* scores);

  // Walks an automaton (kernels/pattern_kernel.h) over `text`: one thread an item of four numbers. Writes at most
  // `capacity` pairs (pattern, end) in any order, and how many there are.
  int (*patterns_scan)(const Jarvis2GpuPatterns* tables, const char* text, std::size_t bytes,
                       const std::uint32_t* items, std::size_t item_count, std::uint32_t* found, std::uint32_t capacity,
                       std::uint32_t* count);

  // Copies `bytes` to the GPU and waits; plain or staged memory. For measurement.
  int (*copy_to_device)(const void* from, std::size_t bytes);
  // Keeps the GPU busy for about so long.
  int (*burn)(double seconds);
};

// The module's one symbol: fills `api` when the machine has such a GPU; else returns 1 with the reason in `why`.
// Compiled kernels are kept in the folder `cache`; empty: nowhere.
int jarvis2_gpu_open(Jarvis2GpuApi* api, const char* cache, char* why, std::size_t why_size);
using Jarvis2GpuOpen = int (*)(Jarvis2GpuApi*, const char*, char*, std::size_t);
}
