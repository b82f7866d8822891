#include "project/lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace jarvis2::project {

RunLock::RunLock(const fs::path& state_dir, const std::string& what) {
  const fs::path file = state_dir / "lock";
  fd_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd_ < 0) throw Error("project::RunLock", fmt::format("{}: {}", file.string(), std::strerror(errno)));
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    char text[256] = {};
    const ssize_t got = ::pread(fd_, text, sizeof text - 1, 0);
    ::close(fd_);
    fd_ = -1;
    if (reason != EWOULDBLOCK) {
      throw Error("project::RunLock", fmt::format("{}: {}", file.string(), std::strerror(reason)));
    }
    std::string holder(text, got > 0 ? static_cast<std::size_t>(got) : 0);
    while (!holder.empty() && holder.back() == '\n') holder.pop_back();
    throw Error("project::RunLock",
                fmt::format("another run works on this repository ({}); wait for it or stop it first",
                            holder.empty() ? "unknown process" : holder));
  }
  const std::string text = fmt::format("pid {}: {}\n", ::getpid(), what);
  if (::ftruncate(fd_, 0) != 0 || ::pwrite(fd_, text.data(), text.size(), 0) < 0) {
    const int reason = errno;
    ::close(fd_);
    fd_ = -1;
    throw Error("project::RunLock", fmt::format("{}: {}", file.string(), std::strerror(reason)));
  }
}

RunLock::~RunLock() {
  if (fd_ < 0) return;
  const int ignored = ::ftruncate(fd_, 0);
  (void)ignored;
  ::close(fd_);
}

RunLock::RunLock(RunLock&& other) noexcept : fd_(other.fd_) {
  other.fd_ = -1;
}

}  // namespace jarvis2::project
