// Metal: the kernels through MLX, over memory that CPU and GPU share.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "gpu/metal/source.h"
#include "gpu/mlx/bridge.h"
#include "gpu_kernels_text.h"

namespace jarvis2::gpu {
namespace {

namespace mx = mlx::core;

constexpr int kThreads = 256;

// Memory from MLX's allocator: an array over it needs no copy.
class Shared {
 public:
  explicit Shared(std::size_t bytes) : buffer_(mx::allocator::allocator().malloc(std::max<std::size_t>(16, bytes))) {
    if (buffer_.ptr() == nullptr) throw std::runtime_error("no memory for " + std::to_string(bytes) + " bytes");
  }
  ~Shared() { mx::allocator::allocator().free(buffer_); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  float* data() { return static_cast<float*>(buffer_.raw_ptr()); }
  mx::array array(mx::Shape shape, mx::Dtype type = mx::float32) {
    return mx::array(mx::allocator::Data(buffer_, [](mx::allocator::Buffer) {}), std::move(shape), type);
  }

 private:
  mx::allocator::Buffer buffer_;
};

// Staged memory is found again by its address.
struct StagedMemory {
  std::mutex mutex;
  std::unordered_map<const void*, std::unique_ptr<Shared>> all;
};

StagedMemory& staged_memory() {
  static StagedMemory* const kMemory = new StagedMemory;
  return *kMemory;
}

Shared* staged_at(const void* address) {
  StagedMemory& memory = staged_memory();
  const std::lock_guard lock(memory.mutex);
  const auto found = memory.all.find(address);
  return found == memory.all.end() ? nullptr : found->second.get();
}

int as_int(std::size_t value) {
  return static_cast<int>(value);
}

struct Slot {
  std::vector<mx::array> result;  // none or one, evaluating
  float* to = nullptr;
};

}  // namespace
}  // namespace jarvis2::gpu

struct Jarvis2GpuNetwork {
  std::vector<std::uint32_t> layers;
  std::unique_ptr<jarvis2::gpu::Shared> weights;
  unsigned rows = 1;  // of a group
  mlx::core::fast::CustomKernelFunction kernel;
  std::array<jarvis2::gpu::Slot, 2> slots;
};

struct Jarvis2GpuVectors {
  std::size_t rows = 0, dimensions = 0, tiles = 0;
  std::unique_ptr<jarvis2::gpu::Shared> data;
  std::mutex mutex;
};

namespace jarvis2::gpu {
namespace {

mx::fast::CustomKernelFunction kernel_of(const MetalSource& from, bool atomic_outputs = false) {
  return mx::fast::metal_kernel(from.name, from.inputs, from.outputs, from.body, kKernelText, true, atomic_outputs);
}

int info(Jarvis2GpuInfo* out) {
  return guarded([&] {
    *out = {};
    std::strncpy(out->backend, "metal", sizeof out->backend - 1);
    out->unified = 1;
    const auto& known = mx::device_info(mx::Device(mx::Device::gpu));
    for (const auto& [key, value] : known) {
      if (key == "device_name" && std::holds_alternative<std::string>(value)) {
        std::strncpy(out->name, std::get<std::string>(value).c_str(), sizeof out->name - 1);
      } else if (key == "memory_size" && std::holds_alternative<std::size_t>(value)) {
        out->memory_bytes = std::get<std::size_t>(value);
      }
    }
  });
}

int stage(std::size_t bytes, void** out) {
  return guarded([&] {
    std::unique_ptr<Shared> made = std::make_unique<Shared>(bytes);
    *out = made->data();
    StagedMemory& memory = staged_memory();
    const std::lock_guard lock(memory.mutex);
    memory.all[*out] = std::move(made);
  });
}

void unstage(void* address) {
  StagedMemory& memory = staged_memory();
  const std::lock_guard lock(memory.mutex);
  memory.all.erase(address);
}

// --- Networks ---

void network_free(Jarvis2GpuNetwork* network) {
  delete network;
}

int network_make(const std::uint32_t* layers, std::uint32_t count, const float* weights, Jarvis2GpuNetwork** out) {
  return guarded([&] {
    std::unique_ptr<Jarvis2GpuNetwork> network = std::make_unique<Jarvis2GpuNetwork>();
    network->layers.assign(layers, layers + count);
    std::size_t floats = 0;
    for (std::uint32_t l = 0; l + 1 < count; ++l) floats += (std::size_t{layers[l]} + 1) * layers[l + 1];
    network->weights = std::make_unique<Shared>(floats * sizeof(float));
    std::memcpy(network->weights->data(), weights, floats * sizeof(float));
    network->rows = metal_forward_rows(network->layers);
    network->kernel = kernel_of(metal_forward(network->layers));
    *out = network.release();
  });
}

// Numbers for a kernel: eight, since MLX puts shorter arrays into another address space.
mx::array numbers(std::initializer_list<std::size_t> values) {
  std::array<int, 8> all{};
  std::transform(values.begin(), values.end(), all.begin(), as_int);
  return mx::array(all.begin(), {8}, mx::int32);
}

int network_start(Jarvis2GpuNetwork* network, std::uint32_t index, const float* inputs, std::size_t batch, float* out,
                  std::int32_t) {
  return guarded([&] {
    if (batch == 0) return;
    if (index >= network->slots.size()) throw std::runtime_error("a network has two slots");
    Shared* const from = staged_at(inputs);
    if (from == nullptr) throw std::runtime_error("inputs must be at the start of staged memory");
    Slot& slot = network->slots[index];
    std::size_t floats = 0;
    for (std::size_t l = 0; l + 1 < network->layers.size(); ++l) {
      floats += (std::size_t{network->layers[l]} + 1) * network->layers[l + 1];
    }
    const std::size_t groups = (batch + network->rows - 1) / network->rows;
    slot.result = network->kernel({network->weights->array({as_int(floats)}),
                                   from->array({as_int(batch * network->layers[0])}), numbers({batch})},
                                  {{as_int(batch)}}, {mx::float32}, {as_int(groups) * kThreads, 1, 1}, {kThreads, 1, 1},
                                  {}, std::nullopt, false, mx::Device(mx::Device::gpu));
    slot.to = out;
    mx::async_eval(slot.result);
  });
}

int network_wait(Jarvis2GpuNetwork* network, std::uint32_t index) {
  return guarded([&] {
    if (index >= network->slots.size()) throw std::runtime_error("a network has two slots");
    Slot& slot = network->slots[index];
    if (slot.result.empty()) return;
    mx::array& result = slot.result.front();
    result.wait();
    std::memcpy(slot.to, result.data<float>(), result.size() * sizeof(float));
    slot.result.clear();
  });
}

// --- Vectors ---

void vectors_free(Jarvis2GpuVectors* vectors) {
  delete vectors;
}

int vectors_make(std::size_t rows, std::size_t dimensions, Jarvis2GpuVectors** out) {
  return guarded([&] {
    std::unique_ptr<Jarvis2GpuVectors> vectors = std::make_unique<Jarvis2GpuVectors>();
    vectors->rows = rows;
    vectors->dimensions = dimensions;
    vectors->tiles = (rows + 255) / 256;
    vectors->data = std::make_unique<Shared>(vectors->tiles * 256 * dimensions * sizeof(float));
    *out = vectors.release();
  });
}

int vectors_write(Jarvis2GpuVectors* vectors, std::size_t first, std::size_t count, const float* tiles) {
  return guarded([&] {
    const std::size_t floats = 256 * vectors->dimensions;
    std::memcpy(vectors->data->data() + first * floats, tiles, count * floats * sizeof(float));
  });
}

// One kernel for each count of queries in a group.
const mx::fast::CustomKernelFunction& scorer(unsigned queries, std::size_t dimensions) {
  static std::mutex mutex;
  static std::unordered_map<std::string, mx::fast::CustomKernelFunction>* const kKnown =
      new std::unordered_map<std::string, mx::fast::CustomKernelFunction>;
  const MetalSource source = metal_score(queries, dimensions);
  const std::lock_guard lock(mutex);
  mx::fast::CustomKernelFunction& known = (*kKnown)[source.name];
  if (!known) known = kernel_of(source);
  return known;
}

const mx::fast::CustomKernelFunction& selector() {
  static const mx::fast::CustomKernelFunction* const kSelect =
      new mx::fast::CustomKernelFunction(kernel_of(metal_select()));
  return *kSelect;
}

int vectors_top_k(Jarvis2GpuVectors* vectors, const float* queries, std::size_t count, std::uint32_t k,
                  std::uint32_t* rows, float* scores) {
  return guarded([&] {
    constexpr std::size_t kMostQueries = 256;  // at a time
    const std::lock_guard lock(vectors->mutex);
    const mx::Device gpu(mx::Device::gpu);
    for (std::size_t done = 0; done < count; done += kMostQueries) {
      const std::size_t some = std::min(kMostQueries, count - done);
      unsigned each = some == 1 ? 1 : some <= 4 ? 4 : 8;
      while (each > 1 && each * (vectors->dimensions + 256) * sizeof(float) > kMetalSharedBytes) each /= 2;
      // At least eight floats, as for numbers().
      const std::size_t floats = some * vectors->dimensions;
      Shared asked(std::max<std::size_t>(8, floats) * sizeof(float));
      std::memcpy(asked.data(), queries + done * vectors->dimensions, floats * sizeof(float));
      const mx::array shape =
          numbers({vectors->dimensions, vectors->rows, vectors->tiles, some, static_cast<std::size_t>(k)});
      const std::vector<mx::array> scored = scorer(each, vectors->dimensions)(
          {vectors->data->array({as_int(vectors->tiles), as_int(256 * vectors->dimensions)}),
           asked.array({as_int(std::max<std::size_t>(8, floats))}), shape},
          {{as_int(some * vectors->tiles * 256)}, {as_int(std::max<std::size_t>(8, some * vectors->tiles))}},
          {mx::float32, mx::float32}, {as_int((some + each - 1) / each) * kThreads, as_int(vectors->tiles), 1},
          {kThreads, 1, 1}, {}, std::nullopt, false, gpu);
      std::vector<mx::array> top =
          selector()({scored[0], scored[1], shape}, {{as_int(some * k)}, {as_int(some * k)}}, {mx::uint32, mx::float32},
                     {as_int(some) * kThreads, 1, 1}, {kThreads, 1, 1}, {}, std::nullopt, false, gpu);
      mx::eval(top);
      std::memcpy(rows + done * k, top[0].data<std::uint32_t>(), some * k * sizeof(std::uint32_t));
      std::memcpy(scores + done * k, top[1].data<float>(), some * k * sizeof(float));
    }
  });
}

// --- Patterns ---

// An array of at least eight values (see numbers()) with a copy of `count` of them.
template <typename Value>
mx::array copied(const Value* from, std::size_t count, mx::Dtype type) {
  std::vector<Value> values(from, from + count);
  values.resize(std::max<std::size_t>(8, values.size()));
  return mx::array(values.data(), {as_int(values.size())}, type);
}

int patterns_scan(const Jarvis2GpuPatterns* tables, const char* text, std::size_t bytes, const std::uint32_t* items,
                  std::size_t item_count, std::uint32_t* found, std::uint32_t capacity, std::uint32_t* count) {
  return guarded([&] {
    if (bytes > 0x7fffffffU) throw std::runtime_error("more than 2 GiB of text");
    static const mx::fast::CustomKernelFunction* const kScan =
        new mx::fast::CustomKernelFunction(kernel_of(metal_patterns(), true));
    const std::vector<mx::array> result = (*kScan)(
        {copied(reinterpret_cast<const std::uint8_t*>(text), bytes, mx::uint8),
         copied(items, 4 * item_count, mx::uint32), copied(tables->class_of, 256, mx::uint8),
         copied(tables->context_of, 256, mx::uint8), copied(tables->next, tables->next_count, mx::uint16),
         copied(tables->accept_at, tables->accept_at_count, mx::uint32),
         copied(tables->accepts, tables->accepts_count, mx::uint32),
         numbers({item_count, tables->classes, tables->first_accepting, capacity})},
        {{as_int(std::size_t{2} * std::max(4U, capacity))}, {8}}, {mx::uint32, mx::uint32},
        {as_int((item_count + 127) / 128) * 128, 1, 1}, {128, 1, 1}, {}, 0.0f, false, mx::Device(mx::Device::gpu));
    mx::eval(result);
    *count = result[1].data<std::uint32_t>()[0];
    std::memcpy(found, result[0].data<std::uint32_t>(), std::size_t{8} * std::min(*count, capacity));
  });
}

// --- For measurement ---

int copy_to_device(const void* from, std::size_t bytes) {
  return guarded([&] {
    // Staged memory is the GPU's own: there is nothing to copy.
    if (staged_at(from) != nullptr) return;
    Shared room(bytes);
    std::memcpy(room.data(), from, bytes);
  });
}

int burn(double seconds) {
  return guarded([&] {
    const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    const mx::array matrix = mx::ones({2048, 2048});
    while (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < seconds) {
      mx::array product = mx::matmul(matrix, matrix);
      mx::eval(product);
    }
  });
}

class SharedOperand final : public Operand {
 public:
  explicit SharedOperand(std::size_t floats) : memory_(floats * sizeof(float)) {}
  void write(const float* from, std::size_t floats) override {
    std::memcpy(memory_.data(), from, floats * sizeof(float));
  }
  mx::array array(mx::Shape shape) override { return memory_.array(std::move(shape)); }

 private:
  Shared memory_;
};

}  // namespace

std::unique_ptr<Operand> make_operand(std::size_t floats) {
  return std::make_unique<SharedOperand>(floats);
}

void read_array(mlx::core::array& from, float* to, std::size_t floats) {
  std::memcpy(to, from.data<float>(), floats * sizeof(float));
}

void open_backend(Jarvis2GpuApi& api, const char*) {
  if (!mx::is_available(mx::Device(mx::Device::gpu))) throw std::runtime_error("Metal finds no GPU");
  api.info = info;
  api.stage = stage;
  api.unstage = unstage;
  api.network_make = network_make;
  api.network_free = network_free;
  api.network_start = network_start;
  api.network_wait = network_wait;
  api.vectors_make = vectors_make;
  api.vectors_free = vectors_free;
  api.vectors_write = vectors_write;
  api.vectors_top_k = vectors_top_k;
  api.patterns_scan = patterns_scan;
  api.copy_to_device = copy_to_device;
  api.burn = burn;
}

}  // namespace jarvis2::gpu
