// macOS: sandbox-exec with a profile that denies what is not named.
#include <fmt/format.h>
#include <unistd.h>

#include "base/error.h"
#include "project/sandbox_port.h"

namespace jarvis2::project::port {
namespace {

constexpr const char* kWrapper = "/bin/sh -c \"$0\"; exit $?";

std::string profile_string(const fs::path& path) {
  std::string out = "\"";
  for (const char c : path.string()) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string resolved(const fs::path& path) {
  std::error_code reason;
  const fs::path real = fs::canonical(path, reason);
  return reason ? path.string() : real.string();
}

std::string profile(const SandboxOptions& options, const Toolchains& toolchains, const fs::path& home,
                    const fs::path& tmp) {
  std::string text =
      "(version 1)\n(deny default)\n(allow process-fork)\n(allow process-exec*)\n(allow sysctl-read)\n"
      "(allow signal (target same-sandbox))\n(allow mach-lookup (global-name "
      "\"com.apple.system.opendirectoryd.libinfo\"))\n"
      "(allow file-read-metadata)\n(allow ipc-posix-sem)\n(allow ipc-posix-shm)\n(allow file-ioctl)\n"
      "(allow file-read* (subpath \"/usr\") (subpath \"/bin\") (subpath \"/sbin\") (subpath \"/System\")"
      " (subpath \"/Library/Developer\") (subpath \"/Library/Frameworks\") (subpath \"/Applications/Xcode.app\")"
      " (subpath \"/private/var/db/dyld\") (subpath \"/private/var/db/timezone\") (subpath \"/private/var/select\")"
      " (literal \"/\") (literal \"/dev/null\") (literal \"/dev/zero\") (literal \"/dev/random\")"
      " (literal \"/dev/urandom\") (literal \"/private/etc/passwd\") (literal \"/private/etc/localtime\"))\n"
      "(allow file-write* (literal \"/dev/null\") (literal \"/dev/zero\") (literal \"/dev/dtracehelper\"))\n";
  for (const fs::path& path : toolchains.folders) {
    text += fmt::format("(allow file-read* (subpath {}))\n", profile_string(resolved(path)));
  }
  for (const fs::path& path : options.readable) {
    text += fmt::format("(allow file-read* (subpath {}))\n", profile_string(resolved(path)));
  }
  for (const fs::path& path : options.writable) {
    text += fmt::format("(allow file-read* file-write* (subpath {}))\n", profile_string(resolved(path)));
  }
  const bool home_is_kept = options.read_only_worktree && !options.home.empty();
  text += fmt::format("(allow file-read* {} (subpath {}))\n", home_is_kept ? "" : "file-write*",
                      profile_string(resolved(home)));
  text += fmt::format("(allow file-read* file-write* (subpath {}))\n", profile_string(resolved(tmp)));
  text += fmt::format("(allow file-read* {} (subpath {}))\n", options.read_only_worktree ? "" : "file-write*",
                      profile_string(options.worktree));
  // The last rule that matches decides: a pinned file, and the folders on its way, cannot be written or moved.
  for (const std::string& pinned : options.pinned) {
    text += fmt::format("(deny file-write* (subpath {}))\n", profile_string(options.worktree / pinned));
    for (fs::path folder = fs::path(pinned).parent_path(); !folder.empty(); folder = folder.parent_path()) {
      text += fmt::format("(deny file-write-unlink (literal {}))\n", profile_string(options.worktree / folder));
    }
  }
  if (options.network) {
    text +=
        "(allow network*)\n(allow system-socket)\n(allow mach-lookup)\n"
        "(allow file-read* (subpath \"/private/etc/ssl\") (literal \"/private/etc/resolv.conf\")"
        " (literal \"/private/etc/hosts\") (subpath \"/Library/Keychains\"))\n";
  } else {
    text += "(allow network* (local ip \"localhost:*\"))\n(allow network-outbound (remote ip \"localhost:*\"))\n";
  }
  return text;
}

class Seatbelt : public Prepared {
 public:
  Seatbelt(const SandboxOptions& options, const Toolchains& toolchains)
      : worktree_(options.worktree), tmp_("jarvis2-tmp-") {
    const fs::path home = options.home.empty() ? tmp_.path() / "home" : options.home;
    fs::create_directories(tmp_.path() / "home");
    if (options.memory_bytes > 0) spawn_.limit_memory_bytes = options.memory_bytes;
    if (options.file_bytes > 0) spawn_.limit_file_bytes = options.file_bytes;
    if (options.processes > 0) spawn_.limit_processes = options.processes;
    if (options.open_files > 0) spawn_.limit_open_files = options.open_files;
    spawn_.max_output_bytes = options.output_bytes;
    spawn_.clear_env = true;
    spawn_.env = options.env;
    spawn_.env.emplace_back("HOME", resolved(home));
    spawn_.env.emplace_back("TMPDIR", resolved(tmp_.path()));
    spawn_.env.emplace_back("PWD", worktree_.string());
    spawn_.cwd = worktree_;
    spawn_.argv = {
        "/usr/bin/sandbox-exec", "-p", profile(options, toolchains, home, tmp_.path()), "/bin/sh", "-c", kWrapper};
  }

  SpawnOptions spawn(const std::string& command) const override {
    SpawnOptions spawn = spawn_;
    spawn.argv.push_back(command);
    return spawn;
  }
  fs::path inner_path() const override { return worktree_; }

 private:
  fs::path worktree_;
  TempDir tmp_;
  SpawnOptions spawn_;
};

}  // namespace

fs::path inner_home(const SandboxOptions& options, SandboxLevel) {
  return options.home;
}

SandboxSupport probe() {
  if (::access("/usr/bin/sandbox-exec", X_OK) != 0) return {SandboxLevel::kNone, "/usr/bin/sandbox-exec is missing"};
  try {
    const TempDir worktree("jarvis2-probe-");
    SandboxOptions options;
    options.worktree = resolved(worktree.path());
    options.env = {{"PATH", "/usr/bin:/bin"}};
    const ProcessResult result = run_process(Seatbelt(options, {}).spawn("true"), 20);
    if (result.ok()) return {SandboxLevel::kSeatbelt, ""};
    return {SandboxLevel::kNone, "sandbox-exec does not start: " + result.err.substr(0, result.err.find('\n'))};
  } catch (const Error& error) {
    return {SandboxLevel::kNone, error.message()};
  }
}

std::unique_ptr<Prepared> prepare(const SandboxOptions& options, const Toolchains& toolchains, SandboxLevel level) {
  if (level == SandboxLevel::kSeatbelt) return std::make_unique<Seatbelt>(options, toolchains);
  throw Error("project::Sandbox", "no such sandbox level on macOS");
}

}  // namespace jarvis2::project::port
