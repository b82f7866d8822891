#include "code/multi_pattern.h"

#include <fmt/format.h>
#include <hs/hs.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "base/process.h"
#include "code/pattern_gpu.h"

namespace jarvis2::code {
namespace {

struct DatabaseDeleter {
  void operator()(hs_database_t* database) const { hs_free_database(database); }
};
struct ScratchDeleter {
  void operator()(hs_scratch_t* scratch) const { hs_free_scratch(scratch); }
};
using Database = std::unique_ptr<hs_database_t, DatabaseDeleter>;
using Scratch = std::unique_ptr<hs_scratch_t, ScratchDeleter>;

std::mutex device_mutex;
PatternDevice device;

PatternDevice the_device() {
  const std::lock_guard lock(device_mutex);
  return device;
}

int on_match(unsigned int id, unsigned long long, unsigned long long to, unsigned int, void* context) {
  static_cast<std::vector<TextEnd>*>(context)->push_back({id, static_cast<std::uint32_t>(to)});
  return 0;
}

void tidy(std::vector<TextEnd>& ends) {
  if (!std::is_sorted(ends.begin(), ends.end())) std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
}

// Calls `work(index, scratch number)` for all indices below `count`; the first exception is passed on.
template <typename Work>
void share_out(std::size_t count, unsigned threads, std::stop_token stop, Work&& work) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  const auto loop = [&](unsigned thread) {
    for (std::size_t i; (i = next.fetch_add(1)) < count && !stop.stop_requested();) {
      try {
        work(i, thread);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        next = count;
      }
    }
  };
  {
    std::vector<std::jthread> pool;
    for (unsigned i = 1; i < threads && i < count; ++i) pool.emplace_back(loop, i);
    loop(0);
  }
  if (failure) std::rethrow_exception(failure);
  if (stop.stop_requested()) throw Interrupted();
}

}  // namespace

void set_pattern_device(PatternDevice wanted) {
  const std::lock_guard lock(device_mutex);
  device = std::move(wanted);
}

bool has_pattern_device() {
  const std::lock_guard lock(device_mutex);
  return static_cast<bool>(device.run);
}

struct MultiPattern::Parts {
  std::vector<TextPattern> patterns;
  std::vector<std::unique_ptr<TextRegex>> regexes;
  std::vector<std::uint32_t> fixed_length;  // 0: matches differ in length
  std::vector<TextNfa> backwards;           // of those
  TextAutomata automata;
  Database database;       // null: Vectorscan can't run here
  Database left_database;  // of the patterns that no automaton holds
  mutable std::once_flag measured;
  mutable std::uint64_t crossover = UINT64_MAX;

  Database compile(const std::vector<std::uint32_t>& members) const {
    std::vector<std::string> texts;
    std::vector<const char*> expressions;
    std::vector<unsigned> flags;
    for (const std::uint32_t i : members) {
      texts.push_back(patterns[i].literal ? escaped_regex(patterns[i].expression) : patterns[i].expression);
    }
    for (std::size_t i = 0; i < members.size(); ++i) {
      expressions.push_back(texts[i].c_str());
      flags.push_back(HS_FLAG_MULTILINE | (patterns[members[i]].caseless ? HS_FLAG_CASELESS : 0));
    }
    hs_database_t* compiled = nullptr;
    hs_compile_error_t* error = nullptr;
    const hs_error_t status =
        hs_compile_multi(expressions.data(), flags.data(), members.data(), static_cast<unsigned>(members.size()),
                         HS_MODE_BLOCK, nullptr, &compiled, &error);
    if (status == HS_SUCCESS) return Database(compiled);
    const int number = error != nullptr ? error->expression : -1;
    const std::string message = error != nullptr ? error->message : "";
    hs_free_compile_error(error);
    if (number < 0) throw Error("code::MultiPattern", "the patterns can't be compiled together: " + message);
    throw Error("code::MultiPattern", patterns[members[static_cast<std::size_t>(number)]].expression + ": " + message);
  }

  std::vector<std::vector<TextEnd>> by_vectorscan(const hs_database_t* compiled,
                                                  std::span<const std::string_view> texts, unsigned threads,
                                                  std::stop_token stop) const {
    std::vector<std::vector<TextEnd>> all(texts.size());
    std::vector<Scratch> scratch(std::max(1u, threads));
    share_out(texts.size(), threads, stop, [&](std::size_t i, unsigned thread) {
      if (!scratch[thread]) {
        hs_scratch_t* fresh = nullptr;
        if (hs_alloc_scratch(compiled, &fresh) != HS_SUCCESS) throw std::bad_alloc();
        scratch[thread].reset(fresh);
      }
      if (texts[i].size() > UINT32_MAX - 1) throw Error("code::MultiPattern", "a text of more than 4 GiB");
      const hs_error_t status = hs_scan(compiled, texts[i].data(), static_cast<unsigned>(texts[i].size()), 0,
                                        scratch[thread].get(), on_match, &all[i]);
      if (status != HS_SUCCESS) throw Error("code::MultiPattern", fmt::format("Vectorscan failed with {}", status));
      tidy(all[i]);
    });
    return all;
  }

