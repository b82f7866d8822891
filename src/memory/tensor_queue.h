// Tensors from one process to another through shared memory, in order, without a copy on the reader's side.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>

namespace jarvis2::memory {

enum class TensorType : std::uint32_t { kFloat32, kFloat16, kBfloat16, kInt8, kInt32, kInt64, kUint8 };
std::size_t element_bytes(TensorType type);

struct TensorView {
  static constexpr std::size_t kMostDimensions = 8;
  TensorType type = TensorType::kFloat32;
  std::uint32_t rank = 0;
  std::array<std::uint64_t, kMostDimensions> shape{};
  std::span<const std::byte> data;  // row-major, dense
};

// One writer and one reader, each in any process, over a mapped file. Either may die at any instant, by kill -9 too,
// and another take its place: a tensor is there whole or not at all, none is lost, none comes twice but the one a
// reader died with. Roles are held by locks of the system, which end with their process. Not thread-safe within a
// process.
class TensorQueue {
 public:
  enum class Role { kWriter, kReader };
  // Opens the queue at `path`, made if it is not there; an existing one must have the same measures. Throws Error, also
  // when another process holds the role.
  TensorQueue(const std::filesystem::path& path, Role role, std::uint32_t slots, std::uint64_t slot_bytes);
  ~TensorQueue();
  TensorQueue(const TensorQueue&) = delete;
  TensorQueue& operator=(const TensorQueue&) = delete;

  using Time = std::chrono::steady_clock::time_point;
  // The next slot's memory, at most slot_bytes, to be filled before push(); nothing when the queue stays full until
  // then.
  std::optional<std::span<std::byte>> reserve(Time until);
  // Publishes what reserve() handed out. `tensor.data` is ignored but for its size.
  void push(const TensorView& tensor);
  // Copies and publishes; false when the queue stays full.
  bool send(const TensorView& tensor, Time until);
  // The oldest tensor, valid until pop(); nothing when none comes.
  std::optional<TensorView> front(Time until);
  void pop();

  std::uint64_t written() const;  // tensors ever published
  std::uint64_t read() const;
  // Whether a process holds the other role now.
  bool peer_alive() const;

 private:
  struct Header;
  struct Slot;
  Slot& slot(std::uint64_t number) const;

  std::filesystem::path path_;
  Role role_;
  int lock_ = -1;
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
  Header* header_ = nullptr;
};

}  // namespace jarvis2::memory
