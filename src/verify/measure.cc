#include "verify/measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <random>

#include "base/error.h"
#include "base/hash.h"
#include "verify/layouts.h"
#include "verify/pairs.h"
#include "verify/probe.h"
#include "verify/system.h"
#include "verify/weather.h"

namespace jarvis2::verify {
namespace {

constexpr double kSteadyScale = 0.01;    // peak memory
constexpr double kDuetShare = 0.7;       // of the budget, when wall-clock pairs still have to agree
constexpr double kDirectionAlpha = 0.1;  // of the wall-clock pairs' agreement in direction
constexpr std::size_t kFewestScreened = 3;
constexpr double kFewestWallPairs = 8;  // before CPU time in sequence may speak for the wall clock
constexpr double kSteadyLimit = 0.05;   // of waiting and of parallel time
constexpr int kAccountedRuns = 8;       // watched, before CPU time may speak for the wall clock
constexpr double kAaShare = 0.1;        // of the budget
constexpr double kMemoryNote = 1.25;    // times as much
constexpr std::uint64_t kMemoryNoteBytes = 4u << 20;
constexpr double kWaitShare = 0.05;          // of the budget, for waiting until a second load has gone
constexpr std::size_t kFewestForTrade = 10;  // pairs
constexpr double kTradeErrors = 3;           // standard errors below equal time: bought with time
constexpr int kMostRepeats = 200;
constexpr double kLongestRepeats_s = 1;  // of one arm, by the wall clock

std::uint64_t fresh_seed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

class Session {
 public:
  Session(const std::vector<Work>& works, const MeasureOptions& options)
      : works_(works),
        probes_(works.size()),
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
    if (works_.empty()) throw Error("verify::judge", "no benchmark to judge by");
    for (const Work& work : works_) judgement_.parts.push_back({work.name, {}, {}, {}, false});
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
      const PairSetup setup = pair_setup(judgement_.instrument, false);
      run_pairs(setup, options_.cpus, 1, deadline_s_, index_, options_.stop, [&](const PairSample& sample) {
        ratios.push_back(sample.log_ratio);
        return ratios.size() < pairs &&
               (ratios.size() < kFewestScreened || screen_error(ratios) > options_.screen_error);
      });
      result.pairs = ratios.size();
      if (!ratios.empty()) {
        result.log_ratio = hodges_lehmann(ratios);
        result.se = screen_error(ratios);
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
  // A few pairs say little about their own spread: a floor that falls with their number.
  double screen_error(const std::vector<double>& ratios) const {
    const double count = static_cast<double>(ratios.size());
    return std::max(robust_deviation(ratios), first_scale() / count) / std::sqrt(count);
  }

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

  void probe() {
    tell("probe", {}, options_.budget_s);
    for (std::size_t i = 0; i < works_.size(); ++i) {
      probes_[i] = probe_work(works_[i], options_);
      judgement_.parts[i].base = probes_[i].base;
      judgement_.parts[i].candidate = probes_[i].candidate;
    }
    for (const Probe& seen : probes_) options_.run_timeout_s = std::max(options_.run_timeout_s, seen.run_timeout_s);
  }

  void choose_instrument() {
    Instrument& chosen = judgement_.instrument;
    std::string& why = judgement_.instrument_reason;
    if (options_.objective.metric == Metric::kPeakMemory || options_.objective.metric == Metric::kPattern) {
      chosen = Instrument::kSequential;
      why = fmt::format("{} is read from runs that have the machine to themselves",
                        metric_name(options_.objective.metric));
    } else if (options_.instrument != Instrument::kAuto) {
      chosen = options_.instrument;
      why = "asked for";
    } else {
      chosen = Instrument::kDuet;
      for (std::size_t i = 0; i < works_.size() && chosen == Instrument::kDuet; ++i) {
        if (!suits_duet(probes_[i].base, probes_[i].candidate, why)) chosen = Instrument::kSequential;
        if (chosen == Instrument::kSequential && works_.size() > 1) why = works_[i].name + ": " + why;
      }
    }
    if (chosen != Instrument::kDuet) return;
    if (!can_pin()) why += ", taking turns by stop and continue as no process can be tied to a core here";
    for (const Probe& seen : probes_) {
      if (seen.cpu_resolution_s <= 1e-4) continue;
      judgement_.notes.push_back(
          fmt::format("the CPU clock ticks every {:.0f} ms: runs are repeated", seen.cpu_resolution_s * 1e3));
      break;
    }
  }

  // Long enough for the clock and for the scheduler's slices; short runs are repeated.
  int repeats(const Probe& seen, Instrument instrument) const {
    const bool duet = instrument == Instrument::kDuet;
    const double shortest =
        duet ? std::min(seen.base.cpu_s, seen.candidate.cpu_s) : std::min(seen.base.wall_s, seen.candidate.wall_s);
    const double wanted = duet ? std::max(options_.min_run_s, 100 * seen.cpu_resolution_s) : options_.min_run_s;
    // Work that mostly waits has little CPU time to collect: the wall clock ends it.
    const double longest = std::max({seen.base.wall_s, seen.candidate.wall_s, 1e-5});
    const int most = std::clamp(static_cast<int>(kLongestRepeats_s / longest), 1, kMostRepeats);
    return std::clamp(static_cast<int>(std::ceil(wanted / std::max(shortest, 1e-5))), 1, most);
  }

  double first_scale() const {
    if (options_.objective.metric == Metric::kPeakMemory) return kSteadyScale;
    return judgement_.instrument == Instrument::kDuet ? options_.duet_scale : options_.sequential_scale;
  }

  // `aa`: the baseline against itself.
  PairSetup pair_setup(Instrument instrument, bool aa) const {
    PairSetup setup;
    setup.instrument = instrument;
    setup.objective = options_.objective;
    setup.run_timeout_s = options_.run_timeout_s;
    setup.pad_environment = options_.pad_environment;
    setup.launch_cpu_ns = options_.launch_cpu_ns;
    setup.seed = options_.seed;
    for (std::size_t i = 0; i < works_.size(); ++i) {
      const Work& work = works_[i];
      setup.parts.push_back(
          {&work.base, aa ? &work.base : &work.candidate, repeats(probes_[i], instrument), probes_[i].output_hash});
    }
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
    // Where there are several layouts, a claim rests on each of them twice at least.
    // Another objective's claim waits until the same pairs say something about time.
    const std::size_t layouts = most_layouts();
    const std::size_t fewest = std::max<std::size_t>(layouts > 1 ? 2 * layouts : 0,
                                                     options_.objective.metric == Metric::kTime ? 0 : kFewestForTrade);
    const auto wants_more = [fewest](const SequentialTest& seen) {
      return seen.wants_more() || (seen.verdict() == Verdict::kFaster && seen.log_ratios().size() < fewest);
    };
    feed(test, pair_setup(judgement_.instrument, false), deadline_s, "measure", wants_more, &judgement_.samples);
    note_weather();
    // What disturbs the machine may disturb the arms unequally: then the claim has to be twice as sure, and its
    // interval is wider.
    if (disturbed_ && test.verdict() == Verdict::kFaster) {
      TestOptions stricter = test.options();
      stricter.alpha /= 2;
      SequentialTest strict(stricter);
      for (const double log_ratio : test.log_ratios()) strict.add(log_ratio);
      if (strict.verdict() != Verdict::kFaster && test.log_ratios().size() < options_.max_pairs) {
        feed(strict, pair_setup(judgement_.instrument, false), deadline_s, "measure", wants_more, &judgement_.samples);
      }
      judgement_.notes.push_back(fmt::format("disturbed: decided at an error probability of {:.3g}", stricter.alpha));
      test = strict;
    }
    judgement_.verdict = test.verdict();
    judgement_.estimate = test.estimate();
    explain(test);
    if (layouts > 1) spread_layouts();
    judge_parts();
    weigh_others();
  }

  std::size_t most_layouts() const {
    std::size_t most = 1;
    for (const Work& work : works_) {
      most = std::max({most, work.base.variants.size() + 1, work.candidate.variants.size() + 1});
    }
    return most;
  }

  // What the layouts do is part of the interval; a claim has to hold in spite of it.
  void spread_layouts() {
    judgement_.layouts = layout_spread(judgement_.samples);
    judgement_.estimate = widened(judgement_.estimate, *judgement_.layouts);
    if (judgement_.verdict != Verdict::kFaster || judgement_.estimate.low > 1 + options_.min_effect) return;
    judgement_.verdict = Verdict::kUndecided;
    judgement_.reason =
        fmt::format("{:.3f}, but link orders alone move the time by {:.2g} % and {:.2g} %: at least {:.3f} is sure",
                    judgement_.estimate.ratio, 100 * judgement_.layouts->base_deviation,
                    100 * judgement_.layouts->candidate_deviation, judgement_.estimate.low);
  }

  // What was not asked for, from the same pairs. No hidden trade: another objective bought with time is no gain, and a
  // gain in time that costs much memory says so.
  void weigh_others() {
    const Metric metric = options_.objective.metric;
    const auto by = [&](const char* name, double scale, auto log_ratio) {
      SequentialTest test({options_.alpha, options_.min_effect, scale});
      for (const PairSample& sample : judgement_.samples) test.add(log_ratio(sample));
      judgement_.beside[name] = test.estimate();
      return test.verdict();
    };
    const auto log_of = [](std::uint64_t over, std::uint64_t under) {
      return std::log(static_cast<double>(std::max<std::uint64_t>(over, 1)) /
                      static_cast<double>(std::max<std::uint64_t>(under, 1)));
    };
    if (metric != Metric::kTime) {
      const Verdict time = by("time", options_.sequential_scale, [&](const PairSample& sample) {
        return log_of(sample.base_wall_ns, sample.candidate_wall_ns);
      });
      std::vector<double> times;
      for (const PairSample& sample : judgement_.samples) {
        times.push_back(log_of(sample.base_wall_ns, sample.candidate_wall_ns));
      }
      const double n = std::max(1.0, static_cast<double>(times.size()));
      const double error = std::max(robust_deviation(times), options_.sequential_scale / n) / std::sqrt(n);
      const bool looks_slower = !times.empty() && hodges_lehmann(times) + kTradeErrors * error < 0;
      if ((time == Verdict::kSlower || looks_slower) && judgement_.verdict == Verdict::kFaster) {
        judgement_.verdict = Verdict::kNotFaster;
        judgement_.reason = fmt::format("better by {} ({:.3f}), but bought with time ({:.3f})", metric_name(metric),
                                        judgement_.estimate.ratio, judgement_.beside["time"].ratio);
      }
    }
    if (metric == Metric::kPeakMemory || judgement_.samples.empty()) return;
    by("peak_memory", kSteadyScale,
       [&](const PairSample& sample) { return log_of(sample.base_rss_bytes, sample.candidate_rss_bytes); });
    const PairSample& last = judgement_.samples.back();
    const double times = 1 / judgement_.beside["peak_memory"].ratio;
    if (times > kMemoryNote && last.candidate_rss_bytes > last.base_rss_bytes + kMemoryNoteBytes) {
      judgement_.notes.push_back(fmt::format("it takes {:.2f} times the memory", times));
    }
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

  // Each benchmark by itself. No hidden trade: a claim on the mean is not made when one of them is proven slower.
  void judge_parts() {
    for (std::size_t i = 0; i < works_.size(); ++i) {
      PartResult& part = judgement_.parts[i];
      SequentialTest test({options_.alpha, options_.min_effect, first_scale()});
      for (const PairSample& sample : judgement_.samples) test.add(sample.part_log_ratios[i]);
      part.estimate = test.estimate();
      // The whole may be decided after so few pairs that a part isn't: what looks slower then counts as slower.
      part.slower = test.verdict() == Verdict::kSlower || part.estimate.ratio * (1 + 2 * options_.min_effect) < 1;
      if (!part.slower || works_.size() == 1 || judgement_.verdict != Verdict::kFaster) continue;
      judgement_.verdict = Verdict::kNotFaster;
      judgement_.reason = fmt::format("faster on the whole ({:.3f}), but slower on {} ({:.3f})",
                                      judgement_.estimate.ratio, part.name, part.estimate.ratio);
    }
  }

  // Pairs one after the other on the machine: is the sign the same by the wall clock? On a loaded machine the wall
  // clock may be unable to tell; then, for work that neither waits nor spreads, CPU time out of the duet has to agree.
  void check_direction() {
    const Estimate duet = judgement_.estimate;
    const double log_duet = std::log(duet.ratio);
    const PairSetup setup = pair_setup(Instrument::kSequential, false);
    wait_for_quiet();
    SequentialTest test({kDirectionAlpha, 0, options_.sequential_scale});
    SequentialTest by_cpu({kDirectionAlpha, 0, options_.duet_scale});
    std::vector<PairSample> samples;
    const double needed = -std::log(kDirectionAlpha);
    const double contradiction = -std::log(options_.alpha);
    const double bound = std::min(std::log1p(options_.min_effect), log_duet / 2);
    bool agrees = false, contradicts = false;
    const double limit_s = deadline_s_ - kAaShare * options_.budget_s * (options_.record_aa ? 1 : 0);
    const auto wants_more = [&](const SequentialTest& seen) {
      const PairSample& last = samples.back();
      by_cpu.add(std::log(static_cast<double>(std::max<std::uint64_t>(last.base_cpu_ns, 1)) /
                          static_cast<double>(std::max<std::uint64_t>(last.candidate_cpu_ns, 1))));
      agrees = agrees || seen.log_evidence(0, false) >= needed;
      contradicts = contradicts || seen.log_evidence(bound, true) >= contradiction;
      if (agrees || contradicts) return false;
      // Nothing but the run queue separates the two clocks of steady work: fresh pairs in sequence that agree by CPU
      // time are enough, as soon as the wall clock had its chance.
      const double n = static_cast<double>(samples.size());
      const bool had_chance = n >= kFewestWallPairs * (median_log(samples) > 0 ? 1 : 2);
      return !(had_chance && by_cpu.verdict() == Verdict::kFaster && is_steady());
    };
    feed(test, setup, limit_s, "confirm", wants_more, &samples);
    const Estimate wall = test.estimate();
    judgement_.confirmation = wall;
    if (contradicts) {
      judgement_.verdict = Verdict::kNotFaster;
      judgement_.reason = fmt::format(
          "the instruments disagree: {:.3f} by CPU time on one core, but {:.3f} by the wall clock (at most {:.3f})",
          duet.ratio, wall.ratio, wall.high);
    } else if (!agrees && !all_accounted()) {
      judgement_.verdict = Verdict::kUndecided;
      judgement_.reason = fmt::format(
          "{:.3f} by CPU time on one core, but it has processes that nobody accounts for and {} wall-clock pairs "
          "({:.3f} to {:.3f}) don't tell yet",
          duet.ratio, wall.pairs, wall.low, wall.high);
    } else if (!agrees && by_cpu.verdict() == Verdict::kFaster && is_steady() && wall.high >= duet.low) {
      judgement_.notes.push_back(
          fmt::format("too loaded for the wall clock ({:.3f} to {:.3f} in {} pairs); in sequence CPU time gives {:.3f}",
                      wall.low, wall.high, wall.pairs, by_cpu.estimate().ratio));
    } else if (!agrees && (wall.pairs == 0 || wall.ratio <= 1)) {
      judgement_.verdict = Verdict::kUndecided;
      judgement_.reason = fmt::format("{:.3f} by CPU time on one core, but {} wall-clock pairs give {:.3f} so far",
                                      duet.ratio, wall.pairs, wall.ratio);
    } else if (wall.high < duet.low) {
      judgement_.notes.push_back(
          fmt::format("the wall clock gains less than the CPU: {:.3f} against {:.3f}", wall.ratio, duet.ratio));
    }
  }

  static double median_log(const std::vector<PairSample>& samples) {
    std::vector<double> logs;
    for (const PairSample& sample : samples) logs.push_back(sample.log_ratio);
    return median(std::move(logs));
  }

  // Whether the candidate's CPU time is all there is: on a loaded machine one watched run may miss a process that is
  // charged to nobody, and then less than proof by the wall clock is no agreement.
  bool all_accounted() {
    for (std::size_t i = 0; i < works_.size(); ++i) {
      for (int run = 0; run < kAccountedRuns && !probes_[i].candidate.unaccounted; ++run) {
        const Profile seen = watch_run(works_[i].candidate.spawn, true, options_.run_timeout_s, probes_[i].output_hash,
                                       options_.objective, options_.stop);
        probes_[i].candidate.unaccounted = seen.unaccounted;
      }
      if (probes_[i].candidate.unaccounted) return false;
    }
    return true;
  }

  // Nothing but the run queue can make wall and CPU time differ.
  bool is_steady() const {
    return std::all_of(probes_.begin(), probes_.end(), [](const Probe& seen) {
      return std::max({seen.base.waiting, seen.candidate.waiting, seen.base.parallel, seen.candidate.parallel}) <=
             kSteadyLimit;
    });
  }

  // The baseline against itself by the same instrument: what this machine calls equal today.
  void record_aa() {
    const std::size_t claim = judgement_.samples.size();
    SequentialTest test({options_.alpha, options_.min_effect, first_scale()});
    const std::size_t wanted = std::clamp<std::size_t>(claim, 5, 30);
    const double limit_s = monotonic_s() + std::max(kAaShare * options_.budget_s, 0.5 * elapsed_s());
    feed(
        test, pair_setup(judgement_.instrument, true), std::min(limit_s, deadline_s_), "a/a",
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
    const double most_s = kWaitShare * std::min(options_.budget_s, deadline_s_ - monotonic_s());
    const std::string note = verify::wait_for_quiet({}, options_.cpus.size(), most_s, options_.stop);
    if (!note.empty()) judgement_.notes.push_back(note);
  }

  // The test stays valid under all of these; they are said, and cost pairs.
  void note_weather() {
    std::vector<double> logs;
    for (const PairSample& sample : judgement_.samples) {
      const std::uint64_t ns = judgement_.instrument == Instrument::kDuet ? sample.base_cpu_ns : sample.base_wall_ns;
      logs.push_back(std::log(static_cast<double>(std::max<std::uint64_t>(ns, 1))));
    }
    const Weather weather = weather_between(load_before_, read_machine_load(), own_cpu_seconds() - own_before_s_,
                                            options_.cpus.size(), logs);
    disturbed_ = weather.disturbing;
    judgement_.notes.insert(judgement_.notes.end(), weather.notes.begin(), weather.notes.end());
  }

  // Objectives without noise: one number an arm decides.
  Judgement judge_exact(double base, double candidate, const char* what) {
    const double ratio = base / candidate;
    judgement_.estimate = {ratio, ratio, ratio, 1, 0, 1};
    judgement_.verdict = ratio > 1 + options_.min_effect         ? Verdict::kFaster
                         : ratio < 1 / (1 + options_.min_effect) ? Verdict::kSlower
                                                                 : Verdict::kNotFaster;
    judgement_.instrument_reason = fmt::format("{} does not vary", what);
    judgement_.reason = fmt::format("{}: {:.4f} times fewer", what, ratio);
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
    return judge_exact(total(works_[0].base), total(works_[0].candidate), "bytes");
  }

  Judgement judge_instructions() {
    const double limit_s = options_.run_timeout_s > 0 ? options_.run_timeout_s * 30 : 0;
    double log_ratio = 0;
    Judgement last;
    for (std::size_t i = 0; i < works_.size(); ++i) {
      const InstructionCount a = count_instructions(works_[i].base.spawn, limit_s, options_.stop);
      if (!a.ok()) throw Error("verify::judge", "instructions cannot be counted: " + a.unsupported);
      const InstructionCount b = count_instructions(works_[i].candidate.spawn, limit_s, options_.stop);
      if (!b.ok()) throw RunFailed{{true, "instructions cannot be counted: " + b.unsupported}};
      const double ratio = static_cast<double>(a.instructions) / static_cast<double>(b.instructions);
      judgement_.parts[i].estimate = {ratio, ratio, ratio, 1, 0, 1};
      log_ratio += std::log(ratio) / static_cast<double>(works_.size());
    }
    return judge_exact(std::exp(log_ratio), 1, "instructions");
  }

  Judgement finish_with(Judgement judgement) {
    judgement.elapsed_s = elapsed_s();
    return judgement;
  }

  const std::vector<Work>& works_;
  std::vector<Probe> probes_;
  MeasureOptions options_;
  double started_s_;
  double deadline_s_ = 0;
  MachineLoad load_before_;
  double own_before_s_;
  bool disturbed_ = false;
  Judgement judgement_;
  std::atomic<std::uint64_t> index_{0};
};

}  // namespace

Judgement judge(const std::vector<Work>& works, const MeasureOptions& options) {
  return Session(works, options).judge();
}

Judgement judge(const Arm& base, const Arm& candidate, const MeasureOptions& options) {
  return judge(std::vector<Work>{{base.name, base, candidate, {}, {}, {}}}, options);
}

Screen screen(const std::vector<Work>& works, std::size_t pairs, const MeasureOptions& options) {
  return Session(works, options).screen(pairs);
}

Judgement confirm(const std::vector<Work>& works, int k, MeasureOptions options) {
  options.alpha = confirmation_alpha(options.alpha, k);
  options.confirm = true;
  if (options.seed != 0) options.seed += static_cast<std::uint64_t>(k) * 0x9e3779b97f4a7c15u;
  return judge(works, options);
}

}  // namespace jarvis2::verify
