#pragma once

#include <map>
#include <string>
#include <vector>

namespace router {

struct Place {
  std::string name;
  double x = 0;
  double y = 0;
};

struct Road {
  int to = 0;
  double metres = 0;
  double speed = 0;  // km/h
  std::string name;
};

/// Places joined by roads; every road can be driven both ways.
class RoadMap {
 public:
  void addPlace(int id, Place place);
  void addRoad(int from, int to, double speed, std::string name);

  bool hasPlace(int id) const;
  Place place(int id) const;
  std::vector<Road> roadsFrom(int id) const;
  std::vector<int> placeIds() const;
  double distance(int a, int b) const;  // metres, as the crow flies
  size_t roadCount() const;

 private:
  std::map<int, Place> places_;
  std::map<int, std::vector<Road>> roads_;
};

/// Lines "place;ID;NAME;X;Y" and "road;FROM;TO;SPEED;NAME"; blank lines and "#" comments are skipped.
RoadMap readMap(const std::string& text);

}  // namespace router
