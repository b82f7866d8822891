// Makes a town, asks for many routes, prints the directions and a digest of all answers.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "directions.h"
#include "map.h"
#include "route.h"

namespace {

uint64_t state = 42;

uint32_t draw(uint32_t below) {
  state = state * 6364136223846793005ull + 1442695040888963407ull;
  return (uint32_t)((state >> 33) % below);
}

const char* kStreets[] = {"Mill Lane", "Station Road", "High Street", "Church Hill", "Queens Avenue", "Park Row"};
const int kSpeeds[] = {30, 50, 50, 70, 100};

std::string place(int id, double x, double y) {
  char line[120];
  std::snprintf(line, sizeof line, "place;%d;Place %d;%.1f;%.1f\n", id, id, x, y);
  return line;
}

std::string road(int from, int to) {
  char line[120];
  std::snprintf(line, sizeof line, "road;%d;%d;%d;%s %u\n", from, to, kSpeeds[draw(5)], kStreets[draw(6)], draw(90));
  return line;
}

std::string gridTown(int side) {
  std::string text = "# grid\n";
  for (int i = 0; i < side * side; i++) text += place(i, i % side * 180.0 + draw(90), i / side * 180.0 + draw(90));
  for (int i = 0; i < side * side; i++) {
    if (i % side + 1 < side && draw(10) != 0) text += road(i, i + 1);
    if (i + side < side * side && draw(10) != 0) text += road(i, i + side);
  }
  return text;
}

std::string ringTown(int rings) {
  const int spokes = 60;
  std::string text = "# rings\n";
  for (int r = 0; r < rings; r++) {
    for (int s = 0; s < spokes; s++) {
      const double angle = 6.283185307 * s / spokes, radius = 300.0 + 220.0 * r;
      text += place(r * spokes + s, radius * std::cos(angle), radius * std::sin(angle));
    }
  }
  for (int r = 0; r < rings; r++) {
    for (int s = 0; s < spokes; s++) {
      text += road(r * spokes + s, r * spokes + (s + 1) % spokes);
      if (r + 1 < rings && draw(3) != 0) text += road(r * spokes + s, (r + 1) * spokes + s);
    }
  }
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: router_bench grid|ring SIZE ROUTES\n");
    return 2;
  }
  const int size = std::atoi(argv[2]), routes = std::atoi(argv[3]);
  router::RoadMap map = router::readMap(argv[1][0] == 'g' ? gridTown(size) : ringTown(size));
  const std::vector<int> ids = map.placeIds();
  router::Preferences preferences;
  double seconds = 0;
  size_t steps = 0, near = 0;
  for (int i = 0; i < routes; i++) {
    const int from = ids[draw(ids.size())], to = ids[draw(ids.size())];
    const router::Route route = router::findRoute(map, from, to, preferences);
    seconds += route.seconds;
    steps += route.places.size();
    router::print(std::cout, map, route);
    if (i % 10 == 0) near += router::reachable(map, from, 120.0).size();
  }
  std::printf("%zu places, %zu roads, %zu steps, %zu near, %.6f s\n", ids.size(), map.roadCount(), steps, near, seconds);
  return 0;
}
