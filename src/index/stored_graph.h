#pragma once

#include "code/graph.h"
#include "index/store.h"

namespace jarvis2::index {

// The graph of everything the index holds; symbols carry no byte ranges. Throws Corrupt where rows contradict each
// other.
code::Graph load_graph(Store& store);

}  // namespace jarvis2::index
