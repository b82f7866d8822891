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
    std::uint64_t header_size = 0;
    for (int i = 7; i >= 0; --i) header_size = header_size << 8 | map_[i];
    if (header_size > kMaxHeader || header_size > size_ - 8)
      throw bad(fmt::format("header of {} bytes does not fit", header_size));
    data_ = 8 + header_size;
    const Json header =
        Json::parse(reinterpret_cast<const char*>(map_) + 8, reinterpret_cast<const char*>(map_) + data_);
    if (!header.is_object()) throw bad("the header is no object");
    for (const auto& [name, value] : header.items()) {
      if (name == "__metadata__") {
        for (const auto& [key, text] : value.items()) metadata_[key] = text.get<std::string>();
        continue;
      }
      TensorInfo tensor;
      tensor.dtype = value.at("dtype").get<std::string>();
      std::size_t bytes = width_of(tensor.dtype);
      for (const Json& extent : value.at("shape")) {
        const std::size_t count = extent.get<std::size_t>();
        tensor.shape.push_back(count);
        if (count != 0 && bytes > size_ / count) throw bad(name + ": larger than the file");
        bytes *= count;
      }
      tensor.begin = value.at("data_offsets").at(0).get<std::size_t>();
      tensor.end = value.at("data_offsets").at(1).get<std::size_t>();
      if (tensor.begin > tensor.end || tensor.end > size_ - data_ || tensor.end - tensor.begin != bytes) {
        throw bad(fmt::format("{}: bytes {} to {} don't hold {} of shape [{}]", name, tensor.begin, tensor.end,
                              tensor.dtype, fmt::join(tensor.shape, ", ")));
      }
      tensors_.emplace(name, std::move(tensor));
    }
  } catch (const Json::exception& error) {
    ::munmap(map, size_);
    throw bad(std::string("broken header: ") + error.what());
  } catch (...) {
    ::munmap(map, size_);
    throw;
  }
}

Safetensors::~Safetensors() {
  if (map_ != nullptr) ::munmap(const_cast<unsigned char*>(map_), size_);
}

std::span<const float> Safetensors::floats(const std::string& name, const std::vector<std::size_t>& shape) const {
  const std::map<std::string, TensorInfo>::const_iterator found = tensors_.find(name);
  if (found == tensors_.end()) throw Error("base::Safetensors", fmt::format("{}: no tensor {}", path_, name));
  const TensorInfo& tensor = found->second;
  const unsigned char* at = map_ + data_ + tensor.begin;
  if (tensor.dtype != "F32" || tensor.shape != shape || reinterpret_cast<std::uintptr_t>(at) % alignof(float) != 0) {
    throw Error("base::Safetensors", fmt::format("{}: {} is {} [{}], expected F32 [{}]", path_, name, tensor.dtype,
                                                 fmt::join(tensor.shape, ", "), fmt::join(shape, ", ")));
  }
  return {reinterpret_cast<const float*>(at), tensor.count()};
}

}  // namespace jarvis2
