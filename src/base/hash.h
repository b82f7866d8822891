// Content hashes, over OpenSSL (SHA-256) and xxHash (fast, not for security).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace jarvis2 {

// Lower-case hexadecimal SHA-256.
std::string sha256_hex(std::string_view bytes);
// 64-bit XXH3.
std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0);

}  // namespace jarvis2
