#include "verify/weather.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "base/error.h"
#include "verify/statistics.h"

namespace jarvis2::verify {
namespace {

constexpr double kDriftNote = 0.10;
constexpr std::size_t kFewestForDrift = 9;
constexpr double kBusyNote = 0.5;     // cores
constexpr double kStolenNote = 0.05;  // cores
constexpr double kLook_s = 0.1;
constexpr double kSpareShare = 0.2;  // of a core

}  // namespace

std::string wait_for_quiet(const WeatherStation& station, std::size_t cpus, double most_s,
                           const std::stop_token& stop) {
  const double spare = static_cast<double>(cpus) - 1;
  MachineLoad before = station.load();
  double own_before_s = station.own_s();
  const double begun_s = before.at_s;
  bool waited = false;
  while (true) {
    if (station.pause) {
      station.pause(kLook_s);
    } else {
      std::this_thread::sleep_for(std::chrono::duration<double>(kLook_s));
    }
    if (stop.stop_requested()) throw Interrupted();
    const MachineLoad after = station.load();
    const double own_after_s = station.own_s();
    const double wall_s = std::max(after.at_s - before.at_s, 1e-3);
    const double others =
        (after.busy_s - before.busy_s + after.stolen_s - before.stolen_s - (own_after_s - own_before_s)) / wall_s;
    const bool throttled = after.throttles > before.throttles;
    if ((others <= spare + kSpareShare && !throttled) || after.at_s - begun_s > most_s) {
      if (!waited) return {};
      return fmt::format("a second load: others kept {:.1f} cores busy; waited {:.1f} s", others, after.at_s - begun_s);
    }
    waited = true;
    before = after;
    own_before_s = own_after_s;
  }
}

Weather weather_between(const MachineLoad& before, const MachineLoad& after, double own_s, std::size_t cpus,
                        std::span<const double> base_log_times) {
  Weather weather;
  if (base_log_times.size() >= kFewestForDrift) {
    const std::size_t third = base_log_times.size() / 3;
    const std::span<const double> first = base_log_times.first(third), last = base_log_times.last(third);
    const double change = std::exp(median({last.begin(), last.end()}) - median({first.begin(), first.end()})) - 1;
    if (std::abs(change) > kDriftNote) {
      weather.disturbing = true;
      weather.notes.push_back(
          fmt::format("drift: the baseline's own time changed by {:+.0f} % while measuring", change * 100));
    }
  }
  const double wall_s = std::max(after.at_s - before.at_s, 1e-3);
  const double others = (after.busy_s - before.busy_s - own_s) / wall_s;
  const double stolen = (after.stolen_s - before.stolen_s) / wall_s;
  const double spare = static_cast<double>(cpus) - 1;
  weather.disturbing = weather.disturbing || others > spare + kBusyNote;
  if (others > kBusyNote) weather.notes.push_back(fmt::format("other programs kept {:.1f} cores busy", others));
  if (stolen > kStolenNote) {
    weather.disturbing = true;
    weather.notes.push_back(fmt::format("the hypervisor took {:.2f} cores away", stolen));
  }
  if (after.throttles > before.throttles) {
    weather.disturbing = true;
    weather.notes.push_back("the processor was throttled");
  }
  return weather;
}

}  // namespace jarvis2::verify
