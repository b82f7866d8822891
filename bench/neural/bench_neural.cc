// bench_neural: a forward pass and a training step of the design's network, one thread. With --serve it measures what
// it is asked to, a slice at a time, so that bench/neural/run can interleave peers.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <optional>
#include <random>
#include <sstream>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "gpu/gpu.h"
#include "neural/network.h"
#include "neural/router.h"
#include "neural/train.h"

namespace jarvis2::bench {
namespace {

double seconds_of(const std::function<void()>& work) {
  const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Best of many short bursts: a loaded machine disturbs some of them, not all.
double best_us(const std::function<void()>& work, double slice_s = 1.0) {
  work();
  double burst = 1;
  while (burst < 4096 && seconds_of([&] {
                           for (int i = 0; i < static_cast<int>(burst); ++i) work();
                         }) < 1e-3) {
    burst *= 2;
  }
  double best = 1e9;
  double spent = 0;
  while (spent < slice_s) {
    const double seconds = seconds_of([&] {
      for (int i = 0; i < static_cast<int>(burst); ++i) work();
    });
    best = std::min(best, seconds / burst);
    spent += seconds;
  }
  return 1e6 * best;
}

std::vector<float> noise(std::size_t count) {
  std::mt19937_64 random(1);
  std::normal_distribution<float> normal(0, 1);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

Json row(const std::string& name, double ours) {
  return {{"name", name}, {"unit", "us"}, {"ours", ours}, {"peers", Json::array()}};
}

int run() {
  const neural::Network network(neural::initial_weights(neural::default_layers(), 1));
  Json results = Json::array();
  for (std::size_t batch : {1, 8, 64, 256, 1024, 4096}) {
    const std::vector<float> inputs = noise(batch * neural::kInputs);
    std::vector<float> out(batch);
    results.push_back(row(fmt::format("forward, batch {}", batch),
                          best_us([&] { network.forward(inputs.data(), batch, out.data()); })));
  }
  for (std::size_t batch : {1, 8, 64, 256}) {
    const std::vector<float> parts = noise(batch * network.hidden());
    const std::vector<float> common = noise(network.hidden());
    std::vector<const float*> rows;
    for (std::size_t b = 0; b < batch; ++b) rows.push_back(parts.data() + b * network.hidden());
    std::vector<float> out(batch);
    results.push_back(row(fmt::format("forward with the first layer's sums at hand, batch {}", batch),
                          best_us([&] { network.forward_parts(common.data(), rows, out.data()); })));
  }
  neural::Dataset data;
  data.inputs = noise(256 * neural::kInputs);
  data.targets.assign(256, 0.3f);
  neural::TrainOptions options;
  options.batch = 205;  // the four fifths that are trained on: one step an epoch
  const auto epochs = [&](std::uint32_t count) {
    options.epochs = count;
    options.patience = count + 1;
    return seconds_of([&] { neural::train(data, options); });
  };
  double step = 1e9;
  for (int round = 0; round < 5; ++round) step = std::min(step, (epochs(22) - epochs(2)) / 20);
  results.push_back(row("training step (Adam, batch 205, with the held-out loss of 51)", 1e6 * step));
  fmt::print("{}\n", Json{{"vectors", neural::Network::target()}, {"results", results}}.dump(2));
  return 0;
}

// What the GPU is asked: microseconds, or nothing without one. "plain": from and to any memory; "staged", "mapped",
// "copied": inputs lie where the GPU reads them; "matmul ROWSxCOLUMNSxCOUNT".
std::optional<double> on_gpu(const std::string& what, const std::string& rest, double slice_s,
                             const neural::Weights& weights) {
  const gpu::Device* const device = gpu::device();
  if (device == nullptr) return std::nullopt;
  if (what == "matmul") {
    std::size_t rows = 0, columns = 0, count = 0;
    char times = 0;
    std::istringstream(rest) >> rows >> times >> columns >> times >> count;
    const std::vector<float> values = noise(rows * columns);
    const std::vector<float> fresh = noise(count * columns);
    gpu::Staged x(*device, fresh.size()), out(*device, count * rows);
    std::copy(fresh.begin(), fresh.end(), x.data());
    const gpu::Matrix matrix(*device, values, rows, columns);
    return best_us([&] { matrix.multiply(x.data(), count, out.data()); }, slice_s);
  }
  static const gpu::ForwardPass pass(*device, weights.layers, weights.weights, weights.biases);
  const std::size_t batch = std::stoul(rest);
  const std::vector<float> inputs = noise(batch * neural::kInputs);
  if (what == "plain") {
    std::vector<float> out(batch);
    return best_us([&] { pass.forward(inputs.data(), batch, out.data()); }, slice_s);
  }
  gpu::Staged staged(*device, inputs.size()), out(*device, batch);
  std::copy(inputs.begin(), inputs.end(), staged.data());
  const gpu::Transfer transfer = what == "mapped"   ? gpu::Transfer::kMapped
                                 : what == "copied" ? gpu::Transfer::kCopied
                                                    : gpu::Transfer::kAuto;
  return best_us(
      [&] {
        pass.start(0, staged.data(), batch, out.data(), transfer);
        pass.wait(0);
      },
      slice_s);
}

// The greatest difference between GPU and CPU over some batches; nothing without a GPU.
std::optional<double> gpu_difference(const neural::Weights& weights) {
  if (gpu::device() == nullptr) return std::nullopt;
  const neural::Network network(weights);
  const gpu::ForwardPass pass(*gpu::device(), weights.layers, weights.weights, weights.biases);
  double most = 0;
  for (const std::size_t batch : {1, 5, 64, 333, 1024, 4096, 10'000}) {
    const std::vector<float> inputs = noise(batch * neural::kInputs);
    std::vector<float> cpu(batch), device(batch);
    network.forward(inputs.data(), batch, cpu.data());
    pass.forward(inputs.data(), batch, device.data());
    for (std::size_t i = 0; i < batch; ++i) most = std::max(most, std::abs(static_cast<double>(cpu[i]) - device[i]));
  }
  return most;
}

// A network whose output layer isn't zero, as initial_weights() makes it: differences must show.
neural::Weights random_weights() {
  neural::Weights weights = neural::initial_weights(neural::default_layers(), 1);
  weights.weights.back() = noise(weights.weights.back().size());
  for (float& weight : weights.weights.back()) weight *= 0.3f;
  return weights;
}

// Lines "forward BATCH SECONDS", "parts BATCH SECONDS", "train 0 SECONDS", "gpu-WHAT ... SECONDS" and "weights PATH"
// (of the network, as ONNX would have them: raw floats, layer after layer, weights then biases); "device" and "routes"
// tell of the machine.
int serve() {
  const neural::Weights weights = random_weights();
  const neural::Network network(weights);
  fmt::print("{}\n", Json{{"vectors", neural::Network::target()}}.dump());
  std::fflush(stdout);
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string what;
    std::string rest;
    double slice_s = 0.05;
    words >> what >> rest >> slice_s;
    std::optional<double> us = 0;
    if (what.starts_with("gpu-")) {
      us = on_gpu(what.substr(4), rest, slice_s, weights);
    } else if (what == "device" || what == "routes") {
      Json told;
      if (what == "routes") {
        told = neural::to_json(neural::Router(weights, hardware::lanes(), {}).times());
      } else if (gpu::device() != nullptr) {
        told = {{"name", gpu::device()->info().name}, {"difference", *gpu_difference(weights)}};
      } else {
        told = {{"absent", gpu::no_device_reason()}};
      }
      fmt::print("{}\n", told.dump());
      std::fflush(stdout);
      continue;
    } else if (what == "weights") {
      std::ofstream file(rest, std::ios::binary);
      for (std::size_t l = 0; l < weights.weights.size(); ++l) {
        for (const std::vector<float>* values : {&weights.weights[l], &weights.biases[l]}) {
          file.write(reinterpret_cast<const char*>(values->data()),
                     static_cast<std::streamsize>(values->size() * sizeof(float)));
        }
      }
    } else if (what == "forward") {
      const std::size_t batch = std::stoul(rest);
      const std::vector<float> inputs = noise(batch * neural::kInputs);
      std::vector<float> out(batch);
      us = best_us([&] { network.forward(inputs.data(), batch, out.data()); }, slice_s);
    } else if (what == "parts") {
      const std::size_t batch = std::stoul(rest);
      const std::vector<float> parts = noise(batch * network.hidden());
      const std::vector<float> common = noise(network.hidden());
      std::vector<const float*> rows;
      for (std::size_t b = 0; b < batch; ++b) rows.push_back(parts.data() + b * network.hidden());
      std::vector<float> out(batch);
      us = best_us([&] { network.forward_parts(common.data(), rows, out.data()); }, slice_s);
    } else if (what == "train") {
      neural::Dataset data;
      data.inputs = noise(320 * neural::kInputs);
      data.targets.assign(320, 0.3f);
      neural::TrainOptions options;
      options.batch = 256;  // four fifths are trained on: one step an epoch
      const auto epochs = [&](std::uint32_t count) {
        options.epochs = count;
        options.patience = count + 1;
        return seconds_of([&] { neural::train(data, options); });
      };
      us = 1e6 * (epochs(12) - epochs(2)) / 10;
    }
    fmt::print("{}\n", us ? Json(*us).dump() : "null");
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace jarvis2::bench

int main(int argc, char** argv) {
  try {
    return argc > 1 && std::string(argv[1]) == "--serve" ? jarvis2::bench::serve() : jarvis2::bench::run();
  } catch (const jarvis2::Error& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 2;
  }
}
