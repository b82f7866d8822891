#include "gpu/gpu.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "base/error.h"
#include "base/executable.h"
#include "base/files.h"
#include "base/log.h"
#include "gpu/abi.h"
#include "gpu/load.h"
#include "gpu/tiles.h"

namespace jarvis2::gpu {

struct Api : Jarvis2GpuApi {};

namespace {

constexpr std::size_t kPiece = 512;  // rows that forward() stages at a time

void check(const Device& on, int status, const char* place) {
  if (status != 0) throw Error(place, on.info().name + ": " + on.api().last_error());
}

struct Found {
  std::unique_ptr<Device> device;
  std::string reason;
};

Found find_device() {
  Found found;
  if (const char* wish = std::getenv("JARVIS2_GPU"); wish != nullptr && std::string(wish) == "off") {
    found.reason = "switched off by $JARVIS2_GPU";
    return found;
  }
  found.reason = missing_driver();
  if (!found.reason.empty()) return found;
  std::vector<fs::path> places;
  if (const char* given = std::getenv("JARVIS2_GPU_MODULE"); given != nullptr && *given != '\0') {
    places = {given};
  } else {
    const fs::path folder = executable_path().parent_path();
    places = {folder / kModuleName, folder.parent_path() / "lib" / kModuleName, deps_dir() / kModuleName};
  }
  std::error_code ignored;
  const std::vector<fs::path>::const_iterator place =
      std::find_if(places.begin(), places.end(), [&](const fs::path& path) { return fs::exists(path, ignored); });
  if (place == places.end()) {
    found.reason = std::string(kModuleName) + " is not built (`make gpu-cuda`)";
    return found;
  }
  // The module names its MLX library; where set-up put one it is found by being loaded already.
  const fs::path mlx = deps_dir() / kMlxLibrary;
  if (fs::exists(mlx, ignored) && ::dlopen(mlx.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    found.reason = ::dlerror();
    return found;
  }
  void* const module = ::dlopen(place->c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) {
    found.reason = ::dlerror();
    return found;
  }
  const Jarvis2GpuOpen open = reinterpret_cast<Jarvis2GpuOpen>(::dlsym(module, "jarvis2_gpu_open"));
  std::unique_ptr<Api> api = std::make_unique<Api>();
  std::array<char, 512> why{};
  if (open == nullptr || open(api.get(), (user_cache_dir() / "kernels").c_str(), why.data(), why.size()) != 0) {
    found.reason = open == nullptr ? place->string() + " is no GPU module" : why.data();
  } else if (api->version != JARVIS2_GPU_ABI) {
    found.reason = place->string() + " belongs to another version of the program";
  } else {
    found.device = std::make_unique<Device>(std::move(api));
    found.reason.clear();
  }
  return found;  // a module is never unloaded: its threads may run
}

const Found& found() {
  static const Found* const kFound = [] {
    Found* const result = new Found;  // never destroyed, as the module's threads
    try {
      *result = find_device();
    } catch (const std::exception& error) {
      result->reason = error.what();
    }
    if (!result->reason.empty()) log::debug("no GPU: {}", result->reason);
    return result;
  }();
  return *kFound;
}

}  // namespace

const Device* device() {
  return found().device.get();
}

const std::string& no_device_reason() {
  return found().reason;
}

bool may_have_device() {
  const char* const wish = std::getenv("JARVIS2_GPU");
  return (wish == nullptr || std::string(wish) != "off") && missing_driver().empty();
}

Device::Device(std::unique_ptr<Api> api) : api_(std::move(api)) {
  Jarvis2GpuInfo info{};
  if (api_->info(&info) != 0) throw Error("gpu::Device", api_->last_error());
  info_ = {info.name, info.backend, info.cores, info.unified != 0, info.memory_bytes};
}

Device::~Device() = default;

double Device::copy_seconds(const void* from, std::size_t bytes) const {
  const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  check(*this, api_->copy_to_device(from, bytes), "gpu::copy");
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void Device::burn(double seconds) const {
  check(*this, api_->burn(seconds), "gpu::burn");
}

Staged::Staged(const Device& on, std::size_t floats) : device_(&on), size_(floats) {
  void* memory = nullptr;
  check(on, on.api().stage(std::max<std::size_t>(1, floats) * sizeof(float), &memory), "gpu::Staged");
  data_ = static_cast<float*>(memory);
}

Staged::~Staged() {
  if (data_ != nullptr) device_->api().unstage(data_);
}

Staged::Staged(Staged&& other) noexcept
    : device_(other.device_), data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}

struct ForwardPass::State {
  const Device* device = nullptr;
  Jarvis2GpuNetwork* network = nullptr;
  std::mutex mutex;  // of forward()
  std::vector<Staged> inputs, outputs;
};

bool ForwardPass::fits(std::span<const std::uint32_t> layers) {
  if (layers.size() < 3 || layers.size() > 8 || layers.back() != 1) return false;
  return std::all_of(layers.begin(), layers.end() - 1,
                     [](std::uint32_t width) { return width > 0 && width % 4 == 0 && width <= 1024; });
}

ForwardPass::ForwardPass(const Device& on, std::span<const std::uint32_t> layers,
                         std::span<const std::vector<float>> weights, std::span<const std::vector<float>> biases)
    : state_(std::make_unique<State>()), inputs_(layers.empty() ? 0 : layers[0]) {
  if (!fits(layers)) throw Error("gpu::ForwardPass", "a network of this shape has no kernel");
  state_->device = &on;
  const std::vector<float> packed = forward_weights(layers, weights, biases);
  check(
      on,
      on.api().network_make(layers.data(), static_cast<std::uint32_t>(layers.size()), packed.data(), &state_->network),
      "gpu::ForwardPass");
}

ForwardPass::~ForwardPass() {
  if (state_->network != nullptr) state_->device->api().network_free(state_->network);
}

void ForwardPass::start(std::uint32_t slot, const float* staged_inputs, std::size_t batch, float* staged_out,
                        Transfer transfer) const {
  const Device& on = *state_->device;
  check(on,
        on.api().network_start(state_->network, slot, staged_inputs, batch, staged_out,
                               static_cast<std::int32_t>(transfer)),
        "gpu::start");
}

void ForwardPass::wait(std::uint32_t slot) const {
  check(*state_->device, state_->device->api().network_wait(state_->network, slot), "gpu::wait");
}

void ForwardPass::forward(const float* inputs, std::size_t batch, float* out) const {
  const std::lock_guard lock(state_->mutex);
  while (state_->inputs.size() < 2) {
    state_->inputs.emplace_back(*state_->device, kPiece * inputs_);
    state_->outputs.emplace_back(*state_->device, kPiece);
  }
  const std::size_t pieces = (batch + kPiece - 1) / kPiece;
  const auto rows_of = [&](std::size_t piece) { return std::min(kPiece, batch - piece * kPiece); };
  const auto finish = [&](std::size_t piece) {
    const std::uint32_t slot = piece % 2;
    wait(slot);
    std::memcpy(out + piece * kPiece, state_->outputs[slot].data(), rows_of(piece) * sizeof(float));
  };
  for (std::size_t piece = 0; piece < pieces; ++piece) {
    const std::uint32_t slot = piece % 2;
    if (piece >= 2) finish(piece - 2);
    std::memcpy(state_->inputs[slot].data(), inputs + piece * kPiece * inputs_,
                rows_of(piece) * inputs_ * sizeof(float));
    start(slot, state_->inputs[slot].data(), rows_of(piece), state_->outputs[slot].data());
  }
  for (std::size_t piece = pieces > 2 ? pieces - 2 : 0; piece < pieces; ++piece) finish(piece);
}

Matrix::Matrix(const Device& on, std::span<const float> values, std::size_t rows, std::size_t columns)
    : device_(&on), rows_(rows), columns_(columns) {
  if (values.size() != rows * columns || values.empty()) throw Error("gpu::Matrix", "values must be rows × columns");
  Jarvis2GpuMatrix* matrix = nullptr;
  check(on, on.api().matrix_make(values.data(), rows, columns, &matrix), "gpu::Matrix");
  handle_ = matrix;
}

Matrix::~Matrix() {
  device_->api().matrix_free(static_cast<Jarvis2GpuMatrix*>(handle_));
}

void Matrix::multiply(const float* x, std::size_t count, float* out) const {
  if (count == 0) return;
  check(*device_, device_->api().matrix_multiply(static_cast<Jarvis2GpuMatrix*>(handle_), x, count, out),
        "gpu::multiply");
}

VectorSet::VectorSet(const Device& on, std::size_t rows, std::size_t dimensions)
    : device_(&on), rows_(rows), dimensions_(dimensions) {
  if (rows == 0 || dimensions == 0 || dimensions % 4 != 0 || dimensions > 1024) {
    throw Error("gpu::VectorSet", "at least one row, and a multiple of 4 dimensions up to 1024");
  }
  Jarvis2GpuVectors* vectors = nullptr;
  check(on, on.api().vectors_make(rows, dimensions, &vectors), "gpu::VectorSet");
  handle_ = vectors;
}

VectorSet::~VectorSet() {
  device_->api().vectors_free(static_cast<Jarvis2GpuVectors*>(handle_));
}

// Whole tiles, or all rows, go to the device; tile_ keeps what waits, in row order.
void VectorSet::append(const float* rows, std::size_t count) {
  if (written_ + tile_.size() / dimensions_ + count > rows_) {
    throw Error("gpu::append", "more than the " + std::to_string(rows_) + " rows there is room for");
  }
  tile_.insert(tile_.end(), rows, rows + count * dimensions_);
  if (tile_.size() >= 16 * kTileRows * dimensions_ || written_ + tile_.size() / dimensions_ == rows_) flush();
}

void VectorSet::flush() {
  const std::size_t waiting = tile_.size() / dimensions_;
  const bool last = written_ + waiting == rows_;
  const std::size_t tiles = last ? (waiting + kTileRows - 1) / kTileRows : waiting / kTileRows;
  std::vector<float> laid(tiles * kTileRows * dimensions_);
  for (std::size_t tile = 0; tile < tiles; ++tile) {
    tile_rows(tile_.data() + tile * kTileRows * dimensions_, std::min(kTileRows, waiting - tile * kTileRows),
              dimensions_, laid.data() + tile * kTileRows * dimensions_);
  }
  check(
      *device_,
      device_->api().vectors_write(static_cast<Jarvis2GpuVectors*>(handle_), written_ / kTileRows, tiles, laid.data()),
      "gpu::append");
  const std::size_t rows = std::min(waiting, tiles * kTileRows);
  written_ += rows;
  tile_.erase(tile_.begin(), tile_.begin() + static_cast<std::ptrdiff_t>(rows * dimensions_));
}

std::vector<std::vector<RowScore>> VectorSet::top_k(std::span<const float> queries, std::size_t k) const {
  if (written_ != rows_) throw Error("gpu::top_k", "not all rows are there");
  const std::size_t count = queries.size() / dimensions_;
  const std::size_t take = std::min(k, rows_);
  if (take > kMostTop || queries.size() % dimensions_ != 0) {
    throw Error("gpu::top_k", "at most " + std::to_string(kMostTop) + " rows a query, queries as long as the vectors");
  }
  std::vector<std::vector<RowScore>> found(count);
  if (take == 0 || count == 0) return found;
  std::vector<std::uint32_t> rows(count * take);
  std::vector<float> scores(count * take);
  check(*device_,
        device_->api().vectors_top_k(static_cast<Jarvis2GpuVectors*>(handle_), queries.data(), count,
                                     static_cast<std::uint32_t>(take), rows.data(), scores.data()),
        "gpu::top_k");
  for (std::size_t q = 0; q < count; ++q) {
    for (std::size_t i = 0; i < take; ++i) found[q].push_back({rows[q * take + i], scores[q * take + i]});
  }
  return found;
}

std::vector<PatternEnd> scan_patterns(const Device& on, const PatternTables& tables, std::string_view text,
                                      std::span<const std::uint32_t> items) {
  if (tables.class_of.size() != 256 || tables.context_of.size() != 256 || items.size() % 4 != 0 ||
      text.size() > 0xffffffffU) {
    throw Error("gpu::scan_patterns", "tables of 256 bytes, items of four numbers and at most 4 GiB of text");
  }
  if (items.empty()) return {};
  const Jarvis2GpuPatterns given = {tables.class_of.data(),  tables.context_of.data(), tables.next.data(),
                                    tables.accept_at.data(), tables.accepts.data(),    tables.next.size(),
                                    tables.accept_at.size(), tables.accepts.size(),    tables.classes,
                                    tables.first_accepting};
  std::uint32_t capacity = static_cast<std::uint32_t>(std::clamp<std::size_t>(text.size() / 64, 4096, 1U << 28));
  for (;;) {
    std::vector<std::uint32_t> found(std::size_t{2} * capacity);
    std::uint32_t count = 0;
    check(on,
          on.api().patterns_scan(&given, text.data(), text.size(), items.data(), items.size() / 4, found.data(),
                                 capacity, &count),
          "gpu::scan_patterns");
    if (count > capacity) {
      capacity = count;
      continue;
    }
    std::vector<PatternEnd> ends(count);
    for (std::size_t i = 0; i < count; ++i) ends[i] = {found[2 * i], found[2 * i + 1]};
    return ends;
  }
}

}  // namespace jarvis2::gpu