  void add_left_out(std::span<const std::string_view> texts, unsigned threads, std::stop_token stop,
                    std::vector<std::vector<TextEnd>>& all) const {
    if (automata.left_out.empty()) return;
    if (!left_database) {
      throw Error("code::MultiPattern", patterns[automata.left_out[0]].expression + ": too large without Vectorscan");
    }
    const std::vector<std::vector<TextEnd>> more = by_vectorscan(left_database.get(), texts, threads, stop);
    for (std::size_t i = 0; i < texts.size(); ++i) all[i].insert(all[i].end(), more[i].begin(), more[i].end());
  }

  std::vector<std::vector<TextEnd>> by_automaton(std::span<const std::string_view> texts, unsigned threads,
                                                 std::stop_token stop) const {
    std::vector<std::vector<TextEnd>> all(texts.size());
    share_out(texts.size(), threads, stop, [&](std::size_t i, unsigned) {
      const std::uint32_t size = static_cast<std::uint32_t>(texts[i].size());
      const std::vector<PatternItem> items = pattern_items(texts[i], {&size, 1}, 0, UINT32_MAX / 2);
      for (const PatternTables& tables : automata.groups) {
        const std::vector<TextEnd> found = run_host(tables, texts[i], items);
        all[i].insert(all[i].end(), found.begin(), found.end());
      }
    });
    add_left_out(texts, threads, stop, all);
    for (std::vector<TextEnd>& ends : all) tidy(ends);
    return all;
  }

  // All texts in one piece: a device wants much at once.
  std::vector<std::vector<TextEnd>> by_device(std::span<const std::string_view> texts, unsigned threads,
                                              std::stop_token stop) const {
    const PatternDevice wanted = the_device();
    if (!wanted.run) throw Error("code::MultiPattern", "no device for patterns is loaded");
    std::vector<std::vector<TextEnd>> all(texts.size());
    for (std::size_t first = 0; first < texts.size();) {
      std::string joined;
      std::vector<std::uint32_t> ends;
      std::size_t last = first;
      for (; last < texts.size() && (last == first || joined.size() + texts[last].size() < (1u << 30)); ++last) {
        joined += texts[last];
        ends.push_back(static_cast<std::uint32_t>(joined.size()));
      }
      for (const PatternTables& tables : automata.groups) {
        if (stop.stop_requested()) throw Interrupted();
        const std::vector<PatternItem> items = pattern_items(joined, ends, tables.overlap, 2048);
        for (const TextEnd& one : wanted.run(tables, joined, items)) {
          const std::size_t file =
              static_cast<std::size_t>(std::lower_bound(ends.begin(), ends.end(), one.end) - ends.begin());
          const std::uint32_t begin = file == 0 ? 0 : ends[file - 1];
          all[first + file].push_back({one.pattern, one.end - begin});
        }
      }
      first = last;
    }
    add_left_out(texts, threads, stop, all);
    for (std::vector<TextEnd>& found : all) tidy(found);
    return all;
  }
};

MultiPattern::MultiPattern(std::vector<TextPattern> patterns) : parts_(std::make_unique<Parts>()) {
  Parts& parts = *parts_;
  parts.patterns = std::move(patterns);
  std::vector<std::uint32_t> all;
  for (std::uint32_t i = 0; i < parts.patterns.size(); ++i) {
    const TextPattern& one = parts.patterns[i];
    parts.regexes.push_back(
        parse_text_regex(one.literal ? escaped_regex(one.expression) : one.expression, one.caseless));
    const TextRegex& regex = *parts.regexes.back();
    const bool fixed = regex.min_length() == regex.max_length();
    parts.fixed_length.push_back(fixed ? regex.min_length() : 0);
    parts.backwards.emplace_back();
    if (!fixed) parts.backwards.back().add(regex, i, true);
    all.push_back(i);
  }
  parts.automata = make_automata(parts.regexes);
  if (!all.empty() && hs_valid_platform() == HS_SUCCESS) {
    parts.database = parts.compile(all);
    if (!parts.automata.left_out.empty()) parts.left_database = parts.compile(parts.automata.left_out);
  }
}

MultiPattern::~MultiPattern() = default;
MultiPattern::MultiPattern(MultiPattern&&) noexcept = default;
MultiPattern& MultiPattern::operator=(MultiPattern&&) noexcept = default;

std::size_t MultiPattern::size() const {
  return parts_->patterns.size();
}

const TextAutomata& MultiPattern::automata() const {
  return parts_->automata;
}

