#pragma once

#include <cstdint>

namespace jarvis2 {

// The most memory that this process has had resident so far, shared libraries and mapped files included.
std::uint64_t peak_resident_bytes();

}  // namespace jarvis2
