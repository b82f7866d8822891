// bench_lanes: a mixed batch of real work (parsing sources, reads past the page cache, writes with fsync, evaluation of
// networks) on the lanes, one task after the other, and on one flat pool of as many threads as there are cores. With a
// GPU also preparation of batches that overlaps its work, beside one after the other, and copies from staged memory.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/executable.h"
#include "base/files.h"
#include "base/json.h"
#include "code/syntax.h"
#include "gpu/gpu.h"
#include "gpu/pipeline.h"
#include "hardware/lanes.h"
#include "neural/network.h"

namespace jarvis2::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFileBytes = 1U << 20;

struct Work {
  std::vector<std::pair<code::Language, std::string>> sources;
  std::vector<fs::path> files;
  fs::path folder;
  neural::Network network = neural::Network(neural::initial_weights(neural::default_layers(), 1));
  std::vector<float> inputs;
  std::atomic<std::uint64_t> checksum{0};

  void parse(std::size_t i) {
    const std::pair<code::Language, std::string>& source = sources[i % sources.size()];
    checksum += code::Tree::parse(source.first, source.second)->root().text().size();
  }

  void read_cold(std::size_t i) {
    const int file = ::open(files[i % files.size()].c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) throw Error("bench_lanes", "cannot open " + files[i % files.size()].string());
#ifdef POSIX_FADV_DONTNEED
    ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
#endif
    std::vector<char> bytes(kFileBytes);
    const ssize_t got = ::read(file, bytes.data(), bytes.size());
    ::close(file);
    checksum += got > 0 ? static_cast<std::uint64_t>(got) : 0;
  }

  void write_through(std::size_t i) {
    const fs::path path = folder / fmt::format("out-{}", i);
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) throw Error("bench_lanes", "cannot write " + path.string());
    const std::string text(16384, static_cast<char>('a' + i % 26));
    const ssize_t put = ::write(file, text.data(), text.size());
    ::fsync(file);
    ::close(file);
    checksum += put > 0 ? static_cast<std::uint64_t>(put) : 0;
  }

  void evaluate(std::size_t) {
    std::vector<float> out(64);
    network.forward(inputs.data(), 64, out.data());
    checksum += out[0] > 0 ? 1 : 0;
  }

  hardware::TaskTraits traits(std::size_t i) const {
    const std::size_t kind = i % 4;
    hardware::TaskTraits traits;
    traits.io_operations = kind == 1 || kind == 2;
    return traits;
  }

  void run(std::size_t i) {
    switch (i % 4) {
      case 0:
        return parse(i / 4);
      case 1:
        return read_cold(i / 4);
      case 2:
        return write_through(i / 4);
      default:
        return evaluate(i);
    }
  }
};

