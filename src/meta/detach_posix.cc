#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/executable.h"
#include "meta/daemon.h"

namespace jarvis2::meta {

int detach(std::vector<std::string> args) {
  int ready[2] = {-1, -1};
  if (::pipe(ready) != 0) throw Error("meta::detach", fmt::format("pipe: {}", std::strerror(errno)));
  ::fcntl(ready[0], F_SETFD, FD_CLOEXEC);
  args.insert(args.begin(), executable_path().string());
  args.insert(args.end(), {"--ready-fd", std::to_string(ready[1])});
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  const pid_t pid = ::fork();
  if (pid < 0) {
    const int reason = errno;
    for (const int fd : {ready[0], ready[1], null}) ::close(fd);
    throw Error("meta::detach", fmt::format("fork: {}", std::strerror(reason)));
  }
  if (pid == 0) {
    // Only async-signal-safe calls: the process had threads. Messages go through the pipe until it is ready.
    ::setsid();
    ::dup2(null, STDIN_FILENO);
    ::dup2(null, STDOUT_FILENO);
    ::dup2(ready[1], STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(ready[1]);
  ::close(null);
  std::string text;
  char buffer[1024];
  ssize_t got = 0;
  while (text.find('\0') == std::string::npos) {
    got = ::read(ready[0], buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(ready[0]);
  if (text.find('\0') != std::string::npos) return static_cast<int>(pid);
  int status = 0;
  ::waitpid(pid, &status, 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const std::size_t last = text.rfind("error: ");
  if (last != std::string::npos) text.erase(0, last + 7);
  throw Error("meta::detach", text.empty() ? "the daemon ended at once" : text);
}

}  // namespace jarvis2::meta
