// Starting the parts of a long-lived program: side by side, as far as what each needs allows.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace jarvis2::engine {

struct StartStep {
  std::string name;
  std::vector<std::string> needs;  // names of steps that must be done before
  std::function<void()> run;
};

struct StartTiming {
  std::string name;
  double begin_ms = 0;  // since start_up() was called
  double ms = 0;
};

// Runs every step as soon as what it needs is done, each on a thread of its own. When one fails, steps not yet begun
// are left out and its exception is thrown after the running ones have ended. Throws Error for unknown needs and for
// circles. Timings come in the steps' order.
std::vector<StartTiming> start_up(const std::vector<StartStep>& steps);
// "store 3 ms, watcher 12 ms (after 3)".
std::string timings_text(const std::vector<StartTiming>& timings);

}  // namespace jarvis2::engine
