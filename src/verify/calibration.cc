#include "verify/calibration.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/math/distributions/beta.hpp>
#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "verify/pairs.h"
#include "verify/probe.h"

namespace jarvis2::verify {
namespace {

constexpr double kEffects[] = {0, 0.01, 0.03, 0.05, 0.10};
constexpr double kTrialRun_s = 0.05;
constexpr std::size_t kDuetPairs = 60;  // of a decision
constexpr std::size_t kSequentialPairs = 120;
constexpr double kLengthsShare = 0.15;  // of the budget
constexpr double kSequentialShare = 0.2;
constexpr double kGoodDeviation = 0.025;  // of a duet's pair: 5 % are then seen within 20 pairs (statistics_test)
constexpr double kLengths_s[] = {0.005, 0.01, 0.02, 0.05, 0.1, 0.2};
constexpr std::size_t kLengthPairs = 15;

Arm spinner(const fs::path& program, double units) {
  Arm arm;
  arm.spawn.argv = {program.string(), "calibrate", "--work", std::to_string(static_cast<std::uint64_t>(units))};
  return arm;
}

// CPU time of a run as a line in the units of work.
struct Cost {
  double start_s = 0;
  double unit_s = 0;
  double units(double seconds) const { return std::max(0.0, (seconds - start_s) / unit_s); }
};

double cpu_s(const Arm& arm, std::stop_token stop) {
  std::vector<double> seen;
  for (int i = 0; i < 5; ++i) seen.push_back(watch_run(arm.spawn, false, 60, std::nullopt, {}, stop).cpu_s);
  return median(seen);
}

Cost measure_cost(const fs::path& program, std::stop_token stop) {
  Cost cost;
  cost.start_s = cpu_s(spinner(program, 0), stop);
  double units = 1e6;
  double total = cpu_s(spinner(program, units), stop);
  while (total - cost.start_s < 0.05 && units < 1e12) {
    units *= 4;
    total = cpu_s(spinner(program, units), stop);
  }
  cost.unit_s = (total - cost.start_s) / units;
  return cost;
}

PairSetup pair_setup(const Arm& base, const Arm& candidate, Instrument instrument, std::uint64_t seed) {
  PairSetup setup;
  setup.parts = {{&base, &candidate, 1, std::nullopt}};
  setup.instrument = instrument;
  setup.run_timeout_s = 60;
  setup.seed = seed;
  return setup;
}

void finish(TrialRow& row, std::vector<double> pairs, std::vector<double> seconds) {
  row.pairs = median(std::move(pairs));
  row.seconds = median(std::move(seconds));
  const auto [low, high] = clopper_pearson(row.faster, row.decisions, 0.95);
  row.low = low;
  row.high = high;
}

std::string machine_name() {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  return fmt::format("{}/{}", host, usable_cpus().size());
}

fs::path calibration_file() {
  return user_cache_dir() / "calibration.json";
}

}  // namespace

void spin_work(std::uint64_t units) {
  std::uint64_t x = 88172645463325252u;
  for (std::uint64_t i = 0; i < units; ++i) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
  }
  // The result is used, so that the loop stays.
  if (x == 0) throw Error("verify::spin_work", "the generator reached zero");
}

std::pair<double, double> clopper_pearson(int successes, int trials, double confidence) {
  if (trials <= 0) return {0, 1};
  const double tail = (1 - confidence) / 2;
  const double k = successes, n = trials;
  using boost::math::beta_distribution;
  using boost::math::quantile;
  return {successes == 0 ? 0 : quantile(beta_distribution<>(k, n - k + 1), tail),
          successes == trials ? 1 : quantile(beta_distribution<>(k + 1, n - k), 1 - tail)};
}

