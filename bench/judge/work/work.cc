// Programs of known cost for the judge's own benchmarks: `judge_work KIND UNITS [SIZE]`. Every kind prints one line
// that depends on the work done.
//
//   busy N          N turns of arithmetic
//   cache N KIB     N random reads and writes in KIB KiB
//   memory N MIB    N passes over MIB MiB
//   threads N K     N turns shared by K threads
//   wait N US       N turns, then a sleep of US microseconds
//   hidden N        N turns in a child that nobody waits for: its CPU time is in no account
//   print N SECONDS N turns, then "metric: SECONDS"
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

std::uint64_t spin(std::uint64_t turns, std::uint64_t x = 88172645463325252u) {
  for (std::uint64_t i = 0; i < turns; ++i) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
  }
  return x;
}

std::uint64_t walk(std::uint64_t steps, std::size_t kib) {
  std::vector<std::uint32_t> cells(kib * 256, 1);
  std::uint64_t x = 1, sum = 0;
  for (std::uint64_t i = 0; i < steps; ++i) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    std::uint32_t& cell = cells[(x >> 33) % cells.size()];
    sum += cell;
    cell = static_cast<std::uint32_t>(sum);
  }
  return sum;
}

std::uint64_t stream(std::uint64_t passes, std::size_t mib) {
  std::vector<std::uint64_t> cells(mib << 17, 3);
  std::uint64_t sum = 0;
  for (std::uint64_t pass = 0; pass < passes; ++pass) {
    for (std::uint64_t& cell : cells) sum += ++cell;
  }
  return sum;
}

std::uint64_t threads(std::uint64_t turns, std::size_t count) {
  std::vector<std::thread> all;
  std::vector<std::uint64_t> parts(count);
  for (std::size_t i = 0; i < count; ++i) all.emplace_back([&, i] { parts[i] = spin(turns / count); });
  for (std::thread& one : all) one.join();
  return parts[0] != 0 ? turns : 0;
}

std::uint64_t hidden(std::uint64_t turns) {
  ::signal(SIGCHLD, SIG_IGN);
  int ends[2];
  if (::pipe(ends) != 0) return 0;
  std::uint64_t answer = 0;
  if (::fork() == 0) {
    answer = spin(turns);
    ::_exit(::write(ends[1], &answer, sizeof answer) == sizeof answer ? 0 : 1);
  }
  return ::read(ends[0], &answer, sizeof answer) == sizeof answer ? answer : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string kind = argv[1];
  const std::uint64_t units = std::strtoull(argv[2], nullptr, 10);
  const std::size_t size = argc > 3 ? static_cast<std::size_t>(std::strtoull(argv[3], nullptr, 10)) : 1;
  std::uint64_t result = 1;
  if (kind == "busy" || kind == "wait" || kind == "print") {
    result = spin(units);
    if (kind == "wait") std::this_thread::sleep_for(std::chrono::microseconds(size));
  } else if (kind == "cache") {
    result = walk(units, size);
  } else if (kind == "memory") {
    result = stream(units, size);
  } else if (kind == "threads") {
    result = threads(units, size);
  } else if (kind == "hidden") {
    result = hidden(units);
  } else {
    return 2;
  }
  if (kind == "print") std::printf("metric: %s\n", argc > 3 ? argv[3] : "1");
  std::puts(result != 0 ? "done" : "nothing");
  return result != 0 ? 0 : 1;
}
