#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "map.h"
#include "route.h"

namespace router {

/// One line a road: "left into Mill Lane for 1.25 km".
std::vector<std::string> directions(RoadMap& map, Route route);

void print(std::ostream& out, RoadMap& map, Route route);

}  // namespace router
