#include "route.h"

#include <algorithm>
#include <list>
#include <map>
#include <queue>
#include <set>

namespace router {

double driveSeconds(const Road& road) { return road.metres / (road.speed / 3.6); }

namespace {

struct Candidate {
  double bound;
  int place;
  bool operator>(const Candidate& other) const {
    return bound > other.bound || (bound == other.bound && place > other.place);
  }
};

std::vector<int> walkBack(std::map<int, int> previous, int from, int to) {
  std::list<int> places;
  int at = to;
  places.push_front(at);
  while (at != from) {
    at = previous[at];
    places.push_front(at);
  }
  return std::vector<int>(places.begin(), places.end());
}

}  // namespace

Route findRoute(RoadMap& map, int from, int to, Preferences preferences) {
  Route route;
  std::map<int, double> best;
  std::map<int, int> previous;
  std::set<int> done;
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<Candidate>> open;
  best[from] = 0;
  open.push({0, from});
  while (!open.empty()) {
    Candidate next = open.top();
    open.pop();
    if (done.find(next.place) != done.end()) {
      continue;
    }
    done.insert(next.place);
    if (next.place == to) {
      route.found = true;
      route.seconds = best[to];
      route.places = walkBack(previous, from, to);
      return route;
    }
    std::vector<Road> roads = map.roadsFrom(next.place);
    for (auto road : roads) {
      if (done.count(road.to) > 0) {
        continue;
      }
      double seconds = best[next.place] + driveSeconds(road) + preferences.turn_seconds;
      if (best.count(road.to) == 0 || seconds < best[road.to]) {
        best[road.to] = seconds;
        previous[road.to] = next.place;
        open.push({seconds + map.distance(road.to, to) / (preferences.fastest_speed / 3.6), road.to});
      }
    }
  }
  return route;
}

std::vector<int> reachable(RoadMap& map, int from, double seconds) {
  std::map<int, double> best;
  std::list<int> queue;
  best[from] = 0;
  queue.push_back(from);
  while (queue.size() > 0) {
    int at = queue.front();
    queue.pop_front();
    for (auto road : map.roadsFrom(at)) {
      double arrival = best[at] + driveSeconds(road);
      if (arrival > seconds) {
        continue;
      }
      if (best.find(road.to) == best.end() || arrival < best[road.to]) {
        best[road.to] = arrival;
        queue.push_back(road.to);
      }
    }
  }
  std::vector<int> places;
  for (auto entry : best) {
    places.push_back(entry.first);
  }
  std::sort(places.begin(), places.end());
  return places;
}

}  // namespace router
