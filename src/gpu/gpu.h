// The GPU, where there is one: networks, matrices and vectors that stay on it, and staged memory that it reads without
// another copy. The back end is a module that is loaded at first use; without driver or module there is no device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace jarvis2::gpu {

struct DeviceInfo {
  std::string name;
  std::string backend;  // cuda, metal
  int cores = 0;
  bool unified = false;  // CPU and GPU share the memory
  std::uint64_t memory_bytes = 0;
};

// How inputs reach the GPU; on unified memory all are the same.
enum class Transfer { kAuto, kMapped, kCopied };

class Device;
// The first GPU, or null. Looked for once; thread-safe. $JARVIS2_GPU=off: none.
const Device* device();
// Whether it is worth asking for device(): a driver is there. Costs next to nothing.
bool may_have_device();
// Why device() is null; empty when it isn't.
const std::string& no_device_reason();

struct Api;  // of the module
class Device {
 public:
  explicit Device(std::unique_ptr<Api> api);
  ~Device();
  const DeviceInfo& info() const { return info_; }
  const Api& api() const { return *api_; }
  // Seconds that a copy to the device took, from any memory. For measurement.
  double copy_seconds(const void* from, std::size_t bytes) const;
  // Keeps the device busy for about so long.
  void burn(double seconds) const;

 private:
  std::unique_ptr<Api> api_;
  DeviceInfo info_;
};

// Floats that both CPU and GPU reach: unified memory, or pinned and mapped. Contents are not set.
class Staged {
 public:
  Staged(const Device& device, std::size_t floats);
  ~Staged();
  Staged(Staged&& other) noexcept;
  Staged& operator=(Staged&&) = delete;
  float* data() { return data_; }
  const float* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  const Device* device_;
  float* data_ = nullptr;
  std::size_t size_;
};

// A network in one kernel. Layers as in neural/network.h (all widths but the last, 1, multiples of 4): weights[l] is
// layers[l+1] rows of layers[l]. Two batches may be in flight, one a slot; a slot is used by one thread at a time.
class ForwardPass {
 public:
  ForwardPass(const Device& device, std::span<const std::uint32_t> layers, std::span<const std::vector<float>> weights,
              std::span<const std::vector<float>> biases);
  ~ForwardPass();
  ForwardPass(const ForwardPass&) = delete;
  ForwardPass& operator=(const ForwardPass&) = delete;
  // Whether a network of this shape can be taken.
  static bool fits(std::span<const std::uint32_t> layers);
  std::uint32_t inputs() const { return inputs_; }

  // Both in staged memory that must stay as it is until wait(slot).
  void start(std::uint32_t slot, const float* staged_inputs, std::size_t batch, float* staged_out,
             Transfer transfer = Transfer::kAuto) const;
  void wait(std::uint32_t slot) const;
  // From and to any memory: pieces are staged while the piece before is computed. Thread-safe, one call at a time.
  void forward(const float* inputs, std::size_t batch, float* out) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::uint32_t inputs_;
};

// A matrix [rows × columns] on the device.
class Matrix {
 public:
  Matrix(const Device& device, std::span<const float> values, std::size_t rows, std::size_t columns);
  ~Matrix();
  Matrix(const Matrix&) = delete;
  Matrix& operator=(const Matrix&) = delete;
  // out [count × rows] = x [count × columns] · Mᵀ; one vector: matrix–vector.
  void multiply(const float* x, std::size_t count, float* out) const;
  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }

 private:
  const Device* device_;
  void* handle_ = nullptr;
  std::size_t rows_, columns_;
};

struct RowScore {
  std::uint32_t row = 0;
  float score = 0;
};

inline constexpr std::size_t kMostTop = 64;  // k of top_k at most

// Vectors on the device: exact top-k of dot products in single precision.
class VectorSet {
 public:
  // `dimensions`: a multiple of 4, at most 1024.
  VectorSet(const Device& device, std::size_t rows, std::size_t dimensions);
  ~VectorSet();
  VectorSet(const VectorSet&) = delete;
  VectorSet& operator=(const VectorSet&) = delete;
  // All rows, in order, in blocks of any size; before top_k().
  void append(const float* rows, std::size_t count);
  // For each query the k rows with the largest dot products, best first, ties by row; k at most kMostTop.
  std::vector<std::vector<RowScore>> top_k(std::span<const float> queries, std::size_t k) const;
  std::size_t rows() const { return rows_; }

 private:
  void flush();
  const Device* device_;
  void* handle_ = nullptr;
  std::size_t rows_, dimensions_, written_ = 0;
  std::vector<float> tile_;
};

// Tables of an automaton, as kernels/pattern_kernel.h describes them.
struct PatternTables {
  std::span<const std::uint8_t> class_of, context_of;  // 256 each
  std::span<const std::uint16_t> next;
  std::span<const std::uint32_t> accept_at, accepts;
  std::uint32_t classes = 0, first_accepting = 0;
};
struct PatternEnd {
  std::uint32_t pattern = 0, end = 0;
};
// Every end of a match, in any order. `items`: four numbers each; text of at most 4 GiB. Thread-safe.
std::vector<PatternEnd> scan_patterns(const Device& device, const PatternTables& tables, std::string_view text,
                                      std::span<const std::uint32_t> items);

}  // namespace jarvis2::gpu
