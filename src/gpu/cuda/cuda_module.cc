// CUDA: kernels through the driver, for their latency; operands of MLX in device memory.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "gpu/cuda/driver.h"
#include "gpu/mlx/bridge.h"
#include "gpu_kernels_text.h"

namespace jarvis2::gpu {
namespace {

using cuda::Memory;
using cuda::Pinned;

constexpr unsigned kThreads = 256;
constexpr std::size_t kSharedBytes = 48 << 10;  // that a kernel may have without asking
constexpr std::size_t kPiece = 1024;            // rows copied at a time
constexpr std::size_t kMappedRows = 512;        // batches up to this read host memory
constexpr unsigned kDisableTiming = 2;
constexpr unsigned kNonBlocking = 1;

const std::string& portable_text() {
  static const std::string kText = kKernelText;
  return kText;
}

cuda::Function function_of(cuda::Module module, const std::string& name) {
  cuda::Function function = nullptr;
  cuda::check(cuda::driver().module_function(&function, module, name.c_str()), name.c_str());
  return function;
}

cuda::Module build(const std::string& source) {
  const std::vector<char> code = cuda::compile(portable_text() + source);
  cuda::Module module = nullptr;
  cuda::check(cuda::driver().module_load(&module, code.data()), "loading a kernel");
  return module;
}

void launch(cuda::Function function, unsigned x, unsigned y, unsigned threads, std::size_t shared, cuda::Stream stream,
            void** arguments) {
  cuda::check(cuda::driver().launch(function, x, y, 1, threads, 1, 1, static_cast<unsigned>(shared), stream, arguments,
                                    nullptr),
              "launching a kernel");
}

struct Slot {
  cuda::Stream compute = nullptr, copy = nullptr;
  std::vector<cuda::Event> copied;
  Memory inputs;
};

}  // namespace
}  // namespace jarvis2::gpu

struct Jarvis2GpuNetwork {
  std::vector<std::uint32_t> layers;
  jarvis2::gpu::Memory weights;
  jarvis2::gpu::cuda::Module module = nullptr;
  std::vector<std::pair<unsigned, jarvis2::gpu::cuda::Function>> kernels;  // by rows of a group, rising
  std::array<jarvis2::gpu::Slot, 2> slots;
};

struct Jarvis2GpuVectors {
  std::size_t rows = 0, dimensions = 0, tiles = 0;
  jarvis2::gpu::Memory data, queries, scores, best;
  jarvis2::gpu::Pinned staged, answers;
  jarvis2::gpu::cuda::Stream stream = nullptr;
  std::mutex mutex;
};

