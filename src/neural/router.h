// Where a forward pass runs: on this thread, on all lanes, or on the GPU. Chosen by batch size from a short
// measurement, which is kept in the user's cache until machine, driver or network shape change.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>

#include "base/files.h"
#include "base/json_fwd.h"
#include "gpu/gpu.h"
#include "hardware/lanes.h"
#include "neural/network.h"

namespace jarvis2::neural {

enum class Place { kThread, kLanes, kGpu };
std::string place_name(Place place);

// Batch sizes that are measured. Smaller batches than the second always run on the thread: nothing is opened for them.
inline constexpr std::array<std::size_t, 6> kRoutedBatches = {1, 8, 64, 256, 1024, 4096};

struct RouteTimes {
  std::array<std::array<double, 3>, kRoutedBatches.size()> us{};  // by batch and place; 0: not there
  bool operator==(const RouteTimes&) const = default;
};
// The fastest place for a batch: of the nearest measured size not above it.
Place best_place(const RouteTimes& times, std::size_t batch);
Json to_json(const RouteTimes& times);
// Throws nlohmann's exceptions when it isn't that.
RouteTimes route_times_of(const Json& json);

// Thread-safe. Weights are kept until the GPU needs them.
class Router {
 public:
  // `cache`: a folder where measurements are kept; empty: none are.
  Router(Weights weights, hardware::Lanes& lanes, fs::path cache = user_cache_dir());
  ~Router();
  const Network& network() const { return network_; }
  // As Network::forward, to 1e-4.
  void forward(const float* inputs, std::size_t batch, float* out) const;
  // The same in a place of the caller's choice; kGpu throws Error where there is none.
  void forward_at(Place place, const float* inputs, std::size_t batch, float* out) const;
  // Measured now, or read from the cache.
  RouteTimes times() const;

 private:
  RouteTimes measure() const;
  const gpu::ForwardPass* pass() const;  // null: no GPU, or no kernel of this shape

  Weights weights_;
  Network network_;
  hardware::Lanes& lanes_;
  fs::path cache_;
  mutable std::mutex mutex_;
  mutable bool measured_ = false;
  mutable RouteTimes times_;
  mutable bool opened_ = false;
  mutable std::unique_ptr<gpu::ForwardPass> pass_;
};

}  // namespace jarvis2::neural
