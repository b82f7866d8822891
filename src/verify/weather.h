// What the machine does beside the measurement: waiting for quiet, and telling afterwards what disturbed it.
#pragma once

#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "verify/system.h"

namespace jarvis2::verify {

// Where the weather is read; scripted in tests.
struct WeatherStation {
  std::function<MachineLoad()> load = read_machine_load;
  std::function<double()> own_s = own_cpu_seconds;  // CPU seconds that are ours
  std::function<void(double seconds)> pause = {};   // empty: sleeps
};

// Waits until others leave all but a fifth of a core free beside `cpus` - 1, and nothing is throttled, `most_s` at
// most (by the station's clock). Returns what to note; empty when there was nothing to wait for. Throws Interrupted.
std::string wait_for_quiet(const WeatherStation& station, std::size_t cpus, double most_s, const std::stop_token& stop);

// What disturbed a measurement. `disturbing`: it may have hit the arms unequally, so a claim has to be twice as sure.
struct Weather {
  bool disturbing = false;
  std::vector<std::string> notes;
};
// `base_log_times`: logs of the baseline's own times, in order.
Weather weather_between(const MachineLoad& before, const MachineLoad& after, double own_s, std::size_t cpus,
                        std::span<const double> base_log_times);

}  // namespace jarvis2::verify
