#include "project/landlock_linux.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/error.h"

namespace jarvis2::project {
namespace {

// From the kernel's uapi/linux/landlock.h; the system's header may be older than the kernel.
struct RulesetAttr {
  std::uint64_t handled_access_fs;
  std::uint64_t handled_access_net;
  std::uint64_t scoped;
};
struct [[gnu::packed]] PathBeneathAttr {
  std::uint64_t allowed_access;
  std::int32_t parent_fd;
};
constexpr std::uint64_t kExecute = 1u << 0;
constexpr std::uint64_t kWriteFile = 1u << 1;
constexpr std::uint64_t kReadFile = 1u << 2;
constexpr std::uint64_t kReadDir = 1u << 3;
constexpr std::uint64_t kMakeCharacterDevice = 1u << 6;
constexpr std::uint64_t kMakeBlockDevice = 1u << 11;
constexpr std::uint64_t kTruncate = 1u << 14;
constexpr std::uint64_t kIoctlDevice = 1u << 15;
constexpr std::uint64_t kAll = (1u << 16) - 1;
constexpr std::uint64_t kFileOnly = kExecute | kWriteFile | kReadFile | kTruncate | kIoctlDevice;
constexpr std::uint64_t kTcp = 3;      // bind, connect
constexpr std::uint64_t kScopes = 3;   // abstract sockets, signals
constexpr unsigned kVersionFlag = 1u;  // LANDLOCK_CREATE_RULESET_VERSION
constexpr int kPathBeneath = 1;
// The same numbers on every architecture.
constexpr long kCreate = 444;
constexpr long kAddRule = 445;
constexpr long kRestrictSelf = 446;

void allow(int ruleset, const fs::path& path, std::uint64_t access) {
  const int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  if (fd < 0) return;  // what does not exist needs no leave
  struct stat info {};
  if (::fstat(fd, &info) == 0 && !S_ISDIR(info.st_mode)) access &= kFileOnly;
  const PathBeneathAttr rule{access, fd};
  const long status = ::syscall(kAddRule, ruleset, kPathBeneath, &rule, 0);
  const int reason = errno;
  ::close(fd);
  if (status != 0) {
    throw Error("project::landlock_ruleset", fmt::format("{}: {}", path.string(), std::strerror(reason)));
  }
}

}  // namespace

int landlock_abi() {
  const long version = ::syscall(kCreate, nullptr, 0, kVersionFlag);
  return version < 0 ? 0 : static_cast<int>(version);
}

int landlock_ruleset(const std::vector<fs::path>& readable, const std::vector<fs::path>& writable,
                     const std::vector<fs::path>& devices) {
  const RulesetAttr attr{kAll, kTcp, kScopes};
  const int ruleset = static_cast<int>(::syscall(kCreate, &attr, sizeof attr, 0));
  if (ruleset < 0) throw Error("project::landlock_ruleset", std::strerror(errno));
  ::fcntl(ruleset, F_SETFD, FD_CLOEXEC);
  try {
    for (const fs::path& path : readable) allow(ruleset, path, kExecute | kReadFile | kReadDir);
    for (const fs::path& path : writable) allow(ruleset, path, kAll & ~(kMakeCharacterDevice | kMakeBlockDevice));
    for (const fs::path& path : devices) allow(ruleset, path, kReadFile | kWriteFile | kReadDir | kIoctlDevice);
  } catch (...) {
    ::close(ruleset);
    throw;
  }
  return ruleset;
}

int landlock_enter(int ruleset) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  // Root keeps its name and none of its rights; exec cannot give them back.
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[2] = {};
  if (::syscall(SYS_capset, &header, none) != 0) return errno;
  if (::syscall(kRestrictSelf, ruleset, 0) != 0) return errno;
  return 0;
}

}  // namespace jarvis2::project