Calibration calibrate(const fs::path& program, const MeasureOptions& given,
                      const std::function<void(const std::string& phase, double fraction)>& progress) {
  MeasureOptions options = given;
  if (options.cpus.empty()) options.cpus = usable_cpus();
  if (options.lanes == 0) options.lanes = std::clamp<std::size_t>(options.cpus.size() / 2, 1, 4);
  if (options.seed == 0) options.seed = monotonic_ns();
  const double begun_s = monotonic_s();
  const double end_s = begun_s + options.budget_s;
  Calibration result;
  result.alpha = options.alpha;
  result.min_effect = options.min_effect;
  result.machine = machine_name();
  std::atomic<std::uint64_t> index{0};
  const auto tell = [&](const std::string& phase) {
    if (progress) progress(phase, std::min(1.0, (monotonic_s() - begun_s) / options.budget_s));
  };

  try {
    tell("workload");
    const Cost cost = measure_cost(program, options.stop);

    // How the noise falls with the length of a run.
    for (const double run_s : kLengths_s) {
      tell("run lengths");
      const double until_s = monotonic_s() + kLengthsShare * options.budget_s / std::size(kLengths_s);
      const Arm arm = spinner(program, cost.units(run_s));
      std::vector<double> ratios;
      run_pairs(pair_setup(arm, arm, Instrument::kDuet, options.seed), options.cpus, options.lanes, until_s, index,
                options.stop, [&](const PairSample& sample) {
                  ratios.push_back(sample.log_ratio);
                  return ratios.size() < kLengthPairs;
                });
      if (ratios.size() < 5) continue;
      result.lengths.push_back({run_s, robust_deviation(ratios)});
    }
    // From the longest down, as long as it stays good.
    for (auto at = result.lengths.rbegin(); at != result.lengths.rend() && at->deviation <= kGoodDeviation; ++at) {
      result.shortest_run_s = at->run_s;
    }

    // Live decisions by the first instrument, the effects in turn, until the time is up.
    const double live_end_s = end_s - kSequentialShare * options.budget_s;
    const Arm base = spinner(program, cost.units(kTrialRun_s));
    std::vector<Arm> candidates;
    std::vector<std::vector<double>> pairs(std::size(kEffects)), seconds(std::size(kEffects));
    for (const double effect : kEffects) {
      candidates.push_back(spinner(program, cost.units(kTrialRun_s / (1 + effect))));
      result.duet.rows.push_back({effect});
    }
    std::vector<double> aa;
    result.duet.pair_limit = kDuetPairs;
    for (std::size_t turn = 0; monotonic_s() < live_end_s; ++turn) {
      const std::size_t which = turn % std::size(kEffects);
      tell("decisions");
      SequentialTest test({options.alpha, options.min_effect, options.duet_scale});
      const double decision_s = monotonic_s();
      run_pairs(pair_setup(base, candidates[which], Instrument::kDuet, options.seed), options.cpus, options.lanes,
                live_end_s, index, options.stop, [&](const PairSample& sample) {
                  test.add(sample.log_ratio);
                  if (which == 0) aa.push_back(sample.log_ratio);
                  return test.wants_more() && test.log_ratios().size() < kDuetPairs;
                });
      // A decision that the end of the time cut short says nothing.
      if (test.wants_more() && test.log_ratios().size() < kDuetPairs) break;
      TrialRow& row = result.duet.rows[which];
      row.decisions += 1;
      row.faster += test.verdict() == Verdict::kFaster ? 1 : 0;
      pairs[which].push_back(static_cast<double>(test.log_ratios().size()));
      seconds[which].push_back(monotonic_s() - decision_s);
    }
    for (std::size_t i = 0; i < std::size(kEffects); ++i) finish(result.duet.rows[i], pairs[i], seconds[i]);
    result.duet.deviation = robust_deviation(aa);
    result.duet.pairs = aa.size();

    // Wall-clock pairs are recorded once; decisions run over windows of them.
    std::vector<double> wall;
    tell("wall-clock pairs");
    const double wall_begun_s = monotonic_s();
    run_pairs(pair_setup(base, base, Instrument::kSequential, options.seed), options.cpus, 1, end_s, index,
              options.stop, [&](const PairSample& sample) {
                wall.push_back(sample.log_ratio);
                return true;
              });
    result.sequential.pairs = wall.size();
    result.sequential.deviation = robust_deviation(wall);
    result.sequential.pair_limit = kSequentialPairs;
    const double each_s = wall.empty() ? 0 : (monotonic_s() - wall_begun_s) / static_cast<double>(wall.size());
    const std::size_t windows = wall.size() < 30 ? 0 : 40;
    for (const double effect : kEffects) {
      TrialRow row{effect};
      std::vector<double> used, took;
      for (std::size_t window = 0; window < windows; ++window) {
        SequentialTest test({options.alpha, options.min_effect, options.sequential_scale});
        const std::size_t start = window * wall.size() / windows;
        for (std::size_t i = 0; i < kSequentialPairs && test.wants_more(); ++i) {
          // Around the end, with the sign turned: the same disturbance under the other coin.
          const std::size_t at = start + i;
          const double sign = (at / wall.size()) % 2 == 0 ? 1 : -1;
          test.add(sign * wall[at % wall.size()] + std::log1p(effect));
        }
        row.decisions += 1;
        row.faster += test.verdict() == Verdict::kFaster ? 1 : 0;
        used.push_back(static_cast<double>(test.log_ratios().size()));
        took.push_back(used.back() * each_s);
      }
      finish(row, used, took);
      result.sequential.rows.push_back(row);
    }
  } catch (const RunFailed& failed) {
    throw Error("verify::calibrate", failed.failure.reason);
  } catch (const Cancelled&) {
    throw Interrupted();
  }
  result.elapsed_s = monotonic_s() - begun_s;
  return result;
}