std::vector<std::vector<TextEnd>> MultiPattern::ends(std::span<const std::string_view> texts, unsigned threads,
                                                     PatternEngine engine, std::stop_token stop) const {
  if (parts_->patterns.empty()) return std::vector<std::vector<TextEnd>>(texts.size());
  if (engine == PatternEngine::kAuto) {
    std::uint64_t bytes = 0;
    for (const std::string_view text : texts) bytes += text.size();
    // Opening a GPU costs more than a scan of little text.
    const bool on_device = bytes > (64u << 20) && offer_gpu_for_patterns() && bytes >= crossover_bytes();
    // Vectorscan 5.4.9 misses matches of some patterns in texts longer than a vector (`\?[^:?\n]+:`); the automata
    // don't, and a few of them are quick enough.
    const bool automata = parts_->automata.left_out.empty() && parts_->automata.groups.size() <= 4;
    engine = on_device                       ? PatternEngine::kDevice
             : automata || !parts_->database ? PatternEngine::kAutomaton
                                             : PatternEngine::kVectorscan;
  }
  switch (engine) {
    case PatternEngine::kDevice:
      return parts_->by_device(texts, threads, stop);
    case PatternEngine::kVectorscan:
      if (!parts_->database) throw Error("code::MultiPattern", "Vectorscan does not run on this processor");
      return parts_->by_vectorscan(parts_->database.get(), texts, threads, stop);
    default:
      return parts_->by_automaton(texts, threads, stop);
  }
}

std::vector<std::vector<TextMatch>> MultiPattern::scan_all(std::span<const std::string_view> texts, unsigned threads,
                                                           PatternEngine engine, std::stop_token stop) const {
  const std::vector<std::vector<TextEnd>> found = ends(texts, threads, engine, stop);
  std::vector<std::vector<TextMatch>> all(texts.size());
  share_out(texts.size(), threads, stop, [&](std::size_t i, unsigned) {
    all[i].reserve(found[i].size());
    for (const TextEnd& one : found[i]) {
      const std::uint32_t length = parts_->fixed_length[one.pattern];
      const std::uint32_t begin =
          length != 0 ? one.end - length : leftmost_begin(parts_->backwards[one.pattern], texts[i], one.end);
      all[i].push_back({one.pattern, begin, one.end});
    }
  });
  return all;
}

std::vector<TextMatch> MultiPattern::scan(std::string_view text, PatternEngine engine) const {
  return std::move(scan_all({&text, 1}, 1, engine)[0]);
}

// One measurement decides: what each costs at a small and a large size gives a fixed cost and a rate.
std::uint64_t MultiPattern::crossover_bytes() const {
  std::call_once(parts_->measured, [this] {
    const PatternDevice wanted = the_device();
    if (!wanted.run) return;
    const fs::path file = user_cache_dir() / "patterns.json";
    const std::string key = fmt::format("{}/{} patterns", wanted.name, parts_->patterns.size());
    Json known = Json::object();
    try {
      known = Json::parse(read_file(file));
      parts_->crossover = known.at(key).get<std::uint64_t>();
      return;
    } catch (const std::exception&) {
      if (!known.is_object()) known = Json::object();
    }
    // Text that looks like code: names, numbers, signs, lines.
    std::string sample;
    std::uint64_t random = 88172645463325252u;
    while (sample.size() < (16u << 20)) {
      random ^= random << 13, random ^= random >> 7, random ^= random << 17;
      const char* const kWords[] = {"return ", "value", "(",    ")",      " = ", "self.",
                                    "\n    ",  "if ",   "0x1f", "_count", ";\n", "[i]"};
      sample += kWords[random % 12];
    }
    const auto seconds = [&](PatternEngine engine, std::size_t bytes) {
      const std::string_view text = std::string_view(sample).substr(0, bytes);
      double best = 1e9;
      for (int i = 0; i < 3; ++i) {
        const std::uint64_t begin_ns = monotonic_ns();
        ends({&text, 1}, 1, engine);
        best = std::min(best, static_cast<double>(monotonic_ns() - begin_ns) * 1e-9);
      }
      return best;
    };
    try {
      const PatternEngine cpu = parts_->database ? PatternEngine::kVectorscan : PatternEngine::kAutomaton;
      const double small = 1 << 20, large = 16 << 20;
      const double cpu_rate = seconds(cpu, 16 << 20) / large;
      const double device_small = seconds(PatternEngine::kDevice, 1 << 20);
      const double device_rate =
          std::max(1e-15, (seconds(PatternEngine::kDevice, 16 << 20) - device_small) / (large - small));
      const double fixed = std::max(0.0, device_small - device_rate * small);
      if (device_rate < cpu_rate) parts_->crossover = static_cast<std::uint64_t>(fixed / (cpu_rate - device_rate));
      known[key] = parts_->crossover;
      write_file_atomic(file, known.dump(1));
    } catch (const std::exception& error) {
      log::debug("patterns stay on the CPU: {}", error.what());
      parts_->crossover = UINT64_MAX;
    }
  });
  return parts_->crossover;
}

std::vector<TextMatch> distinct(std::vector<TextMatch> matches) {
  std::sort(matches.begin(), matches.end(), [](const TextMatch& a, const TextMatch& b) {
    if (a.pattern != b.pattern) return a.pattern < b.pattern;
    return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
  });
  std::vector<TextMatch> kept;
  for (const TextMatch& one : matches) {
    if (!kept.empty() && kept.back().pattern == one.pattern && one.begin < kept.back().end) continue;
    kept.push_back(one);
  }
  std::sort(kept.begin(), kept.end(), [](const TextMatch& a, const TextMatch& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.pattern < b.pattern;
  });
  return kept;
}

}  // namespace jarvis2::code
