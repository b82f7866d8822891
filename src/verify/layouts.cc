#include "verify/layouts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/math/distributions/fisher_f.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "base/json.h"
#include "project/settings.h"
#include "verify/pairs.h"

namespace jarvis2::verify {
namespace {

constexpr std::uintmax_t kMostTreeBytes = std::uintmax_t{512} << 20;  // of a tree that is copied for each layout
constexpr std::size_t kMostAtOnce = 4;
constexpr double kSignificance = 0.05;  // of layouts standing out of the noise
constexpr double kWinsorised = 4;       // deviations
constexpr std::array<const char*, 5> kLinkers = {"ld", "ld.bfd", "ld.gold", "ld.lld", "ld.mold"};
constexpr const char* kLog = "linked";

// Stands before the linker (compilers look for it in COMPILER_PATH first), shuffles the objects among their places and
// puts padding of random sizes between them. Start-up objects stay where they are; files of arguments are left alone.
constexpr const char* kLinker = R"sh(#!/bin/sh
objects=0 out=a.out previous= partial=
for a; do
  if [ "$previous" = -o ]; then out=$a previous=; continue; fi
  previous=$a
  case $a in
    -r|-i|--relocatable) partial=yes;;
    *crt*.o) ;;
    *.o|*.lo|*.obj) objects=$((objects+1)); eval "o$objects=\$a";;
  esac
done
case $out in /*) ;; *) out=$PWD/$out;; esac
printf '%s\n' "${out#"$_LAYOUT_ROOT"/}" >>"$_LAYOUT_FOLDER/linked"
x=$_LAYOUT
draw() { x=$(((x*1103515245+12345) & 2147483647)); r=$(((x>>9) % $1)); }
i=$objects
while [ $i -gt 1 ]; do
  draw $i; j=$((r+1)); eval "t=\$o$i; o$i=\$o$j; o$j=\$t"; i=$((i-1))
done
pads=0
while [ -z "$partial" ] && [ $pads -lt 4 ]; do
  pad=$_LAYOUT_FOLDER/pad$((pads+1)).o
  if [ ! -s "$pad" ]; then
    draw 255; text=$((16*r+16)); draw 255; read=$((16*r+16)); draw 255; data=$((16*r+16))
    printf '.section .text.pad,"axR",%%progbits\n.skip %s\n.section .rodata.pad,"aR",%%progbits\n.skip %s\n.section .data.pad,"awR",%%progbits\n.skip %s\n.section .bss.pad,"awR",%%nobits\n.skip %s\n.section .note.GNU-stack,"",%%progbits\n' \
      $text $read $data $data | as -o "$pad.$$" - 2>/dev/null && mv "$pad.$$" "$pad" || break
  fi
  pads=$((pads+1))
done
seen=0 used=0 previous= count=$# every=$((objects/4+1))
for a; do
  if [ "$previous" != -o ]; then
    case $a in
      *crt*.o) ;;
      *.o|*.lo|*.obj|@*)
        if [ $used -lt $pads ] && [ $((seen%every)) -eq 0 ]; then
          used=$((used+1)); set -- "$@" "$_LAYOUT_FOLDER/pad$used.o"
        fi
        case $a in @*) ;; *) seen=$((seen+1)); eval "a=\$o$seen";; esac;;
    esac
  fi
  previous=$a
  set -- "$@" "$a"
done
shift $count
while [ $used -lt $pads ]; do used=$((used+1)); set -- "$@" "$_LAYOUT_FOLDER/pad$used.o"; done
exec "${0##*/}" "$@"
)sh";

bool is_linked(const fs::path& file) {
  std::array<unsigned char, 20> head{};
  std::ifstream stream(file, std::ios::binary);
  stream.read(reinterpret_cast<char*>(head.data()), head.size());
  if (stream.gcount() < static_cast<std::streamsize>(head.size())) return false;
  if (head[0] == 0x7f && head[1] == 'E' && head[2] == 'L' && head[3] == 'F') {
    const unsigned type = head[5] == 2 ? head[17] : head[16];  // e_type by byte order
    return type == 2 || type == 3;                             // executable, shared
  }
  const bool mach = head[0] == 0xcf && head[1] == 0xfa && head[2] == 0xed && head[3] == 0xfe;
  return mach && (head[12] == 2 || head[12] == 6 || head[12] == 8);  // executable, library, bundle
}

bool is_package_folder(const fs::path& name) {
  static const std::set<std::string> kNames = {".git",          "venv",         ".venv",    "site-packages",
                                               "dist-packages", "node_modules", ".jarvis2", "CMakeFiles"};
  return kNames.contains(name.string());
}

