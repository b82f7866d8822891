#include "project/worktree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <thread>
#include <unordered_map>

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "project/copy_file.h"

namespace jarvis2::project {
namespace {

// What tells whether somebody touched an entry since we wrote it. The time of status change cannot be set by anybody.
struct Stamp {
  ino_t inode = 0;
  mode_t mode = 0;
  off_t size = 0;
  std::int64_t changed_ns = 0;
  bool operator==(const Stamp&) const = default;
};

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

Stamp stamp_of(const struct stat& info) {
#if defined(__APPLE__)
  const std::int64_t changed_ns = nanoseconds(info.st_ctimespec);
#else
  const std::int64_t changed_ns = nanoseconds(info.st_ctim);
#endif
  // A folder's size and time change with what is put into it: those entries speak for themselves.
  if (S_ISDIR(info.st_mode)) return {info.st_ino, info.st_mode, 0, 0};
  return {info.st_ino, info.st_mode, info.st_size, changed_ns};
}

std::array<timespec, 2> times_of(const struct stat& info) {
#if defined(__APPLE__)
  return {info.st_atimespec, info.st_mtimespec};
#else
  return {info.st_atim, info.st_mtim};
#endif
}

[[noreturn]] void fail(std::string_view place, const fs::path& path, int reason) {
  throw Error(place, fmt::format("{}: {}", path.string(), std::strerror(reason)));
}

struct stat status_of(const fs::path& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) fail("project::Worktree", path, errno);
  return info;
}

// Every entry below `folder`, parents before children, names relative to it. Symbolic links are not followed.
void list(const fs::path& folder, const std::string& prefix,
          const std::function<bool(const std::string&, const struct stat&)>& visit) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  for (const std::string& name : names) {
    const fs::path path = folder / name;
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) continue;
    const std::string relative = prefix + name;
    if (visit(relative, info) && S_ISDIR(info.st_mode)) list(path, relative + "/", visit);
  }
}

void set_times(const fs::path& path, const struct stat& like) {
  const std::array<timespec, 2> times = times_of(like);
  ::utimensat(AT_FDCWD, path.c_str(), times.data(), AT_SYMLINK_NOFOLLOW);
}

// Sockets, pipes and devices are left out: nothing that a build leaves behind needs them.
bool copy_entry(const fs::path& from, const struct stat& info, const fs::path& to) {
  if (S_ISDIR(info.st_mode)) {
    if (::mkdir(to.c_str(), 0700) != 0 && errno != EEXIST) fail("project::Worktree::copy", to, errno);
    return true;
  }
  if (S_ISLNK(info.st_mode)) {
    fs::copy_symlink(from, to);
  } else if (S_ISREG(info.st_mode)) {
    copy_file(from, to, info.st_mode & 07777);
  } else {
    return false;
  }
  set_times(to, info);
  return true;
}

// So that any later change shows in the time of status change, whose clock ticks every few milliseconds.
void let_clock_tick() {
  std::this_thread::sleep_for(std::chrono::milliseconds(12));
}

int lock_file(const fs::path& file, bool wait_not) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -1;
  if (::flock(fd, LOCK_EX | (wait_not ? LOCK_NB : 0)) != 0) {
    ::close(fd);
    return -1;
  }
  struct stat info {};
  if (::fstat(fd, &info) != 0 || info.st_nlink == 0) {  // a cleaner was faster
    ::close(fd);
    return -1;
  }
  return fd;
}

// `path` below `root`, with its folders made; throws when a link or anything odd is in the way.
fs::path safe_target(const fs::path& root, const std::string& path, bool make_folders) {
  constexpr std::string_view kPlace = "project::Worktree::write";
  fs::path at = root;
  const fs::path relative(path);
  if (path.empty() || relative.is_absolute()) throw Error(kPlace, fmt::format("\"{}\" is no path in the tree", path));
  for (fs::path::iterator part = relative.begin(); part != relative.end(); ++part) {
    if (*part == ".." || *part == "." || part->empty() || *part == ".git") {
      throw Error(kPlace, fmt::format("\"{}\" leads out of the tree", path));
    }
    at /= *part;
    if (std::next(part) == relative.end()) break;
    struct stat info {};
    if (::lstat(at.c_str(), &info) != 0) {
      if (!make_folders) return at;
      if (::mkdir(at.c_str(), 0755) != 0) fail(kPlace, at, errno);
    } else if (!S_ISDIR(info.st_mode)) {
      throw Error(kPlace, fmt::format("{}: a file or link is where \"{}\" needs a folder", at.string(), path));
    }
  }
  return at;
}

}  // namespace

