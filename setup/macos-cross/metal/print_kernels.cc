// Prints what a Mac's Metal compiler would be given: the kernels' common text, and each kernel in the frame that MLX
// makes for it.
#include <cstdio>
#include <map>

#include "gpu/metal/source.h"
#include "gpu_kernels_text.h"

namespace {

using jarvis2::gpu::MetalSource;

void print(const MetalSource& source, const std::map<std::string, const char*>& types) {
  std::printf("\nkernel void %s(\n", source.name.c_str());
  for (const std::string& name : source.inputs) {
    std::printf("  const device %s* %s,\n", types.at(name), name.c_str());
  }
  for (const std::string& name : source.outputs) std::printf("  device %s* %s,\n", types.at(name), name.c_str());
  std::printf(
      "  uint3 thread_position_in_grid, uint3 threadgroup_position_in_grid, uint3 thread_position_in_threadgroup) {\n"
      "%s}\n",
      source.body.c_str());
}

}  // namespace

int main() {
  std::printf("%s\n", jarvis2::gpu::kKernelText);
  const std::map<std::string, const char*> numbers = {
      {"weights", "float"}, {"inputs", "float"},  {"out", "float"},  {"vectors", "float"}, {"queries", "float"},
      {"scores", "float"},  {"best", "float"},    {"top", "float"},  {"rows", "uint32_t"}, {"shape", "int32_t"}};
  print(jarvis2::gpu::metal_forward({512, 256, 128, 64, 1}), numbers);
  print(jarvis2::gpu::metal_forward({64, 32, 1}), numbers);
  for (const unsigned queries : {1U, 4U, 8U}) print(jarvis2::gpu::metal_score(queries, 384), numbers);
  print(jarvis2::gpu::metal_select(), numbers);
  print(jarvis2::gpu::metal_patterns(), {{"text", "uint8_t"},
                                         {"items", "uint32_t"},
                                         {"class_of", "uint8_t"},
                                         {"context_of", "uint8_t"},
                                         {"next", "uint16_t"},
                                         {"accept_at", "uint32_t"},
                                         {"accepts", "uint32_t"},
                                         {"shape", "int32_t"},
                                         {"found", "metal::atomic_uint"},
                                         {"count", "metal::atomic_uint"}});
}