// Files of a folder, packages left out.
template <typename Take>
void each_file(const fs::path& tree, const Take& take) {
  std::error_code error;
  for (fs::recursive_directory_iterator at(tree, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    if (at->is_symlink(gone)) {
      if (at->is_directory(gone)) at.disable_recursion_pending();
    } else if (at->is_directory(gone)) {
      if (is_package_folder(at->path().filename())) at.disable_recursion_pending();
    } else if (at->is_regular_file(gone)) {
      take(at->path());
    }
  }
}

std::string relative_to(const fs::path& file, const fs::path& tree) {
  return file.lexically_relative(tree).generic_string();
}

struct Attempt {
  fs::path tree;
  std::vector<std::string> linked;  // what the linker was asked for
  std::string failure;              // empty: it is a layout
};

Attempt relink_once(const Relinking& what, std::uint64_t seed, std::stop_token stop) {
  Attempt attempt;
  attempt.tree = what.copy();
  const fs::path folder = attempt.tree / kLayoutFolder;
  fs::create_directories(folder);
  for (const char* name : kLinkers) {
    write_file_atomic(folder / name, kLinker);
    fs::permissions(folder / name, fs::perms::owner_all | fs::perms::group_exec | fs::perms::group_read);
  }
  std::error_code ignored;
  for (const std::string& output : what.outputs) {
    fs::remove(attempt.tree / output, ignored);
    // libtool's makefiles depend on these.
    const fs::path beside = (attempt.tree / output).parent_path();
    if (beside.filename() != ".libs") continue;
    for (const fs::directory_entry& entry : fs::directory_iterator(beside.parent_path(), ignored)) {
      if (entry.path().extension() == ".la") fs::remove(entry.path(), ignored);
    }
  }
  const std::string command = fmt::format(
      "export _LAYOUT={} _LAYOUT_ROOT=\"$PWD\" _LAYOUT_FOLDER=\"$PWD/{}\" "
      "COMPILER_PATH=\"$PWD/{}${{COMPILER_PATH:+:$COMPILER_PATH}}\"; {}",
      seed & 0x7fffffff, kLayoutFolder, kLayoutFolder, what.build);
  const ProcessResult built = run_process(what.sandboxed(command, attempt.tree), what.timeout_s, stop);
  if (built.cancelled) throw Interrupted();
  if (fs::exists(folder / kLog, ignored)) {
    std::istringstream lines(read_file(folder / kLog));
    for (std::string line; std::getline(lines, line);) {
      attempt.linked.push_back(fs::path(line).lexically_normal().generic_string());
    }
  }
  fs::remove_all(folder, ignored);
  if (!built.ok()) {
    attempt.failure = "the build did not link again";
  } else if (!std::all_of(what.outputs.begin(), what.outputs.end(),
                          [&](const std::string& path) { return fs::exists(attempt.tree / path, ignored); })) {
    attempt.failure = "the build did not make again what it had linked";
  }
  return attempt;
}

double t_quantile(double confidence, std::size_t layouts) {
  const double freedom = std::max(1.0, static_cast<double>(layouts) - 1);
  return boost::math::quantile(boost::math::students_t(freedom), 0.5 + confidence / 2);
}

// Variance between groups by a one-way analysis; 0 where it does not stand out.
double variance_between(const std::map<int, std::vector<double>>& groups) {
  double total = 0, count = 0, squares = 0;
  for (const auto& [layout, values] : groups) {
    for (const double value : values) total += value;
    const double n = static_cast<double>(values.size());
    count += n;
    squares += n * n;
  }
  const double k = static_cast<double>(groups.size());
  if (k < 2 || count < k + 2) return 0;
  const double mean = total / count;
  double between = 0, within = 0;
  for (const auto& [layout, values] : groups) {
    double sum = 0;
    for (const double value : values) sum += value;
    const double n = static_cast<double>(values.size()), own = sum / n;
    between += n * (own - mean) * (own - mean);
    for (const double value : values) within += (value - own) * (value - own);
  }
  between /= k - 1;
  within /= count - k;
  const double each = (count - squares / count) / (k - 1);
  if (within <= 0) return between / std::max(each, 1.0);
  const double limit = boost::math::quantile(boost::math::fisher_f(k - 1, count - k), 1 - kSignificance);
  return between / within > limit ? (between - within) / each : 0;
}

}  // namespace

std::vector<std::string> linked_files(const fs::path& tree, const std::function<bool(const std::string&)>& pinned) {
  std::vector<std::string> found;
  each_file(tree, [&](const fs::path& file) {
    const std::string path = relative_to(file, tree);
    if (is_linked(file) && !pinned(path)) found.push_back(path);
  });
  std::sort(found.begin(), found.end());
  return found;
}

