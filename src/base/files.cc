#include "base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/error.h"

namespace jarvis2 {
namespace {

// A file descriptor that is closed at the end of its life.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

[[noreturn]] void fail(std::string_view place, const fs::path& path) {
  throw Error(place, fmt::format("{}: {}", path.string(), std::strerror(errno)));
}

}  // namespace

std::string read_file(const fs::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) fail("base::read_file", path);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) fail("base::read_file", path);
  if (S_ISDIR(info.st_mode)) throw Error("base::read_file", path.string() + ": is a folder");
  std::string bytes;
  bytes.resize(static_cast<std::size_t>(info.st_size));
  std::size_t used = 0;
  for (;;) {
    if (used == bytes.size()) bytes.resize(bytes.size() + 65536);
    const ssize_t got = ::read(file.get(), bytes.data() + used, bytes.size() - used);
    if (got < 0) {
      if (errno == EINTR) continue;
      fail("base::read_file", path);
    }
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  bytes.resize(used);
  return bytes;
}

void write_file_atomic(const fs::path& path, std::string_view bytes) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::string temporary = (folder / (path.filename().string() + ".XXXXXX")).string();
  mode_t mode = 0644;
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) mode = info.st_mode & 07777;
  {
    const Descriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
    if (file.get() < 0) fail("base::write_file_atomic", path);
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t put = ::write(file.get(), bytes.data() + done, bytes.size() - done);
      if (put < 0) {
        if (errno == EINTR) continue;
        const int reason = errno;
        ::unlink(temporary.c_str());
        errno = reason;
        fail("base::write_file_atomic", path);
      }
      done += static_cast<std::size_t>(put);
    }
    if (::fchmod(file.get(), mode) != 0 || ::fsync(file.get()) != 0 || ::rename(temporary.c_str(), path.c_str()) != 0) {
      const int reason = errno;
      ::unlink(temporary.c_str());
      errno = reason;
      fail("base::write_file_atomic", path);
    }
  }
  const Descriptor parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.get() >= 0) ::fsync(parent.get());
}

bool is_valid_utf8(std::string_view bytes) {
  const unsigned char* at = reinterpret_cast<const unsigned char*>(bytes.data());
  const unsigned char* const end = at + bytes.size();
  while (at < end) {
    const unsigned char lead = *at++;
    if (lead < 0x80) continue;
    const int extra = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    if (lead < 0xC2 || lead > 0xF4 || end - at < extra) return false;
    if ((lead == 0xE0 && at[0] < 0xA0) || (lead == 0xED && at[0] > 0x9F) || (lead == 0xF0 && at[0] < 0x90) ||
        (lead == 0xF4 && at[0] > 0x8F)) {
      return false;
    }
    for (int i = 0; i < extra; ++i) {
      if ((*at++ & 0xC0) != 0x80) return false;
    }
  }
  return true;
}

bool glob_match(std::string_view pattern, std::string_view path) {
  while (!pattern.empty()) {
    if (pattern.starts_with("**/")) {
      const std::string_view rest = pattern.substr(3);
      for (std::size_t at = 0;;) {
        if (glob_match(rest, path.substr(at))) return true;
        const std::size_t slash = path.find('/', at);
        if (slash == std::string_view::npos) return false;
        at = slash + 1;
      }
    }
    if (pattern.starts_with("**")) {
      const std::string_view rest = pattern.substr(2);
      for (std::size_t at = 0; at <= path.size(); ++at) {
        if (glob_match(rest, path.substr(at))) return true;
      }
      return false;
    }
    if (pattern.front() == '*') {
      const std::string_view rest = pattern.substr(1);
      for (std::size_t at = 0;; ++at) {
        if (glob_match(rest, path.substr(at))) return true;
        if (at >= path.size() || path[at] == '/') return false;
      }
    }
    if (path.empty()) return false;
    if (pattern.front() == '[') {
      const std::size_t close = pattern.find(']', 2);
      if (close != std::string_view::npos) {
        std::string_view set = pattern.substr(1, close - 1);
        const bool negated = set.front() == '!' || set.front() == '^';
        if (negated) set.remove_prefix(1);
        bool hit = false;
        for (std::size_t i = 0; i < set.size(); ++i) {
          if (i + 2 < set.size() && set[i + 1] == '-') {
            hit = hit || (set[i] <= path.front() && path.front() <= set[i + 2]);
            i += 2;
          } else {
            hit = hit || set[i] == path.front();
          }
        }
        if (hit == negated || path.front() == '/') return false;
        pattern.remove_prefix(close + 1);
        path.remove_prefix(1);
        continue;
      }
    }
    if (pattern.front() != path.front() && !(pattern.front() == '?' && path.front() != '/')) return false;
    pattern.remove_prefix(1);
    path.remove_prefix(1);
  }
  return path.empty();
}

fs::path user_cache_dir() {
  const char* xdg = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  fs::path dir;
  if (xdg != nullptr && *xdg == '/') {
    dir = fs::path(xdg) / "jarvis2";
  } else if (home != nullptr && *home == '/') {
#if defined(__APPLE__)
    dir = fs::path(home) / "Library/Caches/jarvis2";
#else
    dir = fs::path(home) / ".cache/jarvis2";
#endif
  } else {
    dir = fs::temp_directory_path() / fmt::format("jarvis2-{}", ::getuid());
  }
  std::error_code ignored;
  fs::create_directories(dir, ignored);
  return dir;
}

fs::path deps_dir() {
  const char* deps = std::getenv("JARVIS2_DEPS");
  return deps != nullptr && *deps != '\0' ? fs::path(deps) : user_cache_dir() / "deps";
}

TempDir::TempDir(std::string_view prefix, const fs::path& parent) {
  const fs::path base = parent.empty() ? fs::temp_directory_path() : parent;
  std::string name = (base / (std::string(prefix) + "XXXXXX")).string();
  if (::mkdtemp(name.data()) == nullptr) fail("base::TempDir", name);
  path_ = name;
}

TempDir::~TempDir() {
  if (path_.empty()) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path TempDir::release() {
  fs::path kept = std::move(path_);
  path_.clear();
  return kept;
}

}  // namespace jarvis2
