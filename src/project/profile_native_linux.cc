// Native code: perf where the kernel allows it, else callgrind on a run that is cut short. The profiled build is a
// second one with debug information, so that samples have lines.
#include <elf.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <charconv>
#include <cstring>
#include <regex>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "project/profile.h"

namespace jarvis2::project {
namespace {

constexpr std::string_view kCompilers[] = {"cc",      "c++",    "gcc",    "g++",    "clang",
                                           "clang++", "gcc-12", "g++-12", "gcc-13", "g++-13"};

// A folder of compilers that add -g; it goes in front of PATH.
void write_shims(const fs::path& folder) {
  fs::create_directories(folder);
  for (const std::string_view name : kCompilers) {
    const fs::path real = find_program(std::string(name));
    if (real.empty()) continue;
    const fs::path shim = folder / name;
    write_file_atomic(shim, fmt::format("#!/bin/sh\nexec '{}' -g \"$@\"\n", real.string()));
    ::chmod(shim.c_str(), 0755);
  }
}

// File offset → virtual address, from the loadable segments.
std::uint64_t to_address(const std::string& elf, std::uint64_t offset) {
  if (elf.size() < sizeof(Elf64_Ehdr) || std::memcmp(elf.data(), ELFMAG, SELFMAG) != 0) return offset;
  Elf64_Ehdr header;
  std::memcpy(&header, elf.data(), sizeof header);
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    const std::size_t at = header.e_phoff + i * sizeof segment;
    if (at + sizeof segment > elf.size()) break;
    std::memcpy(&segment, elf.data() + at, sizeof segment);
    if (segment.p_type == PT_LOAD && segment.p_offset <= offset && offset < segment.p_offset + segment.p_filesz) {
      return offset - segment.p_offset + segment.p_vaddr;
    }
  }
  return offset;
}

struct Mapping {
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  std::uint64_t offset = 0;
  std::string path;
};

// Inlined frames of one address, innermost first.
using Chain = std::vector<ProfileBuilder::Frame>;

// Where addresses of one binary come from.
std::map<std::uint64_t, Chain> resolve(const fs::path& binary, const std::set<std::uint64_t>& addresses,
                                       const std::vector<std::string>& prefixes, std::stop_token stop) {
  std::map<std::uint64_t, Chain> result;
  if (addresses.empty()) return result;
  SpawnOptions spawn{.argv = {"addr2line", "-a", "-f", "-i", "-C", "-e", binary.string()}};
  for (const std::uint64_t address : addresses) spawn.stdin_bytes += fmt::format("0x{:x}\n", address);
  const ProcessResult out = run_process(spawn, 60, stop);
  Chain* chain = nullptr;
  std::string function;
  bool expect_function = true;
  for (std::size_t at = 0; at < out.out.size();) {
    const std::size_t end = std::min(out.out.find('\n', at), out.out.size());
    const std::string line = out.out.substr(at, end - at);
    at = end + 1;
    if (expect_function && line.starts_with("0x")) {
      std::uint64_t address = 0;
      std::from_chars(line.data() + 2, line.data() + line.size(), address, 16);
      chain = &result[address];
      continue;
    }
    if (chain == nullptr) continue;
    if (expect_function) {
      function = line;
    } else {
      ProfileBuilder::Frame frame;
      frame.function = function.substr(0, function.find('('));
      const std::size_t colon = line.rfind(':');
      std::string path = line.substr(0, colon);
      std::error_code ignored;
      if (path.find("/../") != std::string::npos || path.find("/./") != std::string::npos)
        path = fs::path(path).lexically_normal().string();
      for (const std::string& prefix : prefixes) {
        if (path.starts_with(prefix + "/")) {
          frame.path = path.substr(prefix.size() + 1);
          std::from_chars(line.data() + colon + 1, line.data() + line.size(), frame.line);
          break;
        }
      }
      chain->push_back(std::move(frame));
    }
    expect_function = !expect_function;
  }
  return result;
}

std::uint64_t hex(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

// perf around the sandbox: software clock samples with stacks unwound from debug information.
std::optional<Profile> with_perf(const Baseline& baseline, const Sandbox& sandbox, const fs::path& tree,
                                 const ProfileOptions& options, std::stop_token stop) {
  if (find_program("perf").empty() || find_program("addr2line").empty()) return std::nullopt;
  const TempDir out("jarvis2-perf-");
  const std::string inner = sandbox.inner_path().string();
  ProfileBuilder builder;
  std::vector<std::vector<std::pair<std::string, std::uint64_t>>> stacks;  // (mapped path or "", address or symbol)
  std::vector<std::string> outside;
  std::map<std::string, std::string> images;
  std::map<std::string, std::set<std::uint64_t>> wanted;
  const auto host_path = [&](const std::string& path) {
    return path.starts_with(inner + "/") ? (tree / path.substr(inner.size() + 1)).string() : path;
  };
  for (const BenchBaseline& bench : baseline.bench) {
    if (bench.holdout) continue;
    const fs::path data = out.path() / "perf.data";
    SpawnOptions spawn = sandbox.command(bench.command);
    const int rate = bench.wall_s > 5 ? 199 : 997;
    std::vector<std::string> argv = {
        "perf",         "record",     "-q", "-e",          "cpu-clock", "-F", std::to_string(rate),
        "--call-graph", "dwarf,4096", "-o", data.string(), "--"};
    argv.insert(argv.end(), spawn.argv.begin(), spawn.argv.end());
    spawn.argv = std::move(argv);
    const ProcessResult recorded = run_process(spawn, 10 * bench.wall_s + 30, stop);
    if (recorded.cancelled) throw Interrupted();
    std::error_code missing;
    if (!fs::exists(data, missing))
      throw Error("project::profile_native", "perf: " + recorded.err.substr(0, recorded.err.find('\n')));
    SpawnOptions script{.argv = {"perf", "script", "-i", data.string(), "--no-inline", "--show-mmap-events", "-F",
                                 "comm,pid,event,ip,sym,dso"}};
    script.max_output_bytes = 512u << 20;
    const ProcessResult text = run_process(script, 60 + 4 * options.budget_s, stop);
    if (text.cancelled) throw Interrupted();
    std::vector<Mapping> maps;
    static const std::regex kMap(
        R"(PERF_RECORD_MMAP2? (-?\d+)/\d+: \[0x([0-9a-f]+)\(0x([0-9a-f]+)\) @ (?:0x)?([0-9a-f]+)[^\]]*\]: (\S+) (.*))");
    std::vector<std::pair<std::string, std::uint64_t>> stack;
    bool in_stack = false;
    const auto flush = [&] {
      if (in_stack && !stack.empty()) stacks.push_back(stack);
      stack.clear();
    };
    for (std::size_t at = 0; at < text.out.size();) {
      const std::size_t end = std::min(text.out.find('\n', at), text.out.size());
      const std::string line = text.out.substr(at, end - at);
      at = end + 1;
      if (line.find("PERF_RECORD_MMAP") != std::string::npos) {
        std::smatch match;
        if (std::regex_search(line, match, kMap) && match[5].str().find('x') != std::string::npos) {
          maps.push_back({hex(match[2]), hex(match[3]), hex(match[4]), match[6]});
        }
        continue;
      }
      if (line.empty()) {
        flush();
        in_stack = false;
        continue;
      }
      if (line[0] != ' ' && line[0] != '\t') {
        flush();
        in_stack = true;
        continue;
      }
      if (!in_stack) {
        in_stack = true;  // comm lines may be indented too; an address follows them
      }
      std::size_t begin = line.find_first_not_of(" \t");
      const std::size_t space = line.find(' ', begin);
      if (space == std::string::npos) continue;
      std::uint64_t ip = 0;
      const std::from_chars_result parsed = std::from_chars(line.data() + begin, line.data() + space, ip, 16);
      if (parsed.ptr != line.data() + space) continue;
      std::string path;
      std::uint64_t address = 0;
      for (auto map = maps.rbegin(); map != maps.rend(); ++map) {
        if (map->start <= ip && ip < map->start + map->length) {
          path = map->path;
          address = ip - map->start + map->offset;
          break;
        }
      }
      // Some versions of perf print addresses of the image instead of the process.
      bool relative = false;
      if (path.empty()) {
        const std::size_t open = line.rfind(" (");
        if (open != std::string::npos && line.back() == ')') path = line.substr(open + 2, line.size() - open - 3);
        address = ip;
        relative = true;
      }
      if (path.starts_with(inner + "/") || path.starts_with(tree.string() + "/")) {
        const std::string host = host_path(path);
        if (!images.contains(host)) {
          std::error_code gone;
          images[host] = fs::exists(host, gone) ? read_file(host) : "";
        }
        // A return address belongs to the call before it.
        if (!stack.empty()) --address;
        if (!relative) address = to_address(images[host], address);
        wanted[host].insert(address);
        stack.emplace_back(host, address);
      } else {
        const std::string symbol = line.substr(space + 1);
        outside.push_back(symbol.substr(0, symbol.find(" (")));
        stack.emplace_back("", outside.size() - 1);
      }
    }
    flush();
  }
  std::map<std::string, std::map<std::uint64_t, Chain>> known;
  for (const auto& [binary, addresses] : wanted)
    known[binary] = resolve(binary, addresses, {inner, tree.string()}, stop);
  for (const std::vector<std::pair<std::string, std::uint64_t>>& stack : stacks) {
    std::vector<ProfileBuilder::Frame> frames;
    for (const auto& [binary, address] : stack) {
      if (binary.empty()) {
        frames.push_back({"", 0, outside[address]});
      } else {
        const Chain& chain = known[binary][address];
        frames.insert(frames.end(), chain.begin(), chain.end());
      }
    }
    builder.add(frames, 1);
  }
  if (builder.total() < 20 || builder.inside() < 0.02 * builder.total()) return std::nullopt;
  return builder.finish("perf");
}

std::optional<Profile> with_callgrind(const Baseline& baseline, const SandboxOptions& policy,
                                      const ProfileOptions& options, std::stop_token stop) {
  if (find_program("valgrind").empty()) return std::nullopt;
  const TempDir out("jarvis2-callgrind-");
  SandboxOptions open = policy;
  open.writable.push_back(out.path());
  const Sandbox sandbox(open);
  ProfileBuilder builder;
  bool cut = false;
  for (const BenchBaseline& bench : baseline.bench) {
    if (bench.holdout) continue;
    const int limit_s = static_cast<int>(std::max(20.0, 3 * options.budget_s));
    // TERM makes callgrind write what it has.
    const ProcessResult result = sandbox.run(
        fmt::format("timeout -s TERM {} valgrind -q --tool=callgrind --trace-children=yes --dump-line=yes "
                    "--callgrind-out-file={}/out.%p sh -c '{}'",
                    limit_s, out.path().string(), std::regex_replace(bench.command, std::regex("'"), "'\\''")),
        limit_s + 30, stop);
    if (result.cancelled) throw Interrupted();
    cut = cut || !result.ok();
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(out.path())) {
    read_callgrind(read_file(entry.path()), sandbox.inner_path().string(), builder);
  }
  if (builder.total() <= 0 || builder.inside() < 0.02 * builder.total()) return std::nullopt;
  Profile profile = builder.finish("callgrind");
  profile.notes.emplace_back(cut ? "perf is not allowed here: instructions of a shortened run stand for time"
                                 : "perf is not allowed here: instructions stand for time");
  return profile;
}

}  // namespace

void read_callgrind(const std::string& text, const std::string& prefix, ProfileBuilder& builder) {
  std::map<std::string, std::string> files, functions;
  // "(3) name" defines, "(3)" refers.
  const auto name = [](std::map<std::string, std::string>& table, const std::string& value) {
    const std::size_t close = value.find(')');
    if (value.empty() || value[0] != '(' || close == std::string::npos) return value;
    const std::string id = value.substr(0, close + 1);
    if (close + 2 < value.size()) table[id] = value.substr(close + 2);
    return table[id];
  };
  std::string file, function;
  std::int64_t line_number = 0;
  bool inclusive = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("fl=") || line.starts_with("fi=") || line.starts_with("fe=")) {
      file = name(files, line.substr(3));
    } else if (line.starts_with("cfi=") || line.starts_with("cfl=")) {
      name(files, line.substr(4));
    } else if (line.starts_with("fn=")) {
      function = name(functions, line.substr(3));
    } else if (line.starts_with("cfn=")) {
      name(functions, line.substr(4));
    } else if (line.starts_with("calls=")) {
      inclusive = true;
    } else if (!line.empty() && (std::isdigit(static_cast<unsigned char>(line[0])) != 0 || line[0] == '+' ||
                                 line[0] == '-' || line[0] == '*')) {
      const std::size_t space = line.find(' ');
      const std::string where = line.substr(0, space);
      std::int64_t number = 0;
      if (where[0] == '*') {
        number = line_number;
      } else {
        std::from_chars(where.data() + (where[0] == '+' ? 1 : 0), where.data() + where.size(), number);
        if (where[0] == '+' || where[0] == '-') number += line_number;
      }
      line_number = number;
      double cost = 0;
      if (space != std::string::npos) std::from_chars(line.data() + space + 1, line.data() + line.size(), cost);
      // The line after calls= is the callee's cost, which has lines of its own.
      if (!inclusive) {
        ProfileBuilder::Frame frame{"", static_cast<std::uint32_t>(std::max<std::int64_t>(0, number)), function};
        if (file.starts_with(prefix + "/")) frame.path = file.substr(prefix.size() + 1);
        builder.add({frame}, cost);
      }
      inclusive = false;
    }
  }
}

