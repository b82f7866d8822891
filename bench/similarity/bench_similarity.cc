// Our side of bench/similarity: reads vectors once, then answers "COUNT K" lines on stdin with the seconds that top_k
// took (CPU time of this thread and wall time) and the rows it found; a third word "gpu" asks the GPU, "lanes" all
// cores.
#include <fmt/format.h>
#include <time.h>

#include <cstring>
#include <iostream>
#include <optional>
#include <sstream>

#include "base/files.h"
#include "gpu/gpu.h"
#include "hardware/lanes.h"
#include "index/gpu_similarity.h"
#include "index/vectors.h"

namespace {

double now(clockid_t clock) {
  timespec at{};
  ::clock_gettime(clock, &at);
  return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) * 1e-9;
}

std::vector<float> read_floats(const char* path) {
  const std::string bytes = jarvis2::read_file(path);
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace jarvis2;
  if (argc < 4) {
    std::cerr << "usage: bench_similarity VECTORS QUERIES DIMENSIONS\n";
    return 2;
  }
  const std::size_t dimensions = std::stoul(argv[3]);
  const std::vector<float> queries = read_floats(argv[2]);
  const TempDir folder;
  index::VectorFile file(folder.path() / "vectors", "bench", dimensions);
  std::size_t count = 0;
  {
    const std::vector<float> vectors = read_floats(argv[1]);
    count = vectors.size() / dimensions;
    file.write(0, vectors);
  }
  const index::VectorView view = file.view(count);
  const float loss = file.loss(count);
  std::optional<index::GpuVectors> on_gpu;
  if (gpu::device() != nullptr) on_gpu.emplace(*gpu::device(), view);
  std::cout << (on_gpu ? "ready gpu" : "ready") << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::size_t asked = 0, k = 0;
    std::string where;
    std::istringstream(line) >> asked >> k >> where;
    const std::span<const float> some = std::span(queries).first(asked * dimensions);
    const double cpu = now(CLOCK_THREAD_CPUTIME_ID), wall = now(CLOCK_MONOTONIC);
    const std::vector<std::vector<index::VectorHit>> found =
        where == "gpu"     ? on_gpu->top_k(some, k)
        : where == "lanes" ? index::top_k_on_lanes(hardware::lanes(), view, some, k, loss)
                           : index::top_k(view, some, k, loss);
    const double cpu_s = now(CLOCK_THREAD_CPUTIME_ID) - cpu, wall_s = now(CLOCK_MONOTONIC) - wall;
    std::string rows;
    for (const std::vector<index::VectorHit>& hits : found) {
      for (const index::VectorHit& hit : hits) rows += fmt::format(" {}:{:.7f}", hit.row, hit.score);
    }
    std::cout << fmt::format("{:.9f} {:.9f}{}", cpu_s, wall_s, rows) << std::endl;
  }
  return 0;
}
