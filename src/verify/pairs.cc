#include "verify/pairs.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <exception>
#include <latch>
#include <mutex>
#include <numeric>
#include <optional>
#include <random>
#include <regex>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "base/hash.h"
#include "verify/system.h"

namespace jarvis2::verify {
namespace {

constexpr std::size_t kLongestPadding = 4096;
constexpr std::chrono::milliseconds kSlice{10};
constexpr double kDuetTimeoutFactor = 2.5;  // each arm of a duet has half a core

const char* arm_word(bool candidate) {
  return candidate ? "the candidate" : "the baseline";
}

// Which layout a pair takes: each once in a block of pairs, in an order of the block's own.
std::size_t layout_of(const PairSetup& setup, std::uint64_t index, std::size_t count, bool candidate) {
  if (count < 2) return 0;
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937_64 random(hash64(fmt::format("{}/{}/{}", setup.seed, index / count, candidate)));
  std::shuffle(order.begin(), order.end(), random);
  return order[index % count];
}

// A fresh start of an arm in one of its layouts, at a random place of the stack.
SpawnOptions prepare(const Arm& arm, std::size_t pick, std::mt19937_64& random, const PairSetup& setup, int cpu) {
  SpawnOptions options = pick == 0 ? arm.spawn : arm.variants[pick - 1];
  const std::size_t padding = std::uniform_int_distribution<std::size_t>(1, kLongestPadding)(random);
  if (setup.pad_environment) options.env.emplace_back(kPaddingName, std::string(padding, 'x'));
  if (cpu >= 0) options.cpus = std::vector<int>{cpu};
  options.max_output_bytes = std::min<std::size_t>(options.max_output_bytes, 4 << 20);
  return options;
}

void add_run(RunTotals& totals, const ProcessResult& result, const PairSetup& setup, bool candidate) {
  totals.cpu_ns += result.cpu_ns - std::min(result.cpu_ns / 2, setup.launch_cpu_ns);
  totals.wall_ns += result.wall_ns - std::min(result.wall_ns / 2, setup.launch_cpu_ns);
  totals.rss_bytes = std::max(totals.rss_bytes, result.max_rss_bytes);
  if (setup.objective.metric == Metric::kPattern) {
    totals.metric_sum += printed_metric(setup.objective, result.out, candidate);
  }
}

// Repeats of one arm, back to back.
class ArmRunner {
 public:
  ArmRunner(const PairSetup& setup, const PairPart& part, const SpawnOptions& options, bool candidate, double timeout_s)
      : setup_(setup), part_(part), options_(options), candidate_(candidate), timeout_s_(timeout_s) {}

  void once(const std::stop_token& stop, const std::function<void()>& started = {}) {
    if (stop.stop_requested()) throw Cancelled();
    Process process = spawn();
    group_ = process.pid();
    if (started) started();
    const ProcessResult result = process.wait(timeout_s_, stop);
    group_ = 0;
    if (result.cancelled) throw Cancelled();
    check_run(result, candidate_, timeout_s_, part_.output_hash);
    add_run(totals_, result, setup_, candidate_);
  }
  const RunTotals& totals() const { return totals_; }
  // Process group of the run in hand; 0: none.
  const std::atomic<int>& group() const { return group_; }

 private:
  Process spawn() {
    try {
      return Process::spawn(options_);
    } catch (const Error& error) {
      throw RunFailed{{candidate_, error.message()}};
    }
  }
  const PairSetup& setup_;
  const PairPart& part_;
  const SpawnOptions& options_;
  bool candidate_;
  double timeout_s_;
  RunTotals totals_;
  std::atomic<int> group_{0};
};

// Lets two process groups run in turn, a short slice each, as one core's scheduler would. Both run when it ends.
class Slicer {
 public:
  Slicer(const ArmRunner& a, const ArmRunner& b)
      : thread_([&a, &b](const std::stop_token& stop) {
          const auto signal = [](int group, int number) {
            if (group > 0) ::kill(-group, number);
          };
          for (bool turn = false; !stop.stop_requested(); turn = !turn) {
            const int runs = (turn ? a : b).group();
            const int rests = (turn ? b : a).group();
            if (runs > 0) signal(rests, SIGSTOP);
            signal(runs > 0 ? runs : rests, SIGCONT);
            std::this_thread::sleep_for(kSlice);
          }
          signal(a.group(), SIGCONT);
          signal(b.group(), SIGCONT);
        }) {}