void to_json(Json& json, const Calibration& calibration) {
  const auto percent = [](double effect) { return fmt::format("{:.0f}%", effect * 100); };
  const auto instrument = [&](const InstrumentCalibration& seen) {
    Json result = {{"false_accept", nullptr},      {"power", Json::object()},       {"deviation", seen.deviation},
                   {"pairs_recorded", seen.pairs}, {"pair_limit", seen.pair_limit}, {"trials", Json::array()}};
    for (const TrialRow& row : seen.rows) {
      const Json share = row.decisions > 0 ? Json(row.share()) : Json(nullptr);
      if (row.effect == 0) {
        result["false_accept"] = share;
      } else {
        result["power"][percent(row.effect)] = share;
      }
      result["trials"].push_back({{"effect", percent(row.effect)},
                                  {"decisions", row.decisions},
                                  {"faster", row.faster},
                                  {"low", row.low},
                                  {"high", row.high},
                                  {"pairs", row.pairs},
                                  {"seconds", row.seconds}});
    }
    return result;
  };
  const Json duet = instrument(calibration.duet);
  json = {{"false_accept", duet["false_accept"]},
          {"power", duet["power"]},
          {"alpha", calibration.alpha},
          {"min_effect", calibration.min_effect},
          {"shortest_run_s", calibration.shortest_run_s > 0 ? Json(calibration.shortest_run_s) : Json(nullptr)},
          {"run_lengths", Json::array()},
          {"instruments", {{"duet", duet}, {"sequential", instrument(calibration.sequential)}}},
          {"machine", calibration.machine},
          {"elapsed_s", calibration.elapsed_s}};
  for (const RunLength& length : calibration.lengths) {
    json["run_lengths"].push_back({{"run_s", length.run_s}, {"deviation", length.deviation}});
  }
}

fs::path save_calibration(const Calibration& calibration) {
  const fs::path file = calibration_file();
  write_file_atomic(file, Json(calibration).dump(2) + "\n");
  return file;
}

std::optional<KnownNoise> load_calibration() {
  try {
    if (!fs::exists(calibration_file())) return std::nullopt;
    const Json json = Json::parse(read_file(calibration_file()));
    if (json.at("machine") != machine_name()) return std::nullopt;
    const Json& instruments = json.at("instruments");
    const KnownNoise known{instruments.at("duet").at("deviation"), instruments.at("sequential").at("deviation"),
                           json.at("shortest_run_s").is_number() ? json.at("shortest_run_s").get<double>() : 0};
    if (!(known.duet_deviation > 0 && known.sequential_deviation > 0)) return std::nullopt;
    return known;
  } catch (const std::exception&) {
    return std::nullopt;  // from another version, or damaged: as if there were none
  }
}

void apply_calibration(const std::optional<KnownNoise>& known, MeasureOptions& options) {
  if (!known) return;
  options.duet_scale = std::clamp(known->duet_deviation, 0.005, 0.1);
  options.sequential_scale = std::clamp(known->sequential_deviation, 0.02, 0.3);
  if (known->shortest_run_s > 0) options.min_run_s = std::clamp(known->shortest_run_s, options.min_run_s, 0.5);
}

}  // namespace jarvis2::verify
