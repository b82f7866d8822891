#include "project/cgroup_linux.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fstream>
#include <mutex>
#include <set>
#include <string>

#include "base/process.h"

namespace jarvis2::project {
namespace {

const fs::path kRoot = "/sys/fs/cgroup";
constexpr const char* kPrefix = "jarvis2-group-";

// Our own groups' folders: of version 1 by controller, and of version 2, where the parent's folder comes second (only
// a group without processes of its own may hand controllers on, and systemd's slices do).
struct Parents {
  fs::path pids, memory;
  std::vector<fs::path> unified;
};

Parents parents() {
  Parents found;
  std::ifstream lines("/proc/self/cgroup");
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path path = fs::path(line.substr(second + 1)).relative_path();
    if (controllers == "pids") found.pids = kRoot / "pids" / path;
    if (controllers == "memory") found.memory = kRoot / "memory" / path;
    if (!controllers.empty()) continue;
    found.unified.push_back(kRoot / path);
    if (!path.empty()) found.unified.push_back(kRoot / path.parent_path());
  }
  return found;
}

bool write_value(const fs::path& file, const std::string& value) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool ok = ::write(fd, value.data(), value.size()) == static_cast<ssize_t>(value.size());
  ::close(fd);
  return ok;
}

int open_locked(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || ::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  ::close(fd);
  return -1;
}

// Groups whose owner was killed: once for each parent. A lock tells, as an owner in another namespace of processes
// could not be found by its number.
void remove_stale(const fs::path& parent) {
  static std::mutex mutex;
  static std::set<fs::path> seen;
  const std::lock_guard lock(mutex);
  if (!seen.insert(parent).second) return;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(parent, ignored)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kPrefix)) continue;
    const int folder = open_locked(entry.path());
    if (folder < 0) continue;
    ::rmdir(entry.path().c_str());
    ::close(folder);
  }
}

}  // namespace

// A group in `parent` under all of `limits`; false, and nothing made, where one of them can't be set.
bool ControlGroup::add(const fs::path& parent, const std::vector<std::pair<const char*, std::string>>& limits) {
  static std::atomic<int> counter{0};
  remove_stale(parent);
  // A name may be taken by the same number elsewhere, and a folder be swept away before it is locked.
  fs::path folder;
  int lock = -1;
  for (int attempt = 0; attempt < 3 && lock < 0; ++attempt) {
    folder = parent / fmt::format("{}{}-{:x}-{}", kPrefix, ::getpid(), monotonic_ns(), counter++);
    if (::mkdir(folder.c_str(), 0700) != 0) return false;
    lock = open_locked(folder);
    if (lock < 0 || fs::exists(folder)) continue;
    ::close(lock);
    lock = -1;
  }
  const bool limited = lock >= 0 && std::all_of(limits.begin(), limits.end(), [&](const auto& limit) {
                         return write_value(folder / limit.first, limit.second);
                       });
  const int procs = limited ? ::open((folder / "cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC) : -1;
  if (procs < 0) {
    ::rmdir(folder.c_str());
    if (lock >= 0) ::close(lock);
    return false;
  }
  folders_.push_back({folder, lock, procs});
  return true;
}

std::unique_ptr<ControlGroup> ControlGroup::create(std::uint64_t most_processes, std::uint64_t memory_bytes) {
  std::unique_ptr<ControlGroup> group(new ControlGroup);
  const Parents found = parents();
  const std::string processes = std::to_string(most_processes), memory = std::to_string(memory_bytes);
  bool wants_processes = most_processes > 0, wants_memory = memory_bytes > 0;
  if (wants_processes && !found.pids.empty() && group->add(found.pids, {{"pids.max", processes}})) {
    group->limits_processes_ = true;
    wants_processes = false;
  }
  if (wants_memory && !found.memory.empty() && group->add(found.memory, {{"memory.limit_in_bytes", memory}})) {
    // Not into the swap instead; kernels without its accounting have no such file.
    write_value(group->folders_.back().path / "memory.memsw.limit_in_bytes", memory);
    group->limits_memory_ = true;
    wants_memory = false;
  }
  // Of version 2 a process is in one group only: one with both, else one with either.
  const auto unified = [&](bool with_processes, bool with_memory) {
    if (!with_processes && !with_memory) return false;
    std::vector<std::pair<const char*, std::string>> limits;
    if (with_processes) limits.emplace_back("pids.max", processes);
    if (with_memory) limits.emplace_back("memory.max", memory);
    if (std::none_of(found.unified.begin(), found.unified.end(),
                     [&](const fs::path& parent) { return group->add(parent, limits); })) {
      return false;
    }
    if (with_memory) {
      write_value(group->folders_.back().path / "memory.swap.max", "0");
      write_value(group->folders_.back().path / "memory.oom.group", "1");
    }
    group->limits_processes_ |= with_processes;
    group->limits_memory_ |= with_memory;
    return true;
  };
  if (!unified(wants_processes, wants_memory) && wants_processes && wants_memory && !unified(false, true)) {
    unified(true, false);
  }
  return group->folders_.empty() ? nullptr : std::move(group);
}

ControlGroup::~ControlGroup() {
  for (const Folder& folder : folders_) {
    ::close(folder.procs);
    for (int attempt = 0; attempt < 50 && ::rmdir(folder.path.c_str()) != 0 && errno == EBUSY; ++attempt) {
      std::ifstream procs(folder.path / "cgroup.procs");
      for (int pid = 0; procs >> pid;) {
        if (pid > 0) ::kill(pid, SIGKILL);
      }
      ::usleep(2000);
    }
    ::close(folder.lock);
  }
}

std::vector<fs::path> ControlGroup::folders() const {
  std::vector<fs::path> paths;
  for (const Folder& folder : folders_) paths.push_back(folder.path);
  return paths;
}

int ControlGroup::join() const {
  for (const Folder& folder : folders_) {
    if (::write(folder.procs, "0", 1) != 1) return errno;
  }
  return 0;
}

}  // namespace jarvis2::project