 private:
  std::jthread thread_;
};

// Both arms at once. The first to start is the coin's choice; the second follows as soon as the first is running.
void duet(ArmRunner& first, ArmRunner& second, int repeats, bool sliced, const std::stop_token& outer) {
  std::stop_source both;
  const std::stop_callback forward(outer, [&both] { both.request_stop(); });
  std::latch first_started(1);
  std::exception_ptr failures[2];
  const auto run = [&](ArmRunner& arm, int which) {
    bool counted = which != 0;
    const auto started = [&] {
      if (!std::exchange(counted, true)) first_started.count_down();
    };
    try {
      for (int i = 0; i < repeats; ++i) arm.once(both.get_token(), started);
    } catch (...) {
      failures[which] = std::current_exception();
      both.request_stop();
    }
    started();
  };
  {
    std::optional<Slicer> slicer;
    if (sliced) slicer.emplace(first, second);
    const std::jthread other([&] {
      first_started.wait();
      run(second, 1);
    });
    run(first, 0);
  }
  // The failure that stopped the other one is the one to tell.
  for (const std::exception_ptr& failure : failures) {
    if (!failure) continue;
    try {
      std::rethrow_exception(failure);
    } catch (const Cancelled&) {
      continue;
    }
  }
  if (failures[0] || failures[1]) throw Cancelled();
}

}  // namespace

double monotonic_s() {
  return static_cast<double>(monotonic_ns()) * 1e-9;
}

void check_run(const ProcessResult& result, bool candidate, double timeout_s,
               const std::optional<std::uint64_t>& output_hash) {
  if (result.timed_out) {
    throw RunFailed{{candidate, fmt::format("{} ran longer than {:.3g} s", arm_word(candidate), timeout_s)}};
  }
  if (result.exit_code != 0) {
    std::string tail = result.err.substr(result.err.size() - std::min<std::size_t>(result.err.size(), 300));
    while (!tail.empty() && (tail.back() == '\n' || tail.back() == '\r')) tail.pop_back();
    const std::size_t line = tail.rfind('\n');
    if (line != std::string::npos) tail.erase(0, line + 1);
    const std::string how = result.signal != 0 ? fmt::format("was ended by signal {}", result.signal)
                                               : fmt::format("exited with status {}", result.exit_code);
    throw RunFailed{{candidate, fmt::format("{} {}{}{}", arm_word(candidate), how, tail.empty() ? "" : ": ", tail)}};
  }
  if (output_hash && result.out_hash != *output_hash) {
    throw RunFailed{{candidate, fmt::format("{} printed something else than expected", arm_word(candidate))}};
  }
}

double printed_metric(const Objective& objective, const std::string& out, bool candidate) {
  // Line by line: std::regex recurses over what it matches.
  constexpr std::size_t kLongestLine = 4096;
  const std::regex pattern(objective.pattern);
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (line.size() > kLongestLine || !std::regex_search(line, match, pattern) || match.size() < 2) continue;
    const std::string text = match[1].str();
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (end != text.c_str() && std::isfinite(value) && value > 0) return value;
  }
  throw RunFailed{{candidate, fmt::format("{} printed no positive number that `{}` matches", arm_word(candidate),
                                          objective.pattern)}};
}

namespace {

double log_of(double over, double under) {
  return std::log(std::max(over, 1e-300) / std::max(under, 1e-300));
}

double log_of(std::uint64_t over, std::uint64_t under) {
  return log_of(static_cast<double>(std::max<std::uint64_t>(over, 1)),
                static_cast<double>(std::max<std::uint64_t>(under, 1)));
}

// One part's pair; adds its costs to `sample` and returns its log-ratio.
double run_part(const PairSetup& setup, const PairPart& part, std::uint64_t index, std::mt19937_64& random, int cpu,
                PairSample& sample, const std::stop_token& stop) {
  const bool base_first = (random() >> 17 & 1) != 0;
  const bool is_duet = setup.instrument == Instrument::kDuet;
  const std::size_t base_layout = layout_of(setup, index, part.base->variants.size() + 1, false);
  const std::size_t candidate_layout = layout_of(setup, index, part.candidate->variants.size() + 1, true);
  const SpawnOptions base_spawn = prepare(*part.base, base_layout, random, setup, cpu);
  const SpawnOptions candidate_spawn = prepare(*part.candidate, candidate_layout, random, setup, cpu);
  const double timeout_s = setup.run_timeout_s * (is_duet ? kDuetTimeoutFactor : 1);
  ArmRunner base(setup, part, base_spawn, false, timeout_s);
  ArmRunner candidate(setup, part, candidate_spawn, true, timeout_s);
  ArmRunner& first = base_first ? base : candidate;
  ArmRunner& second = base_first ? candidate : base;
  if (is_duet) {
    duet(first, second, part.repeats, cpu < 0, stop);
  } else {
    for (int i = 0; i < part.repeats; ++i) {
      first.once(stop);
      second.once(stop);
    }
  }
  const RunTotals& a = base.totals();
  const RunTotals& b = candidate.totals();
  sample.base_first = base_first;
  sample.base_layout = static_cast<int>(base_layout);
  sample.candidate_layout = static_cast<int>(candidate_layout);
  sample.repeats = part.repeats;
  sample.base_cpu_ns += a.cpu_ns;
  sample.candidate_cpu_ns += b.cpu_ns;
  sample.base_wall_ns += a.wall_ns;
  sample.candidate_wall_ns += b.wall_ns;
  sample.base_rss_bytes = std::max(sample.base_rss_bytes, a.rss_bytes);
  sample.candidate_rss_bytes = std::max(sample.candidate_rss_bytes, b.rss_bytes);
  switch (setup.objective.metric) {
    case Metric::kPeakMemory:
      return log_of(a.rss_bytes, b.rss_bytes);
    case Metric::kPattern:
      return log_of(a.metric_sum, b.metric_sum) * (setup.objective.higher_is_better ? -1 : 1);
    default:
      return is_duet ? log_of(a.cpu_ns, b.cpu_ns) : log_of(a.wall_ns, b.wall_ns);
  }
}

}  // namespace

