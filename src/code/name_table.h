// Tables by name that are cheap to copy: a copy shares what is not changed afterwards.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "code/interned_names.h"

namespace jarvis2::code {

template <typename T>
bool blank(const std::vector<T>& list) {
  return list.empty();
}
inline bool blank(std::uint32_t count) {
  return count == 0;
}

// What each name has; a name without an entry has a T of no content. Reading is safe from many threads.
template <typename T>
class NameTable {
 public:
  // Null where the name has no entry or an empty one.
  const T* find(std::string_view name) const {
    const std::optional<std::uint32_t> number = known_name(name);
    if (!number || *number / kChunk >= chunks_.size() || !chunks_[*number / kChunk]) return nullptr;
    const T& found = (*chunks_[*number / kChunk])[*number % kChunk];
    return blank(found) ? nullptr : &found;
  }
  bool contains(std::string_view name) const { return find(name) != nullptr; }

  // The entry of a name, to be changed.
  T& at(std::string_view name) {
    const std::uint32_t number = intern(name);
    if (number / kChunk >= chunks_.size()) chunks_.resize(number / kChunk + 1);
    std::shared_ptr<Chunk>& chunk = chunks_[number / kChunk];
    if (!chunk) {
      chunk = std::make_shared<Chunk>();
    } else if (chunk.use_count() > 1) {
      chunk = std::make_shared<Chunk>(*chunk);
    }
    return (*chunk)[number % kChunk];
  }

  // visit(entry) for every entry with content.
  template <typename Visit>
  void each(Visit&& visit) const {
    for (const std::shared_ptr<Chunk>& chunk : chunks_) {
      if (!chunk) continue;
      for (const T& entry : *chunk) {
        if (!blank(entry)) visit(entry);
      }
    }
  }

 private:
  static constexpr std::size_t kChunk = 16;
  using Chunk = std::array<T, kChunk>;
  std::vector<std::shared_ptr<Chunk>> chunks_;
};

}  // namespace jarvis2::code
