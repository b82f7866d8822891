#pragma once

#include <vector>

#include "map.h"

namespace router {

struct Route {
  std::vector<int> places;
  double seconds = 0;
  bool found = false;
};

struct Preferences {
  double fastest_speed = 130;  // of any road, km/h
  double turn_seconds = 4;     // lost at each place
};

double driveSeconds(const Road& road);

/// The fastest route (A* with the straight line as the bound); not found when the places are not connected.
Route findRoute(RoadMap& map, int from, int to, Preferences preferences);

/// Places that can be reached within the time, sorted by number.
std::vector<int> reachable(RoadMap& map, int from, double seconds);

}  // namespace router
