// What is fed with damaged input: each reads bytes as the program would, and may throw nothing but Error.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace jarvis2::fuzz {

struct Target {
  std::string name;
  std::vector<std::string> corpus;  // sound inputs that the damaged ones are made from
  std::function<void(const std::string& bytes)> read;
};

// Corpora come from the source tree at `source` and from what the program itself writes.
std::vector<Target> all_targets(const std::string& source);

}  // namespace jarvis2::fuzz
