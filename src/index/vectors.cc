#include "index/vectors.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/hash.h"

namespace jarvis2::index {
namespace {

constexpr std::size_t kBlockRows = 1024;
constexpr std::size_t kHeaderBytes = 4096;
constexpr char kMagic[8] = {'J', '2', 'V', 'E', 'C', '0', '0', '1'};

struct Header {
  char magic[8];
  char model[64];
  std::uint64_t dimensions;
  std::uint64_t checksum;  // of what is before
};

void write_all(int fd, const void* bytes, std::size_t size, std::size_t offset, const fs::path& path) {
  const char* at = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t done = ::pwrite(fd, at, size, static_cast<off_t>(offset));
    if (done < 0) {
      if (errno == EINTR) continue;
      throw Error("index::VectorFile", fmt::format("{}: {}", path.string(), std::strerror(errno)));
    }
    at += done;
    size -= static_cast<std::size_t>(done);
    offset += static_cast<std::size_t>(done);
  }
}

std::uint64_t checksum(const std::uint8_t* codes, float scale, const float* floats, std::size_t dimensions) {
  std::uint32_t bits;
  std::memcpy(&bits, &scale, sizeof bits);
  const std::uint64_t first = hash64({reinterpret_cast<const char*>(codes), dimensions}, bits);
  return hash64({reinterpret_cast<const char*>(floats), dimensions * sizeof(float)}, first);
}

}  // namespace

VectorFile::VectorFile(const fs::path& path, const std::string& model, std::size_t dimensions)
    : path_(path), model_(model), dimensions_(dimensions) {
  if (dimensions == 0 || dimensions % 64 != 0)
    throw Error("index::VectorFile", "vectors must have a multiple of 64 dimensions");
  fd_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd_ >= 0 && read_header()) return;
  create();
}

VectorFile::~VectorFile() {
  unmap();
  if (fd_ >= 0) ::close(fd_);
}

bool VectorFile::usable(const fs::path& path, const std::string& model, std::size_t dimensions, std::size_t count) {
  VectorFile file;
  file.path_ = path;
  file.model_ = model;
  file.dimensions_ = dimensions;
  file.fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  return file.fd_ >= 0 && file.read_header() && count <= file.rows_;
}

std::size_t VectorFile::block_bytes() const {
  return kBlockRows * (dimensions_ + 2 * sizeof(float) + sizeof(std::uint64_t) + dimensions_ * sizeof(float));
}

bool VectorFile::read_header() {
  Header header{};
  struct stat info {};
  if (::fstat(fd_, &info) != 0 || info.st_size < static_cast<off_t>(kHeaderBytes)) return false;
  if (::pread(fd_, &header, sizeof header, 0) != static_cast<ssize_t>(sizeof header)) return false;
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0 || header.dimensions != dimensions_) return false;
  if (hash64({reinterpret_cast<const char*>(&header), offsetof(Header, checksum)}) != header.checksum) return false;
  if (model_.compare(0, sizeof header.model - 1, header.model) != 0) return false;
  rows_ = (static_cast<std::size_t>(info.st_size) - kHeaderBytes) / block_bytes() * kBlockRows;
  return true;
}

// Another file under the same name: whoever has mapped the old one keeps it.
void VectorFile::create() {
  if (fd_ >= 0) ::close(fd_);
  const fs::path made = path_.string() + ".new";
  std::error_code ignored;
  fs::remove(made, ignored);
  fd_ = ::open(made.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd_ < 0) throw Error("index::VectorFile", fmt::format("{}: {}", made.string(), std::strerror(errno)));
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  std::memcpy(header.model, model_.data(), std::min(model_.size(), sizeof header.model - 1));
  header.dimensions = dimensions_;
  header.checksum = hash64({reinterpret_cast<const char*>(&header), offsetof(Header, checksum)});
  std::string page(kHeaderBytes, '\0');
  std::memcpy(page.data(), &header, sizeof header);
  write_all(fd_, page.data(), page.size(), 0, path_);
  if (::fsync(fd_) != 0) throw Error("index::VectorFile", fmt::format("{}: {}", path_.string(), std::strerror(errno)));
  fs::rename(made, path_);
  rows_ = 0;
  fresh_ = true;
}

