#include "edit/llm_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <httplib.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/files.h"
#include "base/json.h"
#include "base/process.h"

namespace jarvis2::edit {
namespace {

struct Address {
  std::string host;
  int port = 80;
  std::string path;  // prefix of the API, without a slash at its end
};

// Empty problem: `address` is set.
std::string parse_url(const std::string& url, Address& address) {
  constexpr std::string_view kScheme = "http://";
  if (url.starts_with("https://")) return "https is not spoken here: models are reached on this machine, by http://";
  if (!url.starts_with(kScheme)) return "it must look like http://127.0.0.1:8080/v1";
  const std::string rest = url.substr(kScheme.size());
  std::string place = rest.substr(0, rest.find('/'));
  address.path = rest.substr(place.size());
  while (address.path.ends_with('/')) address.path.pop_back();
  if (address.path.ends_with("/chat/completions"))
    address.path.resize(address.path.size() - std::strlen("/chat/completions"));
  if (address.path.empty()) address.path = "/v1";
  if (place.find('@') != std::string::npos) return "a user name in the address is not supported";
  if (address.path.find_first_of(" \t\r\n?#") != std::string::npos) return "its path holds characters it must not";
  std::string port;
  if (place.starts_with('[')) {
    const std::size_t end = place.find(']');
    if (end == std::string::npos) return "the bracket around the address does not close";
    port = place.substr(end + 1);
    address.host = place.substr(1, end - 1);
  } else {
    const std::size_t colon = place.find(':');
    address.host = place.substr(0, colon);
    if (colon != std::string::npos) port = place.substr(colon);
  }
  if (address.host.empty()) return "it names no host";
  if (!port.empty()) {
    const auto [end, failure] = std::from_chars(port.data() + 1, port.data() + port.size(), address.port);
    if (port[0] != ':' || failure != std::errc() || end != port.data() + port.size() || address.port < 1 ||
        address.port > 65535) {
      return "its port is not a number from 1 to 65535";
    }
  }
  return "";
}

bool loopback(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    return (ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr) >> 24) == 127;
  }
  return address->sa_family == AF_INET6 &&
         IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr) != 0;
}

bool same(const sockaddr* a, const sockaddr* b) {
  if (a->sa_family != b->sa_family) return false;
  if (a->sa_family == AF_INET) {
    return reinterpret_cast<const sockaddr_in*>(a)->sin_addr.s_addr ==
           reinterpret_cast<const sockaddr_in*>(b)->sin_addr.s_addr;
  }
  return a->sa_family == AF_INET6 && std::memcmp(&reinterpret_cast<const sockaddr_in6*>(a)->sin6_addr,
                                                 &reinterpret_cast<const sockaddr_in6*>(b)->sin6_addr, 16) == 0;
}

std::string text_of(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  const void* bytes = address->sa_family == AF_INET
                          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(address)->sin_addr)
                          : static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr);
  return ::inet_ntop(address->sa_family, bytes, text, sizeof text) == nullptr ? "" : text;
}

// The numeric addresses of a host; the name is resolved once, so that what was checked is what is reached.
struct Resolved {
  std::string numeric;
  bool here = true;  // an address of this machine
};
std::optional<Resolved> resolve(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &list) != 0) return std::nullopt;
  std::optional<Resolved> found;
  ifaddrs* interfaces = nullptr;
  if (::getifaddrs(&interfaces) != 0) interfaces = nullptr;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    if (one->ai_family != AF_INET && one->ai_family != AF_INET6) continue;
    bool here = loopback(one->ai_addr);
    for (const ifaddrs* at = interfaces; at != nullptr && !here; at = at->ifa_next) {
      here = at->ifa_addr != nullptr && same(at->ifa_addr, one->ai_addr);
    }
    // IPv4 first: most servers listen there only.
    if (!found || (one->ai_family == AF_INET && found->numeric.find(':') != std::string::npos)) {
      found = Resolved{text_of(one->ai_addr), here};
    }
  }
  if (interfaces != nullptr) ::freeifaddrs(interfaces);
  ::freeaddrinfo(list);
  return found;
}

struct Answer {
  int status = 0;
  std::string body;
  std::string problem;
  bool reached = true;
};

}  // namespace

struct ChatClient::Parts {
  ModelEndpoint endpoint;
  Address address;
  std::string host;  // numeric
  std::string model;

