// bench_memory: what a real search and a real reading of sources allocate and free, recorded and replayed through our
// pool, the standard allocator, mimalloc and jemalloc, each in processes of its own, on 1 to 16 threads. CPU time an
// operation.
#include <dlfcn.h>
#include <fmt/format.h>
#include <time.h>
#include <tree_sitter/api.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "../mcts/set_environment.h"
#include "base/executable.h"
#include "base/files.h"
#include "base/json.h"
#include "base/process.h"
#include "code/model.h"
#include "mcts/search.h"
#include "memory/pool.h"

namespace {

// A trace: positive sizes allocate the next block, negative numbers free block -n-1.
struct Recorder {
  bool on = false;
  bool busy = false;  // within its own bookkeeping
  std::vector<std::int64_t> events;
  std::unordered_map<void*, std::int64_t> live;
  std::int64_t next = 0;

  void allocated(void* pointer, std::size_t bytes) {
    if (!on || busy || pointer == nullptr) return;
    busy = true;
    events.push_back(static_cast<std::int64_t>(std::max<std::size_t>(1, bytes)));
    live[pointer] = next++;
    busy = false;
  }
  void freed(void* pointer) {
    if (!on || busy || pointer == nullptr) return;
    const std::unordered_map<void*, std::int64_t>::iterator found = live.find(pointer);
    if (found == live.end()) return;
    busy = true;
    events.push_back(-found->second - 1);
    live.erase(found);
    busy = false;
  }
};
Recorder* g_recorder = nullptr;  // one thread records

void* counted(std::size_t bytes) {
  void* const pointer = std::malloc(std::max<std::size_t>(1, bytes));
  if (pointer == nullptr) throw std::bad_alloc();
  if (g_recorder != nullptr) g_recorder->allocated(pointer, bytes);
  return pointer;
}

void uncounted(void* pointer) noexcept {
  if (g_recorder != nullptr) g_recorder->freed(pointer);
  std::free(pointer);
}

}  // namespace

void* operator new(std::size_t bytes) {
  return counted(bytes);
}
void* operator new[](std::size_t bytes) {
  return counted(bytes);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  const std::size_t step = static_cast<std::size_t>(alignment);
  void* const pointer = std::aligned_alloc(step, std::max(step, (bytes + step - 1) / step * step));
  if (pointer == nullptr) throw std::bad_alloc();
  if (g_recorder != nullptr) g_recorder->allocated(pointer, bytes);
  return pointer;
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return operator new(bytes, alignment);
}
void operator delete(void* pointer, std::align_val_t) noexcept {
  uncounted(pointer);
}
void operator delete[](void* pointer, std::align_val_t) noexcept {
  uncounted(pointer);
}
void operator delete(void* pointer, std::size_t, std::align_val_t) noexcept {
  uncounted(pointer);
}
void operator delete(void* pointer) noexcept {
  uncounted(pointer);
}
void operator delete[](void* pointer) noexcept {
  uncounted(pointer);
}
void operator delete(void* pointer, std::size_t) noexcept {
  uncounted(pointer);
}
void operator delete[](void* pointer, std::size_t) noexcept {
  uncounted(pointer);
}

namespace jarvis2::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostEvents = 2'000'000;

// --- Recording ---

std::vector<std::int64_t> record(const std::function<void()>& work) {
  Recorder recorder;
  recorder.events.reserve(kMostEvents);
  g_recorder = &recorder;
  recorder.on = true;
  work();
  recorder.on = false;
  g_recorder = nullptr;
  std::vector<std::int64_t> events = std::move(recorder.events);
  if (events.size() > kMostEvents) events.resize(kMostEvents);
  return events;
}

