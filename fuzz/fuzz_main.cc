// fuzz TARGET [--inputs N] [--first K]: reads the sound inputs and N damaged ones. Input K is the same in every run, so
// what one run finds another replays: `--first K --inputs 1`. Without libFuzzer, hence with any compiler and sanitizer.
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <random>

#include "base/error.h"
#include "base/process.h"
#include "targets.h"

namespace jarvis2::fuzz {
namespace {

// One of the sound inputs with one to six changes: bytes, runs, numbers, pieces of another input.
std::string damaged(const std::vector<std::string>& corpus, std::uint64_t number) {
  std::mt19937_64 random(number * 0x9E3779B97F4A7C15u + 1);
  const auto below = [&](std::size_t limit) {
    return static_cast<std::size_t>(random() % std::max<std::size_t>(1, limit));
  };
  std::string text = corpus[below(corpus.size())];
  static const std::vector<std::string> kPieces = {
      "",           "\n",   "\"", "'",    "\"\"\"", "{",        "}",           "[",  "]",     "(",
      ")",          ":",    ",",  "\\",   "\t",     "    ",     "0",           "-1", "1e999", "18446744073709551615",
      "4294967295", "null", "$X", "$$$A", "\xff",   "\xc3\x28", "\xe2\x80\xa8"};
  for (std::size_t changes = 1 + below(6); changes > 0; --changes) {
    const std::size_t at = below(text.size() + 1);
    const std::size_t length = std::min(text.size() - at, below(8) == 0 ? below(text.size() + 1) : below(24));
    switch (below(7)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        break;
      case 1:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
        break;
      case 2:
        text.erase(at, length);
        break;
      case 3:
        text.insert(at, text.substr(at, length));
        break;
      case 4:
        text.insert(at, kPieces[below(kPieces.size())]);
        break;
      case 5: {
        const std::string& other = corpus[below(corpus.size())];
        text.insert(at, other.substr(below(other.size() + 1), below(200)));
        break;
      }
      default:
        text.resize(at);
    }
  }
  return text;
}

int read_all(const Target& target, std::uint64_t first, std::uint64_t inputs, std::atomic<std::uint64_t>& current) {
  for (const std::string& sound : target.corpus) target.read(sound);
  std::uint64_t refused = 0;
  for (std::uint64_t i = 0; i < inputs; ++i) {
    current = first + i + 1;
    try {
      target.read(damaged(target.corpus, first + i));
    } catch (const Error&) {  // refused in order
      ++refused;
    }
  }
  fmt::print("{}: {} sound inputs, {} damaged, {} of them refused\n", target.name, target.corpus.size(), inputs,
             refused);
  std::fflush(stdout);
  return 0;
}

// The reading happens in a child, so that this process can tell which input ended it.
int run(const Target& target, std::uint64_t first, std::uint64_t inputs) {
  void* shared =
      ::mmap(nullptr, sizeof(std::atomic<std::uint64_t>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) throw Error("fuzz", "no memory");
  std::atomic<std::uint64_t>& current = *new (shared) std::atomic<std::uint64_t>(0);
  const pid_t child = ::fork();
  if (child == 0) {
    int status = 1;
    try {
      status = read_all(target, first, inputs, current);
    } catch (const std::exception& error) {
      fmt::print(stderr, "{}: {}\n", target.name, error.what());
    }
    std::fflush(stderr);
    ::_exit(status);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status == 0) return 0;
  const std::uint64_t reached = current;
  fmt::print(stderr, "{}: ended by {}; replay: fuzz {} --first {} --inputs 1\n", target.name,
             reached == 0 ? "a sound input" : fmt::format("input {}", reached - 1), target.name,
             reached == 0 ? 0 : reached - 1);
  return 1;
}

}  // namespace
}  // namespace jarvis2::fuzz

int main(int argc, char** argv) {
  CLI::App app("Feeds damaged input to what reads files.");
  std::string name;
  std::uint64_t first = 0;
  std::uint64_t inputs = 300;
  app.add_option("target", name, "One target (default: all)");
  app.add_option("--first", first, "Number of the first damaged input");
  app.add_option("--inputs", inputs, "How many");
  CLI11_PARSE(app, argc, argv);
  ::setenv("JARVIS2_DATA", JARVIS2_SOURCE_DIR, 0);  // where the rules are
  int status = 0;
  bool found = false;
  try {
    for (const jarvis2::fuzz::Target& target : jarvis2::fuzz::all_targets(JARVIS2_SOURCE_DIR)) {
      if (!name.empty() && target.name != name) continue;
      found = true;
      status |= jarvis2::fuzz::run(target, first, inputs);
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "fuzz: {}\n", error.what());
    return 2;
  }
  if (!found) fmt::print(stderr, "fuzz: no target {}\n", name);
  return found ? status : 2;
}
