// Where syntax trees lie: in the pool of the code cache's zone.
#pragma once

namespace jarvis2::code {

// Takes over tree-sitter's memory; before its first use. Where the zone is full trees go on the heap, uncounted, since
// C code can't be left by an exception; zone_was_full() then tells, once, on the thread that it befell.
void use_zone_for_trees();
bool zone_was_full();

}  // namespace jarvis2::code
