// From the best set found to the one that is delivered: pruned to what counts, explained, confirmed.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/search_loop.h"

namespace jarvis2::engine {

struct Contribution {
  edit::ActionId action = 0;
  edit::ActionSet removed;   // the action and what requires it
  double ratio = 1;          // time without it over time with it, in the champion
  double low = 0, high = 0;  // two standard errors
  bool required = false;     // without it the champion is not correct
};

// Takes out what does not pay, as long as `deadline_ns` allows; every step is measured against the set as it was.
edit::ActionSet prune(SearchSpace& space, edit::ActionSet set, std::uint64_t deadline_ns,
                      const std::function<void(const std::string&)>& progress, std::stop_token stop);

// Leave-one-out of the final set, largest expected first, as long as `deadline_ns` allows.
std::vector<Contribution> contributions(SearchSpace& space, const edit::ActionSet& set, std::uint64_t deadline_ns,
                                        const std::function<void(const std::string&)>& progress, std::stop_token stop);

}  // namespace jarvis2::engine
