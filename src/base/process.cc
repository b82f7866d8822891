#include "base/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "base/hash.h"

extern char** environ;

namespace jarvis2 {
namespace {

void close_fd(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

// Two ends of a pipe, both close-on-exec.
struct Pipe {
  int read = -1;
  int write = -1;
  Pipe() {
    int ends[2];
#if defined(__linux__)
    if (::pipe2(ends, O_CLOEXEC) != 0) throw Error("base::spawn", fmt::format("pipe: {}", std::strerror(errno)));
#else
    if (::pipe(ends) != 0) throw Error("base::spawn", fmt::format("pipe: {}", std::strerror(errno)));
    ::fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    ::fcntl(ends[1], F_SETFD, FD_CLOEXEC);
#endif
    read = ends[0];
    write = ends[1];
  }
  ~Pipe() {
    close_fd(read);
    close_fd(write);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
};

// Readable as soon as the child has ended; -1 where there is no such descriptor (then the end is seen by looking
// often).
int open_exit_fd(pid_t pid) {
#if defined(__linux__) && defined(SYS_pidfd_open)
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
#else
  (void)pid;
  return -1;
#endif
}

void limit(int resource, const std::optional<std::uint64_t>& value) {
  if (!value) return;
  const struct rlimit both { static_cast<rlim_t>(*value), static_cast<rlim_t>(*value) };
  ::setrlimit(static_cast<decltype(RLIMIT_AS)>(resource), &both);
}

std::vector<std::string> child_environment(const SpawnOptions& options) {
  std::vector<std::string> all;
  if (!options.clear_env) {
    for (char** at = environ; *at != nullptr; ++at) all.emplace_back(*at);
  }
  for (const auto& [key, value] : options.env) {
    const std::string prefix = key + "=";
    std::erase_if(all, [&](const std::string& entry) { return entry.starts_with(prefix); });
    all.push_back(prefix + value);
  }
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (std::string& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

std::uint64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

fs::path find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return ::access(name.c_str(), X_OK) == 0 ? fs::path(name) : fs::path();
  const char* variable = std::getenv("PATH");
  std::string path = variable != nullptr ? variable : "/usr/local/bin:/usr/bin:/bin";
  std::size_t at = 0;
  while (at <= path.size()) {
    const std::size_t colon = std::min(path.find(':', at), path.size());
    fs::path candidate = fs::path(path.substr(at, colon - at)) / name;
    std::error_code ignored;
    if (::access(candidate.c_str(), X_OK) == 0 && fs::is_regular_file(candidate, ignored)) return candidate;
    at = colon + 1;
  }
  return {};
}

Process Process::spawn(const SpawnOptions& options) {
  if (options.argv.empty()) throw Error("base::spawn", "no command given");
  // Everything that allocates happens before fork: the parent has threads.
  const fs::path program = find_program(options.argv[0]);
  if (program.empty()) throw Error("base::spawn", fmt::format("{}: not found in PATH", options.argv[0]));
  std::vector<std::string> argv = options.argv;
  std::vector<std::string> env = child_environment(options);
  const std::vector<char*> argv_pointers = pointers(argv);
  const std::vector<char*> env_pointers = pointers(env);
  Pipe out, err, in, failure;
#if defined(__linux__)
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  if (options.cpus) {
    for (const int cpu : *options.cpus) CPU_SET(static_cast<std::size_t>(cpu), &cpus);
  }
#endif
  sigset_t none, all, before;
  sigemptyset(&none);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t parent = ::getpid();
  const std::uint64_t started_ns = monotonic_ns();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::setsid();
#if defined(__linux__)
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    if (options.cpus) ::sched_setaffinity(0, sizeof cpus, &cpus);
#else
    (void)parent;
#endif
    ::dup2(in.read, 0);
    ::dup2(out.write, 1);
    ::dup2(options.merge_stderr ? out.write : err.write, 2);
    for (const int fd : options.inherit_fds) ::fcntl(fd, F_SETFD, 0);
    limit(RLIMIT_AS, options.limit_memory_bytes);
    limit(RLIMIT_DATA, options.limit_data_bytes);
    limit(RLIMIT_FSIZE, options.limit_file_bytes);
    limit(RLIMIT_CPU, options.limit_cpu_s);
    limit(RLIMIT_NPROC, options.limit_processes);
    limit(RLIMIT_NOFILE, options.limit_open_files);
    for (int number = 1; number < 32; ++number) ::signal(number, SIG_DFL);
    pthread_sigmask(SIG_SETMASK, &none, nullptr);
    int reason = options.cwd.empty() || ::chdir(options.cwd.c_str()) == 0 ? 0 : errno;
    if (reason == 0 && options.in_child) reason = options.in_child();
    if (reason == 0) {
      ::execve(program.c_str(), argv_pointers.data(), env_pointers.data());
      reason = errno;
    }
    const ssize_t ignored = ::write(failure.write, &reason, sizeof reason);
    (void)ignored;
    ::_exit(127);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) throw Error("base::spawn", fmt::format("fork: {}", std::strerror(errno)));
  close_fd(failure.write);
  int reason = 0;
  ssize_t got = 0;
  do {
    got = ::read(failure.read, &reason, sizeof reason);
  } while (got < 0 && errno == EINTR);
  if (got == sizeof reason) {
    ::waitpid(pid, nullptr, 0);
    throw Error("base::spawn", fmt::format("{} in {}: {}", options.argv[0],
                                           options.cwd.empty() ? "." : options.cwd.string(), std::strerror(reason)));
  }
  Process process;
  process.pid_ = pid;
  process.started_ns_ = started_ns;
  process.max_output_bytes_ = options.max_output_bytes;
  process.stdin_bytes_ = options.stdin_bytes;
  std::swap(process.out_, out.read);
  std::swap(process.err_, err.read);
  if (options.stdin_bytes.empty()) return process;
  std::swap(process.in_, in.write);
  ::fcntl(process.in_, F_SETFL, O_NONBLOCK);
  return process;
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      out_(std::exchange(other.out_, -1)),
      err_(std::exchange(other.err_, -1)),
      in_(std::exchange(other.in_, -1)),
      stdin_bytes_(std::move(other.stdin_bytes_)),
      max_output_bytes_(other.max_output_bytes_),
      started_ns_(other.started_ns_) {}

Process::~Process() {
  if (pid_ > 0) {
    kill();
    ::waitpid(pid_, nullptr, 0);
  }
  close_all();
}

void Process::close_all() {
  close_fd(out_);
  close_fd(err_);
  close_fd(in_);
}

void Process::kill() {
  if (pid_ > 0) {
    ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL);
  }
}

ProcessResult Process::wait(double timeout_s, std::stop_token stop) {
  ProcessResult result;
  const std::uint64_t deadline = timeout_s > 0 ? started_ns_ + static_cast<std::uint64_t>(timeout_s * 1e9) : 0;
  std::size_t written = 0;
  std::string hashed_tail;
  std::uint64_t chain = 0;
  bool out_truncated = false;
  std::vector<char> buffer(1 << 16);
  int status = 0;
  struct rusage usage {};
  bool reaped = false;
  // The pipes may stay open in a descendant that left the group; the exit of the child itself ends the wait.
  std::uint64_t drain_until = 0;
  std::uint64_t ended_ns = 0;
  int exit_fd = open_exit_fd(pid_);
  while (!reaped || out_ >= 0 || err_ >= 0) {
    if (!reaped) {
      const pid_t got = ::wait4(pid_, &status, WNOHANG, &usage);
      if (got == pid_) {
        reaped = true;
        ended_ns = monotonic_ns();
        close_fd(exit_fd);
        ::kill(-pid_, SIGKILL);  // what it left behind in its group
        drain_until = ended_ns + 200'000'000u;
      }
    } else if (monotonic_ns() > drain_until) {
      break;
    }
    const std::uint64_t now = monotonic_ns();
    if (!reaped && !result.timed_out && deadline != 0 && now >= deadline) {
      result.timed_out = true;
      kill();
    }
    if (!reaped && !result.cancelled && stop.stop_requested()) {
      result.cancelled = true;
      kill();
    }
    struct pollfd fds[4];
    nfds_t count = 0;
    if (out_ >= 0) fds[count++] = {out_, POLLIN, 0};
    if (err_ >= 0) fds[count++] = {err_, POLLIN, 0};
    if (in_ >= 0) fds[count++] = {in_, POLLOUT, 0};
    if (exit_fd >= 0) fds[count++] = {exit_fd, POLLIN, 0};
    // Both streams closed: the exit is near, so look often.
    const int pause_ms = count == 0 ? 1 : (reaped ? 1 : 10);
    ::poll(fds, count, pause_ms);
    for (nfds_t i = 0; i < count; ++i) {
      if (fds[i].revents == 0 || fds[i].fd == exit_fd) continue;
      if (fds[i].fd == in_) {
        const ssize_t put = ::write(in_, stdin_bytes_.data() + written, stdin_bytes_.size() - written);
        if (put > 0) written += static_cast<std::size_t>(put);
        if ((put < 0 && errno != EAGAIN && errno != EINTR) || written == stdin_bytes_.size()) close_fd(in_);
        continue;
      }
      const bool is_out = fds[i].fd == out_;
      const ssize_t got = ::read(fds[i].fd, buffer.data(), buffer.size());
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (got <= 0) {
        close_fd(is_out ? out_ : err_);
        continue;
      }
      std::string& text = is_out ? result.out : result.err;
      const std::size_t room = max_output_bytes_ - std::min(max_output_bytes_, text.size());
      const std::size_t take = std::min(room, static_cast<std::size_t>(got));
      text.append(buffer.data(), take);
      if (take < static_cast<std::size_t>(got)) {
        result.truncated = true;
        if (is_out) {
          out_truncated = true;
          hashed_tail.append(buffer.data() + take, static_cast<std::size_t>(got) - take);
          while (hashed_tail.size() >= (1u << 16)) {
            chain = hash64(std::string_view(hashed_tail).substr(0, 1 << 16), chain + 1);
            hashed_tail.erase(0, 1 << 16);
          }
        }
      }
    }
  }
  pid_ = -1;
  close_fd(exit_fd);
  close_all();
  result.out_hash = hash64(result.out);
  if (out_truncated) result.out_hash ^= hash64(hashed_tail, chain + 1);
  result.wall_ns = ended_ns - started_ns_;
  const std::uint64_t cpu_us = static_cast<std::uint64_t>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000u +
                               static_cast<std::uint64_t>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  result.cpu_ns = cpu_us * 1000u;
#if defined(__APPLE__)
  result.max_rss_bytes = static_cast<std::uint64_t>(usage.ru_maxrss);
#else
  result.max_rss_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024u;
#endif
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  return result;
}

ProcessResult run_process(const SpawnOptions& options, double timeout_s, std::stop_token stop) {
  return Process::spawn(options).wait(timeout_s, std::move(stop));
}

}  // namespace jarvis2