namespace jarvis2::gpu {
namespace {

int info(Jarvis2GpuInfo* out) {
  return guarded([&] {
    const cuda::Driver& on = cuda::driver();
    *out = {};
    on.device_name(out->name, sizeof out->name, on.device);
    std::strncpy(out->backend, "cuda", sizeof out->backend - 1);
    out->cores = on.multiprocessors;
    std::size_t bytes = 0;
    on.device_memory(&bytes, on.device);
    out->memory_bytes = bytes;
  });
}

int stage(std::size_t bytes, void** out) {
  return guarded([&] {
    cuda::enter();
    cuda::check(cuda::driver().host_alloc(out, bytes, 3), "pinned memory");
  });
}

void unstage(void* memory) {
  cuda::driver().context_set(cuda::driver().context);
  cuda::driver().host_free(memory);
}

// --- Networks ---

std::string forward_source(const std::vector<std::uint32_t>& layers, std::vector<unsigned>& rows) {
  std::size_t widest[2] = {0, 0};
  std::string widths;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    if (l + 1 < layers.size()) widest[l % 2] = std::max<std::size_t>(widest[l % 2], layers[l]);
    widths += ", " + std::to_string(layers[l]);
  }
  std::string source;
  for (const unsigned count : {1U, 2U, 4U, 8U, 16U}) {
    if (count * (widest[0] + widest[1]) * sizeof(float) > kSharedBytes) break;
    rows.push_back(count);
    const std::string number = std::to_string(count);
    source += "extern \"C\" __global__ void __launch_bounds__(256) forward_" + number +
              "(const float* w, const float* x, float* out, unsigned batch) {\n  __shared__ j2_float4 even[" +
              std::to_string(count * widest[0] / 4) + "];\n  __shared__ j2_float4 odd[" +
              std::to_string(std::max<std::size_t>(1, count * widest[1] / 4)) + "];\n  j2::forward<" + number +
              ", 256" + widths + ">(w, x, out, batch, even, odd, blockIdx.x, threadIdx.x, 256);\n}\n";
  }
  return source;
}

void network_free(Jarvis2GpuNetwork* network) {
  const cuda::Driver& on = cuda::driver();
  on.context_set(on.context);
  for (Slot& slot : network->slots) {
    for (const cuda::Event event : slot.copied) on.event_destroy(event);
    if (slot.compute != nullptr) on.stream_destroy(slot.compute);
    if (slot.copy != nullptr) on.stream_destroy(slot.copy);
  }
  if (network->module != nullptr) on.module_unload(network->module);
  delete network;
}

int network_make(const std::uint32_t* layers, std::uint32_t count, const float* weights, Jarvis2GpuNetwork** out) {
  return guarded([&] {
    cuda::enter();
    const cuda::Driver& on = cuda::driver();
    std::unique_ptr<Jarvis2GpuNetwork, void (*)(Jarvis2GpuNetwork*)> network(new Jarvis2GpuNetwork, network_free);
    network->layers.assign(layers, layers + count);
    std::size_t floats = 0;
    for (std::uint32_t l = 0; l + 1 < count; ++l) floats += (std::size_t{layers[l]} + 1) * layers[l + 1];
    network->weights = Memory(floats * sizeof(float));
    cuda::check(on.copy_in(network->weights.get(), weights, floats * sizeof(float)), "copying weights");
    std::vector<unsigned> rows;
    network->module = build(forward_source(network->layers, rows));
    for (const unsigned each : rows) {
      network->kernels.emplace_back(each, function_of(network->module, "forward_" + std::to_string(each)));
    }
    for (Slot& slot : network->slots) {
      cuda::check(on.stream_create(&slot.compute, kNonBlocking), "stream");
      cuda::check(on.stream_create(&slot.copy, kNonBlocking), "stream");
    }
    *out = network.release();
  });
}

// As few rows a group as keep the number of groups within that of multiprocessors.
void run_forward(Jarvis2GpuNetwork& network, cuda::DevicePointer inputs, std::size_t batch, float* out,
                 cuda::Stream stream) {
  const std::size_t cores = static_cast<std::size_t>(cuda::driver().multiprocessors);
  std::pair<unsigned, cuda::Function> chosen = network.kernels.back();
  for (const std::pair<unsigned, cuda::Function>& kernel : network.kernels) {
    if ((batch + kernel.first - 1) / kernel.first <= cores) {
      chosen = kernel;
      break;
    }
  }
  cuda::DevicePointer weights = network.weights.get();
  unsigned count = static_cast<unsigned>(batch);
  void* arguments[] = {&weights, &inputs, &out, &count};
  launch(chosen.second, (count + chosen.first - 1) / chosen.first, 1, kThreads, 0, stream, arguments);
}

int network_start(Jarvis2GpuNetwork* network, std::uint32_t index, const float* inputs, std::size_t batch, float* out,
                  std::int32_t transfer) {
  return guarded([&] {
    if (batch == 0) return;
    if (index >= network->slots.size()) throw std::runtime_error("a network has two slots");
    cuda::enter();
    const cuda::Driver& on = cuda::driver();
    Slot& slot = network->slots[index];
    if (transfer == kJarvis2GpuMapped || (transfer == kJarvis2GpuAuto && batch <= kMappedRows)) {
      run_forward(*network, reinterpret_cast<cuda::DevicePointer>(inputs), batch, out, slot.compute);
      return;
    }
    const std::size_t row = network->layers[0] * sizeof(float);
    slot.inputs.reserve(batch * row);
    const std::size_t pieces = (batch + kPiece - 1) / kPiece;
    while (slot.copied.size() < pieces) {
      slot.copied.emplace_back();
      cuda::check(on.event_create(&slot.copied.back(), kDisableTiming), "event");
    }
    for (std::size_t piece = 0; piece < pieces; ++piece) {
      const std::size_t first = piece * kPiece;
      const std::size_t rows = std::min(kPiece, batch - first);
      const cuda::DevicePointer to = slot.inputs.get() + first * row;
      // One piece needs no second stream.
      const cuda::Stream copy = pieces == 1 ? slot.compute : slot.copy;
      cuda::check(on.copy_in_async(to, inputs + first * network->layers[0], rows * row, copy), "copy");
      if (pieces > 1) {
        cuda::check(on.event_record(slot.copied[piece], copy), "event");
        cuda::check(on.stream_wait(slot.compute, slot.copied[piece], 0), "event");
      }
      run_forward(*network, to, rows, out + first, slot.compute);
    }
  });
}

int network_wait(Jarvis2GpuNetwork* network, std::uint32_t index) {
  return guarded([&] {
    if (index >= network->slots.size()) throw std::runtime_error("a network has two slots");
    cuda::enter();
    cuda::check(cuda::driver().stream_synchronize(network->slots[index].compute), "forward pass");
  });
}

// --- Vectors ---

struct Scorer {
  unsigned queries = 1, span = 1;
  cuda::Function function = nullptr;
};

struct VectorKernels {
  std::vector<Scorer> scorers;  // by queries, rising
  cuda::Function select = nullptr;
};

const VectorKernels& vector_kernels() {
  static const VectorKernels* const kKernels = [] {
    std::string source;
    VectorKernels* const made = new VectorKernels;
    made->scorers = {{1, 1, nullptr}, {4, 1, nullptr}, {8, 2, nullptr}, {16, 2, nullptr}};
    for (const Scorer& scorer : made->scorers) {
      const std::string q = std::to_string(scorer.queries), s = std::to_string(scorer.span);
      source += "extern \"C\" __global__ void __launch_bounds__(" + std::to_string(256 / scorer.span) + ") score_" + q +
                "(const j2_float4* v, const float* queries, float* scores, float* best, unsigned dimensions, unsigned "
                "count, unsigned tiles, unsigned query_count) {\n  extern __shared__ j2_float4 shared[];\n"
                "  j2::score_tile<" +
                q + ", " + s + ">(v, queries, scores, best, dimensions, count, tiles, query_count, blockIdx.x * " + q +
                ", shared, (float*)(shared + " + q + " * dimensions / 4), blockIdx.y, threadIdx.x, " +
                std::to_string(256 / scorer.span) + ");\n}\n";
    }
    source +=
        "extern \"C\" __global__ void __launch_bounds__(256) select_top(const float* scores, const float* best, "
        "unsigned tiles, unsigned k, unsigned* rows, float* out) {\n  __shared__ j2_u64 scratch[256];\n  __shared__ "
        "unsigned chosen[64];\n  j2::select_top(scores, best, tiles, k, rows, out, scratch, chosen, blockIdx.x, "
        "threadIdx.x, 256);\n}\n";
    const cuda::Module module = build(source);
    for (Scorer& scorer : made->scorers) {
      scorer.function = function_of(module, "score_" + std::to_string(scorer.queries));
    }
    made->select = function_of(module, "select_top");
    return made;
  }();
  return *kKernels;
}

void vectors_free(Jarvis2GpuVectors* vectors) {
  const cuda::Driver& on = cuda::driver();
  on.context_set(on.context);
  if (vectors->stream != nullptr) on.stream_destroy(vectors->stream);
  delete vectors;
}

int vectors_make(std::size_t rows, std::size_t dimensions, Jarvis2GpuVectors** out) {
  return guarded([&] {
    cuda::enter();
    std::unique_ptr<Jarvis2GpuVectors, void (*)(Jarvis2GpuVectors*)> vectors(new Jarvis2GpuVectors, vectors_free);
    vectors->rows = rows;
    vectors->dimensions = dimensions;
    vectors->tiles = (rows + 255) / 256;
    if (vectors->tiles > 65535) throw std::runtime_error("more than 16 million vectors");
    vectors->data = Memory(vectors->tiles * 256 * dimensions * sizeof(float));
    cuda::check(cuda::driver().stream_create(&vectors->stream, kNonBlocking), "stream");
    vector_kernels();
    *out = vectors.release();
  });
}

int vectors_write(Jarvis2GpuVectors* vectors, std::size_t first, std::size_t count, const float* tiles) {
  return guarded([&] {
    cuda::enter();
    const std::size_t bytes = 256 * vectors->dimensions * sizeof(float);
    cuda::check(cuda::driver().copy_in(vectors->data.get() + first * bytes, tiles, count * bytes), "copying vectors");
  });
}

int vectors_top_k(Jarvis2GpuVectors* vectors, const float* queries, std::size_t count, std::uint32_t k,
                  std::uint32_t* rows, float* scores) {
  return guarded([&] {
    constexpr std::size_t kMostQueries = 256;  // at a time
    const std::lock_guard lock(vectors->mutex);
    cuda::enter();
    const cuda::Driver& on = cuda::driver();
    const VectorKernels& kernels = vector_kernels();
    for (std::size_t done = 0; done < count; done += kMostQueries) {
      unsigned some = static_cast<unsigned>(std::min(kMostQueries, count - done));
      const std::size_t bytes = some * vectors->dimensions * sizeof(float);
      vectors->staged.reserve(bytes);
      vectors->queries.reserve(bytes);
      vectors->answers.reserve(some * k * (sizeof(float) + sizeof(std::uint32_t)));
      vectors->scores.reserve(some * vectors->tiles * 256 * sizeof(float));
      vectors->best.reserve(some * vectors->tiles * sizeof(float));
      std::memcpy(vectors->staged.get(), queries + done * vectors->dimensions, bytes);
      cuda::check(on.copy_in_async(vectors->queries.get(), vectors->staged.get(), bytes, vectors->stream), "copy");
      const Scorer* scorer = &kernels.scorers.front();
      for (const Scorer& other : kernels.scorers) {
        const std::size_t shared =
            (other.queries * vectors->dimensions + other.queries * 256 / other.span) * sizeof(float);
        if (shared <= kSharedBytes && scorer->queries < some) scorer = &other;
      }
      cuda::DevicePointer data = vectors->data.get(), asked = vectors->queries.get(), to = vectors->scores.get(),
                          best = vectors->best.get();
      unsigned dimensions = static_cast<unsigned>(vectors->dimensions), total = static_cast<unsigned>(vectors->rows),
               tiles = static_cast<unsigned>(vectors->tiles);
      void* scoring[] = {&data, &asked, &to, &best, &dimensions, &total, &tiles, &some};
      const unsigned threads = 256 / scorer->span;
      launch(scorer->function, (some + scorer->queries - 1) / scorer->queries, tiles, threads,
             (scorer->queries * dimensions + scorer->queries * threads) * sizeof(float), vectors->stream, scoring);
      std::uint32_t* rows_out = static_cast<std::uint32_t*>(vectors->answers.get());
      float* scores_out = reinterpret_cast<float*>(rows_out + some * k);
      unsigned take = k;
      void* selecting[] = {&to, &best, &tiles, &take, &rows_out, &scores_out};
      launch(kernels.select, some, 1, 256, 0, vectors->stream, selecting);
      cuda::check(on.stream_synchronize(vectors->stream), "top-k");
      std::memcpy(rows + done * k, rows_out, some * k * sizeof(std::uint32_t));
      std::memcpy(scores + done * k, scores_out, some * k * sizeof(float));
    }
  });
}

// --- Patterns ---

struct PatternRoom {
  std::mutex mutex;
  cuda::Function function = nullptr;
  Memory text, items, class_of, context_of, next, accept_at, accepts, found, count;
};

template <typename Value>
cuda::DevicePointer send(Memory& to, const Value* from, std::size_t count) {
  to.reserve(std::max<std::size_t>(1, count) * sizeof(Value));
  cuda::check(cuda::driver().copy_in(to.get(), from, count * sizeof(Value)), "copy");
  return to.get();
}

int patterns_scan(const Jarvis2GpuPatterns* tables, const char* text, std::size_t bytes, const std::uint32_t* items,
                  std::size_t item_count, std::uint32_t* found, std::uint32_t capacity, std::uint32_t* count) {
  return guarded([&] {
    static PatternRoom* const room = new PatternRoom;  // as long as the driver
    const std::lock_guard lock(room->mutex);
    cuda::enter();
    if (room->function == nullptr) {
      room->function = function_of(
          build("extern \"C\" __global__ void patterns(const unsigned char* text, const unsigned* items, unsigned "
                "item_count, const unsigned char* class_of, const unsigned char* context_of, const unsigned short* "
                "next, unsigned classes, unsigned first_accepting, const unsigned* accept_at, const unsigned* accepts, "
                "unsigned* found, unsigned* count, unsigned capacity) {\n  const unsigned item = blockIdx.x * 128 + "
                "threadIdx.x;\n  if (item < item_count) pattern_scan_item(text, items, item, class_of, context_of, "
                "next, classes, first_accepting, accept_at, accepts, found, count, capacity);\n}\n"),
          "patterns");
    }
    const std::uint32_t zero = 0;
    cuda::DevicePointer text_at = send(room->text, text, bytes), items_at = send(room->items, items, 4 * item_count),
                        class_at = send(room->class_of, tables->class_of, 256),
                        context_at = send(room->context_of, tables->context_of, 256),
                        next_at = send(room->next, tables->next, tables->next_count),
                        accept_at = send(room->accept_at, tables->accept_at, tables->accept_at_count),
                        accepts = send(room->accepts, tables->accepts, tables->accepts_count),
                        count_at = send(room->count, &zero, 1);
    room->found.reserve(std::size_t{8} * capacity);
    cuda::DevicePointer found_at = room->found.get();
    unsigned many = static_cast<unsigned>(item_count), classes = tables->classes, first = tables->first_accepting;
    void* arguments[] = {&text_at, &items_at,  &many,    &class_at, &context_at, &next_at, &classes,
                         &first,   &accept_at, &accepts, &found_at, &count_at,   &capacity};
    launch(room->function, (many + 127) / 128, 1, 128, 0, nullptr, arguments);
    cuda::check(cuda::driver().copy_out(count, count_at, sizeof *count), "patterns");
    const std::size_t got = std::min(*count, capacity);
    if (got > 0) cuda::check(cuda::driver().copy_out(found, found_at, 8 * got), "patterns");
  });
}

// --- For measurement ---

int copy_to_device(const void* from, std::size_t bytes) {
  return guarded([&] {
    static std::mutex mutex;
    static Memory* const room = new Memory;
    const std::lock_guard lock(mutex);
    cuda::enter();
    room->reserve(bytes);
    cuda::check(cuda::driver().copy_in(room->get(), from, bytes), "copy");
  });
}

int burn(double seconds) {
  return guarded([&] {
    cuda::enter();
    const cuda::Driver& on = cuda::driver();
    const cuda::Module module = build(
        "extern \"C\" __global__ void burn(float* out, unsigned rounds) { float x = threadIdx.x; for (unsigned i "
        "= 0; i < rounds; ++i) x = x * 0.999f + 1.0f; if (x < 0) out[0] = x; }\n");
    const cuda::Function function = function_of(module, "burn");
    const Memory sink(64);
    cuda::DevicePointer out = sink.get();
    unsigned rounds = 1U << 20;
    void* arguments[] = {&out, &rounds};
    const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    while (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < seconds) {
      launch(function, static_cast<unsigned>(on.multiprocessors) * 4, 1, 256, 0, nullptr, arguments);
      cuda::check(on.stream_synchronize(nullptr), "burn");
    }
    on.module_unload(module);
  });
}

// MLX 0.32's own description of a buffer (mlx/backend/cuda/allocator.h, which needs CUDA's headers).
struct CudaBuffer {
  void* data;
  std::size_t size;
  int device;
};

class DeviceOperand final : public Operand {
 public:
  explicit DeviceOperand(std::size_t floats) : memory_(floats * sizeof(float)) {
    buffer_ = {reinterpret_cast<void*>(memory_.get()), memory_.bytes(), 0};
  }
  // At the full speed of the bus from staged memory; elsewhere the driver stages.
  void write(const float* from, std::size_t floats) override {
    cuda::enter();
    cuda::check(cuda::driver().copy_in(memory_.get(), from, floats * sizeof(float)), "copy");
  }
  mlx::core::array array(mlx::core::Shape shape) override {
    return mlx::core::array(
        mlx::core::allocator::Data(mlx::core::allocator::Buffer(&buffer_), [](mlx::core::allocator::Buffer) {}),
        std::move(shape), mlx::core::float32);
  }

 private:
  Memory memory_;
  CudaBuffer buffer_{};
};

}  // namespace

std::unique_ptr<Operand> make_operand(std::size_t floats) {
  cuda::enter();
  return std::make_unique<DeviceOperand>(floats);
}

void read_array(mlx::core::array& from, float* to, std::size_t floats) {
  cuda::enter();
  const CudaBuffer* const buffer = static_cast<const CudaBuffer*>(from.buffer().ptr());
  cuda::check(cuda::driver().copy_out(to, reinterpret_cast<cuda::DevicePointer>(buffer->data), floats * sizeof(float)),
              "copy");
}

void open_backend(Jarvis2GpuApi& api, const char* cache) {
  cuda::keep_compiled_in(cache);
  cuda::enter();
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
