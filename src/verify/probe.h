// First runs of both arms: do they work, print the same, and what do they do with their time?
#pragma once

#include <optional>
#include <stop_token>

#include "verify/measure.h"

namespace jarvis2::verify {

// One watched run; two where the first seems to wait, since waiting for a cold disk doesn't come again. Throws
// RunFailed (see pairs.h) when it fails, takes longer than `timeout_s` (0: no limit) or prints something else than
// `output_hash`; Interrupted when `stop` is requested.
Profile watch_run(const SpawnOptions& spawn, bool candidate, double timeout_s,
                  const std::optional<std::uint64_t>& output_hash, const Objective& objective, std::stop_token stop);

// What the probe found out about one benchmark.
struct Probe {
  Profile base, candidate;
  std::optional<std::uint64_t> output_hash;  // that every run must print
  double run_timeout_s = 0;
  double cpu_resolution_s = 1e-6;  // of the CPU clock
};
// Runs what `work` does not already know. Throws as watch_run does, and Error when the baseline's own output changes.
Probe probe_work(const Work& work, const MeasureOptions& options);

// Whether CPU time on one core tells how fast this is, and why (or why not).
bool suits_duet(const Profile& base, const Profile& candidate, std::string& why);

}  // namespace jarvis2::verify