struct Worktree::Manifest {
  std::unordered_map<std::string, Stamp> entries;  // by path below folder_
};

Worktree::Worktree() = default;

Worktree::Worktree(Worktree&& other) noexcept {
  *this = std::move(other);
}

Worktree& Worktree::operator=(Worktree&& other) noexcept {
  if (this == &other) return *this;
  remove();
  folder_ = std::move(other.folder_);
  path_ = std::move(other.path_);
  home_ = std::move(other.home_);
  commit_ = std::move(other.commit_);
  missing_submodules_ = std::move(other.missing_submodules_);
  lock_fd_ = std::exchange(other.lock_fd_, -1);
  origin_ = std::move(other.origin_);
  manifest_ = std::move(other.manifest_);
  other.folder_.clear();
  return *this;
}

Worktree::~Worktree() {
  remove();
}

void Worktree::remove() noexcept {
  if (folder_.empty()) return;
  try {
    remove_tree(folder_);
    fs::remove(folder_.string() + ".lock");
  } catch (const std::exception& error) {
    log::debug("{}", error.what());
  }
  if (lock_fd_ >= 0) ::close(lock_fd_);
  lock_fd_ = -1;
  folder_.clear();
}

void Worktree::make_folder(const fs::path& parent) {
  constexpr std::string_view kPlace = "project::Worktree";
  std::error_code reason;
  fs::create_directories(parent, reason);
  if (reason) fail(kPlace, parent, reason.value());
  for (int attempt = 0;; ++attempt) {
    const std::uint64_t number = hash64(
        fmt::format("{} {} {}", ::getpid(), std::chrono::steady_clock::now().time_since_epoch().count(), attempt));
    const fs::path folder = parent / fmt::format("{}-{:08x}", ::getpid(), number & 0xFFFFFFFFu);
    // The lock is there before the folder and goes after it: a folder without an owner can be told.
    lock_fd_ = lock_file(folder.string() + ".lock", true);
    if (lock_fd_ < 0 && attempt < 100) continue;
    if (lock_fd_ < 0) fail(kPlace, folder, errno);
    if (::mkdir(folder.c_str(), 0700) == 0) {
      folder_ = folder;
      break;
    }
    const int failure = errno;
    ::close(lock_fd_);
    lock_fd_ = -1;
    if (failure != EEXIST) fail(kPlace, folder, failure);
  }
  path_ = folder_ / "src";
  home_ = folder_ / "home";
  if (::mkdir(path_.c_str(), 0755) != 0 || ::mkdir(home_.c_str(), 0755) != 0) fail(kPlace, folder_, errno);
}

Worktree Worktree::create(const Repository& repository, const std::string& commit) {
  Worktree made;
  made.commit_ = commit;
  made.make_folder(worktrees_dir(repository));
  made.missing_submodules_ = repository.checkout(commit, made.path_);
  return made;
}

Worktree Worktree::copy() const {
  Worktree made;
  made.commit_ = commit_;
  made.origin_ = folder_;
  made.missing_submodules_ = missing_submodules_;
  made.make_folder(folder_.parent_path());
  made.manifest_ = std::make_unique<Manifest>();
  std::vector<std::pair<std::string, struct stat>> folders;
  list(folder_, "", [&](const std::string& path, const struct stat& info) {
    const fs::path to = made.folder_ / path;
    if (!copy_entry(folder_ / path, info, to)) return false;
    if (S_ISDIR(info.st_mode)) {
      folders.emplace_back(path, info);
    } else {
      made.manifest_->entries[path] = stamp_of(status_of(to));
    }
    return true;
  });
  for (std::size_t i = folders.size(); i-- > 0;) {
    const fs::path to = made.folder_ / folders[i].first;
    ::chmod(to.c_str(), folders[i].second.st_mode & 07777);
    set_times(to, folders[i].second);
    made.manifest_->entries[folders[i].first] = stamp_of(status_of(to));
  }
  let_clock_tick();
  return made;
}

