#include "app/options.h"

#include <cmath>
#include <cstdlib>

#include "base/error.h"

namespace jarvis2::app {

double parse_duration_s(const std::string& text, const std::string& what) {
  char* end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  double factor = 0;
  if (unit.empty() || unit == "s") factor = 1;
  if (unit == "ms") factor = 1e-3;
  if (unit == "m" || unit == "min") factor = 60;
  if (unit == "h") factor = 3600;
  value *= factor;
  if (end == text.c_str() || factor == 0 || !std::isfinite(value) || value <= 0) {
    throw Error("app::options", what + " " + text + ": not a time; write it as 90s, 10m or 1h");
  }
  return value;
}

}  // namespace jarvis2::app
