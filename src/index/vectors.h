// Vectors on disk: one memory-mapped file a repository and model, in blocks of 1024 rows that hold 8-bit codes for the
// screen beside single precision. Rows are appended, never changed; which of them count is written in the store, after
// they are on disk. Each row has a checksum.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"
#include "index/similarity.h"

namespace jarvis2::index {

// One writer; readers of the same file may map it at any time. Not thread-safe.
class VectorFile {
 public:
  // Opens, or creates an empty file where there is none or a damaged one or that of another model.
  VectorFile(const fs::path& path, const std::string& model, std::size_t dimensions);
  ~VectorFile();
  // There is such a file and it has room for `count` rows.
  static bool usable(const fs::path& path, const std::string& model, std::size_t dimensions, std::size_t count);
  VectorFile(const VectorFile&) = delete;
  VectorFile& operator=(const VectorFile&) = delete;

  bool fresh() const { return fresh_; }           // just created: no row counts
  std::size_t capacity() const { return rows_; }  // rows there is room for in the file
  // Writes normalised vectors at rows `first`...; they are on disk when sync() returns.
  void write(std::size_t first, std::span<const float> vectors);
  void sync();
  // The first `count` rows, mapped; valid until the next write or the end of this object.
  VectorView view(std::size_t count);
  bool intact(std::size_t row);   // by its checksum
  float loss(std::size_t count);  // the most that the codes of the first `count` rows lose

 private:
  VectorFile() = default;
  void create();
  bool read_header();
  void map();
  void unmap();
  std::size_t block_bytes() const;

  fs::path path_;
  std::string model_;
  std::size_t dimensions_ = 0, rows_ = 0;
  int fd_ = -1;
  bool fresh_ = false;
  const unsigned char* map_ = nullptr;
  std::size_t mapped_ = 0;
};

}  // namespace jarvis2::index