void Worktree::reset() {
  if (!manifest_) throw Error("project::Worktree::reset", fmt::format("{} is no copy", path_.string()));
  bool changed = false;
  std::vector<std::string> strange;
  list(folder_, "", [&](const std::string& path, const struct stat& info) {
    const auto known = manifest_->entries.find(path);
    if (known != manifest_->entries.end() && known->second == stamp_of(info)) return true;
    strange.push_back(path);
    return false;
  });
  for (const std::string& path : strange) {
    remove_tree(folder_ / path);
    changed = true;
  }
  std::vector<std::pair<std::string, struct stat>> folders;
  list(origin_, "", [&](const std::string& path, const struct stat& info) {
    const fs::path to = folder_ / path;
    struct stat have {};
    const bool is_there = ::lstat(to.c_str(), &have) == 0;
    if (S_ISDIR(info.st_mode)) {
      folders.emplace_back(path, info);
      if (!is_there) copy_entry(origin_ / path, info, to);
      return true;
    }
    if (is_there) return true;
    ::chmod(to.parent_path().c_str(), 0700);
    if (!copy_entry(origin_ / path, info, to)) return false;
    changed = true;
    manifest_->entries[path] = stamp_of(status_of(to));
    return true;
  });
  for (std::size_t i = folders.size(); i-- > 0;) {
    const fs::path to = folder_ / folders[i].first;
    ::chmod(to.c_str(), folders[i].second.st_mode & 07777);
    set_times(to, folders[i].second);
    manifest_->entries[folders[i].first] = stamp_of(status_of(to));
  }
  if (changed) let_clock_tick();
}

void Worktree::mirror(const Worktree& other) {
  const auto same = [](const struct stat& a, const struct stat& b) {
    return a.st_mode == b.st_mode &&
           (S_ISDIR(a.st_mode) ||
            (a.st_size == b.st_size && nanoseconds(times_of(a)[1]) == nanoseconds(times_of(b)[1])));
  };
  std::vector<std::string> extra;
  list(folder_, "", [&](const std::string& path, const struct stat& info) {
    struct stat theirs {};
    if (::lstat((other.folder_ / path).c_str(), &theirs) == 0 && same(info, theirs)) return true;
    extra.push_back(path);
    return false;
  });
  for (const std::string& path : extra) remove_tree(folder_ / path);
  std::vector<std::pair<std::string, struct stat>> folders;
  list(other.folder_, "", [&](const std::string& path, const struct stat& info) {
    const fs::path to = folder_ / path;
    struct stat have {};
    const bool is_there = ::lstat(to.c_str(), &have) == 0;
    if (S_ISDIR(info.st_mode)) folders.emplace_back(path, info);
    if (is_there) return true;
    ::chmod(to.parent_path().c_str(), 0700);
    return copy_entry(other.folder_ / path, info, to);
  });
  for (std::size_t i = folders.size(); i-- > 0;) {
    const fs::path to = folder_ / folders[i].first;
    ::chmod(to.c_str(), folders[i].second.st_mode & 07777);
    set_times(to, folders[i].second);
  }
}

std::vector<std::string> Worktree::touched(const std::vector<std::string>& paths) const {
  if (!manifest_) throw Error("project::Worktree::touched", fmt::format("{} is no copy", path_.string()));
  std::vector<std::string> found;
  for (const std::string& path : paths) {
    struct stat info {};
    const bool is_there = ::lstat((path_ / path).c_str(), &info) == 0;
    const auto known = manifest_->entries.find("src/" + path);
    const bool is_known = known != manifest_->entries.end();
    // A folder on the way may have been swapped for a link.
    bool moved = false;
    for (fs::path parent = fs::path(path).parent_path(); !parent.empty() && !moved; parent = parent.parent_path()) {
      struct stat above {};
      const auto expected = manifest_->entries.find("src/" + parent.string());
      moved = ::lstat((path_ / parent).c_str(), &above) != 0 || expected == manifest_->entries.end() ||
              !(expected->second == stamp_of(above));
    }
    if (is_there != is_known || moved || (is_there && !(known->second == stamp_of(info)))) found.push_back(path);
  }
  return found;
}

