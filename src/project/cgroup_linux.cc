#include "project/cgroup_linux.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <string>
#include <vector>

namespace jarvis2::project {
namespace {

// Our own group's folder where the pids controller can be used: version 1 first, then 2.
std::vector<fs::path> parents() {
  std::vector<fs::path> found;
  std::ifstream lines("/proc/self/cgroup");
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers == "pids") found.insert(found.begin(), fs::path("/sys/fs/cgroup/pids" + path));
    if (controllers.empty()) found.emplace_back("/sys/fs/cgroup" + path);
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

// Groups of processes that were killed.
void remove_stale(const fs::path& parent) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(parent, ignored)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("jarvis2-")) continue;
    const int pid = std::atoi(name.c_str() + 8);
    if (pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH) ::rmdir(entry.path().c_str());
  }
}

}  // namespace

std::unique_ptr<ProcessGroupLimit> ProcessGroupLimit::create(std::uint64_t most_processes) {
  static std::atomic<int> counter{0};
  for (const fs::path& parent : parents()) {
    if (counter == 0) remove_stale(parent);
    const fs::path folder = parent / fmt::format("jarvis2-{}-{}", ::getpid(), counter++);
    if (::mkdir(folder.c_str(), 0700) != 0) continue;
    if (write_value(folder / "pids.max", std::to_string(most_processes))) {
      const int procs = ::open((folder / "cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC);
      if (procs >= 0) return std::unique_ptr<ProcessGroupLimit>(new ProcessGroupLimit(folder, procs));
    }
    ::rmdir(folder.c_str());
  }
  return nullptr;
}

ProcessGroupLimit::~ProcessGroupLimit() {
  ::close(procs_);
  for (int attempt = 0; attempt < 50 && ::rmdir(folder_.c_str()) != 0 && errno == EBUSY; ++attempt) {
    std::ifstream procs(folder_ / "cgroup.procs");
    for (int pid = 0; procs >> pid;) {
      if (pid > 0) ::kill(pid, SIGKILL);
    }
    ::usleep(2000);
  }
}

int ProcessGroupLimit::join() const {
  return ::write(procs_, "0", 1) == 1 ? 0 : errno;
}

}  // namespace jarvis2::project
