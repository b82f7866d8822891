#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "project/copy_file.h"

namespace jarvis2::project {

void copy_file(const fs::path& from, const fs::path& to, mode_t mode) {
  const int in = ::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (in < 0) throw Error("project::copy_file", fmt::format("{}: {}", from.string(), std::strerror(errno)));
  const int out = ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  bool ok = out >= 0;
  if (ok && ::ioctl(out, FICLONE, in) != 0) {
    struct stat info {};
    ok = ::fstat(in, &info) == 0;
    off_t left = info.st_size;
    while (ok && left > 0) {
      const ssize_t put = ::copy_file_range(in, nullptr, out, nullptr, static_cast<std::size_t>(left), 0);
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) break;
      left -= put;
    }
    // Other file systems, old kernels: by hand.
    char buffer[1 << 16];
    while (ok && left > 0) {
      const ssize_t got = ::read(in, buffer, sizeof buffer);
      if (got < 0 && errno == EINTR) continue;
      ok = got >= 0;
      if (got <= 0) break;
      for (ssize_t done = 0; ok && done < got;) {
        const ssize_t put = ::write(out, buffer + done, static_cast<std::size_t>(got - done));
        ok = put > 0;
        if (ok) done += put;
      }
      left -= got;
    }
  }
  ok = ok && ::fchmod(out, mode) == 0;
  const int reason = errno;
  ::close(in);
  if (out >= 0) ::close(out);
  if (!ok) {
    if (out >= 0) ::unlink(to.c_str());
    throw Error("project::copy_file", fmt::format("{}: {}", to.string(), std::strerror(reason)));
  }
}

}  // namespace jarvis2::project
