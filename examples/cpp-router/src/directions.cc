#include "directions.h"

#include <cmath>
#include <sstream>

#include "text.h"

namespace router {

namespace {

Road roadBetween(RoadMap& map, int from, int to) {
  for (auto road : map.roadsFrom(from)) {
    if (road.to == to) {
      return road;
    }
  }
  return Road();
}

std::string turn(Place a, Place b, Place c) {
  double cross = (b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x);
  double dot = (b.x - a.x) * (c.x - b.x) + (b.y - a.y) * (c.y - b.y);
  double angle = std::atan2(cross, dot);
  if (angle > 0.5) {
    return "left";
  } else if (angle < -0.5) {
    return "right";
  }
  return "straight";
}

std::string kilometres(double metres) {
  std::ostringstream text;
  text.precision(2);
  text << std::fixed << metres / 1000.0;
  return text.str() + " km";
}

}  // namespace

std::vector<std::string> directions(RoadMap& map, Route route) {
  std::vector<std::string> lines;
  std::string name;
  double metres = 0;
  std::string heading = "start";
  for (size_t i = 1; i < route.places.size(); i++) {
    Road road = roadBetween(map, route.places[i - 1], route.places[i]);
    std::string next = "start";
    if (i > 1) {
      next = turn(map.place(route.places[i - 2]), map.place(route.places[i - 1]), map.place(route.places[i]));
    }
    if (i > 1 && (road.name != name || next != "straight")) {
      lines.push_back(heading + " into " + name + " for " + kilometres(metres));
      metres = 0;
      heading = next;
    }
    name = road.name;
    metres += road.metres;
  }
  if (route.places.size() > 1) {
    lines.push_back(heading + " into " + name + " for " + kilometres(metres));
  }
  return lines;
}

void print(std::ostream& out, RoadMap& map, Route route) {
  if (!route.found) {
    out << "no route" << std::endl;
    return;
  }
  std::vector<std::string> lines = directions(map, route);
  std::vector<std::string> visited;
  for (size_t i = 0; i < route.places.size(); i++) {
    visited.push_back(map.place(route.places[i]).name);
  }
  out << "from " << map.place(route.places[0]).name << " to " << map.place(route.places.back()).name << std::endl;
  for (size_t i = 0; i < lines.size(); i++) {
    out << "  " << i + 1 << ". " << lines[i] << std::endl;
  }
  out << "  via " << join(visited, ", ") << std::endl;
  out << "  " << (long)std::lround(route.seconds) << " s" << std::endl;
}

}  // namespace router