std::vector<std::int64_t> record_search() {
  return record([] {
    const SetEnvironment environment(200, 7, nullptr);
    mcts::Options options;
    options.threads = 1;
    mcts::Search<SetEnvironment> search(environment, options);
    search.run({20'000, 0});
  });
}

std::vector<std::int64_t> record_index(const fs::path& folder) {
  std::vector<std::pair<std::string, std::string>> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    const std::string extension = entry.path().extension().string();
    if (entry.is_regular_file() &&
        (extension == ".cc" || extension == ".h" || extension == ".py" || extension == ".c")) {
      files.emplace_back(entry.path().lexically_relative(folder).generic_string(), read_file(entry.path()));
    }
  }
  std::sort(files.begin(), files.end());
  if (files.size() > 150) files.resize(150);
  ts_set_allocator([](std::size_t bytes) { return counted(bytes); },
                   [](std::size_t count, std::size_t bytes) {
                     void* const pointer = counted(count * bytes);
                     return std::memset(pointer, 0, count * bytes);
                   },
                   [](void* old, std::size_t bytes) {
                     if (g_recorder != nullptr) g_recorder->freed(old);
                     void* const pointer = std::realloc(old, bytes);
                     if (g_recorder != nullptr) g_recorder->allocated(pointer, bytes);
                     return pointer;
                   },
                   uncounted);
  return record([&] {
    const code::Workspace workspace = code::parse_workspace(files, 1, std::vector<bool>(files.size(), true));
    const code::Model model = code::Model::build(workspace, 1);
  });
}

// --- Replaying ---

struct Standard {
  void* get(std::size_t bytes) { return std::malloc(bytes); }
  void put(void* pointer, std::size_t) { std::free(pointer); }
};

// As a container with a pmr allocator calls it.
struct Ours {
  memory::Pool* pool;
  void* get(std::size_t bytes) { return pool->allocate(bytes, 16); }
  void put(void* pointer, std::size_t bytes) { pool->deallocate(pointer, bytes, 16); }
};

double thread_seconds() {
  struct timespec time {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Short traces are replayed so often that threads and pools are warm.
constexpr std::size_t kLeastEvents = 500'000;

template <typename Allocator>
double replay(const std::vector<std::int64_t>& events, Allocator allocator,
              std::vector<std::pair<void*, std::size_t>>& blocks) {
  const std::size_t repeats = std::max<std::size_t>(1, kLeastEvents / events.size());
  const double start = thread_seconds();
  for (std::size_t i = 0; i < repeats; ++i) {
    blocks.clear();
    for (const std::int64_t event : events) {
      if (event > 0) {
        void* const pointer = allocator.get(static_cast<std::size_t>(event));
        *static_cast<volatile char*>(pointer) = 1;
        blocks.emplace_back(pointer, static_cast<std::size_t>(event));
      } else {
        std::pair<void*, std::size_t>& block = blocks[static_cast<std::size_t>(-event - 1)];
        allocator.put(block.first, block.second);
        block.first = nullptr;
      }
    }
    for (const std::pair<void*, std::size_t>& block : blocks) {
      if (block.first != nullptr) allocator.put(block.first, block.second);
    }
  }
  return (thread_seconds() - start) / static_cast<double>(repeats);
}

// What the loop itself costs: all allocators carry it, and it is taken off.
struct Nothing {
  char place = 0;
  void* get(std::size_t) { return &place; }
  void put(void*, std::size_t) {}
};

// The best of some rounds, in ns of CPU an event, mean of all threads.
template <typename Allocator>
double timed(const std::vector<std::int64_t>& events, int threads, Allocator allocator) {
  double best = 1e18;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::thread> pool;
    std::vector<double> seconds(static_cast<std::size_t>(threads));
    for (int t = 0; t < threads; ++t) {
      pool.emplace_back([&, t] {
        std::vector<std::pair<void*, std::size_t>> blocks;
        blocks.reserve(events.size());
        Nothing nothing;
        double empty = 1e18;
        for (int i = 0; i < 2; ++i) empty = std::min(empty, replay(events, nothing, blocks));
        seconds[static_cast<std::size_t>(t)] = std::max(1e-9, replay(events, allocator, blocks) - empty);
      });
    }
    for (std::thread& thread : pool) thread.join();
    double sum = 0;
    for (const double one : seconds) sum += one;
    best = std::min(best, sum / threads * 1e9 / static_cast<double>(events.size()));
  }
  return best;
}

std::vector<std::int64_t> read_trace(const char* path) {
  const std::string bytes = read_file(path);
  std::vector<std::int64_t> events(bytes.size() / sizeof(std::int64_t));
  std::memcpy(events.data(), bytes.data(), events.size() * sizeof(std::int64_t));
  return events;
}

// bench_memory replay ARM TRACE THREADS
int run_replay(char** arguments) {
  const std::string arm = arguments[0];
  const std::vector<std::int64_t> events = read_trace(arguments[1]);
  const int threads = std::atoi(arguments[2]);
  if (arm == "mimalloc" && ::dlsym(RTLD_DEFAULT, "mi_version") == nullptr) return 3;
  if (arm == "jemalloc" && ::dlsym(RTLD_DEFAULT, "mallctl") == nullptr) return 3;
  double ns = 0;
  if (arm == "ours") {
    memory::Pool pool;
    ns = timed(events, threads, Ours{&pool});
  } else {
    ns = timed(events, threads, Standard());
  }
  fmt::print("{:.4f}\n", ns);
  return 0;
}

// --- All of it ---

std::string preload(const std::string& arm) {
  return arm == "mimalloc"   ? "libmimalloc.so.2.0 libmimalloc.so.2 libmimalloc.so"
         : arm == "jemalloc" ? "libjemalloc.so.2"
                             : "";
}

// Nothing where the allocator is not installed.
std::optional<double> measure(const std::string& arm, const fs::path& trace, int threads) {
  SpawnOptions options;
  options.argv = {executable_path().string(), "replay", arm, trace.string(), std::to_string(threads)};
  if (!preload(arm).empty()) options.env = {{"LD_PRELOAD", preload(arm)}};
  const ProcessResult result = run_process(options, 300);
  if (!result.ok()) return std::nullopt;
  return std::strtod(result.out.c_str(), nullptr);
}

void write_trace(const fs::path& file, const std::vector<std::int64_t>& events) {
  write_file_atomic(file, {reinterpret_cast<const char*>(events.data()), events.size() * sizeof(std::int64_t)});
}

int run(const fs::path& sources) {
  const TempDir folder;
  Json results = Json::array();
  const std::vector<std::pair<std::string, std::vector<std::int64_t>>> traces = {{"search", record_search()},
                                                                                 {"index", record_index(sources)}};
  for (const auto& [name, events] : traces) {
    const fs::path trace = folder.path() / name;
    write_trace(trace, events);
    std::uint64_t small = 0;
    std::uint64_t allocations = 0;
    for (const std::int64_t event : events) {
      allocations += event > 0 ? 1 : 0;
      small += event > 0 && event <= 1024 ? 1 : 0;
    }
    fmt::print(stderr, "{}: {} events, {:.1f} % of the blocks are small\n", name, events.size(),
               100.0 * static_cast<double>(small) / static_cast<double>(std::max<std::uint64_t>(1, allocations)));
    for (const int threads : {1, 2, 4, 8, 16}) {
      std::map<std::string, double> best;
      for (int round = 0; round < 2; ++round) {
        for (const char* arm : {"ours", "standard", "mimalloc", "jemalloc"}) {
          const std::optional<double> ns = measure(arm, trace, threads);
          if (ns) best[arm] = best.contains(arm) ? std::min(best[arm], *ns) : *ns;
        }
      }
      Json peers = Json::array();
      for (const char* arm : {"standard", "mimalloc", "jemalloc"}) {
        if (best.contains(arm)) {
          peers.push_back({{"name", arm}, {"value", best[arm]}, {"ratio", best[arm] / best["ours"]}});
        } else {
          peers.push_back({{"name", arm}, {"value", "absent"}, {"ratio", nullptr}});
        }
      }
      results.push_back({{"name", fmt::format("{}, {} thread{}", name, threads, threads == 1 ? "" : "s")},
                         {"unit", "ns of CPU an allocation or free"},
                         {"ours", best["ours"]},
                         {"peers", peers}});
    }
  }
  fmt::print("{}\n", Json{{"results", results}}.dump(2));
  return 0;
}

}  // namespace
}  // namespace jarvis2::bench

int main(int argc, char** argv) {
  if (argc == 5 && std::string(argv[1]) == "replay") return jarvis2::bench::run_replay(argv + 2);
  // A trace by itself: of a search, or of reading a folder.
  if ((argc == 3 || argc == 4) && std::string(argv[1]) == "record") {
    jarvis2::bench::write_trace(argv[2],
                                argc == 3 ? jarvis2::bench::record_search() : jarvis2::bench::record_index(argv[3]));
    return 0;
  }
  // The sources whose reading is recorded: this project's own, or a folder.
  std::filesystem::path sources = jarvis2::data_dir() / "src";
  for (int i = 1; i < argc; ++i) {
    if (std::filesystem::is_directory(argv[i])) sources = argv[i];
  }
  if (!std::filesystem::is_directory(sources)) {
    fmt::print(stderr, "bench_memory: no folder of sources: bench memory -- FOLDER\n");
    return 2;
  }
  return jarvis2::bench::run(sources);
}
