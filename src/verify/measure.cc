#include "verify/measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <random>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "verify/pairs.h"
#include "verify/system.h"

namespace jarvis2::verify {
namespace {

constexpr double kDuetScale = 0.02;  // first guesses of a pair's deviation
constexpr double kSequentialScale = 0.12;
constexpr double kSteadyScale = 0.01;   // peak memory
constexpr double kWaitingLimit = 0.10;  // share of waiting or parallel time above which CPU time tells too little
constexpr std::size_t kActivitySamples = 40;
constexpr double kProbeLimit_s = 3600;  // when nobody gave a timeout
constexpr double kTimeoutFactor = 10;
constexpr double kDuetShare = 0.7;       // of the budget, when wall-clock pairs still have to agree
constexpr double kDirectionAlpha = 0.1;  // of the wall-clock pairs' agreement in direction
constexpr double kDriftNote = 0.10;
constexpr double kWaitShare = 0.05;  // of the budget, for waiting until a second load has gone
constexpr int kMostRepeats = 200;

std::uint64_t fresh_seed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

// The probe's view of an arm.
struct Probe {
  Profile profile;
  std::size_t samples = 0;
  std::vector<std::uint64_t> cpu_ns;
};

// Coarseness of the CPU clock: 10, 4 or 1 ms when every reading is a multiple of that, else below that.
double cpu_resolution_s(const std::vector<std::uint64_t>& readings) {
  for (const std::uint64_t step_us : {10'000u, 4'000u, 1'000u}) {
    const bool all =
        std::all_of(readings.begin(), readings.end(), [&](std::uint64_t ns) { return ns / 1000 % step_us == 0; });
    if (all && readings.size() >= 3) return static_cast<double>(step_us) * 1e-6;
  }
  return 1e-6;
}

class Session {
 public:
  Session(const Arm& base, const Arm& candidate, const MeasureOptions& options)
      : base_(base),
        candidate_(candidate),
        options_(options),
        started_s_(monotonic_s()),
        load_before_(read_machine_load()),
        own_before_s_(own_cpu_seconds()) {
    if (options_.cpus.empty()) options_.cpus = usable_cpus();
    if (options_.seed == 0) options_.seed = fresh_seed();
    if (options_.lanes == 0) options_.lanes = std::clamp<std::size_t>(options_.cpus.size() / 2, 1, 4);
    judgement_.alpha = options_.alpha;
    judgement_.min_effect = options_.min_effect;
    judgement_.seed = options_.seed;
    deadline_s_ = started_s_ + options_.budget_s;
  }

  Judgement judge() {
    try {
      if (options_.objective.metric == Metric::kSize) return finish_with(judge_size());
      if (options_.objective.metric == Metric::kInstructions) return finish_with(judge_instructions());
      probe();
      choose_instrument();
      measure();
      if (judgement_.verdict == Verdict::kFaster && needs_direction()) check_direction();
      if (judgement_.verdict == Verdict::kFaster && options_.record_aa) record_aa();
    } catch (const RunFailed& failed) {
      if (!failed.failure.candidate) throw Error("verify::judge", failed.failure.reason);
      judgement_.verdict = Verdict::kRejected;
      judgement_.failure = failed.failure;
      judgement_.reason = failed.failure.reason;
    } catch (const Cancelled&) {
      throw Interrupted();
    }
    return finish_with(judgement_);
  }

  Screen screen(std::size_t pairs) {
    Screen result;
    try {
      probe();
      choose_instrument();
      result.instrument = judgement_.instrument;
      std::vector<double> ratios;
      const PairSetup setup = pair_setup(base_, candidate_);
      run_pairs(setup, options_.cpus, 1, deadline_s_, index_, options_.stop, [&](const PairSample& sample) {
        ratios.push_back(sample.log_ratio);
        return ratios.size() < pairs;
      });
      result.pairs = ratios.size();
      if (!ratios.empty()) {
        result.log_ratio = hodges_lehmann(ratios);
        // A few pairs say little about their own spread: a floor that falls with their number.
        const double spread = std::max(robust_deviation(ratios), first_scale() / static_cast<double>(ratios.size()));
        result.se = spread / std::sqrt(static_cast<double>(ratios.size()));
      }
    } catch (const RunFailed& failed) {
      if (!failed.failure.candidate) throw Error("verify::screen", failed.failure.reason);
      result.failure = failed.failure;
    } catch (const Cancelled&) {
      throw Interrupted();
    }
    return result;
  }

 private:
  double elapsed_s() const { return monotonic_s() - started_s_; }

  void tell(const char* phase, const Estimate& estimate, double eta_s) {
    if (!options_.progress) return;
    Progress progress;
    progress.phase = phase;
    progress.instrument = judgement_.instrument;
    progress.pairs = estimate.pairs;
    progress.estimate = estimate;
    progress.elapsed_s = elapsed_s();
    progress.eta_s = eta_s;
    options_.progress(progress);
  }

  // Both arms, first to warm up and to see what they print, then to see what they do with their time.
  void probe() {
    tell("probe", {}, options_.budget_s);
    const double limit_s = options_.run_timeout_s > 0 ? options_.run_timeout_s : kProbeLimit_s;
    const bool check = options_.check_output && options_.objective.metric != Metric::kPattern;
    Probe probes[2];
    const auto run = [&](bool candidate, double timeout_s) {
      SpawnOptions spawn = candidate ? candidate_.spawn : base_.spawn;
      spawn.max_output_bytes = std::min<std::size_t>(spawn.max_output_bytes, 4 << 20);
      Probe& probe = probes[candidate ? 1 : 0];
      Process process = [&] {
        try {
          return Process::spawn(spawn);
        } catch (const Error& error) {
          throw RunFailed{{candidate, error.message()}};
        }
      }();
      ActivitySampler sampler(process.pid());
      const ProcessResult result = process.wait(timeout_s, options_.stop);
      const Activity activity = sampler.finish();
      if (result.cancelled) throw Interrupted();
      check_run(result, candidate, timeout_s, check ? output_hash_ : std::nullopt);
      if (options_.objective.metric == Metric::kPattern) printed_metric(options_.objective, result.out, candidate);
      if (check && !output_hash_) output_hash_ = result.out_hash;
      const double n = static_cast<double>(probe.samples + activity.samples);
      if (n > 0) {
        const double before = static_cast<double>(probe.samples);
        probe.profile.waiting = (probe.profile.waiting * before + static_cast<double>(activity.waiting)) / n;
        probe.profile.parallel = (probe.profile.parallel * before + static_cast<double>(activity.parallel)) / n;
      }
      probe.samples += activity.samples;
      probe.cpu_ns.push_back(result.cpu_ns);
      probe.profile.cpu_s = static_cast<double>(result.cpu_ns) * 1e-9;
      probe.profile.wall_s = static_cast<double>(result.wall_ns) * 1e-9;
      probe.profile.max_rss_bytes = std::max(probe.profile.max_rss_bytes, result.max_rss_bytes);
      probe.profile.output_hash = result.out_hash;
      return result;
    };
    if (expected_output_) output_hash_ = expected_output_;
    const ProcessResult first = run(false, limit_s);
    if (options_.run_timeout_s <= 0) {
      options_.run_timeout_s = std::max(2.0, kTimeoutFactor * static_cast<double>(first.wall_ns) * 1e-9);
    }
    run(true, options_.run_timeout_s);
    // The second run of the baseline shows whether its own output holds still.
    try {
      run(false, options_.run_timeout_s);
    } catch (const RunFailed& failed) {
      if (failed.failure.candidate || !check) throw;
      throw Error("verify::judge",
                  failed.failure.reason + "; its output may change from run to run (then use ignore-output)");
    }
    // Short programs: enough looks at their threads to tell waiting from working.
    const double until_s = monotonic_s() + std::min(0.5, options_.budget_s * 0.05);
    while (std::min(probes[0].samples, probes[1].samples) < kActivitySamples && monotonic_s() < until_s) {
      run(false, options_.run_timeout_s);
      run(true, options_.run_timeout_s);
    }
    judgement_.base = probes[0].profile;
    judgement_.candidate = probes[1].profile;
    std::vector<std::uint64_t> readings = probes[0].cpu_ns;
    readings.insert(readings.end(), probes[1].cpu_ns.begin(), probes[1].cpu_ns.end());
    cpu_resolution_s_ = cpu_resolution_s(readings);
    enough_samples_ = std::min(probes[0].samples, probes[1].samples) >= 3;
  }

  void choose_instrument() {
    const Profile& a = judgement_.base;
    const Profile& b = judgement_.candidate;
    const double waiting = std::max(a.waiting, b.waiting);
    const double parallel = std::max(a.parallel, b.parallel);
    Instrument& chosen = judgement_.instrument;
    std::string& why = judgement_.instrument_reason;
    if (options_.objective.metric == Metric::kPeakMemory || options_.objective.metric == Metric::kPattern) {
      chosen = Instrument::kSequential;
      why = fmt::format("{} is read from runs that have the machine to themselves",
                        metric_name(options_.objective.metric));
    } else if (options_.instrument != Instrument::kAuto) {
      chosen = options_.instrument;
      why = "asked for";
    } else if (!can_pin()) {
      chosen = Instrument::kSequential;
      why = "this system cannot tie a process to a core";
    } else if (!enough_samples_) {
      // Too short to be watched: the clocks have to do.
      const double cpu_share = std::min(a.cpu_s / std::max(a.wall_s, 1e-9), b.cpu_s / std::max(b.wall_s, 1e-9));
      chosen = cpu_share > 0.5 && cpu_share < 1.2 ? Instrument::kDuet : Instrument::kSequential;
      why = fmt::format("too short to be watched; CPU time is {:.0f} % of the wall time", cpu_share * 100);
    } else if (waiting > kWaitingLimit) {
      chosen = Instrument::kSequential;
      why = fmt::format("it waits {:.0f} % of its time", waiting * 100);
    } else if (parallel > kWaitingLimit) {
      chosen = Instrument::kSequential;
      why = fmt::format("it runs two or more threads at once {:.0f} % of its time", parallel * 100);
    } else {
      chosen = Instrument::kDuet;
      why = "one busy thread: both at once on one core, compared by CPU time";
    }
    // Long enough for the clock and for the scheduler's slices, short runs repeated.
    const double shortest = chosen == Instrument::kDuet ? std::min(a.cpu_s, b.cpu_s) : std::min(a.wall_s, b.wall_s);
    double wanted = options_.min_run_s;
    if (chosen == Instrument::kDuet) wanted = std::max(wanted, 100 * cpu_resolution_s_);
    repeats_ = std::clamp(static_cast<int>(std::ceil(wanted / std::max(shortest, 1e-5))), 1, kMostRepeats);
    if (chosen == Instrument::kDuet && cpu_resolution_s_ > 1e-4) {
      judgement_.notes.push_back(fmt::format("the CPU clock ticks every {:.0f} ms: runs are repeated {} times",
                                             cpu_resolution_s_ * 1e3, repeats_));
    }
  }

  double first_scale() const {
    if (options_.objective.metric == Metric::kPeakMemory) return kSteadyScale;
    return judgement_.instrument == Instrument::kDuet ? kDuetScale : kSequentialScale;
  }

  PairSetup pair_setup(const Arm& base, const Arm& candidate) const {
    PairSetup setup;
    setup.base = &base;
    setup.candidate = &candidate;
    setup.instrument = judgement_.instrument;
    setup.objective = options_.objective;
    setup.repeats = repeats_;
    setup.run_timeout_s = options_.run_timeout_s;
    if (options_.check_output && options_.objective.metric != Metric::kPattern) setup.output_hash = output_hash_;
    setup.pad_environment = options_.pad_environment;
    setup.launch_cpu_ns = options_.launch_cpu_ns;
    setup.seed = options_.seed;
    return setup;
  }

  bool needs_direction() const {
    return options_.confirm && judgement_.instrument == Instrument::kDuet && options_.objective.metric == Metric::kTime;
  }

  // Pairs into `test` until it wants no more. Returns the pairs' mean duration.
  void feed(SequentialTest& test, const PairSetup& setup, double deadline_s, const char* phase,
            const std::function<bool(const SequentialTest&)>& wants_more, std::vector<PairSample>* samples) {
    const double begun_s = monotonic_s();
    double told_s = 0;
    const std::size_t lanes = setup.instrument == Instrument::kDuet ? options_.lanes : 1;
    run_pairs(setup, options_.cpus, lanes, deadline_s, index_, options_.stop, [&](const PairSample& sample) {
      test.add(sample.log_ratio);
      if (samples != nullptr) samples->push_back(sample);
      const double now_s = monotonic_s();
      if (options_.progress && now_s - told_s > 0.2) {
        told_s = now_s;
        const double each_s = (now_s - begun_s) / static_cast<double>(test.log_ratios().size());
        tell(phase, test.estimate(), std::min(test.expected_more_pairs() * each_s, deadline_s - now_s));
      }
      return wants_more(test) && test.log_ratios().size() < options_.max_pairs;
    });
  }

  void measure() {
    if (judgement_.instrument == Instrument::kSequential) wait_for_quiet();
    SequentialTest test({options_.alpha, options_.min_effect, first_scale()});
    const double share = needs_direction() ? kDuetShare : 1.0;
    const double deadline_s = started_s_ + options_.budget_s * share;
    feed(
        test, pair_setup(base_, candidate_), deadline_s, "measure",
        [](const SequentialTest& seen) { return seen.wants_more(); }, &judgement_.samples);
    judgement_.verdict = test.verdict();
    judgement_.estimate = test.estimate();
    note_drift();
    explain(test);
  }

  void explain(const SequentialTest& test) {
    const Estimate& e = judgement_.estimate;
    const std::string bound = fmt::format("{:.3g} %", options_.min_effect * 100);
    switch (judgement_.verdict) {
      case Verdict::kFaster:
        judgement_.reason = fmt::format("speed-up of at least {:.3f}, above the {} asked for", e.low, bound);
        break;
      case Verdict::kSlower:
        judgement_.reason = fmt::format("ratio of at most {:.3f}: slower by more than {}", e.high, bound);
        break;
      case Verdict::kNotFaster:
        judgement_.reason = fmt::format("speed-up of at most {:.3f}, below the {} asked for", e.high, bound);
        break;
      default: {
        const double more = test.expected_more_pairs();
        judgement_.reason =
            e.pairs >= options_.max_pairs ? fmt::format("{} pairs did not decide", e.pairs)
            : e.pairs == 0                ? "the budget ended before the first pair did"
            : std::isfinite(more)
                ? fmt::format("the budget ended after {} pairs; about {:.0f} more would decide", e.pairs, more)
                : fmt::format("the budget ended after {} pairs", e.pairs);
      }
    }
  }

  // Wall-clock pairs, one after the other on the machine: is the sign the same?
  void check_direction() {
    const Estimate duet = judgement_.estimate;
    const double log_duet = std::log(duet.ratio);
    PairSetup setup = pair_setup(base_, candidate_);
    setup.instrument = Instrument::kSequential;
    const double shortest = std::min(judgement_.base.wall_s, judgement_.candidate.wall_s);
    setup.repeats =
        std::clamp(static_cast<int>(std::ceil(options_.min_run_s / std::max(shortest, 1e-5))), 1, kMostRepeats);
    wait_for_quiet();
    SequentialTest test({kDirectionAlpha, 0, kSequentialScale});
    const double needed = -std::log(kDirectionAlpha);
    const double contradiction = -std::log(options_.alpha);
    const double bound = std::log1p(options_.min_effect);
    bool agrees = false, contradicts = false;
    const auto wants_more = [&](const SequentialTest& seen) {
      agrees = agrees || seen.log_evidence(0, false) >= needed;
      contradicts = contradicts || seen.log_evidence(std::min(bound, log_duet / 2), true) >= contradiction;
      return !agrees && !contradicts;
    };
    feed(test, setup, deadline_s_ - 0.1 * options_.budget_s * (options_.record_aa ? 1 : 0), "confirm", wants_more,
         nullptr);
    const Estimate wall = test.estimate();
    judgement_.confirmation = wall;
    if (contradicts) {
      judgement_.verdict = Verdict::kNotFaster;
      judgement_.reason = fmt::format(
          "the instruments disagree: {:.3f} by CPU time on one core, but {:.3f} by the wall clock (at most {:.3f})",
          duet.ratio, wall.ratio, wall.high);
    } else if (!agrees && (wall.pairs == 0 || wall.ratio <= 1)) {
      judgement_.verdict = Verdict::kUndecided;
      judgement_.reason = fmt::format("{:.3f} by CPU time on one core, but {} wall-clock pairs give {:.3f} so far",
                                      duet.ratio, wall.pairs, wall.ratio);
    } else if (wall.high < duet.low) {
      judgement_.notes.push_back(
          fmt::format("the wall clock gains less than the CPU: {:.3f} against {:.3f}", wall.ratio, duet.ratio));
    }
  }

  // The baseline against itself by the same instrument: what this machine calls equal today.
  void record_aa() {
    const std::size_t claim = judgement_.samples.size();
    SequentialTest test({options_.alpha, options_.min_effect, first_scale()});
    const std::size_t wanted = std::clamp<std::size_t>(claim, 5, 30);
    const double limit_s = monotonic_s() + std::max(0.1 * options_.budget_s, 0.5 * elapsed_s());
    feed(
        test, pair_setup(base_, base_), std::min(limit_s, deadline_s_), "a/a",
        [&](const SequentialTest& seen) { return seen.log_ratios().size() < wanted; }, nullptr);
    if (test.log_ratios().empty()) return;
    judgement_.aa = test.estimate();
    if (test.verdict() == Verdict::kFaster || test.verdict() == Verdict::kSlower) {
      judgement_.verdict = Verdict::kUndecided;
      judgement_.reason = fmt::format(
          "on this machine the baseline against itself gives {:.3f} ({:.3f} to {:.3f}): no claim "
          "can be made",
          judgement_.aa->ratio, judgement_.aa->low, judgement_.aa->high);
    }
  }

  // Wall-clock pairs want the machine: while others keep its cores busy, wait a little, then go on (and say so).
  void wait_for_quiet() {
    if (judgement_.instrument == Instrument::kDuet && !needs_direction()) return;
    const double until_s = monotonic_s() + kWaitShare * std::min(options_.budget_s, deadline_s_ - monotonic_s());
    const double begun_s = monotonic_s();
    bool waited = false;
    double others = 0;
    while (true) {
      const MachineLoad before = read_machine_load();
      const double own_before_s = own_cpu_seconds();
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      if (options_.stop.stop_requested()) throw Interrupted();
      const MachineLoad after = read_machine_load();
      const double wall_s = std::max(after.at_s - before.at_s, 1e-3);
      others = (after.busy_s - before.busy_s + after.stolen_s - before.stolen_s - (own_cpu_seconds() - own_before_s)) /
               wall_s;
      const bool throttled = after.throttles > before.throttles;
      const double spare = static_cast<double>(options_.cpus.size()) - 1 - std::max(judgement_.base.parallel, 0.0);
      if ((others <= spare + 0.2 && !throttled) || monotonic_s() > until_s) break;
      waited = true;
    }
    if (waited) {
      judgement_.notes.push_back(fmt::format("a second load: others kept {:.1f} cores busy; waited {:.1f} s", others,
                                             monotonic_s() - begun_s));
    }
  }

  // Said, not hidden: the test stays valid under all of these, they cost pairs.
  void note_drift() {
    std::vector<double> logs;
    for (const PairSample& sample : judgement_.samples) {
      const std::uint64_t ns = judgement_.instrument == Instrument::kDuet ? sample.base_cpu_ns : sample.base_wall_ns;
      logs.push_back(std::log(static_cast<double>(std::max<std::uint64_t>(ns, 1))));
    }
    if (logs.size() >= 9) {
      const std::ptrdiff_t third = static_cast<std::ptrdiff_t>(logs.size() / 3);
      const double change =
          std::exp(median({logs.end() - third, logs.end()}) - median({logs.begin(), logs.begin() + third})) - 1;
      if (std::abs(change) > kDriftNote) {
        judgement_.notes.push_back(
            fmt::format("drift: the baseline's own time changed by {:+.0f} % while measuring", change * 100));
      }
    }
    const MachineLoad now = read_machine_load();
    const double wall_s = std::max(now.at_s - load_before_.at_s, 1e-3);
    const double others = (now.busy_s - load_before_.busy_s - (own_cpu_seconds() - own_before_s_)) / wall_s;
    const double stolen = (now.stolen_s - load_before_.stolen_s) / wall_s;
    if (others > 0.5) judgement_.notes.push_back(fmt::format("other programs kept {:.1f} cores busy", others));
    if (stolen > 0.05) judgement_.notes.push_back(fmt::format("the hypervisor took {:.2f} cores away", stolen));
    if (now.throttles > load_before_.throttles) judgement_.notes.push_back("the processor was throttled");
  }

  // Objectives without noise: one number an arm decides.
  Judgement judge_exact(double base, double candidate, const char* what) {
    const double ratio = base / candidate;
    judgement_.estimate = {ratio, ratio, ratio, 1, 0, 1};
    judgement_.verdict = ratio > 1 + options_.min_effect         ? Verdict::kFaster
                         : ratio < 1 / (1 + options_.min_effect) ? Verdict::kSlower
                                                                 : Verdict::kNotFaster;
    judgement_.instrument_reason = fmt::format("{} does not vary", what);
    judgement_.reason = fmt::format("{}: {:.0f} before, {:.0f} after", what, base, candidate);
    return judgement_;
  }

  Judgement judge_size() {
    const auto total = [&](const Arm& arm) {
      double bytes = 0;
      for (const fs::path& file : options_.objective.files) {
        std::error_code error;
        const std::uintmax_t size = fs::file_size(arm.spawn.cwd / file, error);
        if (error)
          throw Error("verify::judge", fmt::format("{}: {}", (arm.spawn.cwd / file).string(), error.message()));
        bytes += static_cast<double>(size);
      }
      if (bytes <= 0) throw Error("verify::judge", "the objective \"size\" names no file, or only empty ones");
      return bytes;
    };
    return judge_exact(total(base_), total(candidate_), "bytes");
  }

  Judgement judge_instructions() {
    const double limit_s = options_.run_timeout_s > 0 ? options_.run_timeout_s * 30 : 0;
    const InstructionCount a = count_instructions(base_.spawn, limit_s, options_.stop);
    if (!a.ok()) throw Error("verify::judge", "instructions cannot be counted: " + a.unsupported);
    const InstructionCount b = count_instructions(candidate_.spawn, limit_s, options_.stop);
    if (!b.ok()) throw RunFailed{{true, "instructions cannot be counted: " + b.unsupported}};
    return judge_exact(static_cast<double>(a.instructions), static_cast<double>(b.instructions), "instructions");
  }

  Judgement finish_with(Judgement judgement) {
    judgement.elapsed_s = elapsed_s();
    return judgement;
  }

 public:
  std::optional<std::uint64_t> expected_output_;

 private:
  const Arm& base_;
  const Arm& candidate_;
  MeasureOptions options_;
  double started_s_;
  double deadline_s_ = 0;
  MachineLoad load_before_;
  double own_before_s_;
  Judgement judgement_;
  std::optional<std::uint64_t> output_hash_;
  std::atomic<std::uint64_t> index_{0};
  double cpu_resolution_s_ = 1e-6;
  bool enough_samples_ = false;
  int repeats_ = 1;
};

Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

}  // namespace

std::string instrument_name(Instrument instrument) {
  switch (instrument) {
    case Instrument::kAuto:
      return "auto";
    case Instrument::kDuet:
      return "duet";
    case Instrument::kSequential:
      return "sequential";
  }
  return "";
}

Instrument instrument_from_name(const std::string& name) {
  for (const Instrument instrument : {Instrument::kAuto, Instrument::kDuet, Instrument::kSequential}) {
    if (instrument_name(instrument) == name) return instrument;
  }
  throw Error("verify::instrument", fmt::format("unknown instrument \"{}\": auto, duet or sequential", name));
}

std::string metric_name(Metric metric) {
  switch (metric) {
    case Metric::kTime:
      return "time";
    case Metric::kInstructions:
      return "instructions";
    case Metric::kPeakMemory:
      return "peak_memory";
    case Metric::kSize:
      return "size";
    case Metric::kPattern:
      return "pattern";
  }
  return "";
}

Judgement judge(const Arm& base, const Arm& candidate, const MeasureOptions& options) {
  return Session(base, candidate, options).judge();
}

Screen screen(const Arm& base, const Arm& candidate, std::size_t pairs, const MeasureOptions& options) {
  return Session(base, candidate, options).screen(pairs);
}

Judgement confirm(const Arm& base, const Arm& champion, int k, MeasureOptions options) {
  options.alpha = confirmation_alpha(options.alpha, k);
  options.confirm = true;
  if (options.seed != 0) options.seed += static_cast<std::uint64_t>(k) * 0x9e3779b97f4a7c15u;
  return judge(base, champion, options);
}

void to_json(Json& json, const Estimate& estimate) {
  json = {{"estimate", number(estimate.ratio)},      {"low", number(estimate.low)},
          {"high", number(estimate.high)},           {"confidence", estimate.confidence},
          {"deviation", number(estimate.deviation)}, {"pairs", estimate.pairs}};
}

void to_json(Json& json, const PairSample& sample) {
  json = {{"log_ratio", sample.log_ratio},
          {"base_cpu_ns", sample.base_cpu_ns},
          {"candidate_cpu_ns", sample.candidate_cpu_ns},
          {"base_wall_ns", sample.base_wall_ns},
          {"candidate_wall_ns", sample.candidate_wall_ns},
          {"base_rss_bytes", sample.base_rss_bytes},
          {"candidate_rss_bytes", sample.candidate_rss_bytes},
          {"repeats", sample.repeats},
          {"base_first", sample.base_first},
          {"cpu", sample.cpu}};
}

void to_json(Json& json, const Judgement& judgement) {
  const auto profile = [](const Profile& p) {
    return Json{{"wall_s", p.wall_s},
                {"cpu_s", p.cpu_s},
                {"waiting", p.waiting},
                {"parallel", p.parallel},
                {"max_rss_bytes", p.max_rss_bytes}};
  };
  json = {{"verdict", verdict_name(judgement.verdict)},
          {"reason", judgement.reason},
          {"ratio", judgement.estimate},
          {"pairs", judgement.estimate.pairs},
          {"alpha", judgement.alpha},
          {"min_effect", judgement.min_effect},
          {"instrument", instrument_name(judgement.instrument)},
          {"instrument_reason", judgement.instrument_reason},
          {"aa", judgement.aa ? Json(*judgement.aa) : Json(nullptr)},
          {"confirmation", judgement.confirmation ? Json(*judgement.confirmation) : Json(nullptr)},
          {"notes", judgement.notes},
          {"base", profile(judgement.base)},
          {"candidate", profile(judgement.candidate)},
          {"seed", judgement.seed},
          {"elapsed_s", judgement.elapsed_s},
          {"samples", judgement.samples}};
  if (judgement.failure) {
    json["failure"] = {{"candidate", judgement.failure->candidate}, {"reason", judgement.failure->reason}};
  }
}

}  // namespace jarvis2::verify
