#include "meta/server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/process.h"

namespace jarvis2::meta {
namespace {

constexpr std::size_t kLongestLine = 64 << 10;
constexpr int kClientTimeoutMs = 2000;

sockaddr_un address_of(const fs::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.string().size() >= sizeof address.sun_path) {
    throw Error("meta::Server", fmt::format("{}: too long for a socket", path.string()));
  }
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

int new_socket() {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) throw Error("meta::Server", fmt::format("socket: {}", std::strerror(errno)));
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  ::fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

// Waits until `fd` is ready or the time is over.
bool ready(int fd, short events, std::uint64_t deadline_ns) {
  const std::uint64_t now = monotonic_ns();
  if (now >= deadline_ns) return false;
  pollfd one{fd, events, 0};
  return ::poll(&one, 1, static_cast<int>((deadline_ns - now) / 1'000'000 + 1)) > 0;
}

bool send_all(int fd, const std::string& text, std::uint64_t deadline_ns) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t put = ::send(fd, text.data() + done, text.size() - done, 0);
    if (put > 0) {
      done += static_cast<std::size_t>(put);
    } else if (put < 0 && errno != EAGAIN && errno != EINTR) {
      return false;
    } else if (!ready(fd, POLLOUT, deadline_ns)) {
      return false;
    }
  }
  return true;
}

bool read_line(int fd, std::string& line, std::size_t longest, std::uint64_t deadline_ns) {
  char buffer[4096];
  while (line.find('\n') == std::string::npos) {
    if (line.size() > longest || !ready(fd, POLLIN, deadline_ns)) return false;
    const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) return false;
    line.append(buffer, static_cast<std::size_t>(got));
  }
  line.resize(line.find('\n'));
  return true;
}

std::uint64_t after_ms(int ms) {
  return monotonic_ns() + static_cast<std::uint64_t>(ms) * 1'000'000;
}

}  // namespace

fs::path socket_path(const fs::path& state_dir) {
  const fs::path here = state_dir / "meta" / "socket";
  if (here.string().size() < sizeof(sockaddr_un::sun_path)) return here;
  const fs::path folder = fs::path("/tmp") / fmt::format("jarvis2-{}", ::getuid());
  ::mkdir(folder.c_str(), 0700);
  struct stat info {};
  if (::lstat(folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != ::getuid() ||
      (info.st_mode & 077) != 0) {
    throw Error("meta::Server", fmt::format("{} is not a private folder of yours; remove it", folder.string()));
  }
  return folder / fmt::format("{:016x}", hash64(state_dir.string()));
}

Server::Server(const fs::path& path) : path_(path) {
  const sockaddr_un address = address_of(path);
  fs::create_directories(path.parent_path());
  fd_ = new_socket();
  ::unlink(path.c_str());
  // The folder is private; the mode is for those who share it.
  ::chmod(path.parent_path().c_str(), 0700);
  if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(fd_, 16) != 0 || ::pipe(wake_) != 0) {
    const int why = errno;
    ::close(fd_);
    throw Error("meta::Server", fmt::format("{}: {}", path.string(), std::strerror(why)));
  }
  for (const int end : wake_) {
    ::fcntl(end, F_SETFD, FD_CLOEXEC);
    ::fcntl(end, F_SETFL, O_NONBLOCK);
  }
}

Server::~Server() {
  ::close(fd_);
  for (const int end : wake_) ::close(end);
  ::unlink(path_.c_str());
}

void Server::serve(const std::function<Json(const Json& request)>& answer, std::stop_token stop) {
  const std::stop_callback wake(stop, [this] {
    const ssize_t ignored = ::write(wake_[1], "x", 1);
    (void)ignored;
  });
  while (!stop.stop_requested()) {
    pollfd files[] = {{fd_, POLLIN, 0}, {wake_[0], POLLIN, 0}};
    if (::poll(files, 2, -1) <= 0 || files[0].revents == 0) continue;
    const int client = ::accept(fd_, nullptr, nullptr);
    if (client < 0) continue;
    ::fcntl(client, F_SETFD, FD_CLOEXEC);
    ::fcntl(client, F_SETFL, O_NONBLOCK);
    const std::uint64_t deadline = after_ms(kClientTimeoutMs);
    std::string line;
    if (read_line(client, line, kLongestLine, deadline)) {
      Json reply;
      try {
        const Json request = Json::parse(line);
        if (!request.is_object()) throw Error("meta::Server", "a request is an object with \"do\"");
        reply = answer(request);
      } catch (const Error& error) {
        reply = {{"error", error.message()}};
      } catch (const std::exception& error) {
        reply = {{"error", error.what()}};
      }
      send_all(client, reply.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n", deadline);
    }
    ::close(client);
  }
}

Json ask(const fs::path& path, const Json& request, double timeout_s) {
  const sockaddr_un address = address_of(path);
  const int fd = new_socket();
  const std::uint64_t deadline = after_ms(static_cast<int>(timeout_s * 1000));
  std::string line;
  const bool done = (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
                     (errno == EINPROGRESS && ready(fd, POLLOUT, deadline))) &&
                    send_all(fd, request.dump() + "\n", deadline) &&
                    read_line(fd, line, std::size_t{64} << 20, deadline);
  ::close(fd);
  if (!done) throw Error("meta::ask", fmt::format("{}: nobody answers", path.string()));
  const Json reply = Json::parse(line, nullptr, false);
  if (reply.is_discarded()) throw Error("meta::ask", fmt::format("{}: the answer is no JSON", path.string()));
  if (reply.is_object() && reply.contains("error")) throw Error("meta::ask", reply["error"].get<std::string>());
  return reply;
}

}  // namespace jarvis2::meta
