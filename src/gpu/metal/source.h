// What is compiled for Metal besides the kernels' common text: names and bodies. Needs neither Metal nor MLX.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace jarvis2::gpu {

struct MetalSource {
  std::string name;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::string body;
};

inline constexpr std::size_t kMetalSharedBytes = 32 << 10;  // of a threadgroup
inline constexpr unsigned kMetalMostTop = 64;

// Rows that a threadgroup takes through a network of these widths.
inline unsigned metal_forward_rows(const std::vector<std::uint32_t>& layers) {
  std::size_t widest[2] = {0, 0};
  for (std::size_t l = 0; l + 1 < layers.size(); ++l) {
    widest[l % 2] = std::max<std::size_t>(widest[l % 2], layers[l]);
  }
  unsigned rows = 1;
  while (rows < 8 && 2 * rows * (widest[0] + widest[1]) * sizeof(float) <= kMetalSharedBytes) rows *= 2;
  return rows;
}

inline MetalSource metal_forward(const std::vector<std::uint32_t>& layers) {
  const unsigned rows = metal_forward_rows(layers);
  std::size_t widest[2] = {0, 0};
  std::string widths;
  std::string name = "jarvis2_forward";
  for (std::size_t l = 0; l < layers.size(); ++l) {
    if (l + 1 < layers.size()) widest[l % 2] = std::max<std::size_t>(widest[l % 2], layers[l]);
    widths += ", " + std::to_string(layers[l]);
    name += "_" + std::to_string(layers[l]);
  }
  return {name,
          {"weights", "inputs", "shape"},
          {"out"},
          "threadgroup j2_float4 even[" + std::to_string(rows * widest[0] / 4) + "];\nthreadgroup j2_float4 odd[" +
              std::to_string(std::max<std::size_t>(1, rows * widest[1] / 4)) + "];\nj2::forward<" +
              std::to_string(rows) + ", 256" + widths +
              ">(weights, inputs, out, (unsigned)shape[0], even, odd, threadgroup_position_in_grid.x, "
              "thread_position_in_threadgroup.x, 256);\n"};
}

// Scores `queries` queries in a group.
inline MetalSource metal_score(unsigned queries, std::size_t dimensions) {
  const std::string q = std::to_string(queries);
  return {"jarvis2_score_" + q + "_" + std::to_string(dimensions),
          {"vectors", "queries", "shape"},
          {"scores", "best"},
          "threadgroup j2_float4 shared_queries[" + std::to_string(queries * dimensions / 4) +
              "];\nthreadgroup float shared_best[" + std::to_string(queries * 256) + "];\nj2::score_tile<" + q +
              ", 1>((device const j2_float4*)vectors, queries, scores, best, (unsigned)shape[0], (unsigned)shape[1], "
              "(unsigned)shape[2], (unsigned)shape[3], threadgroup_position_in_grid.x * " +
              q +
              ", shared_queries, shared_best, threadgroup_position_in_grid.y, thread_position_in_threadgroup.x, "
              "256);\n"};
}

inline MetalSource metal_select() {
  return {"jarvis2_select_top",
          {"scores", "best", "shape"},
          {"rows", "top"},
          "threadgroup j2_u64 scratch[256];\nthreadgroup unsigned chosen[" + std::to_string(kMetalMostTop) +
              "];\nj2::select_top(scores, best, (unsigned)shape[2], (unsigned)shape[4], rows, top, scratch, "
              "chosen, threadgroup_position_in_grid.x, thread_position_in_threadgroup.x, 256);\n"};
}

inline MetalSource metal_patterns() {
  return {"jarvis2_patterns",
          {"text", "items", "class_of", "context_of", "next", "accept_at", "accepts", "shape"},
          {"found", "count"},
          "if (thread_position_in_grid.x < (unsigned)shape[0]) pattern_scan_item(text, items, "
          "thread_position_in_grid.x, class_of, context_of, next, (unsigned)shape[1], (unsigned)shape[2], accept_at, "
          "accepts, (device unsigned*)found, (device unsigned*)count, (unsigned)shape[3]);\n"};
}

}  // namespace jarvis2::gpu
