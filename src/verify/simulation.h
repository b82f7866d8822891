// A scripted machine: run times under drift, autocorrelation, bursts of a second load and heavy tails, for the judge's
// own tests and for `bench judge`. Never part of a verdict on real work.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace jarvis2::verify {

struct Noise {
  double deviation = 0.12;       // of the log of one slot, robust
  double tail_freedom = 3;       // Student's t; 0: Gaussian
  double autocorrelation = 0.6;  // share of the deviation that is an AR(1) process
  double drift = 0.3;            // amplitude of a slow wave of the log, over `drift_slots`
  double drift_slots = 300;
  double burst_probability = 0.02;  // of a second load arriving, a slot
  double burst_slots = 10;          // its mean length
  double burst_size = 0.5;          // log slow-down while it is here
  double second_slot = 0.01;        // the second run of a pair is this much faster (warm caches)
};
Noise quiet_noise();
Noise sequential_noise(double pair_deviation);  // a loaded machine; `pair_deviation` is that of a pair's log-ratio
Noise duet_noise(double pair_deviation);

class SimulatedMachine {
 public:
  SimulatedMachine(const Noise& noise, std::uint64_t seed);
  // Log of how much slower than nominal the next run is.
  double slot();
  // Log-ratio baseline over candidate of a pair in random order, for a true `log_effect`.
  double pair(double log_effect);

 private:
  Noise noise_;
  std::mt19937_64 random_;
  double level_ = 0;
  double phase_ = 0;
  double t_ = 0;
  double burst_left_ = 0;
};

}  // namespace jarvis2::verify
