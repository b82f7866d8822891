// Our side of bench/similarity: reads vectors once, then answers "COUNT K" lines on stdin with the seconds that top_k
// took (CPU time of this thread and wall time) and the rows it found.
#include <fmt/format.h>
#include <time.h>

#include <cstring>
#include <iostream>

#include "base/files.h"
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
  std::cout << "ready" << std::endl;
  std::size_t asked = 0, k = 0;
  while (std::cin >> asked >> k) {
    const std::span<const float> some = std::span(queries).first(asked * dimensions);
    const double cpu = now(CLOCK_THREAD_CPUTIME_ID), wall = now(CLOCK_MONOTONIC);
    const std::vector<std::vector<index::VectorHit>> found = index::top_k(view, some, k, loss);
    const double cpu_s = now(CLOCK_THREAD_CPUTIME_ID) - cpu, wall_s = now(CLOCK_MONOTONIC) - wall;
    std::string rows;
    for (const std::vector<index::VectorHit>& hits : found) {
      for (const index::VectorHit& hit : hits) rows += fmt::format(" {}:{:.7f}", hit.row, hit.score);
    }
    std::cout << fmt::format("{:.9f} {:.9f}{}", cpu_s, wall_s, rows) << std::endl;
  }
  return 0;
}