PairSample run_pair(const PairSetup& setup, std::uint64_t index, int cpu, std::stop_token stop) {
  std::mt19937_64 random(hash64(fmt::format("{}/{}", setup.seed, index)));
  PairSample sample;
  sample.cpu = cpu;
  for (const PairPart& part : setup.parts) {
    sample.part_log_ratios.push_back(run_part(setup, part, index, random, cpu, sample, stop));
    sample.log_ratio += sample.part_log_ratios.back() / static_cast<double>(setup.parts.size());
  }
  return sample;
}

namespace {

// A mailbox between the cores' threads and the judge.
struct Mailbox {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<PairSample> samples;
  std::exception_ptr failure;
  std::size_t lanes_left = 0;
};

void lane(const PairSetup& setup, const std::vector<int>& cpus, std::atomic<std::uint64_t>& index, Mailbox& mailbox,
          const std::stop_source& all) {
  const std::stop_token stop = all.get_token();
  std::exception_ptr failure;
  try {
    const bool pinned = setup.instrument == Instrument::kDuet && can_pin();
    while (!stop.stop_requested()) {
      const Lease lease = setup.instrument == Instrument::kDuet ? Lease::core(cpus, stop) : Lease::machine(stop);
      const PairSample sample = run_pair(setup, index++, pinned ? lease.cpu() : -1, stop);
      const std::lock_guard lock(mailbox.mutex);
      mailbox.samples.push_back(sample);
      mailbox.changed.notify_one();
    }
  } catch (const Cancelled&) {
  } catch (const Interrupted&) {
  } catch (...) {
    failure = std::current_exception();
  }
  const std::lock_guard lock(mailbox.mutex);
  if (failure && !mailbox.failure) mailbox.failure = failure;
  --mailbox.lanes_left;
  mailbox.changed.notify_one();
}

}  // namespace

void run_pairs(const PairSetup& setup, const std::vector<int>& cpus, std::size_t lanes, double deadline_s,
               std::atomic<std::uint64_t>& index, std::stop_token stop,
               const std::function<bool(const PairSample&)>& take) {
  std::stop_source all;
  const std::stop_callback forward(stop, [&all] { all.request_stop(); });
  Mailbox mailbox;
  mailbox.lanes_left =
      setup.instrument == Instrument::kDuet ? std::max<std::size_t>(1, std::min(lanes, cpus.size())) : 1;
  std::vector<std::jthread> threads;
  const std::size_t count = mailbox.lanes_left;
  struct StopAll {  // also when `take` throws: the lanes end before the threads are joined
    std::stop_source& source;
    ~StopAll() { source.request_stop(); }
  };
  threads.reserve(count);
  const StopAll stop_all{all};
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back([&] { lane(setup, cpus, index, mailbox, all); });
  }
  bool wanted = true;
  while (wanted) {
    std::unique_lock lock(mailbox.mutex);
    const double left = deadline_s - monotonic_s();
    mailbox.changed.wait_for(lock, std::chrono::duration<double>(std::clamp(left, 0.0, 0.2)),
                             [&] { return !mailbox.samples.empty() || mailbox.failure || mailbox.lanes_left == 0; });
    if (mailbox.failure) {
      const std::exception_ptr failure = mailbox.failure;
      lock.unlock();
      all.request_stop();
      std::rethrow_exception(failure);
    }
    if (!mailbox.samples.empty()) {
      const PairSample sample = mailbox.samples.front();
      mailbox.samples.pop_front();
      lock.unlock();
      wanted = take(sample);
      continue;
    }
    if (mailbox.lanes_left == 0 || monotonic_s() >= deadline_s) wanted = false;
  }
  if (stop.stop_requested()) throw Interrupted();
}

}  // namespace jarvis2::verify
