// How many workers each kind of work gets.
#pragma once

#include "hardware/machine.h"

namespace jarvis2::hardware {

struct Workers {
  int neural = 1;
  int search = 1;
  int io = 2;
};

// neural = GPU cores / 4 (without a GPU a quarter of the performance cores), search = performance cores, I/O = 2 ×
// efficiency cores (without them half the performance cores). Never more neural or search workers than usable CPUs, nor
// more for I/O than twice that; at least 1, 1 and 2; at most 16, 256 and 32.
Workers workers(const Machine& machine);

}  // namespace jarvis2::hardware