void VectorFile::write(std::size_t first, std::span<const float> vectors) {
  const std::size_t count = vectors.size() / dimensions_;
  const std::size_t blocks = (first + count + kBlockRows - 1) / kBlockRows;
  if (blocks * kBlockRows > rows_) {
    if (::ftruncate(fd_, static_cast<off_t>(kHeaderBytes + blocks * block_bytes())) != 0)
      throw Error("index::VectorFile", fmt::format("{}: {}", path_.string(), std::strerror(errno)));
    rows_ = blocks * kBlockRows;
  }
  std::vector<std::uint8_t> codes(dimensions_);
  for (std::size_t i = 0; i < count; ++i) {
    const std::span<const float> vector = vectors.subspan(i * dimensions_, dimensions_);
    float scale = 1;
    const float lost = quantise(vector, codes.data(), scale);
    const std::size_t row = (first + i) % kBlockRows;
    std::size_t at = kHeaderBytes + (first + i) / kBlockRows * block_bytes();
    write_all(fd_, codes.data(), dimensions_, at + row * dimensions_, path_);
    at += kBlockRows * dimensions_;
    write_all(fd_, &scale, sizeof scale, at + row * sizeof scale, path_);
    at += kBlockRows * sizeof scale;
    write_all(fd_, &lost, sizeof lost, at + row * sizeof lost, path_);
    at += kBlockRows * sizeof lost;
    const std::uint64_t sum = checksum(codes.data(), scale, vector.data(), dimensions_);
    write_all(fd_, &sum, sizeof sum, at + row * sizeof sum, path_);
    at += kBlockRows * sizeof sum;
    write_all(fd_, vector.data(), dimensions_ * sizeof(float), at + row * dimensions_ * sizeof(float), path_);
  }
}

void VectorFile::sync() {
#ifdef __APPLE__
  const int code = ::fcntl(fd_, F_FULLFSYNC);
#else
  const int code = ::fdatasync(fd_);
#endif
  if (code != 0) throw Error("index::VectorFile", fmt::format("{}: {}", path_.string(), std::strerror(errno)));
}

void VectorFile::unmap() {
  if (map_ != nullptr) ::munmap(const_cast<unsigned char*>(map_), mapped_);
  map_ = nullptr;
  mapped_ = 0;
}

void VectorFile::map() {
  const std::size_t wanted = kHeaderBytes + rows_ / kBlockRows * block_bytes();
  if (mapped_ == wanted) return;
  unmap();
  void* at = ::mmap(nullptr, wanted, PROT_READ, MAP_SHARED, fd_, 0);
  if (at == MAP_FAILED) throw Error("index::VectorFile", fmt::format("{}: {}", path_.string(), std::strerror(errno)));
  map_ = static_cast<const unsigned char*>(at);
  mapped_ = wanted;
}

VectorView VectorFile::view(std::size_t count) {
  count = std::min(count, rows_);
  VectorView view;
  view.dimensions = dimensions_;
  if (count == 0) return view;
  map();
  for (std::size_t first = 0; first < count; first += kBlockRows) {
    const unsigned char* at = map_ + kHeaderBytes + first / kBlockRows * block_bytes();
    VectorBlock block;
    block.count = std::min(kBlockRows, count - first);
    block.codes = at;
    block.scales = reinterpret_cast<const float*>(at + kBlockRows * dimensions_);
    block.floats = reinterpret_cast<const float*>(at + kBlockRows * (dimensions_ + 16));
    view.blocks.push_back(block);
  }
  return view;
}

bool VectorFile::intact(std::size_t row) {
  if (row >= rows_) return false;
  map();
  const unsigned char* at = map_ + kHeaderBytes + row / kBlockRows * block_bytes();
  const std::size_t in = row % kBlockRows;
  float scale;
  std::memcpy(&scale, at + kBlockRows * dimensions_ + in * sizeof scale, sizeof scale);
  std::uint64_t sum;
  std::memcpy(&sum, at + kBlockRows * (dimensions_ + 8) + in * sizeof sum, sizeof sum);
  const float* floats = reinterpret_cast<const float*>(at + kBlockRows * (dimensions_ + 16)) + in * dimensions_;
  return checksum(at + in * dimensions_, scale, floats, dimensions_) == sum;
}

float VectorFile::loss(std::size_t count) {
  count = std::min(count, rows_);
  float most = 0;
  if (count == 0) return most;
  map();
  for (std::size_t row = 0; row < count; ++row) {
    const unsigned char* at = map_ + kHeaderBytes + row / kBlockRows * block_bytes();
    float lost;
    std::memcpy(&lost, at + kBlockRows * (dimensions_ + 4) + row % kBlockRows * sizeof lost, sizeof lost);
    if (std::isfinite(lost)) most = std::max(most, std::min(lost, 0.25f));
  }
  return most;
}

}  // namespace jarvis2::index