Layouts relink(const Relinking& what, std::stop_token stop) {
  Layouts result;
  result.native = !what.outputs.empty();
  result.outputs = what.outputs;
  if (what.outputs.empty()) return result;
  const double until_s = monotonic_s() + what.budget_s;
  std::mutex mutex;
  std::size_t started = 0;
  std::exception_ptr interrupted;
  const auto work = [&] {
    while (true) {
      std::size_t number = 0;
      {
        const std::lock_guard lock(mutex);
        if (started >= what.count || !result.why.empty() || interrupted) return;
        if (monotonic_s() > until_s) {
          result.why = fmt::format("the time for linking again ({:.0f} s) was up", what.budget_s);
          return;
        }
        number = ++started;
      }
      try {
        Attempt attempt = relink_once(what, what.seed + 7919 * number, stop);
        if (attempt.failure.empty()) {
          const std::set<std::string> linked(attempt.linked.begin(), attempt.linked.end());
          if (std::none_of(what.outputs.begin(), what.outputs.end(),
                           [&](const std::string& path) { return linked.contains(path); })) {
            attempt.failure = "its linker was not seen";
          } else if (!what.works(attempt.tree)) {
            attempt.failure = "with its objects in another order the program behaves otherwise";
          }
        }
        const std::lock_guard lock(mutex);
        if (attempt.failure.empty()) {
          result.trees.push_back(attempt.tree);
        } else {
          what.drop(attempt.tree);
          if (result.why.empty()) result.why = attempt.failure;
        }
      } catch (const Interrupted&) {
        const std::lock_guard lock(mutex);
        interrupted = std::current_exception();
      } catch (const std::exception& error) {
        const std::lock_guard lock(mutex);
        if (result.why.empty()) result.why = error.what();
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    const std::size_t count = std::clamp<std::size_t>(usable_cpus().size(), 1, std::min(kMostAtOnce, what.count));
    for (std::size_t i = 1; i < count; ++i) threads.emplace_back(work);
    work();
  }
  if (interrupted) {
    for (const fs::path& tree : result.trees) what.drop(tree);
    std::rethrow_exception(interrupted);
  }
  return result;
}

std::uintmax_t program_bytes(const fs::path& tree, const std::function<bool(const std::string&)>& pinned) {
  std::uintmax_t linked = 0, sources = 0;
  each_file(tree, [&](const fs::path& file) {
    const std::string path = relative_to(file, tree);
    if (pinned(path)) return;
    std::error_code gone;
    const std::uintmax_t size = fs::file_size(file, gone);
    if (gone) return;
    if (is_linked(file)) {
      linked += size;
    } else if (project::is_source_path(path)) {
      sources += size;
    }
  });
  return linked > 0 ? linked : sources;
}

bool small_enough_to_copy(const fs::path& tree) {
  std::uintmax_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator at(tree, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    if (at->is_regular_file(gone) && !at->is_symlink(gone)) bytes += at->file_size(gone);
    if (bytes > kMostTreeBytes) return false;
  }
  return true;
}

namespace {

// Whether the judged benchmarks print in this tree what they always print.
bool behaves(const fs::path& tree, const Baseline& baseline, const Plan& plan, const Workspace& workspace,
             const std::stop_token& stop) {
  for (const std::string& command : plan.holdout.empty() ? plan.bench : plan.holdout) {
    SpawnOptions options = workspace.sandboxed(command, tree, false);
    options.max_output_bytes = std::min<std::size_t>(options.max_output_bytes, 1 << 16);
    const ProcessResult result = run_process(options, std::max(plan.measure.run_timeout_s, 2.0), stop);
    if (result.cancelled) throw Interrupted();
    if (!result.ok()) return false;
    const auto known = baseline.output_hash.find(command);
    if (!plan.ignore_output && plan.measure.check_output && known != baseline.output_hash.end() &&
        known->second != result.out_hash) {
      return false;
    }
  }
  return true;
}

Relinking relinking(const Baseline& baseline, const Plan& plan, const Workspace& workspace, const std::string& build,
                    const std::stop_token& stop) {
  Relinking what;
  what.build = build;
  what.drop = [&workspace](const fs::path& tree) {
    if (workspace.release) workspace.release(tree);
  };
  what.sandboxed = [&workspace](const std::string& command, const fs::path& tree) {
    return workspace.sandboxed(command, tree, true);
  };
  what.works = [&baseline, &plan, &workspace, stop](const fs::path& tree) {
    return behaves(tree, baseline, plan, workspace, stop);
  };
  what.outputs = baseline.linked;
  what.budget_s = plan.layout_budget_s;
  what.timeout_s = plan.build_timeout_s;
  what.seed = plan.measure.seed == 0 ? 1 : plan.measure.seed;
  return what;
}

}  // namespace

void lay_out_baseline(Baseline& baseline, const Plan& plan, const Workspace& workspace, std::stop_token stop) {
  if (plan.build.empty()) return;
  baseline.linked = linked_files(baseline.tree, [&](const std::string& path) { return plan.pinned.contains(path); });
  baseline.native = !baseline.linked.empty();
  if (!baseline.native) return;
  if (!workspace.copy || !small_enough_to_copy(baseline.tree)) {
    baseline.layouts_missing = "the built tree is too large to be copied for each";
    return;
  }
  Relinking what = relinking(baseline, plan, workspace, plan.build, stop);
  what.copy = [&workspace] { return workspace.acquire(); };
  // The first also tells which of the files the build links; others came with set-up.
  const double begun_s = monotonic_s();
  const Attempt first = relink_once(what, what.seed, stop);
  const std::set<std::string> linked(first.linked.begin(), first.linked.end());
  const std::size_t all = baseline.linked.size();
  std::erase_if(baseline.linked, [&](const std::string& path) { return !linked.contains(path); });
  const bool usable = first.failure.empty() && baseline.linked.size() == all && what.works(first.tree);
  if (usable) {
    baseline.layouts.push_back(first.tree);
  } else {
    what.drop(first.tree);
  }
  if (baseline.linked.empty()) {
    baseline.layouts_missing = first.failure.empty() ? "its linker was not seen" : first.failure;
    return;
  }
  what.outputs = baseline.linked;
  what.count -= baseline.layouts.size();
  what.seed += 104729;
  what.budget_s -= monotonic_s() - begun_s;
  const Layouts rest = relink(what, stop);
  baseline.layouts.insert(baseline.layouts.end(), rest.trees.begin(), rest.trees.end());
  baseline.layouts_missing = rest.why;
}

Layouts lay_out_candidate(const Baseline& baseline, const fs::path& tree, const std::string& build, const Plan& plan,
                          const Workspace& workspace, std::stop_token stop) {
  Relinking what = relinking(baseline, plan, workspace, build, stop);
  what.copy = [&workspace, &tree] { return workspace.copy(tree); };
  what.count = baseline.layouts.size();
  what.seed += 15485863;
  std::erase_if(what.outputs, [&](const std::string& path) { return !fs::exists(tree / path); });
  return relink(what, stop);
}

LayoutSpread layout_spread(const std::vector<PairSample>& samples) {
  LayoutSpread result;
  std::vector<double> values;
  for (const PairSample& sample : samples) values.push_back(sample.log_ratio);
  if (values.empty()) return result;
  const double centre = median(values), reach = kWinsorised * robust_deviation(values);
  std::map<int, std::vector<double>> base, candidate;
  for (const PairSample& sample : samples) {
    const double value = reach > 0 ? std::clamp(sample.log_ratio, centre - reach, centre + reach) : sample.log_ratio;
    base[sample.base_layout].push_back(value);
    candidate[sample.candidate_layout].push_back(value);
  }
  result.base = base.size();
  result.candidate = candidate.size();
  const double of_base = variance_between(base), of_candidate = variance_between(candidate);
  result.base_deviation = std::sqrt(of_base);
  result.candidate_deviation = std::sqrt(of_candidate);
  result.standard_error =
      std::sqrt(of_base / static_cast<double>(result.base) + of_candidate / static_cast<double>(result.candidate));
  return result;
}

Estimate widened(const Estimate& estimate, const LayoutSpread& spread) {
  if (spread.standard_error <= 0 || !(estimate.ratio > 0)) return estimate;
  const double more = spread.standard_error * t_quantile(estimate.confidence, std::min(spread.base, spread.candidate));
  Estimate result = estimate;
  const double at = std::log(estimate.ratio);
  if (estimate.low > 0) result.low = std::exp(at - std::hypot(at - std::log(estimate.low), more));
  if (std::isfinite(estimate.high)) result.high = std::exp(at + std::hypot(std::log(estimate.high) - at, more));
  return result;
}

void to_json(Json& json, const LayoutSpread& spread) {
  json = {{"base", spread.base},
          {"candidate", spread.candidate},
          {"base_deviation", spread.base_deviation},
          {"candidate_deviation", spread.candidate_deviation},
          {"standard_error", spread.standard_error}};
}

}  // namespace jarvis2::verify
