#include "map.h"

#include <cmath>
#include <sstream>
#include <stdexcept>

#include "text.h"

namespace router {

void RoadMap::addPlace(int id, Place place) { places_[id] = place; }

void RoadMap::addRoad(int from, int to, double speed, std::string name) {
  if (!hasPlace(from) || !hasPlace(to)) {
    throw std::runtime_error("road " + name + " between unknown places");
  }
  Road road;
  road.to = to;
  road.metres = distance(from, to);
  road.speed = speed;
  road.name = name;
  roads_[from].push_back(road);
  road.to = from;
  roads_[to].push_back(road);
}

bool RoadMap::hasPlace(int id) const { return places_.count(id) > 0; }

Place RoadMap::place(int id) const {
  if (places_.count(id) == 0) {
    throw std::runtime_error("no place " + std::to_string(id));
  }
  return places_.at(id);
}

std::vector<Road> RoadMap::roadsFrom(int id) const {
  if (roads_.count(id) == 0) {
    return {};
  }
  return roads_.at(id);
}

std::vector<int> RoadMap::placeIds() const {
  std::vector<int> ids;
  for (auto entry : places_) {
    ids.push_back(entry.first);
  }
  return ids;
}

double RoadMap::distance(int a, int b) const {
  return std::sqrt(std::pow(place(a).x - place(b).x, 2) + std::pow(place(a).y - place(b).y, 2));
}

size_t RoadMap::roadCount() const {
  size_t count = 0;
  for (auto entry : roads_) {
    count += entry.second.size();
  }
  return count / 2;
}

RoadMap readMap(const std::string& text) {
  RoadMap map;
  std::istringstream in(text);
  std::string line;
  while (std::getline(in, line)) {
    line = trim(line);
    if (line.empty() || startsWith(line, "#")) {
      continue;
    }
    std::vector<std::string> fields = split(line, ';');
    if (fields.size() != 5) {
      throw std::runtime_error("bad line: " + line);
    }
    if (fields[0] == "place") {
      Place place;
      place.name = fields[2];
      place.x = std::stod(fields[3]);
      place.y = std::stod(fields[4]);
      map.addPlace(std::stoi(fields[1]), place);
    } else if (fields[0] == "road") {
      map.addRoad(std::stoi(fields[1]), std::stoi(fields[2]), std::stod(fields[3]), fields[4]);
    } else {
      throw std::runtime_error("bad line: " + line);
    }
  }
  return map;
}

}  // namespace router
