#include "neural/router.h"

#include <algorithm>
#include <chrono>
#include <functional>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "hardware/machine.h"

namespace jarvis2::neural {
namespace {

constexpr std::size_t kSlice = 64;  // rows of a task on the lanes
constexpr double kSeconds = 0.004;  // spent on one size in one place
constexpr std::size_t kThread = 0, kLanes = 1, kGpu = 2;

double best_us(const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  work();  // warm: buffers, threads, kernels
  double best = 1e18, spent = 0;
  for (int round = 0; round < 3 || (spent < kSeconds && round < 1000); ++round) {
    const Clock::time_point start = Clock::now();
    work();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::min(best, seconds);
    spent += seconds;
  }
  return 1e6 * best;
}

}  // namespace

std::string place_name(Place place) {
  return place == Place::kThread ? "thread" : place == Place::kLanes ? "lanes" : "gpu";
}

Place best_place(const RouteTimes& times, std::size_t batch) {
  std::size_t at = 0;
  while (at + 1 < kRoutedBatches.size() && kRoutedBatches[at + 1] <= batch) ++at;
  std::size_t best = kThread;
  for (const std::size_t place : {kLanes, kGpu}) {
    // Threads and devices pay only where they clearly win.
    if (times.us[at][place] > 0 && times.us[at][place] < 0.9 * times.us[at][best]) best = place;
  }
  return static_cast<Place>(best);
}

Json to_json(const RouteTimes& times) {
  Json rows = Json::array();
  for (std::size_t i = 0; i < kRoutedBatches.size(); ++i) {
    rows.push_back({{"batch", kRoutedBatches[i]},
                    {"thread_us", times.us[i][kThread]},
                    {"lanes_us", times.us[i][kLanes]},
                    {"gpu_us", times.us[i][kGpu]},
                    {"place", place_name(best_place(times, kRoutedBatches[i]))}});
  }
  return rows;
}

RouteTimes route_times_of(const Json& json) {
  RouteTimes times;
  for (std::size_t i = 0; i < kRoutedBatches.size(); ++i) {
    const Json& row = json.at(i);
    if (row.at("batch").get<std::size_t>() != kRoutedBatches[i]) throw Error("neural::route_times_of", "other sizes");
    times.us[i] = {row.at("thread_us").get<double>(), row.at("lanes_us").get<double>(), row.at("gpu_us").get<double>()};
  }
  return times;
}

Router::Router(Weights weights, hardware::Lanes& lanes, fs::path cache)
    : weights_(std::move(weights)), network_(weights_), lanes_(lanes), cache_(std::move(cache)) {}

Router::~Router() = default;

const gpu::ForwardPass* Router::pass() const {
  const std::lock_guard lock(mutex_);
  if (opened_) return pass_.get();
  opened_ = true;
  const gpu::Device* const device = gpu::ForwardPass::fits(weights_.layers) ? gpu::device() : nullptr;
  if (device == nullptr) return nullptr;
  try {
    pass_ = std::make_unique<gpu::ForwardPass>(*device, weights_.layers, weights_.weights, weights_.biases);
  } catch (const Error& error) {
    log::debug("the GPU is not used: {}", error.what());
  }
  return pass_.get();
}

void Router::forward_at(Place place, const float* inputs, std::size_t batch, float* out) const {
  if (place == Place::kThread) return network_.forward(inputs, batch, out);
  const std::size_t width = weights_.layers[0];
  if (place == Place::kLanes) {
    lanes_.for_each((batch + kSlice - 1) / kSlice, {}, [&](std::size_t slice) {
      const std::size_t first = slice * kSlice;
      network_.forward(inputs + first * width, std::min(kSlice, batch - first), out + first);
    });
    return;
  }
  const gpu::ForwardPass* const on = pass();
  if (on == nullptr) throw Error("neural::forward_at", "no GPU for this network: " + gpu::no_device_reason());
  on->forward(inputs, batch, out);
}

RouteTimes Router::measure() const {
  RouteTimes times;
  const std::vector<float> inputs(kRoutedBatches.back() * weights_.layers[0], 0.25f);
  std::vector<float> out(kRoutedBatches.back());
  const bool gpu = pass() != nullptr;
  for (std::size_t i = 0; i < kRoutedBatches.size(); ++i) {
    const std::size_t batch = kRoutedBatches[i];
    const auto time = [&](Place place) {
      return best_us([&] { forward_at(place, inputs.data(), batch, out.data()); });
    };
    times.us[i][kThread] = time(Place::kThread);
    if (batch > kSlice && lanes_.sizes().performance > 1) times.us[i][kLanes] = time(Place::kLanes);
    if (gpu) times.us[i][kGpu] = time(Place::kGpu);
  }
  return times;
}

RouteTimes Router::times() const {
  {
    const std::lock_guard lock(mutex_);
    if (measured_) return times_;
  }
  std::string shape;
  for (const std::uint32_t width : weights_.layers) shape += std::to_string(width) + "-";
  const std::string key = hardware::machine_fingerprint() + " " + shape + " " + Network::target() + " " +
                          std::to_string(lanes_.sizes().performance);
  const fs::path file = cache_.empty() ? fs::path() : cache_ / "routes.json";
  std::optional<RouteTimes> known;
  if (!file.empty() && !hardware::machine_fingerprint().empty()) {
    try {
      const Json stored = Json::parse(read_file(file));
      if (stored.at("key") == key) known = route_times_of(stored.at("times"));
    } catch (const std::exception&) {
      // None yet, or another machine's: measured below.
    }
  }
  const RouteTimes result = known ? *known : measure();
  if (!known && !file.empty()) {
    try {
      write_file_atomic(file, Json{{"key", key}, {"times", to_json(result)}}.dump(1) + "\n");
    } catch (const Error& error) {
      log::debug("routes are not kept: {}", error.what());
    }
  }
  const std::lock_guard lock(mutex_);
  measured_ = true;
  times_ = result;
  return times_;
}

void Router::forward(const float* inputs, std::size_t batch, float* out) const {
  Place place = batch < kRoutedBatches[2] ? Place::kThread : best_place(times(), batch);
  // What was measured with a GPU may be read where it is gone.
  if (place == Place::kGpu && pass() == nullptr) place = Place::kLanes;
  forward_at(place, inputs, batch, out);
}

}  // namespace jarvis2::neural
