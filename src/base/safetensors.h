// Safetensors files, mapped into memory and checked: offsets, sizes and types are believed only after they add up.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace jarvis2 {

struct TensorInfo {
  std::string dtype;  // "F32", "F16", "I64", ...
  std::vector<std::size_t> shape;
  std::size_t begin = 0;  // bytes in the data section
  std::size_t end = 0;
  std::size_t count() const;
};

struct SafetensorsHeader {
  std::map<std::string, TensorInfo> tensors;
  std::map<std::string, std::string> metadata;
  std::size_t data = 0;  // offset of the data section
};
// `start` holds at least the header of a file of `file_bytes`; every tensor's bytes are checked to lie inside the file.
// Throws Error naming `name`, the tensor and its shape.
SafetensorsHeader parse_safetensors_header(std::string_view start, std::size_t file_bytes, std::string_view name);

// Read-only; thread-safe after open.
class Safetensors {
 public:
  // Throws Error naming the file and what is wrong with it.
  explicit Safetensors(const fs::path& path);
  ~Safetensors();
  Safetensors(const Safetensors&) = delete;
  Safetensors& operator=(const Safetensors&) = delete;
  const std::map<std::string, TensorInfo>& tensors() const { return header_.tensors; }
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }
  // The values of a 32-bit float tensor of exactly this shape; valid as long as this object. Throws Error.
  std::span<const float> floats(const std::string& name, const std::vector<std::size_t>& shape) const;

 private:
  std::string path_;
  const unsigned char* map_ = nullptr;
  std::size_t size_ = 0;
  SafetensorsHeader header_;
};

}  // namespace jarvis2
