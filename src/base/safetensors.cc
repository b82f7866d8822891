#include "base/safetensors.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/json.h"

namespace jarvis2 {
namespace {

constexpr std::size_t kMaxHeader = 100u << 20;  // as the format's own reader

std::size_t width_of(const std::string& dtype) {
  if (dtype == "F64" || dtype == "I64" || dtype == "U64") return 8;
  if (dtype == "F32" || dtype == "I32" || dtype == "U32") return 4;
  if (dtype == "F16" || dtype == "BF16" || dtype == "I16" || dtype == "U16") return 2;
  if (dtype == "I8" || dtype == "U8" || dtype == "BOOL") return 1;
  return 0;
}

}  // namespace

std::size_t TensorInfo::count() const {
  std::size_t product = 1;
  for (const std::size_t extent : shape) product *= extent;
  return product;
}

SafetensorsHeader parse_safetensors_header(std::string_view start, std::size_t file_bytes, std::string_view name) {
  const auto bad = [&](const std::string& what) {
    return Error("base::parse_safetensors_header", std::string(name) + ": " + what);
  };
  if (start.size() < 8 || file_bytes < 8) throw bad("too short to be a safetensors file");
  std::uint64_t length = 0;
  for (std::size_t i = 8; i-- > 0;) length = length << 8 | static_cast<unsigned char>(start[i]);
  if (length > kMaxHeader || length > file_bytes - 8 || length > start.size() - 8)
    throw bad(fmt::format("a header of {} bytes does not fit into {}", length, file_bytes));
  SafetensorsHeader header;
  header.data = 8 + length;
  const std::size_t room = file_bytes - header.data;
  try {
    const Json json = Json::parse(start.substr(8, length));
    if (!json.is_object()) throw bad("the header is not a JSON object");
    for (const auto& [key, value] : json.items()) {
      if (key == "__metadata__") {
        header.metadata = value.get<std::map<std::string, std::string>>();
        continue;
      }
      TensorInfo tensor;
      tensor.dtype = value.at("dtype").get<std::string>();
      tensor.shape = value.at("shape").get<std::vector<std::size_t>>();
      tensor.begin = value.at("data_offsets").at(0).get<std::size_t>();
      tensor.end = value.at("data_offsets").at(1).get<std::size_t>();
      std::size_t bytes = width_of(tensor.dtype);
      const std::string what = fmt::format("tensor {} of shape [{}]", key, fmt::join(tensor.shape, ", "));
      if (bytes == 0) throw bad(fmt::format("{} has the unknown type {}", what, tensor.dtype));
      for (const std::size_t extent : tensor.shape) {
        if (extent != 0 && bytes > file_bytes / extent) throw bad(what + " does not fit into the file");
        bytes *= extent;
      }
      if (tensor.begin > tensor.end || tensor.end > room || tensor.end - tensor.begin != bytes) {
        throw bad(fmt::format("{} needs {} bytes, not {} to {} of the {} there are", what, bytes, tensor.begin,
                              tensor.end, room));
      }
      header.tensors.emplace(key, std::move(tensor));
    }
  } catch (const Json::exception& error) {
    throw bad(std::string("broken header: ") + error.what());
  }
  return header;
}

Safetensors::Safetensors(const fs::path& path) : path_(path.string()) {
  const auto bad = [&](const std::string& what) { return Error("base::Safetensors", path_ + ": " + what); };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw bad(std::strerror(errno));
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    throw bad("not a regular file");
  }
  size_ = static_cast<std::size_t>(info.st_size);
  void* map = size_ >= 8 ? ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
  ::close(fd);
  if (map == MAP_FAILED) throw bad("too short to be a safetensors file");
  map_ = static_cast<const unsigned char*>(map);
  try {
    header_ = parse_safetensors_header({static_cast<const char*>(map), size_}, size_, path_);
  } catch (...) {
    ::munmap(map, size_);
    throw;
  }
}

Safetensors::~Safetensors() {
  if (map_ != nullptr) ::munmap(const_cast<unsigned char*>(map_), size_);
}

std::span<const float> Safetensors::floats(const std::string& name, const std::vector<std::size_t>& shape) const {
  const std::map<std::string, TensorInfo>::const_iterator found = header_.tensors.find(name);
  if (found == header_.tensors.end()) throw Error("base::Safetensors", fmt::format("{}: no tensor {}", path_, name));
  const TensorInfo& tensor = found->second;
  const unsigned char* at = map_ + header_.data + tensor.begin;
  if (tensor.dtype != "F32" || tensor.shape != shape || reinterpret_cast<std::uintptr_t>(at) % alignof(float) != 0) {
    throw Error("base::Safetensors", fmt::format("{}: {} is {} [{}], expected F32 [{}]", path_, name, tensor.dtype,
                                                 fmt::join(tensor.shape, ", "), fmt::join(shape, ", ")));
  }
  return {reinterpret_cast<const float*>(at), tensor.count()};
}

}  // namespace jarvis2
