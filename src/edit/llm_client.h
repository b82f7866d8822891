// A language model on the user's own machine, behind an OpenAI-compatible endpoint (llama.cpp, Ollama, MLX-LM).
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace jarvis2::edit {

struct ModelEndpoint {
  std::string url;   // "http://127.0.0.1:8080/v1"
  std::string name;  // of the model; empty: the first one that the endpoint lists
  std::string key;   // sent as a bearer token when not empty
  double timeout_s = 120;
  bool allow_remote = false;  // else only addresses of this machine
  std::size_t max_answer_bytes = 256 << 10;
};

struct ChatMessage {
  std::string role;  // "system", "user"
  std::string text;
};

struct ChatOptions {
  double temperature = 0.2;
  int max_tokens = 1024;
  std::uint64_t seed = 1;
};

struct ChatReply {
  std::string text;
  std::string problem;  // what went wrong, for people; empty: `text` is the answer
  bool reached = true;  // false: nobody answers there, another question would not help
};

// One endpoint. Nothing is thrown for what the other side does: it is told in the reply. Not thread-safe.
class ChatClient {
 public:
  explicit ChatClient(ModelEndpoint endpoint);
  ~ChatClient();
  ChatClient(const ChatClient&) = delete;
  ChatClient& operator=(const ChatClient&) = delete;

  // Checks the address, and that a model is served there; empty when all is well, else the problem in one line.
  std::string open(std::stop_token stop = {});
  const std::string& model() const;
  ChatReply ask(const std::vector<ChatMessage>& messages, const ChatOptions& options, std::stop_token stop = {});

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace jarvis2::edit
