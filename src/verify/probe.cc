#include "verify/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "verify/pairs.h"
#include "verify/system.h"

namespace jarvis2::verify {
namespace {

constexpr double kWaitingLimit = 0.10;  // share of waiting or parallel time above which CPU time tells too little
constexpr std::size_t kEnoughLooks = 40;
constexpr double kTimeoutFactor = 10;
constexpr double kShortestTimeout_s = 2;
constexpr std::size_t kPadding = 100;
constexpr std::size_t kTelling = 20;  // looks in one run, to say how much it waits
constexpr double kAccounted = 1.05;   // times the accounted CPU time that may be seen
constexpr double kAccountedSlack_s = 0.003;

// Coarseness of the CPU clock: 10, 4 or 1 ms when every reading is a multiple of that, else a microsecond.
double resolution_s(const std::vector<double>& readings_s) {
  for (const std::uint64_t step_us : {10'000u, 4'000u, 1'000u}) {
    const bool all = std::all_of(readings_s.begin(), readings_s.end(),
                                 [&](double s) { return static_cast<std::uint64_t>(s * 1e6 + 0.5) % step_us == 0; });
    if (all && readings_s.size() >= 3) return static_cast<double>(step_us) * 1e-6;
  }
  return 1e-6;
}

void merge(Profile& into, const Profile& more) {
  const double n = static_cast<double>(into.looks + more.looks);
  const auto mean = [&](double a, double b) {
    return (a * static_cast<double>(into.looks) + b * static_cast<double>(more.looks)) / n;
  };
  if (n > 0) {
    // What waits in one run and not in another waited for the machine: a cold disk, a stolen core.
    const bool each_told = std::min(into.looks, more.looks) >= kTelling && !into.unaccounted && !more.unaccounted;
    into.waiting = each_told ? std::min(into.waiting, more.waiting) : mean(into.waiting, more.waiting);
    into.parallel = mean(into.parallel, more.parallel);
  }
  into.unaccounted = into.unaccounted || more.unaccounted;
  into.looks += more.looks;
  // The later run is the warmer one.
  into.wall_s = more.wall_s;
  into.cpu_s = more.cpu_s;
  into.max_rss_bytes = std::max(into.max_rss_bytes, more.max_rss_bytes);
  into.output_hash = more.output_hash;
}

Profile watch_once(const SpawnOptions& spawn, bool candidate, double timeout_s,
                   const std::optional<std::uint64_t>& output_hash, const Objective& objective, std::stop_token stop) {
  SpawnOptions options = spawn;
  options.max_output_bytes = std::min<std::size_t>(options.max_output_bytes, 4 << 20);
  options.env.emplace_back(kPaddingName, std::string(kPadding, 'x'));
  Process process = [&] {
    try {
      return Process::spawn(options);
    } catch (const Error& error) {
      throw RunFailed{{candidate, error.message()}};
    }
  }();
  ActivitySampler sampler(process.pid());
  const ProcessResult result = process.wait(timeout_s, std::move(stop));
  const Activity activity = sampler.finish();
  if (result.cancelled) throw Interrupted();
  check_run(result, candidate, timeout_s, output_hash);
  if (objective.metric == Metric::kPattern) printed_metric(objective, result.out, candidate);
  Profile profile;
  profile.wall_s = static_cast<double>(result.wall_ns) * 1e-9;
  profile.cpu_s = static_cast<double>(result.cpu_ns) * 1e-9;
  profile.looks = activity.samples;
  const double n = static_cast<double>(std::max<std::size_t>(activity.samples, 1));
  profile.waiting = static_cast<double>(activity.waiting) / n;
  profile.parallel = static_cast<double>(activity.parallel) / n;
  // Work in a process that nobody accounts for: to the accounted ones it is waiting, and CPU time is blind to it.
  if (activity.seen_cpu_s > kAccounted * profile.cpu_s + kAccountedSlack_s) {
    profile.waiting = std::max(profile.waiting, 1 - profile.cpu_s / activity.seen_cpu_s);
    profile.unaccounted = true;
  }
  profile.max_rss_bytes = result.max_rss_bytes;
  profile.output_hash = result.out_hash;
  return profile;
}

}  // namespace

Profile watch_run(const SpawnOptions& spawn, bool candidate, double timeout_s,
                  const std::optional<std::uint64_t>& output_hash, const Objective& objective, std::stop_token stop) {
  Profile profile = watch_once(spawn, candidate, timeout_s, output_hash, objective, stop);
  if (profile.waiting > kWaitingLimit && profile.looks >= kTelling && !profile.unaccounted) {
    merge(profile, watch_once(spawn, candidate, timeout_s, output_hash, objective, std::move(stop)));
  }
  return profile;
}

Probe probe_work(const Work& work, const MeasureOptions& options) {
  Probe probe;
  probe.run_timeout_s = options.run_timeout_s;
  const bool check = options.check_output && options.objective.metric != Metric::kPattern;
  if (check) probe.output_hash = work.output_hash;
  std::vector<double> cpu_s;
  const auto run = [&](bool candidate) {
    const Profile seen = watch_run(candidate ? work.candidate.spawn : work.base.spawn, candidate, probe.run_timeout_s,
                                   probe.output_hash, options.objective, options.stop);
    merge(candidate ? probe.candidate : probe.base, seen);
    cpu_s.push_back(seen.cpu_s);
    if (check && !probe.output_hash) probe.output_hash = seen.output_hash;
    if (probe.run_timeout_s <= 0) probe.run_timeout_s = std::max(kShortestTimeout_s, kTimeoutFactor * seen.wall_s);
  };
  const bool known = work.base_profile.has_value() && (probe.output_hash || !check) && probe.run_timeout_s > 0;
  if (known) {
    probe.base = *work.base_profile;
  } else {
    run(false);
    // Does its own output hold still?
    try {
      run(false);
    } catch (const RunFailed& failed) {
      if (!check) throw;
      throw Error("verify::judge", failed.failure.reason + ": its output may change from run to run (then ignore it)");
    }
  }
  if (work.candidate_profile) {
    probe.candidate = *work.candidate_profile;
  } else {
    run(true);
  }
  // Short programs: look often enough to tell waiting from working.
  const double until_s = monotonic_s() + std::min(0.5, options.budget_s * 0.05);
  while (!known && std::min(probe.base.looks, probe.candidate.looks) < kEnoughLooks && monotonic_s() < until_s) {
    run(false);
    run(true);
  }
  probe.cpu_resolution_s = resolution_s(cpu_s);
  return probe;
}

bool suits_duet(const Profile& base, const Profile& candidate, std::string& why) {
  const double waiting = std::max(base.waiting, candidate.waiting);
  const double parallel = std::max(base.parallel, candidate.parallel);
  if (std::min(base.looks, candidate.looks) < 3) {
    // Too short to be watched: the clocks have to do.
    const double shares[] = {base.cpu_s / std::max(base.wall_s, 1e-9),
                             candidate.cpu_s / std::max(candidate.wall_s, 1e-9)};
    why = fmt::format("too short to be watched; CPU time is {:.0f} % of the wall time",
                      std::min(shares[0], shares[1]) * 100);
    return std::min(shares[0], shares[1]) > 0.5 && std::max(shares[0], shares[1]) < 1.2;
  }
  if (waiting > kWaitingLimit) {
    why = fmt::format("it waits {:.0f} % of its time", waiting * 100);
    return false;
  }
  if (parallel > kWaitingLimit) {
    why = fmt::format("it runs two or more threads at once {:.0f} % of its time", parallel * 100);
    return false;
  }
  why = "one busy thread: both at once on one core, compared by CPU time";
  return true;
}

}  // namespace jarvis2::verify
