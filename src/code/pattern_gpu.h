// The GPU for text patterns.
#pragma once

namespace jarvis2::code {

// Makes the GPU the device of MultiPattern, if there is one and nobody has set another. Looks once; thread-safe.
bool offer_gpu_for_patterns();

}  // namespace jarvis2::code