double seconds_of(const std::function<void()>& work) {
  const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void flat_pool(std::size_t tasks, unsigned threads, const std::function<void(std::size_t)>& body) {
  std::atomic<std::size_t> next{0};
  std::vector<std::jthread> pool;
  for (unsigned t = 0; t < threads; ++t) {
    pool.emplace_back([&] {
      for (std::size_t i; (i = next.fetch_add(1)) < tasks;) body(i);
    });
  }
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Rows as a search puts them together: the embedding of a site, facts of an action and of a state on a logarithmic
// scale.
void encode(const std::vector<float>& embeddings, std::mt19937_64& random, std::size_t rows, float* out) {
  const std::size_t sites = embeddings.size() / neural::kSiteInputs;
  for (std::size_t row = 0; row < rows; ++row, out += neural::kInputs) {
    std::copy_n(embeddings.data() + random() % sites * neural::kSiteInputs, neural::kSiteInputs, out);
    for (std::size_t fact = neural::kSiteInputs; fact < neural::kInputs; ++fact) {
      out[fact] = std::log1p(static_cast<float>((row * fact) % 97)) * 0.25f;
    }
  }
}

void add_gpu(const gpu::Device& device, Json& results) {
  std::vector<std::unique_ptr<gpu::ForwardPass>> passes;
  std::vector<const gpu::ForwardPass*> networks;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {  // a policy and four value networks
    const neural::Weights weights = neural::initial_weights(neural::default_layers(), seed);
    passes.push_back(std::make_unique<gpu::ForwardPass>(device, weights.layers, weights.weights, weights.biases));
    networks.push_back(passes.back().get());
  }
  std::mt19937_64 random(1);
  std::vector<float> embeddings(std::size_t{4000} * neural::kSiteInputs);
  for (float& value : embeddings) value = static_cast<float>(random() % 1000) * 0.001f;
  for (const std::size_t rows : {64, 128, 256, 512, 1024}) {
    gpu::BatchPipeline pipeline(device, networks, rows);
    const std::size_t batches = 65536 / rows;
    const auto time = [&](bool overlap) {
      return seconds_of([&] {
        pipeline.run(
            batches,
            [&](std::size_t, float* inputs) {
              encode(embeddings, random, rows, inputs);
              return rows;
            },
            [](std::size_t, std::size_t, std::span<const float>) {}, overlap);
      });
    };
    time(true);
    double overlapped = 1e9, serial = 1e9;
    for (int round = 0; round < 5; ++round) {
      overlapped = std::min(overlapped, time(true));
      serial = std::min(serial, time(false));
    }
    const double each = 1e6 / static_cast<double>(batches);
    results.push_back(
        {{"name", fmt::format("prepare {} rows, 5 networks on the GPU", rows)},
         {"unit", "us a batch"},
         {"ours", overlapped * each},
         {"overlapped_by_serial", overlapped / serial},
         {"peers", {{{"name", "one after the other"}, {"value", serial * each}, {"ratio", serial / overlapped}}}}});
  }
  for (const std::size_t kib : {64, 1024, 16384, 262144}) {
    const std::size_t bytes = kib * 1024;
    std::vector<char> plain(bytes, 1);
    gpu::Staged staged(device, bytes / sizeof(float));
    std::fill_n(staged.data(), staged.size(), 1.0f);
    double pinned_s = 1e9, plain_s = 1e9;
    for (int round = 0; round < 20; ++round) {
      pinned_s = std::min(pinned_s, device.copy_seconds(staged.data(), bytes));
      plain_s = std::min(plain_s, device.copy_seconds(plain.data(), bytes));
    }
    const auto rate = [&](double seconds) { return 1e-9 * static_cast<double>(bytes) / seconds; };
    results.push_back(
        {{"name", fmt::format("copy of {} KiB to the GPU from staged memory", kib)},
         {"unit", "GB/s"},
         {"ours", rate(pinned_s)},
         {"peers", {{{"name", "from plain memory"}, {"value", rate(plain_s)}, {"ratio", plain_s / pinned_s}}}}});
  }
}

int run(const fs::path& sources) {
  Work work;
  const TempDir folder;
  work.folder = folder.path();
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(sources)) {
    if (entry.path().extension() == ".cc" && work.sources.size() < 64) {
      work.sources.emplace_back(code::Language::kCpp, read_file(entry.path()));
    }
  }
  if (work.sources.empty()) throw Error("bench_lanes", "no sources in " + sources.string() + ": bench lanes -- FOLDER");
  std::mt19937_64 random(1);
  std::normal_distribution<float> normal(0, 1);
  work.inputs.resize(64 * neural::kInputs);
  for (float& value : work.inputs) value = normal(random);
  for (int i = 0; i < 48; ++i) {
    work.files.push_back(folder.path() / fmt::format("in-{}", i));
    std::string bytes(kFileBytes, '\0');
    for (std::size_t k = 0; k < bytes.size(); k += 8) bytes[k] = static_cast<char>(random());
    write_file_atomic(work.files.back(), bytes);
  }
  ::sync();
  hardware::Lanes lanes(hardware::this_machine());
  const unsigned cores = static_cast<unsigned>(lanes.sizes().cores);
  constexpr std::size_t kTasks = 256;
  std::vector<hardware::Task<int>> tasks;
  for (std::size_t i = 0; i < kTasks; ++i) {
    tasks.push_back({[&work, i](const hardware::TaskContext&) { return work.run(i), 0; }, work.traits(i)});
  }
  std::vector<double> ours;
  std::vector<double> sequential;
  std::vector<double> flat;
  for (int round = 0; round < 5; ++round) {
    ours.push_back(seconds_of([&] { hardware::batch_execute(lanes, tasks); }));
    sequential.push_back(seconds_of([&] {
      for (std::size_t i = 0; i < kTasks; ++i) work.run(i);
    }));
    flat.push_back(seconds_of([&] { flat_pool(kTasks, cores, [&](std::size_t i) { work.run(i); }); }));
  }
  const double one = median(ours);
  Json peers = Json::array();
  for (const auto& [name, values] : {std::pair{"one after the other", sequential}, std::pair{"one flat pool", flat}}) {
    peers.push_back({{"name", name}, {"value", median(values)}, {"ratio", median(values) / one}});
  }
  // What a task costs that does nothing.
  constexpr std::size_t kTiny = 1'000'000;
  std::atomic<std::uint64_t> count{0};
  std::vector<double> tiny;
  for (int round = 0; round < 3; ++round) {
    tiny.push_back(seconds_of(
        [&] { lanes.for_each(kTiny, {}, [&](std::size_t) { count.fetch_add(1, std::memory_order_relaxed); }); }));
  }
  Json results = Json::array();
  results.push_back({{"name", fmt::format("mixed batch of {}, {} cores", kTasks, cores)},
                     {"unit", "s"},
                     {"ours", one},
                     {"peers", peers}});
  results.push_back({{"name", "a task that does nothing"},
                     {"unit", "ns"},
                     {"ours", median(tiny) * 1e9 / kTiny},
                     {"peers", Json::array()}});
  if (gpu::device() != nullptr) {
    add_gpu(*gpu::device(), results);
  } else {
    fmt::print(stderr, "no GPU: {}\n", gpu::no_device_reason());
  }
  fmt::print("{}\n", Json{{"results", results}}.dump(2));
  return 0;
}

}  // namespace
}  // namespace jarvis2::bench

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "--burn") {  // keeps the GPU busy, for who watches it
    try {
      if (jarvis2::gpu::device() == nullptr) throw jarvis2::Error("bench_lanes", jarvis2::gpu::no_device_reason());
      jarvis2::gpu::device()->burn(std::stod(argv[2]));
      return 0;
    } catch (const std::exception& error) {
      fmt::print(stderr, "error: {}\n", error.what());
      return 2;
    }
  }
  std::filesystem::path sources = jarvis2::data_dir() / "src";
  for (int i = 1; i < argc; ++i) {
    if (std::filesystem::is_directory(argv[i])) sources = argv[i];
  }
  try {
    return jarvis2::bench::run(sources);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_lanes: {}\n", error.what());
    return 2;
  }
}
