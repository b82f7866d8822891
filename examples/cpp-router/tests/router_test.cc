#include <cmath>
#include <cstdio>
#include <sstream>

#include "directions.h"
#include "map.h"
#include "route.h"
#include "text.h"

namespace {

int failures = 0;

void check(bool ok, const char* what, int line) {
  if (!ok) {
    std::printf("line %d: %s\n", line, what);
    failures++;
  }
}

#define CHECK(x) check((x), #x, __LINE__)

const char* kTown =
    "# a small town\n"
    "place;1;Harbour;0;0\n"
    "place;2;Market;1000;0\r\n"
    "  place;3;Church;1000;1000\n"
    "\n"
    "place;4;Mill;0;1000\n"
    "place;9;Island;5000;5000\n"
    "road;1;2;50;Quay Street\n"
    "road;2;3;50;Church Hill\n"
    "road;1;4;30;Mill Lane\n"
    "road;4;3;30;Mill Lane\n";

void testText() {
  CHECK((router::split("a;;b;", ';') == std::vector<std::string>{"a", "", "b", ""}));
  CHECK((router::split("", ';') == std::vector<std::string>{""}));
  CHECK(router::trim(" \t a b \r") == "a b");
  CHECK(router::trim("  ").empty());
  CHECK(router::startsWith("road;1", "road") && !router::startsWith("ro", "road"));
  CHECK(router::join({"a", "b", "c"}, ", ") == "a, b, c");
  CHECK(router::join({}, ", ").empty());
}

void testMap() {
  router::RoadMap map = router::readMap(kTown);
  CHECK((map.placeIds() == std::vector<int>{1, 2, 3, 4, 9}));
  CHECK(map.roadCount() == 4);
  CHECK(map.place(2).name == "Market" && map.place(2).x == 1000);
  CHECK(map.roadsFrom(1).size() == 2 && map.roadsFrom(9).empty());
  CHECK(map.roadsFrom(3)[0].to == 2 && map.roadsFrom(3)[0].name == "Church Hill");
  CHECK(std::fabs(map.distance(1, 3) - 1414.2135623) < 1e-6);
  for (const char* bad : {"road;1;2;50;Nowhere", "place;1;x", "lake;1;2;3;4"}) {
    bool thrown = false;
    try {
      router::readMap(bad);
    } catch (const std::exception&) {
      thrown = true;
    }
    CHECK(thrown);
  }
}

void testRoutes() {
  router::RoadMap map = router::readMap(kTown);
  router::Route route = router::findRoute(map, 1, 3, router::Preferences());
  CHECK(route.found);
  CHECK((route.places == std::vector<int>{1, 2, 3}));
  CHECK(std::fabs(route.seconds - 152.0) < 1e-9);
  CHECK(!router::findRoute(map, 1, 9, router::Preferences()).found);
  CHECK((router::findRoute(map, 4, 4, router::Preferences()).places == std::vector<int>{4}));
  CHECK((router::reachable(map, 1, 100) == std::vector<int>{1, 2}));
  CHECK((router::reachable(map, 1, 150) == std::vector<int>{1, 2, 3, 4}));
}

void testDirections() {
  router::RoadMap map = router::readMap(kTown);
  std::ostringstream out;
  router::print(out, map, router::findRoute(map, 1, 3, router::Preferences()));
  CHECK(out.str() ==
        "from Harbour to Church\n  1. start into Quay Street for 1.00 km\n  2. left into Church Hill for 1.00 km\n"
        "  via Harbour, Market, Church\n  152 s\n");
  std::ostringstream none;
  router::print(none, map, router::findRoute(map, 1, 9, router::Preferences()));
  CHECK(none.str() == "no route\n");
}

}  // namespace

int main() {
  testText();
  testMap();
  testRoutes();
  testDirections();
  std::printf(failures == 0 ? "ok\n" : "%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
