// Instruction counts from valgrind: exact for one thread, blind to caches.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

#include "base/error.h"
#include "base/process.h"
#include "verify/measure.h"

namespace jarvis2::verify {

namespace {

// The program's own stderr goes nowhere, so that only valgrind speaks there.
constexpr const char* kRedirect = "exec 9>&2 2>/dev/null; exec ";
const std::vector<std::string> kValgrind = {"--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null",
                                            "--trace-children=yes", "--log-fd=9"};

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
    } else {
      result += c;
    }
  }
  return result + "'";
}

}  // namespace

std::string counting_command(const std::string& command) {
  return fmt::format("{}valgrind {} /bin/sh -c {}", kRedirect, fmt::join(kValgrind, " "), quoted(command));
}

InstructionCount read_instruction_count(const ProcessResult& result, double timeout_s) {
  InstructionCount count;
  if (result.timed_out) {
    count.unsupported = fmt::format("it ran longer than {:.3g} s under valgrind", timeout_s);
    return count;
  }
  if (result.err.find("unhandled instruction") != std::string::npos || result.signal == 4 || result.exit_code == 132) {
    count.unsupported = "valgrind does not know an instruction of this program (AVX-512)";
    return count;
  }
  if (result.exit_code == 127) {
    count.unsupported = "valgrind is not installed where the program runs";
    return count;
  }
  if (result.exit_code != 0) {
    count.unsupported = fmt::format("it ended with status {} under valgrind", result.exit_code);
    return count;
  }
  // One "I   refs:      1,234" for each process of the tree.
  const std::string label = "I   refs:";
  for (std::size_t at = result.err.find(label); at != std::string::npos; at = result.err.find(label, at + 1)) {
    std::string digits;
    for (std::size_t i = at + label.size(); i < result.err.size() && result.err[i] != '\n'; ++i) {
      if (result.err[i] >= '0' && result.err[i] <= '9') digits += result.err[i];
    }
    std::uint64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    count.instructions += value;
  }
  if (count.instructions == 0) count.unsupported = "valgrind printed no count";
  return count;
}

InstructionCount count_instructions(const SpawnOptions& run, double timeout_s, std::stop_token stop) {
  const fs::path valgrind = find_program("valgrind");
  if (valgrind.empty()) return {0, "valgrind is not installed"};
  SpawnOptions options = run;
  // A fixed environment: its size moves the stack and with it the count.
  if (!options.clear_env) {
    options.clear_env = true;
    options.env.insert(options.env.begin(), {{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"LC_ALL", "C"}});
  }
  options.argv = {"/bin/sh", "-c", std::string(kRedirect) + "\"$@\"", "sh", valgrind.string()};
  options.argv.insert(options.argv.end(), kValgrind.begin(), kValgrind.end());
  options.argv.insert(options.argv.end(), run.argv.begin(), run.argv.end());
  const ProcessResult result = run_process(options, timeout_s, std::move(stop));
  if (result.cancelled) throw Interrupted();
  return read_instruction_count(result, timeout_s);
}

}  // namespace jarvis2::verify
