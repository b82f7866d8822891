// The daemon's door: a Unix socket, one JSON object a line each way.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "base/files.h"
#include "base/json_fwd.h"

namespace jarvis2::meta {

// Where the socket of a repository lies: in its state folder, or in a private folder of the system's temporary one
// where that path would be too long.
fs::path socket_path(const fs::path& state_dir);

class Server {
 public:
  // Binds; an old socket file is replaced (hold the daemon's lock). Throws Error.
  explicit Server(const fs::path& path);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  // Answers until stopped. `answer` gets {"do": "status"} and the like; what it throws becomes {"error": text}.
  void serve(const std::function<Json(const Json& request)>& answer, std::stop_token stop);

 private:
  fs::path path_;
  int fd_ = -1;
  int wake_[2] = {-1, -1};
};

// One request and its answer. Throws Error when nobody answers within `timeout_s`.
Json ask(const fs::path& path, const Json& request, double timeout_s = 5);

}  // namespace jarvis2::meta
