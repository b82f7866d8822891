// The one exception type. Its text starts with the place and holds the values; the command's edge prints it as one
// line.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace jarvis2 {

class Error : public std::runtime_error {
 public:
  // `place` is "room::function"; `message` says what is wrong, with what, and what to do.
  Error(std::string_view place, std::string_view message)
      : std::runtime_error("[" + std::string(place) + "] " + std::string(message)), message_(message) {}
  // The text without the place: what the command's edge shows to people.
  const std::string& message() const { return message_; }

 private:
  std::string message_;
};

// Thrown where work stops because the user (Ctrl-C, SIGTERM) asked for it.
class Interrupted : public std::runtime_error {
 public:
  Interrupted() : std::runtime_error("interrupted") {}
};

// Exit status of every command.
enum ExitStatus : int { kDone = 0, kNotFound = 1, kError = 2, kUndecided = 3, kInterrupted = 130 };

}  // namespace jarvis2
