#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <thread>
#include <utility>

#include "base/error.h"
#include "memory/tensor_queue.h"

namespace jarvis2::memory {
namespace {

constexpr std::uint64_t kMagic = 0x3171547332564a31;  // changes with the layout
constexpr std::size_t kLine = 64;

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw Error("memory::TensorQueue", fmt::format("{}: {}", path.string(), what));
}

[[noreturn]] void fail_with_reason(const std::filesystem::path& path, const char* what) {
  fail(path, fmt::format("{}: {}", what, std::strerror(errno)));
}

std::filesystem::path lock_path(const std::filesystem::path& path, bool writer) {
  std::filesystem::path lock = path;
  lock += writer ? ".writer" : ".reader";
  return lock;
}

class File {
 public:
  File(const std::filesystem::path& path, int flags) : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return descriptor_; }
  int release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

}  // namespace

struct TensorQueue::Header {
  std::uint64_t magic;
  std::uint32_t slots;
  std::uint32_t unused;
  std::uint64_t slot_bytes;
  alignas(kLine) std::atomic<std::uint64_t> written;  // the writer's alone to change
  alignas(kLine) std::atomic<std::uint64_t> read;     // the reader's
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

struct TensorQueue::Slot {
  std::uint32_t type;
  std::uint32_t rank;
  std::uint64_t bytes;
  std::array<std::uint64_t, TensorView::kMostDimensions> shape;
  alignas(kLine) std::byte data[1];
};

namespace {

std::size_t slot_stride(std::uint64_t slot_bytes) {
  return 2 * kLine + (static_cast<std::size_t>(slot_bytes) + kLine - 1) / kLine * kLine;
}

}  // namespace

std::size_t element_bytes(TensorType type) {
  switch (type) {
    case TensorType::kFloat32:
    case TensorType::kInt32:
      return 4;
    case TensorType::kFloat16:
    case TensorType::kBfloat16:
      return 2;
    case TensorType::kInt64:
      return 8;
    case TensorType::kInt8:
    case TensorType::kUint8:
      return 1;
  }
  return 0;
}

TensorQueue::TensorQueue(const std::filesystem::path& path, Role role, std::uint32_t slots, std::uint64_t slot_bytes)
    : path_(path), role_(role) {
  static_assert(offsetof(Slot, data) <= 2 * kLine);
  if (slots == 0 || slot_bytes == 0 || slot_bytes > (std::uint64_t{1} << 40))
    fail(path, "no slots, or none of a usable size");
  File lock(lock_path(path, role == Role::kWriter), O_RDWR | O_CREAT);
  if (lock.get() < 0) fail_with_reason(path, "cannot make the lock");
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    fail(path,
         fmt::format("another process is its {}: wait until it ends", role == Role::kWriter ? "writer" : "reader"));
  }
  bytes_ = (sizeof(Header) + kLine - 1) / kLine * kLine + slot_stride(slot_bytes) * slots;
  File file(path, O_RDWR | O_CREAT);
  if (file.get() < 0) fail_with_reason(path, "cannot open");
  // Both sides may come at once; whoever finds it empty makes it, under the file's own lock.
  if (::flock(file.get(), LOCK_EX) != 0) fail_with_reason(path, "cannot lock");
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail_with_reason(path, "cannot look at");
  const bool fresh = status.st_size == 0;
  if (!fresh && static_cast<std::size_t>(status.st_size) != bytes_)
    fail(path, "is a queue of other measures, or no queue: remove it");
  if (fresh && ::ftruncate(file.get(), static_cast<off_t>(bytes_)) != 0) fail_with_reason(path, "cannot make room");
  memory_ = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (memory_ == MAP_FAILED) fail_with_reason(path, "cannot map");
  header_ = static_cast<Header*>(memory_);
  if (header_->magic == 0) {  // new, or its maker died before the last line below
    header_->slots = slots;
    header_->slot_bytes = slot_bytes;
    std::atomic_thread_fence(std::memory_order_release);
    header_->magic = kMagic;
  }
  if (header_->magic != kMagic || header_->slots != slots || header_->slot_bytes != slot_bytes) {
    ::munmap(memory_, bytes_);
    fail(path, "is a queue of other measures, or no queue: remove it");
  }
  ::flock(file.get(), LOCK_UN);  // the mapping keeps the file open
  lock_ = lock.release();
}