std::optional<Profile> profile_native(Repository& repository, const Baseline& baseline, const ProfileOptions& options,
                                      std::stop_token stop) {
  std::vector<std::string> notes;
  SandboxOptions policy = baseline.sandbox(baseline.prepared->path());
  std::optional<Worktree> tree;
  const TempDir shims("jarvis2-compilers-");
  if (!baseline.settings.build.empty()) {
    write_shims(shims.path());
    tree = Worktree::create(repository, baseline.commit);
    SandboxOptions build = baseline.sandbox(tree->path());
    build.readable.push_back(shims.path());
    build.env.emplace_back("PATH", shims.path().string() + ":" + find_toolchains(tree->path()).path);
    bool built = true;
    if (!baseline.settings.setup.empty()) {
      SandboxOptions setup = build;
      setup.network = true;
      built = Sandbox(setup).run(baseline.settings.setup, baseline.setup_s * 10 + 60, stop).ok();
    }
    built = built && Sandbox(build).run(baseline.settings.build, baseline.build_s * 10 + 60, stop).ok();
    if (stop.stop_requested()) throw Interrupted();
    if (built) {
      policy = baseline.sandbox(tree->path());
    } else {
      notes.emplace_back("the build with debug information failed: functions are known, lines are not");
      tree.reset();
    }
  }
  const fs::path folder = tree ? tree->path() : baseline.prepared->path();
  const Sandbox sandbox(policy);
  std::optional<Profile> profile;
  try {
    profile = with_perf(baseline, sandbox, folder, options, stop);
  } catch (const Error& error) {
    notes.push_back(error.message());
  }
  if (!profile) profile = with_callgrind(baseline, policy, options, stop);
  if (profile) profile->notes.insert(profile->notes.end(), notes.begin(), notes.end());
  return profile;
}

}  // namespace jarvis2::project