  // One request within `timeout_s`, however slowly the other side drips.
  Answer request(const std::string& method, const std::string& path, const std::string& body, double timeout_s,
                 std::stop_token stop) const {
    Answer answer;
    const std::uint64_t deadline_ns = monotonic_ns() + static_cast<std::uint64_t>(timeout_s * 1e9);
    httplib::Client client(host, address.port);
    client.set_connection_timeout(static_cast<time_t>(std::min(timeout_s, 5.0)), 0);
    client.set_read_timeout(static_cast<time_t>(std::max(1.0, timeout_s)), 0);
    client.set_write_timeout(static_cast<time_t>(std::max(1.0, std::min(timeout_s, 30.0))), 0);
    client.set_keep_alive(false);
    httplib::Request request;
    request.method = method;
    request.path = address.path + path;
    request.set_header("Host", fmt::format("{}:{}", address.host, address.port));
    request.set_header("Accept", "application/json");
    request.set_header("Accept-Encoding", "identity");
    if (!endpoint.key.empty()) request.set_header("Authorization", "Bearer " + endpoint.key);
    if (!body.empty()) {
      request.set_header("Content-Type", "application/json");
      request.body = body;
    }
    bool too_much = false, too_late = false;
    request.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
      too_much = answer.body.size() + size > 4 * endpoint.max_answer_bytes;
      too_late = monotonic_ns() > deadline_ns;
      if (too_much || too_late || stop.stop_requested()) return false;
      answer.body.append(data, size);
      return true;
    };
    const std::stop_callback interrupt(stop, [&client] { client.stop(); });
    const httplib::Result result = client.send(request);
    if (stop.stop_requested()) {
      answer.problem = "interrupted";
    } else if (too_much) {
      answer.problem = fmt::format("the answer is longer than {} bytes", 4 * endpoint.max_answer_bytes);
    } else if (too_late || monotonic_ns() > deadline_ns) {
      answer.problem = fmt::format("no whole answer within {:.0f} s", timeout_s);
    } else if (!result) {
      answer.problem = "no connection (" + httplib::to_string(result.error()) + ")";
      answer.reached = result.error() == httplib::Error::Read;
    } else {
      answer.status = result->status;
      if (answer.status != 200) {
        std::string detail = is_valid_utf8(answer.body) ? answer.body.substr(0, 160) : "";
        std::replace_if(
            detail.begin(), detail.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7F; }, ' ');
        answer.problem = fmt::format("HTTP status {}{}{}", answer.status, detail.empty() ? "" : ": ", detail);
        answer.reached = answer.status != 401 && answer.status != 403 && answer.status != 404;
      } else if (!is_valid_utf8(answer.body)) {
        answer.problem = "the answer is not UTF-8";
      }
    }
    return answer;
  }
};

ChatClient::ChatClient(ModelEndpoint endpoint) : parts_(std::make_unique<Parts>()) {
  parts_->endpoint = std::move(endpoint);
}

ChatClient::~ChatClient() = default;

const std::string& ChatClient::model() const {
  return parts_->model;
}

std::string ChatClient::open(std::stop_token stop) {
  const ModelEndpoint& endpoint = parts_->endpoint;
  if (const std::string problem = parse_url(endpoint.url, parts_->address); !problem.empty()) return problem;
  const std::optional<Resolved> resolved = resolve(parts_->address.host);
  if (!resolved) return "the host " + parts_->address.host + " is not known";
  if (!resolved->here && !endpoint.allow_remote) {
    return fmt::format("{} is not an address of this machine; code is sent elsewhere only with --model-remote",
                       resolved->numeric);
  }
  parts_->host = resolved->numeric;
  parts_->model = endpoint.name;
  const Answer answer = parts_->request("GET", "/models", "", std::min(endpoint.timeout_s, 10.0), stop);
  if (answer.status == 0) return answer.problem;
  if (!parts_->model.empty()) return "";  // some serve no list
  try {
    const Json list = Json::parse(answer.body);
    parts_->model = list.at("data").at(0).at("id").get<std::string>();
  } catch (const Json::exception&) {
    return "it lists no model; name one with --model-name";
  }
  return "";
}

ChatReply ChatClient::ask(const std::vector<ChatMessage>& messages, const ChatOptions& options, std::stop_token stop) {
  Json body = {{"model", parts_->model},           {"messages", Json::array()}, {"temperature", options.temperature},
               {"max_tokens", options.max_tokens}, {"seed", options.seed},      {"stream", false}};
  for (const ChatMessage& message : messages)
    body["messages"].push_back({{"role", message.role}, {"content", message.text}});
  const Answer answer =
      parts_->request("POST", "/chat/completions", body.dump(-1, ' ', false, Json::error_handler_t::replace),
                      parts_->endpoint.timeout_s, stop);
  if (!answer.problem.empty()) return {"", answer.problem, answer.reached};
  try {
    const Json json = Json::parse(answer.body);
    const Json& choice = json.at("choices").at(0);
    if (choice.contains("finish_reason") && choice["finish_reason"] == "length") {
      return {"", fmt::format("the answer was cut off at {} tokens", options.max_tokens), true};
    }
    std::string text = choice.at("message").at("content").get<std::string>();
    if (text.size() > parts_->endpoint.max_answer_bytes) {
      return {"", fmt::format("the answer has {} bytes, more than {}", text.size(), parts_->endpoint.max_answer_bytes),
              true};
    }
    return {std::move(text), "", true};
  } catch (const Json::exception&) {
    return {"", "the answer is not that of a chat completion", true};
  }
}

}  // namespace jarvis2::edit