TensorQueue::~TensorQueue() {
  ::munmap(memory_, bytes_);
  ::close(lock_);
}

TensorQueue::Slot& TensorQueue::slot(std::uint64_t number) const {
  std::byte* const first = static_cast<std::byte*>(memory_) + (sizeof(Header) + kLine - 1) / kLine * kLine;
  return *reinterpret_cast<Slot*>(first + number % header_->slots * slot_stride(header_->slot_bytes));
}

namespace {

// Soon enough for a GPU's batches, and next to nothing while idle.
template <typename Ready>
bool wait_for(Ready ready, TensorQueue::Time until) {
  for (std::chrono::microseconds pause(10); !ready(); pause = std::min(pause * 2, std::chrono::microseconds(1000))) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(pause);
  }
  return true;
}

}  // namespace

std::optional<std::span<std::byte>> TensorQueue::reserve(Time until) {
  if (role_ != Role::kWriter) fail(path_, "only its writer writes");
  const std::uint64_t next = header_->written.load(std::memory_order_relaxed);
  if (!wait_for([&] { return next - header_->read.load(std::memory_order_acquire) < header_->slots; }, until))
    return std::nullopt;
  return std::span<std::byte>(slot(next).data, static_cast<std::size_t>(header_->slot_bytes));
}

void TensorQueue::push(const TensorView& tensor) {
  std::uint64_t bytes = element_bytes(tensor.type);
  if (tensor.rank > TensorView::kMostDimensions)
    fail(path_, fmt::format("a tensor of {} dimensions: at most 8", tensor.rank));
  for (std::uint32_t i = 0; i < tensor.rank; ++i) bytes *= tensor.shape[i];
  if (bytes != tensor.data.size() || bytes > header_->slot_bytes) {
    fail(path_, fmt::format("a tensor of {} bytes whose shape makes {}, in slots of {}", tensor.data.size(), bytes,
                            header_->slot_bytes));
  }
  const std::uint64_t next = header_->written.load(std::memory_order_relaxed);
  Slot& into = slot(next);
  into.type = static_cast<std::uint32_t>(tensor.type);
  into.rank = tensor.rank;
  into.shape = tensor.shape;
  into.bytes = bytes;
  // Up to here nobody else sees it.
  header_->written.store(next + 1, std::memory_order_release);
}

bool TensorQueue::send(const TensorView& tensor, Time until) {
  if (tensor.data.size() > header_->slot_bytes) {
    fail(path_, fmt::format("a tensor of {} bytes in slots of {}: make the slots larger", tensor.data.size(),
                            header_->slot_bytes));
  }
  const std::optional<std::span<std::byte>> room = reserve(until);
  if (!room) return false;
  std::copy(tensor.data.begin(), tensor.data.end(), room->begin());
  push(tensor);
  return true;
}

std::optional<TensorView> TensorQueue::front(Time until) {
  if (role_ != Role::kReader) fail(path_, "only its reader reads");
  const std::uint64_t next = header_->read.load(std::memory_order_relaxed);
  if (!wait_for([&] { return header_->written.load(std::memory_order_acquire) > next; }, until)) return std::nullopt;
  const Slot& from = slot(next);
  return TensorView{
      static_cast<TensorType>(from.type), from.rank, from.shape, {from.data, static_cast<std::size_t>(from.bytes)}};
}

void TensorQueue::pop() {
  const std::uint64_t next = header_->read.load(std::memory_order_relaxed);
  if (header_->written.load(std::memory_order_acquire) > next) header_->read.store(next + 1, std::memory_order_release);
}

std::uint64_t TensorQueue::written() const {
  return header_->written.load(std::memory_order_acquire);
}

std::uint64_t TensorQueue::read() const {
  return header_->read.load(std::memory_order_acquire);
}

bool TensorQueue::peer_alive() const {
  const File lock(lock_path(path_, role_ == Role::kReader), O_RDWR | O_CREAT);
  if (lock.get() < 0) return false;
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return true;
  ::flock(lock.get(), LOCK_UN);
  return false;
}

}  // namespace jarvis2::memory