void Worktree::write(const Texts& texts) {
  constexpr std::string_view kPlace = "project::Worktree::write";
  for (const auto& [path, text] : texts) {
    const fs::path target = safe_target(path_, path, text.has_value());
    struct stat info {};
    mode_t mode = 0644;
    if (::lstat(target.c_str(), &info) == 0) {
      if (S_ISDIR(info.st_mode)) throw Error(kPlace, fmt::format("{}: is a folder", target.string()));
      if (S_ISREG(info.st_mode)) mode = info.st_mode & 07777;
      if (::unlink(target.c_str()) != 0) fail(kPlace, target, errno);
    }
    if (!text) continue;
    const int fd = ::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0) fail(kPlace, target, errno);
    std::size_t done = 0;
    bool ok = true;
    while (ok && done < text->size()) {
      const ssize_t put = ::write(fd, text->data() + done, text->size() - done);
      if (put < 0 && errno == EINTR) continue;
      ok = put >= 0;
      if (ok) done += static_cast<std::size_t>(put);
    }
    const int reason = errno;
    ::fchmod(fd, mode);
    ::close(fd);
    if (!ok) fail(kPlace, target, reason);
  }
}

fs::path worktrees_dir(const Repository& repository) {
  return user_cache_dir() / "worktrees" / fmt::format("{:016x}", hash64(repository.git_dir().string()));
}

int clean_worktrees(const Repository& repository) {
  const fs::path dir = worktrees_dir(repository);
  std::error_code ignored;
  int count = 0;
  std::vector<fs::path> locks;
  for (const fs::directory_entry& entry : fs::directory_iterator(dir, ignored)) {
    if (entry.path().extension() == ".lock") locks.push_back(entry.path());
  }
  for (const fs::path& file : locks) {
    const int fd = lock_file(file, true);
    if (fd < 0) continue;
    try {
      fs::path folder = file;
      folder.replace_extension();
      if (fs::exists(folder)) {
        remove_tree(folder);
        ++count;
      }
      fs::remove(file);
    } catch (const std::exception& error) {
      log::warning("{}", error.what());
    }
    ::close(fd);
  }
  return count;
}

void outdate_objects(const fs::path& tree, const std::vector<std::string>& changed, const std::string& build) {
  for (const char* tool : {"cmake", "meson", "ninja", "cargo", "bazel"}) {
    if (build.find(tool) != std::string::npos) return;
  }
  const auto one_of = [](const std::string& path, std::initializer_list<std::string_view> endings) {
    return std::any_of(endings.begin(), endings.end(), [&](std::string_view end) { return path.ends_with(end); });
  };
  const auto compiled = [&](const std::string& path) {
    return one_of(path, {".c", ".cc", ".cpp", ".cxx", ".c++", ".C", ".m", ".s", ".S"});
  };
  if (std::all_of(changed.begin(), changed.end(), [&](const std::string& path) {
        return compiled(path) || one_of(path, {".py", ".md", ".txt"});
      })) {
    return;
  }
  std::error_code ignored;
  for (fs::recursive_directory_iterator at(tree, ignored), end; at != end; at.increment(ignored)) {
    if (at->path().filename() == ".git") {
      at.disable_recursion_pending();
    } else if (at->is_regular_file(ignored) && !at->is_symlink(ignored) && compiled(at->path().filename().string())) {
      ::utimensat(AT_FDCWD, at->path().c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
    }
  }
}

void remove_tree(const fs::path& folder) {
  std::error_code reason;
  fs::remove_all(folder, reason);
  if (!reason) return;
  // A folder without the right to write or search holds its entries back.
  const std::function<void(const fs::path&)> open_up = [&](const fs::path& at) {
    ::chmod(at.c_str(), 0700);
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(at, ignored)) {
      if (entry.symlink_status(ignored).type() == fs::file_type::directory) open_up(entry.path());
    }
  };
  if (!fs::is_symlink(folder) && fs::is_directory(folder)) open_up(folder);
  fs::remove_all(folder, reason);
  if (reason) fail("project::remove_tree", folder, reason.value());
}

}  // namespace jarvis2::project
